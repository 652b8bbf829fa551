"""A paragraph into clauses: the short stretches of text that are embedded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from kb.blocks import BLANK
from kb.types import Clause, Span

_CLOSERS = r"[”’」』）)》】〉\"']*"
# The point of an initial, a title, a number (No. 7) or before a small letter ends no sentence.
_POINT = (
    r"\.(?=\s)(?!\s+[a-z])(?<!\b[A-Za-z]\.)(?<!\b(?:Mr|Ms|Dr|St)\.)(?<!\bMrs\.)"
    r"(?!(?<=\bNo\.)\s+\d)(?!(?<=\bNos\.)\s+\d)"
)
_SENTENCE_END = re.compile(rf"(?:[。！？；!?;]|…+|{_POINT})+{_CLOSERS}")
_COMMA = re.compile(rf"(?:，|(?<!\d),|,(?!\d)){_CLOSERS}")
_ENUMERATION = re.compile(rf"、{_CLOSERS}")
_BLANK = re.compile(r"\s+")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")

# In Han characters. The vectors of longer stretches blur, those of shorter ones say nothing.
LONG, SHORT = 45, 12
# English says in 112 letters what Chinese says in 45 characters.
_LATIN = 2.5
# Text without any punctuation is cut hard, or the encoder would not see its end.
_HARD = 4


class _Part(NamedTuple):
    start: int
    end: int
    sentence: int


def scale(text: str) -> float:
    """Return how many characters of this script do the work of one Han character."""
    sample = text[:2000]
    return 1.0 if 5 * len(_HAN.findall(sample)) >= len(sample) else _LATIN


def cut_clauses(text: str, paragraphs: Iterable[Span]) -> tuple[Clause, ...]:
    """Cut the paragraphs of `text` into clauses, in order; what is not blank is in one."""
    return tuple(
        Clause(text[start:end], start, end)
        for paragraph in paragraphs
        for start, end in _cut(text, paragraph)
    )


def sentences(text: str, span: Span) -> list[Span]:
    """Return the sentences in `span`; each runs up to the next, white space included."""
    return _between(span, [m.end() for m in _SENTENCE_END.finditer(text, span.start, span.end)])


def _cut(text: str, paragraph: Span) -> list[Span]:
    longest = int(LONG * scale(text[paragraph.start : paragraph.end]))
    parts = [
        _Part(*piece, number)
        for number, sentence in enumerate(sentences(text, paragraph))
        for piece in _shorten(text, sentence, longest, (_COMMA, _ENUMERATION, _BLANK))
    ]
    merged = _merge(_merge(parts, longest, within=True), longest, within=False)
    spans = (trim(text, Span(part.start, part.end)) for part in merged)
    return [span for span in spans if span.start < span.end]


def _shorten(text: str, span: Span, longest: int, marks: Sequence[re.Pattern[str]]) -> list[Span]:
    """Cut what is too long at the first kind of mark, what is still too long at the next."""
    length = span.end - span.start
    if length <= longest or (len(marks) == 1 and length <= _HARD * longest):
        return [span]
    if not marks:
        hard = _HARD * longest
        return _between(span, list(range(span.start + hard, span.end, hard)))
    ends = [match.end() for match in marks[0].finditer(text, span.start, span.end)]
    atoms = [
        small
        for piece in _between(span, ends)
        for small in _shorten(text, piece, longest, marks[1:])
    ]
    return _pack(atoms, longest)


def _pack(atoms: Sequence[Span], longest: int) -> list[Span]:
    """Put neighbours together into as few stretches as `longest` allows, of about one length."""
    length = atoms[-1].end - atoms[0].start
    goal = length / -(-length // longest)
    packed = [atoms[0]]
    for atom in atoms[1:]:
        start, end = packed[-1]
        added = atom.end - atom.start
        if atom.end - start <= longest and end - start + added / 2 <= goal:
            packed[-1] = Span(start, atom.end)
        else:
            packed.append(atom)
    return packed


def evenly(span: Span, ends: Sequence[int], parts: int) -> list[int]:
    """Choose among the sorted `ends` those nearest to cutting `span` in equal `parts`."""
    chosen: list[int] = []
    step = (span.end - span.start) / parts
    at = 0
    for number in range(1, parts):
        goal = span.start + number * step
        while at + 1 < len(ends) and abs(ends[at + 1] - goal) <= abs(ends[at] - goal):
            at += 1
        if at < len(ends) and ends[at] not in chosen[-1:]:
            chosen.append(ends[at])
    return chosen


def _between(span: Span, cuts: Iterable[int]) -> list[Span]:
    bounds = [span.start, *(cut for cut in cuts if span.start < cut < span.end), span.end]
    return [Span(a, b) for a, b in pairwise(bounds)]


def _merge(parts: Sequence[_Part], longest: int, *, within: bool) -> list[_Part]:
    """Put fragments to the neighbour before them, a first one to the neighbour after it."""
    short = SHORT * longest // LONG
    merged: list[_Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if (
            last is not None
            and min(last.end - last.start, part.end - part.start) < short
            and part.end - last.start <= longest + short
            and (not within or last.sentence == part.sentence)
        ):
            merged[-1] = _Part(last.start, part.end, part.sentence)
        else:
            merged.append(part)
    return merged


def trim(text: str, span: Span) -> Span:
    """Return `span` without what is blank at its ends."""
    piece = text[span.start : span.end]
    left = len(piece) - len(piece.lstrip(BLANK))
    return Span(span.start + left, span.start + left + len(piece.strip(BLANK)))
