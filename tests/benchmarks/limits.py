"""What this machine can do at most, measured in the same run: `python -m tests.benchmarks.limits`.

The model's matrix products alone, in int8 and in float32, without attention, normalisation or
tokens; reading memory; an HTTP answer without content. Best of several, since a limit is one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

# multilingual-e5-small: the products of one layer, inputs and outputs, and how many layers
_PRODUCTS = ((384, 384),) * 4 + ((384, 1536), (1536, 384))
_LAYERS = 12


class Tasks:
    """The products at several sizes; how fast memory is read."""

    def __init__(self) -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        shapes = _PRODUCTS * _LAYERS
        self._int8 = [torch.randint(-99, 99, shape, dtype=torch.int8) for shape in shapes]
        self._float32 = [weight.float() for weight in self._int8]
        self._memory = torch.ones(64 << 20)

    def products(self, tokens: int, kind: str) -> dict[str, float]:
        """Seconds for all layers' products of so many tokens."""
        weights = self._int8 if kind == "int8" else self._float32
        inputs = {
            width: torch.randint(-99, 99, (tokens, width)).to(weights[0].dtype)
            for width in (384, 1536)
        }
        # torch's own int8 product, on VNNI where the CPU has it
        product: Callable[..., torch.Tensor] = torch._int_mm if kind == "int8" else torch.mm
        return {"seconds": _best(lambda: [product(inputs[len(w)], w) for w in weights])}

    def memory(self) -> dict[str, float]:
        """Bytes read in a second by all cores."""
        return {"bytes": self._memory.nbytes / _best(self._memory.sum)}


def _best(work: Callable[[], Any], most: float = 1.0) -> float:
    """The least of at least five seconds' parts."""
    work()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - began < most:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def serve_nothing() -> None:
    """An empty view in Flask, served by waitress, as `kb serve` is."""
    from flask import Flask
    from waitress import create_server

    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: {})
    server = create_server(app, port=0, threads=8)
    print(f"http://127.0.0.1:{server.effective_port}", file=sys.stderr, flush=True)
    server.run()


def main() -> None:
    """Answer tasks as a worker does, or serve nothing."""
    if sys.argv[1:] == ["serve"]:
        serve_nothing()
        return
    tasks = Tasks()
    print(json.dumps({"ready": "limits"}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        print(json.dumps(getattr(tasks, task.pop("do"))(**task)), flush=True)


if __name__ == "__main__":
    main()
