"""What BM25 says of terms without any passage: how much each tells, and what a query could score.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), as Lucene
and tantivy have it: k1 1.2, idf never below 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from index.terms import terms

K1 = 1.2  # tantivy's own, fixed there; b is .75
HEADING_BOOST = 0.3


class Frequencies(NamedTuple):
    """How many passages have a term in their text, and how many in their headings."""

    body: int = 0
    headings: int = 0


def counted(text: str) -> Counter[str]:
    """The terms of a text, and how often each stands in it."""
    return Counter(term.text for term in terms(text))


class Statistics:
    """The terms of a library, for the queries to it."""

    def __init__(self, passages: int, frequencies: Callable[[str], Frequencies]) -> None:
        self._passages = passages
        self._frequencies = frequencies

    def idf(self, text: str) -> float:
        """What a term tells: its rarity among the texts of passages."""
        return self._rarity(self._frequencies(text).body)

    def heading_boost(self, text: str) -> float:
        """What a term in the headings counts, over what the rarity among headings gives it.

        Headings are few, so that every word is rare among them: it tells what it tells among
        passages, or 工会 in one heading would outweigh the rest of a question.
        """
        return HEADING_BOOST * self.idf(text) / self._rarity(self._frequencies(text).headings)

    def _rarity(self, frequency: int) -> float:
        return math.log(1 + (self._passages - frequency + 0.5) / (frequency + 0.5))

    def weights(self, query: str) -> dict[str, float]:
        """How much each term of the query tells: its idf as a share of the rarest term's."""
        idf = {text: self.idf(text) for text in {term.text for term in terms(query)}}
        top = max(idf.values(), default=0.0)
        return {text: value / top for text, value in idf.items()} if top else {}

    def ceiling(self, counts: Counter[str]) -> float:
        """The BM25 of a passage that held every query term without end, wherever it can stand."""
        return (K1 + 1) * sum(n * self.idf(text) * self._most(text) for text, n in counts.items())

    def _most(self, text: str) -> float:
        return 1 + HEADING_BOOST if self._frequencies(text).headings else 1.0
