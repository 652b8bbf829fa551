"""A store that dies, hangs, is full or comes back; builds that die: old or new, whole, or 503."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.build import build
from index.home import Home, store_uri
from index.milvus import client as connection
from index.milvus import lease
from index.milvus.layout import collection
from index.search import Searcher
from index.stores import store_of
from kb.errors import BadSetting, IndexDamaged, RebuildRunning, StoreUnavailable
from tests import milvus
from tests.conftest import new_home
from tests.fakes import HashEncoder
from tests.waiting import wait_for
from web import create_app, doctor
from web.live import Live
from web.settings import Settings

ENCODER = HashEncoder()
CONTROL = "为快递小哥和环卫工人提供饮水、休息的暖心驿站"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[milvus.Server]:
    """A Milvus Lite of this test alone, to be killed and stopped."""
    milvus.require()
    if not milvus.PROGRAM.exists():
        pytest.skip("milvus-lite is not installed")
    server = milvus.Server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def patience() -> Iterator[None]:
    with milvus.patience():
        yield


@pytest.fixture
def home(server: milvus.Server, tmp_path: Path) -> Home:
    """The mini reports, to be indexed in that server."""
    return replace(new_home(tmp_path / "home"), store=server.address)


def answer(home: Home) -> tuple[str, list[tuple[str, float]]]:
    """The generation that serves, and what it says to the control query."""
    with closing(Searcher.open(home, ENCODER)) as searcher:
        hits = searcher.search(CONTROL, k=5).hits
        return searcher.generation, [(hit.passage.text, hit.score) for hit in hits]


def answers(home: Home) -> bool:
    """Whether the store is back."""
    with suppress(StoreUnavailable):
        return store_of(home).current() is not None
    return False


def left(home: Home) -> set[str]:
    """Everything in the store."""
    assert home.store is not None
    return set(connection.Client(store_uri(home.store), "").collections())


def expected(home: Home) -> set[str]:
    """What belongs to the generations that are there."""
    parts = ("manifest", "documents", "passages", "clauses", "tokens", "terms")
    return {collection(name, part) for name in store_of(home).names() for part in parts}


def check(home: Home, old: str, right: list[tuple[str, float]]) -> None:
    """Old or new answers, whole; the next build works, and nothing is left behind."""
    serving, found = answer(home)
    assert found == right
    assert serving >= old
    made = build(home, ENCODER).generation
    assert answer(home) == (made, right)
    assert len(store_of(home).names()) == 2
    assert left(home) == expected(home)


@pytest.mark.parametrize(
    "address",
    ["milvus://h:1", "http://h:19530", "milvus+http://h", "milvus+http://h:1/a/b",
     "milvus+http://u:p@h:1", "milvus+ftp://h:1"],
)  # fmt: skip
def test_an_address_that_is_none_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_STORE", address)
    with pytest.raises(BadSetting) as error:
        Home.resolve()
    assert (error.value.name, error.value.value) == ("KB_STORE", address)


def test_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_STORE", "milvus+https://milvus.example:443/reports")
    monkeypatch.setenv("KB_STORE_TOKEN", "root:secret")
    home = Home.resolve()
    assert (home.store, home.token) == ("milvus+https://milvus.example:443/reports", "root:secret")
    assert "secret" not in repr(home)
    assert store_uri(str(home.store)) == "https://milvus.example:443/reports"


def timed(home: Home) -> tuple[str, float]:
    """Build again; the generation, and the seconds that it took."""
    began = time.monotonic()
    return build(home, ENCODER, force=True).generation, time.monotonic() - began


@pytest.mark.usefixtures("patience")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_store_killed_during_a_build_loses_nothing(
    server: milvus.Server, home: Home, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again at once, or after the build has given up."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    build(home, ENCODER)
    old, seconds = timed(home)
    _, right = answer(home)
    rng = random.Random(seed)

    def again() -> None:
        with suppress(StoreUnavailable):
            build(home, ENCODER, force=True)

    thread = threading.Thread(target=again)
    thread.start()
    time.sleep(rng.uniform(0.0, seconds))
    server.kill()
    time.sleep(rng.choice([0.0, 3.0]))
    server.start()
    thread.join(150)
    assert not thread.is_alive()
    wait_for(lambda: answers(home), 60)
    check(home, old, right)


@pytest.mark.usefixtures("patience")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_build_that_is_killed_leaves_nothing(
    home: Home, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one takes the lease over once it has stood still for its time."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    build(home, ENCODER)
    old, seconds = timed(home)
    _, right = answer(home)
    command = [sys.executable, "-m", "tests.store_process", str(home.root), "build", "--force"]
    environment = {**os.environ, "KB_STORE": str(home.store)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(b"Checking"):
                break
        time.sleep(random.Random(seed).uniform(0.0, seconds))
        process.kill()
    check(home, old, right)


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
def test_a_lease_that_stands_still_is_taken_over(
    server: milvus.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while its holder lives; and a holder that lost it is told before it can publish."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    client = connection.Client(store_uri(server.address), "")
    one, other = lease.Lease(client), lease.Lease(client)
    with one.hold():
        with pytest.raises(RebuildRunning), other.hold():
            pass
        one.check()
        monkeypatch.setattr(client, "upsert", lambda *_: None)  # its heart stops
        with other.hold():
            other.check()
            with pytest.raises(StoreUnavailable, match="another build took this one's place"):
                one.check()
    assert client.collections() == []


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("step", ["create_index", "create_alias"])
def test_one_that_comes_for_a_lease_may_be_swept_away(
    server: milvus.Server, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The holder removes what it does not know, at any moment: that a build runs is all of it."""
    from pymilvus import MilvusClient

    client = connection.Client(store_uri(server.address), "")
    one, other = lease.Lease(client), lease.Lease(client)
    go_on = getattr(MilvusClient, step)

    def swept(self: MilvusClient, collection_name: str, *rest: object, **named: object) -> None:
        self.drop_collection(collection_name)
        go_on(self, collection_name, *rest, **named)

    with one.hold():
        monkeypatch.setattr(MilvusClient, step, swept)
        with pytest.raises(RebuildRunning), other.hold():
            pass
        one.check()
    assert client.collections() == []


