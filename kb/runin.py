"""Headings that run into their paragraph: a labelled or terse first sentence, a bold opening."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.blocks import Block
from kb.headings import Heading, clean
from kb.types import Span

_SENTENCE = re.compile(r"[^。！？!?\n]+。[”’」』）)》】]*")
_ARTICLE = re.compile(r"第\s*[\d零〇一二三四五六七八九十百千]+\s*条(?:之[一二三四五六七八九十]+)?")
TERSE = "terse"
# The longest labelled one in 16 provincial reports has 47 characters; a sentence that opens an
# item of a list is longer or has no second one after it.
_LABELLED_MAX = 50
# An unnumbered sentence must be as terse as a heading to be taken for one, and no statement
# (改革开放是……的重要法宝).
_TERSE_MAX = 24
# What share of its kind within the section must open like this: a lone one is a topic sentence.
_MOST = 0.75


def run_ins(
    blocks: Sequence[Block], paragraphs: Sequence[int], *, statute: bool
) -> dict[int, Heading]:
    """Return the headings that open the paragraphs of one section, by block index.

    Articles of a statute always do, and there no other label does: （一） opens an item. Else
    a label counts when most paragraphs of its style have a short first sentence and more
    after it; an unlabelled opening when at least three, and nearly all, are alike.
    """
    openings = ((index, _article(blocks[index])) for index in paragraphs)
    found = {index: heading for index, heading in openings if heading is not None}
    by_style: dict[str, list[int]] = {}
    for index in () if statute else paragraphs:
        label = blocks[index].label
        by_style.setdefault(label.style if label else TERSE, []).append(index)
    for style, members in by_style.items():
        found |= _alike(blocks, style, members)
    return dict(sorted(found.items()))


def _alike(blocks: Sequence[Block], style: str, members: Sequence[int]) -> dict[int, Heading]:
    openings = ((index, _opening(blocks[index])) for index in members)
    found = {index: heading for index, heading in openings if heading is not None}
    if not found:
        return {}
    if style != TERSE:
        return found if len(found) >= _MOST * len(members) else {}
    alike = sum(index >= min(found) for index in members)
    return found if len(found) >= max(3, _MOST * alike) else {}


def _article(block: Block) -> Heading | None:
    match = _ARTICLE.match(block.text)
    if match is None or block.label is None or block.label.style != "条":
        return None
    span = Span(block.start, block.start + match.end())
    return Heading(match.group(), span, "条", block.label.rank, block.label.ordinal, run_in=True)


def _opening(block: Block) -> Heading | None:
    match = _SENTENCE.match(block.text)
    if match is None or match.end() == len(block.text):
        return None
    sentence, label = match.group(), block.label
    span = Span(block.start, block.start + match.end())
    title = clean(sentence).rstrip("。")
    if label is not None:
        if len(sentence) > _LABELLED_MAX:
            return None
        return Heading(title, span, label.style, label.rank, label.ordinal, run_in=True)
    if len(sentence) > _TERSE_MAX or re.search("[，,；;：:—是]", sentence):
        return None
    return Heading(title, span, TERSE, None, run_in=True)
