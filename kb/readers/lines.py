"""The lines of a page: what stands beside each other, and what all pages repeat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_PAGE_NUMBER = re.compile(
    r"[-—–·\s]*(?:第\s*)?(?:\d{1,4}|[ivxlc]{1,6})(?:\s*页)?(?:\s*[/／,，]?\s*(?:共|of)?\s*\d{1,4}\s*页?)?[-—–·\s]*$",
    re.IGNORECASE,
)

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: its edges in points, y upwards, and for each character if it is bold.

    `page` is the number of the page, from 1.
    """

    text: str
    bold: tuple[bool, ...]
    left: float
    right: float
    top: float
    bottom: float
    page: int

    @property
    def height(self) -> float:
        """In points."""
        return self.top - self.bottom

    def is_level(self, other: Line) -> bool:
        """Whether they stand beside each other, whatever the sizes of their type."""
        apart = abs(self.top + self.bottom - other.top - other.bottom) / 2
        return apart < 0.5 * min(self.height, other.height)


def without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Drop page numbers, and the edge rows that most pages share but for their digits."""
    rows = [rows_of(page) for page in pages]
    edges = [page[:2] + page[2:][-2:] for page in rows]
    shared = Counter(shape for edge in edges for shape in {_shape(row) for row in edge})
    # Odd and even pages may differ, and there may be one more of these than of those.
    often = {shape for shape, n in shared.items() if n >= 3 and 2 * n >= len(pages) - 1}
    return [
        [
            line
            for row in page
            if row not in edge or not (_shape(row) in often or _numbers_page(row))
            for line in row
        ]
        for page, edge in zip(rows, edges, strict=True)
    ]


def rows_of(page: Sequence[Line]) -> list[list[Line]]:
    """The lines of a page that stand at one height together, from the top, each from the left."""
    rows: list[list[Line]] = []
    for line in sorted(page, key=lambda line: -line.top - line.bottom):
        if rows and rows[-1][0].is_level(line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _numbers_page(row: Sequence[Line]) -> bool:
    """Whether it is a page number: several bare numbers at one height are a table's."""
    words = _words(row)
    alone = len(row) == 1 or _LETTER.search(words) is not None
    return alone and _PAGE_NUMBER.match(words) is not None


def _shape(row: Sequence[Line]) -> tuple[str, int]:
    """What a row shares with its like on other pages; rows of figures are each their own."""
    words = _words(row)
    if len(row) == 1 or _LETTER.search(words):
        words = re.sub(r"\d+", "#", words)
    return words, round(row[0].top / 6)


def _words(row: Sequence[Line]) -> str:
    return " ".join(line.text.strip() for line in row)
