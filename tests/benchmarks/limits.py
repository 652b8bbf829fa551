"""What this machine can do at most, measured in the same run: `python -m tests.benchmarks.limits`.

The model's matrix products alone, in int8 and in float32, without attention, normalisation or
tokens; reading memory; an HTTP answer without content. Best of several, since a limit is one.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

Work = Callable[[], object]

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
    least = math.inf
    for works in _WORKS[kind](tokens, shape):
        works[0]()
        if _best(works[:1], 0) < 2 * least:
            least = min(least, _best(works))
    return least


def _float32(tokens: int, shape: tuple[int, int]) -> Iterator[Sequence[Work]]:
    inputs, weights = torch.rand(tokens, shape[0]), [torch.rand(shape) for _ in range(_LAYERS)]
    yield [partial(torch.mm, inputs, each) for each in weights]


def _int8(tokens: int, shape: tuple[int, int]) -> Iterator[Sequence[Work]]:
    """By onnxruntime and by torch, which without VNNI takes many times as long."""
    inputs = torch.randint(-99, 99, (tokens, shape[0]), dtype=torch.int8)
    weights = [torch.randint(-63, 63, shape, dtype=torch.int8) for _ in range(_LAYERS)]
    given = {"inputs": inputs.view(torch.uint8).numpy()}
    yield [partial(_onnx_product(each).run, None, given) for each in weights]
    yield [partial(torch._int_mm, inputs, each) for each in weights]


def _onnx_product(weights: torch.Tensor) -> onnxruntime.InferenceSession:
    node = helper.make_node("MatMulInteger", ["inputs", "weights"], ["product"])
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("inputs", TensorProto.UINT8, None)],
        [helper.make_tensor_value_info("product", TensorProto.INT32, None)],
        [numpy_helper.from_array(weights.numpy(), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


_WORKS: dict[str, Callable[[int, tuple[int, int]], Iterator[Sequence[Work]]]] = {
    "int8": _int8,
    "float32": _float32,
}


def _best(works: Sequence[Work], seconds: float = 0.2) -> float:
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
