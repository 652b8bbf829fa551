"""A store and two servers on networks of their own, 5 ms apart: shared, cut off, and healed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from index.milvus.client import CONNECT_SECONDS, READ_SECONDS
from tests import milvus, networks
from tests.conftest import new_home
from tests.networks import Link, Namespace, run
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

# Prints status, Retry-After, seconds and body of a request, as JSON.
ASK = """
import json, sys, time, urllib.error, urllib.request
method, url = sys.argv[1:]
began = time.monotonic()
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=30)
except urllib.error.HTTPError as error:
    answer = error
body = answer.read().decode()
print(json.dumps([answer.status, answer.headers["Retry-After"], time.monotonic() - began, body]))
"""
# Prints how many seconds it takes to reach a port.
REACH = """
import socket, sys, time
began = time.monotonic()
socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
print(time.monotonic() - began)
"""
DELAY = 0.005  # seconds, each way
HEALED_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str | None
    seconds: float
    body: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Network:
    """A namespace for the store, and one for each of two servers with a link to it."""

    def __init__(self, stack: ExitStack) -> None:
        mark = f"kb{os.getpid()}"
        self.store, *self.webs = (self._namespace(stack, f"{mark}{each}") for each in "sab")
        self.links = []
        for number, web in enumerate(self.webs):
            self.links.append(Link(self.store, web, f"10.213.{number}", DELAY))
            stack.callback(self.links[-1].remove)

    @staticmethod
    def _namespace(stack: ExitStack, name: str) -> Namespace:
        made = Namespace(name)
        stack.callback(made.remove)
        return made


class Web:
    """`kb serve` in a namespace."""

    def __init__(self, network: Network, number: int, root: Path, port: int, store: str) -> None:
        self._within = network.webs[number].within
        self._port = port
        environment = {
            **os.environ,
            "KB_STORE": store,
            "KB_DOCUMENTS": str(root / "shared"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        home = root / f"web{number}"
        command = [sys.executable, "-m", "tests.web_process", str(home), "--port", str(port)]
        with (root / f"web{number}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._within, *command], env=environment, stdout=log, stderr=log
            )

    def ask(self, path: str, method: str = "GET") -> Answer:
        url = f"http://127.0.0.1:{self._port}{path}"
        return Answer(*json.loads(run(*self._within, sys.executable, "-c", ASK, method, url)))

    def ready(self) -> bool:
        try:
            return self.ask("/readyz").status == 200
        except subprocess.CalledProcessError:  # it does not listen yet
            return False

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)


@pytest.fixture
def network() -> Iterator[Network]:
    milvus.require()
    if not milvus.PROGRAM.exists():
        pytest.skip("milvus-lite is not installed")
    if not networks.available():
        pytest.skip("network namespaces and TUN devices take root and iproute2")
    with ExitStack() as stack:
        yield Network(stack)


def seconds_until(condition: Callable[[], object], seconds: float) -> float:
    began = time.monotonic()
    wait_for(condition, seconds)
    return time.monotonic() - began


def test_two_servers_share_a_store_across_a_network(network: Network, tmp_path: Path) -> None:
    """What one rebuilds the other has; a cut link is 503 in time and heals by itself."""
    home = new_home(tmp_path / "first")
    home.documents.rename(tmp_path / "shared")
    documents = tmp_path / "shared"
    with ExitStack() as stack:
        server = milvus.Server(tmp_path, "0.0.0.0", *network.store.within)  # noqa: S104
        server.start()
        stack.callback(server.stop)
        for number, web in enumerate(network.webs):
            address = (f"10.213.{number}.1", str(server.port))
            assert 2 * DELAY <= float(run(*web.within, sys.executable, "-c", REACH, *address)) < 1
        webs = []
        for number in range(2):
            store = f"milvus+http://10.213.{number}.1:{server.port}"
            webs.append(Web(network, number, tmp_path, 8000 + number, store))
            stack.callback(webs[-1].stop)
        one, two = webs
        wait_for(lambda: one.ready() and two.ready(), 90)

        first = one.ask("/api/search?q=%E9%A9%BF%E7%AB%99").json
        assert first["hits"][0]["passage"]["text"].startswith("在主要街道临街店铺建立暖心驿站")
        wait_for(lambda: two.ask("/readyz").json["generation"] == first["generation"])
        second = two.ask("/api/search?q=%E9%A9%BF%E7%AB%99").json
        assert second["hits"] == first["hits"]

        (documents / "new.txt").write_text("新增\n\n第七轮重建索引。\n", encoding="utf-8")
        assert two.ask("/api/rebuild", "POST").status == 202
        wait_for(lambda: two.ask("/api/rebuild").json["state"] == "done", 60)
        made = two.ask("/api/rebuild").json["generation"]
        wait_for(lambda: one.ask("/readyz").json["generation"] == made)
        found = one.ask("/api/search?q=%E7%AC%AC%E4%B8%83%E8%BD%AE").json
        assert "第七轮" in found["hits"][0]["passage"]["text"]

        network.links[0].cut = True
        refused = one.ask("/api/search?q=%E8%81%8C%E5%B7%A5")
        assert (refused.status, refused.retry_after) == (503, "2")
        assert refused.seconds < READ_SECONDS + CONNECT_SECONDS
        wait_for(lambda: one.ask("/readyz").status == 503)
        assert one.ask("/healthz").status == 200
        assert two.ask("/api/search?q=%E8%81%8C%E5%B7%A5").status == 200
        time.sleep(10)  # the connection is given up meanwhile, not only slow
        network.links[0].cut = False
        healed = seconds_until(one.ready, HEALED_SECONDS)
        assert healed < HEALED_SECONDS
        assert one.ask("/api/search?q=%E7%AC%AC%E4%B8%83%E8%BD%AE").json["hits"] == found["hits"]
        assert [web.stop() for web in webs] == [0, 0]
