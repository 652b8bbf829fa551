"""Writes the words of a generation into SQLite; `index.texts` reads them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from index.texts import cuts, digest
from kb.errors import StorageFailed
from kb.library import Skipped
from kb.types import Clause, Document, Passage

_SCHEMA = """
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,
    fingerprint TEXT NOT NULL, text TEXT NOT NULL, outline TEXT NOT NULL,
    author TEXT, date TEXT, pages TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, summary TEXT NOT NULL
);
CREATE TABLE passages (
    row INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, document INTEGER NOT NULL,
    kind TEXT NOT NULL, headings TEXT NOT NULL, text TEXT NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, clauses TEXT NOT NULL, digest TEXT NOT NULL,
    page INTEGER, paragraph INTEGER NOT NULL
);
CREATE INDEX passages_digest ON passages (digest);
CREATE TABLE skipped (name TEXT NOT NULL, reason TEXT NOT NULL, fingerprint TEXT NOT NULL);
"""


class TextWriter:
    """Writes documents in order; a passage's row is its place among all passages.

    Every method raises `StorageFailed` where the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._refusals():
            self._db = sqlite3.connect(path)
            try:
                # what makes it durable is sealing the folder; a journal would only be left behind
                self._db.executescript(
                    f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}"
                )
            except sqlite3.Error:
                self._db.close()
                raise
        self.documents = self.sections = self.passages = self.clauses = 0

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        self._db.close()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(self._path, str(error)) from error

    def add(self, document: Document, passages: Sequence[Passage]) -> None:
        """Store a document. Raises `ValueError` where a span does not give its text."""
        check_spans(document, passages)
        first = self.passages
        last = first + len(passages)
        clauses = sum(len(passage.clauses) for passage in passages)
        counts = (len(document.text), len(document.outline), len(passages), clauses)
        row = (self.documents, document.id, document.name, document.title, document.fingerprint)
        outline = [astuple(section) for section in document.outline]
        stated = (document.author, document.date, _json(document.pages))
        with self._refusals():
            self._db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, document.text, _json(outline), *stated, first, last, _json(counts)),
            )
            self._db.executemany(
                "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (_passage_row(i, self.documents, p) for i, p in enumerate(passages, first)),
            )
        self.documents += 1
        self.sections += len(document.outline)
        self.passages = last
        self.clauses += clauses

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Remember what was left out, and why."""
        with self._refusals():
            self._db.executemany(
                "INSERT INTO skipped VALUES (?, ?, ?)", (astuple(each) for each in skipped)
            )

    def close(self) -> None:
        """Finish the file."""
        with self._refusals():
            self._db.commit()
        self._db.close()


def check_spans(document: Document, passages: Sequence[Passage]) -> None:
    """Refuse to index a passage or clause that is not verbatim. Raises `ValueError`."""
    for passage in passages:
        pieces: tuple[Passage | Clause, ...] = (passage, *passage.clauses)
        for piece in pieces:
            if document.text[piece.start : piece.end] != piece.text:
                raise ValueError(f"{document.name}: {piece.start}-{piece.end} is not its text")


def _passage_row(row: int, document: int, passage: Passage) -> tuple[Any, ...]:
    own = (passage.id, document, passage.kind, _json(passage.headings), passage.text)
    place = (passage.page, passage.paragraph)
    return (row, *own, passage.start, passage.end, _json(cuts(passage)), digest(passage), *place)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
