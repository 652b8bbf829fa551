"""`kb serve` with the fake encoder, in a process of its own."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from index.home import Home
from tests.faults.house import require
from tests.waiting import wait_for

_ROOT = Path(__file__).parents[2]


class Server:
    """`kb serve` with the fake encoder, as a process."""

    def __init__(self, home: Home, log: Path) -> None:
        self._log = log
        command = [sys.executable, "-m", "tests.web_process", str(home.root), "--port", "0"]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, cwd=_ROOT, stdout=stream, stderr=stream)
        wait_for(lambda: "Serving on" in self.text or self.process.poll() is not None, 60)
        found = re.search(r"Serving on http://[^ ]+:(\d+) ", self.text)
        require(found, self.text)
        assert found
        self.port = int(found[1])

    @property
    def text(self) -> str:
        return self._log.read_text(encoding="utf-8")

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
