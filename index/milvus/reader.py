"""An opened generation in Milvus: one call for each thing asked, however many rows want it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from index.encoder import Encoder, Vectors
from index.hits import DocumentSummary
from index.late import Met, Texts, Tokens, late_matches, rounded
from index.milvus import manifest
from index.milvus.client import Client
from index.milvus.layout import MANIFEST, among, between, collection, dense_rule, unpacked
from index.milvus.lexicon import Lengths, counted
from index.milvus.parts import Parts
from index.milvus.rows import PASSAGE, document_from, passage_from, tokens_from
from index.milvus.termbook import TermBook
from index.store import Identity, LateMatches, LexicalScores, PassageVectors, RowNumbers, check
from index.texts import Rows, section_at
from kb.errors import UnknownDocument
from kb.types import Document, Passage, Section


class MilvusReader:
    """`index.store.Reader` over the collections of one generation."""

    def __init__(self, client: Client, name: str, facts: Mapping[str, Any]) -> None:
        self.name = name
        self.facts = facts
        self.contents = manifest.contents(client, name, facts)
        self._client = client
        self._parts = Parts(client, name)
        self._dim = int(facts["encoder"]["dim"])
        self._rule = dense_rule(int(facts["counts"]["clauses"]))
        self._passages = Lengths(*facts["lengths"]).passages
        self._terms = TermBook(self._parts, self._passages)
        ends = itertools.accumulate((d.passages for d in self.contents.documents), initial=0)
        spans = zip(self.contents.documents, itertools.pairwise(ends), strict=True)
        self._rows = {d.id: Rows(number, a, b) for number, (d, (a, b)) in enumerate(spans)}
        self._document = lru_cache(8)(self._read_document)

    @classmethod
    def open(cls, client: Client, name: str, encoder: Encoder | Identity) -> MilvusReader:
        """Check, then open. Raises `IndexDamaged`, `EncoderMismatch`, `StoreUnavailable`."""
        facts = manifest.verify(client, name)
        check(facts, Path(collection(name, MANIFEST)), encoder)
        return cls(client, name, facts)

    @property
    def remote(self) -> bool:
        """Milvus may be anywhere."""
        return True

    def answering(self) -> AbstractContextManager[None]:
        """All that is asked within has to be answered in the time of one search."""
        return self._client.answering()

    def summary(self, document_id: str) -> DocumentSummary:
        """What is known of a document without its text."""
        return self.contents.documents[self.rows(document_id).document]

    def rows(self, document_id: str) -> Rows:
        """Where a document's passages are."""
        try:
            return self._rows[document_id]
        except KeyError:
            raise UnknownDocument(document_id) from None

    def section(self, document_id: str, number: int) -> tuple[Section, Rows]:
        """A section of a document's outline, and where its passages are."""
        whole = self.rows(document_id)
        section = section_at(self.document(document_id), number)
        inside = f"document == {whole.document} and start >= {section.start}"
        found = self._parts.rows("passages", f"{inside} and end <= {section.end}", ["row"])
        rows = [int(each["row"]) for each in found]
        if not rows:
            return section, Rows(whole.document, whole.first, whole.first)
        return section, Rows(whole.document, min(rows), max(rows) + 1)

    def document(self, document_id: str) -> Document:
        """The whole document."""
        return self._document(self.rows(document_id).document)

    def _read_document(self, number: int) -> Document:
        rows = self._parts.rows("documents", f"document == {number}", ["id", "data"])
        return document_from(unpacked(rows))

    def passages(self, first: int, last: int) -> list[Passage]:
        """Passages by row, half-open."""
        last = min(last, self._passages)
        return self.passages_at(np.arange(first, max(last, first)))

    def passages_at(self, rows: RowNumbers) -> list[Passage]:
        """The passages of some rows, in their order."""
        by_row = self._parts.by_value("passages", "row", rows.tolist(), PASSAGE)
        documents = self.contents.documents
        found = [by_row[row][0] for row in rows.tolist()]
        return [passage_from(each, documents[each["document"]].id) for each in found]

    def clauses(self, within: Rows | None) -> int:
        """How many clauses a search looks through."""
        if within is None:
            return int(self.facts["counts"]["clauses"])
        if within.first == within.last:
            return 0
        ends = {within.first, within.last - 1}
        found = self._parts.by_value("passages", "row", sorted(ends), ["row", "first", "last"])
        return int(found[within.last - 1][0]["last"]) - int(found[within.first][0]["first"])

    def nearest(self, vector: Vectors, limit: int, within: Rows | None) -> RowNumbers:
        """The passages of the nearest clauses."""
        limit = min(limit, self.clauses(None))
        where = _inside("passage", within)
        params = self._rule.ask(limit)
        return self._parts.best("clauses", "vector", vector, limit, "passage", where, params)[0]

    def matching(self, query: str, limit: int, within: Rows | None) -> LexicalScores:
        """The best passages by BM25."""
        return self._by_words(query, limit, _inside("row", within))

    def _by_words(self, query: str, limit: int, where: str) -> LexicalScores:
        counts = counted(query)
        vector, limit = self._terms.vector(counts), min(limit, self._passages)
        found = self._parts.best("passages", "words", vector, limit, "row", where, {})
        return LexicalScores(*found, self._terms.statistics(counts).ceiling(counts))

    def holding(
        self, terms: Collection[str], query: str, limit: int, within: Rows | None
    ) -> RowNumbers:
        """The best of the passages that have every one of the terms."""
        numbers = self._terms.numbers(terms)
        if numbers is None:
            return np.zeros(0, np.int64)
        where = f"array_contains_all(terms, {numbers})"
        inside = " and ".join(filter(None, (where, _inside("row", within))))
        return self._by_words(query, limit, inside).rows

    def cosines(self, rows: RowNumbers, vector: Vectors) -> list[Vectors]:
        """For each row the cosines of its clauses with `vector`."""
        return [np.asarray(own @ vector, np.float32) for own in self._clause_vectors(rows.tolist())]

    def _clause_vectors(self, rows: Sequence[int]) -> list[Vectors]:
        found = self._parts.by_value("clauses", "passage", rows, ["row", "passage", "vector"])
        ordered = (sorted(found[row], key=lambda each: int(each["row"])) for row in rows)
        return [np.array([each["vector"] for each in own], np.float32) for own in ordered]

    def bm25(self, query: str, rows: RowNumbers) -> LexicalScores:
        """BM25 of just these passages."""
        return self._by_words(query, len(rows), among("row", rows.tolist()))

    def weights(self, query: str) -> Mapping[str, float]:
        """How much each term of the query tells."""
        counts = counted(query)
        return self._terms.statistics(counts).weights(counts)

    def matches(self, rows: RowNumbers, tokens: Vectors) -> list[LateMatches]:
        """How the tokens of passages and of their clauses meet a query's."""
        found = self._tokens(rows.tolist())
        query = rounded(tokens)
        passages = Met.of(Texts.of([whole for whole, *_ in found]), query)
        clauses = Met.of(Texts.of([clause for _, *own in found for clause in own]), query)
        return late_matches(passages, clauses, [len(own) - 1 for own in found])

    def _tokens(self, rows: Sequence[int]) -> list[list[Tokens]]:
        found = self._parts.by_value("tokens", "passage", rows, ["id", "passage", "data"])
        return [tokens_from(found[row], self._dim) for row in rows]

    def find(self, digests: Sequence[str]) -> list[int | None]:
        """The row of a passage of each digest."""
        rows = self._parts.rows("passages", among("digest", digests), ["row", "digest"])
        found = {each["digest"]: int(each["row"]) for each in rows}
        return [found.get(each) for each in digests]

    def vectors(self, rows: Sequence[int]) -> list[PassageVectors]:
        """Everything that was encoded for each of these passages."""
        pairs = zip(self._clause_vectors(rows), self._tokens(rows), strict=True)
        return [PassageVectors(own, whole, tuple(rest)) for own, (whole, *rest) in pairs]

    def close(self) -> None:
        """Nothing is held: the connection is the store's."""


def _inside(field: str, within: Rows | None) -> str:
    """The expression that keeps to a scope; one that nothing fulfils for an empty one."""
    return between(field, within.first, within.last) if within is not None else ""
