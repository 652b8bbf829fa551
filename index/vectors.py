"""The encoding stage of a build: passages to clause vectors and token vectors on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from index import texts
from index.encoder import Encoder
from index.encodings import EncodingWriter, check
from index.store import PassageVectors, Reader
from index.workers import BATCH, Workers, encode_passages
from kb.types import Passage

_LOOKED_UP = 4096  # digests that are asked for at once


class Before(Protocol):
    """Something that may have the vectors of a passage already."""

    def has(self, digests: Sequence[str]) -> list[bool]:
        """Whether it seems to have the passage of each `texts.digest`; a cheap look."""

    def vectors(self, passages: Sequence[Passage]) -> list[PassageVectors | None]:
        """Those of each of the passages, None where it does not have them."""


def write_vectors(
    folder: Path,
    store: texts.TextStore,
    encoder: Encoder,
    workers: Workers,
    before: Sequence[Before],
    done: Callable[[int], None],
) -> int:
    """Write the vectors of every passage, in row order; return how many had to be encoded.

    What one of `before` has is taken from the first that has it. What the workers are to encode
    is settled first, so that they may be ahead of what is written.
    """
    new = _new(store, before)
    encoded = 0
    with (
        closing(workers.encode(store, np.flatnonzero(new))) as fresh,
        EncodingWriter(folder, encoder.dim) as writer,
    ):
        for batch in store.batches(BATCH):
            known = iter(_known(before, [passage for row, passage in batch if not new[row]]))
            for row, passage in batch:
                item = next(fresh if new[row] else known)
                encoded += bool(new[row]) or item is None
                # one that only seemed to be there is rare enough to be encoded here and now
                item = item or encode_passages([passage], encoder)[0]
                writer.add(item, check(encoder.name, texts.digest(passage), item))
            writer.flush()
            done(batch[-1][0] + 1)
        writer.finish()
    return encoded


def _new(store: texts.TextStore, before: Sequence[Before]) -> npt.NDArray[np.bool_]:
    """Which passages none of `before` seems to have, a row each."""
    new = []
    first = 0
    while digests := store.digests(first, first + _LOOKED_UP):
        looks = [each.has(digests) for each in before]
        new.append(~np.any(np.array(looks, bool).reshape(-1, len(digests)), axis=0))
        first += _LOOKED_UP
    return np.concatenate(new)


def _known(before: Sequence[Before], passages: Sequence[Passage]) -> list[PassageVectors | None]:
    """The vectors of equal passages that were encoded before."""
    known: list[PassageVectors | None] = [None] * len(passages)
    for each in before:
        missing = [i for i, found in enumerate(known) if found is None]
        for i, found in zip(missing, each.vectors([passages[i] for i in missing]), strict=True):
            known[i] = found
    return known


class GenerationBefore:
    """The vectors of the generation before."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def has(self, digests: Sequence[str]) -> list[bool]:
        """Whether it has a passage of each."""
        return [row is not None for row in self._reader.find(digests)]

    def vectors(self, passages: Sequence[Passage]) -> list[PassageVectors | None]:
        """Those of equal passages, where it has them."""
        rows = self._reader.find([texts.digest(passage) for passage in passages])
        found = iter(self._reader.vectors([row for row in rows if row is not None]))
        return [None if row is None else next(found) for row in rows]
