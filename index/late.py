"""Token vectors on disk and MaxSim over them: late interaction.

Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late
Interaction over BERT" (SIGIR 2020): each query token takes its best match among the text's
tokens, and these are added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from index.encoder import Encoded, Vectors
from index.mapped import let_go, mapped
from index.products import LARGEST, product
from index.store import LateMatches

_TOGETHER = 64  # passages of one product: the tokens of these and of their clauses are copied


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


def similarities(tokens: Sequence[Tokens], query: Vectors) -> Vectors:
    """`(tokens of all, query tokens)` cosines with the unit rows of `query`, rounded to 7 bits.

    A cosine is off by some .001 so. Sums are of whole numbers: each is the same whatever else
    is asked with it.
    """
    codes = np.concatenate([each.codes for each in tokens])
    scales = np.concatenate([each.scales for each in tokens])
    asked, steps = rounded(query)
    if not codes.size or not asked.size:
        return np.zeros((len(codes), len(asked)), np.float32)
    cosines = product(codes, asked.T).astype(np.float32)
    cosines *= steps
    cosines *= scales[:, None]
    return cosines


def rounded(query: Vectors) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """`(n, dim)` codes and `(n,)` steps of a query's tokens: row i stands for their product."""
    steps = np.maximum(np.abs(query).max(axis=1, initial=0.0), 1e-12).astype(np.float32) / LARGEST
    return np.rint(query / steps[:, None]).astype(np.int8), steps


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


def maxsims(cosines: Vectors, lengths: npt.NDArray[np.int64]) -> Vectors:
    """The MaxSim of each of some texts, `(texts,)`: the mean of the query tokens' best cosines.

    The texts' tokens stand end to end, `lengths` `(texts,)` of each. 0 without tokens on either
    side.
    """
    found = np.zeros(len(lengths), np.float32)
    some = lengths > 0
    if some.any() and cosines.shape[1]:
        starts = (np.cumsum(lengths) - lengths)[some]
        best = np.maximum.reduceat(cosines, starts, axis=0)
        found[some] = best.sum(axis=1) / cosines.shape[1]
    return found


def stretches(
    texts: Sequence[Matches], spans: Sequence[Sequence[tuple[int, int]]]
) -> list[Vectors]:
    """Of each text the MaxSims of some stretches of it: of the tokens that overlap each.

    Tokens stand in text order; stretches are half-open code points, in any order.
    """
    counts = [len(each) for each in spans]
    wanted = np.array(list(chain(*spans)), np.int64).reshape(-1, 2)
    tokens = np.concatenate([each.spans for each in texts]).astype(np.int64)
    if not len(tokens):
        return [np.zeros(count, np.float32) for count in counts]
    # texts are laid out one after the other, so far apart that none reaches into the next
    far = max(int(wanted.max(initial=0)), int(tokens.max())) + 1
    tokens += far * np.repeat(np.arange(len(texts)), [len(each.spans) for each in texts])[:, None]
    wanted += far * np.repeat(np.arange(len(texts)), counts)[:, None]
    first = np.searchsorted(tokens[:, 1], wanted[:, 0], side="right")
    lengths = np.maximum(np.searchsorted(tokens[:, 0], wanted[:, 1], side="left") - first, 0)
    rows = np.repeat(first - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    cosines = np.concatenate([each.cosines for each in texts])
    return np.split(maxsims(cosines[rows], lengths), np.cumsum(counts)[:-1])


class Clauses(NamedTuple):
    """The tokens of a passage's clauses in their order, and `(clauses,)` how many each has."""

    tokens: Sequence[Tokens]
    lengths: npt.NDArray[np.int64]


def late_matches(
    passages: Sequence[Tokens], clauses: Sequence[Clauses], query: Vectors
) -> list[LateMatches]:
    """How some passages, and the clauses of each, meet a query: one product for many of them."""
    found: list[LateMatches] = []
    for start in range(0, len(passages), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        found += _matched_together(passages[some], clauses[some], query)
    return found


def _matched_together(
    passages: Sequence[Tokens], clauses: Sequence[Clauses], query: Vectors
) -> Iterator[LateMatches]:
    cosines = similarities([*passages, *chain(*(each.tokens for each in clauses))], query)
    lengths = np.array([len(each) for each in passages], np.int64)
    ends = np.cumsum(lengths)
    scores = maxsims(cosines[: ends[-1]], lengths).tolist()
    within = maxsims(cosines[ends[-1] :], np.concatenate([each.lengths for each in clauses]))
    own = np.split(cosines, ends)
    inner = np.split(within, np.cumsum([len(each.lengths) for each in clauses]))
    for passage, one, score, each in zip(passages, own, scores, inner, strict=False):
        yield LateMatches(Matches(one, passage.spans), score, each)


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

    def lengths(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """How many tokens each of a range of texts has, half-open."""
        return self._starts[first + 1 : last + 1] - self._starts[first:last]

    def text(self, row: int) -> Tokens:
        """The tokens of one text."""
        return self.between(row, row + 1)

    def let_go(self) -> None:
        """Keep nothing in memory of what was read."""
        for array in (self._codes, self._scales, self._spans):
            let_go(array)

    def between(self, first: int, last: int) -> Tokens:
        """The tokens of a range of texts, half-open, end to end."""
        a, b = int(self._starts[first]), int(self._starts[last])
        return Tokens(self._codes[a:b], self._scales[a:b], self._spans[a:b])
