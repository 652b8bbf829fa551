"""A query to hits: candidates from FAISS and BM25, reranked by late interaction."""

from __future__ import annotations

import time

from index import ranking
from index.encoder import Encoder
from index.hits import DocumentSummary, Mode, Results, Scope
from index.home import Home
from index.query import RERANKED, Query
from index.ranking import BY_MODE, Weights
from index.snapshot import Snapshot, open_current
from index.texts import Rows
from kb.library import Skipped
from kb.types import Document, Passage


class Searcher:
    """Answers from one generation. Immutable, so many threads may share it."""

    def __init__(
        self, snapshot: Snapshot, encoder: Encoder, weights: Weights | None = None
    ) -> None:
        self._snapshot = snapshot
        self._encoder = encoder
        self._weights = weights

    def weighted(self, weights: Weights) -> Searcher:
        """The same index, its signals weighed otherwise, whatever the mode: for measuring."""
        return Searcher(self._snapshot, self._encoder, weights)

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
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        document: str | None = None,
        section: int | None = None,
    ) -> Results:
        """The `k` best passages, of one document if `document` is its id.

        `section` keeps to one section of that document, by its place in the outline, from 0.
        Raises `UnknownDocument` or `UnknownSection`, and `ValueError` for a blank query, `k`
        below 1 or a section without a document.
        """
        began = time.perf_counter()
        if not query.strip():
            raise ValueError("the query is blank")
        if k < 1:
            raise ValueError("k must be at least 1")
        scope, rows = self._scope(document, section)
        encoded = self._encoder.encode([query], "query")[0]
        asked = Query(self._snapshot, query, encoded, mode, rows)
        weights = self._weights or BY_MODE[mode]
        candidates = asked.candidates(max(k, RERANKED), weights)
        scores = candidates.scores(weights)
        places = ranking.best(candidates.rows, scores, k)
        asked.match(candidates.rows[places])
        hits = tuple(asked.hit(n, candidates, i, scores[i]) for n, i in enumerate(places, 1))
        took = round(1000 * (time.perf_counter() - began), 2)
        weak = ranking.is_far(candidates, asked.clauses)
        return Results(query, mode, self.generation, took, weak, hits, scope)

    def _scope(self, document: str | None, section: int | None) -> tuple[Scope | None, Rows | None]:
        """What to keep to, as it is told and as rows."""
        texts = self._snapshot.texts
        if document is None:
            if section is not None:
                raise ValueError("a section needs its document")
            return None, None
        if section is None:
            return Scope(texts.summary(document)), texts.rows(document)
        found, rows = texts.section(document, section)
        return Scope(texts.summary(document), found, section), rows
