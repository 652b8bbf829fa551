"""BM25 as sparse vectors: what a passage's terms weigh, and what a query's add to that.

A term has a dimension for each field: texts, headings, titles of documents. The product
of query and passage is then the score that `index.bm25` gives, and no server's statistics matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from index import bm25
from index.bm25 import FIELDS, Frequencies, Statistics
from index.milvus.layout import term_key
from kb.types import Passage

# A stored vector must not be empty; no query has this dimension.
_NOTHING = {0: 1.0}


class Entry(NamedTuple):
    """A term of the library: its number, from 0, and how many passages have it."""

    number: int
    frequencies: Frequencies


class Lengths(NamedTuple):
    """What all passages add up to: the terms of their texts, their headings, their titles."""

    passages: int
    body: int
    headings: int
    title: int


class Counted(NamedTuple):
    """The terms of a passage, by field."""

    body: Counter[str]
    headings: Counter[str]
    title: Counter[str]

    @classmethod
    def of(cls, passage: Passage, title: str) -> Counted:
        """Count them; `title` is that of the document."""
        return cls(counted(passage.text), counted("\n".join(passage.headings)), counted(title))


def counted(text: str) -> Counter[str]:
    """The terms of a text under the keys that they are stored by."""
    counts: Counter[str] = Counter()
    for term, times in bm25.counted(text).items():
        counts[term_key(term)] += times
    return counts


class Lexicon:
    """Collects the terms of all passages; complete after the last."""

    def __init__(self, passages: Iterable[tuple[Passage, str]]) -> None:
        self._having: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
        totals, many = Counter[str](), 0
        for passage, title in passages:
            many += 1
            for field, counts in Counted.of(passage, title)._asdict().items():
                self._having[field].update(counts.keys())
                totals[field] += counts.total()
        self.lengths = Lengths(many, *(totals[field] for field in FIELDS))
        terms = sorted(set().union(*self._having.values()))
        self._numbers = {term: number for number, term in enumerate(terms)}

    def __len__(self) -> int:
        return len(self._numbers)

    def entries(self) -> Iterable[tuple[str, Entry]]:
        """Every term, in the order of numbers."""
        for term, number in self._numbers.items():
            yield term, Entry(number, Frequencies(*(self._having[f][term] for f in FIELDS)))

    def numbers(self, passage: Counted) -> list[int]:
        """The terms of the text, by number."""
        return sorted(self._numbers[term] for term in passage.body)

    def vector(self, passage: Counted) -> dict[int, float]:
        """What a passage's terms weigh, by dimension."""
        found = {}
        for field, counts in passage._asdict().items():
            average = getattr(self.lengths, field) / self.lengths.passages
            for term, times in counts.items():
                key = _dimension(self._numbers[term], field)
                found[key] = bm25.share(times, counts.total(), average)
        return found or _NOTHING


def _dimension(number: int, field: str) -> int:
    return 1 + len(FIELDS) * number + FIELDS.index(field)


def query_vector(
    counts: Counter[str], entries: Mapping[str, Entry], statistics: Statistics
) -> dict[int, float]:
    """What a query's terms add to those, by dimension; empty where no passage has any."""
    found = {}
    for term, times in counts.items():
        entry = entries.get(term)
        if entry is not None:
            for field, worth in statistics.worth(term).items():
                found[_dimension(entry.number, field)] = (bm25.K1 + 1) * times * worth
    return found
