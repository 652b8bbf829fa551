"""The packaged model's computation as an ONNX graph of fused BERT operators.

`com.microsoft` operators are those of onnxruntime (docs/ContribOperators.md there). How a linear
layer is computed is given from outside: `index.quantising` has it in float32 and in int8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from index.e5s1 import Checkpoint

Array = npt.NDArray[Any]

_FUSED = "com.microsoft"
_OPSET, _IR = 20, 10  # the newest that onnxruntime 1.20 and later read
OUTPUT = "token_embeddings"
WORDS = "words.bin"  # beside the graph, so that it is mapped and not read: four fifths of it all


class Graph:
    """Nodes and constants in the making; a value is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, array: Array) -> str:
        """Keep an array under `name`; the first of one name stays."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def mapped(self, name: str, file: str, shape: Sequence[int]) -> str:
        """Refer to int8 rows in a file beside the graph."""
        tensor = onnx.TensorProto(name=name, data_type=TensorProto.INT8, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=file)
        self._constants[name] = tensor
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add an operator of ONNX; returns `output`."""
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def fused(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add an operator of onnxruntime; returns `output`."""
        return self.node(kind, inputs, output, domain=_FUSED, **attributes)

    def split(self, value: str, outputs: Sequence[str]) -> None:
        """Cut the last axis into equal parts."""
        parts = len(outputs)
        self._nodes.append(helper.make_node("Split", [value], outputs, axis=-1, num_outputs=parts))

    def serialised(self, outputs: Sequence[str]) -> bytes:
        """The whole as a file; `input_ids` and `attention_mask` are `(batch, length)` int64."""
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
            for name in ("input_ids", "attention_mask")
        ]
        results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "bert", inputs, results, constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        return bytes(model.SerializeToString())


# graph, name of the layer, name of its input, weight (outputs, inputs), bias -> name of its output
Linear = Callable[[Graph, str, str, Array, Array], str]


def linear_inputs(layers: int) -> dict[str, str]:
    """The name of each linear layer's input, by the layer's name."""
    found = {}
    for i in range(layers):
        found[f"l{i}.qkv"] = f"l{i - 1}.out" if i else "embedded"
        found[f"l{i}.ao"] = f"l{i}.context"
        found[f"l{i}.fi"] = f"l{i}.attended"
        found[f"l{i}.fo"] = f"l{i}.active"
    return found


def bert(checkpoint: Checkpoint, linear: Linear, outputs: Sequence[str] = ()) -> bytes:
    """The encoder as an ONNX file, to stand beside the file of `write_words`.

    It gives `token_embeddings`, `(batch, length, hidden)` float32, and other `outputs` by name.
    What a token gets does not depend on the padding or on the texts beside it.
    """
    graph = Graph()
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    value = _embedded(graph, checkpoint)
    for i in range(checkpoint.shape.layers):
        value = _layer(graph, checkpoint, linear, f"l{i}", value)
    graph.node("Identity", [value], OUTPUT)
    return graph.serialised([OUTPUT, *outputs])


def write_words(checkpoint: Checkpoint, folder: Path) -> None:
    """The word vectors as rows of int8, `(vocabulary, hidden)`."""
    words = checkpoint.weights["emb.word"]
    np.rint(words / _word_scales(words)).astype(np.int8).tofile(folder / WORDS)


def _word_scales(words: Array) -> Array:
    scales = np.abs(words).max(axis=1, keepdims=True) / 127
    return np.asarray(np.maximum(scales, 1e-12), np.float32)


def _embedded(graph: Graph, checkpoint: Checkpoint) -> str:
    """Words, each with a scale, and positions; one text, so of one token type."""
    words = checkpoint.weights["emb.word"]
    graph.node("Gather", [graph.mapped("words", WORDS, words.shape), "input_ids"], "word_codes")
    scales = _word_scales(words)
    graph.node("Gather", [graph.constant("word_scales", scales), "input_ids"], "word_scale")
    graph.node("Cast", ["word_codes"], "word_floats", to=TensorProto.FLOAT)
    graph.node("Mul", ["word_floats", "word_scale"], "word")
    places = checkpoint.weights["emb.pos"] + checkpoint.weights["emb.type"][0]
    zero = graph.constant("zero", np.zeros(1, np.int64))
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    graph.node("Slice", [graph.constant("places", places), zero, length, zero], "place")
    graph.node("Add", ["word", "place"], "placed")
    norm = [graph.constant(f"emb.ln.{x}", checkpoint.weights[f"emb.ln.{x}"]) for x in "wb"]
    epsilon = checkpoint.shape.epsilon
    return graph.node("LayerNormalization", ["placed", *norm], "embedded", epsilon=epsilon)


def _layer(graph: Graph, checkpoint: Checkpoint, linear: Linear, name: str, value: str) -> str:
    weights, shape = checkpoint.weights, checkpoint.shape

    def apply(layer: str, source: str) -> str:
        kind = f"{name}.{layer}"
        return linear(graph, kind, source, weights[f"{kind}.w"], weights[f"{kind}.b"])

    def added(layer: str, one: str, other: str, output: str) -> str:
        # not SkipLayerNormalization, which does both: it takes nine times as long
        total = graph.node("Add", [one, other], f"{output}.total")
        norm = [graph.constant(f"{name}.{layer}.{x}", weights[f"{name}.{layer}.{x}"]) for x in "wb"]
        return graph.node("LayerNormalization", [total, *norm], output, epsilon=shape.epsilon)

    three = [np.concatenate([weights[f"{name}.{x}.{end}"] for x in "qkv"]) for end in "wb"]
    heads = [f"{name}.{x}" for x in "qkv"]
    graph.split(linear(graph, f"{name}.qkv", value, *three), heads)
    context = graph.fused(
        "MultiHeadAttention", [*heads, "", "mask"], f"{name}.context", num_heads=shape.heads
    )
    attended = added("aln", apply("ao", context), value, f"{name}.attended")
    active = graph.fused("Gelu", [apply("fi", attended)], f"{name}.active")
    return added("oln", apply("fo", active), attended, f"{name}.out")
