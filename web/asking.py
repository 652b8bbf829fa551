"""A question as a URL states it, and what the page has to say to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from flask import url_for

from index.hits import MODES, Hit, Mode, Results
from index.terms import phrases, without_quotes
from kb.errors import UnknownDocument, UnknownSection
from kb.types import Section
from web import gate
from web.query import MAX_QUERY

if TYPE_CHECKING:
    from index.search import Searcher

PER_PAGE = 10
LAST_PAGE = 10  # nobody reads further, and k stays small

Outcome = Literal[
    "blank", "found", "weak", "nothing", "too_long", "unknown_document", "unknown_section"
]
STATUS: dict[Outcome, int] = {"too_long": 400, "unknown_document": 404, "unknown_section": 404}


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a result page depends on, so that its URL can be kept and shared."""

    text: str = ""
    mode: Mode = "hybrid"
    document: str | None = None
    section: int | None = None
    page: int = 1

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Question:
        """Read the parameters of a search; what makes no sense becomes the default."""
        mode = args.get("mode", "")
        page = args.get("page", "")
        document = args.get("document") or None
        section = args.get("section", "") if document else ""
        return cls(
            text=args.get("q", "").replace("\0", " ").strip(),
            mode=mode if mode in MODES else "hybrid",
            document=document,
            section=_number(section),
            page=min(max(_number(page) or 1, 1), LAST_PAGE),
        )

    def args(self) -> dict[str, str]:
        """The query parameters of this question, defaults left out."""
        stated = {
            "q": self.text,
            "mode": self.mode if self.mode != "hybrid" else "",
            "document": self.document or "",
            "section": "" if self.section is None else str(self.section),
            "page": str(self.page) if self.page > 1 else "",
        }
        return {name: value for name, value in stated.items() if value}

    @property
    def unquoted(self) -> str:
        """The question without the quotes of what must appear; "" where it has none."""
        return without_quotes(self.text) if phrases(self.text) else ""

    def url(self, **changes: object) -> str:
        """The address of the result page, with some parts changed."""
        return url_for("pages.search", **replace(self, **changes).args())  # type: ignore[arg-type]

    def reading_url(self, hit: Hit) -> str:
        """The address of `hit` in its document, from where one can go on to the next match."""
        asked = replace(self, page=(hit.rank - 1) // PER_PAGE + 1).args()
        return url_for(
            "pages.document",
            document_id=hit.document.id,
            start=hit.passage.start,
            end=hit.passage.end,
            _anchor="match",
            **asked,  # type: ignore[arg-type]
        )


def _number(text: str) -> int | None:
    """The number that `text` writes; none of more digits than anything here is counted with."""
    return int(text) if text.isdecimal() and len(text) < 7 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and the part of it that this page shows."""

    question: Question
    outcome: Outcome
    results: Results | None = None

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits of this page."""
        first = (self.question.page - 1) * PER_PAGE
        return self.results.hits[first : first + PER_PAGE] if self.results else ()

    @property
    def has_more(self) -> bool:
        """Whether a further page has hits."""
        shown = self.question.page * PER_PAGE
        return bool(self.results and len(self.results.hits) > shown) and (
            self.question.page < LAST_PAGE
        )

    @property
    def status(self) -> int:
        """The HTTP status that says the same."""
        return STATUS.get(self.outcome, 200)


def section_of(question: Question, searcher: Searcher) -> Section | None:
    """The section that the question is kept to, if there is one of that number."""
    if question.document is None or question.section is None:
        return None
    try:
        outline = searcher.document(question.document).outline
    except UnknownDocument:
        return None
    return outline[question.section] if question.section < len(outline) else None


def answer(question: Question, searcher: Searcher) -> Answer:
    """Ask the index, or say why that makes no sense."""
    if not question.text:
        return Answer(question, "blank")
    if len(question.text) > MAX_QUERY:
        return Answer(question, "too_long")
    try:
        results = searcher.search(
            question.text,
            k=question.page * PER_PAGE + 1,  # one more tells whether another page follows
            mode=question.mode,
            document=question.document,
            section=question.section,
            until=gate.deadline(),
        )
    except UnknownDocument:
        return Answer(question, "unknown_document")
    except UnknownSection:
        return Answer(question, "unknown_section")
    found = Answer(question, "weak" if results.weak else "found", results)
    return found if found.hits else replace(found, outcome="nothing")
