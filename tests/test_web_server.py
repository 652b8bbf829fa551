"""`kb serve` over real sockets: odd bytes, overload, slow clients, and the end of it."""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from index import sealed
from index.home import Home
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from tests.web_process import started
from web import create_app
from web.gate import RUNNING, THREADS, WAITING
from web.live import Live
from web.security import HEADERS
from web.server import Server
from web.settings import Settings

ROOT = Path(__file__).parents[1]


class Answer(NamedTuple):
    """What came back over the socket."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Process:
    """A running `kb serve` on a port of its own."""

    def __init__(self, home: Home, log: Path, *options: str, **environment: str) -> None:
        self.log = log
        self.process, self.port = started(home, log, *options, **environment)

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    @property
    def requests(self) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "request"]

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        found = re.search(
            r"^kb_queue_waiting (\d+)", self.get("/metrics").body.decode(), re.MULTILINE
        )
        assert found
        return int(found[1])

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more connections."""
        try:
            self.get("/healthz")
        except OSError as error:
            return isinstance(error, ConnectionRefusedError)
        return False

    def get(self, path: str, method: str = "GET", timeout: float = 30, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as stream:
            stream.sendall(data)
            return b"".join(iter(lambda: stream.recv(65536), b""))

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


Start = Callable[..., Process]


@pytest.fixture
def start(home: Home, tmp_path: Path) -> Iterator[Start]:
    """Start servers on the mini reports and wait until each is ready."""
    started: list[Process] = []

    def begin(*options: str, **environment: str) -> Process:
        log = tmp_path / f"serve-{len(started)}.log"
        server = Process(home, log, *options, **environment)
        started.append(server)
        wait_for(lambda: server.get("/readyz").status == 200, 60)
        return server

    yield begin
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(10)


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """While it is there, servers that were told of it answer no query."""
    return tmp_path / "held"


@pytest.fixture(scope="module")
def server(module_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server for the tests that leave it as it was."""
    server = Process(module_home, tmp_path_factory.mktemp("log") / "serve.log")
    wait_for(lambda: server.get("/readyz").status == 200, 60)
    yield server
    assert server.end() == 0


CLOSE = b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
POST = "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"


@pytest.mark.parametrize("path", ["/api/search", "/api/documents", "/library/documents"])
def test_a_body_is_bounded_before_it_is_sent(server: Process, path: str) -> None:
    """By its stated length: 1 MB for a question, 65 MB where a document is added."""
    most = Settings().max_upload if "documents" in path else Settings().max_body
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(POST.format(path=path, length=most + 1).encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 413
        assert json.loads(response.read())["detail"] == f"the body is larger than {most} bytes"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(POST.format(path=path, length=most).encode())
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):  # it waits for the body
            connection.recv(1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n", 200),
        (b"POST /api/search HTTP/1.1\r\nContent-Length: 99999999\r\n", 413),
    ],
    ids=["no body", "too large"],
)
def test_leave_to_send_a_body_is_given_only_for_one(
    server: Process, sent: bytes, status: int
) -> None:
    """A request that expects `100 Continue` and has no body, or too large a one, is answered."""
    head = b"Host: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    assert server.raw(sent + head).startswith(b"HTTP/1.1 %d " % status)


def test_a_body_that_waits_for_leave_is_taken(server: Process) -> None:
    """As curl sends every document of more than a megabyte."""
    body = b'{"q": "a"}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(
            b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert (response.status, json.loads(response.read())["query"]) == (200, "a")


def test_a_request_without_host_learns_no_name_of_ours(server: Process) -> None:
    """No page names the software that serves it."""
    answer = server.raw(b"GET /api/docs HTTP/1.0\r\n\r\n")
    assert b"http://localhost" in answer
    assert b"waitress" not in answer.lower()


def test_where_nobody_may_add_documents_no_large_body_is_taken(start: Start) -> None:
    """A server that only answers does not let strangers fill its disk."""
    closed = start(KB_ADMIN_TOKEN="")
    with socket.create_connection(("127.0.0.1", closed.port), timeout=20) as connection:
        connection.sendall(POST.format(path="/api/documents", length=2 << 20).encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 413


def test_large_bodies_on_their_way_are_few(server: Process) -> None:
    """Nobody fills the disk with bodies that wait to be looked at: the ninth is refused."""
    begun = POST.format(path="/api/documents", length=2 << 20).encode() + b"x"
    with ExitStack() as stack:
        for _ in range(8):
            under_way = ("127.0.0.1", server.port)
            stack.enter_context(socket.create_connection(under_way, 10)).sendall(begun)
        server.get("/healthz")  # connections are taken in turn: all eight are known after it
        ninth = server.raw(begun)
        assert ninth.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 2\r\n" in ninth
        assert server.get("/api/search?q=a").status == 200
        small = POST.format(path="/api/documents", length=4).encode()
        assert server.raw(small + b"none" + CLOSE).startswith(b"HTTP/1.1 415")
    wait_for(lambda: _waits(server, begun))


def _waits(server: Process, begun: bytes) -> bool:
    """Whether the server takes more of a body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(begun)
        connection.settimeout(0.5)
        try:
            return not connection.recv(1)
        except TimeoutError:
            return True


def test_raw_utf8_in_a_url_is_understood(server: Process) -> None:
    """A question typed into a command line as it is gets its answer."""
    head = "GET /api/search?q=快递小哥&k=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = server.raw(head.encode())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["query"] == "快递小哥"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nbroken header\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: odd\r\n\r\n", 501),
        (b"GET /?q=" + b"+" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"GET http://[::1/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ],
    ids=[
        *("nonsense", "header", "transfer-encoding", "million spaces", "huge body", "negative"),
        *("thousands of digits", "half an address"),
    ],
)
def test_what_is_no_request_gets_a_problem(server: Process, sent: bytes, status: int) -> None:
    """Answers that the application never sees are problems with the same headers."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent)
        response = http.client.HTTPResponse(connection)
        response.begin()
        body = json.loads(response.read())
    assert (response.status, body["status"]) == (status, status)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert "Server" not in response.headers
    assert "waitress" not in str(body)
    assert server.get("/healthz").status == 200


def test_a_disk_that_takes_no_body_is_told(
    module_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large body waits in a temporary file: where it cannot, 507, and the server goes on."""

    def full(_self: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.newfile", full)
    app = create_app(Live(module_home, HashEncoder), settings=Settings())
    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    for _ in range(2):
        head = POST.format(path="/api/documents", length=2 << 20).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(head + b"x" * (600 << 10))
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert response.status == 507
            assert json.loads(response.read())["title"] == "Insufficient Storage"
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


@contextmanager
def asking(server: Process, clients: int) -> Iterator[list[Answer]]:
    """So many ask the same at once; their answers, all of them after the block."""
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(server.get("/api/search?q=a")))
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    yield answers
    for thread in threads:
        thread.join()


def test_parallel_searches_leave_the_health_check_answering(start: Start, held: Path) -> None:
    """Fifty at once, and none can end: `/healthz` answers all the while, and then they do."""
    server = start(HELD=str(held))
    held.touch()
    with asking(server, 50) as answers:
        wait_for(lambda: server.waiting == 50 - RUNNING)
        for _ in range(20):
            assert server.get("/healthz", timeout=5).status == 200
        assert (server.waiting, answers) == (50 - RUNNING, [])
        held.unlink()
    assert [answer.status for answer in answers] == [200] * 50


def test_beyond_the_queue_searches_are_refused_at_once(start: Start, held: Path) -> None:
    """What cannot be answered in time gets 503 and Retry-After, and the rest their answers."""
    server = start(HELD=str(held))
    held.touch()
    with asking(server, 150) as answers:
        wait_for(lambda: len(answers) == 150 - RUNNING - WAITING)
        refused = answers.copy()
        held.unlink()
    assert {(answer.status, answer.headers["Retry-After"]) for answer in refused} == {(503, "2")}
    assert json.loads(refused[0].body)["detail"] == (
        "too many requests wait for an answer: try again shortly"
    )
    assert [answer.status for answer in answers[len(refused) :]] == [200] * (RUNNING + WAITING)
    assert server.get("/api/search?q=a").status == 200


def test_slow_connections_leave_the_server_answering(server: Process) -> None:
    """Five hundred clients that never finish their request stand in nobody's way."""
    with ExitStack() as stack:
        for _ in range(500):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
            slow.sendall(b"GET /api/search?q=a HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        for path in ("/healthz", "/readyz", "/api/search?q=a"):
            assert server.get(path, timeout=10).status == 200  # they are given 60 seconds


def test_requests_in_line_are_few(server: Process) -> None:
    """Whoever sends hundreds before reading an answer gets four, and a new connection."""
    answer = server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 150)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.count(b"Connection: close") == 1
    assert server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3 + CLOSE).count(
        b"HTTP/1.1 200 OK"
    ) == 3  # fmt: skip


