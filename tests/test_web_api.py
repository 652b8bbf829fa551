"""The endpoint: whole answers, checked questions, problems in place of errors."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from index.build import build
from index.home import Home
from index.search import Searcher
from kb.errors import Overloaded
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app
from web.gate import Gate
from web.live import Live
from web.settings import Settings

UNION = "6b5889a1cf25"
STATION = (
    "在主要街道临街店铺建立暖心驿站,"
    "为快递小哥、外卖送餐员、环卫工人提供饮水、热饭、充电、休息等服务。"
)


@pytest.fixture(scope="module")
def reader(module_home: Home) -> Iterator[FlaskClient]:
    """A client for questions alone, over one index for the whole module."""
    build(module_home, HashEncoder())
    live = Live(module_home, HashEncoder)
    with closing(Searcher.open(module_home, HashEncoder())) as searcher:
        live.adopt(searcher)
        yield create_app(live, settings=Settings()).test_client()


def _problem(response: Any) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem.pop("request_id") == response.headers["X-Request-ID"]
    assert problem.pop("type") == "about:blank"
    assert problem["status"] == response.status_code
    return problem


def test_search_answers_with_passage_evidence_and_marks(client: FlaskClient, live: Live) -> None:
    """One hit has every field of the contract, and its spans cut what it quotes."""
    answer = client.get("/api/search", query_string={"q": "快递小哥", "k": 1}).get_json()

    took, [hit] = answer.pop("took_ms"), answer.pop("hits")
    score, signals = hit.pop("score"), hit.pop("signals")
    assert live.searcher is not None
    assert answer == {
        "query": "快递小哥",
        "mode": "hybrid",
        "generation": live.searcher.generation,
        "weak": False,
        "within": None,
    }
    assert hit == {
        "rank": 1,
        "document": {"id": UNION, "title": "五年工作报告", "author": None, "date": None},
        "headings": ["二、服务户外劳动者"],
        "passage": {
            "id": hit["passage"]["id"],
            "kind": "section",
            "text": STATION,
            "start": 95,
            "end": 144,
            "page": None,
            "paragraph": 6,
        },
        "evidence": [{"text": STATION[16:], "start": 111, "end": 144}],
        "marks": [{"start": 112, "end": 116, "weight": 1.0}],
        "url": f"/documents/{UNION}?start=95&end=144",
    }
    assert took > 0
    assert 0 < score <= 1
    assert list(signals) == ["dense", "lexical", "late"]


def test_post_answers_as_get(reader: FlaskClient) -> None:
    """The same question gets the same hits whichever way it is sent."""
    asked = {"q": "职工文体活动", "k": 3, "mode": "lexical"}
    by_url = reader.get("/api/search", query_string=asked).get_json()
    by_body = reader.post("/api/search", json={**asked, "document": None}).get_json()
    assert by_url["mode"] == by_body["mode"] == "lexical"
    assert by_url["hits"] == by_body["hits"] != []


def test_search_keeps_to_one_document(reader: FlaskClient) -> None:
    """With a document's id every hit is of that document."""
    hits = reader.get(f"/api/search?q=职工&document={UNION}").get_json()["hits"]
    assert {hit["document"]["id"] for hit in hits} == {UNION}


def test_search_keeps_to_one_section(reader: FlaskClient) -> None:
    """With its number as well every hit is of that section, and the answer says which."""
    section = reader.get(f"/api/documents/{UNION}").get_json()["outline"][2]
    asked = {"q": "职工", "document": UNION, "section": 2}
    for answer in (
        reader.get("/api/search", query_string=asked).get_json(),
        reader.post("/api/search", json=asked).get_json(),
    ):
        assert answer["within"] == {
            "document": {"id": UNION, "title": "五年工作报告"},
            "section": section,
        }
        assert [hit["headings"] for hit in answer["hits"]] == [["一、维护职工权益"]]
    whole = reader.get(f"/api/search?q=职工&document={UNION}").get_json()
    assert whole["within"] == {
        "document": {"id": UNION, "title": "五年工作报告"},
        "section": None,
    }


def test_a_section_that_does_not_exist_is_named(reader: FlaskClient) -> None:
    """A number beyond the outline is 404, with what to look at."""
    problem = _problem(reader.get(f"/api/search?q=职工&document={UNION}&section=4"))
    assert (problem["status"], problem["detail"]) == (
        404,
        f"document '{UNION}' has no section 4: see the outline of the document",
    )


