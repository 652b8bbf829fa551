"""A fake encoder whose vectors a person can work out: character pairs hashed into 64 dimensions."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from index.encoder import Encoded, Side, Vectors, unit

DIM = 64


def bucket(text: str) -> int:
    """The dimension that a character or a pair counts in; the same in every run."""
    return zlib.crc32(text.encode("utf-8", "replace")) % DIM


def one_hot(text: str) -> Vectors:
    """The vector of one token."""
    vector = np.zeros(DIM, np.float32)
    vector[bucket(text)] = 1.0
    return vector


class HashEncoder:
    """Texts are near when they share characters and pairs of neighbours.

    A character that is not white space is a token. Prefixes are not used.
    """

    def __init__(self, name: str = "hash-encoder 1") -> None:
        self.name = name
        self.dim = DIM
        self.forwards = 1
        self.calls: list[tuple[Side, int]] = []

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        self.calls.append((side, len(texts)))
        return [_encode(text) for text in texts]


def _encode(text: str) -> Encoded:
    kept = [i for i, character in enumerate(text) if not character.isspace()]
    pieces = [text[i] for i in kept] + [text[i : i + 2] for i in kept]
    vector = sum((one_hot(piece) for piece in pieces), np.zeros(DIM, np.float32))
    tokens = np.array([one_hot(text[i]) for i in kept], np.float32).reshape(-1, DIM)
    spans = np.array([(i, i + 1) for i in kept], np.int32).reshape(-1, 2)
    return Encoded(unit(vector), tokens, spans)
