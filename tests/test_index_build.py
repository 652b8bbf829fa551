"""A build reads the library, embeds what is new, and publishes one whole generation."""

from __future__ import annotations

import dataclasses
import os
import pkgutil
import shutil
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index import generation
from index.build import BuildReport, Changes, Counts, Progress, build
from index.encoder import Encoded, Side
from index.home import Home
from index.local import LocalStore
from index.search import Searcher
from index.snapshot import Snapshot
from kb import library
from kb.errors import LibraryEmpty, RebuildRunning
from kb.library import Skipped, fingerprint
from kb.passages import cut
from kb.reading import Reading
from kb.types import Document
from tests.conftest import REPORTS
from tests.fakes import HashEncoder

NAMES = ("budget.md", "sports.txt", "union.txt")
STAGES = ("read", "encode", "index", "verify", "publish")


def documents_encoded(encoder: HashEncoder) -> int:
    """Texts that the encoder was given since it was made: passages and their clauses."""
    return sum(n for side, n in encoder.calls if side == "document")


def ids(home: Home, encoder: HashEncoder) -> list[str]:
    """Ids of all passages of the current generation, in order."""
    with closing(Searcher.open(home, encoder)) as searcher:
        return [p.id for d in searcher.documents for p in searcher.passages(d.id)]


def answers(home: Home, encoder: HashEncoder) -> list[object]:
    """What a reader gets for a few questions, times and generation left out."""
    with closing(Searcher.open(home, encoder)) as searcher:
        questions = ("劳动争议", "外卖送餐员休息", "收入", "2573万元")
        return [searcher.search(question).hits for question in questions]


def test_a_first_build_tells_what_it_made(home: Home, encoder: HashEncoder) -> None:
    report = build(home, encoder)
    documents = [library.load(source) for source in library.find(home.documents).sources]
    passages = [passage for document in documents for passage in cut(document)]
    assert report == BuildReport(
        generation=str(generation.current(home)),
        skipped=(),
        counts=Counts(
            documents=3,
            sections=sum(len(document.outline) for document in documents),
            passages=len(passages),
            clauses=sum(len(passage.clauses) for passage in passages),
        ),
        encoded=len(passages),
        changes=Changes(added=NAMES, changed=(), removed=(), unchanged=()),
        seconds=report.seconds,
    )
    assert tuple(stage for stage, _ in report.seconds) == STAGES
    assert all(seconds >= 0 for _, seconds in report.seconds)


def test_a_second_build_has_the_same_ids_figures_and_answers(
    home: Home, encoder: HashEncoder
) -> None:
    first = build(home, encoder)
    before = ids(home, encoder), answers(home, encoder)
    second = build(home, encoder)
    assert (ids(home, encoder), answers(home, encoder)) == before
    assert second.counts == first.counts
    assert second.generation == generation.current(home) != first.generation
    assert second.changes == Changes((), (), (), NAMES)
    assert second.encoded == 0


def test_a_build_from_nothing_has_the_same_files_but_for_the_manifest(
    home: Home, encoder: HashEncoder
) -> None:
    build(home, encoder)
    build(home, encoder, force=True)
    one, other = (generation.folder(home, name) for name in generation.names(home))
    for path in (p for p in one.rglob("*") if p.is_file()):
        # tantivy names its segments at random
        if path.name != "manifest.json" and path.parent.name != "lexical":
            assert (other / path.relative_to(one)).read_bytes() == path.read_bytes()


def test_only_changed_passages_are_embedded_again(home: Home, encoder: HashEncoder) -> None:
    build(home, encoder)
    path = home.documents / "union.txt"
    text = path.read_text(encoding="utf-8").replace("2700余件", "2800余件")
    path.write_text(text, encoding="utf-8")
    again = HashEncoder()
    report = build(home, again)
    assert report.changes == Changes((), ("union.txt",), (), ("budget.md", "sports.txt"))
    assert report.encoded == 1
    with closing(Searcher.open(home, again)) as searcher:
        [changed] = [
            p for d in searcher.documents for p in searcher.passages(d.id) if "2800余件" in p.text
        ]
    assert documents_encoded(again) == 1 + len(changed.clauses)


def test_an_added_and_a_removed_file_show(home: Home, encoder: HashEncoder) -> None:
    build(home, encoder)
    (home.documents / "sports.txt").unlink()
    (home.documents / "new").mkdir()
    (home.documents / "new/plan.txt").write_text("明年计划建设职工书屋二十家。\n", encoding="utf-8")
    report = build(home, encoder)
    assert report.changes == Changes(
        ("new/plan.txt",), (), ("sports.txt",), ("budget.md", "union.txt")
    )
    assert report.encoded == 1
    with closing(Searcher.open(home, encoder)) as searcher:
        assert [d.name for d in searcher.documents] == ["budget.md", "new/plan.txt", "union.txt"]
        assert searcher.search("职工书屋").hits[0].document.name == "new/plan.txt"
        assert all(h.document.name != "sports.txt" for h in searcher.search("健步走").hits)


