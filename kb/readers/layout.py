"""Lines on pages into paragraphs: running heads dropped, columns in order, breaks healed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median

from kb.blocks import has_cjk
from kb.numbering import is_item
from kb.readers.assembly import Paragraph, runs_to_paragraph
from kb.readers.lines import Line, rows_of, without_running_heads

# Points: two characters of body text, what a page of set-in lines may be off.
_SAME_PLACE = 36
# The dots and the page number that end an entry of a table of contents.
_LEADER = re.compile(r"(?:[.．·‥…]\s?){4,}[\divxlc]+$", re.IGNORECASE)


def paragraphs(pages: Sequence[Sequence[Line]]) -> Iterator[Paragraph]:
    """Turn the lines of each page into paragraphs, across columns and pages."""
    cleared = without_running_heads([[line for line in page if line.text] for page in pages])
    columns = [column for page in cleared for column in _columns(page)]
    groups: list[tuple[list[Line], int]] = []
    before: tuple[Line, _Measure] | None = None
    cells = {cell for column in columns for cell in _cells(column)}
    for column, measure in zip(columns, _measures(columns), strict=True):
        for at, line in enumerate(column):
            if (
                before is not None
                and _goes_on(before, line, measure, new=at == 0)
                and cells.isdisjoint([before[0], line])
            ):
                groups[-1][0].append(line)
            else:
                wide = before is not None and at > 0 and measure.is_wide(before[0], line)
                groups.append(([line], 2 if wide else 0))
            before = (line, measure)
    for group, space in groups:
        yield _paragraph(group, space)


def _cells(column: Sequence[Line]) -> Iterator[Line]:
    """The lines that stand beside others, as the cells of a table do."""
    for left, right in pairwise(column):
        if left.is_level(right) and right.left - left.right > left.height:
            yield from (left, right)


@dataclass(frozen=True, slots=True)
class _Measure:
    """What is usual in a column: its edges, the height of a line, the step to the next.

    `set_in` says that paragraphs of the document begin with an indent.
    """

    left: float
    right: float
    height: float
    step: float
    set_in: bool = False

    @classmethod
    def of(cls, column: Sequence[Line]) -> _Measure:
        height = median(line.height for line in column) or 1.0
        steps = [
            above.top - below.top
            for above, below in pairwise(column)
            if 0 < above.top - below.top < 3 * height
        ]
        lefts = Counter(round(line.left / 4) * 4 for line in column if len(line.text) > 8)
        # The second line of a paragraph stands at the margin, its first one is set in.
        often = [x for x, count in lefts.items() if 5 * count >= max(lefts.values())]
        margin = min(often, default=min(line.left for line in column))
        return cls(
            float(margin), max(ln.right for ln in column), height, median(steps or [1.5 * height])
        )

    def is_centred(self, line: Line) -> bool:
        """Whether a line has the same room on both sides, as that of a broken caption has."""
        room = line.left - self.left, self.right - line.right
        return min(room) > 3 * self.height and abs(room[0] - room[1]) < self.height

    def is_wide(self, above: Line, below: Line) -> bool:
        return above.top - below.top > 2.2 * self.step


def _room(last: Line, line: Line) -> float:
    """How much room a full line may leave: two characters, or the next Latin word."""
    if has_cjk(last.text[-1] + line.text[0]):
        return 2.2 * last.height
    word = len(line.text.split(maxsplit=1)[0]) + 1
    return 1.1 * word * (line.right - line.left) / len(line.text)


def _measures(columns: Sequence[Sequence[Line]]) -> list[_Measure]:
    """Measure each column; those at about the same place share their outermost edges."""
    single = [_Measure.of(column) for column in columns]
    indents = [
        own.left + 0.8 * own.height < line.left < own.left + 3 * own.height
        for own, column in zip(single, columns, strict=True)
        for line in column
    ]
    set_in = 12 * sum(indents) >= len(indents)
    return [
        replace(
            own,
            set_in=set_in,
            left=min(m.left for m in single if abs(m.left - own.left) < _SAME_PLACE),
            right=max(m.right for m in single if abs(m.right - own.right) < _SAME_PLACE),
        )
        for own in single
    ]


def _goes_on(before: tuple[Line, _Measure], line: Line, measure: _Measure, *, new: bool) -> bool:
    """Whether a line is the paragraph's next: the one before is full, this one is not set in."""
    last, last_measure = before
    short = last.right + _room(last, line) < last_measure.right
    indented = line.left > measure.left + 0.8 * measure.height
    resized = abs(line.height - last.height) > 0.1 * max(line.height, last.height)
    # A sentence that ends with the line may end the paragraph: less space than usual tells.
    step = (1.15 if last.text[-1] in "。！？" else 1.6) * measure.step
    far = not new and last.top - line.top > step
    centred = not new and measure.is_centred(line)
    if short or (indented and not centred) or resized or far:
        return False
    if is_item(line.text) or _LEADER.search(last.text[-200:]):
        return False
    # Where paragraphs are not set in, a full last line that ends a sentence may be the last.
    return measure.set_in or not (new and last.text[-1] in "。！？")


def _columns(page: Sequence[Line]) -> Iterator[list[Line]]:
    """The columns of a page in reading order; lines across the gutter part the bands."""
    if not page:
        return
    left, right = min(line.left for line in page), max(line.right for line in page)
    middle = (left + right) / 2
    ordered = [line for row in rows_of(page) for line in row]
    sides = [(line, _side(line, middle)) for line in ordered]
    if not all(
        _runs_on([line for line, side in sides if side == wanted], middle - left)
        for wanted in (-1, 1)
    ):
        yield ordered
        return
    for across, band in groupby(sides, key=lambda pair: pair[1] == 0):
        lines = list(band)
        for wanted in (0,) if across else (-1, 1):
            if column := [line for line, side in lines if side == wanted]:
                yield column


def _runs_on(lines: Sequence[Line], width: float) -> bool:
    """Whether they are a column of text of about that width; the cells of a table are short."""
    widths = [line.right - line.left for line in lines]
    return len(lines) >= 4 and median(widths) > 0.6 * width


def _side(line: Line, middle: float) -> int:
    if line.right <= middle + line.height / 2:
        return -1
    return 1 if line.left >= middle - line.height / 2 else 0


def _paragraph(lines: Sequence[Line], space: int) -> Paragraph:
    runs: list[tuple[str, bool]] = []
    pages: list[tuple[int, int]] = []
    for line in lines:
        _seam(runs, line.text)
        if not pages or pages[-1][1] != line.page:
            pages.append((sum(len(piece) for piece, _ in runs), line.page))
        at = 0
        for bold, same in groupby(line.bold):
            length = len(list(same))
            runs.append((line.text[at : at + length], bold))
            at += length
    made = runs_to_paragraph(runs)
    return Paragraph(made.text, strong=made.strong, pages=tuple(pages), space=space)


def _seam(runs: list[tuple[str, bool]], text: str) -> None:
    """Put a space where Latin words meet across lines, or take the hyphen that parts one."""
    if not runs or has_cjk(runs[-1][0][-1] + text[0]):
        return
    last, bold = runs[-1]
    if len(last) > 1 and last.endswith("-") and text[0].islower():
        runs[-1] = (last[:-1], bold)
    else:
        runs.append((" ", bold))
