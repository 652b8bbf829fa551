"""One query on its way through one generation: candidates, their signals, and the hits."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from index import ranking, sizing
from index.bm25 import squared_shares
from index.cores import together
from index.encoder import Encoded, Vectors
from index.evidence import clause_scores, evidence, marks
from index.hits import Hit, Mode
from index.ranking import Candidates, Weights
from index.store import LateMatches, LexicalScores, Reader, RowNumbers
from index.terms import holds, phrases, standing, terms, units
from index.texts import Rows
from kb.types import Passage

# How many nearest clauses and best BM25 passages are looked at, and how many of the passages
# so found are reranked among themselves. Twice as many of each changed no figure on any
# collection by more than .001; of 24 in place of 32 statutes lost .002.
_CLAUSES, _PASSAGES, RERANKED = 200, 128, 32

# Of passages with all the terms of a quoted phrase, so many are read for the phrase itself: the
# more where few of the first have it.
_QUOTING = (500, 4_000)

_AROUND = re.compile(r"^[\W_]+|[\W_]+$")

_Result = TypeVar("_Result")


class Query:
    """Made for one query and thrown away with it; for one thread.

    The reader may be far away, so each thing is asked once, for all rows that need it.
    """

    def __init__(
        self, reader: Reader, text: str, encoded: Encoded, mode: Mode, scope: Rows | None
    ) -> None:
        self._reader = reader
        self._text = text
        self._encoded = encoded
        self._mode = mode
        self._scope = scope
        self._phrases = phrases(text)
        self._known: LexicalScores | None = None
        self._complete = False  # of the rest of the scope none shares a word with the query
        self._passages: dict[int, Passage] = {}
        self._cosines: dict[int, Vectors] = {}
        self._matches: dict[int, LateMatches] = {}

    @cached_property
    def clauses(self) -> int:
        """How many clauses are searched."""
        return self._reader.clauses(self._scope)

    @property
    def _size(self) -> int:
        """How many passages are searched."""
        if self._scope is not None:
            return self._scope.last - self._scope.first
        return int(self._reader.facts["counts"]["passages"])

    @cached_property
    def _weights(self) -> Mapping[str, float]:
        """How much each term of the query tells."""
        return self._reader.weights(self._text)

    def candidates(self, k: int, weights: Weights) -> Candidates:
        """The passages worth a closer look, with those of their signals that have a weight.

        Who asks for more gets what follows, and what came first stays: passages that are reranked
        go by their first score in blocks of `RERANKED`, as many blocks as `k` takes.
        """
        limit = -(-k // RERANKED) * RERANKED
        rows = self._quoting(limit) if self._phrases else self._close(limit)
        dense, lexical = self._waited([lambda: self._dense(rows), lambda: self._lexical(rows)])
        if not (weights.coverage or weights.late or weights.late_clause):
            none = np.zeros(len(rows), np.float32)
            return Candidates(rows, dense, lexical, none, none, none, max(len(rows), 1))
        kept = _sorted_within(ranking.best(rows, dense + lexical, limit), RERANKED)
        rows, dense, lexical = rows[kept], dense[kept], lexical[kept]
        reranked = weights.late or weights.late_clause
        coverage, (late, late_clause) = self._waited(
            [
                lambda: self._coverage(rows) if weights.coverage else np.zeros(len(rows), "f4"),
                lambda: self._late(rows) if reranked else np.zeros((2, len(rows)), "f4"),
            ]
        )
        return Candidates(rows, dense, lexical, coverage, late, late_clause, RERANKED)

    def _quoting(self, limit: int) -> RowNumbers:
        """Passages that hold what the query puts in quotes, spaces aside.

        Nearly all that do have its characters side by side; of names some have a space inside.
        Where none does, those below headings that do.
        """
        beside = {term.text for phrase in self._phrases for term in terms(phrase)}
        apart = units(self._phrases)
        if not apart:  # signs alone are no terms
            return self._held(self._close(limit))
        held = np.zeros(0, np.int64)
        for most in _QUOTING:
            rows = self._holding(beside, most)
            if len(rows) < most and apart != beside:
                rows = np.union1d(rows, self._holding(apart, most))
            held = self._held(rows)
            if len(held) >= RERANKED or len(rows) < most:
                break
        return held if len(held) else self._headed()

    def _holding(self, needed: Collection[str], most: int) -> RowNumbers:
        return self._reader.holding(needed, " ".join(self._phrases), most, self._scope)

    def _headed(self) -> RowNumbers:
        """Passages that hold what is quoted in their headings, or a part there and a part below."""
        found = self._reader.matching(" ".join(self._phrases), _QUOTING[-1], self._scope).rows
        held = []
        for passage in self._passages_at(found):
            below = [
                phrase
                for phrase in self._phrases
                if not any(holds(heading, [phrase]) for heading in passage.headings)
            ]
            held.append(len(below) < len(self._phrases) and holds(passage.text, below))
        return np.sort(found[np.flatnonzero(held)])

    def _held(self, rows: RowNumbers) -> RowNumbers:
        """Those passages that hold what is quoted."""
        texts = (passage.text for passage in self._passages_at(rows))
        held = [holds(text, self._phrases) for text in texts]
        return np.sort(rows[np.flatnonzero(held)])

    def _close(self, limit: int) -> RowNumbers:
        """Passages of the nearest clauses, and those that share words with the query."""
        most = max(limit, _PASSAGES)
        wanted = min(most, self._size)

        def nearest() -> RowNumbers:
            vector, clauses = self._encoded.vector, max(limit, _CLAUSES)
            found = np.unique(self._reader.nearest(vector, clauses, self._scope))
            while len(found) < wanted and clauses < self.clauses:  # many of few passages
                clauses *= 4
                found = np.unique(self._reader.nearest(vector, clauses, self._scope))
            return found

        def matching() -> RowNumbers:
            self._known = self._reader.matching(self._text, most, self._scope)
            self._complete = len(self._known.rows) < most
            return self._known.rows

        asked = {"dense": [nearest], "lexical": [matching]}.get(self._mode, [nearest, matching])
        # these compute for milliseconds outside of Python, where a library is so large
        found = together(asked) if self.clauses > sizing.EXACT else self._waited(asked)
        return np.unique(np.concatenate(found))

    def _waited(self, asked: Sequence[Callable[[], _Result]]) -> list[_Result]:
        """At once where answers are waited for: what computes in Python takes turns anyway."""
        return together(asked) if self._reader.remote else [ask() for ask in asked]

    def _dense(self, rows: RowNumbers) -> Vectors:
        cosines = self._reader.cosines(rows, self._encoded.vector)
        self._cosines.update(zip(rows.tolist(), cosines, strict=True))
        return np.array([max([0.0, *each.tolist()]) for each in cosines], np.float32)

    def _lexical(self, rows: RowNumbers) -> Vectors:
        """BM25 as a share of what no passage can reach; asked for what is not known yet."""
        found = [self._known] if self._known is not None else []
        known = {row for each in found for row in each.rows.tolist()}
        new = [row for row in rows.tolist() if row not in known]
        if new and not self._complete:
            found.append(self._reader.bm25(self._text, np.array(new, np.int64)))
        shares = np.zeros(len(rows), np.float32)
        for each in found:
            shares[np.searchsorted(rows, each.rows)] = each.scores / (each.ceiling or 1)
        return shares

    def _coverage(self, rows: RowNumbers) -> Vectors:
        """How much of the query stands in each passage, word for word."""
        shares = squared_shares(self._weights)
        found = (standing(passage.text, shares) for passage in self._passages_at(rows))
        return np.array([sum(shares[term] for term in each) for each in found], np.float32)

    def _late(self, rows: RowNumbers) -> Vectors:
        """`(2, rows)`: the MaxSim of each passage and that of its best clause."""
        matched = self._matched(rows)
        pairs = [(each.maxsim, max([0.0, *each.clauses.tolist()])) for each in matched]
        return np.array(pairs, np.float32).reshape(-1, 2).T

    def _passages_at(self, rows: RowNumbers) -> list[Passage]:
        new = np.array([row for row in rows.tolist() if row not in self._passages], np.int64)
        if len(new):
            self._passages.update(zip(new.tolist(), self._reader.passages_at(new), strict=True))
        return [self._passages[row] for row in rows.tolist()]

    def _matched(self, rows: RowNumbers) -> list[LateMatches]:
        """The query's tokens against those of the passages and of each of their clauses."""
        new = np.array([row for row in rows.tolist() if row not in self._matches], np.int64)
        if len(new):
            matches = self._reader.matches(new, self._encoded.tokens)
            self._matches.update(zip(new.tolist(), matches, strict=True))
        return [self._matches[row] for row in rows.tolist()]

    def hits(
        self, candidates: Candidates, places: npt.NDArray[np.intp], scores: Vectors
    ) -> tuple[Hit, ...]:
        """The passages of the candidates at `places`, best first, with evidence and marks."""
        rows = candidates.rows[places]
        if not len(rows):
            return ()
        passages, matched = self._passages_at(rows), self._matched(rows)
        cosines = [self._cosines[row] for row in rows.tolist()]
        told = clause_scores(self._text, passages, cosines, matched)
        found = zip(places.tolist(), passages, matched, told, strict=True)
        return tuple(
            Hit(
                rank,
                round(float(scores[place]), 6),
                self._reader.summary(passage.document_id),
                passage,
                evidence(passage, clauses),
                marks(passage, late.passage, self._weights, self._phrases),
                candidates.signals(place, late.maxsim),
            )
            for rank, (place, passage, late, clauses) in enumerate(found, 1)
        )

    def stands(self, candidates: Candidates) -> bool:
        """Whether the query stands in one of the first block, the marks around it aside."""
        words = _AROUND.sub("", self._text)
        first = self._passages_at(candidates.rows[: candidates.block])
        return words != "" and any(holds(passage.text, [words]) for passage in first)


def _sorted_within(places: npt.NDArray[np.intp], block: int) -> npt.NDArray[np.intp]:
    """Each block in ascending order: rows that lie together are read together."""
    blocks = [np.sort(places[i : i + block]) for i in range(0, len(places), block)]
    return np.concatenate([places[:0], *blocks])
