"""What goes wrong on disk is refused with its cause, and costs nothing that served."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
import tantivy
from click.testing import CliRunner

import index.encoder
from index import generation, sealed
from index.build import Progress, build
from index.hits import DocumentSummary
from index.home import Home
from index.local import LocalStore
from index.search import Searcher
from index.snapshot import Snapshot
from index.store import VERSION
from index.texts import TextStore
from kb.errors import EncoderMismatch, IndexDamaged, KBError, RebuildRunning
from kb.library import Skipped
from tests.fakes import HashEncoder
from tests.faults.damage import damages, spoiled
from tests.killed_build import kill
from web.cli import main

ROOT = Path(__file__).parents[1]


def _answer(home: Home) -> list[tuple[str, float]]:
    searcher = Searcher.open(home, HashEncoder())
    try:
        return [(hit.passage.text, hit.score) for hit in searcher.search("快递小哥", k=5).hits]
    finally:
        searcher.close()


def _left(home: Home) -> list[str]:
    """Everything in the home but documents and generations."""
    inner = [p.name for p in home.generations.iterdir() if p.name.startswith(".")]
    known = {"CURRENT", "build.lock", "documents", "documents.lock", "generations"}
    return inner + [p.name for p in home.root.iterdir() if p.name not in known]


def _parser(*_: object, **__: object) -> None:
    raise AssertionError("a parser has seen a damaged index")


def test_every_damage_to_every_file_is_refused_before_it_is_parsed(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is named and the remedy; cut, flipped, longer, gone, or of another generation."""
    names = []
    for text in ("第一份。", "第二份。"):
        (home.documents / "new.txt").write_text(f"{text}\n\n全文如下。\n", encoding="utf-8")
        names.append(build(home, encoder).generation)
    other, folder = (generation.folder(home, name) for name in names)
    monkeypatch.setattr(faiss, "read_index", _parser)
    monkeypatch.setattr(tantivy.Index, "open", _parser, raising=False)
    monkeypatch.setattr(TextStore, "__init__", _parser)
    monkeypatch.setattr(np, "load", _parser)
    rng, tried = random.Random(7), 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        like = other / file.relative_to(folder)
        for what, damage in damages(like if like.exists() else None, rng):
            saved = file.read_bytes()
            if spoiled(file, damage):
                tried += 1
                with pytest.raises(IndexDamaged) as caught:
                    Snapshot.open(folder, encoder)
                assert caught.value.file == file, what
                assert str(caught.value).startswith(f"index file {file} is damaged (")
                assert str(caught.value).endswith("): run 'kb build --force'")
            file.write_bytes(saved)
    assert tried > 100
    sealed.verify(folder)


