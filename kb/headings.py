"""Which blocks are headings, and which paragraphs open with one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.blocks import HEADING_WIDTH, Block
from kb.types import Span

_SENTENCE = re.compile(r"[^。！？!?]+[。！？!?]+[”’」』）)》】\"']*")
_MARKS = "●■◆▲★◎◇☆▌█▍▶►※【】#*＊ \t\u3000"
# 条 open a paragraph of their own with or without a heading word.
_STATUTE = re.compile(r"第\s*[\d零〇一二三四五六七八九十百千]+\s*条(?:之[一二三四五六七八九十]+)?")
# An unnumbered opening sentence must be as terse as a heading to be taken for one.
_TERSE = 24


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading found: `span` covers its marks; `style` names its rank among others."""

    title: str
    span: Span
    style: str
    rank: int | None
    ordinal: int
    run_in: bool


def own_line(blocks: Sequence[Block], taken: set[int]) -> dict[int, Heading]:
    """Return the headings that have a line of their own, by block index; `taken` are other things.

    Numbered and marked lines count when short and unfinished, unless they are the items of a
    list (no body between most of them); an unnumbered line when body text follows it.
    """
    found: dict[int, Heading] = {}
    for index, block in enumerate(blocks):
        if index in taken:
            continue
        follows = blocks[index + 1] if index + 1 < len(blocks) else None
        if block.label is not None:
            if _labelled(block):
                found[index] = _heading(block, block.label.style, block.label.rank)
        elif _bare(block, follows) and index + 1 not in taken:
            found[index] = _heading(block, "plain", None)
    return _without_lists(found)


def run_ins(blocks: Sequence[Block], paragraphs: Sequence[int]) -> dict[int, Heading]:
    """Return the headings that open the paragraphs of one section, by block index.

    Numbered opening sentences count singly; unnumbered ones only where nearly every
    paragraph from the first of them on has one, and at least three do: a lone terse sentence
    is the paragraph's topic.
    """
    found: dict[int, Heading] = {}
    terse: dict[int, Heading] = {}
    for index in paragraphs:
        if heading := _opening(blocks[index]):
            (found if heading.style != "terse" else terse)[index] = heading
    if terse and not found:
        rest = [index for index in paragraphs if index >= min(terse)]
        if len(terse) >= 3 and len(terse) >= 0.75 * len(rest):
            return terse
    return found


def _labelled(block: Block) -> bool:
    label = block.label
    if label is None or label.style == "条" or not block.short:
        return False
    return not block.prose and block.text[-1] not in "，,、"


def _bare(block: Block, follows: Block | None) -> bool:
    return block.loose and not block.dated and follows is not None and follows.prose


def _heading(block: Block, style: str, rank: int | None) -> Heading:
    label = block.label
    ordinal = label.ordinal if label else 0
    return Heading(clean(block.text), block.span, style, rank, ordinal, run_in=False)


def _opening(block: Block) -> Heading | None:
    label = block.label
    if label is not None and label.style == "条" and (match := _STATUTE.match(block.text)):
        span = Span(block.start, block.start + match.end())
        return Heading(match.group(), span, "条", label.rank, label.ordinal, run_in=True)
    match = _SENTENCE.match(block.text)
    if match is None or match.end() == len(block.text):
        return None
    sentence = match.group()
    span = Span(block.start, block.start + match.end())
    title = clean(sentence).rstrip("。")
    if label is not None and len(sentence) <= HEADING_WIDTH:
        return Heading(title, span, label.style, label.rank, label.ordinal, run_in=True)
    if len(sentence) <= _TERSE and not re.search('[，,；;：:“”"—]', sentence):
        return Heading(title, span, "terse", 95, 0, run_in=True)
    return None


def _without_lists(found: Mapping[int, Heading]) -> dict[int, Heading]:
    """Drop the lines of a list: numbered in a row, with no body after most of them."""
    kept = dict(found)
    run: list[int] = []
    for index in [*found, None]:
        heading = found[index] if index is not None else None
        if (
            index is not None
            and heading is not None
            and run
            and index == run[-1] + 1
            and heading.style == found[run[-1]].style
        ):
            run.append(index)
            continue
        if len(run) >= 3:
            for item in run:
                del kept[item]
        run = [] if index is None else [index]
    return kept


def clean(text: str) -> str:
    """Return a heading's words without the marks around them."""
    return text.strip(_MARKS)
