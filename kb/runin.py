"""Headings that run into their paragraph: a labelled or terse first sentence, a bold opening."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.blocks import HEADING_WIDTH, Block
from kb.headings import Heading, clean
from kb.numbering import Label
from kb.types import Span

_SENTENCE = re.compile(r"[^。！？!?\n]+。[”’」』）)》】]*")
_ARTICLE = re.compile(r"第\s*[\d零〇一二三四五六七八九十百千]+\s*条(?:之[一二三四五六七八九十]+)?")
_SENTENCE_ENDS = re.compile(r"[。！？!?]")
_BOLD_END = "。：:*_"
ADDRESS = re.compile(
    r"(?:(?:尊敬的)?(?:各位[\u4e00-\u9fff]{2}|(?:同志|代表|委员|朋友|职工)们)[、\s]?)+[！!，,：:]"
)
"""Turns to who is there: 各位代表！"""
TERSE = "terse"
# The longest labelled one in 16 provincial reports has 47 characters; a sentence that opens an
# item of a list is longer or has no second one after it.
_LABELLED_MAX = 50
# An unnumbered sentence must be as terse as a heading to be taken for one, and no statement
# (改革开放是……的重要法宝).
_TERSE_MAX = 24
# What share of its kind within the section must open like this: a lone one is a topic sentence.
_MOST = 0.75


@dataclass(frozen=True, slots=True)
class Openings:
    """How the paragraphs of one document open: what it lets count as a run-in heading.

    In a statute only articles do: （一） opens an item there. `bold` maps the offset of a
    paragraph to the end of the bold run it opens with. `terse` is false where the source could
    have set its unlabelled headings in bold, or numbered them, and did so elsewhere.
    """

    statute: bool
    bold: Mapping[int, int]
    terse: bool

    @classmethod
    def of(cls, blocks: Sequence[Block], strong: Sequence[Span], *, styled: bool) -> Openings:
        """Look how the blocks of a document open."""
        labels = [block.label for block in blocks if block.label is not None]
        bold = {span.start: span.end for span in strong}
        opens_bold = any(bold.get(block.start, block.end) < block.end for block in blocks)
        ranked = any(label.rank is not None for label in labels)
        return cls(
            statute=sum(label.style == "条" for label in labels) >= 2,
            bold=bold,
            terse=not opens_bold and not (styled and ranked),
        )

    def find(self, blocks: Sequence[Block], paragraphs: Sequence[int]) -> dict[int, Heading]:
        """Return the headings that open the paragraphs of one section, by block index.

        Bold openings and articles count singly; a label when most paragraphs of its style have
        a short first sentence and more after it; an unlabelled opening when at least three,
        and nearly all, are alike.
        """
        found: dict[int, Heading] = {}
        by_style: dict[str, list[int]] = {}
        for index in paragraphs:
            block = blocks[index]
            if heading := _article(block) or _bold(block, self.bold.get(block.start)):
                found[index] = heading
            elif not self.statute and (block.label or self.terse):
                style = block.label.style if block.label else TERSE
                by_style.setdefault(style, []).append(index)
        for style, members in by_style.items():
            found |= _alike(blocks, style, members)
        return dict(sorted(found.items()))


def addresses(block: Block) -> bool:
    """Whether it opens by turning to who is there, as a new part of a speech does."""
    return ADDRESS.match(block.text) is not None


def _alike(blocks: Sequence[Block], style: str, members: Sequence[int]) -> dict[int, Heading]:
    openings = ((index, _opening(blocks[index])) for index in members)
    found = {index: heading for index, heading in openings if heading is not None}
    if style != TERSE:
        return found if len(found) >= _MOST * len(members) else {}
    first = min(found, default=0)
    alike = sum(index >= first for index in members)
    return found if len(found) >= max(3, _MOST * alike) else {}


def _article(block: Block) -> Heading | None:
    match = _ARTICLE.match(block.text)
    if match is None or block.label is None or block.label.style != "条":
        return None
    span = Span(block.start, block.start + match.end())
    return _run_in(clean(match.group()), span, block.label)


def _bold(block: Block, stop: int | None) -> Heading | None:
    """A bold opening that is a sentence or ends in a colon, with more of the paragraph after it."""
    if stop is None:
        return None
    head = block.text[: stop - block.start].rstrip()
    if block.text[len(head) : len(head) + 1] in "。：:" and head[-1] not in "。：:":
        head = block.text[: len(head) + 1]
    if head[-1] not in _BOLD_END or not 4 <= len(head) <= HEADING_WIDTH or head == block.text:
        return None
    if len(_SENTENCE_ENDS.findall(head)) > 1:
        return None
    span = Span(block.start, block.start + len(head))
    return _run_in(clean(head).rstrip("。：:"), span, block.label)


def _opening(block: Block) -> Heading | None:
    match = _SENTENCE.match(block.text)
    if match is None or match.end() == len(block.text):
        return None
    sentence = match.group()
    if len(sentence) > (_LABELLED_MAX if block.label else _TERSE_MAX):
        return None
    if block.label is None and re.search("[，,；;：:—是]", sentence):
        return None
    span = Span(block.start, block.start + match.end())
    return _run_in(clean(sentence).rstrip("。"), span, block.label)


def _run_in(title: str, span: Span, label: Label | None) -> Heading:
    if label is None:
        return Heading(title, span, TERSE, None, run_in=True)
    return Heading(title, span, label.style, label.rank, label.ordinal, run_in=True)