def test_a_generation_of_another_version_is_refused(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier program wrote is not parsed as if it were today's; a build replaces it."""
    first = build(home, encoder).generation
    monkeypatch.setattr("index.store.VERSION", 99)
    with pytest.raises(IndexDamaged, match=f"it is of version {VERSION}, not 99"):
        Snapshot.open(generation.folder(home, first), encoder)
    with pytest.raises(IndexDamaged, match=f"it is of version {VERSION}, not 99"):
        LocalStore(home).contents(first)
    monkeypatch.setattr("index.build.VERSION", 99)
    build(home, encoder)
    with pytest.raises(IndexDamaged, match=f"it is of version {VERSION}, not 99") as caught:
        generation.rollback(home)
    assert caught.value.file == generation.folder(home, first) / sealed.MANIFEST


@pytest.mark.parametrize("part", ["passages", "clauses"])
def test_parts_that_do_not_belong_together_are_refused(
    home: Home, encoder: HashEncoder, part: str
) -> None:
    """Each is as it was written, and the manifest speaks of more."""
    folder = generation.folder(home, build(home, encoder).generation)
    manifest = sealed.read(folder)
    manifest["counts"][part] += 1
    text = json.dumps(manifest).encode()
    (folder / sealed.MANIFEST).write_bytes(sealed._seal_line(text) + text)
    with pytest.raises(IndexDamaged, match="its parts do not belong together"):
        Snapshot.open(folder, encoder)


@pytest.mark.parametrize("name", ["another model", "hash-encoder 1 int8", "hash-encoder 2"])
def test_vectors_of_another_encoder_are_never_compared(home: Home, name: str) -> None:
    """Another model, runtime, precision or version is another name; the remedy is told."""
    build(home, HashEncoder())
    with pytest.raises(EncoderMismatch) as caught:
        Searcher.open(home, HashEncoder(name))
    assert str(caught.value) == (
        f"the index was built by hash-encoder 1, the encoder here is {name}: run 'kb build'"
    )


def test_vectors_of_another_width_are_never_compared(home: Home) -> None:
    """Even where the names are the same."""
    build(home, HashEncoder())
    wide = HashEncoder()
    wide.dim = 128
    with pytest.raises(EncoderMismatch):
        Searcher.open(home, wide)


@pytest.mark.parametrize("call", ["fsync", "rename", "replace", "mkdir"])
@pytest.mark.parametrize(
    ("number", "before"),
    [(errno.EIO, True), (errno.ENOSPC, False)],
    ids=["EIO, an index before", "ENOSPC, none before"],
)
def test_every_call_may_fail(
    home: Home, call: str, number: int, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fsync, rename and mkdir in turn: one line with the cause, and old or new serves."""
    monkeypatch.setattr(index.encoder, "load_encoder", lambda *_: HashEncoder())
    build(home, HashEncoder())
    answer = _answer(home)
    if not before:
        shutil.rmtree(home.generations)
        home.current.unlink()
    real, nth, failed = getattr(os, call), 0, True
    while failed:
        nth, seen, failed = nth + 1, 0, False
        serving = generation.current(home)

        def fail(*arguments: object, **named: object) -> object:
            nonlocal seen, failed
            seen += 1
            if seen == nth:  # noqa: B023 - called within this turn
                failed = True
                raise OSError(number, os.strerror(number), None)
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            result = CliRunner().invoke(main, ["--home", str(home.root), "build"])
        if failed and result.exit_code == 0:
            continue  # what could not be removed stays for the next build
        assert result.exit_code == int(failed)
        if failed:
            said = result.stderr.rstrip().splitlines()[-1]
            assert said.startswith("Error: storage failed at ")
            assert os.strerror(number) in said
            assert generation.current(home) in {serving, *generation.names(home)}
        if generation.current(home) is not None:
            assert _answer(home) == answer
    assert nth > 1
    build(home, HashEncoder())
    assert _left(home) == []
    assert len(generation.names(home)) <= 2


@pytest.mark.parametrize("stage", ["encode", "publish"])
def test_a_killed_build_costs_nothing(home: Home, encoder: HashEncoder, stage: str) -> None:
    """The old index answers, nobody waits for its lock, and its leftovers go with the next."""
    first = build(home, encoder).generation
    answer = _answer(home)
    kill(home, stage, 0)
    assert generation.current(home) == first
    assert _answer(home) == answer
    assert len(_left(home)) == 1
    build(home, encoder)
    assert _answer(home) == answer
    assert _left(home) == []


HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_held_by_another_process_is_told(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and status 1; when its holder is killed the next build runs."""
    monkeypatch.setattr(index.encoder, "load_encoder", lambda *_: encoder)
    build(home, encoder)
    command = [sys.executable, "-c", HOLDER, str(home.lock)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.read(1)
        for name in ("build", "rollback"):
            result = CliRunner().invoke(main, ["--home", str(home.root), name])
            said = f"Error: a build is already running in {home.root}: wait for it to end"
            assert (result.exit_code, result.stderr.splitlines()) == (1, [said])
        with pytest.raises(RebuildRunning):
            build(home, encoder)
        holder.kill()
        holder.wait(10)
    build(home, encoder)


def _documents_during(home: Home, change: Callable[[], object]) -> tuple[Skipped, ...]:
    """Build, making the change after the library was listed and before a file was read."""

    def progress(step: Progress) -> None:
        if step == Progress("read", 0, 3):
            change()

    return build(home, HashEncoder(), progress=progress).skipped


def test_documents_that_change_during_a_build_are_skipped(home: Home) -> None:
    """Deleted, grown or shrunk: named with the reason, and the others are indexed."""
    union, sports = home.documents / "union.txt", home.documents / "sports.txt"
    changed = "it changed while it was being read: try again"
    for change, reason in (
        (union.unlink, "no such file or directory"),
        (lambda: union.write_bytes(b"x" * 10_000_000), changed),
        (lambda: union.write_bytes(b""), changed),
    ):
        union.write_text("工作报告\n\n正文在这里。\n", encoding="utf-8")
        assert _documents_during(home, change) == (Skipped("union.txt", reason),)
        assert [d.name for d in _documents(home)] == ["budget.md", "sports.txt"]
    union.write_text(sports.read_text(encoding="utf-8")[::-1], encoding="utf-8")
    assert _documents_during(home, lambda: None) == ()


def _documents(home: Home) -> tuple[DocumentSummary, ...]:
    searcher = Searcher.open(home, HashEncoder())
    searcher.close()
    return searcher.documents


def test_all_documents_deleted_during_a_build_leave_the_index(home: Home) -> None:
    """The build fails and what served goes on serving."""
    first = build(home, HashEncoder()).generation
    with pytest.raises(KBError, match="no readable document in"):
        _documents_during(home, lambda: shutil.rmtree(home.documents))
    assert generation.current(home) == first
    assert _left(home) == []


def test_a_mistyped_documents_folder_is_not_created(tmp_path: Path, encoder: HashEncoder) -> None:
    """The report is put into the home's own folder only."""
    home = Home(tmp_path / "home", tmp_path / "mistyped")
    with pytest.raises(KBError, match="no readable document in"):
        build(home, encoder)
    assert not home.documents.exists()


AS_NOBODY = """
import os, sys, tempfile
from pathlib import Path
from index.build import build
from index.home import Home
from index.search import Searcher
from tests.fakes import HashEncoder
home = Home(Path(sys.argv[1]), Path(sys.argv[1]) / "documents")
if os.getuid() == 0:  # a user who may not even read Python: load all of it first
    Searcher.open(home, HashEncoder()).search("a")
    os.setgid(65534); os.setuid(65534)
print(Searcher.open(home, HashEncoder()).search("快递小哥", k=1).hits[0].passage.text)
try:
    build(home, HashEncoder())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_home_of_another_user_is_served(home: Home, encoder: HashEncoder) -> None:
    """One that may only be read answers; a build there says why it cannot be."""
    build(home, encoder)
    open_to_all = [home.root, *home.root.rglob("*")]
    for path in open_to_all:
        path.chmod(path.stat().st_mode & ~0o222)
    for parent in home.root.parents:
        own = parent.stat().st_uid == home.root.stat().st_uid  # who may have no name
        if own and parent.name.startswith(("pytest", "test")):
            parent.chmod(0o755)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        result = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(home.root)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        for path in open_to_all:
            path.chmod(path.stat().st_mode | 0o200)
    text, told = result.stdout.splitlines()
    assert text.startswith("在主要街道临街店铺建立暖心驿站")
    assert told == (
        f"StorageFailed storage failed at {home.lock} (Permission denied): "
        "see to that disk, or choose another folder with --home"
    )


def test_an_index_opens_though_builds_overtake_it(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation that was current a moment ago is gone: the one that is now opens."""
    build(home, encoder)
    real = generation.folder
    overtaken: list[str] = []

    def folder(home: Home, name: str) -> Path:
        if not overtaken and name == generation.current(home):
            overtaken.append(name)
            for _ in range(2):
                build(home, encoder)
        return real(home, name)

    monkeypatch.setattr("index.local.generation.folder", folder)
    searcher = Searcher.open(home, encoder)
    searcher.close()
    assert searcher.generation == generation.current(home)
    assert overtaken[0] not in generation.names(home)


def test_rollback_of_a_single_generation_is_one_line(home: Home, encoder: HashEncoder) -> None:
    """With status 1 and what to do."""
    build(home, encoder)
    result = CliRunner().invoke(main, ["--home", str(home.root), "rollback"])
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        f"Error: only one generation is kept in {home.root}: "
        "change the documents and run 'kb build'\n",
    )
