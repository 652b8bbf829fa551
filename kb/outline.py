"""Canonical text into its outline: the flat tree of sections, in text order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.blocks import Block, split
from kb.captions import caption_runs
from kb.front import front_matter, title_lines
from kb.headings import Heading, clean, inner, own_line
from kb.metadata import stated_author, stated_date
from kb.reading import Reading, SourceHeading
from kb.runin import Openings
from kb.tree import grow
from kb.types import Section


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
    title = clean(blocks[front[0]].text.partition("\n")[0]) if front else reading.title or name
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
    """Put the lines of a heading of several, as an underlined one in Markdown, into one block."""
    ends = {heading.span.start: heading.span.end for heading in reading.headings}
    whole: list[Block] = []
    for block in blocks:
        if whole and block.end <= ends.get(whole[-1].start, 0):
            first = whole[-1]
            text = reading.text[first.start : block.end]
            whole[-1] = Block.of(text, first.start, first.gap, indented=first.indented)
        else:
            whole.append(block)
    return tuple(whole)


def _from_source(
    blocks: Sequence[Block], marked: Sequence[SourceHeading]
) -> tuple[range, dict[int, Heading]]:
    """The source's headings by block; its title, or a single outermost first one, is the front.

    The lines after the title that say when, where and by whom go with it.
    """
    at = {block.start: index for index, block in enumerate(blocks)}
    own = {
        index: Heading(title, blocks[index].span, "source", heading.level)
        for heading in marked
        if (index := at.get(heading.span.start)) is not None
        and (title := clean(blocks[index].text.partition("\n")[0]))
    }
    ranks = [heading.rank for heading in own.values()]
    first = next(iter(own), None)
    if first is None or ranks.count(ranks[0]) > 1 or ranks[0] != min(r or 0 for r in ranks):
        return range(0), own
    del own[first]
    return title_lines(blocks, first, set(own)), own
