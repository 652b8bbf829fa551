"""An opened generation: its texts, vectors, terms and tokens, all of one build."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index import generation, sealed
from index.dense import DenseIndex
from index.encoder import Encoder
from index.home import Home
from index.late import TokenStore
from index.lexical import LexicalIndex
from index.texts import TextStore
from kb.errors import EncoderMismatch, IndexDamaged, IndexMissing

TEXTS, CLAUSES, STARTS = "texts.sqlite", "clauses.faiss", "clauses.npy"
VERSION = 1  # raise it when what is written changes; an index of another version is built anew
LEXICAL, PASSAGE_TOKENS, CLAUSE_TOKENS = "lexical", "passage_tokens", "clause_tokens"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`starts[row]..starts[row + 1]` are the clause rows of a passage row; `(passages + 1,)`."""

    name: str
    facts: Mapping[str, Any]
    texts: TextStore
    dense: DenseIndex
    lexical: LexicalIndex
    passage_tokens: TokenStore
    clause_tokens: TokenStore
    starts: npt.NDArray[np.int64]

    @classmethod
    def open(cls, folder: Path, encoder: Encoder) -> Snapshot:
        """Verify, then open. Raises `IndexDamaged`, or `EncoderMismatch` before reading vectors."""
        facts = sealed.verify(folder)
        if facts["version"] != VERSION:
            reason = f"it is of version {facts['version']}, not {VERSION}"
            raise IndexDamaged(folder / sealed.MANIFEST, reason)
        built_by = facts["encoder"]
        if (built_by["name"], built_by["dim"]) != (encoder.name, encoder.dim):
            raise EncoderMismatch(built_by["name"], encoder.name)
        try:
            snapshot = cls(
                folder.name,
                facts,
                TextStore(folder / TEXTS),
                DenseIndex(folder / CLAUSES),
                LexicalIndex(folder / LEXICAL),
                TokenStore(folder / PASSAGE_TOKENS, encoder.dim),
                TokenStore(folder / CLAUSE_TOKENS, encoder.dim),
                np.load(folder / STARTS),
            )
        except (OSError, ValueError, RuntimeError, sqlite3.Error) as error:
            raise IndexDamaged(folder, f"it cannot be opened: {error}") from error
        if not snapshot._fits():
            snapshot.close()
            raise IndexDamaged(folder, "its parts do not belong together")
        return snapshot

    def _fits(self) -> bool:
        """Whether the parts speak of the same passages and clauses."""
        passages, clauses = self.facts["counts"]["passages"], self.facts["counts"]["clauses"]
        by_passage = {len(self.starts) - 1, self.passage_tokens.texts, self.lexical.size}
        by_clause = {int(self.starts[-1]), self.clause_tokens.texts, self.dense.size}
        return by_passage == {passages} and by_clause == {clauses}

    def clause_rows(self, row: int) -> tuple[int, int]:
        """The half-open range of a passage's clauses."""
        return int(self.starts[row]), int(self.starts[row + 1])

    def passage_rows(self, clauses: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The passage of each clause row."""
        return np.searchsorted(self.starts, clauses, side="right") - 1

    def close(self) -> None:
        """Let go of the files."""
        self.texts.close()


def open_current(home: Home, encoder: Encoder) -> Snapshot:
    """The published generation. Raises `IndexMissing`, `IndexDamaged`, `EncoderMismatch`."""
    name = generation.current(home)
    if name is None:
        raise IndexMissing(home.root)
    try:
        return Snapshot.open(generation.folder(home, name), encoder)
    except IndexDamaged:
        if generation.current(home) == name:
            raise
        return open_current(home, encoder)  # builds took its place while it was being opened
