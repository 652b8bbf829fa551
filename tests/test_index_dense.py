"""The nearest clauses are found, and their vectors come back as they were given."""

from __future__ import annotations

import time
from mmap import mmap
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from index import dense, sizing
from index.dense import DenseIndex, RowWriter
from index.encoder import Vectors, unit

# Rows turn away from the first by 0, 10, .. 70 degrees.
ANGLES = np.radians(np.arange(0, 80, 10))
ROWS = np.stack([np.cos(ANGLES), np.sin(ANGLES), np.zeros(8)], axis=1).astype(np.float32)
FIRST = ROWS[0]


def stored(folder: Path, *parts: Vectors) -> DenseIndex:
    with RowWriter(folder) as writer:
        for part in parts:
            writer.add(part)
    dense.write_codes(folder, parts[0].shape[1])
    return DenseIndex(folder, parts[0].shape[1])


@pytest.fixture
def index(tmp_path: Path) -> DenseIndex:
    return stored(tmp_path / "clauses", ROWS[:3], ROWS[3:])


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
    expected = np.argsort(-(rows @ query), kind="stable")[:20]
    assert stored(tmp_path / "many", rows).search(query, 20).tolist() == expected.tolist()


def test_one_clause_is_an_index_too(tmp_path: Path) -> None:
    index = stored(tmp_path / "one", ROWS[:1])
    assert index.search(ROWS[7], 10).tolist() == [0]


PIECE = 1024
MANY = 5 * PIECE + 300


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.sizing.EXACT", PIECE)
    monkeypatch.setattr("index.sizing.PIECE", PIECE)


def clustered(count: int, dim: int = 64) -> Vectors:
    """Vectors that gather around a few hundred topics, as clauses do."""
    random = np.random.default_rng(3)
    topics = random.standard_normal((300, dim))
    noise = random.standard_normal((count, dim))
    return unit((topics[random.integers(0, 300, count)] + 0.7 * noise).astype(np.float32))


def nearest(rows: Vectors, query: Vectors, limit: int, first: int = 0) -> list[int]:
    return [first + int(i) for i in np.argsort(-(rows @ query), kind="stable")[:limit]]


@pytest.mark.parametrize(
    ("clauses", "sizes"),
    [
        (0, []),
        (1, []),
        (65_536, []),
        (65_537, [65_536]),
        (65_536 + 16_383, [65_536]),
        (65_536 + 16_384, [65_536, 16_384]),
        (131_072, [65_536] * 2),
        (1_000_000, [65_536] * 15 + [16_960]),
    ],
)
def test_the_rule_is_exact_up_to_a_size_and_codes_for_each_piece(
    clauses: int, sizes: list[int]
) -> None:
    ranges = sizing.coded(clauses)
    assert [last - first for first, last in ranges] == sizes
    assert [first for first, _ in ranges] == [65_536 * i for i in range(len(sizes))]


@pytest.mark.parametrize(
    ("clauses", "files"),
    [(PIECE, []), (PIECE + 1, [PIECE]), (MANY, [PIECE] * 5 + [300])],
)
def test_codes_are_made_by_the_rule(
    tmp_path: Path, small_pieces: None, clauses: int, files: list[int]
) -> None:
    stored(tmp_path / "clauses", clustered(clauses))
    found = sorted((tmp_path / "clauses").glob("*.faiss"))
    assert [faiss.read_index(str(path)).ntotal for path in found] == files


def test_by_codes_the_ten_nearest_are_found_in_their_exact_order(
    tmp_path: Path, small_pieces: None
) -> None:
    rows = clustered(MANY)
    index = stored(tmp_path / "clauses", rows[:100], rows[100:])
    for query in rows[::53]:
        assert index.search(query, 100)[:10].tolist() == nearest(rows, query, 10)
    assert np.array_equal(index.vectors(0, MANY), rows)


