"""`kb serve` with the fake encoder in the model's place, as a process of its own.

Run as `python -m tests.web_process HOME [--port N ...]`; `HELD` in the environment names a file:
while it is there, no query is answered.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import index.encoder
from index.encoder import Encoded, Side
from index.home import Home
from tests.fakes import HashEncoder
from tests.waiting import wait_for


class HeldEncoder(HashEncoder):
    """Takes as long over queries as it is told to."""

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        held = os.environ.get("HELD")
        while side == "query" and held and Path(held).exists():
            time.sleep(0.01)
        return super().encode(texts, side)


def started(
    home: Home, log: Path, *options: str, **environment: str
) -> tuple[subprocess.Popen[bytes], int]:
    """A server on a free port that writes to `log`, once it says which port that is."""
    command = [sys.executable, "-m", "tests.web_process", str(home.root), "--port", "0", *options]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], env={**os.environ, **environment},
            stdout=stream, stderr=stream,
        )  # fmt: skip
    said = partial(log.read_text, encoding="utf-8")
    wait_for(lambda: "Serving on" in said() or process.poll() is not None, 60)
    found = re.search(r"Serving on http://[^ ]+:(\d+) ", said())
    assert found, said()
    return process, int(found[1])


if __name__ == "__main__":
    index.encoder.load_encoder = lambda *_: HeldEncoder()
    from web.cli import main

    main(["--home", sys.argv[1], "serve", *sys.argv[2:]])
