"""A document into passages: what a search returns, each within one section."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from kb.blocks import BLANK, is_wide, split
from kb.clauses import cut_clauses, evenly, scale, sentences, trim
from kb.numbering import read_label
from kb.runin import ADDRESS
from kb.types import Document, Passage, Section, Span

# In Han characters. Paragraphs under `_SHORT` are put together up to `_FULL`; those over
# `_LONG` are split. One screen of text, and what the encoder reads in one go.
_SHORT, _FULL, _LONG = 150, 350, 450


def cut(document: Document) -> tuple[Passage, ...]:
    """Cut a document into passages, in the order of its outline.

    Every character of the text that is not `BLANK` is in exactly one passage or in a heading with
    a line of its own; where nothing stands below such a heading, or it is longer than headings
    are, it is a passage. An id depends on the passage's text alone (and on how many like it came
    before), so it survives changes elsewhere in the document. No two are the same.
    """
    used: set[str] = set()
    seen: Counter[str] = Counter()
    passages: list[Passage] = []
    introduced = _introduced(document)
    starts = [block.start for block in split(document.text)]
    for section in document.outline:
        for paragraphs in _groups(document.text, section, introduced):
            start, end = paragraphs[0].start, paragraphs[-1].end
            text = document.text[start:end]
            short = _short_hash(f"{text}\0{seen[text]}", used)
            seen[text] += 1
            used.add(short)
            passages.append(
                Passage(
                    id=f"{document.id}-{short}",
                    document_id=document.id,
                    kind=section.kind,
                    headings=() if section.kind == "title" else (*section.path[1:], section.title),
                    text=text,
                    start=start,
                    end=end,
                    clauses=cut_clauses(document.text, paragraphs),
                    page=bisect_right(document.pages, start) or None,
                    paragraph=bisect_right(starts, start),
                )
            )
    return tuple(passages)


def _short_hash(words: str, used: set[str]) -> str:
    """The first 40 bits of a SHA-256, hex; of another where they are those of one in use."""
    short, tries = hashlib.sha256(words.encode()).hexdigest()[:10], 0
    while short in used:
        tries += 1
        short = hashlib.sha256(f"{words}\0{tries}".encode()).hexdigest()[:10]
    return short


def _introduced(document: Document) -> frozenset[Span]:
    """The first paragraphs of introductions: the section above lists them too."""
    return frozenset(s.body[0] for s in document.outline if s.kind == "lead" and s.level > 1)


def _groups(text: str, section: Section, introduced: frozenset[Span]) -> Iterator[list[Span]]:
    """The paragraphs of each passage of a section."""
    if _tells(section) and section.heading is not None:
        yield from ([span] for span in _split(text, section.heading))
    paragraphs = _paragraphs(section)
    if section.kind != "lead" and paragraphs and paragraphs[0] in introduced:
        return
    if section.kind == "captions":
        yield from ([span] for span in paragraphs)
        return
    group: list[Span] = []
    for whole in paragraphs:
        for span in _split(text, whole):
            end = paragraphs[-1].end
            if group and not _fit(text, group, span) and not _ends_list(text, group, span, end):
                kept = len(group) - _announced(text, group, span)
                yield group[:kept]
                group = group[kept:]
            group.append(span)
    if group:
        yield group


def _tells(section: Section) -> bool:
    """Whether a heading is a passage: a title, over nothing, or too long to be no more than one.

    What runs into a paragraph is a part of its passage.
    """
    if section.heading is None or section.kind == "run_in":
        return False
    bare = section.kind == "title" or section.end == section.heading.end
    return bare or is_wide(section.title)


def _paragraphs(section: Section) -> list[Span]:
    if section.kind == "run_in" and section.heading is not None and section.body:
        return [Span(section.heading.start, section.body[0].end), *section.body[1:]]
    return list(section.body)


def _fit(text: str, group: list[Span], span: Span) -> bool:
    if text[group[-1].end : span.start].strip(BLANK):
        return False  # captions stand between
    full = _FULL * scale(text[group[0].start : span.end])
    short = min(group[-1].end - group[0].start, span.end - span.start)
    return span.end - group[0].start <= full and short < _SHORT * full / _FULL


def _ends_list(text: str, group: list[Span], span: Span, end: int) -> bool:
    """Whether a list goes on or is closed by what is left up to `end`, and a passage holds it too.

    Alone, the last items of a statute's list would say nothing of what they are.
    """
    labels = (read_label(text[each.start : each.end]) for each in (group[-1], span))
    if not any(label and label.ordinal > 1 and label.style != "条" for label in labels):
        return False
    factor = scale(text[group[0].start : end])
    held = end - group[0].start <= _LONG * factor and end - span.start < _SHORT * factor
    return held and not text[group[-1].end : span.start].strip(BLANK)


def _announced(text: str, group: list[Span], span: Span) -> bool:
    """Whether the last of several paragraphs announces `span`: its passage begins with both."""
    last = group[-1]
    words = text[last.start : last.end]
    if len(group) == 1 or text[last.end : span.start].strip(BLANK):
        return False
    announces = words[-1] in "：:" or ADDRESS.fullmatch(words)
    return bool(announces) and span.end - last.start <= _LONG * scale(text[last.start : span.end])


def _split(text: str, paragraph: Span) -> list[Span]:
    """Cut a long paragraph evenly at its sentence ends, or at clauses where it has too few."""
    length = paragraph.end - paragraph.start
    factor = scale(text[paragraph.start : paragraph.end])
    if length <= _LONG * factor:
        return [paragraph]
    ends = [span.end for span in sentences(text, paragraph)]
    fine = [clause.end for clause in cut_clauses(text, [paragraph])]
    parts = -(-length // int(_FULL * factor))
    for candidates in (ends, fine):
        cuts = [paragraph.start, *evenly(paragraph, candidates, parts), paragraph.end]
        spans = [trim(text, Span(a, b)) for a, b in pairwise(cuts) if a < b]
        if max(span.end - span.start for span in spans) <= _LONG * factor:
            return spans
    return spans
