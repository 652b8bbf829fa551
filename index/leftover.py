"""What a build that died had encoded, for the next one to go on from.

A draft that was left behind is a journal of its encoding: its texts tell which row a passage has,
and beside each row's vectors stands a check of them, of the passage and of the encoder. Nothing is
used that does not match its check, so it does not matter how the draft ended.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from index import encodings, sealed, texts
from index.encoder import Encoder
from index.encodings import Encodings, check
from index.home import Home
from index.store import PassageVectors
from index.texts import TextStore
from kb.errors import StorageFailed
from kb.types import Passage


class Leftover:
    """The readable part of a draft."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self._encoder = encoder.name
        self._encodings = Encodings.open(folder, encoder.dim, verified=False)
        self._texts = TextStore(folder / texts.FILE)

    def close(self) -> None:
        """Let go of the files."""
        self._texts.close()

    def has(self, digests: Sequence[str]) -> list[bool]:
        """Whether it seems to have the passage of each; what is harmed shows in `vectors`."""
        return [self._row(digest) is not None for digest in digests]

    def vectors(self, passages: Sequence[Passage]) -> list[PassageVectors | None]:
        """What was encoded for each of the passages, where it was and is unharmed."""
        return [self._find(passage) for passage in passages]

    def _find(self, passage: Passage) -> PassageVectors | None:
        digest = texts.digest(passage)
        row = self._row(digest)
        if row is None:
            return None
        first, last = self._encodings.clause_rows(row)
        whole = 0 <= first <= last <= self._encodings.clause_tokens.texts
        if not whole or last - first != len(passage.clauses):
            return None
        found = self._encodings.passage(row)
        expected = self._encodings.checks[row].tobytes()
        return found if check(self._encoder, digest, found) == expected else None

    def _row(self, digest: str) -> int | None:
        """Where a passage is, None where it is not or was not reached."""
        try:
            row = self._texts.find(digest)
        except sqlite3.Error:
            return None
        return None if row is None or row >= self._encodings.passages else row


@contextmanager
def leftover(home: Home, encoder: Encoder) -> Iterator[Leftover | None]:
    """Keep the fullest draft of builds that died until this build ends.

    There is one at most, and none after a build that was published or that the disk refused,
    so that disk use does not grow.
    """
    _keep_fullest(home)
    found = _opened(home, encoder)
    try:
        yield found
    except (OSError, StorageFailed):
        _remove(home)
        raise
    else:
        _remove(home)
    finally:
        if found is not None:
            found.close()


def _keep_fullest(home: Home) -> None:
    """Take it out of the way of a sweep; those it does not choose are left to that."""
    drafts = [home.leftover, *sealed.drafts(home.generations)]
    fullest = max(drafts, key=encodings.written)
    if fullest != home.leftover and encodings.written(fullest):
        shutil.rmtree(home.leftover, ignore_errors=True)
        fullest.rename(home.leftover)


def _opened(home: Home, encoder: Encoder) -> Leftover | None:
    with suppress(OSError, ValueError, sqlite3.Error):
        return Leftover(home.leftover, encoder)
    return None


def _remove(home: Home) -> None:
    shutil.rmtree(home.leftover, ignore_errors=True)
