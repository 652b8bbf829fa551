"""A query to hits: candidates from FAISS and BM25, reranked by late interaction."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from index import ranking
from index.encoder import Encoded, Encoder, Vectors
from index.evidence import evidence, marks
from index.hits import DocumentSummary, Hit, Mode, Results, Signals
from index.home import Home
from index.late import maxsim
from index.ranking import Candidates
from index.snapshot import Snapshot, open_current
from kb.library import Skipped
from kb.types import Document, Passage

# Nearest clauses and best BM25 passages that are looked at closer: as many as a reader of many
# pages of results would see, and few enough to rerank in milliseconds.
_CLAUSES, _PASSAGES = 200, 50


class Searcher:
    """Answers from one generation. Immutable, so many threads may share it."""

    def __init__(self, snapshot: Snapshot, encoder: Encoder) -> None:
        self._snapshot = snapshot
        self._encoder = encoder

    @classmethod
    def open(cls, home: Home, encoder: Encoder) -> Searcher:
        """Verify and open the published generation.

        Raises `IndexMissing`, `IndexDamaged` or `EncoderMismatch`.
        """
        return cls(open_current(home, encoder), encoder)

    @property
    def generation(self) -> str:
        """The name of the generation that answers."""
        return self._snapshot.name

    @property
    def built_at(self) -> str:
        """When it was built, ISO 8601, UTC."""
        return str(self._snapshot.facts["built_at"])

    @property
    def documents(self) -> tuple[DocumentSummary, ...]:
        """What is in the library, sorted by name."""
        return self._snapshot.texts.documents

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Files that the build left out, and why."""
        return self._snapshot.texts.skipped

    def document(self, document_id: str) -> Document:
        """A document with its text and outline. Raises `UnknownDocument`."""
        return self._snapshot.texts.document(document_id)

    def passages(self, document_id: str) -> tuple[Passage, ...]:
        """A document's passages in text order. Raises `UnknownDocument`."""
        _, first, last = self._snapshot.texts.rows(document_id)
        return tuple(self._snapshot.texts.passages(first, last))

    def close(self) -> None:
        """Let go of the generation's files."""
        self._snapshot.close()

    def search(
        self, query: str, *, k: int = 10, mode: Mode = "hybrid", document: str | None = None
    ) -> Results:
        """The `k` best passages, of one document if `document` is its id.

        Raises `UnknownDocument`, and `ValueError` for a blank query or `k` below 1.
        """
        began = time.perf_counter()
        if not query.strip():
            raise ValueError("the query is blank")
        if k < 1:
            raise ValueError("k must be at least 1")
        encoded = self._encoder.encode([query], "query")[0]
        candidates = self._candidates(query, encoded, mode, document)
        score = ranking.scores(candidates, mode)
        best = ranking.order(candidates.rows, score)[:k]
        hits = tuple(
            self._hit(rank, candidates, i, score, query, encoded) for rank, i in enumerate(best, 1)
        )
        took = round(1000 * (time.perf_counter() - began), 2)
        return Results(query, mode, self.generation, took, False, hits)

    def _candidates(
        self, query: str, encoded: Encoded, mode: Mode, document: str | None
    ) -> Candidates:
        rows = np.unique(
            np.concatenate(
                [
                    self._nearest(encoded.vector, document) if mode != "lexical" else _NO_ROWS,
                    self._matching(query, document) if mode != "dense" else _NO_ROWS,
                ]
            )
        )
        late, late_clause = self._late(encoded, rows)
        return Candidates(
            rows, self._dense(encoded.vector, rows), self._lexical(query, rows), late, late_clause
        )

    def _nearest(self, vector: Vectors, document: str | None) -> npt.NDArray[np.int64]:
        """Passages of the nearest clauses."""
        within = None
        if document is not None:
            _, first, last = self._snapshot.texts.rows(document)
            within = int(self._snapshot.starts[first]), int(self._snapshot.starts[last])
        return self._snapshot.passage_rows(self._snapshot.dense.search(vector, _CLAUSES, within))

    def _matching(self, query: str, document: str | None) -> npt.NDArray[np.int64]:
        """Passages that share terms with the query, best by BM25."""
        number = None
        if document is not None:
            number, _, _ = self._snapshot.texts.rows(document)
        return self._snapshot.lexical.search(query, _PASSAGES, number).rows

    def _dense(self, vector: Vectors, rows: npt.NDArray[np.int64]) -> Vectors:
        best = np.zeros(len(rows), np.float32)
        for i, row in enumerate(rows):
            best[i] = (
                self._snapshot.dense.vectors(*self._snapshot.clause_rows(row)) @ vector
            ).max()
        return best

    def _lexical(self, query: str, rows: npt.NDArray[np.int64]) -> Vectors:
        found = self._snapshot.lexical.score(query, rows.tolist())
        share = np.zeros(len(rows), np.float32)
        if found.ceiling:
            share[np.searchsorted(rows, found.rows)] = found.scores / found.ceiling
        return share

    def _late(self, encoded: Encoded, rows: npt.NDArray[np.int64]) -> tuple[Vectors, Vectors]:
        late, late_clause = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
        for i, row in enumerate(rows):
            tokens = self._snapshot.passage_tokens.text(row)
            late[i] = maxsim(tokens.similarities(encoded.tokens), [len(tokens)])[0]
            late_clause[i] = self._clause_scores(encoded, row).max(initial=0.0)
        return late, late_clause

    def _clause_scores(self, encoded: Encoded, row: int) -> Vectors:
        first, last = self._snapshot.clause_rows(row)
        tokens = self._snapshot.clause_tokens.run(first, last)
        counts = self._snapshot.clause_tokens.counts(first, last)
        return maxsim(tokens.similarities(encoded.tokens), counts)

    def _hit(
        self,
        rank: int,
        candidates: Candidates,
        i: int,
        score: Vectors,
        query: str,
        encoded: Encoded,
    ) -> Hit:
        row = int(candidates.rows[i])
        passage = self._snapshot.texts.passage(row)
        signals = Signals(
            *(float(s[i]) for s in (candidates.dense, candidates.lexical, candidates.late))
        )
        near = self._snapshot.dense.vectors(*self._snapshot.clause_rows(row)) @ encoded.vector
        return Hit(
            rank,
            float(score[i]),
            self._snapshot.texts.summary(passage.document_id),
            passage,
            evidence(passage, near + self._clause_scores(encoded, row)),
            marks(passage, query),
            signals,
        )


_NO_ROWS = np.zeros(0, np.int64)
