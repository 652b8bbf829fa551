"""`kb serve` with the fake encoder in the model's place, as a process of its own.

Run as `python -m tests.web_process HOME [--port N ...]`; `SLOW` in the environment makes every
query take so many seconds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import index.encoder
from index.encoder import Encoded, Side
from tests.fakes import HashEncoder


class SlowEncoder(HashEncoder):
    """Takes its time over queries, as a large model does."""

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        if side == "query":
            time.sleep(float(os.environ.get("SLOW", "0")))
        return super().encode(texts, side)


if __name__ == "__main__":
    index.encoder.load_encoder = lambda *_: SlowEncoder()
    from web.cli import main

    main(["--home", sys.argv[1], "serve", *sys.argv[2:]])