@pytest.mark.parametrize(
    "within",
    [
        (0, MANY),
        (0, 10),
        (7, PIECE + 7),
        (PIECE, 2 * PIECE),
        (PIECE - 1, 3 * PIECE + 1),
        (2 * PIECE, MANY),
        (MANY - 5, MANY),
    ],
)
def test_by_codes_a_range_keeps_to_its_rows_and_misses_none_of_the_best(
    tmp_path: Path, small_pieces: None, within: tuple[int, int]
) -> None:
    rows = clustered(MANY)
    index = stored(tmp_path / "clauses", rows)
    first, last = within
    for query in clustered(MANY + 20)[MANY:]:
        found = index.search(query, 100, within)
        assert len(set(found.tolist())) == min(100, last - first)
        assert first <= found.min() <= found.max() < last
        assert found[:10].tolist() == nearest(rows[first:last], query, 10, first)


@pytest.mark.parametrize("limit", [MANY, MANY + 1, 10**6])
def test_by_codes_asking_for_all_gives_all_once(
    tmp_path: Path, small_pieces: None, limit: int
) -> None:
    rows = clustered(MANY)
    index = stored(tmp_path / "clauses", rows)
    found = index.search(rows[17], limit).tolist()
    assert sorted(found) == list(range(MANY))
    assert found == nearest(rows, rows[17], MANY)


def test_by_codes_ties_go_by_row(tmp_path: Path, small_pieces: None) -> None:
    rows = clustered(MANY)
    same = [3, 900, PIECE + 5, 4 * PIECE, MANY - 1]
    rows[same] = rows[3]
    assert stored(tmp_path / "clauses", rows).search(rows[3], 20)[:5].tolist() == same


def test_whichever_thread_looks_where_the_same_is_found(
    tmp_path: Path, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = clustered(MANY, 4)
    rows[::3] = rows[0]  # many equal codes, more than are wanted of a piece
    index = stored(tmp_path / "clauses", rows)
    look, random = dense._in_piece, np.random.default_rng(5)

    def slowly(*given: Any) -> Any:
        time.sleep(random.uniform(0, 0.002))
        return look(*given)

    monkeypatch.setattr(dense, "usable_cores", lambda: 1)
    alone = index.search(rows[1], 150).tolist()
    monkeypatch.setattr(dense, "_in_piece", slowly)
    monkeypatch.setattr(dense, "usable_cores", lambda: 3)
    for _ in range(20):
        assert index.search(rows[1], 150).tolist() == alone


def test_a_sentence_repeated_through_the_library_does_not_hide_the_others(
    tmp_path: Path, small_pieces: None
) -> None:
    """Equal vectors have equal codes: as many as are wanted of them, and then the next."""
    rows = clustered(MANY)
    rows[::4] = rows[0]
    found = stored(tmp_path / "clauses", rows).search(rows[0], 50)
    assert {i % 4 for i in found.tolist()} == {0}


@pytest.mark.parametrize("dim", [3, 5, 30, 384])
def test_any_width_has_codes(tmp_path: Path, small_pieces: None, dim: int) -> None:
    rows = clustered(PIECE + 50, dim)
    found = stored(tmp_path / "clauses", rows).search(rows[40], 100)
    assert found[0] == 40
    assert (tmp_path / "clauses" / "00000.faiss").exists()


def test_equal_vectors_make_equal_files_on_any_number_of_threads(
    tmp_path: Path, small_pieces: None
) -> None:
    rows = clustered(MANY)
    threads = faiss.omp_get_max_threads()
    try:
        for name, count in (("one", 1), ("two", 2)):
            faiss.omp_set_num_threads(count)
            stored(tmp_path / name, rows)
            assert faiss.omp_get_max_threads() == count
    finally:
        faiss.omp_set_num_threads(threads)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_vectors_are_mapped_not_read(index: DenseIndex) -> None:
    array: object = index.vectors(0, 3)
    while (base := getattr(array, "base", None)) is not None:
        array = base
    assert isinstance(array, mmap)