def test_a_moved_passage_keeps_its_vectors_and_gets_its_new_place(
    home: Home, encoder: HashEncoder
) -> None:
    build(home, encoder)
    path = home.documents / "sports.txt"
    path.write_text("增加的一段话,放在前面。\n\n" + REPORTS["sports.txt"], encoding="utf-8")
    build(home, HashEncoder())
    with closing(Searcher.open(home, encoder)) as searcher:
        [document] = [d for d in searcher.documents if d.name == "sports.txt"]
        text = searcher.document(document.id).text
        for passage in searcher.passages(document.id):
            assert text[passage.start : passage.end] == passage.text
            for clause in passage.clauses:
                assert text[clause.start : clause.end] == clause.text


def opened(home: Home, encoder: HashEncoder) -> Snapshot:
    """The current generation, with all its parts."""
    return LocalStore(home).open(str(generation.current(home)), encoder)


def stored(home: Home, encoder: HashEncoder) -> list[list[object]]:
    """Every vector of the current generation: of clauses, of their tokens, of passages' tokens."""
    with closing(opened(home, encoder)) as snapshot:
        tokens = [
            store.text(row)
            for store in (snapshot.encodings.clause_tokens, snapshot.encodings.passage_tokens)
            for row in range(store.texts)
        ]
        arrays = [array for t in tokens for array in (t.codes, t.scales, t.spans)]
        return [
            array.tolist()
            for array in (
                snapshot.encodings.dense.vectors(0, snapshot.encodings.dense.size),
                *arrays,
            )
        ]


def test_vectors_taken_over_are_those_that_encoding_gives(home: Home, encoder: HashEncoder) -> None:
    build(home, encoder)
    (home.documents / "a first.txt").write_text("排在最前的新文件。\n", encoding="utf-8")
    assert build(home, encoder).encoded == 1
    reused = stored(home, encoder)
    build(home, encoder, force=True)
    assert stored(home, encoder) == reused


def test_force_embeds_everything_anew(home: Home, encoder: HashEncoder) -> None:
    first = build(home, encoder)
    again = HashEncoder()
    report = build(home, again, force=True)
    assert report.encoded == first.encoded == report.counts.passages
    assert documents_encoded(again) == report.counts.passages + report.counts.clauses


def test_vectors_of_another_encoder_are_never_taken_over(home: Home, encoder: HashEncoder) -> None:
    build(home, encoder)
    other = HashEncoder("hash-encoder 2")
    report = build(home, other)
    assert report.encoded == report.counts.passages
    assert report.changes.added == NAMES


