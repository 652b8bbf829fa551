"""The answers of the endpoint as types: what each field means stands here and in OpenAPI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict  # pydantic cannot read typing's before Python 3.12

from index.hits import Mode
from kb.types import Kind

_CLOSED = ConfigDict(extra="forbid")

Offset = Annotated[
    int, Field(ge=0, description="In Unicode code points, into the document's text; half-open.")
]

Generation = Annotated[str, Field(description="The index that this is from, by its name.")]
SectionKind = Annotated[
    Kind,
    Field(
        description="Part: a section of the first rank that others divide. Lead: text before the "
        "first heading, or between a heading and the first below it. Run_in: its heading is the "
        "opening of its paragraph. Captions: lines under pictures."
    ),
]


@with_config(_CLOSED)
class SpanShape(TypedDict):
    """A stretch of the document's text."""

    start: Offset
    end: Offset


@with_config(_CLOSED)
class QuoteShape(SpanShape):
    """A stretch of the document's text, with that text."""

    text: str


@with_config(_CLOSED)
class MarkShape(SpanShape):
    """Words that matched the query."""

    weight: Annotated[float, Field(ge=0, le=1, description="Higher is the stronger match.")]


@with_config(_CLOSED)
class SignalsShape(TypedDict):
    """What each ranker made of the passage; higher is nearer."""

    dense: Annotated[float, Field(description="Vectors of its clauses.")]
    lexical: Annotated[float, Field(description="Characters and words (BM25).")]
    late: Annotated[float, Field(description="Vectors of its tokens (MaxSim).")]


@with_config(_CLOSED)
class TitledShape(TypedDict):
    """A document by id and title."""

    id: str
    title: str


@with_config(_CLOSED)
class StatedShape(TitledShape):
    """A document and what it states of itself."""

    author: Annotated[str | None, Field(description="Null where it names none.")]
    date: Annotated[
        str | None,
        Field(description="ISO 8601, as far as it goes (2021-05-01, 2021-05); null without one."),
    ]


@with_config(_CLOSED)
class PassageShape(QuoteShape):
    """The passage, verbatim."""

    id: Annotated[str, Field(description="The same from build to build.")]
    kind: SectionKind
    page: Annotated[
        int | None, Field(ge=1, description="The page it begins on; null in a format without.")
    ]
    paragraph: Annotated[
        int, Field(ge=0, description="Of its beginning, headings counted, from 1.")
    ]


@with_config(_CLOSED)
class HitShape(TypedDict):
    """A passage that answers."""

    rank: Annotated[int, Field(ge=1)]
    score: Annotated[
        float,
        Field(
            description="Comparable within one answer only. The first 32 hits are ranked among "
            "themselves, then the next: the score of the 33rd may be above that of the 32nd."
        ),
    ]
    document: StatedShape
    headings: Annotated[list[str], Field(description="From the first rank down to its section.")]
    passage: PassageShape
    evidence: Annotated[list[QuoteShape], Field(description="The clauses that answer best.")]
    marks: Annotated[list[MarkShape], Field(description="The words of it that matched.")]
    signals: SignalsShape
    url: Annotated[str, Field(description="Path of the page with the passage, on this server.")]


@with_config(_CLOSED)
class SectionShape(SpanShape):
    """A node of the outline."""

    number: Annotated[int, Field(ge=0, description="Its place in the outline; names it here.")]
    title: Annotated[str, Field(description="Its heading; a word for its kind where it has none.")]
    kind: SectionKind
    level: Annotated[int, Field(ge=0, description="0 for the title, 1 for the first rank.")]


@with_config(_CLOSED)
class ScopeShape(TypedDict):
    """What the search was kept to."""

    document: TitledShape
    section: Annotated[SectionShape | None, Field(description="Null for the whole document.")]


