"""Both stores keep one contract: the same passages, order, scores and evidence from either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from index.build import build
from index.copying import compare, copy
from index.encoder import Encoded, Side
from index.hits import MODES, Mode
from index.home import Home
from index.search import Searcher
from index.stores import open_current, store_of
from kb.changing import install_shipped
from kb.errors import (
    EncoderMismatch,
    GenerationExists,
    IndexMissing,
    LibraryEmpty,
    NoEarlierGeneration,
    RebuildRunning,
    UnknownDocument,
    UnknownSection,
)
from tests import milvus
from tests.conftest import new_home
from tests.fakes import HashEncoder
from tests.milvus import same
from web.cli import main

QUESTIONS = (
    "劳动争议", "外卖送餐员休息", "三公经费", "2573万元", "健步走 書畫", "brown fox", "😀", "工",
    "工会" * 100, '经费 "三公"', '"为快递小哥"', '"为 快递小哥"', '"quick brown" fox',
    '"并不在任何文件里"', "困难职工帮扶了多少人",
    "a" * 200, "xylophone",
)  # fmt: skip
ENCODER = HashEncoder()


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    with milvus.patience():
        yield


@pytest.fixture(params=["local", "milvus"])
def any_home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """The mini reports, their index kept by one store and then by the other."""
    home = new_home(tmp_path / "home")
    if request.param == "local":
        yield home
        return
    with milvus.database(request.getfixturevalue("milvus_server")) as address:
        yield replace(home, store=address)


@pytest.fixture(scope="module")
def pair(
    milvus_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Searcher, Searcher]]:
    """Searchers over the mini reports and the shipped one, local and in Milvus."""
    home = new_home(tmp_path_factory.mktemp("pair") / "home")
    install_shipped(home.documents.parent / "shipped")
    for report in (home.documents.parent / "shipped").iterdir():
        report.rename(home.documents / report.name)
    with milvus.database(milvus_server) as address:
        there = replace(home, store=address)
        build(home, ENCODER)
        build(there, ENCODER)
        with (
            closing(Searcher.open(home, ENCODER)) as one,
            closing(Searcher.open(there, ENCODER)) as other,
        ):
            yield one, other


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_both_stores_answer_alike(
    pair: tuple[Searcher, Searcher], question: str, mode: Mode
) -> None:
    for k in (1, 10, 1000):
        same(*(searcher.search(question, k=k, mode=mode) for searcher in pair))


@pytest.mark.parametrize("mode", MODES)
def test_both_stores_keep_to_a_scope_alike(pair: tuple[Searcher, Searcher], mode: Mode) -> None:
    """Every document and every section of it, those without a passage of their own too."""
    for document in pair[0].documents:
        for number in (None, *range(len(pair[0].document(document.id).outline))):
            found = [
                each.search("职工的收入", k=20, mode=mode, document=document.id, section=number)
                for each in pair
            ]
            same(*found)


def test_both_stores_hold_the_same_library(pair: tuple[Searcher, Searcher]) -> None:
    one, other = pair
    assert one.documents == other.documents
    assert one.skipped == other.skipped
    for document in one.documents:
        assert one.document(document.id) == other.document(document.id)
        assert one.passages(document.id) == other.passages(document.id)
    for searcher in pair:
        with pytest.raises(UnknownDocument):
            searcher.search("工会", document="nowhere")
        with pytest.raises(UnknownSection):
            searcher.search("工会", document=one.documents[0].id, section=999)


def test_nothing_becomes_an_index(any_home: Home) -> None:
    """A store that was never built into is missing, and an empty library changes nothing."""
    store = store_of(any_home)
    assert (store.current(), store.names(), store.others()) == (None, [], [])
    with pytest.raises(IndexMissing):
        Searcher.open(any_home, ENCODER)
    with pytest.raises(IndexMissing):
        store.rollback()
    for file in any_home.documents.iterdir():
        file.unlink()
    (any_home.documents / "empty.txt").write_text("")
    with pytest.raises(LibraryEmpty):
        build(any_home, ENCODER)
    assert (store.current(), store.names()) == (None, [])


def test_generations_follow_one_another(any_home: Home) -> None:
    """Two are kept, what did not change is not embedded again, and there is a way back."""
    store = store_of(any_home)
    first = build(any_home, ENCODER)
    assert first.encoded == first.counts.passages
    assert (store.current(), store.names()) == (first.generation, [first.generation])
    with pytest.raises(NoEarlierGeneration):
        store.rollback()
    (any_home.documents / "sports.txt").write_text("另一份总结\n\n歌咏比赛。\n", encoding="utf-8")
    (any_home.documents / "union.txt").unlink()
    second = build(any_home, ENCODER)
    assert second.encoded == 2  # its title, its text
    assert (second.changes.changed, second.changes.removed) == (("sports.txt",), ("union.txt",))
    assert store.names() == [second.generation, first.generation]
    with closing(Searcher.open(any_home, ENCODER)) as searcher:
        assert searcher.generation == second.generation
        assert [d.name for d in searcher.documents] == ["budget.md", "sports.txt"]
        assert "歌咏比赛" in searcher.search("歌咏比赛", k=1).hits[0].passage.text
    assert store.rollback() == first.generation
    assert store.current() == first.generation
    with closing(Searcher.open(any_home, ENCODER)) as searcher:
        assert [d.name for d in searcher.documents] == ["budget.md", "sports.txt", "union.txt"]
    third = build(any_home, ENCODER)
    assert store.names() == [third.generation, first.generation]
    assert store.others() == [first.generation]


def test_a_file_that_is_left_out_is_told(any_home: Home) -> None:
    (any_home.documents / "broken.pdf").write_bytes(b"%PDF-1.7 not one")
    report = build(any_home, ENCODER)
    with closing(Searcher.open(any_home, ENCODER)) as searcher:
        assert searcher.skipped == report.skipped
        assert [each.name for each in searcher.skipped] == ["broken.pdf"]


def test_another_encoder_is_refused(any_home: Home) -> None:
    build(any_home, ENCODER)
    with pytest.raises(EncoderMismatch) as error:
        Searcher.open(any_home, HashEncoder("another"))
    assert (error.value.built_by, error.value.present) == ("hash-encoder 1", "another")
    rebuilt = build(any_home, HashEncoder("another"))
    assert rebuilt.encoded == rebuilt.counts.passages


def test_one_build_runs_at_a_time(any_home: Home) -> None:
    store = store_of(any_home)
    with store.alone(), pytest.raises(RebuildRunning):
        build(any_home, ENCODER)
    build(any_home, ENCODER)


def test_an_encoder_without_token_vectors_searches_all_the_same(any_home: Home) -> None:
    class Tokenless(HashEncoder):
        def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
            empty = np.zeros((0, self.dim), np.float32), np.zeros((0, 2), np.int32)
            return [Encoded(e.vector, *empty) for e in super().encode(texts, side)]

    encoder = Tokenless("tokenless 1")
    build(any_home, encoder)
    with closing(Searcher.open(any_home, encoder)) as searcher:
        hit = searcher.search("劳动争议案件").hits[0]
    assert "劳动争议" in hit.passage.text
    assert hit.signals.late == 0
    assert hit.evidence


def test_an_index_travels_to_milvus_and_back(milvus_server: str, tmp_path: Path) -> None:
    """Under its own name, equal to the last bit, and never over one that is there."""
    home = new_home(tmp_path / "home")
    (home.documents / "broken.pdf").write_bytes(b"%PDF-1.7 not one")
    made = build(home, ENCODER).generation
    back = Home(tmp_path / "back", home.documents)
    with milvus.database(milvus_server) as address:
        there = replace(home, store=address)
        assert copy(store_of(home), store_of(there)) == made
        assert copy(store_of(there), store_of(back)) == made
        with pytest.raises(GenerationExists):
            copy(store_of(there), store_of(home))
        with closing(open_current(store_of(home), ENCODER)) as source:
            for each in (there, back):
                with closing(open_current(store_of(each), ENCODER)) as copied:
                    compare(source, copied)
        with (
            closing(Searcher.open(home, ENCODER)) as one,
            closing(Searcher.open(back, ENCODER)) as other,
        ):
            for question in QUESTIONS:
                same(one.search(question), other.search(question))


def test_the_command_copies_both_ways(
    milvus_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its whole output is the generation; one that is there already is an error."""
    home = new_home(tmp_path / "home")
    made = build(home, ENCODER).generation
    back = Home(tmp_path / "back", home.documents)

    def kb_copy(root: Path, target: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["--home", str(root), "copy", "--to", target])
        return result.exit_code, result.stdout

    with milvus.database(milvus_server) as address:
        monkeypatch.delenv("KB_STORE", raising=False)
        assert kb_copy(home.root, address) == (0, f"{made}\n")
        assert kb_copy(home.root, address) == (1, "")
        assert kb_copy(home.root, "milvus://nowhere")[0] != 0
        monkeypatch.setenv("KB_STORE", address)
        assert kb_copy(back.root, "local") == (0, f"{made}\n")
    assert store_of(back).current() == made
