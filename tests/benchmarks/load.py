"""Asks a server as fast as it answers; a process of its own, light enough to share its cores.

`python -m tests.benchmarks.load` reads one JSON object (`host`, `port`, `paths`, `clients`,
`seconds`) and prints one: `seconds` of every answer, and `took` in all. A connection is kept
where the server keeps it; making one anew counts as part of the answer.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Client:
    """One connection at a time, by plain sockets: an HTTP library costs as much as an answer."""

    def __init__(self, host: str, port: int) -> None:
        self._place = host, port
        self._socket: socket.socket | None = None

    def ask(self, path: str) -> bytes:
        """The body; raises OSError where the answer is not 200."""
        head = f"GET {path} HTTP/1.1\r\nHost: {self._place[0]}:{self._place[1]}\r\n\r\n"
        if self._socket is None:
            self._socket = socket.create_connection(self._place, timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(head.encode("ascii"))
        head_bytes, body = self._received(self._socket)
        if not head_bytes.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise OSError(head_bytes.decode("latin-1").partition("\r\n")[0])
        if head_bytes.startswith(b"HTTP/1.0") or b"connection: close" in head_bytes.lower():
            self.close()
        return body

    def close(self) -> None:
        """Drop the connection; the next question makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _received(self, connection: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None:
            raise OSError("an answer does not tell its length")
        while len(body) < int(length[1]):
            body += self._more(connection)
        return head, body

    def _more(self, connection: socket.socket) -> bytes:
        data = connection.recv(1 << 18)
        if not data:
            raise OSError("the server closed the connection in the middle of an answer")
        return data


def run(host: str, port: int, paths: list[str], clients: int, seconds: float) -> dict[str, Any]:
    """Every path is asked at most once: a server may remember. Each client asks at least once."""
    todo, lock = iter(paths), threading.Lock()
    latencies: list[float] = []
    faults: list[str] = []
    began = time.perf_counter()

    def each() -> Iterator[str]:
        while True:
            with lock:
                path = next(todo, None)
            if path is None:
                return
            yield path
            if time.perf_counter() - began > seconds:
                return

    def ask() -> None:
        with closing(Client(host, port)) as client:
            try:
                for path in each():
                    start = time.perf_counter()
                    client.ask(path)
                    latencies.append(time.perf_counter() - start)
            except OSError as error:
                faults.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": latencies, "took": time.perf_counter() - began, "faults": faults}


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
