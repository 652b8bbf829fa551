"""A hit as the page shows it: path, runs, link, citation, signals."""

from __future__ import annotations

from dataclasses import dataclass

from index.hits import Hit
from kb.tree import WHOLE
from kb.types import Kind
from web.asking import Answer, Question
from web.highlight import Run, matched_words, runs
from web.wording import gettext


def unnamed(kind: Kind, title: str) -> str | None:
    """What a section without a heading of its own goes by; None for those that have one."""
    match kind:
        case "title":
            return gettext("Title")
        case "lead":
            return gettext("Lead")
        case "captions":
            return gettext("Picture captions")
        case "section" if title == WHOLE:
            return gettext("Text")
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Signal:
    """One ranker's view of a hit; `share` is its value over the best on this page, 0..1."""

    name: str
    meaning: str
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class ShownHit:
    """Everything the template prints of a hit."""

    hit: Hit
    runs: tuple[Run, ...]
    path: tuple[str, ...]
    heading: str
    url: str
    words: tuple[str, ...]
    place: str
    characters: str
    citation: str
    signals: tuple[Signal, ...]


def show(answer: Answer) -> tuple[ShownHit, ...]:
    """The hits of this page, ready to print."""
    hits = answer.hits
    best = {
        name: max((getattr(hit.signals, name) for hit in hits), default=0.0)
        for name in ("dense", "lexical", "late")
    }
    return tuple(_show(hit, answer.question, best) for hit in hits)


def _show(hit: Hit, question: Question, best: dict[str, float]) -> ShownHit:
    passage = hit.passage
    origin = passage.start
    path = path_of(hit)
    return ShownHit(
        hit=hit,
        runs=runs(
            passage.text,
            passage.start,
            passage.end,
            evidence=hit.evidence,
            marks=hit.marks,
            origin=origin,
        ),
        path=path[:-1],
        heading=path[-1],
        url=question.reading_url(hit),
        words=matched_words(passage.text, hit.marks, origin=origin),
        place=place_of(hit),
        characters=gettext(
            "characters %(first)d–%(last)d", first=passage.start + 1, last=passage.end
        ),
        citation=_citation(hit, path),
        signals=_signals(hit, best),
    )


def path_of(hit: Hit) -> tuple[str, ...]:
    """Where the passage stands, outermost first; never empty."""
    passage = hit.passage
    if name := unnamed(passage.kind, "".join(passage.headings[-1:])):
        return (*passage.headings[:-1], name)
    return passage.headings or (hit.document.title,)


def place_of(hit: Hit) -> str:
    """Where in its document the passage begins: its page, if there are pages, and paragraph."""
    page, paragraph = hit.passage.page, hit.passage.paragraph
    if page is None:
        return gettext("paragraph %(paragraph)d", paragraph=paragraph)
    return gettext("page %(page)d, paragraph %(paragraph)d", page=page, paragraph=paragraph)


def _citation(hit: Hit, path: tuple[str, ...]) -> str:
    """Author, title, date, section and place, those that there are."""
    document = hit.document
    section = "" if path == (document.title,) else " › ".join(path)
    parts = (
        document.author,
        gettext("%(title)s", title=document.title),
        document.date,
        section and gettext("“%(section)s”", section=section),
        place_of(hit),
    )
    return gettext("— ") + gettext(", ").join(part for part in parts if part)


def _signals(hit: Hit, best: dict[str, float]) -> tuple[Signal, ...]:
    named = (
        ("dense", gettext("Meaning"), gettext("how near the best clause is to the question")),
        ("lexical", gettext("Words"), gettext("how much of the wording is the same")),
        ("late", gettext("Word by word"), gettext("how well each word finds a partner")),
    )
    return tuple(
        Signal(name, meaning, value := getattr(hit.signals, key), _share(value, best[key]))
        for key, name, meaning in named
    )


def _share(value: float, best: float) -> float:
    return min(max(value / best, 0.0), 1.0) if best > 0 else 0.0
