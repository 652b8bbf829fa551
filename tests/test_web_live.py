"""The live index: followed, rebuilt, and never mixed or lost."""

from __future__ import annotations

import html
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from index import generation, sealed
from index.build import BuildReport, Progress, build
from index.home import Home
from index.search import Searcher
from kb.changing import remove
from kb.errors import KBError, ModelUnavailable, NotReady, RebuildRunning
from kb.library import document_id
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app
from web.live import POLL_SECONDS, Live
from web.rebuild import Rebuilder
from web.settings import Settings


def _serving(live: Live) -> str | None:
    return live.searcher.generation if live.searcher else None


def _damage(home: Home, name: str) -> Path:
    file = generation.folder(home, name) / "clauses/rows.bin"
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    return file


def test_a_first_start_builds_the_index(home: Home, encoder: HashEncoder) -> None:
    """Without an index one is built, and whoever asked to hear of it does."""
    steps: list[Progress] = []
    live = Live(home, lambda: encoder, on_first_build=steps.append)
    assert live.searcher is None
    live.start()
    wait_for(lambda: live.searcher is not None)
    assert _serving(live) == generation.current(home)
    assert list(dict.fromkeys(step.stage for step in steps)) == [
        "read", "encode", "index", "verify", "publish",
    ]  # fmt: skip
    assert live.stop()


def test_a_generation_built_elsewhere_is_served(
    live: Live, home: Home, encoder: HashEncoder
) -> None:
    """A build by another process shows without being told of."""
    before = _serving(live)
    made = build(home, encoder).generation
    wait_for(lambda: _serving(live) == made)
    assert made != before
    assert live.fault is None


def test_a_rollback_is_served(live: Live, home: Home) -> None:
    """Going back to the previous generation shows as well."""
    first = _serving(live)
    live.rebuild()
    wait_for(lambda: live.state.state == "done")
    assert _serving(live) != first
    assert generation.rollback(home) == first
    wait_for(lambda: _serving(live) == first)


def test_a_damaged_generation_is_not_served(live: Live, home: Home, encoder: HashEncoder) -> None:
    """The old one goes on serving, the fault is named, and a good one ends it."""
    serving = _serving(live)
    other = Home(home.root.parent / "other", home.documents)
    made = build(other, encoder).generation
    generation.folder(other, made).rename(generation.folder(home, made))
    file = _damage(home, made)
    sealed.replace_text(home.current, f"{made}\n")

    wait_for(lambda: live.fault)

    assert _serving(live) == serving
    fault = f"index file {file} is damaged (its bytes are not those that were written)"
    assert live.fault == f"{fault}: run 'kb build --force'"
    for settings, told in (
        (Settings(), live.fault),
        (Settings(loopback=False), "see the server's log"),
    ):
        client = create_app(live, settings=settings).test_client()
        assert client.get("/readyz").get_json() == {
            "status": "ready",
            "generation": serving,
            "fault": told,
        }
    live.rebuild()
    wait_for(lambda: live.state.state == "done")
    assert _serving(live) not in {serving, made}
    assert live.fault is None


