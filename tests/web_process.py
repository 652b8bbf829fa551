"""`kb serve` with the fake encoder in the model's place, as a process of its own.

Run as `python -m tests.web_process HOME [--port N ...]`; `HELD` in the environment names a file:
while it is there, no query is answered.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import index.encoder
from index.encoder import Encoded, Side
from tests.fakes import HashEncoder


class HeldEncoder(HashEncoder):
    """Takes as long over queries as it is told to."""

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        held = os.environ.get("HELD")
        while side == "query" and held and Path(held).exists():
            time.sleep(0.01)
        return super().encode(texts, side)


if __name__ == "__main__":
    index.encoder.load_encoder = lambda *_: HeldEncoder()
    from web.cli import main

    main(["--home", sys.argv[1], "serve", *sys.argv[2:]])
