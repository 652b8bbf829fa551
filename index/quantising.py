"""The packaged model in int8: every linear layer in whole numbers, by scales found once.

Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language
Models" (ICML 2023): a few input channels are far larger than the rest, and would leave these
hardly a step of an int8 scale. Dividing each channel by a factor, and multiplying its weights by
the same, moves the range from inputs to weights, where there is one scale an output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from index.e5s1 import Checkpoint
from index.graph import Array, Graph, bert, linear_inputs, write_words

# How much of a channel's range goes into its weights. Mean cosine of token vectors with those of
# float32, 19 texts that were not calibrated on: .994 at .5, .997 at .6, .998 at .7, .997 at .75;
# with scales found anew for each input, onnxruntime's own way, .993, and a text's vector then
# changes with the texts it is encoded beside.
_INTO_WEIGHTS = 0.7

# What GELU lets through has a long tail that one scale does not fit: with the layer after it in
# blocks the mean cosine is .9992, for four tenths more time (32.7 ms for 23.6, 256 tokens on one
# core). Without, of the questions of xquad-en-zh .002 and of stard-small .007 fewer were answered
# by the first passage. All layers in blocks: .9999, and twice the time.
_IN_BLOCKS = ".fo"
_BLOCK = 32  # weights of one scale, as they come in the packaged file

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
        if name.endswith(_IN_BLOCKS):
            return _block_linear(graph, name, source, weight, bias)
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
    largest = np.maximum(np.maximum(-seen.low, seen.high), 1e-5)
    factors = largest**_INTO_WEIGHTS / np.maximum(np.abs(weight).max(axis=0), 1e-5) ** (
        1 - _INTO_WEIGHTS
    )
    low = min(0.0, float((seen.low / factors).min()))
    step = (max(0.0, float((seen.high / factors).max())) - low) / _INPUT_STEPS
    smooth = weight * factors
    scales = np.maximum(np.abs(smooth).max(axis=1) / _WEIGHT_STEPS, 1e-12)
    codes = np.rint(smooth / scales[:, None]).astype(np.int8)
    zero = graph.constant(f"{name}.zero", np.array(round(-low / step), np.uint8))
    shrink = graph.constant(f"{name}.shrink", (1 / (factors * step)).astype(np.float32))
    shrunk = graph.node("Mul", [source, shrink], f"{name}.shrunk")
    one = graph.constant("one", np.array(1, np.float32))
    coded = graph.node("QuantizeLinear", [shrunk, one, zero], f"{name}.coded")
    constants = [
        graph.constant(f"{name}.w", codes.T),
        graph.constant(f"{name}.step", np.array(step, np.float32)),
        graph.constant(f"{name}.scales", scales.astype(np.float32)),
        zero,
        "",
        graph.constant(f"{name}.b", bias),
    ]
    return graph.fused("MatMulIntegerToFloat", [coded, *constants], f"{name}.sum")


def _block_linear(graph: Graph, name: str, source: str, weight: Array, bias: Array) -> str:
    """Weights of 4 bits, just those of the packaged file; inputs of 8, a scale a block of both."""
    codes, scales = blocks(weight)
    constants = [
        graph.constant(f"{name}.w", codes[..., 0::2] | codes[..., 1::2] << 4),
        graph.constant(f"{name}.scales", scales),
        "",
        "",
        graph.constant(f"{name}.b", bias),
    ]
    return graph.fused(
        "MatMulNBits", [source, *constants], f"{name}.sum",
        K=weight.shape[1], N=weight.shape[0], bits=4, block_size=_BLOCK,
        accuracy_level=4,  # int8 products
    )  # fmt: skip


def blocks(weight: Array) -> tuple[Array, Array]:
    """`(outputs, blocks, 32)` uint8 in 0..15 and `(outputs, blocks)` float32, as in Q4_0.

    weight = (code - 8) * scale; the weight of the largest size in a block has the code 0.
    """
    cut = weight.reshape(len(weight), -1, _BLOCK)
    largest = np.take_along_axis(cut, np.abs(cut).argmax(axis=-1)[..., None], axis=-1)
    scales = np.where(largest == 0, 1e-12, largest / -8).astype(np.float32)
    return (np.rint(cut / scales) + 8).astype(np.uint8), scales[..., 0]
