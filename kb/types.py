"""The words of the project as types: Document, Section, Passage, Clause. All frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["title", "lead", "part", "section", "run_in", "captions"]


class Span(NamedTuple):
    """Half-open code-point offsets into `Document.text`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A node of the outline, in text order; `start..end` covers its heading and all below it.

    `level` is 0 for title, subtitle and byline, 1 for the document's first rank of headings,
    and so on. `heading` is the span of the heading's own line or words (marks like ● included)
    and None where the source has none (lead, captions, the body of a text without headings).
    `body` holds the spans of the section's own paragraphs, those of its subsections left out.
    `path` holds the titles of its ancestors, the document's title first.
    """

    title: str
    kind: Kind
    level: int
    start: int
    end: int
    heading: Span | None
    body: tuple[Span, ...]
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the library; `text` is canonical: every span points into it."""

    id: str
    name: str
    title: str
    text: str
    outline: tuple[Section, ...]
    fingerprint: str
    """SHA-256 of the file's bytes, hex."""
    author: str | None = None
    date: str | None = None
    """As the document states it; ISO 8601, as far as it goes (2021-05-01, 2021-05)."""
    pages: tuple[int, ...] = ()
    """The offset at which each page begins; empty where the format has no pages."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What is embedded: a sentence or a part of one, `text == Document.text[start:end]`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """What a search returns: a paragraph or a run of short ones, within one section.

    `text == Document.text[start:end]`. `headings` are the titles from the first rank down to
    the passage's own section, the document's title left out. `clauses` cover the passage, in
    order, but for what is blank between them.
    """

    id: str
    document_id: str
    kind: Kind
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    clauses: tuple[Clause, ...]
    page: int | None = None
    """The page it begins on, from 1; None where the format has no pages."""
    paragraph: int = 0
    """The number of its first paragraph in the document, from 1; headings count."""
