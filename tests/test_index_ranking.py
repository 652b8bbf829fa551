"""One score from five signals, the order it gives, and when nothing comes close."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.hits import Signals
from index.ranking import BY_MODE, WEIGHTS, Candidates, Weights, best, is_far


def candidates(*signals: tuple[float, float, float, float, float], block: int = 32) -> Candidates:
    """Rows 0, 1, .. with dense, lexical, coverage, late and late_clause."""
    dense, lexical, coverage, late, clause = np.array(signals, np.float32).reshape(-1, 5).T
    return Candidates(np.arange(len(signals)), dense, lexical, coverage, late, clause, block)


def test_a_score_is_the_weighted_mean_of_the_signals() -> None:
    found = candidates((0.4, 0.1, 0.3, 0.6, 0.8))
    expected = sum(np.multiply(WEIGHTS, (0.4, 0.1, 0.3, 0.6, 0.8))) / sum(WEIGHTS)
    assert found.scores(WEIGHTS).tolist() == pytest.approx([expected], abs=1e-6)
    assert found.scores(Weights(dense=2, late=1)).tolist() == pytest.approx([1.4 / 3])


def test_a_mode_of_one_side_is_that_side_alone() -> None:
    found = candidates((0.4, 0.1, 0.3, 0.6, 0.8), (0.2, 0.9, 0.3, 0.6, 0.8))
    assert found.scores(BY_MODE["dense"]).tolist() == found.dense.tolist()
    assert found.scores(BY_MODE["lexical"]).tolist() == found.lexical.tolist()
    assert BY_MODE["hybrid"] == WEIGHTS


@given(st.integers(0, 4), st.floats(-1, 1, width=32))
def test_a_score_does_not_depend_on_the_other_candidates(others: int, value: float) -> None:
    one = (0.3, 0.2, 0.7, 0.5, 0.4)
    crowd = candidates(one, *[(value,) * 5] * others)
    assert crowd.scores(WEIGHTS)[0] == candidates(one).scores(WEIGHTS)[0]


def test_a_block_comes_before_the_next_whatever_its_scores() -> None:
    found = candidates(*[(value, 0, 0, 0, 0) for value in (0.1, 0.3, 0.9, 0.4, 0.5)], block=2)
    assert [found.best(found.dense, k).tolist() for k in range(7)] == [
        [], [1], [1, 0], [1, 0, 2], [1, 0, 2, 3], [1, 0, 2, 3, 4], [1, 0, 2, 3, 4],
    ]  # fmt: skip
    assert candidates().best(np.zeros(0, np.float32), 3).tolist() == []


def test_only_the_first_block_tells_whether_something_is_near() -> None:
    signals = ((0.0, 0.0, 0, 0, 0), (0.9, 0.9, 0, 0, 0))
    assert is_far(candidates(*signals, block=1), 100)
    assert not is_far(candidates(*signals, block=2), 100)


def test_signals_are_told_by_name() -> None:
    assert candidates((0.25, 0.5, 0.0, 0.0, 0.0)).signals(0, 0.75) == Signals(0.25, 0.5, 0.75)


@pytest.mark.parametrize(
    ("scores", "k", "expected"),
    [
        ([0.1, 0.9, 0.5], 3, [1, 2, 0]),
        ([0.1, 0.9, 0.5], 2, [1, 2]),
        ([0.1, 0.9, 0.5], 10, [1, 2, 0]),
        ([0.5, 0.5, 0.5], 3, [0, 1, 2]),
        ([0.5, 0.500001, 0.500002], 3, [0, 1, 2]),  # the same, but for rounding in the sums
        ([0.5, 0.50002, 0.5], 3, [1, 0, 2]),
        ([-0.5, -0.1], 2, [1, 0]),
        ([], 3, []),
    ],
)
def test_the_best_come_first_and_ties_in_the_order_of_the_text(
    scores: list[float], k: int, expected: list[int]
) -> None:
    rows = np.arange(len(scores))
    assert best(rows, np.array(scores, np.float32), k).tolist() == expected


def test_ties_go_by_row_whatever_their_place() -> None:
    assert best(np.array([7, 3, 5]), np.array([0.5, 0.5, 0.5], np.float32), 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("dense", "lexical", "clauses", "far"),
    [
        (0.2, 0.0, 150, True),
        (0.3, 0.0, 150, False),
        (0.3, 0.0, 14_000, True),  # the more clauses, the nearer the nearest by chance
        (0.43, 0.0, 10**9, False),
        (0.0, 0.25, 150, False),  # its words are there
        (0.0, 0.24, 150, True),
        (0.0, 0.0, 0, True),
    ],
)
def test_a_query_is_far_when_no_clause_is_near_and_few_of_its_words_are_there(
    dense: float, lexical: float, clauses: int, far: bool
) -> None:
    assert is_far(candidates((dense, lexical, 0.9, 0.9, 0.9), (-0.1, 0, 0, 0, 0)), clauses) is far


def test_a_query_without_candidates_is_far() -> None:
    assert is_far(candidates(), 100)


@given(st.integers(1, 10**7))
def test_the_limit_of_near_grows_with_the_library(clauses: int) -> None:
    limit = min(0.11 + 0.07 * math.log10(clauses), 0.42)
    assert is_far(candidates((limit - 0.001, 0, 0, 0, 0)), clauses)
    assert not is_far(candidates((limit + 0.001, 0, 0, 0, 0)), clauses)