def test_documents_say_who_wrote_them_and_when(home: Home) -> None:
    """Author and date stand with the document, with its hits and in the list."""
    (home.documents / "speech.txt").write_text(
        "年度工作报告\n\n——2025年1月20日在第三次会议上\n\n省长　胡玉亭\n\n各位代表：\n\n"
        "一、去年的工作\n\n去年,全省粮食产量再创新高,城镇新增就业二十万人,各项任务圆满完成。\n",
        encoding="utf-8",
    )
    build(home, HashEncoder())
    with closing(Searcher.open(home, HashEncoder())) as searcher:
        live = Live(home, HashEncoder)
        live.adopt(searcher)
        client = create_app(live, settings=Settings()).test_client()
        [hit] = client.get("/api/search?q=粮食产量&k=1").get_json()["hits"]
        listed = client.get("/api/documents").get_json()["documents"]
        whole = client.get(f"/api/documents/{hit['document']['id']}").get_json()
    stated = {"author": "胡玉亭", "date": "2025-01-20"}
    assert hit["document"] == {"id": whole["id"], "title": "年度工作报告", **stated}
    for each in (whole, next(each for each in listed if each["name"] == "speech.txt")):
        assert {name: each[name] for name in stated} == stated


def test_offsets_after_an_astral_character_cut_the_passage(reader: FlaskClient) -> None:
    """An emoji counts as one code point, in evidence and in marks."""
    [hit] = reader.get("/api/search", query_string={"q": "向社会公开😀", "k": 1}).get_json()["hits"]
    text = reader.get(f"/api/documents/{hit['document']['id']}").get_json()["text"]
    passage = hit["passage"]
    assert "😀" in passage["text"]
    assert text[passage["start"] : passage["end"]] == passage["text"]
    assert [text[e["start"] : e["end"]] for e in hit["evidence"]] == [
        e["text"] for e in hit["evidence"]
    ]
    assert all(0 <= m["start"] < m["end"] <= len(text) for m in hit["marks"])


def test_documents_lists_the_library(client: FlaskClient, live: Live, home: Home) -> None:
    """Every document comes with its counts, and every file left out with the reason."""
    (home.documents / "broken.txt").write_bytes(b"\0\1\2" * 99)
    client.post("/api/rebuild")
    wait_for(lambda: live.state.state == "done")

    library = client.get("/api/documents").get_json()

    assert live.searcher is not None
    assert library["generation"] == live.searcher.generation
    assert library["built_at"] == live.searcher.built_at
    assert [each["name"] for each in library["documents"]] == [
        "budget.md",
        "sports.txt",
        "union.txt",
    ]
    assert library["documents"][2] == {
        "id": UNION,
        "title": "五年工作报告",
        "author": None,
        "date": None,
        "name": "union.txt",
        "characters": 145,
        "sections": 4,
        "passages": 4,
        "clauses": 6,
        "fingerprint": hashlib.sha256((home.documents / "union.txt").read_bytes()).hexdigest(),
    }
    assert [each["name"] for each in library["skipped"]] == ["broken.txt"]


def test_document_gives_text_and_outline(client: FlaskClient, home: Home) -> None:
    """The outline is flat, in text order, and its spans lie in the text."""
    document = client.get(f"/api/documents/{UNION}").get_json()
    assert document["name"] == "union.txt"
    assert document["text"] == (home.documents / "union.txt").read_text(encoding="utf-8")
    titles = [(node["title"], node["kind"], node["level"]) for node in document["outline"]]
    assert ("一、维护职工权益", "section", 1) in titles
    assert ("二、服务户外劳动者", "section", 1) in titles
    starts = [node["start"] for node in document["outline"]]
    assert starts == sorted(starts)
    assert list(document) == [
        "id", "title", "author", "date", "name", "generation", "fingerprint", "text", "outline",
        "pages",
    ]  # fmt: skip
    assert [node["number"] for node in document["outline"]] == [0, 1, 2, 3]


