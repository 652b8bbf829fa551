"""Canonical text into its outline: the flat tree of sections, in text order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from kb.blocks import BLANK, Block, split
from kb.captions import caption_runs
from kb.front import front_matter, title_lines
from kb.headings import Heading, clean, inner, own_line, shortened
from kb.metadata import stated_author, stated_date
from kb.reading import Reading, SourceHeading
from kb.runin import Openings
from kb.tree import grow
from kb.types import Section

_TITLE_LINES = 3  # more headings that stand together are a list


@dataclass(frozen=True, slots=True)
class Outline:
    """A document's title, what it states of itself, and its sections."""

    title: str
    sections: tuple[Section, ...]
    author: str | None = None
    date: str | None = None


def outline(reading: Reading, name: str) -> Outline:
    """Find the sections of a text by general rules; the source's own headings win.

    `name` is the title of a text that has none of its own.
    """
    blocks = _whole_headings(split(reading.text), reading)
    marked = {span.start for span in reading.captions}
    given = {index for index, block in enumerate(blocks) if block.start in marked}
    front, own = _from_source(blocks, reading.headings)
    if not own:
        front = front or front_matter(blocks)
    captions = caption_runs(blocks, {*front, *own}, given)
    taken = set(front).union(*captions)
    if not own:
        own = own_line(blocks, taken)
    elif reading.styled:
        own |= inner(own, own_line(blocks, taken | set(own)))
        own = dict(sorted(own.items()))
    title = clean(blocks[front[0]].text) if front else shortened(reading.title or name)
    openings = Openings.of(blocks, reading.strong, styled=reading.styled)
    heads = [blocks[index].text for index in front]
    signed = [block.text for block in blocks[-3:] if block.dated]
    return Outline(
        title,
        grow(blocks, own, captions, front, openings, title),
        author=stated_author(heads) or reading.author,
        date=stated_date([*heads, *filter(None, [reading.date]), *signed]),
    )


def _whole_headings(blocks: Sequence[Block], reading: Reading) -> tuple[Block, ...]:
    """Give each of the source's headings a block of its own.

    An underlined one in Markdown has several lines; one in a hard-wrapped text has running text
    right before or after it.
    """
    ends = {heading.span.start: heading.span.end for heading in reading.headings}
    bounds = sorted({bound for heading in reading.headings for bound in heading.span})
    whole: list[Block] = []
    for block in chain.from_iterable(_parts(each, bounds) for each in blocks):
        if whole and block.end <= ends.get(whole[-1].start, 0):
            first = whole[-1]
            text = reading.text[first.start : block.end]
            whole[-1] = Block.of(text, first.start, first.gap, indented=first.indented)
        else:
            whole.append(block)
    return tuple(whole)


def _parts(block: Block, bounds: Sequence[int]) -> Iterator[Block]:
    """A block cut at those of the sorted `bounds` that are inside of it."""
    inside = bounds[bisect_right(bounds, block.start) : bisect_left(bounds, block.end)]
    if not inside:
        yield block
        return
    gap = block.gap
    for start, end in pairwise([block.start, *inside, block.end]):
        piece = block.text[start - block.start : end - block.start]
        if words := piece.strip(BLANK):
            left = start + len(piece) - len(piece.lstrip(BLANK))
            yield Block.of(words, left, gap, indented=block.indented and start == block.start)
            gap = 0


def _from_source(
    blocks: Sequence[Block], marked: Sequence[SourceHeading]
) -> tuple[range, dict[int, Heading]]:
    """The source's headings by block; its title, or the only outermost one, is the front.

    A title may be set as two or three, one right after the other. The lines after it that say
    when, where and by whom go with it.
    """
    at = {block.start: index for index, block in enumerate(blocks)}
    own = {
        index: Heading(title, blocks[index].span, "source", heading.level)
        for heading in marked
        if (index := at.get(heading.span.start)) is not None
        and (title := clean(blocks[index].text))
    }
    if not own:
        return range(0), own
    first, outer = min(own), min(heading.rank or 0 for heading in own.values())
    outermost = [index for index, heading in own.items() if heading.rank == outer]
    together = outermost == list(range(first, first + len(outermost)))
    numbered = len(outermost) > 1 and any(blocks[index].label for index in outermost)
    if not together or numbered or len(outermost) > _TITLE_LINES:
        return range(0), own
    rest = {index: heading for index, heading in own.items() if heading.rank != outer}
    return range(first, title_lines(blocks, outermost[-1], set(rest)).stop), rest
