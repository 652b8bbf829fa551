"""Eight clients that never pause, through five rebuilds of one of two servers on one home."""

from __future__ import annotations

import http.client
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import numpy as np

from index.home import Home
from tests.faults.house import House, require
from tests.faults.server import Server, asked
from tests.faults.table import Row
from tests.waiting import wait_for

CLIENTS = 8
REBUILDS = 5
_QUERY = f"/api/search?k=3&q={quote('第几轮重建索引')}"


class Clients:
    """Threads that search without pause, and what came back."""

    def __init__(self, servers: list[Server]) -> None:
        self._stopping = threading.Event()
        self.phase = "quiet"
        self.times: dict[str, list[float]] = {"quiet": [], "rebuilding": []}
        self.answers: dict[str, set[str]] = {}
        self.failed: list[object] = []
        self._threads = [
            threading.Thread(target=self._run, args=(servers[n % len(servers)].port,))
            for n in range(CLIENTS)
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            while not self._stopping.is_set():
                phase, began = self.phase, time.perf_counter()
                status, answer = asked(connection, _QUERY)
                self.times[phase].append(1000 * (time.perf_counter() - began))
                if status == 200:
                    texts = self.answers.setdefault(answer["generation"], set())
                    texts.add("\n".join(hit["passage"]["text"] for hit in answer["hits"]))
                else:
                    self.failed.append(answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failed.append(repr(error))
        finally:
            connection.close()

    def p95(self, phase: str) -> float:
        """Milliseconds, seen by the clients."""
        return float(np.percentile(self.times[phase], 95))


def through_rebuilds(folder: Path, seconds: float) -> Row:
    """No request fails, every answer is of one generation, a rival rebuild is told 409."""
    row = Row(f"{CLIENTS} clients, {REBUILDS} rebuilds, two servers")
    house = House(folder / "clients", large=True)
    _round(house.home, 0)
    house.build()
    with _servers(house.home, folder) as servers, Clients(servers) as clients:
        time.sleep(seconds)
        clients.phase = "rebuilding"
        for number in range(1, REBUILDS + 1):
            with row.round(f"rebuild {number}"):
                _round(house.home, number)
                row.outcomes["rival told 409"] += _rebuild(servers)
                time.sleep(seconds / REBUILDS)
    with row.round("answers"):
        require(not clients.failed, f"failed requests: {clients.failed[:3]}")
        require(len(clients.answers) == REBUILDS + 1, f"generations seen: {len(clients.answers)}")
        mixed = [name for name, texts in clients.answers.items() if len(texts) != 1]
        require(not mixed, f"differing answers of one generation: {mixed}")
        rounds = {re.findall(r"第(\d)轮", text)[0] for [text] in clients.answers.values()}
        require(len(rounds) == REBUILDS + 1, f"rounds seen: {rounds}")
    asked_for = sum(map(len, clients.times.values()))
    row.note = (
        f"{asked_for} requests, p95 {clients.p95('quiet'):.0f} ms quiet, "
        f"{clients.p95('rebuilding'):.0f} ms rebuilding ({os.cpu_count()} cores)"
    )
    return row


def _round(home: Home, number: int) -> None:
    """Each state of the library answers the query with its own number."""
    text = f"重建记录\n\n第{number}轮重建索引。\n"
    (home.documents / "round.txt").write_text(text, encoding="utf-8")


@contextmanager
def _servers(home: Home, folder: Path) -> Iterator[list[Server]]:
    servers = [Server(home, folder / f"serve-{n}.log") for n in range(2)]
    try:
        for server in servers:
            wait_for(partial(_is_ready, server), 60)
        yield servers
    finally:
        for server in servers:
            server.end()


def _is_ready(server: Server) -> bool:
    return server.ask("/readyz")[0] == HTTPStatus.OK


def _is_idle(server: Server) -> bool:
    return bool(server.ask("/api/rebuild")[1]["state"] != "running")


def _rebuild(servers: list[Server]) -> int:
    """Rebuild by the first server; 1 if the second was refused meanwhile, 0 if it came late."""
    status, state = servers[0].ask("/api/rebuild", "POST")
    require(status == 202, f"rebuild: {status} {state}")
    rival, _ = servers[1].ask("/api/rebuild", "POST")
    require(rival in {202, 409}, f"the rival got {rival}")
    for server in servers:
        wait_for(partial(_is_idle, server), 120)
        state = server.ask("/api/rebuild")[1]
        require(state["state"] in {"done", "idle"}, f"rebuild: {state}")
    return int(rival == 409)
