"""The description of the endpoint: valid, complete, and true of every answer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from schemathesis import Case, CheckFunction, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from index.home import Home
from kb.library import document_id
from tests.conftest import REPORTS
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app, openapi
from web.gate import SECONDS
from web.live import Live
from web.settings import Settings

TOKEN = "s3cret"  # noqa: S105
LIBRARY = [document_id(name) for name in REPORTS]


@pytest.fixture(scope="module")
def app(module_home: Home) -> Iterator[Flask]:
    live = Live(module_home, HashEncoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    yield create_app(live, settings=Settings(admin_token=TOKEN))
    wait_for(lambda: live.state.state != "running", 60)
    assert live.stop()


@pytest.fixture(scope="module")
def described(app: Flask) -> OpenApiSchema:
    schema: OpenApiSchema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    return schema


OPERATIONS = [
    (path, method, mode)
    for path, ways in openapi.document(Settings())["paths"].items()
    for method in ways
    for mode in GenerationMode
    if mode.is_positive or path == "/api/search" or (path, method) == ("/api/documents", "post")
]
# Files of a library, and what people and attackers send in their place.
NAMES = st.text() | st.sampled_from(["union.txt", "../../up.md", "a.docx", "a.pdf", "b.html"])
FILES = st.binary() | st.sampled_from(["工会\n\n正文。".encode(), b"<p>x", b"%PDF-1", b"PK\3\4"])
# most of these are refused, so that one that is taken is drawn as often as all others
SENT = st.tuples(FILES, NAMES) | st.just(("工会\n\n正文。".encode(), "union.txt"))
# Whether a file can be read as a document is more than a schema can say.
UNSAID: list[CheckFunction] = [positive_data_acceptance]


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_every_answer_is_as_described(
    described: OpenApiSchema, path: str, method: str, mode: GenerationMode
) -> None:
    """Whatever the description allows or forbids: no 5xx but the stated ones, all in schema.

    By whoever may change the library and whoever may not, of documents that are there and not.
    """
    operation = described[path][method.upper()]
    met: set[int] = set()

    @settings(
        max_examples=60,
        derandomize=True,  # the same questions in every run
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.data())
    def ask(case: Case[Any], data: DataObject) -> None:
        # that a section needs its document cannot be said of parameters, only of a body
        assume(not case.query or "section" not in case.query or "document" in case.query)
        if "id" in case.path_parameters and data.draw(st.booleans()):
            case.path_parameters["id"] = data.draw(st.sampled_from(LIBRARY))
        if data.draw(st.booleans()):
            case.headers["Authorization"] = f"Bearer {TOKEN}"
        if case.media_type != "multipart/form-data":
            met.add(case.call_and_validate().status_code)
            return
        sent: dict[str, Any] = {}
        if data.draw(st.booleans()):
            content, name = data.draw(SENT)
            sent["data"] = {"file": (io.BytesIO(content), name)}
        met.add(case.call_and_validate(excluded_checks=UNSAID, **sent).status_code)

    ask()
    assert mode.is_negative or met & {200, 202, 409}  # another rebuild may be running


def test_the_description_is_valid_openapi_3_1() -> None:
    """A validator of the standard finds nothing wrong with it."""
    document = openapi.document(Settings())
    assert document["openapi"] == "3.1.0"
    validate(document, cls=OpenAPIV31SpecValidator)


def test_every_route_of_the_endpoint_is_described(app: Flask) -> None:
    """What can be asked and what is described are the same."""
    paths = openapi.document(Settings())["paths"]
    described = {(path, method.upper()) for path, ways in paths.items() for method in ways}
    served = {
        (rule.rule.replace("<document_id>", "{id}"), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in {"api", "health"}
        for method in cast("set[str]", rule.methods) - {"HEAD", "OPTIONS"}
    }
    assert described == served


def test_limits_are_those_of_the_settings() -> None:
    """Query, k, body and URL limits stand in the description, as they are enforced."""
    document = openapi.document(Settings(max_body=5000, max_url=600))
    search = document["paths"]["/api/search"]
    q, k, mode, one, section = search["get"]["parameters"]
    assert (q["name"], q["required"], q["schema"]["maxLength"]) == ("q", True, 1000)
    assert (k["schema"]["minimum"], k["schema"]["maximum"], k["schema"]["default"]) == (1, 100, 10)
    assert (mode["schema"]["enum"], mode["required"]) == (["hybrid", "dense", "lexical"], False)
    assert (one["name"], one["schema"]["type"]) == ("document", "string")
    assert (section["name"], section["schema"]["minimum"]) == ("section", 0)
    assert search["get"]["responses"]["414"]["description"].endswith("600 bytes.")
    assert search["post"]["responses"]["413"]["description"].endswith("5000 bytes.")
    assert "a body of 5000 bytes" in document["info"]["description"]
    assert f"{SECONDS:.0f} seconds for a search" in document["info"]["description"]


def test_who_may_change_the_library_is_told() -> None:
    """How the admin token is sent, and when it is needed, as the page for people shows it."""
    document = openapi.document(Settings())
    for words in ("KB_ADMIN_TOKEN", "Authorization: Bearer"):
        assert words in document["info"]["description"]
    refused = document["paths"]["/api/rebuild"]["post"]["responses"]
    assert "Authorization: Bearer" in refused["401"]["description"]
    assert "too old" in refused["403"]["description"]


def test_progress_is_told_whatever_the_load() -> None:
    """What is asked again and again waits for nobody, so it never answers that it is busy."""
    assert "503" not in openapi.document(Settings())["paths"]["/api/rebuild"]["get"]["responses"]


def test_every_field_of_a_hit_is_described() -> None:
    """Nothing is left to guess: fields, and that offsets are code points."""
    schemas = openapi.document(Settings())["components"]["schemas"]
    assert set(schemas["HitShape"]["required"]) == {
        "rank", "score", "document", "headings", "passage", "evidence", "marks", "signals", "url",
    }  # fmt: skip
    assert "code points" in schemas["QuoteShape"]["properties"]["start"]["description"]
    for name, each in schemas.items():
        assert each["description"], name
        assert each["additionalProperties"] is False, name
