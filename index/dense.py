"""Which clauses are nearest to a query, by inner product: vectors mapped from disk, codes in FAISS.

`index.sizing` has the rule for when codes are made, and why these.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
import numpy.typing as npt

from index import sizing
from index.cores import together, usable_cores
from index.encoder import Vectors
from index.mapped import let_go, mapped

_ROWS = "rows.bin"


class RowWriter:
    """Streams clause vectors, rows of unit length, into a folder; inner product is the cosine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = (folder / _ROWS).open("wb")

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, vectors: Vectors) -> None:
        """Append `(n, dim)` float32."""
        self._file.write(np.ascontiguousarray(vectors, "<f4").tobytes())

    def flush(self) -> None:
        """Hand what was added to the system: it outlives this process."""
        self._file.flush()


def write_codes(folder: Path, dim: int) -> None:
    """Make the codes that so many vectors ask for, a piece at a time."""
    rows = mapped(folder / _ROWS, "<f4", dim)
    for number, (first, last) in enumerate(sizing.coded(len(rows))):
        codes = _codes(rows[first:last])
        let_go(rows)
        # faiss's own writer does not report what fails when the file is closed, as on a full disk
        (folder / f"{number:05}.faiss").write_bytes(faiss.serialize_index(codes).data)


def _codes(piece: Vectors) -> faiss.IndexPQFastScan:
    dim = piece.shape[1]
    parts = dim // sizing.CODED if dim % sizing.CODED == 0 else dim
    index = faiss.IndexPQFastScan(dim, parts, 4, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1  # it would only warn, on standard error
    step = max(1, len(piece) // sizing.TRAINED)
    with _one_thread():
        index.train(np.ascontiguousarray(piece[::step]))
        index.add(piece)
    return index


@contextmanager
def _one_thread() -> Iterator[None]:
    """Learning is so many short loops that a second thread waits for most of the time it takes.

    Where others want the processor too, both wait: 30 times as long was seen. A search needs no
    such care: FAISS shares out queries, not rows, so one query stays on the thread that asks.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread alone
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


class _Piece(NamedTuple):
    """The codes of a half-open range of rows."""

    first: int
    last: int
    codes: faiss.Index


class DenseIndex:
    """Opened from files whose SHA-256 was checked: FAISS may abort on damaged input.

    Without `coded` only the vectors are read, of which any bytes will do.
    What it is asked with, `vector`, is `(dim,)` float32.
    """

    def __init__(self, folder: Path, dim: int, *, coded: bool = True) -> None:
        self._rows: Vectors = mapped(folder / _ROWS, "<f4", dim)
        self._pieces: list[_Piece] = []
        for path in sorted(folder.glob("*.faiss")) if coded else ():
            codes = faiss.read_index(str(path))
            first = self._pieces[-1].last if self._pieces else 0
            self._pieces.append(_Piece(first, first + int(codes.ntotal), codes))

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._rows.shape[1])

    @property
    def size(self) -> int:
        """Number of clauses."""
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors, which are mapped."""
        return self._rows.nbytes

    def search(
        self, vector: Vectors, limit: int, within: tuple[int, int] | None = None
    ) -> npt.NDArray[np.int64]:
        """Rows of the nearest clauses, nearest first; at most `limit`, fewer in a small index.

        `within` keeps to a half-open range of rows. Where codes were used, a few of those far
        down the list may be missing; the order is exact. Ties go by row.
        """
        first, last = within or (0, self.size)
        if min(limit, last - first) < 1:
            return np.zeros(0, np.int64)
        rows = self._likely(vector, limit, first, last)
        order = np.argsort(-(self._rows[rows] @ vector), kind="stable")
        return rows[order[:limit]]

    def _likely(self, vector: Vectors, limit: int, first: int, last: int) -> npt.NDArray[np.int64]:
        """Rows in ascending order, the nearest among them, and few others."""
        found = []
        at = first
        most = limit * sizing.REFINED
        coded = [each for each in self._pieces if first <= each.first and each.last <= last]
        for piece in coded:
            found.append(self._compared(vector, limit, at, piece.first))
            at = piece.last
        found.append(self._compared(vector, limit, at, last))
        found.extend(_looked_up(coded, vector, most))
        scores = np.concatenate([each for each, _ in found])
        rows = np.concatenate([each for _, each in found])
        if len(rows) > most:
            rows = rows[np.argpartition(-scores, most)[:most]]
        return np.sort(rows)

    def _compared(self, vector: Vectors, limit: int, first: int, last: int) -> _Found:
        """The nearest of a range of rows, by the vectors themselves."""
        k = min(limit, last - first)
        if k < 1:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        rows = self._rows[first:last]
        scores, found = faiss.knn(vector[None, :], rows, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores[0], found[0] + first

    def cosines(self, ranges: Sequence[tuple[int, int]], vector: Vectors) -> list[Vectors]:
        """With the clauses of some half-open ranges, an array a range, by one product."""
        if not ranges:
            return []
        found = np.concatenate([self._rows[first:last] for first, last in ranges]) @ vector
        ends = itertools.accumulate(last - first for first, last in ranges)
        return [found[b - (y - x) : b] for b, (x, y) in zip(ends, ranges, strict=True)]

    def vectors(self, first: int, last: int) -> Vectors:
        """The stored vectors of a half-open range of clauses, `(last - first, dim)`; exact."""
        return self._rows[first:last]

    def let_go(self) -> None:
        """Keep nothing in memory of the vectors that were read."""
        let_go(self._rows)


_Found = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def _looked_up(pieces: Sequence[_Piece], vector: Vectors, limit: int) -> list[_Found]:
    """The likely nearest of each piece, by its codes; every core takes pieces while there are any.

    FAISS would share out queries, not rows, and here is one.
    """
    left = iter(pieces)  # of a list: what one thread has taken no other gets

    def some() -> dict[int, _Found]:
        return {piece.first: _in_piece(piece, vector, limit) for piece in left}

    found: dict[int, _Found] = {}
    for each in together([some] * min(usable_cores(), len(pieces))):
        found |= each
    return [found[piece.first] for piece in pieces]


def _in_piece(piece: _Piece, vector: Vectors, limit: int) -> _Found:
    scores, rows = piece.codes.search(vector[None, :], min(limit, piece.last - piece.first))
    return scores[0], rows[0] + piece.first
