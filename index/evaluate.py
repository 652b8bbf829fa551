"""Judged questions to figures: recall at ranks, MRR, and whether the evidence holds the answer."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.build import Progress, build
from index.encoder import Encoder
from index.figures import Judgement, Report
from index.hits import Hit, Mode, Results
from index.home import Home
from index.search import Searcher
from kb.errors import QuestionsUnreadable

DEPTH = 10  # MRR@10 and R@10 look no further
_PASSAGES_PER_DOCUMENT = 3  # so that ten documents are found where some fill several ranks

Done = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A judged question. `relevant` holds evidence spans or document names; none: no answer."""

    id: str
    text: str
    kind: str
    relevant: tuple[str, ...]
    answers: tuple[str, ...]


def evaluate_questions(
    path: Path, searcher: Searcher, done: Done | None = None, mode: Mode = "hybrid"
) -> Report:
    """Ask the questions of a JSON-lines file of the library that `searcher` serves.

    A passage is right when, white space removed, it contains an evidence span. Raises
    `QuestionsUnreadable`.
    """
    questions = [_from_line(record, path) for record in _lines(path)]

    def ask(question: Question) -> Judgement:
        results = searcher.search(question.text, k=DEPTH, mode=mode)
        spans = [_squeezed(span) for span in question.relevant]
        ranks = [h.rank for h in results.hits if _holds(_squeezed(h.passage.text), spans)]
        return _judged(question, results, min(ranks, default=None))

    return _asked(questions, ask, done)


def evaluate_collection(
    folder: Path,
    encoder: Encoder,
    done: Done | None = None,
    mode: Mode = "hybrid",
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Index a collection of the BEIR layout in a throw-away home and ask its queries.

    Each text is a document of its own; documents are ranked by their best passage. Raises
    `QuestionsUnreadable`.
    """
    with collection(folder, encoder, progress) as (searcher, questions):
        return evaluate_documents(questions, searcher, done, mode)


def evaluate_documents(
    questions: Sequence[Question],
    searcher: Searcher,
    done: Done | None = None,
    mode: Mode = "hybrid",
) -> Report:
    """Ask questions whose `relevant` are names of documents."""
    limit = DEPTH * _PASSAGES_PER_DOCUMENT

    def ask(question: Question) -> Judgement:
        results = searcher.search(question.text, k=limit, mode=mode)
        documents = list(dict.fromkeys(hit.document.name for hit in results.hits))[:DEPTH]
        ranks = [i for i, name in enumerate(documents, 1) if name in question.relevant]
        return _judged(question, results, min(ranks, default=None))

    return _asked(questions, ask, done)


def _asked(
    questions: Sequence[Question], ask: Callable[[Question], Judgement], done: Done | None
) -> Report:
    judgements = []
    for i, question in enumerate(questions, 1):
        judgements.append(ask(question))
        if done:
            done(i, len(questions))
    return Report(tuple(judgements))


def _judged(question: Question, results: Results, rank: int | None) -> Judgement:
    in_evidence = None
    if question.answers and results.hits:
        in_evidence = _holds(_evidence_text(results.hits[0]), map(_squeezed, question.answers))
    return Judgement(
        id=question.id,
        question=question.text,
        kind=question.kind,
        answerable=bool(question.relevant),
        rank=rank,
        weak=results.weak,
        in_evidence=in_evidence,
        first=results.hits[0].passage.text if results.hits else "",
    )


def _evidence_text(hit: Hit) -> str:
    passage = hit.passage
    return _squeezed(
        "".join(passage.text[a - passage.start : b - passage.start] for a, b in hit.evidence)
    )


def _holds(text: str, spans: Iterable[str]) -> bool:
    return any(span in text for span in spans)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(line, path, number)
    except OSError as error:
        raise QuestionsUnreadable(path, error.strerror or "it cannot be opened") from error
    except UnicodeDecodeError as error:
        raise QuestionsUnreadable(path, "it is not UTF-8") from error


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise QuestionsUnreadable(path, f"line {number} is not a JSON object")
    return record


def _text(record: dict[str, Any], name: str, path: Path) -> str:
    value = record.get(name)
    if not isinstance(value, str | int) or not str(value).strip():
        raise QuestionsUnreadable(path, f"a line has no {name!r}")
    return str(value)


def _texts(record: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    """A list of texts, which may be empty or absent; a blank one would be found everywhere."""
    values = record.get(name, [])
    if not isinstance(values, list) or not all(isinstance(v, str) and v.strip() for v in values):
        raise QuestionsUnreadable(path, f"{name!r} of a line is not a list of texts")
    return tuple(values)


def _from_line(record: dict[str, Any], path: Path) -> Question:
    if "evidence" not in record:
        raise QuestionsUnreadable(path, "a line has no 'evidence'")
    answer = str(record.get("answer") or "")
    return Question(
        _text(record, "id", path),
        _text(record, "question", path),
        str(record.get("kind") or ""),
        _texts(record, "evidence", path),
        (answer,) if answer.strip() else (),
    )


@contextmanager
def collection(
    folder: Path, encoder: Encoder, progress: Callable[[Progress], None] | None = None
) -> Iterator[tuple[Searcher, list[Question]]]:
    """A searcher over a collection of the BEIR layout, and its questions.

    Raises `QuestionsUnreadable`.
    """
    with tempfile.TemporaryDirectory() as root:
        home = Home(Path(root), Path(root) / "documents")
        questions = list(_queries(folder, _write_corpus(folder, home.documents)))
        build(home, encoder, progress=progress)
        with closing(Searcher.open(home, encoder)) as searcher:
            yield searcher, questions


def _write_corpus(folder: Path, documents: Path) -> dict[str, str]:
    """Each text a file; returns the file name of each corpus id."""
    documents.mkdir()
    path = folder / "corpus.jsonl"
    names: dict[str, str] = {}
    by_text: dict[str, str] = {}
    for i, record in enumerate(_lines(path)):
        title, body = record.get("title") or "", _text(record, "text", path)
        text = f"{title}\n\n{body}" if title else body
        # texts that are equal are one document of a library
        names[_text(record, "_id", path)] = name = by_text.setdefault(text, f"{i:07}.txt")
        (documents / name).write_bytes(text.encode("utf-8", "replace"))
    if not names:
        raise QuestionsUnreadable(path, "it is empty")
    return names


def _queries(folder: Path, names: dict[str, str]) -> Iterator[Question]:
    relevant = _judgements(folder / "qrels.tsv", names)
    path = folder / "queries.jsonl"
    for record in _lines(path):
        key = _text(record, "_id", path)
        answers = _texts(record, "answers", path)
        yield Question(key, _text(record, "text", path), "", tuple(relevant[key]), answers)


def _judgements(path: Path, names: dict[str, str]) -> dict[str, list[str]]:
    """The names of the documents that answer each query."""
    relevant: dict[str, list[str]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if int(row["score"]) > 0:
                    relevant[row["query-id"]].append(names[row["corpus-id"]])
    except OSError as error:
        raise QuestionsUnreadable(path, error.strerror or "it cannot be opened") from error
    except KeyError as error:
        reason = f"neither a column of it nor a text of the corpus is called {error}"
        raise QuestionsUnreadable(path, reason) from error
    except (ValueError, TypeError) as error:
        raise QuestionsUnreadable(path, f"not tab-separated judgements: {error}") from error
    return relevant
