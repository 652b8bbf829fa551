"""Token vectors on disk and MaxSim over them: late interaction.

Khattab and Zaharia, "ColBERT: Efficient and Effective Passage Search via Contextualized Late
Interaction over BERT" (SIGIR 2020): each query token takes its best match among the text's
tokens, and these are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from index.encoder import Encoded, Vectors
from index.mapped import let_go, mapped
from index.products import LARGEST, product
from index.store import LateMatches

# From so many query tokens on, a `max` a text is quicker than one `reduceat` for all: eight times
# with the 510 of the longest question.
_WIDE = 64

_Number = TypeVar("_Number", np.float32, np.int32)


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


_NONE = Tokens(np.zeros((0, 0), np.int8), np.zeros(0, np.float32), np.zeros((0, 2), np.int32))


class Rounded(NamedTuple):
    """A query's tokens: row i stands for `codes[i] * steps[i]`; `(n, dim)` int8, `(n,)` float32."""

    codes: npt.NDArray[np.int8]
    steps: npt.NDArray[np.float32]


def similarities(tokens: Tokens, query: Rounded) -> Vectors:
    """`(tokens, query tokens)` cosines with the unit rows of a query, rounded to 7 bits.

    A cosine is off by some .001 so. Sums are of whole numbers: each is the same whatever else
    is asked with it.
    """
    if not tokens.codes.size or not query.codes.size:
        return np.zeros((len(tokens), len(query.codes)), np.float32)
    cosines = product(tokens.codes, query.codes.T).astype(np.float32)
    cosines *= query.steps
    cosines *= tokens.scales[:, None]
    return cosines


def rounded(query: Vectors) -> Rounded:
    """The tokens of a query, `(n, dim)`, as whole numbers that a product takes."""
    steps = np.maximum(np.abs(query).max(axis=1, initial=0.0), 1e-12).astype(np.float32) / LARGEST
    return Rounded(np.rint(query / steps[:, None]).astype(np.int8), steps)


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
        ends = np.cumsum(lengths)[some]
        found[some] = _best(cosines, ends - lengths[some], ends).sum(axis=1) / cosines.shape[1]
    return found


def _best(cosines: Vectors, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Vectors:
    """`(texts, query tokens)`: the best cosines of texts that stand end to end, none empty."""
    if cosines.shape[1] < _WIDE:
        return np.asarray(np.maximum.reduceat(cosines, starts, axis=0))
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    return np.stack([cosines[start:end].max(axis=0) for start, end in pairs])


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
    cosines = np.concatenate([each.cosines for each in texts])[ranges(first, lengths)]
    return cut(maxsims(cosines, lengths), counts)


def ranges(first: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers of some ranges, one range after the other."""
    starts = np.cumsum(lengths) - lengths
    return np.repeat(first - starts, lengths) + np.arange(lengths.sum())


def cut(array: npt.NDArray[_Number], lengths: Iterable[int]) -> list[npt.NDArray[_Number]]:
    """Parts of so many rows, one after the other."""
    return [array[a:b] for a, b in pairwise(accumulate(lengths, initial=0))]


class Texts(NamedTuple):
    """The tokens of some texts end to end, and `(texts,)` how many each has."""

    tokens: Tokens
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Tokens]) -> Texts:
        """Laid end to end."""
        if not texts:
            return cls(_NONE, np.zeros(0, np.int64))
        tokens = Tokens(
            np.concatenate([each.codes for each in texts]),
            np.concatenate([each.scales for each in texts]),
            np.concatenate([each.spans for each in texts]),
        )
        return cls(tokens, np.array([len(each) for each in texts], np.int64))


class Met(NamedTuple):
    """Some texts, all their tokens' cosines with a query's, and the MaxSim of each, `(texts,)`."""

    texts: Texts
    cosines: Vectors
    maxsims: Vectors

    @classmethod
    def of(cls, texts: Texts, query: Rounded) -> Met:
        """By one product for all of them."""
        cosines = similarities(texts.tokens, query)
        return cls(texts, cosines, maxsims(cosines, texts.lengths))


def late_matches(passages: Met, clauses: Met, counts: Sequence[int]) -> list[LateMatches]:
    """How some passages meet a query, and the clauses of each; `counts` tells how many it has."""
    lengths = passages.texts.lengths.tolist()
    own = map(Matches, cut(passages.cosines, lengths), cut(passages.texts.tokens.spans, lengths))
    return list(map(LateMatches, own, passages.maxsims.tolist(), cut(clauses.maxsims, counts)))


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
        """The tokens of one text, as they are mapped."""
        own = slice(self._starts[row], self._starts[row + 1])
        return Tokens(self._codes[own], self._scales[own], self._spans[own])

    def gathered(self, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Texts:
        """The texts of some half-open ranges, copied."""
        texts = ranges(first, last - first)
        lengths = self._starts[texts + 1] - self._starts[texts]
        tokens = ranges(self._starts[texts], lengths)
        read = Tokens(self._codes[tokens], self._scales[tokens], self._spans[tokens])
        return Texts(read, lengths)

    @property
    def nbytes(self) -> int:
        """Bytes of what is mapped but for a few."""
        return self._codes.nbytes + self._scales.nbytes + self._spans.nbytes

    def let_go(self) -> None:
        """Keep nothing in memory of what was read."""
        for array in (self._codes, self._scales, self._spans):
            let_go(array)
