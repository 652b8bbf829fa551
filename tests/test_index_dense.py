"""The FAISS side finds the nearest clauses and gives back the vectors it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index import dense
from index.dense import DenseIndex
from index.encoder import Vectors, unit

# Rows turn away from the first by 0, 10, .. 70 degrees.
ANGLES = np.radians(np.arange(0, 80, 10))
ROWS = np.stack([np.cos(ANGLES), np.sin(ANGLES), np.zeros(8)], axis=1).astype(np.float32)
FIRST = ROWS[0]


@pytest.fixture
def index(tmp_path: Path) -> DenseIndex:
    dense.write(tmp_path / "clauses.faiss", ROWS)
    return DenseIndex(tmp_path / "clauses.faiss")


def test_size_and_width_are_those_written(index: DenseIndex) -> None:
    assert (index.size, index.dim) == (8, 3)


def test_stored_vectors_come_back_bit_for_bit(index: DenseIndex) -> None:
    assert np.array_equal(index.vectors(0, 8), ROWS)
    assert np.array_equal(index.vectors(2, 5), ROWS[2:5])
    assert index.vectors(0, 8).dtype == np.float32


def test_the_nearest_come_first(index: DenseIndex) -> None:
    assert index.search(FIRST, 3).tolist() == [0, 1, 2]
    assert index.search(-FIRST, 2).tolist() == [7, 6]


@pytest.mark.parametrize("limit", [8, 9, 1000])
def test_asking_for_more_than_there_is_gives_all_and_no_padding(
    index: DenseIndex, limit: int
) -> None:
    assert index.search(FIRST, limit).tolist() == list(range(8))


@pytest.mark.parametrize("limit", [0, -1])
def test_asking_for_none_gives_none(index: DenseIndex, limit: int) -> None:
    assert index.search(FIRST, limit).tolist() == []


@pytest.mark.parametrize(
    ("within", "limit", "expected"),
    [
        ((3, 6), 2, [3, 4]),
        ((3, 6), 10, [3, 4, 5]),
        ((7, 8), 1, [7]),
        ((4, 4), 5, []),
        ((0, 0), 5, []),
        ((0, 8), 3, [0, 1, 2]),
    ],
)
def test_a_range_keeps_to_its_rows(
    index: DenseIndex, within: tuple[int, int], limit: int, expected: list[int]
) -> None:
    assert index.search(FIRST, limit, within).tolist() == expected


def test_searching_leaves_the_query_as_it_was(index: DenseIndex) -> None:
    query = np.array([3.0, 4.0, 0.0], np.float32)
    index.search(query, 3)
    assert query.tolist() == [3.0, 4.0, 0.0]


def test_order_is_that_of_the_inner_product(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    rows: Vectors = unit(random.standard_normal((500, 48)).astype(np.float32))
    query = unit(random.standard_normal(48).astype(np.float32))
    dense.write(tmp_path / "many.faiss", rows)
    expected = np.argsort(-(rows @ query), kind="stable")[:20]
    assert DenseIndex(tmp_path / "many.faiss").search(query, 20).tolist() == expected.tolist()


def test_one_clause_is_an_index_too(tmp_path: Path) -> None:
    dense.write(tmp_path / "one.faiss", ROWS[:1])
    index = DenseIndex(tmp_path / "one.faiss")
    assert index.search(ROWS[7], 10).tolist() == [0]
