"""Spans -> nested pieces of plain text that a template escapes: no markup is ever put in text.

Tags inserted into a string before escaping turn a document's own `</mark>` into markup, and
offsets counted in a browser are UTF-16. So the cuts are made here, in code points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from index.hits import Mark
from kb.types import Span

_MOST_WORDS = 8  # that are told of one hit


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that is wholly inside or wholly outside of the marks."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring pieces that are all evidence, or all not."""

    evidence: bool
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The run without its marks."""
        return "".join(piece.text for piece in self.pieces)


def clip(spans: Iterable[Sequence[float]], start: int, end: int) -> tuple[Span, ...]:
    """Cut spans to `start..end`, drop what is empty, and join those that overlap or touch."""
    joined: list[Span] = []
    for low, high in sorted((max(int(s[0]), start), min(int(s[1]), end)) for s in spans):
        if low >= high:
            continue
        if joined and low <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, high))
        else:
            joined.append(Span(low, high))
    return tuple(joined)


def cuts(start: int, end: int, *layers: Iterable[Span]) -> Iterator[Span]:
    """Divide `start..end` wherever a span of any layer begins or ends; yields nothing empty."""
    edges = {start, end}
    for layer in layers:
        edges.update(edge for span in layer for edge in span if start < edge < end)
    return (Span(low, high) for low, high in pairwise(sorted(edges)) if low < high)


def covers(spans: Iterable[Span], place: int) -> bool:
    """Whether any span holds the character at `place`."""
    return any(span.start <= place < span.end for span in spans)


def runs(
    text: str,
    start: int,
    end: int,
    *,
    evidence: Iterable[Span] = (),
    marks: Iterable[Mark] = (),
    origin: int = 0,
) -> tuple[Run, ...]:
    """Divide `start..end` into runs; joined they are that text again, character for character.

    All spans are half-open code points into the document, and `origin` is where in it `text`
    begins: 0 for the whole, `passage.start` for a passage. Spans outside are ignored.
    """
    evident = clip(evidence, start, end)
    marked = clip(marks, start, end)
    parts = [
        (covers(evident, low), Piece(text[low - origin : high - origin], covers(marked, low)))
        for low, high in cuts(start, end, evident, marked)
    ]
    return tuple(
        Run(is_evidence, tuple(piece for _, piece in group))
        for is_evidence, group in groupby(parts, key=lambda part: part[0])
    )


def matched_words(text: str, marks: Iterable[Mark], *, origin: int = 0) -> tuple[str, ...]:
    """The marked words, strongest first, each once: what a reader is told has matched."""
    strongest_first = sorted(marks, key=lambda mark: (-mark.weight, mark.start))
    words = dict.fromkeys(text[m.start - origin : m.end - origin].strip() for m in strongest_first)
    return tuple(word for word in words if word)[:_MOST_WORDS]
