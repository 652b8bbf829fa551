"""A build over Ray in a process of its own, which does what it is told to when it is half done.

python -m tests.ray_build HOME [--die N | --kill N] [--join HOST:PORT] [--load NAME] [--store STORE]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from index import cluster
from index.build import Progress, build
from index.encoder import Encoded, Side
from index.home import Home
from index.spreading import spread
from kb.errors import KBError
from tests.fakes import HashEncoder

CRASHES = "crashes"


class Slow(HashEncoder):
    """Leaves time to be killed, and a file for each process that loaded it."""

    def __init__(self, loads: Path, name: str = "hash-encoder 1") -> None:
        super().__init__(name)
        loads.mkdir(exist_ok=True)
        (loads / str(os.getpid())).touch()
        if name == CRASHES:
            os._exit(1)

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        time.sleep(0.4)
        return super().encode(texts, side)


@dataclass
class Middle:
    """Kills this process, or one of the workers, when so many passages are written."""

    die: int
    kill: int
    loads: Path

    def __call__(self, step: Progress) -> None:
        if step.stage != "encode":
            return
        if self.die and step.done >= self.die:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kill and step.done >= self.kill:
            self.kill = 0
            os.kill(int(next(self.loads.iterdir()).name), signal.SIGKILL)


def main() -> None:
    """Print what came of it as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--die", type=int, default=0)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--join")
    parser.add_argument("--load", default="hash-encoder 1")
    parser.add_argument("--store")
    asked = parser.parse_args()
    home = Home(asked.home, asked.home / "documents").stored_in(asked.store)
    loads = asked.home / "loads"
    middle = Middle(asked.die, asked.kill, loads)
    if asked.load == CRASHES:
        cluster._SILENT_SECONDS = 10.0
    try:
        with spread(home, HashEncoder(), asked.join, partial(Slow, loads, asked.load)) as workers:
            report = build(home, HashEncoder(), progress=middle, workers=workers)
    except KBError as error:
        print(json.dumps({"error": str(error)}))
        return
    skipped = [f"{each.name}: {each.reason}" for each in report.skipped]
    print(json.dumps({"encoded": report.encoded, "skipped": skipped}))


if __name__ == "__main__":
    main()
