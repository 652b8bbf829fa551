"""Which blocks are headings with a line of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kb.blocks import Block, has_cjk, is_table_row
from kb.numbering import read_label
from kb.types import Span

_MARKS = "●■◆▲★◎◇☆▌█▍▶►※【】#*＊ \t\u3000"
# Every passage below a heading is stored with its title; the whole of it stays in the text.
_TITLE_MAX = 200
_ATTACHED = re.compile(r"附\s*件\s*[:：]\s*")
_UNDERLINE = re.compile("=+|-+")

# Ranks end at 92, the levels a source gives its headings at 9.
_NO_RANK, _UNDER_GIVEN = 1_000, 10

PLAIN, OUTER = "plain", "outer"
"""Styles of headings that bear no label: over body text, and directly over such a heading."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading found: `span` covers its marks; `style` and `rank` place it among the others."""

    title: str
    span: Span
    style: str
    rank: int | None
    ordinal: int = 0
    run_in: bool = False


def own_line(blocks: Sequence[Block], taken: set[int]) -> dict[int, Heading]:
    """Return the headings that have a line of their own, by block index, in order.

    A numbered or marked line counts when it is short and unfinished, a bare one when body text
    or another heading with body text follows it. `taken` are blocks known to be other things.
    Lists and tables of contents, whose lines have no body, are left out.
    """
    found: dict[int, Heading] = {}
    unfit = taken | _attached(blocks)
    for index in range(len(blocks) - 1, -1, -1):
        alone = index == 0 or index - 1 in taken or not blocks[index - 1].loose
        if index not in unfit and (heading := _heading(blocks, index, found, alone=alone)):
            found[index] = heading
    ordered = dict(sorted(found.items()))
    for run in _rows(ordered):
        for index in _listed(ordered, run):
            del ordered[index]
    return ordered


def inner(given: Mapping[int, Heading], found: Mapping[int, Heading]) -> dict[int, Heading]:
    """Return the numbered headings among `found` that go on inside the numbering of `given`.

    Authors often style 一、 as a heading and leave （一） as it is.
    """
    labels = [read_label(heading.title) for heading in given.values()]
    ranks = [label.rank for label in labels if label is not None and label.rank is not None]
    deepest = max(ranks, default=_NO_RANK)
    return {
        index: replace(heading, rank=_UNDER_GIVEN + heading.rank)
        for index, heading in found.items()
        if heading.rank is not None and heading.rank > deepest
    }


def clean(text: str) -> str:
    """Return a heading's words as a title, without the marks around them."""
    return shortened(one_line(text).strip(_MARKS))


def shortened(title: str) -> str:
    """Return a title that is far too long with an ellipsis for its end."""
    return title if len(title) <= _TITLE_MAX else title[: _TITLE_MAX - 1].rstrip() + "…"


def one_line(text: str) -> str:
    """Put the lines of a heading together, but for one that underlines it."""
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    if len(lines) > 1 and _UNDERLINE.fullmatch(lines[-1]):
        lines.pop()
    pieces = lines[:1]
    for line, after in pairwise(lines):
        pieces.append(after if has_cjk(line[-1] + after[0]) else f" {after}")
    return "".join(pieces)


def _heading(
    blocks: Sequence[Block], index: int, below: Mapping[int, Heading], *, alone: bool
) -> Heading | None:
    block = blocks[index]
    if block.label is not None:
        return _labelled(block)
    if not block.loose or block.dated or index + 1 == len(blocks):
        return None
    follows = blocks[index + 1]
    style = PLAIN if follows.prose or is_table_row(follows.text) else None
    if style is None and alone and (under := below.get(index + 1)):
        begins = under.rank is not None and under.ordinal == 1
        style = OUTER if under.style == PLAIN else PLAIN if begins else None
    return Heading(clean(block.text), block.span, style, None) if style else None


def _labelled(block: Block) -> Heading | None:
    label = block.label
    titled = block.short and not block.prose and block.text[-1] not in "，,、"
    if label is None or label.style == "条" or not titled or not clean(block.text[label.end :]):
        return None
    return Heading(clean(block.text), block.span, label.style, label.rank, label.ordinal)


def _attached(blocks: Sequence[Block]) -> set[int]:
    """The attachments that are listed after the first of them: 附件：1．方案, 2．分工表."""
    listed: set[int] = set()
    last = None
    for index, block in enumerate(blocks):
        label = block.label
        if match := _ATTACHED.match(block.text):
            label = read_label(block.text[match.end() :])
        elif last and label and (label.style, label.ordinal) == (last.style, last.ordinal + 1):
            listed.add(index)
        else:
            label = None
        last = label
    return listed


def _rows(found: Mapping[int, Heading]) -> list[list[int]]:
    """The headings that follow each other with nothing between."""
    rows: list[list[int]] = []
    for index in found:
        if rows and rows[-1][-1] == index - 1:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [row for row in rows if len(row) > 1]


def _listed(found: Mapping[int, Heading], row: Sequence[int]) -> Sequence[int]:
    """The members of a row that are list items: all but the chain of headings that ends it.

    A chain goes inwards (第一章, 第一节); an item that counts on from the one before it
    belongs to the list, one that starts anew closes a table of contents.
    """
    styles = [found[index].style for index in row]
    chain = len(row) - 1
    while chain > 0 and styles[chain - 1] not in styles[chain:]:
        chain -= 1
    listed = list(row[:chain])
    if len(listed) < 2:
        return ()
    first, last = found[row[chain]], found[row[chain - 1]]
    if first.style == last.style and first.ordinal == last.ordinal + 1:
        return row
    return listed
