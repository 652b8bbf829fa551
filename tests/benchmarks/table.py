"""Rows of figures to a table: Markdown that reads well on a terminal too."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured. `figures` has the values of every round of each contestant.

    `limit` is what the machine could do at most, `reason` why the row has no figures.
    """

    key: str
    title: str
    unit: str = ""
    better: Literal["less", "more", "told"] = "less"
    figures: Mapping[str, Sequence[float]] = field(default_factory=dict)
    limit: float | None = None
    reason: str = ""

    def middle(self, name: str) -> float | None:
        """The median of the rounds."""
        values = self.figures.get(name)
        return median(values) if values else None

    def factor(self, name: str, other: str) -> float | None:
        """How many times better than another: the median of the ratios within each round.

        Rounds are short and next to each other, so that what else the machine does meets both.
        """
        own, others = self.figures.get(name), self.figures.get(other)
        if not own or not others or self.better == "told":
            return None
        pairs = zip(own, others, strict=True)
        return median(a / b if self.better == "more" else b / a for a, b in pairs)


def table(rows: Sequence[Row], names: Mapping[str, str], first: str, against: str) -> str:
    """`names` are the columns and what to call them; rows without figures come as a list after.

    One column tells by which factor `first` is better than `against`.
    """
    head = ["", *names.values(), "better by a factor of", "limit here"]
    told = [row for row in rows if row.figures]
    cells = [head, ["---"] * len(head), *(_cells(row, names, first, against) for row in told)]
    widths = [max(_width(line[i]) for line in cells) for i in range(len(head))]
    lines = [
        "| " + " | ".join(_filled(cell, width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]  # fmt: skip
    left_out = [f"- left out: {row.title}: {row.reason}" for row in rows if not row.figures]
    return "\n".join([*lines, *left_out])


def _cells(row: Row, names: Mapping[str, str], first: str, against: str) -> list[str]:
    factor = row.factor(first, against)
    return [
        f"{row.title}, {row.unit}" if row.unit else row.title,
        *(_number(row.middle(name)) for name in names),
        "" if factor is None else f"{factor:.1f}",
        "" if row.limit is None else _number(row.limit),
    ]


def _number(value: float | None) -> str:
    """Three figures that count; a share as the README writes it."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def _filled(cell: str, width: int) -> str:
    fill = "-" if cell == "---" else " "
    return cell + fill * (width - _width(cell))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
