"""A query to the hits of one generation: what may be asked of it, where, and until when."""

from __future__ import annotations

import math
import time
from functools import cache

from threadpoolctl import threadpool_limits

from index import ranking
from index.cores import CROWD
from index.encoder import Encoder
from index.heap import keep_memory
from index.hits import DocumentSummary, Mode, Results, Scope
from index.home import Home
from index.query import Query
from index.ranking import BY_MODE, Weights
from index.store import Reader
from index.stores import open_current, store_of
from index.terms import is_quotation
from index.texts import Rows
from kb.errors import SearchTooSlow
from kb.library import Skipped
from kb.types import Document, Passage


class Searcher:
    """Answers from one generation. Immutable, so many threads may share it."""

    def __init__(self, reader: Reader, encoder: Encoder, weights: Weights | None = None) -> None:
        _one_thread_a_product()
        keep_memory()
        self._reader = reader
        self._contents = reader.contents
        self._encoder = encoder
        self._weights = weights

    def weighted(self, weights: Weights) -> Searcher:
        """The same index, its signals weighed otherwise, whatever the mode: for measuring."""
        return Searcher(self._reader, self._encoder, weights)

    @classmethod
    def open(cls, home: Home, encoder: Encoder) -> Searcher:
        """Verify and open the published generation.

        Raises `IndexMissing`, `IndexDamaged` or `EncoderMismatch`.
        """
        return cls(open_current(store_of(home), encoder), encoder)

    @property
    def generation(self) -> str:
        """The name of the generation that answers."""
        return self._reader.name

    @property
    def built_at(self) -> str:
        """When it was built, ISO 8601, UTC."""
        return str(self._reader.facts["built_at"])

    @property
    def documents(self) -> tuple[DocumentSummary, ...]:
        """What is in the library, sorted by name."""
        return self._contents.documents

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Files that the build left out, and why."""
        return self._contents.skipped

    def document(self, document_id: str) -> Document:
        """A document with its text and outline. Raises `UnknownDocument`."""
        return self._reader.document(document_id)

    def passages(self, document_id: str) -> tuple[Passage, ...]:
        """A document's passages in text order. Raises `UnknownDocument`."""
        _, first, last = self._reader.rows(document_id)
        return tuple(self._reader.passages(first, last))

    def close(self) -> None:
        """Let go of the generation's files."""
        self._reader.close()

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        document: str | None = None,
        section: int | None = None,
        until: float = math.inf,
    ) -> Results:
        """The `k` best passages, of one document if `document` is its id.

        Up to 128, those of a smaller `k` are the first of those of a larger one. The first 32
        were ranked among themselves, so were the next: a later one may have a greater score.

        `section` keeps to one section of that document, by its place in the outline, from 0.
        `until`, by `time.monotonic`, is looked at between the stages of a search, none of which
        can be cut off. Raises `UnknownDocument`, `UnknownSection` or `SearchTooSlow`, and
        `ValueError` for a blank query, `k` below 1 or a section without a document.
        """
        began = time.perf_counter()
        if not query.strip():
            raise ValueError("the query is blank")
        if k < 1:
            raise ValueError("k must be at least 1")
        with CROWD.joined(), self._reader.answering():
            scope, rows = self._scope(document, section)
            _in_time(until)
            encoded = self._encoder.encode([query], "query")[0]
            _in_time(until)
            asked = Query(self._reader, query, encoded, mode, rows)
            weights = self._weights or BY_MODE[mode]
            candidates = asked.candidates(k, weights)
            _in_time(until)
            scores = candidates.scores(weights)
            places = candidates.best(scores, k)
            hits = asked.hits(candidates, places, scores)
            weak = ranking.is_far(candidates, asked.clauses)
            if weak and hits:  # what is found letter for letter is not, whatever is near
                weak = not (is_quotation(query) or asked.stands(candidates))
        took = round(1000 * (time.perf_counter() - began), 2)
        return Results(query, mode, self.generation, took, weak, hits, scope)

    def _scope(self, document: str | None, section: int | None) -> tuple[Scope | None, Rows | None]:
        """What to keep to, as it is told and as rows."""
        if document is None:
            if section is not None:
                raise ValueError("a section needs its document")
            return None, None
        if section is None:
            return Scope(self._reader.summary(document)), self._reader.rows(document)
        found, rows = self._reader.section(document, section)
        return Scope(self._reader.summary(document), found, section), rows


@cache
def _one_thread_a_product() -> None:
    """Keep numpy, in this whole process, from sharing a product among threads.

    Those of a search are small, and its threads wait for each other by spinning: where other
    searches run, a product took many times as long.
    """
    threadpool_limits(1, user_api="blas")


def _in_time(until: float) -> None:
    if time.monotonic() > until:
        raise SearchTooSlow
