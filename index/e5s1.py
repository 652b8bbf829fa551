"""Reads the packaged model's data file: E5S1, 4-bit weights and a Unigram tokenizer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]

_BLOCK = 32  # weights that share one scale in Q4_0
_Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", (_BLOCK // 2,))])


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the BERT encoder; `vocabulary` counts embedding rows, of which pieces use fewer."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Pieces:
    """The Unigram vocabulary in id order, and the map applied to each code point before it."""

    scores: tuple[tuple[str, float], ...]
    bos: int
    eos: int
    pad: int
    unk: int
    normalisation: dict[str, str]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything in the file; each weight matrix is `(outputs, inputs)` float32."""

    shape: Shape
    pieces: Pieces
    weights: Weights


class _Cursor:
    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def bytes(self, n: int) -> bytes:
        self.at += n
        return bytes(self.data[self.at - n : self.at])

    def array(self, dtype: str, n: int) -> npt.NDArray[np.generic]:
        return np.frombuffer(self.bytes(n * np.dtype(dtype).itemsize), dtype)


def read(path: Path) -> Checkpoint:
    """Parse the whole file into memory, dequantised (about 470 MB of float32).

    Raises `ValueError` when the file is not an E5S1 container of version 1, or is cut short.
    """
    cursor = _Cursor(memoryview(path.read_bytes()))
    if cursor.bytes(8) != b"E5S1\x01\0\0\0":
        raise ValueError("not an E5S1 file of version 1")
    try:
        shape = _shape(cursor)
        return Checkpoint(shape, _pieces(cursor), _tensors(cursor, shape))
    except (struct.error, ValueError, OverflowError) as error:
        raise ValueError(f"the E5S1 file is cut short or damaged: {error}") from error


def _shape(cursor: _Cursor) -> Shape:
    hidden, layers, heads, feed_forward, vocabulary, positions, types = cursor.take("7i")
    (epsilon,) = cursor.take("f")
    if cursor.take("i") != (_BLOCK,):
        raise ValueError("only blocks of 32 weights are known")
    return Shape(
        hidden, layers, heads, feed_forward, vocabulary, positions, types, round(epsilon, 15)
    )


def _pieces(cursor: _Cursor) -> Pieces:
    count, bos, eos, pad, unk = cursor.take("5i")
    (blob_length,) = cursor.take("Q")
    ends = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.bytes(blob_length)
    texts = (blob[a:b].decode("utf-8") for a, b in pairwise(ends))
    pairs = tuple(zip(texts, scores, strict=True))
    return Pieces(pairs, bos, eos, pad, unk, _normalisation(cursor))


def _normalisation(cursor: _Cursor) -> dict[str, str]:
    entries, _length = cursor.take("iI")
    table = {}
    for _ in range(entries):
        point, n = cursor.take("IB")
        table[chr(point)] = "".join(map(chr, cursor.take(f"{n}I")))
    return table


def _tensors(cursor: _Cursor, shape: Shape) -> Weights:
    weights = {}
    for _ in range(*cursor.take("i")):
        (name_length,) = cursor.take("H")
        name = cursor.bytes(name_length).decode("ascii")
        kind, elements, start, size = cursor.take("BIQQ")
        block = cursor.data[start : start + size]
        flat = dequantise(block) if kind else np.frombuffer(block, "<f4").astype(np.float32)
        if flat.size != elements:
            raise ValueError(f"tensor {name} has {flat.size} weights, not {elements}")
        weights[name] = flat.reshape(-1, _inputs(name, shape)) if _is_matrix(name) else flat
    return weights


def _is_matrix(name: str) -> bool:
    return name in {"emb.word", "emb.pos", "emb.type"} or (
        name.endswith(".w") and "ln." not in name
    )


def _inputs(name: str, shape: Shape) -> int:
    return shape.feed_forward if name.endswith(".fo.w") else shape.hidden


def dequantise(block: memoryview) -> npt.NDArray[np.float32]:
    """Q4_0 to float32: weight = (nibble - 8) * scale; byte j holds weights j and j + 16.

    The layout is that of ggml's Q4_0 (github.com/ggml-org/ggml, `dequantize_row_q4_0`).
    """
    rows = np.frombuffer(block, _Q4_0)
    nibbles = rows["nibbles"]
    both = np.concatenate([nibbles & 0xF, nibbles >> 4], axis=1).astype(np.float32) - 8.0
    return (both * rows["scale"].astype(np.float32)[:, None]).ravel()
