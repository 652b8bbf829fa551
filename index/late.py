"""Token vectors on disk and MaxSim over them: late interaction.

Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late
Interaction over BERT" (SIGIR 2020): each query token takes its best match among the text's
tokens, and these are added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from index.encoder import Encoded, Vectors
from index.mapped import let_go, mapped


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, or of several end to end, as they are stored.

    Row i stands for the vector `codes[i] * scales[i]`: `codes` is `(n, dim)` int8, `scales`
    `(n,)` float32. `spans` is `(n, 2)` int32, half-open code points into the text.
    """

    codes: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    spans: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.scales)

    def similarities(self, query: Vectors) -> Vectors:
        """`(n, query tokens)` cosines with the unit rows of `query`."""
        cosines: Vectors = self.codes.astype(np.float32) @ query.T
        cosines *= self.scales[:, None]
        return cosines


def quantised(encoded: Encoded) -> Tokens:
    """int8 with a scale a row: half a step is 1/254 of the row's largest component."""
    rows = encoded.tokens
    scales = np.abs(rows).max(axis=1, initial=0.0).astype(np.float32) / np.float32(127)
    codes = np.rint(rows / np.maximum(scales, 1e-12)[:, None]).astype(np.int8)
    return Tokens(codes, scales, encoded.spans)


@dataclass(frozen=True, slots=True)
class Matches:
    """How a text's tokens meet a query's.

    `cosines` is `(tokens, query tokens)` float32; `spans` is `(tokens, 2)` int32, half-open code
    points into the text.
    """

    cosines: Vectors
    spans: npt.NDArray[np.int32]

    def maxsim(self) -> float:
        """Mean over query tokens of the best cosine; 0 without tokens on either side."""
        if not self.cosines.size:
            return 0.0
        return float(self.cosines.max(axis=0).sum() / self.cosines.shape[1])

    def maxsims(self, starts: Sequence[int], ends: Sequence[int]) -> Vectors:
        """The MaxSim of each of some stretches of the text: of the tokens that overlap it.

        Tokens stand in text order.
        """
        first = np.searchsorted(self.spans[:, 1], starts, side="right")
        lengths = np.maximum(np.searchsorted(self.spans[:, 0], ends, side="left") - first, 0)
        offsets = first - (np.cumsum(lengths) - lengths)
        rows = np.repeat(offsets, lengths) + np.arange(lengths.sum())
        return maxsims(self.cosines[rows], lengths)


def maxsims(cosines: Vectors, lengths: npt.NDArray[np.int64]) -> Vectors:
    """`Matches.maxsim` of texts whose tokens stand end to end, `lengths` `(texts,)` of each."""
    found = np.zeros(len(lengths), np.float32)
    some = lengths > 0
    if some.any() and cosines.shape[1]:
        starts = (np.cumsum(lengths) - lengths)[some]
        best = np.maximum.reduceat(cosines, starts, axis=0)
        found[some] = best.sum(axis=1) / cosines.shape[1]
    return found


class TokenWriter:
    """Streams the tokens of texts into a folder; `starts` tells where each text begins."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._open = ExitStack()
        self._files: tuple[BinaryIO, ...] = tuple(
            self._open.enter_context((folder / f"{name}.bin").open("wb"))
            for name in ("codes", "scales", "spans", "starts")
        )
        self._end = 0
        self._files[-1].write(np.int64(0).tobytes())

    def __enter__(self) -> TokenWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, tokens: Tokens) -> None:
        """Append one text."""
        self._end += len(tokens)
        arrays = (tokens.codes, tokens.scales, tokens.spans, np.int64(self._end))
        for file, array in zip(self._files, arrays, strict=True):
            file.write(np.ascontiguousarray(array).tobytes())

    def flush(self) -> None:
        """Hand what was added to the system: it outlives this process."""
        for file in self._files:
            file.flush()


class TokenStore:
    """The tokens of many texts, memory-mapped: only what is asked for is read."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._starts: npt.NDArray[np.int64] = mapped(folder / "starts.bin", "<i8")
        self._codes: npt.NDArray[np.int8] = mapped(folder / "codes.bin", "i1", dim)
        self._scales: npt.NDArray[np.float32] = mapped(folder / "scales.bin", "<f4")
        self._spans: npt.NDArray[np.int32] = mapped(folder / "spans.bin", "<i4", 2)

    @property
    def texts(self) -> int:
        """Number of texts."""
        return len(self._starts) - 1

    def text(self, row: int) -> Tokens:
        """The tokens of one text."""
        return self._between(row, row + 1)

    def let_go(self) -> None:
        """Keep nothing in memory of what was read."""
        for array in (self._codes, self._scales, self._spans):
            let_go(array)

    def _between(self, first: int, last: int) -> Tokens:
        a, b = int(self._starts[first]), int(self._starts[last])
        return Tokens(self._codes[a:b], self._scales[a:b], self._spans[a:b])

    def matches(self, row: int, query: Vectors) -> Matches:
        """The tokens of one text against a query's."""
        tokens = self.text(row)
        return Matches(tokens.similarities(query), tokens.spans)

    def maxsims(self, first: int, last: int, query: Vectors) -> Vectors:
        """The MaxSim of each of a range of texts, half-open, `(texts,)`."""
        cosines = self._between(first, last).similarities(query)
        return maxsims(cosines, np.diff(self._starts[first : last + 1]))
