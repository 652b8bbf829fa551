"""What a search answers with: hits, their evidence and their marks. All frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from kb.types import Passage, Section, Span

Mode = Literal["hybrid", "dense", "lexical"]
MODES: tuple[Mode, ...] = get_args(Mode)


class Mark(NamedTuple):
    """A stretch of the passage that matched the query; `weight` in 0..1, higher is stronger."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What each ranker made of a passage, higher is nearer; its score has other parts too."""

    dense: float
    lexical: float
    late: float


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What a generation knows of a document without its text."""

    id: str
    name: str
    title: str
    characters: int
    sections: int
    passages: int
    clauses: int
    fingerprint: str
    author: str | None = None
    date: str | None = None
    """As the document states it; ISO 8601, as far as it goes."""

    @property
    def stated(self) -> tuple[str, ...]:
        """Author and date, those that it states."""
        return tuple(text for text in (self.author, self.date) if text)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search was kept to: a document or, where `section` is not None, that part of it.

    `number` is the section's place in the document's flat outline, from 0.
    """

    document: DocumentSummary
    section: Section | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers; spans are half-open code points into the document's text.

    `rank` is from 1. `score`, the weighted mean of signals, compares hits of one search alone.
    """

    rank: int
    score: float
    document: DocumentSummary
    passage: Passage
    evidence: tuple[Span, ...]
    marks: tuple[Mark, ...]
    signals: Signals


@dataclass(frozen=True, slots=True)
class Results:
    """One answered query, wholly from one generation."""

    query: str
    mode: Mode
    generation: str
    took_ms: float
    weak: bool
    """True where nothing in the library comes close; the hits are then only the nearest."""
    hits: tuple[Hit, ...]
    scope: Scope | None = None
    """None where all documents were searched."""
