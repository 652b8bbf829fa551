"""Paragraphs that a format tells apart, put together into one text with their hints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kb.blocks import BLANK
from kb.reading import Reading, SourceHeading
from kb.types import Span

Role = Literal["body", "heading", "caption"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a source: `strong` are half-open offsets into its own `text`.

    `level` counts for headings; `pages` are the offsets in `text` where another page begins (0
    for the page it begins on) and its number, from 1; `space` the number of blank lines before
    it over the usual one.
    """

    text: str
    role: Role = "body"
    level: int = 0
    strong: tuple[Span, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()
    space: int = 0


def assemble(
    paragraphs: Iterable[Paragraph],
    *,
    styled: bool = False,
    title: str | None = None,
    author: str | None = None,
    date: str | None = None,
) -> Reading:
    """Put paragraphs one blank line apart and turn their own offsets into the text's."""
    pieces: list[str] = []
    headings: list[SourceHeading] = []
    strong: list[Span] = []
    captions: list[Span] = []
    pages: list[int] = []
    at = 0
    for paragraph in paragraphs:
        left = len(paragraph.text) - len(paragraph.text.lstrip(BLANK))
        words = paragraph.text.strip(BLANK)
        if not words:
            continue
        if paragraph.role == "heading":  # broken over lines to look well, and one title
            words = words.replace("\n", " ")
        if pieces:
            pieces.append("\n" * (2 + paragraph.space))
            at += 2 + paragraph.space
        span = Span(at, at + len(words))
        for offset, number in paragraph.pages:
            pages += [at + offset] * max(0, number - len(pages))
        if paragraph.role == "heading":
            headings.append(SourceHeading(span, paragraph.level))
        elif paragraph.role == "caption":
            captions.append(span)
        for start, end in paragraph.strong:
            begin, stop = max(0, start - left), min(len(words), end - left)
            if begin < stop:
                strong.append(Span(at + begin, at + stop))
        pieces.append(words)
        at += len(words)
    return Reading(
        "".join(pieces) + "\n" * bool(pieces),
        headings=tuple(headings),
        strong=tuple(strong),
        captions=tuple(captions),
        pages=tuple(pages),
        styled=styled,
        title=title,
        author=author,
        date=date,
    )


def runs_to_paragraph(
    runs: Iterable[tuple[str, bool]], role: Role = "body", level: int = 0
) -> Paragraph:
    """Make a paragraph of stretches of text and whether each is bold."""
    text = ""
    strong: list[Span] = []
    for piece, bold in runs:
        if bold and piece.strip():
            if strong and strong[-1].end == len(text):
                strong[-1] = Span(strong[-1].start, len(text) + len(piece))
            else:
                strong.append(Span(len(text), len(text) + len(piece)))
        text += piece
    return Paragraph(text, role, level, tuple(strong))