def test_a_generation_put_right_is_served(
    live: Live, home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused one is looked at again now and then: a disk comes back, a file is restored."""
    monkeypatch.setattr("web.following.RETRY_SECONDS", 0.5)
    other = Home(home.root.parent / "other", home.documents)
    made = build(other, encoder).generation
    generation.folder(other, made).rename(generation.folder(home, made))
    file = generation.folder(home, made) / "clauses/rows.bin"
    whole = file.read_bytes()
    _damage(home, made)
    sealed.replace_text(home.current, f"{made}\n")
    wait_for(lambda: live.fault)
    faults: list[str | None] = []
    adopt = live.adopt

    def watched(found: Searcher) -> None:
        faults.append(live.fault)
        adopt(found)

    monkeypatch.setattr(live, "adopt", watched)
    file.write_bytes(whole)
    wait_for(lambda: _serving(live) == made)
    assert faults == [None]


def test_a_refused_generation_is_not_looked_at_without_pause(
    live: Live, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are large, so that a look is followed by a rest of at least ten seconds."""
    looks: list[str] = []

    def refuse(*_: object) -> None:
        looks.append("look")
        raise RuntimeError

    monkeypatch.setattr("index.stores.open_current", refuse)
    serving = _serving(live)
    sealed.replace_text(home.current, "20990101T000000Z-000000\n")
    wait_for(lambda: live.fault)
    assert live.fault == "RuntimeError"
    time.sleep(4 * POLL_SECONDS)
    assert looks == ["look"]
    assert _serving(live) == serving


@pytest.mark.parametrize("left", [None, "", "\0\0\0", "../documents", "x" * 100_000])
def test_a_current_that_names_nothing_costs_nothing(
    live: Live, home: Home, left: str | None
) -> None:
    """Removed, emptied or garbled: what serves goes on, and serves again as soon as it is back."""
    serving = _serving(live)
    if left is None:
        home.current.unlink()
    else:
        home.current.write_text(left)
    wait_for(lambda: live.fault)
    assert "run 'kb build" in str(live.fault)
    assert _serving(live) == serving
    home.current.write_text(f"{serving}\n")
    wait_for(lambda: live.fault is None)
    assert _serving(live) == serving


def test_a_generation_deleted_under_a_server_is_served_on(live: Live, home: Home) -> None:
    """Its files stay open: searches, documents and metrics answer, and a rebuild heals it."""
    serving = _serving(live)
    client = create_app(live, settings=Settings()).test_client()
    shutil.rmtree(home.generations)
    for path in ("/api/search?q=快递", "/api/documents", "/documents/none", "/metrics", "/readyz"):
        assert client.get(path).status_code == (404 if "none" in path else 200)
    live.rebuild()
    wait_for(lambda: live.state.state == "done")
    assert _serving(live) not in {None, serving}
    assert live.fault is None


def test_a_damaged_index_is_made_again_at_start(home: Home, encoder: HashEncoder) -> None:
    """The documents are the truth: an index that cannot be opened is built from them anew."""
    first = build(home, encoder).generation
    _damage(home, first)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    assert _serving(live) != first
    assert live.stop()


def test_an_earlier_whole_generation_serves_at_start(home: Home, encoder: HashEncoder) -> None:
    """Where the current one is damaged its predecessor serves, and the fault is told."""
    first = build(home, encoder).generation
    second = build(home, encoder).generation
    file = _damage(home, second)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.fault)
    assert _serving(live) == first
    assert str(file) in str(live.fault)
    assert live.state.state == "idle"
    live.rebuild()
    wait_for(lambda: live.state.state == "done")
    assert _serving(live) == live.state.generation
    assert live.fault is None
    assert live.stop()


def test_no_other_encoders_generation_stands_in_for_a_damaged_one(
    home: Home, encoder: HashEncoder
) -> None:
    """It is passed over, and the index is made again."""
    kept = build(home, HashEncoder("another")).generation
    damaged = build(home, encoder).generation
    _damage(home, damaged)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.searcher or live.failure)
    assert live.failure is None
    assert _serving(live) not in {kept, damaged}
    assert live.stop()


def test_another_encoders_index_is_refused_at_start(home: Home) -> None:
    """A server never replaces what another encoder built without being told to."""
    first = build(home, HashEncoder()).generation
    live = Live(home, lambda: HashEncoder("another"))
    live.start()
    wait_for(lambda: live.failure)
    assert str(live.failure) == (
        "the index was built by hash-encoder 1, the encoder here is another: run 'kb build'"
    )
    assert generation.current(home) == first
    assert live.stop()


def test_a_missing_model_is_a_failure(home: Home) -> None:
    """Where no model can be had nothing will ever serve, and that is said."""

    def fail() -> HashEncoder:
        raise ModelUnavailable("m", "it is not here")

    live = Live(home, fail)
    live.start()
    wait_for(lambda: live.failure)
    assert str(live.failure) == "cannot load the model m: it is not here"
    with pytest.raises(NotReady):
        live.rebuild()
    assert live.stop()


def test_a_start_waits_for_another_process_that_builds(home: Home, encoder: HashEncoder) -> None:
    """Two servers on one new home: the second serves what the first builds."""
    home.root.mkdir(exist_ok=True)
    live = Live(home, lambda: encoder)
    with FileLock(home.lock):
        live.start()
        with pytest.raises(AssertionError):
            wait_for(lambda: live.searcher or live.failure, seconds=1)
    wait_for(lambda: live.searcher is not None)
    assert live.failure is None
    assert live.stop()


