"""The words of a generation, in SQLite: documents, their outlines, their passages."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from index.hits import DocumentSummary
from kb.errors import UnknownDocument, UnknownSection
from kb.library import Skipped
from kb.types import Clause, Document, Passage, Section, Span

FILE = "texts.sqlite"  # its name in a generation
_RECENT = 1024  # passages kept as they were read last, some MB: searches read many of them again

_PASSAGE = (
    "SELECT p.row, p.id, d.id, p.kind, p.headings, p.text, p.start, p.end, p.clauses,"
    " p.page, p.paragraph FROM passages p JOIN documents d ON d.number = p.document"
)


def digest(passage: Passage) -> str:
    """Equal for passages whose vectors are equal: the text and where its clauses are cut."""
    return hashlib.sha256(json.dumps([passage.text, cuts(passage)]).encode()).hexdigest()


def cuts(passage: Passage) -> list[tuple[int, int]]:
    """Clause spans within the passage."""
    return [(c.start - passage.start, c.end - passage.start) for c in passage.clauses]


class Rows(NamedTuple):
    """The passage rows, half-open, of a document or a section.

    `document` is the document's place among all, from 0.
    """

    document: int
    first: int
    last: int


class TextStore:
    """Reads what `TextWriter` wrote; safe for many threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # immutable: no lock file is made, so a read-only disk will do
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self._recent: dict[int, Passage] = {}
        try:
            self._read_documents()
        except Exception:  # the file is damaged
            self._db.close()
            raise

    def _read_documents(self) -> None:
        rows = self._all(
            "SELECT first, last, id, name, title, fingerprint, summary, author, date"
            " FROM documents ORDER BY number"
        )
        self.documents = tuple(_summary(*row[2:]) for row in rows)
        self._rows = {row[2]: Rows(number, *row[:2]) for number, row in enumerate(rows)}

    def _all(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was left out of this generation, and why."""
        return tuple(
            Skipped(*row) for row in self._all("SELECT name, reason, fingerprint FROM skipped")
        )

    def summary(self, document_id: str) -> DocumentSummary:
        """Raises `UnknownDocument`."""
        return self.documents[self.rows(document_id).document]

    def rows(self, document_id: str) -> Rows:
        """Where a document's passages are. Raises `UnknownDocument`."""
        try:
            return self._rows[document_id]
        except KeyError:
            raise UnknownDocument(document_id) from None

    def section(self, document_id: str, number: int) -> tuple[Section, Rows]:
        """Section `number` of a document's outline, from 0, and where its passages are.

        Passages are stored in the order of the outline, so those of a section and of all
        below it are neighbours. Raises `UnknownDocument` or `UnknownSection`.
        """
        whole = self.rows(document_id)
        section = section_at(self.document(document_id), number)
        [(first, last)] = self._all(
            "SELECT min(row), max(row) + 1 FROM passages"
            " WHERE row >= ? AND row < ? AND start >= ? AND end <= ?",
            (whole.first, whole.last, section.start, section.end),
        )
        if first is None:
            return section, Rows(whole.document, whole.first, whole.first)
        return section, Rows(whole.document, first, last)

    def document(self, document_id: str) -> Document:
        """The whole document. Raises `UnknownDocument`."""
        number, _, _ = self.rows(document_id)
        [row] = self._all(
            "SELECT id, name, title, text, outline, fingerprint, author, date, pages"
            " FROM documents WHERE number = ?",
            (number,),
        )
        document_id, name, title, text, outline, fingerprint, author, date, pages = row
        sections = tuple(section_from(*fields) for fields in json.loads(outline))
        starts = tuple(json.loads(pages))
        return Document(document_id, name, title, text, sections, fingerprint, author, date, starts)

    def passages(self, first: int, last: int) -> list[Passage]:
        """Passages by row, half-open."""
        where = " WHERE p.row >= ? AND p.row < ? ORDER BY p.row"
        return [passage_from(*fields) for _, *fields in self._all(_PASSAGE + where, (first, last))]

    def passages_at(self, rows: Iterable[int]) -> list[Passage]:
        """The passages of some rows, in their order; any number of rows."""
        wanted = list(rows)
        with self._lock:
            found = {row: self._recent[row] for row in wanted if row in self._recent}
        if new := [row for row in wanted if row not in found]:
            where = " WHERE p.row IN (SELECT value FROM json_each(?))"
            read = self._all(f"{_PASSAGE}{where}", (json.dumps(new),))
            fresh = {row: passage_from(*fields) for row, *fields in read}
            self._remember(fresh)
            found |= fresh
        return [found[row] for row in wanted]

    def _remember(self, passages: Mapping[int, Passage]) -> None:
        with self._lock:
            self._recent.update(passages)
            for row in list(self._recent)[:-_RECENT]:
                del self._recent[row]

    def batches(self, size: int) -> Iterator[list[tuple[int, Passage]]]:
        """All passages with their rows, `size` at a time."""
        first = 0
        while passages := self.passages(first, first + size):
            yield list(enumerate(passages, first))
            first += size

    def digests(self, first: int, last: int) -> list[str]:
        """The `digest` of each passage of some rows, half-open."""
        statement = "SELECT digest FROM passages WHERE row >= ? AND row < ? ORDER BY row"
        return [row[0] for row in self._all(statement, (first, last))]

    def find(self, digest: str) -> int | None:
        """The row of a passage that has this `digest`."""
        rows = self._all("SELECT row FROM passages WHERE digest = ? LIMIT 1", (digest,))
        return int(rows[0][0]) if rows else None


def _summary(
    document_id: str,
    name: str,
    title: str,
    fingerprint: str,
    counts: str,
    author: str | None,
    date: str | None,
) -> DocumentSummary:
    characters, sections, passages, clauses = json.loads(counts)
    return DocumentSummary(
        document_id,
        name,
        title,
        characters,
        sections,
        passages,
        clauses,
        fingerprint,
        author,
        date,
    )


def section_at(document: Document, number: int) -> Section:
    """Section `number` of a document's outline, from 0. Raises `UnknownSection`."""
    if not 0 <= number < len(document.outline):
        raise UnknownSection(document.id, number)
    return document.outline[number]


def section_from(
    title: str,
    kind: Any,
    level: int,
    start: int,
    end: int,
    heading: list[int] | None,
    body: list[list[int]],
    path: list[str],
) -> Section:
    """A node of an outline from its fields as JSON has them."""
    span = Span(*heading) if heading else None
    return Section(title, kind, level, start, end, span, tuple(Span(*b) for b in body), tuple(path))


def passage_from(
    passage_id: str,
    document_id: str,
    kind: Any,
    headings: str,
    text: str,
    start: int,
    end: int,
    cuts: str,
    page: int | None,
    paragraph: int,
) -> Passage:
    """A passage from its fields as they are stored; `cuts` are those of its clauses, as JSON."""
    clauses = tuple(Clause(text[a:b], start + a, start + b) for a, b in json.loads(cuts))
    titles = tuple(json.loads(headings))
    return Passage(
        passage_id, document_id, kind, titles, text, start, end, clauses, page, paragraph
    )
