"""The text store gives back documents and passages exactly, and writes nothing."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index import texts
from index.hits import DocumentSummary
from index.texts import TextStore
from index.textwriter import TextWriter
from kb import library
from kb.errors import UnknownDocument, UnknownSection
from kb.library import Skipped
from kb.passages import cut
from kb.types import Clause, Document, Passage, Section, Span
from tests.conftest import REPORTS

BROKEN = Skipped("断.pdf", "it is a broken PDF", "ab12")

PAGED = Document(
    id="paged",
    name="年度/报告😀.pdf",
    title="年度报告",
    text="年度报告😀\n\n一、收入\n\n全年收入1.04亿元。\n余额“为零”。",
    outline=(
        Section("年度报告", "title", 0, 0, 5, Span(0, 5), (), ()),
        Section("一、收入", "section", 1, 7, 32, Span(7, 11), (Span(13, 24),), ("年度报告",)),
    ),
    fingerprint="ab" * 32,
    author="财务部",
    date="2021-05",
    pages=(0, 7),
)
PASSAGE = Passage(
    id="paged-1",
    document_id="paged",
    kind="section",
    headings=("一、收入",),
    text=PAGED.text[13:],
    start=13,
    end=len(PAGED.text),
    clauses=(
        Clause("全年收入1.04亿元。", 13, 24),
        Clause("余额“为零”。", 25, 32),
    ),
    page=2,
    paragraph=3,
)


def written(path: Path, *documents: tuple[Document, tuple[Passage, ...]]) -> TextStore:
    writer = TextWriter(path)
    for document, passages in documents:
        writer.add(document, passages)
    writer.skip([Skipped("旧.doc", "its type .doc is not supported"), BROKEN])
    writer.close()
    return TextStore(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TextStore]:
    """Two documents: a paged one of one passage and one without passages."""
    empty = dataclasses.replace(PAGED, id="empty", name="空.txt", author=None, pages=())
    with closing(written(tmp_path / "texts.sqlite", (PAGED, (PASSAGE,)), (empty, ()))) as store:
        yield store


def test_documents_and_passages_come_back_as_they_went_in(store: TextStore) -> None:
    assert store.document("paged") == PAGED
    assert store.passages(0, 1) == [PASSAGE]
    assert store.document("empty").author is None
    assert store.document("empty").pages == ()


def test_every_mini_report_comes_back_as_it_was_cut(tmp_path: Path) -> None:
    for name, text in REPORTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    documents = [library.load(source) for source in library.find(tmp_path).sources]
    rows = ((document, cut(document)) for document in documents)
    with closing(written(tmp_path / "texts.sqlite", *rows)) as store:
        for document in documents:
            _, first, last = store.rows(document.id)
            assert store.document(document.id) == document
            assert tuple(store.passages(first, last)) == cut(document)


def test_summaries_count_what_a_document_holds(store: TextStore) -> None:
    assert store.documents == (
        DocumentSummary(
            "paged", "年度/报告😀.pdf", "年度报告", 32, 2, 1, 2, "ab" * 32, "财务部", "2021-05"
        ),
        DocumentSummary("empty", "空.txt", "年度报告", 32, 2, 0, 0, "ab" * 32, None, "2021-05"),
    )
    assert store.summary("empty") == store.documents[1]
    assert store.rows("paged") == (0, 0, 1)
    assert store.rows("empty") == (1, 1, 1)


def test_the_passages_of_a_section_are_its_own_and_those_below(tmp_path: Path) -> None:
    (tmp_path / "union.txt").write_text(REPORTS["union.txt"], encoding="utf-8")
    (source,) = library.find(tmp_path).sources
    document = library.load(source)
    with closing(written(tmp_path / "texts.sqlite", (document, cut(document)))) as store:
        for number, section in enumerate(document.outline):
            found, rows = store.section(document.id, number)
            assert found == section
            inside = store.passages(rows.first, rows.last)
            assert inside == [
                p for p in cut(document) if section.start <= p.start and p.end <= section.end
            ]
        assert [p.headings for p in inside] == [("二、服务户外劳动者",)]


def test_a_section_may_have_no_passage_and_must_exist(store: TextStore) -> None:
    assert store.section("empty", 0)[1] == (1, 1, 1)
    for number in (-1, 2):
        with pytest.raises(UnknownSection) as error:
            store.section("paged", number)
        assert (error.value.document_id, error.value.number) == ("paged", number)
    with pytest.raises(UnknownDocument):
        store.section("nowhere", 0)


def test_what_was_skipped_is_remembered(store: TextStore) -> None:
    assert store.skipped == (Skipped("旧.doc", "its type .doc is not supported"), BROKEN)


@pytest.mark.parametrize("ask", ["document", "summary", "rows"])
def test_an_unknown_id_is_named(store: TextStore, ask: str) -> None:
    with pytest.raises(UnknownDocument) as error:
        getattr(store, ask)("nowhere")
    assert error.value.document_id == "nowhere"


def test_batches_give_every_row_once_and_in_order(tmp_path: Path) -> None:
    numbered = tuple(dataclasses.replace(PASSAGE, id=f"paged-{i}", paragraph=i) for i in range(7))
    with closing(written(tmp_path / "texts.sqlite", (PAGED, numbered))) as store:
        batches = list(store.batches(3))
    assert [[row for row, _ in batch] for batch in batches] == [[0, 1, 2], [3, 4, 5], [6]]
    assert tuple(passage for batch in batches for _, passage in batch) == numbered


def test_a_digest_finds_the_passage_of_equal_text_and_cuts(store: TextStore) -> None:
    moved = dataclasses.replace(
        PASSAGE,
        id="elsewhere",
        start=113,
        end=132,
        clauses=tuple(Clause(c.text, c.start + 100, c.end + 100) for c in PASSAGE.clauses),
    )
    recut = dataclasses.replace(PASSAGE, clauses=(Clause(PASSAGE.text, 13, 32),))
    assert store.find(texts.digest(moved)) == 0
    assert store.find(texts.digest(recut)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(PASSAGE, start=12),
        dataclasses.replace(PASSAGE, clauses=(Clause("全年收入", 14, 18),)),
    ],
    ids=["passage", "clause"],
)
def test_a_span_that_is_not_its_text_is_refused(tmp_path: Path, wrong: Passage) -> None:
    writer = TextWriter(tmp_path / "texts.sqlite")
    with pytest.raises(ValueError, match="is not its text"):
        writer.add(PAGED, (wrong,))
    writer.close()


def test_opening_changes_nothing_on_disk_and_the_store_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "texts.sqlite"
    with closing(written(path, (PAGED, (PASSAGE,)))) as store:
        before = path.read_bytes()
        store.passages(0, 1)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._all("DELETE FROM passages")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["texts.sqlite"]


@pytest.mark.parametrize("data", [b"", b"noise" * 999])
def test_a_damaged_file_is_not_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    """A server that looks at it again and again would come to its limit of open files."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def watched(*given: Any, **more: Any) -> sqlite3.Connection:
        opened.append(connect(*given, **more))
        return opened[-1]

    monkeypatch.setattr("index.texts.sqlite3.connect", watched)
    (tmp_path / "texts.sqlite").write_bytes(data)
    with pytest.raises(sqlite3.DatabaseError):
        TextStore(tmp_path / "texts.sqlite")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_many_threads_read_at_once(store: TextStore) -> None:
    found: list[bool] = []

    def read() -> None:
        found.extend(store.passages(0, 1) == [PASSAGE] for _ in range(50))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 400


def test_passages_read_again_are_the_same_and_few_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order asked for, some of them known and some not."""
    monkeypatch.setattr(texts, "_RECENT", 3)
    passages = tuple(dataclasses.replace(PASSAGE, id=f"paged-{i}") for i in range(8))
    with closing(written(tmp_path / "texts.sqlite", (PAGED, passages))) as store:
        for rows in ([0, 1], [5, 1, 0], list(range(8)), [7, 2, 7], []):
            assert store.passages_at(rows) == [passages[row] for row in rows]
            assert len(store._recent) <= 3
        store.close()
        assert store.passages_at([7]) == [passages[7]]
