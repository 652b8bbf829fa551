"""BM25 over passages, in tantivy. Terms are made here, so tantivy only counts them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tantivy

from index.terms import terms
from kb.types import Passage

_K1 = 1.2  # tantivy's own, fixed there; b is .75
_HEAP = 64 << 20  # bytes the writer may use before it starts another segment
_HEADING_BOOST = 0.3


class Row(NamedTuple):
    """A passage to index, its row, and the number of its document."""

    row: int
    document: int
    passage: Passage


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Passage rows, best first, and their BM25 scores; `ceiling` is what no passage can reach."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    ceiling: float


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in ("body", "headings"):
        builder.add_text_field(
            field, stored=False, tokenizer_name="whitespace", index_option="freq"
        )
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_unsigned_field("document", indexed=True)
    return builder.build()


def _joined(text: str) -> str:
    return " ".join(term.text for term in terms(text))


def write(folder: Path, passages: Iterable[Row]) -> None:
    """Index the passages into `folder`, which must exist."""
    index = tantivy.Index(_schema(), path=str(folder))
    # one thread: rows go into segments in their order, so equal input gives equal files
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    for row, document, passage in passages:
        entry = tantivy.Document()
        entry.add_text("body", _joined(passage.text))
        entry.add_text("headings", _joined("\n".join(passage.headings)))
        entry.add_unsigned("row", row)
        entry.add_unsigned("document", document)
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()


class LexicalIndex:
    """Opened read-only; memory-mapped by tantivy; safe for many threads."""

    def __init__(self, folder: Path) -> None:
        index = tantivy.Index.open(str(folder))
        self._schema = index.schema
        self._searcher = index.searcher()

    @property
    def size(self) -> int:
        """Number of passages."""
        return int(self._searcher.num_docs)

    def search(self, query: str, limit: int, document: int | None = None) -> LexicalScores:
        """The best `limit` passages that share a term with the query.

        `document` keeps to one document's passages; BM25's statistics stay the library's.
        """
        restriction = None
        if document is not None:
            restriction = tantivy.Query.term_query(self._schema, "document", document)
        return self._run(query, limit, restriction)

    def score(self, query: str, rows: Sequence[int]) -> LexicalScores:
        """BM25 of just these passages, those without a common term left out."""
        restriction = tantivy.Query.term_set_query(self._schema, "row", list(rows))
        return self._run(query, len(rows), restriction)

    def _run(self, query: str, limit: int, restriction: tantivy.Query | None) -> LexicalScores:
        counts = Counter(term.text for term in terms(query))
        nothing = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if not counts or limit < 1 or not self._searcher.num_docs:
            return LexicalScores(*nothing, ceiling=0.0)
        parsed = self._query(counts)
        if restriction is not None:
            must = tantivy.Occur.Must
            filtered = tantivy.Query.const_score_query(restriction, 0.0)
            parsed = tantivy.Query.boolean_query([(must, filtered), (must, parsed)])
        found = self._searcher.search(parsed, limit=limit, count=False).hits
        if not found:
            return LexicalScores(*nothing, ceiling=self._ceiling(counts))
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        return LexicalScores(
            np.array(rows, np.int64),
            np.array([score for score, _ in found], np.float32),
            self._ceiling(counts),
        )

    def _query(self, counts: Counter[str]) -> tantivy.Query:
        should = tantivy.Occur.Should
        parts = []
        for field, boost in (("body", 1.0), ("headings", _HEADING_BOOST)):
            for text, n in counts.items():
                term = tantivy.Query.term_query(self._schema, field, text, "freq")
                parts.append((should, tantivy.Query.boost_query(term, boost * n)))
        return tantivy.Query.boolean_query(parts)

    def weights(self, query: str) -> dict[str, float]:
        """How much each term of the query tells: its idf as a share of the rarest term's."""
        idf = {text: self._idf(text) for text in {term.text for term in terms(query)}}
        top = max(idf.values(), default=0.0)
        return {text: value / top for text, value in idf.items()} if top else {}

    def _idf(self, text: str) -> float:
        """BM25's, as tantivy and Lucene have it."""
        frequency = self._searcher.doc_freq("body", text)
        return math.log(1 + (self.size - frequency + 0.5) / (frequency + 0.5))

    def _ceiling(self, counts: Counter[str]) -> float:
        """The BM25 of a passage that held every query term without end, in its body."""
        return (_K1 + 1) * sum(count * self._idf(text) for text, count in counts.items())