@pytest.mark.slow
def test_connections_do_not_pile_up(server: milvus.Server, home: Home) -> None:
    """A server that rebuilds day after day makes one for each build, and closes it."""
    from pymilvus.client.grpc_handler import GrpcHandler

    def kept() -> int:
        gc.collect()
        # by type alone: to ask an object for its class may call code of its own
        handlers = [each for each in gc.get_objects() if type(each) is GrpcHandler]
        return sum(each.server_address.endswith(f":{server.port}") for each in handlers)

    build(home, ENCODER)
    with closing(Searcher.open(home, ENCODER)):
        for _ in range(3):
            build(home, ENCODER)
        wait_for(lambda: kept() == 1)


@contextmanager
def serving(home: Home) -> Iterator[Live]:
    """A server over `home`."""
    live = Live(home, lambda: ENCODER)
    live.start()
    yield live
    wait_for(live.stop)


def test_a_store_that_hangs_is_told_in_time_and_heals(server: milvus.Server, home: Home) -> None:
    """503 with Retry-After within five seconds, for searches and for readiness."""
    build(home, ENCODER)
    with serving(home) as live:
        wait_for(lambda: live.searcher is not None)
        client = create_app(live, settings=Settings()).test_client()
        assert client.get("/api/search?q=驿站").status_code == 200
        server.signal(signal.SIGSTOP)
        began = time.monotonic()
        refused = client.get("/api/search?q=困难职工")
        assert time.monotonic() - began < connection.READ_SECONDS + 1
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert refused.get_json()["detail"] == (
            "the store of the index does not answer: try again shortly"
        )
        wait_for(lambda: live.away)
        ready = client.get("/readyz")
        assert (ready.status_code, ready.headers["Retry-After"]) == (503, "2")
        assert 'kb_store_up{kind="remote"} 0.0' in client.get("/metrics").text
        assert client.get("/healthz").status_code == 200
        server.signal(signal.SIGCONT)
        wait_for(lambda: live.away is None)
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/search?q=困难职工").status_code == 200
        assert 'kb_store_up{kind="remote"} 1.0' in client.get("/metrics").text


def test_a_store_that_was_started_again_serves_as_before(server: milvus.Server, home: Home) -> None:
    build(home, ENCODER)
    with serving(home) as live:
        wait_for(lambda: live.searcher is not None)
        client = create_app(live, settings=Settings()).test_client()
        before = client.get("/api/search?q=驿站").get_json()
        server.kill()
        began = time.monotonic()
        assert client.get("/api/search?q=困难职工").status_code == 503
        assert time.monotonic() - began < connection.READ_SECONDS + connection.CONNECT_SECONDS + 1
        wait_for(lambda: live.away)
        server.start()
        wait_for(lambda: live.away is None)
        after = client.get("/api/search?q=驿站").get_json()
        assert (after["generation"], after["hits"]) == (before["generation"], before["hits"])


def test_a_server_waits_for_a_store_that_is_not_there_yet(
    server: milvus.Server, home: Home
) -> None:
    """It neither ends nor builds; it serves when the store does."""
    made = build(home, ENCODER).generation
    server.kill()
    with serving(home) as live:
        wait_for(lambda: live.away)
        client = create_app(live, settings=Settings()).test_client()
        assert client.get("/readyz").status_code == 503
        assert (live.failure, live.state.state) == (None, "idle")
        server.start()
        wait_for(lambda: live.searcher)
        assert live.searcher is not None
        assert live.searcher.generation == made