def test_an_old_searcher_is_closed_by_its_last_user(live: Live, home: Home) -> None:
    """A request under way ends on the generation that it began with."""
    closed: list[str] = []

    class Watched:
        def __init__(self, name: str) -> None:
            self.generation = name

        def close(self) -> None:
            closed.append(self.generation)

    live = Live(home, HashEncoder)
    live.adopt(Watched("one"))  # type: ignore[arg-type]
    with live.hold() as first, live.hold() as again:
        assert first is again
        live.adopt(Watched("two"))  # type: ignore[arg-type]
        with live.hold() as second:
            assert (first.generation, second.generation) == ("one", "two")
        assert closed == []
    assert closed == ["one"]
    live.adopt(Watched("three"))  # type: ignore[arg-type]
    assert closed == ["one", "two"]


def test_a_stopped_server_leaves_no_index_open(live: Live, home: Home) -> None:
    """Whoever still holds it ends on it."""
    with live.hold() as searcher:
        assert live.stop()
        assert searcher.search("工会", k=1).hits
        with pytest.raises(NotReady), live.hold():
            pass
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        searcher.document(document_id("union.txt"))


def test_one_rebuild_runs_at_a_time(live: Live, home: Home, gate: threading.Event) -> None:
    """A second is refused, whether the first is this server's or another process's."""
    before = live.state
    with FileLock(home.lock), pytest.raises(RebuildRunning):
        live.rebuild()
    assert live.state == before
    gate.clear()
    live.rebuild()
    with pytest.raises(RebuildRunning):
        live.rebuild()
    gate.set()
    wait_for(lambda: live.state.state == "done")
    assert live.rebuilds_ended == {"done": 1, "failed": 0}


