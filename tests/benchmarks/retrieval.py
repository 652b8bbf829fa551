"""What each signal finds, alone and left out: `python -m tests.benchmarks.retrieval PLACE ...`.

A place is a file of judged questions on the shipped report, or a collection of the BEIR layout.
Every variant asks the same index the same questions; only the weights of the signals differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from index.build import build
from index.encoder import Encoded, Encoder, Side, load_encoder
from index.evaluate import collection, evaluate_documents, evaluate_questions
from index.figures import Report
from index.home import Home
from index.ranking import WEIGHTS, Weights
from index.search import Searcher

VARIANTS = {
    "dense alone": Weights(dense=1.0),
    "BM25 alone": Weights(lexical=1.0),
    "coverage alone": Weights(coverage=1.0),
    "late interaction alone": Weights(late=1.0),
    "late interaction, clause": Weights(late_clause=1.0),
    "without dense": WEIGHTS._replace(dense=0.0),
    "without BM25": WEIGHTS._replace(lexical=0.0),
    "without coverage": WEIGHTS._replace(coverage=0.0),
    "without late interaction": WEIGHTS._replace(late=0.0, late_clause=0.0),
    "all": WEIGHTS,
}
Ask = Callable[[Searcher], Report]
_TIMED = 60  # questions asked with and without reranking, in turns


class Remembering:
    """An encoder that keeps what it gave for queries, which every variant asks again."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._queries: dict[str, Encoded] = {}
        self.name, self.dim, self.forwards = encoder.name, encoder.dim, encoder.forwards

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        if side == "document":
            return self._encoder.encode(texts, side)
        for text in texts:
            if text not in self._queries:
                self._queries[text] = self._encoder.encode([text], side)[0]
        return [self._queries[text] for text in texts]

    def forget(self) -> list[str]:
        """Start anew; returns the queries that were known."""
        known = list(self._queries)
        self._queries.clear()
        return known


@contextmanager
def opened(place: Path, encoder: Encoder) -> Iterator[tuple[Searcher, Ask]]:
    """A searcher over what the questions are about, and a way to ask them."""
    if place.is_dir():
        with collection(place, encoder) as (searcher, questions):
            yield searcher, lambda weighted: evaluate_documents(questions, weighted)
    else:
        home = Home.resolve()
        build(home, encoder)
        with closing(Searcher.open(home, encoder)) as searcher:
            yield searcher, lambda weighted: evaluate_questions(place, weighted)


def cost(searcher: Searcher, encoder: Remembering) -> tuple[float, float]:
    """Median milliseconds a question with reranking and without, its encoding included."""
    plain = VARIANTS["without late interaction"]
    times: dict[Weights, list[float]] = {WEIGHTS: [], plain: []}
    for question in encoder.forget()[:_TIMED]:
        for weights, each in times.items():
            began = time.perf_counter()
            searcher.weighted(weights).search(question)
            each.append(1000 * (time.perf_counter() - began))
            encoder.forget()
    return median(times[WEIGHTS]), median(times[plain])


def main() -> None:
    """Print one table a place, and what a question costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, help="question file or collection")
    encoder = Remembering(load_encoder(Home.resolve(), lambda line: print(line, file=sys.stderr)))
    for place in parser.parse_args().places:
        with opened(place, encoder) as (searcher, ask):
            print(f"\n{place.name}\n{'':26} R@1   R@3  R@10  MRR@10", flush=True)
            for name, weights in VARIANTS.items():
                figures = ask(searcher.weighted(weights)).as_json()
                cells = (figures[key] for key in ("R@1", "R@3", "R@10", "MRR@10"))
                print(f"{name:<25}" + "".join(f"{cell:6.3f}" for cell in cells), flush=True)
            reranked, plain = cost(searcher, encoder)
            print(f"a question: {reranked:.1f} ms, without late interaction {plain:.1f} ms")


if __name__ == "__main__":
    main()
