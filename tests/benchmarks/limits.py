"""What this machine can do at most, measured in the same run: `python -m tests.benchmarks.limits`.

The model's matrix products alone, in int8 and in float32, without attention, normalisation or
tokens; reading memory; an HTTP answer without content. Best of several, since a limit is one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

# multilingual-e5-small: inputs and outputs of its products, and how often each is in a layer
_PRODUCTS = {(384, 384): 4, (384, 1536): 1, (1536, 384): 1}
_LAYERS = 12


class Tasks:
    """The products at several sizes; how fast memory is read."""

    def __init__(self) -> None:
        self._cores = os.cpu_count() or 1
        self._memory = torch.ones(64 << 20)

    def products(self, tokens: int, kind: str) -> dict[str, float]:
        """Seconds for all layers' products of so many tokens: the best of each, added up.

        On one core, shared out over all without loss: a limit, and it holds on a busy machine,
        where two threads wait for each other.
        """
        torch.set_num_threads(1)
        seconds = {shape: _product(tokens, shape, kind) for shape in _PRODUCTS}
        layer = sum(seconds[shape] * count for shape, count in _PRODUCTS.items())
        return {"seconds": _LAYERS * layer / self._cores}

    def memory(self) -> dict[str, float]:
        """Bytes read in a second by all cores."""
        torch.set_num_threads(self._cores)
        return {"bytes": self._memory.nbytes / _best([self._memory.sum])}


def _product(tokens: int, shape: tuple[int, int], kind: str) -> float:
    """Each layer has weights of its own, or they would stay in the nearest cache."""
    dtype = torch.int8 if kind == "int8" else torch.float32
    inputs = torch.randint(-99, 99, (tokens, shape[0])).to(dtype)
    weights = [torch.randint(-99, 99, shape).to(dtype) for _ in range(_LAYERS)]
    # torch's own int8 product, on VNNI where the CPU has it
    product: Callable[..., torch.Tensor] = torch._int_mm if kind == "int8" else torch.mm
    return _best([partial(product, inputs, each) for each in weights])


def _best(works: Sequence[Callable[[], object]], seconds: float = 0.2) -> float:
    """The least time of one, in turns for so long; at least five of each."""
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 * len(works) or time.perf_counter() - began < seconds:
        for work in works:
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
