"""A Document -> the blocks of a reading page: headings, paragraphs, passages, in reading order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from index.hits import Hit, Mark
from kb.metadata import stated_date
from kb.types import Document, Passage, Section, Span
from web.highlight import Run, clip, covers, cuts, runs

OPENING = 2000  # characters, about what a reader sees of a document when it opens


@dataclass(frozen=True, slots=True)
class Focus:
    """The place a reader asked for, and what a search found there."""

    span: Span
    evidence: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Portion:
    """The part of a paragraph that belongs to one passage and is wholly in or out of focus."""

    runs: tuple[Run, ...]
    focused: bool
    first_focused: bool
    passage: Passage | None
    number: int
    """The passage's place in the document, from 1; 0 outside of any passage."""
    opens: bool
    """Whether the passage begins here, so that its anchor belongs here."""


@dataclass(frozen=True, slots=True)
class Block:
    """Section `number` of the outline as it is read: its heading, then its own paragraphs."""

    section: Section
    number: int
    anchor: str
    heading: tuple[Portion, ...]
    paragraphs: tuple[tuple[Portion, ...], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole document: title lines on top, whatever place the source prints them at."""

    titles: tuple[Block, ...]
    blocks: tuple[Block, ...]
    focused: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the outline with the lines under it."""

    section: Section
    anchor: str
    children: list[Entry] = field(default_factory=list)


def focus(span: Span | None, hit: Hit | None) -> Focus | None:
    """What to light up: the place alone, or with what a search found in it."""
    if span is None:
        return None
    return Focus(span, hit.evidence, hit.marks) if hit else Focus(span)


def anchor(section: Section) -> str:
    """The id of a section's heading on the page: stable as long as the text before it is."""
    return f"s-{section.start}"


def outline(document: Document) -> list[Entry]:
    """The outline as a tree, title lines left out."""
    roots: list[Entry] = []
    open_entries: list[Entry] = []
    for section in document.outline:
        if section.level == 0:
            continue
        entry = Entry(section, anchor(section))
        while open_entries and open_entries[-1].section.level >= section.level:
            open_entries.pop()
        (open_entries[-1].children if open_entries else roots).append(entry)
        open_entries.append(entry)
    return roots


def unsaid(document: Document) -> tuple[str, ...]:
    """Author and date, as far as the document's opening does not say them itself."""
    opening = document.text[:OPENING]
    said = {stated_date([line]) for line in opening.splitlines()}
    author = document.author if document.author and document.author not in opening else None
    date = document.date if document.date not in said else None
    return tuple(text for text in (author, date) if text)


def page(document: Document, passages: Iterable[Passage], focus: Focus | None = None) -> Page:
    """Lay out the document; every paragraph of the outline appears once."""
    setter = _Setter(document.text, tuple(passages), focus)
    # a part and the introduction under it may both claim a paragraph: the inner one has it
    owner = {span: number for number, s in enumerate(document.outline) for span in s.body}
    blocks = tuple(
        setter.block(number, section, [span for span in section.body if owner[span] == number])
        for number, section in enumerate(document.outline)
    )
    return Page(
        titles=tuple(block for block in blocks if block.section.level == 0),
        blocks=tuple(block for block in blocks if block.section.level > 0),
        focused=setter.focus_placed,
    )


class _Setter:
    """Sets sections in text order and remembers whether the focus has been met."""

    def __init__(self, text: str, passages: tuple[Passage, ...], focus: Focus | None) -> None:
        self.text = text
        self.passages = tuple(enumerate(sorted(passages, key=lambda p: p.start), 1))
        # no passage reaches into the next, so their ends are in order too
        self.starts = [passage.start for _, passage in self.passages]
        self.ends = [passage.end for _, passage in self.passages]
        self.focus = focus
        self.focus_placed = False

    def block(self, number: int, section: Section, bodies: Iterable[Span]) -> Block:
        heading = self.portions(section.heading) if section.heading else ()
        paragraphs = tuple(self.portions(span) for span in bodies)
        return Block(section, number, anchor(section), heading, paragraphs)

    def portions(self, span: Span) -> tuple[Portion, ...]:
        first, last = bisect_right(self.ends, span.start), bisect_left(self.starts, span.end)
        near = self.passages[first:last]
        focus = clip([self.focus.span], *span) if self.focus else ()
        places = [Span(p.start, p.end) for _, p in near]
        return tuple(self._portion(part, near, focus) for part in cuts(*span, places, focus))

    def _portion(
        self, part: Span, near: tuple[tuple[int, Passage], ...], focus: tuple[Span, ...]
    ) -> Portion:
        number, passage = next(
            ((n, p) for n, p in near if p.start <= part.start < p.end), (0, None)
        )
        focused = covers(focus, part.start)
        lit = self.focus if focused else None
        first = focused and not self.focus_placed
        self.focus_placed = self.focus_placed or focused
        return Portion(
            runs=runs(
                self.text,
                *part,
                evidence=lit.evidence if lit else (),
                marks=lit.marks if lit else (),
            ),
            focused=focused,
            first_focused=first,
            passage=passage,
            number=number,
            opens=passage is not None and passage.start == part.start,
        )
