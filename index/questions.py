"""Judged questions as files have them: JSON lines, or a collection of the BEIR layout."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.errors import QuestionsUnreadable


@dataclass(frozen=True, slots=True)
class Question:
    """A judged question. `relevant` holds evidence spans or document names; none: no answer."""

    id: str
    text: str
    kind: str
    relevant: tuple[str, ...]
    answers: tuple[str, ...]


def of_file(path: Path) -> list[Question]:
    """The questions of a JSON-lines file. Raises `QuestionsUnreadable`."""
    return [_from_line(record, path) for record in _lines(path)]


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


def write_corpus(folder: Path, documents: Path) -> dict[str, str]:
    """Write each text of a collection into the new folder `documents`, as a file of its own.

    Returns the name of the file of each corpus id. Raises `QuestionsUnreadable`.
    """
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


def of_collection(folder: Path, names: dict[str, str]) -> list[Question]:
    """The queries of a collection; `names` are those of its texts, as `write_corpus` gave them.

    Raises `QuestionsUnreadable`.
    """
    relevant = _judgements(folder / "qrels.tsv", names)
    path = folder / "queries.jsonl"
    return [_from_query(record, relevant, path) for record in _lines(path)]


def _from_query(record: dict[str, Any], relevant: dict[str, list[str]], path: Path) -> Question:
    key, answers = _text(record, "_id", path), _texts(record, "answers", path)
    return Question(key, _text(record, "text", path), "", tuple(relevant[key]), answers)


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
