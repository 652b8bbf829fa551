"""A Milvus to test with: Milvus Lite's server on loopback, or the one KB_TEST_MILVUS names.

Each test has a database of its own, which is gone afterwards.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from index.hits import Results

if TYPE_CHECKING:
    from pymilvus import MilvusClient

CLUSTER = os.environ.get("KB_TEST_MILVUS", "").rstrip("/")
PROGRAM = Path(sys.executable).with_name("milvus-lite")


def require() -> None:
    """Skip, with the reason, where there is no Milvus to be had."""
    if find_spec("pymilvus") is None:
        pytest.skip("pymilvus is not installed: pip install 'report-kb[milvus]'")
    if not CLUSTER and not PROGRAM.exists():
        pytest.skip("milvus-lite is not installed, and KB_TEST_MILVUS names no cluster")


@contextmanager
def patience() -> Iterator[None]:
    """Calls have half a minute: what is asked within is not how long a busy machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONNECT_SECONDS", "READ_SECONDS"):
            patch.setattr(f"index.milvus.client.{name}", 30.0)
        yield


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to clients.

    A client that tries a port of its own range while nobody listens there may reach itself, and
    then the server cannot have it.
    """
    for _ in range(100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", 20_000 + secrets.randbelow(10_000)))
            return int(probe.getsockname()[1])
    raise AssertionError("no port is free")


class Server:
    """Milvus Lite over a folder, in a process that can be killed and started again."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", *within: str) -> None:
        self.host, self.port = host, free_port()
        self._folder = folder
        self._within = within  # a command that runs another one, as `ip netns exec NAME`
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As KB_STORE has it."""
        return f"milvus+http://{self.host}:{self.port}"

    def start(self) -> None:
        """Return when it listens."""
        serve = [str(PROGRAM), "server", "--data-dir", str(self._folder / "milvus")]
        place = ["--host", self.host, "--port", str(self.port)]
        with (self._folder / "milvus.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, *serve, *place], stdout=log, stderr=log
            )
        self._wait()

    def _wait(self, seconds: float = 60.0) -> None:
        assert self._process is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self._process.poll() is None, (self._folder / "milvus.log").read_text()
            if self._listens():
                return
            time.sleep(0.1)
        raise AssertionError("Milvus Lite does not listen")

    def _listens(self) -> bool:
        if self._within:
            probe = f"import socket; socket.create_connection(({self.host!r}, {self.port}), 1)"
            command = [*self._within, sys.executable, "-c", probe]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        with suppress(OSError), socket.create_connection((self.host, self.port), 1):
            return True
        return False

    def signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Until it is gone."""
        assert self._process is not None
        self._process.wait(30)

    def stop(self) -> None:
        """End it if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()


@contextmanager
def database(address: str) -> Iterator[str]:
    """The address of a new database there; it is removed with all that is in it."""
    parts = urlsplit(address.removeprefix("milvus+"))
    name = f"kb_test_{secrets.token_hex(6)}"
    root = f"{parts.scheme}://{parts.netloc}"
    with closing(_administrator(root)) as client:
        client.create_database(name)
    try:
        yield f"milvus+{root}/{name}"
    finally:
        with closing(_administrator(f"{root}/{name}")) as client:
            for collection in client.list_collections():
                for alias in client.list_aliases(collection)["aliases"]:
                    client.drop_alias(alias)
                client.drop_collection(collection)
            client.drop_database(name)


def _administrator(uri: str) -> MilvusClient:
    from pymilvus import MilvusClient

    token = os.environ.get("KB_STORE_TOKEN", "")
    return MilvusClient(uri, token=token, timeout=30, dedicated=True)


def same(one: Results, other: Results) -> None:
    """Passages, order, evidence and marks are equal; scores and signals to 1e-4."""
    assert [h.passage for h in one.hits] == [h.passage for h in other.hits]
    assert [h.document for h in one.hits] == [h.document for h in other.hits]
    assert [h.evidence for h in one.hits] == [h.evidence for h in other.hits]
    assert [[m[:2] for m in h.marks] for h in one.hits] == [
        [m[:2] for m in h.marks] for h in other.hits
    ]
    assert [h.score for h in one.hits] == pytest.approx([h.score for h in other.hits], abs=1e-4)
    for a, b in zip(one.hits, other.hits, strict=True):
        assert vars_of(a.signals) == pytest.approx(vars_of(b.signals), abs=1e-4)
    assert (one.weak, one.scope) == (other.weak, other.scope)


def vars_of(signals: object) -> list[float]:
    return [getattr(signals, name) for name in ("dense", "lexical", "late")]