@pytest.mark.usefixtures("patience")
def test_a_first_build_that_the_store_failed_is_begun_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the store is back before anybody looks."""
    insert, failures = connection.Client.insert, iter([StoreUnavailable("there", "gone")])

    def once(self: connection.Client, *rest: Any) -> None:
        for failure in failures:
            raise failure
        insert(self, *rest)

    monkeypatch.setattr(connection.Client, "insert", once)
    with serving(home) as live:
        wait_for(lambda: live.state.state == "done")
        assert live.searcher is not None
        assert live.rebuilds_ended == {"done": 1, "failed": 1}
        assert (live.failure, live.fault, live.away) == (None, None, None)
    assert left(home) == expected(home)


@pytest.mark.usefixtures("patience")
def test_servers_share_a_store(home: Home, tmp_path: Path) -> None:
    """Of two with an empty store one builds; what one rebuilds the other serves."""
    other = Home(tmp_path / "second", home.documents, home.store)
    with serving(home) as one, serving(other) as two:
        wait_for(lambda: one.searcher and two.searcher, 60)
        wait_for(lambda: one.searcher.generation == two.searcher.generation)  # type: ignore[union-attr]
        (home.documents / "new.txt").write_text("新增\n\n第七轮重建索引。\n", encoding="utf-8")
        two.rebuild()
        wait_for(lambda: two.state.state == "done", 60)
        wait_for(lambda: one.searcher.generation == two.state.generation)  # type: ignore[union-attr]
        with one.hold() as searcher:
            assert "第七轮" in searcher.search("第七轮重建索引", k=1).hits[0].passage.text
    assert left(home) == expected(home)


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
def test_a_reader_of_what_is_gone_says_so(home: Home) -> None:
    """Two publications later its collections are removed: 503, never an answer of another one."""
    build(home, ENCODER)
    with closing(Searcher.open(home, ENCODER)) as searcher:
        build(home, ENCODER)
        assert searcher.search(CONTROL, k=1).generation == searcher.generation
        build(home, ENCODER)
        with pytest.raises(StoreUnavailable, match=f"generation {searcher.generation} is gone"):
            searcher.search(CONTROL)


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
def test_damage_is_refused_by_name_and_never_built_over(home: Home) -> None:
    """A shared store is not rebuilt by whoever finds it damaged; the one before serves."""
    first = build(home, ENCODER).generation
    second = build(home, ENCODER).generation
    assert home.store is not None
    client = connection.Client(store_uri(home.store), "")
    client.drop(collection(second, "tokens"))
    with pytest.raises(IndexDamaged) as error:
        Searcher.open(home, ENCODER)
    assert str(error.value.file) == collection(second, "tokens")
    with serving(home) as live:
        wait_for(lambda: live.fault)
        assert live.searcher is not None
        assert live.searcher.generation == first
    client.drop(collection(first, "clauses"))
    with serving(home) as live:
        wait_for(lambda: live.fault)
        time.sleep(1)
        assert (live.searcher, live.failure, live.state.state) == (None, None, "idle")
    assert store_of(home).current() == second
    made = build(home, ENCODER).generation
    assert answer(home)[0] == made


def test_the_doctor_knows_the_store(
    server: milvus.Server, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.encoder.name_to_be", lambda _: ENCODER.name)

    def verdicts() -> dict[str, str]:
        return {each.name: each.verdict for each in doctor.examine(home)}

    build(home, ENCODER)
    [store] = [each for each in doctor.examine(home) if each.name == "store"]
    assert (store.verdict, store.detail.split(" at ")[1]) == ("ok", store_uri(server.address))
    assert {verdicts()[name] for name in ("store", "index", "changes", "rollback")} == {"ok"}
    server.kill()
    assert verdicts()["store"] == "failed"


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_store_that_is_full_fails_the_build_alone(tmp_path: Path) -> None:
    """What serves goes on; with room again the next build works."""
    milvus.require()
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    server = milvus.Server(disk)
    try:
        server.start()
        home = replace(new_home(tmp_path / "home"), store=server.address)
        old = build(home, ENCODER).generation
        _, right = answer(home)
        filling = "工会为职工服务。" * 40
        for number in range(300):
            text = f"报告{number}\n\n{filling}{number}。\n"
            (home.documents / f"{number}.txt").write_text(text, encoding="utf-8")
        with pytest.raises(StoreUnavailable):
            build(home, ENCODER)
        assert answer(home) == (old, right)
        for number in range(300):
            (home.documents / f"{number}.txt").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        made = build(home, ENCODER).generation
        assert answer(home) == (made, right)
        assert left(home) == expected(home)
    finally:
        server.stop()
        subprocess.run(["umount", str(disk)], check=True)
