"""`kb serve` with the fake encoder, in a process of its own."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from index.home import Home
from tests.web_process import started


class Server:
    """`kb serve` with the fake encoder, as a process."""

    def __init__(self, home: Home, log: Path) -> None:
        self.process, self.port = started(home, log)

    def ask(self, path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
        """One request on a connection of its own: the status and the JSON answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            return asked(connection, path, method)
        finally:
            connection.close()

    def end(self) -> None:
        """SIGTERM, and wait."""
        self.process.terminate()
        self.process.wait(30)


def asked(
    connection: http.client.HTTPConnection, path: str, method: str = "GET"
) -> tuple[int, dict[str, Any]]:
    """Status and JSON answer of one request."""
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, json.loads(response.read())
