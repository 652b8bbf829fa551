"""Candidates and their signals to one score: fusion, order and the rule for ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from index.encoder import Vectors
from index.hits import Mode


@dataclass(frozen=True, slots=True)
class Candidates:
    """Signals of the candidate passages, each `(n,)`, higher is nearer.

    `dense` is the cosine of the best clause; `lexical` is BM25 as a share of the most the query
    could have scored, 0..1; `late` and `late_clause` are MaxSim over the passage's tokens and
    over its best clause's.
    """

    rows: npt.NDArray[np.int64]
    dense: Vectors
    lexical: Vectors
    late: Vectors
    late_clause: Vectors


# Weights of the signals after scaling.
_DENSE, _LEXICAL, _LATE, _LATE_CLAUSE = 0.5, 0.25, 1.0, 0.5


def scores(candidates: Candidates, mode: Mode) -> Vectors:
    """One score a candidate, comparable within one query only."""
    if mode == "lexical":
        return candidates.lexical
    if mode == "dense":
        return candidates.dense
    total = (
        _DENSE * spread(candidates.dense)
        + _LEXICAL * candidates.lexical
        + _LATE * spread(candidates.late)
        + _LATE_CLAUSE * spread(candidates.late_clause)
    )
    return np.asarray(total / (_DENSE + _LEXICAL + _LATE + _LATE_CLAUSE), np.float32)


def spread(signal: Vectors) -> Vectors:
    """Min-max over the candidates; all 0 where they do not differ."""
    low, high = signal.min(initial=np.inf), signal.max(initial=-np.inf)
    if not high > low:
        return np.zeros_like(signal)
    return np.asarray((signal - low) / (high - low), np.float32)


def order(rows: npt.NDArray[np.int64], score: Vectors) -> npt.NDArray[np.intp]:
    """Best first; ties, to six decimals, in the order of the library and its texts."""
    return np.lexsort((rows, -np.round(score.astype(np.float64), 6)))
