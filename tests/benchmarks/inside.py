"""Measured inside a process of each contestant: building, encoding, searching, finding."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer

from tests.benchmarks.corpora import Corpus, figures
from tests.benchmarks.processes import Worker
from tests.benchmarks.table import Row
from tests.benchmarks.turns import in_turns, percentile

PASSAGE_TOKENS = 350
K = 10
_DEPTH = 30  # passages, so that ten documents are found where some have several

Workers = Mapping[str, Worker]


def building(workers: Workers, corpus: Path, folder: Path, rounds: int) -> Iterator[Row]:
    """The shipped report from its text to an index that answers; `folder` keeps one of each."""

    def build(name: str, number: int) -> float:
        place = folder / f"{name}-{number}"
        return float(workers[name].ask("build", corpus=str(corpus), folder=str(place))["seconds"])

    seconds = in_turns(rounds, {n: partial(build, n) for n in workers})
    yield Row("build", "build the index of the shipped report", "s", figures=seconds)


def encoding(
    workers: Workers, texts: Sequence[str], asked: Iterator[str], rounds: int, queries: int
) -> Iterator[Row]:
    """The model alone: passages of one length together, queries one at a time."""
    each = len(texts) // (rounds + 1)
    batches = [list(texts[i * each : (i + 1) * each]) for i in range(rounds + 1)]
    alone = [list(itertools.islice(asked, queries)) for _ in range(rounds + 1)]

    def passages(name: str, number: int) -> float:
        return each / float(workers[name].ask("passages", texts=batches[number])["seconds"])

    def query(name: str, number: int) -> float:
        seconds = workers[name].ask("query", texts=alone[number])["seconds"]
        return 1000 * percentile(seconds, 0.5)

    for name, worker in workers.items():  # the last batch warms up
        passages(name, rounds)
        worker.ask("query", texts=alone[rounds])
    rates = in_turns(rounds, {n: partial(passages, n) for n in workers})
    title = f"passages of {PASSAGE_TOKENS} tokens encoded"
    yield Row("passages", title, "per second", "more", rates)
    times = in_turns(rounds, {n: partial(query, n) for n in workers})
    yield Row("query", "one query encoded, p50", "ms", figures=times)


def searching(workers: Workers, asked: Iterator[str], rounds: int, queries: int) -> Iterator[Row]:
    """Whole searches of the shipped report, one after the other, the query's encoding included."""
    texts = [list(itertools.islice(asked, queries)) for _ in range(rounds + 1)]

    def search(name: str, number: int) -> list[float]:
        return list(workers[name].ask("search", texts=texts[number], k=K)["seconds"])

    for name in workers:
        search(name, rounds)
    seconds = in_turns(rounds, {n: partial(search, n) for n in workers})
    for share in (50, 95):
        values = {
            name: [1000 * percentile(times, share / 100) for times in each]
            for name, each in seconds.items()
        }
        yield Row(f"search_p{share}", f"search in process, p{share}", "ms", figures=values)


def finding(workers: Workers, corpus: Corpus, title: str) -> Iterator[Row]:
    """How often the right passage is found, in the index that each has open now."""
    texts = [question.text for question in corpus.questions]
    k = K if len(set(corpus.groups)) == len(corpus.groups) else _DEPTH
    shares = {
        name: figures(corpus, worker.ask("search", texts=texts, k=k)["found"])
        for name, worker in workers.items()
    }
    for measure in ("R@1", "R@10", "MRR@10"):
        values = {name: [share[measure]] for name, share in shares.items()}
        yield Row(f"{corpus.name} {measure}", f"{title}: {measure}", "", "told", values)


def finding_elsewhere(workers: Workers, corpus: Corpus, folder: Path) -> Iterator[Row]:
    """A collection: the float32 vectors are made once, for all who would make the same."""
    file = str(corpus.save(folder / f"{corpus.name}.json"))
    vectors = str(folder / f"{corpus.name}.npz")
    workers["recipe"].ask("remember", corpus=file, file=vectors)
    for name, worker in workers.items():
        worker.ask("recall", corpus=file, file=vectors)
        worker.ask("build", corpus=file, folder=str(folder / f"{corpus.name}-{name}"))
    documents = len(set(corpus.groups))
    title = f"{corpus.name}, {len(corpus.questions)} questions on {documents} texts"
    yield from finding(workers, corpus, title)


def even_passages(text: str, model: Path, count: int) -> list[str]:
    """Stretches of a text that are all of one length to the model, prefix included."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    prefix = "passage: "
    passages: list[str] = []
    for start in itertools.count(step=max(1, len(text) // (2 * count))):
        encoded = tokenizer.encode(prefix + text[start : start + 3 * PASSAGE_TOKENS])
        if len(encoded) <= PASSAGE_TOKENS:
            raise ValueError(f"the text has no {count} passages of {PASSAGE_TOKENS} tokens")
        end = encoded.offsets[PASSAGE_TOKENS - 1][0] - len(prefix)
        passages.append(text[start : start + end])
        if len(passages) == count:
            break
    return passages
