"""The packaged model in int8: every linear layer in whole numbers, by scales found once.

Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale" (NeurIPS
2022): a few input channels are far larger than the rest, and would leave these hardly a step of
an int8 scale. These few stay in float32, in a product of their own. Here they are known
beforehand, by the ranges that texts of all kinds gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from index.e5s1 import Checkpoint
from index.graph import Array, Graph, bert, linear_inputs, write_words

# How many of a layer's input channels stay in float32, the widest; what leaves attention has no
# such channels. Mean cosine of centred token vectors with those of float32, 169 texts that were
# not calibrated on: .9980 so, .9981 with 32, .9978 with 8. To divide wide channels by factors
# that go into their weights instead (Xiao et al., SmoothQuant) gave .9927, and .9973 where the
# layer after GELU had a scale for every 32 weights, which took a ninth more time.
_WIDE, _NEVER_WIDE = 16, ".ao"

_MARGIN = 1.1  # other texts reach a little further than those that gave the ranges

# Weights keep 7 bits: on processors without VNNI a product of 8 bits by 8 overflows its 16.
_WEIGHT_STEPS, _INPUT_STEPS = 63, 255


class Range(NamedTuple):
    """The least and the greatest seen of each input channel, `(channels,)` float32."""

    low: Array
    high: Array


def write_quantised(checkpoint: Checkpoint, texts: Sequence[Sequence[int]], graph: Path) -> None:
    """Save the int8 model as the ONNX file `graph`, and the word vectors beside it.

    `texts`, token ids with those of their prefixes, tell the ranges of the layers' inputs.
    """
    write_words(checkpoint, graph.parent)
    ranges = _ranges(checkpoint, texts, graph)

    def int8(graph: Graph, name: str, source: str, weight: Array, bias: Array) -> str:
        return _int8_linear(graph, name, source, weight, bias, ranges[name])

    graph.write_bytes(bert(checkpoint, int8))


def _ranges(
    checkpoint: Checkpoint, texts: Sequence[Sequence[int]], scratch: Path
) -> Mapping[str, Range]:
    sources = linear_inputs(checkpoint.shape.layers)
    names = sorted(set(sources.values()))
    scratch.write_bytes(bert(checkpoint, _float_linear, names))
    session = onnxruntime.InferenceSession(str(scratch), providers=["CPUExecutionProvider"])
    seen: dict[str, list[Range]] = {name: [] for name in names}
    for text in texts:
        ids = np.array([text], np.int64)
        found = session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        for name, values in zip(names, found, strict=True):
            seen[name].append(Range(values[0].min(axis=0), values[0].max(axis=0)))
    return {layer: _widest(seen[name]) for layer, name in sources.items()}


def _widest(ranges: Sequence[Range]) -> Range:
    return Range(
        np.min([each.low for each in ranges], axis=0),
        np.max([each.high for each in ranges], axis=0),
    )


def _float_linear(graph: Graph, name: str, source: str, weight: Array, bias: Array) -> str:
    product = graph.node(
        "MatMul", [source, graph.constant(f"{name}.w", weight.T)], f"{name}.product"
    )
    return graph.node("Add", [product, graph.constant(f"{name}.b", bias)], f"{name}.sum")


def _int8_linear(
    graph: Graph, name: str, source: str, weight: Array, bias: Array, seen: Range
) -> str:
    wide = widest_channels(seen, 0 if name.endswith(_NEVER_WIDE) else _WIDE)
    low, high = np.delete(seen.low, wide).min(), np.delete(seen.high, wide).max()
    low, high = min(0.0, _MARGIN * float(low)), max(0.0, _MARGIN * float(high))
    step = (high - low) / _INPUT_STEPS
    rest = weight.copy()
    rest[:, wide] = 0
    scales = np.maximum(np.abs(rest).max(axis=1) / _WEIGHT_STEPS, 1e-12)
    codes = np.rint(rest / scales[:, None]).astype(np.int8)
    step_name = graph.constant(f"{name}.step", np.array(step, np.float32))
    zero = graph.constant(f"{name}.zero", np.array(round(-low / step), np.uint8))
    coded = graph.node("QuantizeLinear", [source, step_name, zero], f"{name}.coded")
    constants = [
        graph.constant(f"{name}.w", codes.T),
        step_name,
        graph.constant(f"{name}.scales", scales.astype(np.float32)),
        zero,
        "",
        graph.constant(f"{name}.b", bias),
    ]
    product = graph.fused("MatMulIntegerToFloat", [coded, *constants], f"{name}.product")
    if not len(wide):
        return product
    few = graph.node(
        "Gather", [source, graph.constant(f"{name}.wide", wide)], f"{name}.few", axis=-1
    )
    few_weights = graph.constant(f"{name}.few_w", weight[:, wide].T)
    few_product = graph.node("MatMul", [few, few_weights], f"{name}.few_product")
    return graph.node("Add", [product, few_product], f"{name}.sum")


def widest_channels(seen: Range, count: int) -> Array:
    """The places of the `count` channels that reach furthest from 0, ascending, int64."""
    reach = np.maximum(-seen.low, seen.high)
    return np.sort(np.argsort(-reach, kind="stable")[:count]).astype(np.int64)
