"""waitress, with the few things changed that a browser and an attacker would notice."""

from __future__ import annotations

import copy
import json
import re
import signal
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import TYPE_CHECKING, Any

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error

from web.gate import THREADS
from web.problems import MEDIA_TYPE, RETRY_SECONDS, Problem
from web.security import HEADERS

if TYPE_CHECKING:
    from flask import Flask

CONNECTIONS = 1000  # waitress reads them all in one thread, so slow ones cost a socket each
IDLE_SECONDS = 30  # a connection that has not moved for so long is closed
REQUEST_SECONDS = 60.0  # to send a request in; without it, a byte now and then holds a place
SLOWEST = 50_000  # bytes a second; a large document over a slow line is no attack
GRACE_SECONDS = 10.0  # what requests under way get to end in when the server is told to stop
HEADER_BYTES = 65_536
LINED_UP = 4  # requests of one connection that wait for their answers; browsers send one
UPLOADS = ("/api/documents", "/library/documents")
UPLOADS_AT_ONCE = 8  # they lie on the disk before anybody knows who sends them


class NoRoom(Error):  # noqa: N818 - named as waitress names its own
    """The disk for temporary files does not take a body."""

    code = HTTPStatus.INSUFFICIENT_STORAGE


class Crowded(Error):  # noqa: N818
    """Enough documents are on their way already."""

    code = HTTPStatus.SERVICE_UNAVAILABLE


class Parser(HTTPRequestParser):
    """Takes a URL with raw UTF-8 in it, as `curl '…?q=问题'` sends it; waitress refuses those.

    Only where documents are added may a body be as large as one. Who waits for leave to send a
    body gets it only where one is still to come: waitress would wait for it in any case.
    """

    adj: Any
    is_upload = False

    def received(self, data: bytes) -> int:
        """Take in what arrived; returns how much of it belongs to this request."""
        try:
            taken: int = super().received(data)
        except OSError:  # bodies beyond half a megabyte wait in a file
            self.error, self.completed, taken = NoRoom("the body cannot be kept"), True, len(data)
        if self.headers_finished and self.is_upload and not self.adj.admits():
            self.error, self.completed = Crowded("too many documents at once"), True
        if self.completed:
            self.expect_continue = False
        return taken

    def parse_header(self, header_plus: bytes) -> None:
        """Percent-encode what is not ASCII in the request line, and go on as ever."""
        line, end, rest = header_plus.partition(b"\r\n")
        quoted = re.sub(rb"[\x80-\xff]", lambda byte: b"%%%02X" % byte[0][0], line)
        try:
            super().parse_header(quoted + end + rest)
        except ValueError as error:  # waitress would hang up, and log where in its code
            raise ParsingError("URL or Content-Length is invalid") from error
        usual = self.adj.max_request_body_size
        if self.command == "POST" and self.path in UPLOADS:
            self.is_upload = self.chunked or self.content_length >= usual
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = self.adj.max_upload


