"""Everything that was encoded for the passages of one folder: written in order, read by row."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index import dense, sizing
from index.cores import together
from index.dense import DenseIndex, RowWriter
from index.encoder import Vectors
from index.late import Met, TokenStore, TokenWriter, late_matches, rounded
from index.mapped import held, mapped
from index.store import LateMatches, PassageVectors

CLAUSES, PASSAGE_TOKENS, CLAUSE_TOKENS = "clauses", "passage_tokens", "clause_tokens"
_STARTS, _CHECKS = "starts.bin", "checks.bin"
_CHECK_BYTES = 16

# Memory that mapped files may take, in bytes, looked at once a search, and in a build each time
# that so many passages were read. A system may map 2 MB around every number that is read.
_MOST, _LOOK = 2_300_000_000, 32


@dataclass(frozen=True, slots=True)
class Encodings:
    """`starts[row]..starts[row + 1]` are the clause rows of a passage row; `(passages + 1,)`.

    `checks` is `(passages, 16)` uint8: a `check` of what stands for each passage.
    """

    starts: npt.NDArray[np.int64]
    dense: DenseIndex
    passage_tokens: TokenStore
    clause_tokens: TokenStore
    checks: npt.NDArray[np.uint8]
    _reads: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def open(cls, folder: Path, dim: int, *, verified: bool = True) -> Encodings:
        """Map the files; of one that ends early, what is whole. Raises `OSError`.

        What is not `verified` can be read by row and not searched.
        """
        return cls(
            mapped(folder / _STARTS, "<i8"),
            DenseIndex(folder / CLAUSES, dim, coded=verified),
            TokenStore(folder / PASSAGE_TOKENS, dim),
            TokenStore(folder / CLAUSE_TOKENS, dim),
            mapped(folder / _CHECKS, "u1", _CHECK_BYTES),
        )

    @property
    def passages(self) -> int:
        """How many passages all of the files have."""
        return min(len(self.starts) - 1, self.passage_tokens.texts, len(self.checks))

    @property
    def clauses(self) -> int:
        """How many clauses they have; -1 where the files do not fit together."""
        found = {int(self.starts[-1]), self.clause_tokens.texts, self.dense.size}
        return found.pop() if len(found) == 1 else -1

    def clause_rows(self, row: int) -> tuple[int, int]:
        """The half-open range of a passage's clauses."""
        return int(self.starts[row]), int(self.starts[row + 1])

    def passage(self, row: int) -> PassageVectors:
        """What was encoded for the passage of a row."""
        if next(self._reads) % _LOOK == 0:
            self._bound_memory()
        first, last = self.clause_rows(row)
        return PassageVectors(
            self.dense.vectors(first, last),
            self.passage_tokens.text(row),
            tuple(self.clause_tokens.text(i) for i in range(first, last)),
        )

    def matches(self, rows: npt.NDArray[np.int64], tokens: Vectors) -> list[LateMatches]:
        """How the tokens of passages, and of their clauses, meet those of a query, `(n, dim)`."""
        self._bound_memory()
        query = rounded(tokens)
        first, last = self.starts[rows], self.starts[rows + 1]
        asked: list[Callable[[], Met]] = [
            lambda: Met.of(self.passage_tokens.gathered(rows, rows + 1), query),
            lambda: Met.of(self.clause_tokens.gathered(first, last), query),
        ]
        # of a large library hardly any is in the processor's cache: to copy it takes milliseconds
        large = self.dense.size > sizing.EXACT
        passages, clauses = together(asked) if large else [ask() for ask in asked]
        return late_matches(passages, clauses, (last - first).tolist())

    def _bound_memory(self) -> None:
        parts = (self.passage_tokens, self.clause_tokens, self.dense)
        if sum(part.nbytes for part in parts) <= _MOST:
            return
        for part in parts:
            if held() <= _MOST:
                break
            part.let_go()


class EncodingWriter:
    """Streams encodings into a folder, so that memory does not grow with their number."""

    def __init__(self, folder: Path, dim: int) -> None:
        self._clauses, self._dim, self._end = folder / CLAUSES, dim, 0
        with ExitStack() as stack:
            self._rows = stack.enter_context(RowWriter(self._clauses))
            self._passage_tokens = stack.enter_context(TokenWriter(folder / PASSAGE_TOKENS))
            self._clause_tokens = stack.enter_context(TokenWriter(folder / CLAUSE_TOKENS))
            self._starts = stack.enter_context((folder / _STARTS).open("wb"))
            self._checks = stack.enter_context((folder / _CHECKS).open("wb"))
            self._open = stack.pop_all()
        self._starts.write(np.int64(0).tobytes())

    def __enter__(self) -> EncodingWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, vectors: PassageVectors, check: bytes) -> None:
        """Append the next passage."""
        self._rows.add(vectors.clauses)
        self._passage_tokens.add(vectors.tokens)
        for tokens in vectors.clause_tokens:
            self._clause_tokens.add(tokens)
        self._end += len(vectors.clauses)
        self._starts.write(np.int64(self._end).tobytes())
        self._checks.write(check)

    def flush(self) -> None:
        """Hand what was added to the system, the checks last: it outlives this process."""
        for each in (self._rows, self._passage_tokens, self._clause_tokens, self._starts):
            each.flush()
        self._checks.flush()

    def finish(self) -> None:
        """Close the files, and make the codes that so many clauses ask for."""
        self._open.close()
        dense.write_codes(self._clauses, self._dim)


def written(folder: Path) -> int:
    """How many passages were encoded into a folder, 0 where there is none."""
    try:
        return (folder / _CHECKS).stat().st_size // _CHECK_BYTES
    except OSError:
        return 0


def check(encoder: str, digest: str, vectors: PassageVectors) -> bytes:
    """Tells whether vectors are those that `encoder` made of the passage of `digest`."""
    found = hashlib.sha256(f"{encoder}\n{digest}\n".encode())
    for array in (
        vectors.clauses,
        *(
            array
            for tokens in (vectors.tokens, *vectors.clause_tokens)
            for array in (tokens.codes, tokens.scales, tokens.spans)
        ),
    ):
        found.update(len(array).to_bytes(8, "little"))
        found.update(np.ascontiguousarray(array).data)
    return found.digest()[:_CHECK_BYTES]
