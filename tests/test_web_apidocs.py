"""The API page is read from the OpenAPI document, and its examples work when pasted."""

from __future__ import annotations

import json
import shlex
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import docx
import pytest
from flask.testing import FlaskClient

from tests.waiting import wait_for
from web import apidocs, openapi
from web.apidocs import Field, Manual
from web.settings import Settings

SAMPLES = {"q": "暖心驿站有多少家？", "k": 3, "id": "6b5889a1cf25"}


@pytest.fixture(scope="module")
def manual() -> Manual:
    """Read from the real description."""
    return apidocs.read(openapi.document(Settings()), base="http://localhost", samples=SAMPLES)


def test_every_operation_is_described(manual: Manual) -> None:
    """The page leaves out nothing that the document has."""
    paths = openapi.document(Settings())["paths"]
    described = {(operation.method.lower(), operation.path) for operation in manual.operations}
    assert described == {
        (method, path)
        for path, item in paths.items()
        for method in item
        if method in apidocs.METHODS
    }


def test_nested_fields_are_named_by_their_path(manual: Manual) -> None:
    """A reader sees where in the answer a field stands, with type and bounds."""
    search = next(each for each in manual.operations if each.path == "/api/search")
    fields = {field.name: field for field in search.replies[0].fields}
    assert fields["hits[].rank"] == Field("hits[].rank", "integer", True, ("≥ 1",), "")
    assert fields["hits[].evidence[].start"].description.startswith("In Unicode code points")
    assert fields["within.section.number"].required
    assert fields["mode"].type == '"hybrid" | "dense" | "lexical"'


def test_limits_are_shown(manual: Manual) -> None:
    """The limits of a query stand beside the parameter."""
    search = next(each for each in manual.operations if each.path == "/api/search")
    bounds = {field.name: field.bounds for field in search.parameters}
    assert "length ≤ 1000" in bounds["q"]
    assert bounds["k"] == ("≥ 1", "≤ 100", "= 10")


def test_members_of_an_error_are_shown(manual: Manual, client: FlaskClient) -> None:
    """Whatever an error's answer has is explained, once for all operations."""
    answer = client.get("/api/search").get_json()
    (fault,) = answer.pop("errors")
    members = {*answer, "errors", *(f"errors[].{name}" for name in fault)}
    assert {field.name for field in manual.problem} == members
    page = client.get("/api/docs").text
    assert all(f"<code>{name}</code>" in page for name in members)


def word_file() -> bytes:
    """What a reader has at hand under the name that the example gives."""
    report, data = docx.Document(), BytesIO()
    report.add_paragraph("全年发放帮扶资金三百万元。")
    report.save(data)
    return data.getvalue()


def request_of(example: str) -> tuple[str, str, dict[str, str], Any, str]:
    """Read a curl command as the shell and curl would."""
    words = shlex.split(example.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    data: Any = None
    method, url, query, kind = "GET", "", {}, ""
    while words:
        match words.pop(0):
            case "-G":
                method = "GET"
            case "-X":
                method = words.pop(0)
            case "-H":
                kind = words.pop(0).removeprefix("Content-Type: ")
            case "-d":
                method, data = "POST", words.pop(0)
            case "-F":
                name, _, file = words.pop(0).partition("=@")
                method, data = "POST", {name: (BytesIO(word_file()), file)}
            case "--data-urlencode":
                name, _, value = words.pop(0).partition("=")
                query[name] = value
            case other:
                url = other
    return method, urlsplit(url).path, query, data, kind


def test_examples_work_when_pasted(manual: Manual, client: FlaskClient) -> None:
    """Each curl command of the page is answered with what it asks for."""
    for operation in manual.operations:
        method, path, query, data, kind = request_of(operation.example)
        assert method == operation.method
        answer = client.open(
            path, method=method, query_string=query, data=data, content_type=kind or None
        )
        assert answer.status_code in (200, 202), operation.example
        wait_for(lambda: client.get("/api/rebuild").get_json()["state"] != "running")
        if kind:
            assert answer.get_json()["query"] == json.loads(data)["q"]


def test_page_shows_the_examples(client: FlaskClient) -> None:
    """They call this very server, with a document that it has."""
    page = client.get("/api/docs").text
    assert "curl -G &#39;http://localhost/api/search&#39;" in page
    first = client.get("/api/documents").get_json()["documents"][0]["id"]
    assert f"http://localhost/api/documents/{first}" in page


@pytest.mark.parametrize(("language", "stop"), [("zh", "。"), ("en", ".")])
def test_link_stands_in_a_sentence_of_the_language(
    client: FlaskClient, language: str, stop: str
) -> None:
    """Chinese sentences end in a Chinese full stop."""
    page = client.get("/api/docs", headers={"Accept-Language": language}).text
    assert f'<a href="/openapi.json">openapi.json</a>{stop}</p>' in page


def test_every_value_of_the_examples_is_of_a_parameter(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is made up for a name that the API does not know."""
    given: dict[str, Any] = {}
    read = apidocs.read

    def reading(spec: Any, *, base: str, samples: dict[str, Any]) -> Manual:
        given.update(samples)
        return read(spec, base=base, samples=samples)

    monkeypatch.setattr(apidocs, "read", reading)
    assert client.get("/api/docs").status_code == 200
    spec = client.get("/openapi.json").get_json()
    operations = [each for path in spec["paths"].values() for each in path.values()]
    named = [each["name"] for of in operations for each in of.get("parameters", ())]
    assert given.keys() <= set(named)
