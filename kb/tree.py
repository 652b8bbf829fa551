"""Headings, captions and paragraphs into a tree of sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kb.blocks import Block
from kb.headings import Heading, clean, one_line, shortened
from kb.levels import place, scheme
from kb.numbering import han
from kb.runin import Openings, addresses
from kb.types import Kind, Section, Span

LEAD, INTRODUCTION, CAPTIONS, WHOLE = "导语", "(引言)", "图片说明", "正文"
"""Titles of sections that have no heading in the source."""


def grow(
    blocks: Sequence[Block],
    own: Mapping[int, Heading],
    captions: Sequence[range],
    front: Sequence[int],
    openings: Openings,
    title: str,
) -> tuple[Section, ...]:
    """Hang every block on the section it belongs to.

    `own` are the headings that have a line, `captions` the runs of captions, `front` the
    headline and its company, all by block index. The front comes first, then the sections in
    text order.
    """
    nodes = [_title_node(blocks[index]) for index in front]
    nodes += _Grower(blocks, own, captions, set(front), openings, (title,)).grow()
    return _finish(nodes)


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


def _title_node(block: Block) -> _Node:
    words = one_line(block.text)
    title = shortened(words) if words.startswith("——") else clean(words)
    return _Node(title, "title", 0, block.span)


class _Grower:
    """Goes through the blocks once and hangs each on the section it belongs to."""

    def __init__(
        self,
        blocks: Sequence[Block],
        own: Mapping[int, Heading],
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
            elif addresses(self._blocks[index]):
                self._turn()
            self._current().body.append(span)

    def _turn(self) -> None:
        """End the headings that run in, where one with a line of its own is open above them.

        What is said to the audience anew, thanks or difficulties, belongs to none of the items.
        """
        inner = next((i for i, (node, _) in enumerate(self._open) if node.kind == "run_in"), 0)
        if not inner:
            return
        parent, heading = self._open[inner - 1][0], self._open[inner][1]
        path = (*parent.path, parent.title)
        node = _Node(WHOLE, "section", inner + 1, None, path=path, parent=parent)
        self._open[inner:] = [(node, heading)]
        self._nodes.append(node)

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
        title = f"{CAPTIONS}({han(self._caption_count)})" if len(self._captions) > 1 else CAPTIONS
        body = [self._blocks[index].span for index in run]
        self._nodes.append(_Node(title, "captions", 1, None, body, self._root))


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