def test_a_change_outlives_a_late_refusal(
    live: Live, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store at a distance says late that another builds: what changed is indexed after that."""
    monkeypatch.setattr("web.rebuild.FIRST_SIGN_SECONDS", 0.05)
    told = threading.Event()
    refusals: list[str] = []

    def build_late(*arguments: Any, **options: Any) -> BuildReport:
        if len(refusals) < 2:
            assert told.wait(20)
            refusals.append("refused")
            raise RebuildRunning(home.root)
        return build(*arguments, **options)

    monkeypatch.setattr("index.build.build", build_late)
    (home.documents / "new.txt").write_text("新报告\n\n正文。\n", encoding="utf-8")
    assert live.rebuild_soon().state == "running"
    told.set()
    wait_for(lambda: live.searcher is not None and len(live.searcher.documents) == 4)
    assert len(refusals) == 2
    wait_for(lambda: live.state.state == "done")
    assert live.rebuilds_ended == {"done": 1, "failed": 0}


def test_a_change_outlives_the_server(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was stopped before it was indexed is indexed by the next; after that by none."""

    def endless(*_: object, progress: Any) -> BuildReport:
        while True:
            progress(Progress("read", 0, 1))

    build(home, encoder)
    live = Live(home, lambda: encoder)
    live.start()
    wait_for(lambda: live.searcher is not None)
    with monkeypatch.context() as patch:
        patch.setattr("index.build.build", endless)
        remove(home.documents, document_id("sports.txt"))
        assert live.rebuild_soon().state == "running"
        assert live.searcher is not None
        assert len(live.searcher.documents) == 3
        assert live.stop()

    def rebuilds_of_the_next() -> int:
        live = Live(home, lambda: encoder)
        live.start()
        wait_for(lambda: live.searcher is not None and len(live.searcher.documents) == 2)
        wait_for(lambda: live.state.state != "running")
        time.sleep(2 * POLL_SECONDS)
        assert live.stop()
        return live.rebuilds_ended["done"]

    assert (rebuilds_of_the_next(), rebuilds_of_the_next()) == (1, 0)
    assert not home.changed.exists()


def test_a_rebuild_that_is_refused_late_has_failed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told that it runs learns that it did not, and why."""
    monkeypatch.setattr("web.rebuild.FIRST_SIGN_SECONDS", 0.05)
    told = threading.Event()

    def refuse(_progress: object) -> str:
        assert told.wait(20)
        raise RebuildRunning(home.root)

    rebuilder = Rebuilder(home.root, refuse)
    assert rebuilder.start().state == "running"
    told.set()
    wait_for(lambda: rebuilder.state.state != "running")
    assert rebuilder.state.state == "failed"
    assert rebuilder.state.error == f"a build is already running in {home.root}: wait for it to end"


def test_a_failed_rebuild_leaves_the_index_serving(live: Live, home: Home) -> None:
    """What went wrong is in the state; what served goes on serving."""
    serving = _serving(live)
    for file in home.documents.iterdir():
        file.unlink()
    live.rebuild()
    wait_for(lambda: live.state.state == "failed")
    assert (
        live.state.error == f"no readable document in {home.documents}: "
        "put a .docx, .pdf, .html, .md or .txt file there"
    )
    assert _serving(live) == serving
    far = create_app(live, settings=Settings(loopback=False)).test_client()
    for path, kept in (("/api/rebuild", "see the server's log"), ("/library", "详情见服务器日志")):
        told = far.get(path).get_data(as_text=True)
        assert kept in html.unescape(told)
        assert str(home.documents) not in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "cannot write the index: No space left on device"),
        (KBError("do this"), "do this"),
        (RuntimeError("inside"), "internal error: see the server's log"),
    ],
)
def test_a_failure_is_told_in_one_line(home: Home, error: Exception, told: str) -> None:
    """Findings say what they found, the disk its error, and a mistake of ours nothing."""

    def fail(_progress: object) -> str:
        raise error

    rebuilder = Rebuilder(home.root, fail)
    assert rebuilder.run().error == told
    assert rebuilder.state.state == "failed"


def test_stopping_unwinds_a_rebuild(home: Home) -> None:
    """A build under way ends at its next step, and its state says why."""
    reached = threading.Event()

    def endless(progress: object) -> str:
        while True:
            assert callable(progress)
            progress(Progress("encode", 0, 1))
            reached.set()

    rebuilder = Rebuilder(home.root, endless)
    rebuilder.start()
    assert reached.wait(20)
    assert rebuilder.stop(5)
    assert rebuilder.state.error == "stopped: the server is shutting down"


@pytest.mark.slow
def test_searches_go_on_through_rebuilds(live: Live, home: Home) -> None:
    """Eight clients through five rebuilds: none fails, each answer is of one generation."""
    app = create_app(live, settings=Settings())
    stopping = threading.Event()
    wrong: list[object] = []
    seen: set[str] = set()
    # Each library state answers the same question with its own number.
    report = home.documents / "round.txt"

    def ask() -> None:
        client = app.test_client()
        while not stopping.is_set():
            response = client.get("/api/search?q=第几轮重建索引&k=1&mode=lexical")
            answer = response.get_json()
            if response.status_code != 200:
                wrong.append(answer)
                return
            seen.add(answer["generation"])
            round_ = by_generation.get(answer["generation"])
            if round_ is not None and f"第{round_}轮" not in answer["hits"][0]["passage"]["text"]:
                wrong.append(answer)

    by_generation: dict[str, int] = {}
    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    for number in range(5):
        report.write_text(f"重建记录\n\n第{number}轮重建索引。\n", encoding="utf-8")
        live.rebuild()
        wait_for(lambda: live.state.state != "running", seconds=60)
        assert live.state.error is None
        assert live.state.generation is not None
        by_generation[live.state.generation] = number
        wait_for(lambda: live.state.generation in seen)
    stopping.set()
    for client in clients:
        client.join()
    assert wrong == []
    assert by_generation.keys() <= seen


def test_searcher_is_the_same_all_through_a_request(
    live: Live, home: Home, encoder: HashEncoder
) -> None:
    """A page that asks for the searcher twice gets one generation, whatever happens between."""
    from web.live import searcher

    app = create_app(live, settings=Settings())
    with app.test_request_context("/"):
        first = searcher()
        live.adopt(Searcher.open(home, encoder))
        assert searcher() is first
        assert live.searcher is not first
