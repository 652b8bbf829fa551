"""Clause vectors in FAISS: which clauses are nearest to a query, by inner product."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from index.encoder import Vectors


def write(path: Path, vectors: Vectors) -> None:
    """Save `(clauses, dim)` float32 rows of unit length; inner product is then the cosine."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    # faiss's own writer does not report what fails when the file is closed, as on a full disk
    path.write_bytes(faiss.serialize_index(index).data)


class DenseIndex:
    """Opened from a file whose SHA-256 was checked: FAISS may abort on damaged input."""

    def __init__(self, path: Path) -> None:
        self._index = faiss.read_index(str(path))

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self._index.d)

    @property
    def size(self) -> int:
        """Number of clauses."""
        return int(self._index.ntotal)

    def search(
        self, vector: Vectors, limit: int, within: tuple[int, int] | None = None
    ) -> npt.NDArray[np.int64]:
        """Rows of the nearest clauses, nearest first; at most `limit`, fewer in a small index.

        `within` keeps to a half-open range of rows.
        """
        first, last = within or (0, self.size)
        k = min(limit, last - first)
        if k < 1:
            return np.zeros(0, np.int64)
        parameters = faiss.SearchParameters(  # type: ignore[call-arg]  # made by SWIG
            sel=faiss.IDSelectorRange(first, last)
        )
        _, rows = self._index.search(vector[None, :], k, params=parameters if within else None)
        return np.asarray(rows[0][rows[0] >= 0], np.int64)  # FAISS pads with -1

    def vectors(self, first: int, last: int) -> Vectors:
        """The stored vectors of a half-open range of clauses, `(last - first, dim)`."""
        return np.asarray(self._index.reconstruct_n(first, last - first), np.float32)
