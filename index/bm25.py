"""BM25 by arithmetic: what terms tell, what a passage's terms weigh, what a query could score.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), as Lucene
and tantivy have it: k1 1.2, b .75, idf never below 0, the length of a field kept in one byte.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from index.terms import terms

K1, B = 1.2, 0.75  # tantivy's own, fixed there
HEADING_BOOST = 0.3
# 15 provincial reports asked for one of them by name, whose passages seldom name the province:
# the first hit was of that report for .75 of 675 questions without titles, .83 with boost 1, .85
# with 1.5. Beyond it statutes, whose titles are little but numbers, were found less well.
TITLE_BOOST = 1.5


class Frequencies(NamedTuple):
    """How many passages have a term in their text, their headings, their document's title."""

    body: int = 0
    headings: int = 0
    title: int = 0


FIELDS = Frequencies._fields


def counted(text: str) -> Counter[str]:
    """The terms of a text, and how often each stands in it."""
    return Counter(term.text for term in terms(text))


class Statistics:
    """The terms of a library, for the queries to it."""

    def __init__(self, passages: int, frequencies: Callable[[str], Frequencies]) -> None:
        self._passages = passages
        self._frequencies = frequencies
        self.worth = lru_cache(4096)(self._worth)  # asked twice for each term of a query

    def idf(self, text: str) -> float:
        """What a term tells: its rarity among the texts of passages."""
        return self._rarity(self._frequencies(text).body)

    def _worth(self, text: str) -> Mapping[str, float]:
        """What a term tells in each field where it can stand.

        Headings are few, so that every word is rare among them: it tells what it tells among
        passages, or 工会 in one heading would outweigh the rest of a question. Every passage
        has a title, that of its document: a word of all titles tells nothing.
        """
        found, idf = self._frequencies(text), self.idf(text)
        worth = {"body": idf}
        if found.headings:
            worth["headings"] = HEADING_BOOST * idf
        if found.title:
            worth["title"] = TITLE_BOOST * self._rarity(found.title)
        return worth

    def boosts(self, text: str) -> dict[str, float]:
        """By field that has a term, its worth over its rarity there, by which tantivy goes."""
        found = self._frequencies(text)
        present = [(field, n) for field, n in zip(FIELDS, found, strict=True) if n]
        return {field: self.worth(text)[field] / self._rarity(n) for field, n in present}

    def _rarity(self, frequency: int) -> float:
        return math.log(1 + (self._passages - frequency + 0.5) / (frequency + 0.5))

    def weights(self, query: Iterable[str]) -> dict[str, float]:
        """How much each term of a query tells: its idf as a share of the rarest term's."""
        idf = {text: self.idf(text) for text in query}
        top = max(idf.values(), default=0.0)
        return {text: value / top for text, value in idf.items()} if top else {}

    def ceiling(self, counts: Counter[str]) -> float:
        """The BM25 of a passage that held every query term without end, wherever it can stand."""
        return (K1 + 1) * sum(n * sum(self.worth(text).values()) for text, n in counts.items())


def squared_shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Of a query's terms, each one's share of all they tell, rarity counted twice.

    Once for the query and once for the passage, as in the vector space model (Salton and
    Buckley, "Term-weighting approaches in automatic text retrieval", 1988).
    """
    total = sum(weight**2 for weight in weights.values())
    return {text: weight**2 / total for text, weight in weights.items()} if total else {}


def share(times: int, length: int, average: float) -> float:
    """What a term that stands `times` in a field scores, as a share of its most; below 1.

    `length` is the field's in terms, `average` that of all passages.
    """
    return times / (times + K1 * (1 - B + B * kept_length(length) / average))


def kept_length(length: int) -> int:
    """A length as one byte keeps it: exact up to 40, then with four digits of binary."""
    if length < _EXACT:
        return length
    rest = length - _EXACT
    lost = max(rest.bit_length() - 4, 0)
    return _EXACT + (rest >> lost << lost)


_EXACT = 24  # Lucene's SmallFloat.intToByte4 counts the rest from here on