def test_clients_that_read_no_answer_stand_in_nobodys_way(
    module_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there are threads ask for large answers and leave them: they are hung up on."""
    monkeypatch.setattr("web.server.IDLE_SECONDS", 2)
    monkeypatch.setattr("waitress.adjustments.Adjustments.outbuf_high_watermark", 1 << 20)
    app = create_app(Live(module_home, HashEncoder), settings=Settings())
    app.add_url_rule("/healthz/large", "health.large", lambda: b"x" * (8 << 20))
    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    with ExitStack() as stack:
        for _ in range(THREADS):
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", server.port))
            deaf.sendall(b"GET /healthz/large HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        time.sleep(1)  # until every thread waits to be rid of an answer
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_a_request_that_never_ends_is_hung_up_on(
    module_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends a byte now and then cannot hold its place for ever."""
    monkeypatch.setattr("web.server.REQUEST_SECONDS", 1.0)
    app = create_app(Live(module_home, HashEncoder), settings=Settings())
    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        began = time.monotonic()
        with pytest.raises(OSError, match=r"reset|pipe"):  # noqa: PT012 - any of them may notice
            while time.monotonic() - began < 20:
                slow.sendall(b"x")
                time.sleep(0.2)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_sigterm_ends_running_requests_first(start: Start, held: Path) -> None:
    """Requests under way and in line are answered whole, new ones are not taken; status 0."""
    server = start(HELD=str(held))
    held.touch()
    with asking(server, RUNNING + 1) as answers:
        wait_for(lambda: server.waiting == 1)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: server.is_closed)
        held.unlink()
        assert server.process.wait(30) == 0
    assert [answer.status for answer in answers] == [200] * (RUNNING + 1)
    assert {json.loads(answer.body)["query"] for answer in answers} == {"a"}
    assert server.text.endswith("Stopped.\n")