def test_files_that_cannot_be_read_are_named_with_the_reason(
    home: Home, encoder: HashEncoder
) -> None:
    (home.documents / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (home.documents / "binary.txt").write_bytes(bytes(range(256)) * 40)
    (home.documents / "zwilling.txt").write_bytes((home.documents / "union.txt").read_bytes())
    (home.documents / ".hidden.txt").write_text("看不见", encoding="utf-8")
    report = build(home, encoder)
    skipped = {each.name: each.reason for each in report.skipped}
    assert list(skipped) == ["binary.txt", "photo.jpg", "zwilling.txt"]
    assert skipped["zwilling.txt"] == "it has the same content as union.txt"
    assert ".jpg is not supported" in skipped["photo.jpg"]
    assert report.counts.documents == 3
    with closing(Searcher.open(home, encoder)) as searcher:
        assert searcher.skipped == report.skipped


@pytest.mark.parametrize("step", ["kb.library.outline", "index.workers.cut"])
def test_a_document_that_cannot_be_cut_is_left_out_and_the_others_are_indexed(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever is wrong, it is told by the document's name and ends no build."""
    right = pkgutil.resolve_name(step)

    def fail_at_sports(what: Document | Reading, *others: str) -> object:
        if "sports.txt" in (getattr(what, "name", ""), *(f"{name}.txt" for name in others)):
            raise IndexError
        return right(what, *others)

    monkeypatch.setattr(step, fail_at_sports)
    report = build(home, encoder)
    own = fingerprint(home.documents / "sports.txt")
    assert report.skipped == (Skipped("sports.txt", "it is broken (IndexError)", own),)
    assert report.changes.added == ("budget.md", "union.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_skipped(home: Home, encoder: HashEncoder) -> None:
    (home.documents / "union.txt").chmod(0)
    report = build(home, encoder)
    assert [each.name for each in report.skipped] == ["union.txt"]


@pytest.mark.parametrize("content", [None, b"", b" \n\n\t"], ids=["none", "empty", "blank"])
def test_a_library_without_words_is_refused_and_the_old_index_stays(
    home: Home, encoder: HashEncoder, content: bytes | None
) -> None:
    first = build(home, encoder)
    shutil.rmtree(home.documents)
    home.documents.mkdir()
    if content is not None:
        (home.documents / "empty.txt").write_bytes(content)
    with pytest.raises(LibraryEmpty) as error:
        build(home, encoder)
    assert error.value.folder == home.documents
    assert generation.current(home) == first.generation
    assert [p.name for p in home.generations.iterdir()] == [first.generation]


def test_of_a_library_that_cannot_be_read_the_reasons_are_told(
    home: Home, encoder: HashEncoder
) -> None:
    shutil.rmtree(home.documents)
    home.documents.mkdir()
    (home.documents / "a.pdf").write_bytes(b"%PDF-1.7 no more")
    (home.documents / "b.txt").write_bytes(b"")
    with pytest.raises(LibraryEmpty) as error:
        build(home, encoder)
    told = "(a.pdf: it is a broken PDF; b.txt: it is empty): put a .docx"
    assert told in str(error.value)
    for name in "cdefg":
        (home.documents / f"{name}.txt").write_bytes(b"")
    with pytest.raises(LibraryEmpty, match=r"c\.txt: [^;]+; and 4 more\): put"):
        build(home, encoder)


def test_the_first_build_of_an_empty_home_has_the_shipped_report(
    tmp_path: Path, encoder: HashEncoder
) -> None:
    home = Home(tmp_path / "home", tmp_path / "home/documents")
    report = build(home, encoder)
    assert report.changes.added == ("dongcheng-union-five-year-report.txt",)
    assert report.counts.passages == 36


def test_documents_that_are_gone_do_not_give_way_to_the_shipped_report(
    tmp_path: Path, encoder: HashEncoder
) -> None:
    """A disk that is not mounted, say: the index keeps what was there."""
    home = Home(tmp_path / "home", tmp_path / "home/documents")
    first = build(home, encoder)
    home.documents.rename(tmp_path / "away")
    with pytest.raises(LibraryEmpty):
        build(home, encoder)
    assert generation.current(home) == first.generation
    assert not home.documents.exists()
    (tmp_path / "away").rename(home.documents)
    assert len(build(home, encoder).changes.unchanged) == 1


def test_a_folder_of_documents_elsewhere_is_only_read(tmp_path: Path, encoder: HashEncoder) -> None:
    documents = tmp_path / "elsewhere"
    documents.mkdir()
    (documents / "one.txt").write_text("唯一的一份文件。\n", encoding="utf-8")
    build(Home(tmp_path / "home", documents), encoder)
    assert [p.name for p in documents.iterdir()] == ["one.txt"]
    with pytest.raises(LibraryEmpty):
        build(Home(tmp_path / "home", tmp_path / "missing"), encoder)
    assert not (tmp_path / "missing").exists()


def test_progress_goes_through_the_stages_in_order_and_to_the_end(
    home: Home, encoder: HashEncoder
) -> None:
    told: list[Progress] = []
    report = build(home, encoder, progress=told.append)
    assert tuple(dict.fromkeys(step.stage for step in told)) == STAGES
    totals = {"read": 3, "encode": report.counts.passages, "index": report.counts.passages}
    for stage in STAGES:
        done = [step.done for step in told if step.stage == stage]
        total = totals.get(stage, 1)
        assert {step.total for step in told if step.stage == stage} == {total}
        assert (done[0], done[-1]) == (0, total)
        assert done == sorted(done)


def test_two_generations_are_kept(home: Home, encoder: HashEncoder) -> None:
    names = [build(home, encoder).generation for _ in range(3)]
    assert {p.name for p in home.generations.iterdir()} == set(names[1:])


class Waiting(HashEncoder):
    """Stops in the middle of a build until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        self.reached.set()
        assert self.go_on.wait(20)
        return super().encode(texts, side)


def test_a_second_build_at_the_same_time_is_refused(home: Home, encoder: HashEncoder) -> None:
    slow = Waiting()
    reports: list[BuildReport] = []
    thread = threading.Thread(target=lambda: reports.append(build(home, slow)))
    thread.start()
    try:
        assert slow.reached.wait(20)
        with pytest.raises(RebuildRunning) as error:
            build(home, encoder)
        assert error.value.home == home.root
    finally:
        slow.go_on.set()
        thread.join(20)
    assert [report.generation for report in reports] == [generation.current(home)]
    assert build(home, encoder).encoded == 0


def test_a_document_that_fills_more_than_one_batch_is_whole(
    home: Home, encoder: HashEncoder
) -> None:
    paragraphs = [f"第{i}条 各级工会组织应当做好第{i}项工作。" * 12 for i in range(40)]
    (home.documents / "long.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    report = build(home, encoder)
    assert report.encoded == report.counts.passages > 40
    with closing(opened(home, encoder)) as snapshot:
        for row in range(report.counts.passages):
            [passage] = snapshot.texts.passages(row, row + 1)
            first, last = snapshot.encodings.clause_rows(row)
            expected = [
                e.vector for e in encoder.encode([c.text for c in passage.clauses], "document")
            ]
            assert np.array_equal(snapshot.encodings.dense.vectors(first, last), np.stack(expected))


def test_counts_of_documents_add_up(home: Home, encoder: HashEncoder) -> None:
    report = build(home, encoder)
    with closing(Searcher.open(home, encoder)) as searcher:
        each = searcher.documents
    assert dataclasses.astuple(report.counts) == (
        len(each),
        sum(d.sections for d in each),
        sum(d.passages for d in each),
        sum(d.clauses for d in each),
    )
