"""Log lines and metrics: what is told of a request, and what never is."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from index.build import build
from index.home import Home
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app
from web.live import Live, searcher
from web.settings import Settings


def _requests(entries: list[structlog.typing.EventDict]) -> list[structlog.typing.EventDict]:
    return [dict(entry) for entry in entries if entry["event"] == "request"]


def test_a_request_is_one_line(client: FlaskClient, live: Live) -> None:
    """Id, method, route, status, milliseconds and generation: no query, no path, no secret."""
    with capture_logs() as entries:
        client.get("/api/search?q=机密&k=2", headers={"X-Request-ID": "abc-1"})
        client.get("/api/documents/机密%0aline", headers={"X-Request-ID": "x y"})
        client.get(
            "/机密?token=机密", headers={"Authorization": "Bearer 机密".encode().decode("latin-1")}
        )

    found, missing, unknown = _requests(entries)
    assert live.searcher is not None
    assert found.pop("ms") > 0
    assert found == {
        "event": "request",
        "log_level": "info",
        "request_id": "abc-1",
        "method": "GET",
        "route": "/api/search",
        "status": 200,
        "generation": live.searcher.generation,
    }
    assert re.fullmatch("[0-9a-f]{32}", missing["request_id"])
    assert (missing["route"], missing["status"]) == ("/api/documents/<document_id>", 404)
    assert (unknown["route"], unknown["status"]) == (None, 404)
    assert "机密" not in str(entries)


WRITES = """
import sys
from web import logs

class Pieces:
    def write(self, text):
        print(repr(text))

    def flush(self):
        pass

sys.stderr = Pieces()
logs.configure()
logs.log.info("request", route="/")
"""


def test_a_line_is_written_in_one_piece() -> None:
    """A first build tells its progress meanwhile, and each of the two has lines of its own."""
    command = [sys.executable, "-c", WRITES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    [piece] = done.stdout.splitlines()
    assert json.loads(ast.literal_eval(piece))["route"] == "/"
    assert ast.literal_eval(piece).endswith("}\n")


def test_the_line_names_the_generation_that_answered(
    live: Live, home: Home, encoder: HashEncoder
) -> None:
    """Not the one that took its place meanwhile."""
    app = create_app(live, settings=Settings())

    @app.get("/slow")
    def slow() -> str:
        answered = searcher().generation
        build(home, encoder)
        wait_for(lambda: serving(live) != answered)
        return answered

    with capture_logs() as entries:
        answered = app.test_client().get("/slow").text
    [line] = _requests(entries)
    assert line["generation"] == answered != serving(live)


def serving(live: Live) -> str | None:
    return live.searcher.generation if live.searcher else None


def test_a_question_is_logged_only_when_asked_for(live: Live) -> None:
    """With `log_queries` the question stands in the line of its request."""
    client = create_app(live, settings=Settings(log_queries=True)).test_client()
    with capture_logs() as entries:
        client.get("/api/search?q=职工&k=2")
        client.get("/healthz")
    first, second = _requests(entries)
    assert first["query"] == "职工"
    assert "query" not in second


def _metrics(client: FlaskClient) -> dict[str, float]:
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_metrics_count_by_route(
    client: FlaskClient, live: Live, request: pytest.FixtureRequest
) -> None:
    """Requests, latency, queue, rebuilds, generation and index size; never a path or a query."""
    client.get("/api/search?q=a")
    client.get("/api/search?q=b")
    client.get("/api/search")
    client.get("/some/path")
    client.open("/healthz", method="BREW")
    client.post("/api/rebuild")
    wait_for(lambda: live.state.state == "done")

    metrics = _metrics(client)

    assert live.searcher is not None
    counted = 'kb_requests_total{method="%s",route="%s",status="%s"}'
    assert metrics[counted % ("GET", "/api/search", 200)] == 2
    assert metrics[counted % ("GET", "/api/search", 400)] == 1
    assert metrics[counted % ("GET", "none", 404)] == 1
    assert metrics[counted % ("other", "none", 405)] == 1
    assert metrics['kb_request_seconds_count{route="/api/search"}'] == 3
    assert metrics["kb_queue_waiting"] == 0
    assert metrics["kb_ready"] == 1
    assert metrics["kb_rebuild_running"] == 0
    assert metrics['kb_rebuilds_total{outcome="done"}'] == 1
    assert metrics['kb_rebuilds_total{outcome="failed"}'] == 0
    assert metrics[f'kb_generation_info{{generation="{live.searcher.generation}"}}'] == 1
    assert metrics["kb_index_documents"] == 3
    assert metrics["kb_index_passages"] == sum(d.passages for d in live.searcher.documents)
    folder = live.home.generations / live.searcher.generation
    assert metrics["kb_index_bytes"] == sum(
        file.stat().st_size for file in folder.rglob("*") if file.is_file()
    )
    assert not any("some/path" in name for name in metrics)
