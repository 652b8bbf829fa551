"""Markdown: the text as it stands, its headings and bold openings as hints."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt

from kb.blocks import BLANK
from kb.joining import join_broken
from kb.readers.plain import decode
from kb.reading import Reading, SourceHeading
from kb.types import Span

_STRONG = re.compile(r"^(?:\*\*|__)(?=\S)[^*_\n]+(?<=\S)(?:\*\*|__)", re.MULTILINE)
# What programs note of a page above it; its last line would make a heading of the one before.
_FRONT = re.compile(r"---[ \t]*\n[\w-]+:(?:.*\n)*?---[ \t]*(?:\n|$)")


def read(path: Path, data: bytes) -> Reading:
    """Read a Markdown file; marks stay in the text, which is quoted as it was written."""
    text = join_broken(decode(path, data))
    strong = tuple(Span(*match.span()) for match in _STRONG.finditer(text))
    return Reading(text, headings=_headings(text), strong=strong)


def _headings(text: str) -> tuple[SourceHeading, ...]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    front = _FRONT.match(text)
    body = front.end() if front else 0
    headings = []
    # Inline marks do not matter here, and parsing them is slow.
    for token in MarkdownIt().disable("inline").parse(text):
        if token.type == "heading_open" and token.map:
            first, last = token.map
            if starts[first] < body:
                continue
            raw = text[starts[first] : starts[last] - 1]
            left = starts[first] + len(raw) - len(raw.lstrip(BLANK))
            span = Span(left, left + len(raw.strip(BLANK)))
            headings.append(SourceHeading(span, int(token.tag[1:])))
    return tuple(headings)
