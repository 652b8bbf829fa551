"""One query on its way through one generation: candidates, their signals, and the hits."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from index import ranking
from index.encoder import Encoded, Vectors
from index.evidence import clause_scores, evidence, marks
from index.hits import Hit, Mode
from index.late import Matches
from index.ranking import Candidates, Weights
from index.snapshot import Snapshot
from index.terms import holds, phrases
from index.texts import Rows as Range

# How many nearest clauses and best BM25 passages are looked at, and how many of the passages
# so found are reranked. Twice as many of each changed no figure on any collection.
_CLAUSES, _PASSAGES, RERANKED = 200, 50, 48

# Of passages with all the characters of a quoted phrase, so many are read for the phrase itself.
_QUOTING = 500

Rows = npt.NDArray[np.int64]


class Query:
    """Made for one query and thrown away with it; for one thread."""

    def __init__(
        self, snapshot: Snapshot, text: str, encoded: Encoded, mode: Mode, scope: Range | None
    ) -> None:
        self._snapshot = snapshot
        self._text = text
        self._encoded = encoded
        self._mode = mode
        self._scope = scope
        self._weights = snapshot.lexical.weights(text)
        self._phrases = phrases(text)
        self._matches: dict[int, tuple[Matches, Vectors]] = {}

    @property
    def clauses(self) -> int:
        """How many clauses are searched."""
        first, last = self._clause_range()
        return last - first

    def _clause_range(self) -> tuple[int, int]:
        if self._scope is None:
            return 0, self._snapshot.dense.size
        _, first, last = self._scope
        return int(self._snapshot.starts[first]), int(self._snapshot.starts[last])

    def candidates(self, limit: int, weights: Weights) -> Candidates:
        """The passages worth a closer look, with those of their signals that have a weight."""
        rows = self._quoting() if self._phrases else self._close(limit)
        dense, lexical = self._dense(rows), self._lexical(rows)
        if not weights.late and not weights.late_clause:
            none = np.zeros(len(rows), np.float32)
            return Candidates(rows, dense, lexical, none, none)
        kept = np.sort(ranking.best(rows, dense + lexical, limit))
        self.match(rows[kept])
        matched = [self._matches[row] for row in rows[kept].tolist()]
        late = np.array([matches.maxsim() for matches, _ in matched], np.float32)
        late_clause = np.array([own.max(initial=0.0) for _, own in matched], np.float32)
        return Candidates(rows[kept], dense[kept], lexical[kept], late, late_clause)

    def _quoting(self) -> Rows:
        """Passages that hold what the query puts in quotes."""
        document = self._scope.document if self._scope is not None else None
        rows = np.sort(self._snapshot.lexical.holding(self._phrases, _QUOTING, document))
        if self._scope is not None:
            rows = rows[(rows >= self._scope.first) & (rows < self._scope.last)]
        texts = self._snapshot.texts
        return np.array(
            [r for r in rows if holds(texts.passage(int(r)).text, self._phrases)], np.int64
        )

    def _close(self, limit: int) -> Rows:
        """Passages of the nearest clauses, and those that share words with the query."""
        found = []
        if self._mode != "lexical":
            found.append(self._nearest(max(limit, _CLAUSES)))
        if self._mode != "dense":
            found.append(self._matching(max(limit, _PASSAGES)))
        return np.unique(np.concatenate(found))

    def _nearest(self, limit: int) -> Rows:
        """Passages of the nearest clauses."""
        within = self._clause_range() if self._scope is not None else None
        clauses = self._snapshot.dense.search(self._encoded.vector, limit, within)
        return self._snapshot.passage_rows(clauses)

    def _matching(self, limit: int) -> Rows:
        """Passages that share terms with the query."""
        if self._scope is None:
            return self._snapshot.lexical.search(self._text, limit).rows
        rows = range(self._scope.first, self._scope.last)
        return self._snapshot.lexical.score(self._text, rows).rows[:limit]

    def _dense(self, rows: Rows) -> Vectors:
        return np.array([self._clause_cosines(row).max(initial=0.0) for row in rows], np.float32)

    def _clause_cosines(self, row: int) -> Vectors:
        vectors = self._snapshot.dense.vectors(*self._snapshot.clause_rows(row))
        return np.asarray(vectors @ self._encoded.vector, np.float32)

    def _lexical(self, rows: Rows) -> Vectors:
        found = self._snapshot.lexical.score(self._text, rows.tolist())
        shares = np.zeros(len(rows), np.float32)
        if found.ceiling:
            shares[np.searchsorted(rows, found.rows)] = found.scores / found.ceiling
        return shares

    def match(self, rows: Rows) -> None:
        """Compare the query's tokens with those of the passages and of each of their clauses."""
        rows = np.array([row for row in rows.tolist() if row not in self._matches], np.int64)
        ranges = [self._snapshot.clause_rows(int(row)) for row in rows]
        passages = self._snapshot.passage_tokens.matches(rows.tolist(), self._encoded.tokens)
        clauses = self._snapshot.clause_tokens.matches(
            [clause for first, last in ranges for clause in range(first, last)],
            self._encoded.tokens,
        )
        maxsims = iter(clause.maxsim() for clause in clauses)
        for row, (first, last), matches in zip(rows.tolist(), ranges, passages, strict=True):
            own = np.array(list(itertools.islice(maxsims, last - first)), np.float32)
            self._matches[row] = matches, own

    def hit(self, rank: int, candidates: Candidates, place: int, score: float) -> Hit:
        """The passage of a candidate with its evidence and marks."""
        row = int(candidates.rows[place])
        passage = self._snapshot.texts.passage(row)
        matches, late = self._matches[row]
        clauses = clause_scores(self._text, passage, self._clause_cosines(row), late, matches)
        return Hit(
            rank,
            round(float(score), 6),
            self._snapshot.texts.summary(passage.document_id),
            passage,
            evidence(passage, clauses),
            marks(passage, matches, self._weights),
            candidates.signals(place, matches.maxsim()),
        )
