"""What is searched and asked: the shipped report, and public collections where they are there."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from kb.changing import install_shipped
from kb.library import find, load
from kb.passages import cut

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Question:
    """`relevant` are the groups of passages that answer."""

    text: str
    relevant: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents in a folder, and the same cut into passages by this project, for all alike.

    `groups` tells what each passage counts as in a ranking: itself, or its document.
    """

    name: str
    documents: str
    passages: tuple[str, ...]
    groups: tuple[int, ...]
    questions: tuple[Question, ...]

    def save(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
        return path

    @classmethod
    def open(cls, path: Path) -> Corpus:
        fields = json.loads(path.read_text(encoding="utf-8"))
        questions = tuple(Question(q["text"], tuple(q["relevant"])) for q in fields["questions"])
        passages, groups = tuple(fields["passages"]), tuple(fields["groups"])
        return cls(fields["name"], fields["documents"], passages, groups, questions)


def report(folder: Path, questions: Path) -> Corpus:
    """The shipped report; without questions where there is no such file."""
    install_shipped(folder)
    passages = [text for _, text in _cut(folder)]
    squeezed = [_squeezed(text) for text in passages]
    asked = []
    for line in _lines(questions) if questions.is_file() else ():
        spans = [_squeezed(span) for span in line["evidence"]]
        right = tuple(i for i, text in enumerate(squeezed) if any(s in text for s in spans))
        if spans:
            asked.append(Question(line["question"], right))
    return Corpus("report", str(folder), tuple(passages), tuple(range(len(passages))), tuple(asked))


def collection(source: Path, folder: Path, texts: int, questions: int) -> Corpus:
    """Every n-th text of a collection of the BEIR layout, and every m-th question about these."""
    folder.mkdir()
    kept = _spread(list(_lines(source / "corpus.jsonl")), texts)
    numbers = {line["_id"]: number for number, line in enumerate(kept)}
    for line in kept:
        body = f"{line['title']}\n\n{line['text']}" if line.get("title") else line["text"]
        (folder / f"{numbers[line['_id']]:07}.txt").write_text(body, encoding="utf-8")
    relevant: dict[str, list[int]] = {}
    with (source / "qrels.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0 and row["corpus-id"] in numbers:
                relevant.setdefault(row["query-id"], []).append(numbers[row["corpus-id"]])
    asked = [
        Question(line["text"], tuple(relevant[line["_id"]]))
        for line in _lines(source / "queries.jsonl")
        if line["_id"] in relevant
    ]
    passages = list(_cut(folder))
    return Corpus(
        source.name,
        str(folder),
        tuple(text for _, text in passages),
        tuple(int(Path(name).stem) for name, _ in passages),
        tuple(_spread(asked, questions)),
    )


def figures(corpus: Corpus, found: Sequence[Sequence[int]]) -> dict[str, float]:
    """R@1, R@10 and MRR@10 of passages found for each question, best first."""
    ranks = [_rank(corpus, q, places) for q, places in zip(corpus.questions, found, strict=True)]
    return {
        "R@1": sum(rank == 1 for rank in ranks) / len(ranks),
        "R@10": sum(rank is not None for rank in ranks) / len(ranks),
        "MRR@10": sum(1 / rank for rank in ranks if rank) / len(ranks),
    }


def queries(corpus: Corpus, others: Sequence[Corpus]) -> Iterator[str]:
    """Questions without end, none twice: a program may remember what it was asked.

    Those about the corpus come first, then those of others, then pieces of its own text.
    """
    told = dict.fromkeys(q.text for each in (corpus, *others) for q in each.questions)
    yield from told
    text = "".join(corpus.passages)
    for length in range(12, 48):
        for start in range(0, len(text) - length, 3):
            piece = text[start : start + length]
            if piece not in told and piece.strip():
                told[piece] = None
                yield piece


def _rank(corpus: Corpus, question: Question, places: Sequence[int]) -> int | None:
    groups = list(dict.fromkeys(corpus.groups[place] for place in places))[:10]
    return min((groups.index(g) + 1 for g in question.relevant if g in groups), default=None)


def _cut(folder: Path) -> Iterator[tuple[str, str]]:
    """Name of the document and text of each passage."""
    for source in find(folder).sources:
        yield from ((source.name, passage.text) for passage in cut(load(source)))


def _spread(values: list[_T], most: int) -> list[_T]:
    """At most so many, evenly out of all."""
    step = -(-len(values) // most) if values else 1
    return values[::step]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (json.loads(line) for line in file if line.strip())


def _squeezed(text: str) -> str:
    return "".join(text.split())
