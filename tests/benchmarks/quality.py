"""What speed costs in quality: `python -m tests.benchmarks.quality PLACE ...`.

A place is a file of judged questions on the shipped report, or a collection of the BEIR layout.
Both sides run the same weights through this project's own evaluation: one as the program runs
them, one in float32 on torch. Exit status 1 where MRR@10 falls by more than is allowed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sentence_transformers import SentenceTransformer

from index.build import build
from index.encoder import Encoder, load_encoder
from index.evaluate import evaluate_collection, evaluate_questions
from index.figures import Report
from index.home import Home
from index.search import Searcher
from index.sentence_model import SentenceModel
from index.transformer import TransformerEncoder
from tests.fp32_folder import write_packaged

# MRR@10 that may be lost. Few questions on one report move it by more than a thousand do:
# one first place of 54 that becomes a second is worth .009.
ON_COLLECTIONS, ON_QUESTIONS = 0.005, 0.015


@dataclass(frozen=True, slots=True)
class Comparison:
    """MRR@10 of both sides on one place."""

    place: str
    questions: int
    ours: float
    reference: float
    allowed: float

    @property
    def kept(self) -> bool:
        """Better than the reference is as good as equal; rounded as the figures are."""
        return round(self.reference - self.ours, 4) <= self.allowed

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "BROKEN"
        return (
            f"| {self.place} | {self.questions} | {self.ours:.4f} | {self.reference:.4f} "
            f"| {self.ours - self.reference:+.4f} | {self.allowed} | {verdict} |"
        )


def compare(place: Path, ours: Encoder, reference: Encoder) -> Comparison:
    """Ask the same questions of both. Raises `QuestionsUnreadable`."""
    one, other = (_evaluated(place, encoder).as_json() for encoder in (ours, reference))
    allowed = ON_COLLECTIONS if place.is_dir() else ON_QUESTIONS
    return Comparison(place.name, one["n"], one["MRR@10"], other["MRR@10"], allowed)


def _evaluated(place: Path, encoder: Encoder) -> Report:
    if place.is_dir():
        return evaluate_collection(place, encoder)
    with tempfile.TemporaryDirectory(prefix="kb-quality-") as root:
        home = Home(Path(root), Path(root) / "documents")
        build(home, encoder)
        with closing(Searcher.open(home, encoder)) as searcher:
            return evaluate_questions(place, searcher)


def reference_encoder(folder: Path) -> Encoder:
    """The packaged weights in float32 on torch, from a folder that is not there yet.

    Not by `KB_MODEL`: where the processor has bfloat16, the program runs any other model in it.
    """
    model = SentenceTransformer(
        str(write_packaged(folder)), device="cpu", model_kwargs={"dtype": "float32"}
    )
    its = SentenceModel(model, "multilingual-e5-small")
    return TransformerEncoder(its, lambda: its, "multilingual-e5-small", "torch float32")


def compared(places: Sequence[Path], ours: Encoder, reference: Encoder) -> Iterator[Comparison]:
    """Each place that is there; says which are not."""
    for place in places:
        if place.exists():
            yield compare(place, ours, reference)
        else:
            print(f"left out, not there: {place}", file=sys.stderr)


def main() -> None:
    """Print a table, and fail where quality was lost or nothing was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, help="question file or collection")
    places = parser.parse_args().places
    os.environ.pop("KB_MODEL", None)
    ours = load_encoder(Home.resolve(), lambda line: print(line, file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="kb-quality-") as root:
        reference = reference_encoder(Path(root) / "fp32")
        print(f"ours: {ours.name}\nreference: {reference.name}\n")
        print("| place | questions | ours | reference | difference | allowed | |")
        print("|---|---|---|---|---|---|---|", flush=True)
        results = []
        for comparison in compared(places, ours, reference):
            print(comparison, flush=True)
            results.append(comparison)
    if not results:
        sys.exit("none of the places is there: nothing was measured")
    sys.exit(not all(each.kept for each in results))


if __name__ == "__main__":
    main()
