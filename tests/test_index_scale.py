"""A large library is built in the memory of a small one, and what codes lead to is what is near."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from index import encodings, generation, sizing
from index.build import build
from index.encoder import Encoded
from index.home import Home
from index.search import Searcher
from index.snapshot import Snapshot
from index.stores import open_current, store_of
from kb.changing import install_shipped
from tests.benchmarks import multiplied
from tests.benchmarks.bulk import exact
from tests.benchmarks.multiplied import Multiplied, Original, Shelf
from tests.fakes import HashEncoder

PIECE = 4096
QUESTIONS = [
    "劳动争议调解了多少件",
    "快递小哥在哪里休息",
    "困难职工的帮扶",
    "健步走和书画展",
    "经费预算",
    "工会组织建设",
    "职工书屋",
    "技能比赛",
    "集体协商",
    "1.04亿元",
]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.sizing.EXACT", PIECE)
    monkeypatch.setattr("index.sizing.PIECE", PIECE)


@pytest.fixture
def documents(tmp_path: Path) -> list[Original]:
    """The shipped report alone."""
    install_shipped(tmp_path / "shipped")
    return list(multiplied.originals(tmp_path / "shipped", 100))


def encoder(documents: list[Original], folder: Path) -> Multiplied:
    multiplied.multiply(documents, folder / "seen", 3 * documents[0].clauses)
    texts = multiplied.texts(folder / "seen")
    Shelf.of(folder / "texts", texts, HashEncoder(), "document")
    Shelf.of(folder / "queries", QUESTIONS, HashEncoder(), "query")
    return Multiplied.open(folder)


def built(documents: list[Original], clauses: int, folder: Path, encoder: Multiplied) -> Home:
    home = Home(folder, folder / "documents")
    folder.mkdir()
    multiplied.multiply(documents, home.documents, clauses)
    build(home, encoder)
    return home


def test_of_twenty_thousand_clauses_codes_find_what_an_exact_search_finds(
    tmp_path: Path, small_pieces: None, documents: list[Original]
) -> None:
    fake = encoder(documents, tmp_path)
    home = built(documents, 20_000, tmp_path / "home", fake)
    reader = open_current(store_of(home), fake)
    assert isinstance(reader, Snapshot)
    with closing(reader):
        assert reader.encodings.clauses >= 20_000
        codes = (generation.folder(home, reader.name) / encodings.CLAUSES).glob("*.faiss")
        assert len(list(codes)) == 5
        ours, theirs = Searcher(reader, fake), Searcher(exact(home, reader), fake)
        one = ours.documents[7].id
        shares = []
        for question in QUESTIONS:
            assert (
                ours.search(question, document=one).hits
                == theirs.search(question, document=one).hits
            )
            found, wanted = (
                {hit.passage.id for hit in each.search(question, mode="dense").hits}
                for each in (ours, theirs)
            )
            shares.append(len(found & wanted) / 10)
    assert np.mean(shares) >= 0.97


def peaks(folder: Path, sizes: Sequence[int]) -> list[int]:
    """The most bytes that Python held in a build of each size, as a process of its own has it."""
    sizing.EXACT = sizing.PIECE = PIECE
    install_shipped(folder / "shipped")
    documents = list(multiplied.originals(folder / "shipped", 100))
    fake = encoder(documents, folder)
    found = []
    for clauses in sizes:
        tracemalloc.start()
        built(documents, clauses, folder / str(clauses), fake)
        found.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return found


def test_a_build_of_three_times_the_clauses_needs_no_more_memory(tmp_path: Path) -> None:
    """Of the vectors of 20,000 clauses more, 5 MB alone, nothing is kept."""
    sizes = (10_000, 30_000)  # fewer do not fill what is read at a time
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        small, large = alone.submit(peaks, tmp_path, sizes).result()
    assert large < small + 1_000_000


def test_a_copy_has_other_numbers_and_the_cuts_of_its_original(
    tmp_path: Path, documents: list[Original]
) -> None:
    multiplied.multiply(documents, tmp_path / "copies", 3 * documents[0].clauses)
    first, second, third = sorted((tmp_path / "copies").iterdir())
    texts = [path.read_text(encoding="utf-8") for path in (first, second, third)]
    assert len(set(texts)) == 3
    assert len({multiplied.masked(text) for text in texts}) == 1
    assert texts[0].splitlines()[0].endswith("（第00000号）")
    assert texts[2].splitlines()[0].endswith("（第00002号）")


def test_the_first_copy_has_the_vector_of_its_original_and_others_come_near(
    tmp_path: Path,
) -> None:
    texts = ["甲乙丙丁", "戊己庚辛", "子丑寅卯12件"]
    Shelf.of(tmp_path / "texts", [multiplied.masked(t) for t in texts], HashEncoder(), "document")
    Shelf.of(tmp_path / "queries", ["甲乙"], HashEncoder(), "query")
    fake = Multiplied.open(tmp_path)
    originals = HashEncoder().encode([multiplied.masked(text) for text in texts], "document")
    for number in (12, 34, 56):
        copies = fake.encode([*texts[:2], f"子丑寅卯{number}件"], "document")
        cosines = [_cosine(*pair) for pair in zip(copies, originals, strict=True)]
        assert cosines == pytest.approx([1.0] * 3) if number == 12 else min(cosines) > 0.7
        assert copies[2].spans.tolist() == originals[2].spans.tolist()
    with pytest.raises(KeyError):
        fake.encode(["别的"], "document")
    assert fake.encode(["甲乙"], "query")[0].vector.tolist() == (
        HashEncoder().encode(["甲乙"], "query")[0].vector.tolist()
    )


def _cosine(one: Encoded, other: Encoded) -> float:
    return float(one.vector @ other.vector)
