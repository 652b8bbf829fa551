"""Canonical text into its outline: the flat tree of sections, in text order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kb.blocks import Block, split
from kb.captions import caption_runs
from kb.front import front_matter, title_lines
from kb.headings import Heading, clean, inner, own_line
from kb.levels import place, scheme
from kb.metadata import stated_author, stated_date
from kb.reading import Reading, SourceHeading
from kb.runin import Openings
from kb.types import Kind, Section, Span

LEAD, INTRODUCTION, CAPTIONS, WHOLE = "导语", "(引言)", "图片说明", "正文"
_HAN = "零一二三四五六七八九十"


@dataclass(slots=True)
class _Node:
    """A section while it grows."""

    title: str
    kind: Kind
    level: int
    heading: Span | None
    body: list[Span] = field(default_factory=list)
    path: tuple[str, ...] = ()
    parent: _Node | None = None
    divided: bool = False
    end: int = 0

    @property
    def spans(self) -> list[Span]:
        return self.body if self.heading is None else [self.heading, *self.body]

    def freeze(self) -> Section:
        kind: Kind = (
            "part" if self.kind == "section" and self.level == 1 and self.divided else self.kind
        )
        start, body = self.spans[0].start, tuple(self.body)
        return Section(self.title, kind, self.level, start, self.end, self.heading, body, self.path)

    def introduction(self) -> Section:
        """What stands before the first subsection, as a section of its own."""
        start, end, path = self.body[0].start, self.body[-1].end, (*self.path, self.title)
        return Section(
            INTRODUCTION, "lead", self.level + 1, start, end, None, tuple(self.body), path
        )


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
    blocks = split(reading.text)
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
    title = clean(blocks[front[0]].text) if front else reading.title or name
    nodes = [_title_node(blocks[index]) for index in front]
    openings = Openings.of(blocks, reading.strong, styled=reading.styled)
    nodes += _Grower(blocks, own, captions, set(front), openings, (title,)).grow()
    heads = [blocks[index].text for index in front]
    signed = [block.text for block in blocks[-3:] if block.dated]
    return Outline(
        title,
        _finish(nodes),
        author=stated_author(heads) or reading.author,
        date=stated_date([*heads, *filter(None, [reading.date]), *signed]),
    )


def _title_node(block: Block) -> _Node:
    text = block.text if block.text.startswith("——") else clean(block.text)
    return _Node(text, "title", 0, block.span)


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
        and (title := clean(blocks[index].text))
    }
    ranks = [heading.rank for heading in own.values()]
    first = next(iter(own), None)
    if first is None or ranks.count(ranks[0]) > 1 or ranks[0] != min(r or 0 for r in ranks):
        return range(0), own
    del own[first]
    return title_lines(blocks, first, set(own)), own


class _Grower:
    """Goes through the blocks once and hangs each on the section it belongs to."""

    def __init__(
        self,
        blocks: Sequence[Block],
        own: dict[int, Heading],
        captions: Sequence[range],
        front: set[int],
        openings: Openings,
        root: tuple[str, ...],
    ) -> None:
        self._blocks, self._own, self._root = blocks, own, root
        self._front = front
        self._lead: _Node | None = None
        self._caption_count = 0
        self._captions = {run[0]: run for run in captions}
        self._in_captions = {index for run in captions for index in run}
        self._nodes: list[_Node] = []
        self._openings = openings
        self._open: list[tuple[_Node, Heading]] = []
        self._ranks = scheme(list(own.values()))

    def grow(self) -> list[_Node]:
        paragraphs: list[int] = []
        for index in range(len(self._blocks)):
            starts = index in self._own or index in self._captions or index in self._front
            if starts:
                self._fill(paragraphs)
                paragraphs = []
            if index in self._own:
                self._add(self._own[index])
            elif index in self._captions:
                self._caption(self._captions[index])
            elif index in self._front:
                self._open.clear()
                self._lead = None
            elif index not in self._in_captions:
                paragraphs.append(index)
        self._fill(paragraphs)
        return self._nodes

    def _add(self, heading: Heading) -> None:
        rank = place(heading, self._ranks)
        while self._open and place(self._open[-1][1], self._ranks) >= rank:
            self._open.pop()
        parent = self._open[-1][0] if self._open else None
        node = _Node(
            heading.title,
            "run_in" if heading.run_in else "section",
            len(self._open) + 1,
            heading.span,
            path=(*parent.path, parent.title) if parent else self._root,
            parent=parent,
        )
        self._open.append((node, heading))
        self._nodes.append(node)

    def _fill(self, paragraphs: Sequence[int]) -> None:
        found = self._openings.find(self._blocks, paragraphs)
        for index in paragraphs:
            span = self._blocks[index].span
            if heading := found.get(index):
                self._add(heading)
                rest = self._blocks[index].text[heading.span.end - span.start :]
                span = Span(span.end - len(rest.lstrip()), span.end)
            self._current().body.append(span)

    def _current(self) -> _Node:
        """The innermost open section; before the first heading, one that has none."""
        if self._open:
            return self._open[-1][0]
        if self._lead is None:
            self._lead = self._headless()
            self._nodes.append(self._lead)
        return self._lead

    def _headless(self) -> _Node:
        if self._own and not any(node.kind != "captions" for node in self._nodes):
            return _Node(LEAD, "lead", 1, None, path=self._root)
        return _Node(WHOLE, "section", 1, None, path=self._root)

    def _caption(self, run: range) -> None:
        self._caption_count += 1
        title = (
            f"{CAPTIONS}({_numeral(self._caption_count)})" if len(self._captions) > 1 else CAPTIONS
        )
        body = [self._blocks[index].span for index in run]
        self._nodes.append(_Node(title, "captions", 1, None, body, self._root))


def _numeral(number: int) -> str:
    tens, ones = divmod(number, 10)
    if number <= 10 or number >= 100:
        return _HAN[number] if number <= 10 else str(number)
    return (_HAN[tens] if tens > 1 else "") + "十" + (_HAN[ones] if ones else "")


def _finish(nodes: Sequence[_Node]) -> tuple[Section, ...]:
    """Freeze the nodes: ends known, introductions named, headlines first, then in text order."""
    for node in reversed(nodes):
        node.end = max(node.end, *(span.end for span in node.spans))
        if node.parent is not None:
            node.parent.end = max(node.parent.end, node.end)
            node.parent.divided = True
    sections: list[Section] = []
    for node in nodes:
        sections.append(node.freeze())
        if node.divided and node.body and node.kind != "run_in":
            sections.append(node.introduction())
    return tuple(sorted(sections, key=lambda s: (s.level > 0, s.start, s.level)))
