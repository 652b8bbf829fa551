"""The front of a document: headline, subtitle, byline, before or after its lead."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.blocks import Block

_META = re.compile(
    r"——|□|[（(].*[）)]$|[\u4e00-\u9fff]{2,12}[〔［\[（(]\d{4}[〕］\]）)]\s*第?\d+号$|"
    r"来源[:：]|作者[:：]|记者|本报|通讯员|文号[:：]|发布|"
    r"[\d零〇一二三四五六七八九十]{4}\s*[年./-]\s*[\d一二三四五六七八九十]{1,3}\s*[月./-]"
)
_META_MAX = 120
_SAYS = re.compile(r"(?:本报|通讯员)?记者\s*[:：]")
_CONTENTS = re.compile(r"目\s*[录次]$|(?:table of )?contents$", re.IGNORECASE)


def front_matter(blocks: Sequence[Block]) -> range:
    """Return the blocks that are the document's headline and what goes with it, or none.

    The first line, if it is unfinished, is the headline; in a page whose lead was set above
    it, the first line that a subtitle or byline follows. What says when, where and by whom
    belongs to it.
    """
    head = _headline(blocks)
    return range(0) if head is None else title_lines(blocks, head, set())


def title_lines(blocks: Sequence[Block], head: int, taken: set[int]) -> range:
    """Return the headline at `head` and the lines after it that go with it."""
    stop = head + 1
    last_meta = head
    while stop < len(blocks) and stop not in taken:
        block = blocks[stop]
        if _is_meta(block):
            last_meta = stop
        elif not block.loose or _CONTENTS.match(block.text):
            break
        stop += 1
    greets = stop < len(blocks) and blocks[stop].ended and not blocks[stop].prose
    return range(head, stop if greets else last_meta + 1)


def _headline(blocks: Sequence[Block]) -> int | None:
    if blocks and blocks[0].loose:
        return 0
    for index, block in enumerate(blocks[:-1]):
        if block.label is not None and block.short:
            return None
        if index and block.loose:
            return index if _is_meta(blocks[index + 1]) else None
    return None


def _is_meta(block: Block) -> bool:
    """Whether it says when, where or by whom.

    A sentence that opens with a date does not, nor does what a reporter asks.
    """
    told = _META.match(block.text) is not None and len(block.text) <= _META_MAX
    if block.ended and _SAYS.match(block.text):
        return False
    return told and not (block.prose and "，" in block.text and not block.text.startswith("——"))
