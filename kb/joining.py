"""Paragraphs that a page layout broke over blank lines are made whole again."""

from __future__ import annotations

import re
from itertools import pairwise

from kb.blocks import Block, has_cjk, is_table_row, split, usual_gap
from kb.numbering import is_item

_SENTENCE_END = re.compile(r"[。！？；!?;]")
# What a closing mark ends is whole: a remark （2011年1月8日删除）, a quotation.
_CLOSED = "）)】]”’」』》"
# Below this a line that ends in a comma may be a salutation (尊敬的各位领导，).
_FRAGMENT_MIN = 20


def join_broken(text: str) -> str:
    """Return `text` with the halves of broken paragraphs put together, nothing between them.

    A wrong join in an official text is worse than a missed one, so it takes running text that
    stops in mid sentence, running text that follows at the usual distance and opens as nothing
    of its own, and Chinese script at the seam (Latin words would need a space). Idempotent.
    """
    while (joined := _join_once(text)) != text:
        text = joined
    return text


def _join_once(text: str) -> str:
    blocks = split(text)
    gap = usual_gap(blocks)
    pieces: list[str] = []
    done = 0
    for left, right in pairwise(blocks):
        if right.gap == gap > 0 and _breaks_off(left) and _continues(left, right):
            pieces.append(text[done : left.end])
            done = right.start
    return "".join([*pieces, text[done:]])


def _breaks_off(block: Block) -> bool:
    if block.ended or "\n" in block.text or is_table_row(block.text) or block.text[-1] in _CLOSED:
        return False
    return block.prose or (block.text[-1] in "、，," and len(block.text) >= _FRAGMENT_MIN)


def _continues(left: Block, right: Block) -> bool:
    if right.indented or is_item(right.text) or not _SENTENCE_END.search(right.text):
        return False
    return has_cjk(left.text[-1] + right.text[0])