@with_config(_CLOSED)
class SearchShape(TypedDict):
    """The answer to one query, wholly from one generation of the index."""

    query: str
    mode: Mode
    generation: Generation
    took_ms: Annotated[float, Field(ge=0, description="Of the search itself, without HTTP.")]
    weak: Annotated[bool, Field(description="Nothing comes close: these are only the nearest.")]
    within: Annotated[ScopeShape | None, Field(description="Null where all was searched.")]
    hits: Annotated[list[HitShape], Field(description="Best first.")]


@with_config(_CLOSED)
class DocumentSummaryShape(StatedShape):
    """A document without its text."""

    name: Annotated[str, Field(description="Its path within the library.")]
    characters: Annotated[int, Field(ge=0)]
    sections: Annotated[int, Field(ge=0)]
    passages: Annotated[int, Field(ge=0)]
    clauses: Annotated[int, Field(ge=0)]
    fingerprint: Annotated[str, Field(description="SHA-256 of the file, hexadecimal.")]


@with_config(_CLOSED)
class SkippedShape(TypedDict):
    """A file of the library that could not be read."""

    name: Annotated[str, Field(description="Its path within the library.")]
    reason: Annotated[str, Field(description="Why, in English.")]


@with_config(_CLOSED)
class LibraryShape(TypedDict):
    """The documents of the serving generation."""

    generation: Generation
    built_at: Annotated[str, Field(description="ISO 8601, UTC.")]
    documents: list[DocumentSummaryShape]
    skipped: list[SkippedShape]


@with_config(_CLOSED)
class DocumentShape(StatedShape):
    """A whole document."""

    name: Annotated[str, Field(description="Its path within the library.")]
    generation: Generation
    fingerprint: Annotated[str, Field(description="SHA-256 of the file, hexadecimal.")]
    text: Annotated[str, Field(description="What every offset points into.")]
    outline: Annotated[list[SectionShape], Field(description="Flat, in text order.")]
    pages: Annotated[
        list[Offset], Field(description="Where each page begins; empty in a format without.")
    ]


@with_config(_CLOSED)
class RebuildShape(TypedDict):
    """How the newest rebuild stands."""

    state: Annotated[
        Literal["idle", "running", "done", "failed"],
        Field(description="Idle: none was begun since the server started."),
    ]
    stage: Annotated[str | None, Field(description="read, encode, index, verify or publish.")]
    done: Annotated[int, Field(ge=0, description="Steps of this stage that are done.")]
    total: Annotated[int, Field(ge=0, description="Steps of this stage; 0 when not known.")]
    error: Annotated[
        str | None,
        Field(description="Why it failed; other machines are told to see the server's log."),
    ]
    generation: Annotated[str | None, Field(description="What the rebuild published.")]
    started_at: Annotated[str | None, Field(description="ISO 8601, UTC.")]
    finished_at: Annotated[str | None, Field(description="ISO 8601, UTC.")]


@with_config(_CLOSED)
class ChangeShape(TypedDict):
    """A document that was added or removed; searches know of it once the rebuild is done."""

    id: Annotated[str, Field(description="Its id, in the index too.")]
    name: Annotated[str, Field(description="Its path within the library.")]
    rebuild: RebuildShape


@with_config(_CLOSED)
class AliveShape(TypedDict):
    """The process answers."""

    status: Literal["ok"]


@with_config(_CLOSED)
class ReadyShape(TypedDict):
    """An index is serving."""

    status: Literal["ready"]
    generation: Generation
    fault: Annotated[
        str | None,
        Field(
            description="Why a newer generation is not served; null where all is well. Other "
            "machines are told to see the server's log."
        ),
    ]


@with_config(_CLOSED)
class ParameterFaultShape(TypedDict):
    """One parameter that does not fit."""

    parameter: str
    reason: str


class _ProblemShape(TypedDict):
    type: str
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What happened and what to do.")]
    request_id: Annotated[str, Field(description="Finds the request in the server's log.")]


@with_config(_CLOSED)
class ProblemShape(_ProblemShape, total=False):
    """What went wrong (RFC 9457)."""

    errors: Annotated[list[ParameterFaultShape], Field(description="With 400: each fault.")]
