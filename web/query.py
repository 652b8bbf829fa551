"""What may be asked: the parameters of a search, checked the same way for page and endpoint."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl

from flask import request
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError
from werkzeug.exceptions import RequestURITooLarge, UnsupportedMediaType

from index.hits import Mode
from web.problems import BadParameters

if TYPE_CHECKING:
    from index.hits import Results
    from index.search import Searcher

MAX_QUERY = 1000  # code points; the longest question anybody typed into a search box is shorter
MAX_K = 100
MAX_SECTION = 999_999  # a bound for numbers that come from outside; no outline has as many


def _speakable(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    if "\0" in text:
        raise PydanticCustomError("nul", "must not contain NUL")
    return text


def _whole(number: object) -> object:
    # 3.0 is an integer in JSON, and some writers send it so
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _of_a_document(section: int | None, info: ValidationInfo) -> int | None:
    if section is not None and "document" in info.data and info.data["document"] is None:
        raise PydanticCustomError("document", "needs the document that it is a section of")
    return section


class SearchRequest(BaseModel):
    """A question and how to answer it."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={
            "if": {"properties": {"section": {"type": "integer"}}, "required": ["section"]},
            "then": {"properties": {"document": {"type": "string"}}, "required": ["document"]},
        },
    )

    q: Annotated[
        str,
        Field(
            max_length=MAX_QUERY,
            min_length=1,
            description="The question, in your own words; not blank, without NUL.",
            json_schema_extra={"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"},
        ),
        AfterValidator(_speakable),
    ]
    k: Annotated[
        int,
        Field(ge=1, le=MAX_K, description="The most hits wanted; fewer if there are fewer."),
        BeforeValidator(_whole),
    ] = 10
    mode: Annotated[
        Mode,
        Field(
            description="All signals together, the vectors of clauses alone, or the words (BM25) "
            "alone."
        ),
    ] = "hybrid"
    document: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Search this document alone, by its id."),
    ] = None
    section: Annotated[
        int | None,
        Field(
            ge=0,
            le=MAX_SECTION,
            description="Search this section of the document alone, by its number in the outline.",
        ),
        BeforeValidator(_whole),
        AfterValidator(_of_a_document),
    ] = None

    def ask(self, searcher: Searcher, until: float = math.inf) -> Results:
        """Put it to the index; raises UnknownDocument, UnknownSection or SearchTooSlow."""
        return searcher.search(
            self.q,
            k=self.k,
            mode=self.mode,
            document=self.document,
            section=self.section,
            until=until,
        )


def from_request(max_url: int) -> SearchRequest:
    """Read the search of the present request: query string of a GET, JSON body of a POST."""
    return checked(_from_body() if request.method == "POST" else _from_query_string(max_url))


def checked(values: dict[str, Any]) -> SearchRequest:
    """Check the values of a search; raises BadParameters that names every fault."""
    try:
        return SearchRequest.model_validate(values)
    except ValidationError as error:
        raise BadParameters(
            [(".".join(map(str, e["loc"])) or "body", e["msg"]) for e in error.errors()]
        ) from None


def _from_query_string(max_url: int) -> dict[str, Any]:
    """The present query string as values; strict about UTF-8 and about repeated names.

    Flask's `request.args` puts something else in place of bytes that are no UTF-8, and keeps
    the first of repeated names silently: a question must not be changed on its way.
    """
    raw = request.query_string
    if len(raw) > max_url:
        raise RequestURITooLarge(f"the query string is longer than {max_url} bytes: use POST")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
    except UnicodeDecodeError:
        raise BadParameters([("query string", "is not UTF-8")]) from None
    except ValueError:
        raise BadParameters([("query string", "has too many parameters")]) from None
    values: dict[str, Any] = _once(pairs)
    for name in ("k", "section"):
        if re.fullmatch("[0-9]{1,7}", values.get(name, "")):
            values[name] = int(values[name])
    return values


def _from_body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the search as application/json")
    try:
        values = json.loads(request.get_data().decode(), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise BadParameters([("body", "is not UTF-8")]) from None
    except (ValueError, RecursionError):
        raise BadParameters([("body", "is not valid JSON")]) from None
    if not isinstance(values, dict):
        raise BadParameters([("body", "must be a JSON object")])
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BadParameters([("parameters", "must each be given once")])
    return values