BAD = [
    ("", "q", "Field required"),
    ("q=", "q", "String should have at least 1 character"),
    ("q=%20%0A%E3%80%80", "q", "must not be blank"),
    ("q=a%00b", "q", "must not contain NUL"),
    ("q=%FF%FE", "query string", "is not UTF-8"),
    ("q=%ED%A0%80", "query string", "is not UTF-8"),
    ("q=" + "x" * 1001, "q", "String should have at most 1000 characters"),
    ("q=a&q=b", "parameters", "must each be given once"),
    ("q=a&k=0", "k", "Input should be greater than or equal to 1"),
    ("q=a&k=101", "k", "Input should be less than or equal to 100"),
    ("q=a&k=ten", "k", "Input should be a valid integer"),
    ("q=a&k=1.0", "k", "Input should be a valid integer"),
    ("q=a&k=%EF%BC%91", "k", "Input should be a valid integer"),
    ("q=a&k=" + "9" * 5000, "k", "Input should be a valid integer"),
    ("q=a&mode=magic", "mode", "Input should be 'hybrid', 'dense' or 'lexical'"),
    ("q=a&section=2", "section", "needs the document that it is a section of"),
    ("q=a&document=x&section=-1", "section", "Input should be a valid integer"),
    ("q=a&document=x&section=1000000", "section", "Input should be less than or equal to 999999"),
    ("q=a&limit=5", "limit", "Extra inputs are not permitted"),
    ("q[]=a", "q", "Field required"),
    ("q=a&" + "&".join(f"x{i}=1" for i in range(30)), "query string", "has too many parameters"),
]


@pytest.mark.parametrize(("query", "parameter", "reason"), BAD)
def test_a_faulty_question_is_named(
    reader: FlaskClient, query: str, parameter: str, reason: str
) -> None:
    """Each fault is 400 with the parameter and what is wrong with it."""
    problem = _problem(reader.get(f"/api/search?{query}"))
    assert problem["status"] == 400
    assert {"parameter": parameter, "reason": reason} in problem["errors"]
    assert f"{parameter}: {reason}" in problem["detail"]


