"""Where in a document a reader is: the place asked for, and the matches before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.hits import Hit
from kb.types import Span
from web.asking import Question, answer

if TYPE_CHECKING:
    from index.search import Searcher


@dataclass(frozen=True, slots=True)
class Place:
    """The place a URL names; `span` is None where it names none, or one that does not exist."""

    span: Span | None
    asked: bool


@dataclass(frozen=True, slots=True)
class Trail:
    """The matches of the question that led here; `here` is the one in view."""

    here: Hit | None = None
    before: Hit | None = None
    after: Hit | None = None


def locate(args: Mapping[str, str], length: int) -> Place:
    """Read `start` and `end`, half-open code points into a text of `length`."""
    start, end = args.get("start", ""), args.get("end", "")
    asked = bool(start or end)
    # a number of more digits than any file has characters is no place either
    if not all(number.isdecimal() and len(number) < 12 for number in (start, end)):
        return Place(None, asked)
    span = Span(int(start), int(end))
    return Place(span if span.start < span.end <= length else None, asked)


def trail(question: Question, searcher: Searcher, document_id: str, span: Span | None) -> Trail:
    """Ask `question` again and find the match at `span` among its hits."""
    if span is None or not question.text:
        return Trail()
    found = answer(question, searcher)
    hits = found.results.hits if found.results else ()
    for i, hit in enumerate(hits):
        at = (hit.document.id, hit.passage.start, hit.passage.end)
        if at == (document_id, *span):
            before = hits[i - 1] if i else None
            after = hits[i + 1] if i + 1 < len(hits) else None
            return Trail(hit, before, after)
    return Trail()
