"""Files of numbers are mapped, and take memory only while they are looked at."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import numpy as np
import pytest

from index import encodings
from index.encoder import Vectors
from index.encodings import Encodings, EncodingWriter
from index.late import Tokens
from index.mapped import held, let_go, mapped
from index.store import LateMatches, PassageVectors

needs_linux = pytest.mark.skipif(
    not Path("/proc/self/smaps").exists() or not hasattr(mmap, "MADV_DONTNEED"),
    reason="the system does not tell what it maps",
)


def resident(file: Path) -> int:
    """Bytes of a mapped file that are counted as memory of this process."""
    maps = Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace")
    parts = re.findall(rf"{re.escape(str(file))}\n(?:.*\n)*?Rss: +(\d+) kB", maps)
    return sum(map(int, parts)) * 1024


@pytest.mark.parametrize(("size", "rows"), [(0, 0), (7, 0), (8, 1), (23, 2)])
def test_what_does_not_fill_a_row_is_passed_over(tmp_path: Path, size: int, rows: int) -> None:
    (tmp_path / "numbers").write_bytes(bytes(range(size)))
    assert mapped(tmp_path / "numbers", "<f4", 2).shape == (rows, 2)


@needs_linux
def test_what_was_looked_at_is_let_go_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "numbers"
    np.arange(4_000_000, dtype="<i8").tofile(file)
    numbers = mapped(file, "<i8")
    part, before = numbers[2_000_000:], held()
    assert numbers.sum() == 7_999_998_000_000
    assert resident(file) >= 32_000_000
    assert held() - before == pytest.approx(32_000_000, rel=0.1)
    let_go(numbers[10:20])
    assert resident(file) == 0
    assert held() - before < 3_000_000
    assert part[0] == 2_000_000
    assert 0 < resident(file) < 4_000_000


@pytest.mark.parametrize("array", [np.ones(3), np.zeros(0)])
def test_an_array_that_is_not_mapped_stays(array: Vectors) -> None:
    let_go(array)
    assert array.all()


def test_where_the_system_is_silent_nothing_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.mapped._OWN", tmp_path / "statm")
    assert held() == 0


@needs_linux
def test_what_was_read_of_an_index_is_let_go_when_it_is_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    codes = random.integers(-127, 127, (200, 64), np.int8)
    tokens = Tokens(codes, np.ones(200, np.float32), np.zeros((200, 2), np.int32))
    clauses = random.standard_normal((50, 64)).astype(np.float32)
    with EncodingWriter(tmp_path, 64) as writer:
        for _ in range(50):
            writer.add(PassageVectors(clauses, tokens, (tokens,) * 50), bytes(16))
        writer.finish()
    found = Encodings.open(tmp_path, 64)
    query = random.standard_normal((5, 64)).astype(np.float32)
    parts = [encodings.PASSAGE_TOKENS, encodings.CLAUSE_TOKENS]
    files = [tmp_path / part / "codes.bin" for part in parts]
    files.append(tmp_path / encodings.CLAUSES / "rows.bin")

    def read() -> LateMatches:
        found.dense.search(clauses[0], 3)
        first, *_ = found.matches(np.arange(31), query)
        assert all(resident(file) > 0 for file in files)
        return first

    def is_let_go() -> bool:
        small = all(resident(file) < 4_000_000 for file in files)
        return small and resident(files[1]) < files[1].stat().st_size / 8

    first = read()
    assert not is_let_go()
    monkeypatch.setattr(encodings, "_MOST", 1)
    [again] = found.matches(np.array([0]), query)
    assert is_let_go()
    assert np.array_equal(again.clauses, first.clauses)
    assert np.array_equal(again.passage.cosines, first.passage.cosines)
    monkeypatch.setattr(encodings, "_MOST", 10**12)
    read()
    monkeypatch.setattr(encodings, "_MOST", 1)
    for _ in range(32):
        found.passage(0)
    assert is_let_go()
