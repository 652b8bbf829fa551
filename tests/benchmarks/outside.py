"""Measured from outside: the servers over HTTP, how soon they answer, what they take up."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import ROOT, Server, Worker, environment, python
from tests.benchmarks.table import Row
from tests.benchmarks.turns import in_turns, percentile

CLIENTS = 8
NOTHING = "nothing"

Start = Callable[[], Server]


def ours(home: Path) -> Server:
    """`kb serve` on what `home` holds already."""
    kb = Path(sys.executable).with_name("kb")
    return Server("/api/search?k=10&q=", [kb, "--home", home, "serve", "--port", "0"])


def recipe(model: Path, index: Path) -> Server:
    """The recipe's Flask server."""
    return Server("/search?k=10&q=", [*python("recipe"), model, index])


def nothing() -> Server:
    """An empty view on the server of this project."""
    return Server("/?q=", [*python("limits"), "serve"])


def load(server: Server, queries: Iterator[str], clients: int, seconds: float) -> dict[str, Any]:
    """Ask for so long, each query once; raises RuntimeError where an answer failed."""
    most = int(1000 * seconds) + clients
    paths = [server.path + urllib.parse.quote(q) for q in itertools.islice(queries, most)]
    host, port = server.address
    asked = {"host": host, "port": port, "paths": paths, "clients": clients, "seconds": seconds}
    done = subprocess.run(
        python("load"),
        input=json.dumps(asked),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer["faults"] or not answer["seconds"]:
        raise RuntimeError(f"{answer['faults'][:1]} of {server.path}: {server.said[-2000:]}")
    return answer


def serving(
    starts: Mapping[str, Start], asked: Callable[[], Iterator[str]], rounds: int, seconds: float
) -> Iterator[Row]:
    """All servers are up together and asked in turns; memory is read at the end."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(start()) for name, start in starts.items()}
        queries = {name: asked() for name in servers}  # the same to each, none twice

        def ask(name: str, clients: int, _round: int) -> dict[str, Any]:
            return load(servers[name], queries[name], clients, seconds)

        for name, server in servers.items():
            load(server, queries[name], 2, seconds / 4)
        one = in_turns(rounds, {n: partial(ask, n, 1) for n in servers})
        many = in_turns(rounds, {n: partial(ask, n, CLIENTS) for n in servers})
        memory = {name: server.resident for name, server in servers.items()}
    for share in (50, 95):
        values = {
            name: [1000 * percentile(each["seconds"], share / 100) for each in answers]
            for name, answers in one.items()
        }
        yield Row(f"http_p{share}", f"HTTP, one client, p{share}", "ms", figures=values)
    rates = {n: [len(each["seconds"]) / each["took"] for each in a] for n, a in many.items()}
    yield Row("http_rate", f"HTTP, {CLIENTS} clients, requests", "per second", "more", rates)
    figures = {name: [mb] for name, mb in memory.items() if mb is not None and name != NOTHING}
    reason = "" if figures else "this system does not tell"
    yield Row("memory", "resident memory while serving", "MB", figures=figures, reason=reason)


def starting(starts: Mapping[str, Start], rounds: int) -> Iterator[Row]:
    """From the start of the process to its first answer, where model and index are there."""

    def start(name: str, _round: int) -> float:
        with starts[name]() as server:
            return server.started

    seconds = in_turns(rounds, {n: partial(start, n) for n in starts})
    yield Row("start", "second start to the first answer", "s", figures=seconds)


def opening(
    name: str, model: Path, corpus: Path, index: Path, queries: list[str]
) -> dict[str, float]:
    """A contestant without a server of its own: the same figures of a process that asks itself."""
    with Worker("worker", name, model) as worker:
        worker.ask("open", corpus=str(corpus), folder=str(index))
        worker.ask("search", texts=queries[:1], k=10)
        started = worker.elapsed
        worker.ask("search", texts=queries[1:], k=10)
        memory = worker.resident
        return {"start": started, **({} if memory is None else {"memory": memory})}


def disk(folder: Path) -> float:
    """MB of the files below a folder; links are followed at its top alone."""
    files = (path for path in folder.resolve().rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if not path.is_symlink()) / 1e6
