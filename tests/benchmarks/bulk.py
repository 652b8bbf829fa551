"""A large library in a process of its own: `python -m tests.benchmarks.bulk HOME VECTORS`.

As in `tests.benchmarks.worker` a line of JSON is a task, and a line its answer. With `serve` and
its options instead it is `kb serve` with the real model for questions, over the same index.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import index.encoder
from index import encodings, generation
from index.build import build
from index.dense import DenseIndex
from index.encoder import Encoded, Encoder, Side, load_encoder
from index.hits import Mode
from index.home import Home
from index.search import Searcher
from index.snapshot import Snapshot
from index.stores import open_current, store_of
from tests.benchmarks.multiplied import Multiplied

Answer = dict[str, Any]
_K = 10
_MODES: tuple[Mode, ...] = ("hybrid", "dense")


def memory() -> dict[str, float]:
    """MB of this process: all that is resident, and what of it is not pages of mapped files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = {name: int(kb) * 1024 / 1e6 for name, kb in re.findall(r"(\w+):\s+(\d+) kB", status)}
    return {"resident": found["VmRSS"], "own": found["RssAnon"]}


class _Peak:
    """The most own memory seen while it is entered."""

    def __enter__(self) -> _Peak:
        self.own, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.own = max(self.own, memory()["own"])


class Tasks:
    """What can be asked of a large library."""

    def __init__(self, home: Home, encoder: Multiplied) -> None:
        self._home, self._encoder = home, encoder

    def build(self) -> Answer:
        before = memory()["own"]
        with _Peak() as peak:
            report = build(self._home, self._encoder)
        return {
            "seconds": dict(report.seconds),
            "counts": asdict(report.counts),
            "before": before,
            "peak": peak.own,
        }

    def search(self) -> Answer:
        """Every question twice in each mode, timed; then compared with an exact search."""
        began = time.perf_counter()
        reader = open_current(store_of(self._home), self._encoder)
        assert isinstance(reader, Snapshot)
        with closing(reader):
            opened = time.perf_counter() - began
            asked = {mode: self._asked(reader, mode) for mode in _MODES}
            used = memory()  # before an exact search has looked at everything
            recall = {mode: self._recall(reader, mode) for mode in _MODES}
        return {"opened": opened, "asked": asked, "recall": recall, **used}

    def _asked(self, reader: Snapshot, mode: Mode) -> list[list[float]]:
        """Seconds of each question, the first time and the second."""
        searcher, turns = Searcher(reader, self._encoder), []
        for _ in range(2):
            took = []
            for query in self._encoder.queries:
                began = time.perf_counter()
                searcher.search(query, k=_K, mode=mode)
                took.append(time.perf_counter() - began)
            turns.append(took)
        return turns

    def _recall(self, reader: Snapshot, mode: Mode) -> float:
        """The share of an exact search's best passages that are found."""
        ours = Searcher(reader, self._encoder)
        theirs = Searcher(exact(self._home, reader), self._encoder)
        shares = []
        for query in self._encoder.queries:
            found, wanted = (
                {hit.passage.id for hit in each.search(query, k=_K, mode=mode).hits}
                for each in (ours, theirs)
            )
            shares.append(len(found & wanted) / len(wanted))
        return sum(shares) / len(shares)


def exact(home: Home, reader: Snapshot) -> Snapshot:
    """The same index, every clause compared."""
    folder = generation.folder(home, reader.name) / encodings.CLAUSES
    dense = DenseIndex(folder, reader.encodings.dense.dim, coded=False)
    compared = dataclasses.replace(reader.encodings, dense=dense)
    return dataclasses.replace(reader, encodings=compared)


class Asked:
    """The index's encoder for its name, the real model for what is asked."""

    def __init__(self, name: str, model: Encoder) -> None:
        self.name, self.dim, self.forwards = name, model.dim, model.forwards
        self._model = model

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        return self._model.encode(texts, side)


def main() -> None:
    """Answer tasks until standard input ends, or serve."""
    home, vectors = Path(sys.argv[1]), Path(sys.argv[2])
    if sys.argv[3:]:
        serve(home, Multiplied.open(vectors).name)
        return
    answers, sys.stdout = sys.stdout, sys.stderr
    tasks = Tasks(Home(home, home / "documents"), Multiplied.open(vectors))
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        answer = getattr(tasks, task.pop("do"))(**task)
        print(json.dumps(answer), file=answers, flush=True)


def serve(home: Path, name: str) -> None:
    """`kb serve` with the options that follow."""
    from web.cli import main as kb

    real = load_encoder
    index.encoder.load_encoder = lambda *given: Asked(name, real(*given))
    kb(["--home", str(home), *sys.argv[3:]])


if __name__ == "__main__":
    main()
