"""What the library knows of the terms of a query: looked up once, kept for the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from index.bm25 import FIELDS, Frequencies, Statistics
from index.milvus.layout import among, term_key
from index.milvus.lexicon import Entry, query_vector
from index.milvus.parts import Parts

_KEPT = 50_000  # queries share most of their terms; some 10 MB
_FIELDS = ("term", "number", *FIELDS)


class TermBook:
    """The terms of one generation of so many passages; safe for many threads."""

    def __init__(self, parts: Parts, passages: int) -> None:
        self._parts = parts
        self._passages = passages
        self._known: dict[str, Entry | None] = {}

    def entries(self, wanted: Iterable[str]) -> dict[str, Entry | None]:
        """Each of the terms, None where no passage has it; one call at most."""
        kept, wanted = self._known, set(wanted)
        found = {term: kept[term] for term in wanted if term in kept}
        new = sorted(wanted - found.keys())
        if new:
            fresh: dict[str, Entry | None] = dict.fromkeys(new)
            for row in self._parts.rows("terms", among("term", new), _FIELDS):
                frequencies = Frequencies(*(int(row[field]) for field in FIELDS))
                fresh[row["term"]] = Entry(int(row["number"]), frequencies)
            self._known = {**kept, **fresh} if len(kept) < _KEPT else fresh
            found.update(fresh)
        return found

    def statistics(self, wanted: Iterable[str]) -> Statistics:
        """What these terms tell."""
        entries = self.entries(wanted)

        def frequencies(text: str) -> Frequencies:
            entry = entries[text]
            return entry.frequencies if entry else Frequencies()

        return Statistics(self._passages, frequencies)

    def vector(self, counts: Counter[str]) -> dict[int, float]:
        """A query as a sparse vector; empty where no passage has any of its terms."""
        entries = {term: entry for term, entry in self.entries(counts).items() if entry}
        return query_vector(counts, entries, self.statistics(counts))

    def numbers(self, wanted: Iterable[str]) -> list[int] | None:
        """Some terms by number, None where no passage can have them all."""
        entries = self.entries(map(term_key, wanted))
        numbers = [entry.number for entry in entries.values() if entry]
        return sorted(numbers) if 0 < len(numbers) == len(entries) else None