def test_interrupt_ends_it_too(start: Start) -> None:
    """Ctrl-C is no error."""
    server = start()
    assert server.end(signal.SIGINT) == 0
    assert "Traceback" not in server.text


def test_a_rebuild_cut_off_by_sigterm_leaves_the_index_whole(start: Start, home: Home) -> None:
    """The next start serves the same generation; what was encoded waits for the next build."""
    server = start()
    before = json.loads(server.get("/readyz").body)["generation"]
    assert server.get("/api/rebuild", "POST").status == 202
    assert server.end() == 0
    after = json.loads(start().get("/readyz").body)["generation"]
    names = {path.name for path in home.generations.iterdir()}
    drafts = {path.name for path in sealed.drafts(home.generations)}
    assert {after} <= names - drafts <= {before, after}
    assert len(drafts) <= 1


def test_a_log_line_is_json_and_holds_no_question(server: Process) -> None:
    """Every request is one line; what was asked is in none of them."""
    before = len(server.requests)
    server.get("/api/search?q=secret%0Aline&k=1")
    server.get("/documents/secret")
    wait_for(lambda: len(server.requests) == before + 2)
    assert [(line["route"], line["status"]) for line in server.requests[before:]] == [
        ("/api/search", 200),
        ("/documents/<document_id>", 404),
    ]
    assert "secret" not in server.text


def test_a_question_in_the_log_orders_nothing(start: Start) -> None:
    """A terminal that shows the log meets no control character, no line end, no turn of text."""
    server = start(KB_LOG_QUERIES="1")
    server.get("/api/search?q=" + quote("工\n{\x1b[2J\x9b2J\u2028\u202e😀\U000e0041"))
    server.get("/", "X" * 3000)
    wait_for(lambda: len(server.requests) > 2)
    asked, odd = server.requests[-2:]
    assert asked["query"] == "工\n{\x1b[2J\x9b2J\u2028\u202e😀\U000e0041"
    assert odd["method"] == "X" * 16
    assert all(character.isprintable() for line in server.text.split("\n") for character in line)
    assert "工" in server.text
    assert "😀" in server.text


def test_a_port_in_use_is_one_line(server: Process, module_home: Home) -> None:
    """The second server says what to do and exits with status 1."""
    command = [sys.executable, "-m", "tests.web_process", str(module_home.root)]
    second = subprocess.run(
        [*command, "--port", str(server.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == (
        f"Error: cannot listen on port {server.port} of 127.0.0.1: it is in use: "
        "stop the other program or choose another with --port\n"
    )


def test_beyond_loopback_rebuild_is_off_and_said_so(start: Start) -> None:
    """Without an admin token other machines cannot start a rebuild."""
    server = start("--host", "0.0.0.0")  # noqa: S104 - that is what is tested
    assert "rebuilding over HTTP is off; set KB_ADMIN_TOKEN" in server.text
    assert server.get("/api/rebuild", "POST").status == 403


def test_beyond_loopback_the_admin_token_rebuilds(start: Start) -> None:
    """With it the command line of another machine may."""
    server = start("--host", "0.0.0.0", KB_ADMIN_TOKEN="s3cret")  # noqa: S104
    assert "is off" not in server.text
    assert server.get("/api/rebuild", "POST").status == 401
    assert server.get("/api/rebuild", "POST", Authorization="Bearer s3cret").status == 202
    assert "s3cret" not in server.text
