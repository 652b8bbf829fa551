"""A build that dies is gone on from: nothing is encoded twice, and nothing damaged is used."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index import generation, sealed
from index.build import BuildReport, Progress, build
from index.home import Home
from index.search import Searcher
from index.snapshot import Snapshot
from index.store import PassageVectors, RowNumbers
from index.texts import TextStore
from index.workers import Here
from kb.errors import RayFailed, StorageFailed
from tests.fakes import HashEncoder
from tests.killed_build import kill

PARAGRAPHS = [f"第{i}条 工会应当办好第{i}件事,并且公布结果。" * 9 for i in range(60)]


@pytest.fixture
def long_home(home: Home) -> Home:
    """More passages than one batch of a build."""
    (home.documents / "long.txt").write_text("\n\n".join(PARAGRAPHS), encoding="utf-8")
    return home


def hits(home: Home) -> list[object]:
    with closing(Searcher.open(home, HashEncoder())) as searcher:
        return [searcher.search(query).hits for query in ("第17条", "公布结果", "劳动争议")]


def left(home: Home) -> list[str]:
    """What no finished build leaves behind."""
    extra = [home.leftover] if home.leftover.exists() else []
    return [path.name for path in (*sealed.drafts(home.generations), *extra)]


def same_as_from_nothing(home: Home, report: BuildReport) -> None:
    """The files of the newest generation are those of a build that takes nothing over."""
    again = build(home, HashEncoder(), force=True)
    one, other = (generation.folder(home, each.generation) for each in (report, again))
    files = [p for p in one.rglob("*") if p.is_file() and p.parent.name != "lexical"]
    assert {p.name for p in files} >= {"rows.bin", "codes.bin", "checks.bin", "texts.sqlite"}
    for path in files:
        if path.name != sealed.MANIFEST:
            assert (other / path.relative_to(one)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("stage", "done", "encoded"),
    [("encode", 16, 16), ("encode", 40, 48), ("index", 0, None), ("publish", 0, None)],
    ids=["after one batch", "after three", "when all is encoded", "when it is sealed"],
)
def test_the_next_build_encodes_only_what_was_not(
    long_home: Home, stage: str, done: int, encoded: int | None
) -> None:
    kill(long_home, stage, done)
    assert len(left(long_home)) == 1
    report = build(long_home, HashEncoder())
    passages = report.counts.passages
    assert report.encoded == passages - (encoded or passages)
    assert left(long_home) == []
    same_as_from_nothing(long_home, report)


def test_a_build_may_die_again_and_again(long_home: Home) -> None:
    """The fullest draft is kept, one at a time, whichever build made it."""
    kill(long_home, "encode", 32)
    kill(long_home, "read", 0)
    assert len(left(long_home)) == 2
    kill(long_home, "encode", 16)
    assert len(left(long_home)) == 2
    kill(long_home, "encode", 48)
    assert len(left(long_home)) == 2
    report = build(long_home, HashEncoder())
    assert report.encoded == report.counts.passages - 48
    assert left(long_home) == []


def test_documents_may_change_meanwhile(long_home: Home) -> None:
    """A passage is known by what it says, wherever it is now."""
    kill(long_home, "index", 0)
    text = "\n\n".join(["新的一段,放在最前面。" * 20, *reversed(PARAGRAPHS)])
    (long_home.documents / "long.txt").write_text(text, encoding="utf-8")
    report = build(long_home, HashEncoder())
    assert 0 < report.encoded < 4
    same_as_from_nothing(long_home, report)


def test_another_encoder_takes_nothing(long_home: Home) -> None:
    kill(long_home, "index", 0)
    report = build(long_home, HashEncoder("hash-encoder 2"))
    assert report.encoded == report.counts.passages
    assert left(long_home) == []


def test_force_takes_nothing(long_home: Home) -> None:
    kill(long_home, "index", 0)
    report = build(long_home, HashEncoder(), force=True)
    assert report.encoded == report.counts.passages


@pytest.mark.parametrize("damage", ["flip", "cut", "zero", "empty", "remove", "noise"])
def test_a_damaged_draft_costs_time_and_no_answer(long_home: Home, damage: str) -> None:
    """Every file in turn: a bit flipped, the end lost, blocks of zeros, nothing, noise."""
    first = build(long_home, HashEncoder())
    expected = hits(long_home)
    whole = generation.folder(long_home, first.generation)
    rng = random.Random(5)
    files = [p for p in whole.rglob("*") if p.is_file() and p.parent.name != "lexical"]
    for name in [path.relative_to(whole) for path in files]:
        long_home.current.unlink()
        [folder] = long_home.generations.iterdir()
        draft = folder.rename(long_home.generations / f".{first.generation}.0a0b.draft")
        spoil(draft / name, damage, rng)
        first = build(long_home, HashEncoder())
        assert hits(long_home) == expected, name
        assert left(long_home) == []


def spoil(file: Path, damage: str, rng: random.Random) -> None:
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif damage == "cut":
        data = data[: rng.randrange(len(data))]
    elif damage == "zero":
        start = rng.randrange(len(data))
        data[start : start + 4096] = bytes(len(data[start : start + 4096]))
    elif damage == "noise":
        data = bytearray(rng.randbytes(len(data)))
    elif damage == "empty":
        data.clear()
    if damage == "remove":
        file.unlink()
    else:
        file.write_bytes(data)


def test_one_damaged_row_costs_that_row_alone(long_home: Home) -> None:
    kill(long_home, "index", 0)
    [draft] = sealed.drafts(long_home.generations)
    rows = np.memmap(draft / "clauses" / "rows.bin", "<f4", "r+")
    rows[5] += 1
    rows.flush()
    assert build(long_home, HashEncoder()).encoded == 1


def test_a_stopped_build_is_gone_on_from(long_home: Home) -> None:
    """As by Ctrl-C or the end of a server."""

    def stop(step: Progress) -> None:
        if step.stage == "encode" and step.done == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(long_home, HashEncoder(), progress=stop)
    report = build(long_home, HashEncoder())
    assert report.encoded == report.counts.passages - 32


class Lost(Here):
    """Workers that are gone after two batches."""

    def encode(self, texts: TextStore, rows: RowNumbers) -> Generator[PassageVectors]:
        yield from super().encode(texts, rows[:32])
        raise RayFailed("they are gone")


def test_a_build_whose_workers_are_lost_is_gone_on_from(long_home: Home) -> None:
    with pytest.raises(RayFailed, match="they are gone"):
        build(long_home, HashEncoder(), workers=Lost(HashEncoder()))
    report = build(long_home, HashEncoder())
    assert report.encoded == report.counts.passages - 32
    same_as_from_nothing(long_home, report)


def test_a_full_disk_is_given_back_all_of_it(long_home: Home) -> None:
    """The draft and what was left before it go, so that the next build has the room."""
    kill(long_home, "encode", 32)

    def refuse(step: Progress) -> None:
        if step.stage == "encode" and step.done == 48:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageFailed):
        build(long_home, HashEncoder(), progress=refuse)
    assert left(long_home) == []


def test_a_sealed_draft_opens_as_a_generation(long_home: Home) -> None:
    """Checks are part of it and as verified as the rest."""
    report = build(long_home, HashEncoder())
    folder = generation.folder(long_home, report.generation)
    with closing(Snapshot.open(folder, HashEncoder())) as snapshot:
        assert snapshot.encodings.passages == report.counts.passages
        assert snapshot.encodings.clauses == report.counts.clauses
