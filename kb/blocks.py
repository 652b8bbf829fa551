"""Text into blocks: the paragraphs and lines that stand by themselves, and what each looks like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from kb.numbering import Label, is_item, read_label
from kb.types import Span

_CLOSERS = "”’」』）)》】〉\"'*_"
_SENTENCE_END = re.compile(r"[。！？；!?;]|\.\s")
_BARE_DATE = re.compile(r"[（(]?[\d零〇一二三四五六七八九十]{2,4}[年./-].{1,8}[日月\d][）)]?$")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_WHITE = "".join(filter(str.isspace, map(chr, range(0x3001))))
BLANK = _WHITE + "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""White space and what else nobody sees where a line begins or ends.

Editors of web pages and word processors leave such marks there, and alone in paragraphs that
are to be empty: behind one, a heading would be none and a sentence would have no end.
"""

# A heading is read at a glance; the longest of some 2,000 in official reports and statutes
# has 52 characters. In Latin script a character says about half as much.
HEADING_WIDTH = 60
# What is shorter is a greeting or a label (各位代表：), not body text under a heading.
_BODY_MIN = 10


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or a line: `text == document.text[start:end]`, nothing blank at its ends.

    `gap` is the number of blank lines before it, `indented` whether its first line is set in,
    `ended` whether it closes as a sentence or an announcement does, `prose` whether it is
    running text, finished or broken off, as stands under a heading.
    """

    text: str
    start: int
    end: int
    gap: int
    indented: bool
    label: Label | None
    ended: bool
    prose: bool

    @classmethod
    def of(cls, text: str, start: int, gap: int, *, indented: bool) -> Block:
        """Look at `text`, which begins at `start` of the document."""
        label, ended = read_label(text), _is_ended(text)
        prose = _is_prose(text[label.end :] if label else text, ended=ended)
        return cls(text, start, start + len(text), gap, indented, label, ended, prose)

    @property
    def span(self) -> Span:
        """Its place in the text."""
        return Span(self.start, self.end)

    @property
    def short(self) -> bool:
        """Whether it may be a heading, a headline or a caption by its looks alone."""
        return not self.ended and "\n" not in self.text and not is_wide(self.text)

    @property
    def loose(self) -> bool:
        """Whether it is a short line with nothing before it that says what it is."""
        return (
            self.short
            and not self.prose
            and self.text[-1] not in "，,、"
            and not is_table_row(self.text)
            and any(map(str.isalnum, self.text))
            and not is_item(self.text)
        )

    @property
    def dated(self) -> bool:
        """Whether it is a date and nothing more."""
        return _BARE_DATE.match(self.text) is not None


def _is_ended(text: str) -> bool:
    tail = text[-8:].rstrip(_CLOSERS)[-1:]
    return (tail != "" and tail in "。！？；!?;…：:") or (tail == "." and not has_cjk(text))


def _is_prose(words: str, *, ended: bool) -> bool:
    if ended:
        return len(words) >= _BODY_MIN
    if len(words) > 40 and words.count("，") + words.count(",") >= 2:
        return True
    return _SENTENCE_END.search(words) is not None


def is_table_row(text: str) -> bool:
    """Whether tabs or bars divide it into cells."""
    return "\t" in text or " | " in text


def is_wide(text: str) -> bool:
    """Whether it is longer than a heading is."""
    return len(text) > 2 * HEADING_WIDTH or (len(text) > HEADING_WIDTH and has_cjk(text))


def has_cjk(text: str) -> bool:
    """Whether a Chinese character is in it."""
    return _CJK.search(text) is not None


@lru_cache(maxsize=1)  # joining, outline and passages ask for the same text in turn
def split(text: str) -> tuple[Block, ...]:
    """Cut `text` into its blocks, in order; every character that is not blank is in one.

    A line is a block, as Chinese plain text has it, unless the document is hard-wrapped: then
    the lines between two blank ones are.
    """
    lines = _lines(text)
    return _unwrap(text, lines) if _is_wrapped(lines) else tuple(lines)


def usual_gap(blocks: Sequence[Block]) -> int:
    """Return the number of blank lines that most often stands before running text."""
    body = [block.gap for block in blocks[1:] if block.prose]
    counts = Counter(body or [block.gap for block in blocks[1:]])
    return min(counts, key=lambda gap: (-counts[gap], gap), default=0)


def _lines(text: str) -> list[Block]:
    blocks: list[Block] = []
    gap = start = 0
    for line in text.split("\n"):
        if words := line.strip(BLANK):
            left = start + len(line) - len(line.lstrip(BLANK))
            indented = left - start >= 2 or line.startswith("\u3000")
            blocks.append(Block.of(words, left, gap, indented=indented))
            gap = 0
        else:
            gap += 1
        start += len(line) + 1
    return blocks


def _columns(text: str) -> int:
    return len(text) + len(_CJK.findall(text))


def _is_wrapped(lines: Sequence[Block]) -> bool:
    """Whether lines end where the page did: most inner ones unfinished and nearly full width."""
    inner = [a for a, b in pairwise(lines) if _may_go_on(a, b)]
    if len(inner) < 3:
        return False
    widths = sorted(_columns(line.text) for line in inner)
    full = widths[len(widths) * 9 // 10]
    if not 40 <= full <= 130:
        return False
    wrapped = sum(not a.ended and _columns(a.text) >= 0.75 * full for a in inner)
    return wrapped >= 0.6 * len(inner)


def _may_go_on(line: Block, after: Block) -> bool:
    """Whether the line after it may be more of the same paragraph."""
    row = is_table_row(line.text) or is_table_row(after.text)
    return after.gap == 0 and not row and not is_item(after.text)


def _unwrap(text: str, lines: Sequence[Block]) -> tuple[Block, ...]:
    groups: list[list[Block]] = []
    for line in lines:
        if groups and not line.indented and _may_go_on(groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return tuple(
        Block.of(text[g[0].start : g[-1].end], g[0].start, g[0].gap, indented=g[0].indented)
        for g in groups
    )
