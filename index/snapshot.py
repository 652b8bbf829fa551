"""An opened generation: its texts, vectors, terms and tokens, all of one build."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index import sealed, texts
from index.encoder import Encoder, Vectors
from index.encodings import Encodings
from index.hits import DocumentSummary
from index.lexical import LexicalIndex
from index.store import (
    Contents,
    Identity,
    LateMatches,
    LexicalScores,
    PassageVectors,
    RowNumbers,
    check,
)
from index.texts import Rows, TextStore
from kb.errors import IndexDamaged
from kb.types import Document, Passage, Section

TEXTS, LEXICAL = texts.FILE, "lexical"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`index.store.Reader` over the files of a sealed folder."""

    name: str
    facts: Mapping[str, Any]
    texts: TextStore
    lexical: LexicalIndex
    encodings: Encodings

    @classmethod
    def open(cls, folder: Path, encoder: Encoder | Identity) -> Snapshot:
        """Verify, then open. Raises `IndexDamaged`, or `EncoderMismatch` before reading vectors."""
        facts = sealed.verify(folder)
        check(facts, folder / sealed.MANIFEST, encoder)
        try:
            lexical = LexicalIndex(folder / LEXICAL)
            vectors = Encodings.open(folder, encoder.dim)
            texts = TextStore(folder / TEXTS)  # last, as it has to be closed
            snapshot = cls(folder.name, facts, texts, lexical, vectors)
        except (OSError, ValueError, RuntimeError, sqlite3.Error) as error:
            raise IndexDamaged(folder, f"it cannot be opened: {error}") from error
        if not snapshot._fits():
            snapshot.close()
            raise IndexDamaged(folder, "its parts do not belong together")
        return snapshot

    def _fits(self) -> bool:
        """Whether the parts speak of the same passages and clauses."""
        passages, clauses = self.facts["counts"]["passages"], self.facts["counts"]["clauses"]
        return {self.lexical.size, self.encodings.passages} == {passages} and (
            self.encodings.clauses == clauses
        )

    @property
    def remote(self) -> bool:
        """Its files are here."""
        return False

    def answering(self) -> AbstractContextManager[None]:
        """A disk answers in time."""
        return nullcontext()

    @property
    def contents(self) -> Contents:
        """What the library held when it was built."""
        return Contents(self.texts.documents, self.texts.skipped)

    def summary(self, document_id: str) -> DocumentSummary:
        """What is known of a document without its text."""
        return self.texts.summary(document_id)

    def rows(self, document_id: str) -> Rows:
        """Where a document's passages are."""
        return self.texts.rows(document_id)

    def section(self, document_id: str, number: int) -> tuple[Section, Rows]:
        """A section of a document's outline, and where its passages are."""
        return self.texts.section(document_id, number)

    def document(self, document_id: str) -> Document:
        """The whole document."""
        return self.texts.document(document_id)

    def passages(self, first: int, last: int) -> list[Passage]:
        """Passages by row, half-open."""
        return self.texts.passages(first, last)

    def passages_at(self, rows: RowNumbers) -> list[Passage]:
        """The passages of some rows, in their order."""
        return self.texts.passages_at(rows.tolist())

    def clauses(self, within: Rows | None) -> int:
        """How many clauses a search looks through."""
        first, last = self._clause_range(within) or (0, self.encodings.dense.size)
        return last - first

    def nearest(self, vector: Vectors, limit: int, within: Rows | None) -> RowNumbers:
        """The passages of the nearest clauses."""
        found = self.encodings.dense.search(vector, limit, self._clause_range(within))
        return np.searchsorted(self.encodings.starts, found, side="right") - 1

    def _clause_range(self, within: Rows | None) -> tuple[int, int] | None:
        if within is None:
            return None
        return int(self.encodings.starts[within.first]), int(self.encodings.starts[within.last])

    def matching(self, query: str, limit: int, within: Rows | None) -> LexicalScores:
        """The best passages by BM25."""
        return self.lexical.search(query, limit, _range(within))

    def holding(
        self, terms: Collection[str], query: str, limit: int, within: Rows | None
    ) -> RowNumbers:
        """The best of the passages that have every one of the terms."""
        return self.lexical.holding(terms, query, limit, _range(within))

    def cosines(self, rows: RowNumbers, vector: Vectors) -> list[Vectors]:
        """For each row the cosines of its clauses with `vector`."""
        ranges = [self.encodings.clause_rows(row) for row in rows.tolist()]
        return self.encodings.dense.cosines(ranges, vector)

    def bm25(self, query: str, rows: RowNumbers) -> LexicalScores:
        """BM25 of just these passages."""
        return self.lexical.score(query, rows.tolist())

    def weights(self, query: str) -> Mapping[str, float]:
        """How much each term of the query tells."""
        return self.lexical.weights(query)

    def matches(self, rows: RowNumbers, tokens: Vectors) -> list[LateMatches]:
        """How the tokens of passages and of their clauses meet a query's."""
        return self.encodings.matches(rows, tokens)

    def find(self, digests: Sequence[str]) -> list[int | None]:
        """The row of a passage of each digest."""
        return [self.texts.find(digest) for digest in digests]

    def vectors(self, rows: Sequence[int]) -> list[PassageVectors]:
        """Everything that was encoded for each of these passages."""
        return [self.encodings.passage(row) for row in rows]

    def close(self) -> None:
        """Let go of the files."""
        self.texts.close()


def _range(within: Rows | None) -> range | None:
    return None if within is None else range(within.first, within.last)