class ErrorAnswer(ErrorTask):
    """Answers what never reaches the application, such as broken HTTP, with a problem too."""

    def execute(self) -> None:
        """Write the problem document, and the headers of every answer."""
        code = self.request.error.code
        detail = str(self.request.error.body) if code < HTTPStatus.INTERNAL_SERVER_ERROR else ""
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            detail = f"the body is larger than {self.request.adj.max_request_body_size - 1} bytes"
        problem = Problem(code, HTTPStatus(code).phrase, detail, "")
        body = json.dumps(problem.as_json()).encode()
        self.status = f"{code} {HTTPStatus(code).phrase}"
        self.response_headers.extend([("Content-Type", MEDIA_TYPE), *HEADERS.items()])
        if code == HTTPStatus.SERVICE_UNAVAILABLE:
            self.response_headers.append(("Retry-After", str(RETRY_SECONDS)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):
    """A connection with our parser and our error answers; knows since when a request arrives."""

    parser_class = Parser
    error_task_class = ErrorAnswer
    begun: float | None = None

    def received(self, data: bytes) -> bool:
        """Take in what arrived; beyond `LINED_UP` requests the connection ends with the last."""
        taken: bool = super().received(data)
        with self.requests_lock:
            for beyond in self.requests[LINED_UP:]:
                beyond.close()
                self.requests[LINED_UP - 1].headers["CONNECTION"] = "close"
            del self.requests[LINED_UP:]
        if self.request is None:
            self.begun = None
        elif self.begun is None:
            self.begun = time.monotonic()
        return taken

    @property
    def dawdles(self) -> bool:
        """Whether its request has been arriving for too long."""
        if self.begun is None or self.request is None:
            return False
        allowed = REQUEST_SECONDS + self.request.body_bytes_received / SLOWEST
        return bool(time.monotonic() - self.begun > allowed)

    @property
    def is_stuck(self) -> bool:
        """Whether its answers wait for a client that reads none, which waitress never ends."""
        idle = time.time() - self.last_activity > IDLE_SECONDS
        return bool(idle and self.requests and self.total_outbufs_len)

    @property
    def is_busy(self) -> bool:
        """Whether a request of it is yet to be answered, or an answer on its way."""
        return bool(self.requests or self.total_outbufs_len)


class Server:
    """Bound to its port at once; raises OSError where it cannot be."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        self._map: dict[int, Any] = {}
        self._stopping = threading.Event()
        create_server(
            app,
            map=self._map,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=_room_for(CONNECTIONS),
            backlog=1024,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=5,
            max_request_header_size=HEADER_BYTES,
            max_request_body_size=app.config["MAX_CONTENT_LENGTH"] + 1,
            asyncore_use_poll=True,  # select() cannot watch more than 1,024 descriptors
            clear_untrusted_proxy_headers=False,  # never believed, but they show a proxy
            server_name="localhost",  # for a request without Host; it is waitress.invalid else
            ident=None,
            expose_tracebacks=False,
        )
        for each in self._listeners():
            each.channel_class = Channel
            each.adj.max_upload = app.config["MAX_UPLOAD"] + 1
            each.adj.admits = self._admits

    @property
    def port(self) -> int:
        """The port it is bound to, also where 0 was asked for."""
        return int(self._listeners()[0].effective_port)

    def stop(self) -> None:
        """Take no more connections and end when the requests under way are answered."""
        self._stopping.set()
        self._listeners()[0].pull_trigger()

    def stop_on_signals(self) -> None:
        """Stop on SIGTERM and on Ctrl-C; a second one of them ends the process at once."""

        def handle(number: int, _frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)
            self.stop()

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)

    def run(self, watch: Callable[[], bool] = lambda: False) -> None:
        """Serve until `stop`, or until `watch`, asked about every second, is true."""
        while not self._stopping.is_set() and not watch():
            self._turn(seconds=1.0)
            for each in self._channels():
                if each.dawdles:
                    each.will_close = True
                elif each.is_stuck:
                    each.handle_close()
        self._drain()

    def _drain(self) -> None:
        listeners = self._listeners()
        for each in listeners:
            each.accepting = False
            each.socket.close()
            each.del_channel(self._map)
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end and any(each.is_busy for each in self._channels()):
            self._turn(seconds=0.05)
        listeners[0].task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map, ignore_all=True)

    def _admits(self) -> bool:
        """Whether those who send documents now, the one that asks counted, are not too many."""
        arriving = [each.request for each in self._channels()]
        return sum(bool(each and each.is_upload) for each in arriving) <= UPLOADS_AT_ONCE

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _channels(self) -> list[Channel]:
        return [each for each in self._map.values() if isinstance(each, Channel)]

    def _listeners(self) -> list[BaseWSGIServer]:
        return [each for each in self._map.values() if isinstance(each, BaseWSGIServer)]


def _room_for(connections: int) -> int:
    """Raise this process's limit of open files as needed; the connections it then allows."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return connections
    spare = 200  # index files, the log, one socket pair for each listener
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < connections + spare:
        wanted = connections + spare
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(50, min(connections, soft - spare))
    return connections