BODIES = [
    b"",
    b"{",
    b"[]",
    b'"q"',
    b"null",
    b"[" * 100_000,
    b'{"q":"\xff"}',
    b'{"q":"\\ud800"}',
    b'{"q":"\\u0000"}',
    b'{"q":{"q":"a"}}',
    b'{"q":["a"]}',
    b'{"q":1}',
    b'{"q":null}',
    b'{"q":"a","q":"b"}',
    b'{"q":"a","k":"3"}',
    b'{"q":"a","k":3.5}',
    b'{"q":"a","k":true}',
    b'{"q":"a","k":NaN}',
    b'{"q":"a","k":' + b"1" * 5000 + b"}",
    b'{"q":"a","document":""}',
    b'{"q":"a","extra":1}',
    b'{"q":"' + b" " * 1_000_000 + b'"}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:24].decode("latin-1"))
def test_a_faulty_body_is_refused(reader: FlaskClient, body: bytes) -> None:
    """Whatever the body holds, the answer is a problem with status 400."""
    response = reader.post("/api/search", data=body, content_type="application/json")
    assert _problem(response)["status"] == 400


ODD = [
    "x" * 1000,
    "😀" * 1000,
    "👩‍👩‍👧‍👦 家庭",
    "\u202e倒着写\u202c",
    "e\u0301\u0301\u0301" * 100,
    ".*+?^${}()|[]\\",
    "<script>alert(1)</script>",
    '"quoted" AND (NOT x:y~2)',
    "\ufeff职工",
    "a\r\nb\tc\x1b[31m",
    "\U0010ffff",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_any_text_is_a_question(reader: FlaskClient, text: str, mode: str) -> None:
    """Odd characters are answered like any others, and the question comes back unchanged."""
    response = reader.post("/api/search", json={"q": text, "mode": mode})
    assert (response.status_code, response.get_json()["query"]) == (200, text)


def test_what_is_not_there_is_a_problem(reader: FlaskClient) -> None:
    """Unknown paths, documents and methods are problems of the right status."""
    unknown = _problem(reader.get("/api/documents/..%2f..%2fetc%2fpasswd"))
    assert unknown["status"] == 404
    assert _problem(reader.get("/api/documents/nothing")) == {
        "title": "Not Found",
        "status": 404,
        "detail": "no document 'nothing' in the index: see the list of documents",
    }
    assert _problem(reader.get("/api/search?q=a&document=nothing"))["status"] == 404
    assert _problem(reader.get("/api/nothing"))["status"] == 404
    refused = reader.delete("/api/search")
    assert _problem(refused)["status"] == 405
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_limits_of_size_are_problems(reader: FlaskClient) -> None:
    """A long URL is 414, a big body 413, another media type 415; each says the limit."""
    assert _problem(reader.get("/api/search?q=" + "x" * 16_384)) == {
        "title": HTTPStatus(414).phrase,  # other words from Python 3.13 on
        "status": 414,
        "detail": "the query string is longer than 16384 bytes: use POST",
    }
    big = reader.post("/api/search", data=b"x" * (1 << 21), content_type="application/json")
    assert _problem(big) == {
        "title": HTTPStatus(413).phrase,
        "status": 413,
        "detail": "the body is larger than 1048576 bytes",
    }
    assert _problem(reader.post("/api/search", data={"q": "a"}))["status"] == 415


def test_a_thousand_astral_characters_fit_in_a_url(reader: FlaskClient) -> None:
    """The longest question allowed can be sent by GET in any script."""
    assert reader.get("/api/search?q=" + quote("😀" * 1000)).status_code == 200


def test_a_search_beyond_its_time_is_refused(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """For endpoint and page alike, with the moment to ask again; the rest goes on."""
    monkeypatch.setattr("web.gate.Gate", partial(Gate, seconds=0.0))
    client = create_app(live, settings=Settings()).test_client()
    response = client.get("/api/search?q=a")
    assert _problem(response)["status"] == 503
    assert response.get_json()["detail"].startswith("the search took too long")
    assert response.headers["Retry-After"] == "2"
    assert client.get("/?q=a").status_code == 503
    assert client.get("/").status_code == 200


def test_who_waits_too_long_for_a_turn_leaves_the_line() -> None:
    """And those who come later find the place."""
    gate = Gate(running=1, waiting=1, seconds=0.01)
    gate.enter()
    for _ in range(3):
        with pytest.raises(Overloaded):
            gate.enter()
        assert gate.waiting == 0
    gate.leave()
    gate.enter()


def test_nothing_serves_before_there_is_an_index(home: Home) -> None:
    """Alive but not ready: 503 and Retry-After, until an index is adopted."""
    client = create_app(Live(home, HashEncoder), settings=Settings()).test_client()
    assert client.get("/healthz").get_json() == {"status": "ok"}
    for path in ("/readyz", "/api/search?q=a", "/api/documents", "/api/documents/x"):
        response = client.get(path)
        assert _problem(response) == {
            "title": "Service Unavailable",
            "status": 503,
            "detail": "the index is being prepared: try again shortly",
        }
        assert response.headers["Retry-After"] == "2"


def test_readyz_names_the_generation(client: FlaskClient, live: Live) -> None:
    """Ready means that an index serves, and which."""
    assert live.searcher is not None
    assert client.get("/readyz").get_json() == {
        "status": "ready",
        "generation": live.searcher.generation,
        "fault": None,
    }


def test_rebuild_is_accepted_and_serves(
    client: FlaskClient, live: Live, home: Home, gate: threading.Event
) -> None:
    """A rebuild answers 202 with where to ask, and what it made is served when it is done."""
    (home.documents / "new.txt").write_text(
        "新增文件\n\n工会新增了一座图书馆。\n", encoding="utf-8"
    )
    assert client.get("/api/rebuild").get_json()["state"] == "idle"

    gate.clear()

    response = client.post("/api/rebuild")

    assert (response.status_code, response.headers["Location"]) == (202, "/api/rebuild")
    assert response.get_json()["state"] == "running"
    gate.set()
    wait_for(lambda: client.get("/api/rebuild").get_json()["state"] == "done")
    state = client.get("/api/rebuild").get_json()
    assert live.searcher is not None
    assert {**state, "started_at": "", "finished_at": ""} == {
        "state": "done",
        "stage": "publish",
        "done": 1,
        "total": 1,
        "error": None,
        "generation": live.searcher.generation,
        "started_at": "",
        "finished_at": "",
    }
    [hit] = client.get("/api/search?q=图书馆&k=1").get_json()["hits"]
    assert hit["document"]["title"] == "新增文件"


def test_an_unexpected_error_shows_no_inside(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours is a plain 500: no traceback, no path, no message of the exception."""
    build(home, encoder)
    live = Live(home, lambda: encoder)
    searcher = Searcher.open(home, encoder)
    live.adopt(searcher)

    def fail(*_args: object, **_kw: object) -> None:
        raise RuntimeError("secret /inside")

    monkeypatch.setattr(Searcher, "search", fail)
    client = create_app(live, settings=Settings()).test_client()
    assert _problem(client.get("/api/search?q=a")) == {
        "title": "Internal Server Error",
        "status": 500,
        "detail": "unexpected error: see the server's log",
    }
    searcher.close()


def test_json_is_compact_utf8(reader: FlaskClient) -> None:
    """Chinese text travels as UTF-8, not as escapes."""
    raw = reader.get("/api/search?q=职工&k=1").data.decode()
    assert "职工" in raw
    assert "\\u" not in raw
    assert json.loads(raw)["query"] == "职工"
