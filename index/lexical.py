"""BM25 over passages, in tantivy. Terms are made here, so tantivy only counts them."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tantivy

from index.bm25 import FIELDS, Frequencies, Statistics, counted
from index.store import LexicalScores
from index.terms import terms
from kb.errors import StorageFailed
from kb.types import Passage

_HEAP = 64 << 20  # bytes the writer may use before it starts another segment
_LOCK = ".tantivy-meta.lock"


class Row(NamedTuple):
    """A passage to index, its row, and the title of its document."""

    row: int
    title: str
    passage: Passage


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        builder.add_text_field(
            field, stored=False, tokenizer_name="whitespace", index_option="freq"
        )
    builder.add_unsigned_field("row", indexed=True, fast=True)
    return builder.build()


def _joined(text: str) -> str:
    return " ".join(term.text for term in terms(text))


def write(folder: Path, passages: Iterable[Row]) -> None:
    """Index the passages into `folder`, which must exist. Raises `StorageFailed`."""
    with _refusals(folder):
        index = tantivy.Index(_schema(), path=str(folder))
        # one thread: rows go into segments in their order, so equal input gives equal files
        writer = index.writer(heap_size=_HEAP, num_threads=1)
    for each in passages:
        entry = tantivy.Document()
        entry.add_text("body", _joined(each.passage.text))
        entry.add_text("headings", _joined("\n".join(each.passage.headings)))
        entry.add_text("title", _joined(each.title))
        entry.add_unsigned("row", each.row)
        with _refusals(folder):
            _add(writer, entry)
    with _refusals(folder):
        writer.commit()
        writer.wait_merging_threads()


def _add(writer: tantivy.IndexWriter, entry: tantivy.Document) -> None:
    try:
        writer.add_document(entry)
    except ValueError:
        writer.commit()  # raises what ended its thread, of which the error above knows nothing
        raise


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """tantivy tells of a disk that refuses by `ValueError`, the error number in its text."""
    try:
        yield
    except ValueError as error:
        number = re.search(r"(?:os error|code:) (\d+)", str(error))
        raise StorageFailed(
            folder, os.strerror(int(number[1])) if number else str(error)
        ) from error


@contextmanager
def _openable(folder: Path) -> Iterator[Path]:
    """tantivy takes a lock beside the files it opens: where nothing can be written, elsewhere."""
    if os.access(folder / _LOCK, os.W_OK):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="kb-", ignore_cleanup_errors=True) as aside:
        for file in folder.iterdir():
            if file.name != _LOCK:
                (Path(aside) / file.name).symlink_to(file)
        yield Path(aside)
    shutil.rmtree(aside, ignore_errors=True)  # a thread of tantivy may just have locked it again


class _Parsed(NamedTuple):
    """What tantivy is asked, its ceiling, 0 without terms, and how much each term tells."""

    asked: tantivy.Query
    ceiling: float
    weights: Mapping[str, float]


class LexicalIndex:
    """Opened read-only; memory-mapped by tantivy; safe for many threads."""

    def __init__(self, folder: Path) -> None:
        with _openable(folder.absolute()) as place:
            index = tantivy.Index.open(str(place))
            self._schema = index.schema
            self._searcher = index.searcher()
        # a query is asked twice, and for each of its terms four times
        self._statistics = Statistics(self.size, lru_cache(4096)(self._frequencies))
        self._parsed = lru_cache(256)(self._parse)

    def _frequencies(self, text: str) -> Frequencies:
        return Frequencies(*(self._searcher.doc_freq(field, text) for field in FIELDS))

    @property
    def size(self) -> int:
        """Number of passages."""
        return int(self._searcher.num_docs)

    def search(self, query: str, limit: int, rows: range | None = None) -> LexicalScores:
        """The best `limit` passages, of `rows` if given, that share a term with the query.

        The statistics of the terms stay the library's, here and in `score`.
        """
        return self._run(query, limit, self._within(rows))

    def holding(
        self, needed: Collection[str], query: str, limit: int, rows: range | None = None
    ) -> npt.NDArray[np.int64]:
        """Rows of the passages that have every one of some terms of the query, `limit` at most.

        Best first by BM25 of the whole query.
        """
        required = [tantivy.Query.term_query(self._schema, "body", text) for text in needed]
        return self._run(query, limit, [*self._within(rows), *required]).rows

    def score(self, query: str, rows: Sequence[int]) -> LexicalScores:
        """BM25 of just these passages, best first, those without a common term left out."""
        # not a set query, which walks through the rows of all passages
        each = (tantivy.Query.term_query(self._schema, "row", row) for row in rows)
        one_of = tantivy.Query.boolean_query([(tantivy.Occur.Should, row) for row in each])
        return self._run(query, len(rows), [one_of])

    def _within(self, rows: range | None) -> list[tantivy.Query]:
        if rows is None:
            return []
        first, last = (rows[0], rows[-1]) if rows else (1, 0)
        kind = tantivy.FieldType.Unsigned
        return [tantivy.Query.range_query(self._schema, "row", kind, first, last)]

    def _run(self, query: str, limit: int, required: Sequence[tantivy.Query]) -> LexicalScores:
        asked, ceiling, _ = self._parsed(query)
        if limit >= 1 and ceiling and self._searcher.num_docs:
            if required:
                must = tantivy.Occur.Must
                unscored = [tantivy.Query.const_score_query(each, 0.0) for each in required]
                asked = tantivy.Query.boolean_query([(must, each) for each in (*unscored, asked)])
            found = self._searcher.search(asked, limit=limit, count=False).hits
        else:
            found = []
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        return LexicalScores(
            np.array(rows, np.int64),
            np.array([score for score, _ in found], np.float32),
            ceiling,
        )

    def _parse(self, query: str) -> _Parsed:
        counts = counted(query)
        parts = []
        for text, n in counts.items():
            for field, boost in self._statistics.boosts(text).items():
                term = tantivy.Query.term_query(self._schema, field, text, "freq")
                parts.append((tantivy.Occur.Should, tantivy.Query.boost_query(term, boost * n)))
        known = self._statistics
        return _Parsed(
            tantivy.Query.boolean_query(parts), known.ceiling(counts), known.weights(counts)
        )

    def weights(self, query: str) -> Mapping[str, float]:
        """How much each term of the query tells: its idf as a share of the rarest term's."""
        return self._parsed(query).weights
