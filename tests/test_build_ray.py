"""A build spread over Ray: the same generation, whoever of those at work is lost on the way."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from index import cluster, generation, sealed
from index.build import build
from index.copying import compare
from index.encoder import Encoder
from index.home import Home
from index.spreading import spread
from index.stores import open_current, store_of
from kb.errors import RayFailed
from tests import milvus
from tests.conftest import new_home
from tests.fakes import HashEncoder
from tests.ray_build import CRASHES
from tests.waiting import wait_for

ROOT = Path(__file__).parents[1]
KB = Path(sys.executable).with_name("kb")
PARAGRAPHS = [f"第{i}条 工会应当办好第{i}件事,并且公布结果。" * 9 for i in range(160)]
# two workers, whatever the machine has
TWO = {**os.environ, "OMP_NUM_THREADS": "2"}

with_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed: pip install 'report-kb[ray]'"
)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@pytest.fixture
def long_home(tmp_path: Path) -> Home:
    """Eleven batches of passages, and files that are left out."""
    home = new_home(tmp_path / "home")
    (home.documents / "long.txt").write_text("\n\n".join(PARAGRAPHS), encoding="utf-8")
    (home.documents / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    (home.documents / "empty.md").touch()
    return home


def command(home: Home, *options: str) -> list[str]:
    return [sys.executable, "-m", "tests.ray_build", str(home.root), *options]


def built(home: Home, *options: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        command(home, *options), cwd=ROOT, env=env or TWO, timeout=120, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def loads(home: Home) -> int:
    """How many processes loaded the encoder."""
    return len(list((home.root / "loads").iterdir()))


def files(home: Home) -> dict[str, bytes]:
    """What a generation is made of, but for the manifest and the segments of tantivy."""
    name = generation.current(home)
    assert name
    folder = generation.folder(home, name)
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "lexical" and path.name != sealed.MANIFEST
    }
    assert {"texts.sqlite", "clauses/rows.bin", "passage_tokens/codes.bin"} <= found.keys()
    return found


def same_as_one_process(home: Home, encoder: Encoder) -> None:
    spread_out = files(home)
    build(home, encoder, force=True)
    assert files(home) == spread_out


@with_ray
@pytest.mark.model
def test_two_workers_make_the_files_of_one_process(
    model_home: Home, real_encoder: Encoder, long_home: Home
) -> None:
    (long_home.root / "model").symlink_to(model_home.model, target_is_directory=True)
    (long_home.documents / "long.txt").write_text("\n\n".join(PARAGRAPHS[:30]), encoding="utf-8")
    done = subprocess.run(
        [KB, "--home", long_home.root, "build", "--ray", "--json"],
        env={name: value for name, value in TWO.items() if name not in {"KB_HOME", "KB_MODEL"}},
        timeout=120, check=True, capture_output=True, text=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["encoded"] == answer["passages"] > 30
    assert [each["name"] for each in answer["skipped"]] == ["broken.pdf", "empty.md"]
    assert [line.partition(":")[0] for line in done.stderr.splitlines()][-1] == "Publishing it"
    assert "ray" not in done.stderr.lower()
    same_as_one_process(long_home, real_encoder)


@with_ray
def test_a_worker_that_is_killed_is_started_again(long_home: Home) -> None:
    answer = built(long_home, "--kill", "32")
    assert loads(long_home) == 3
    assert answer["encoded"] > 160
    assert answer["skipped"] == ["broken.pdf: it is a broken PDF", "empty.md: it is empty"]
    same_as_one_process(long_home, HashEncoder())


@with_ray
def test_a_build_on_ray_goes_into_a_store_and_is_taken_over_from_there(
    long_home: Home, milvus_server: str
) -> None:
    with milvus.patience(), milvus.database(milvus_server) as address:
        there = long_home.stored_in(address)
        assert built(long_home, "--store", address)["encoded"] > 160
        assert generation.names(long_home) == []
        assert build(there, HashEncoder()).encoded == 0
        build(long_home, HashEncoder())
        with (
            closing(open_current(store_of(long_home), HashEncoder())) as one,
            closing(open_current(store_of(there), HashEncoder())) as other,
        ):
            compare(one, other)


@with_ray
@on_linux
def test_a_build_that_is_killed_is_gone_on_from_and_takes_its_ray_along(long_home: Home) -> None:
    with subprocess.Popen(command(long_home, "--die", "32"), cwd=ROOT, env=TWO) as killed:
        assert killed.wait(120) == -signal.SIGKILL
    wait_for(lambda: not started_for(long_home), seconds=30)
    report = build(long_home, HashEncoder())
    assert report.encoded == report.counts.passages - 32
    same_as_one_process(long_home, HashEncoder())


def started_for(home: Home) -> list[str]:
    """The processes alive that loaded the encoder of a home."""
    pids = [path.name for path in (home.root / "loads").iterdir()]
    return [pid for pid in pids if Path("/proc", pid).exists()]


@pytest.fixture(scope="module")
def two_machines() -> Iterator[subprocess.Popen[str]]:
    """A cluster to join, on loopback; those that join must have its word."""
    env = {
        **TWO,
        **cluster._ALONE,
        **cluster._QUIET,
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.ray_cluster"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            yield process
            assert process.stdin
            process.stdin.close()
            process.wait(30)


@pytest.fixture(scope="module")
def address(two_machines: subprocess.Popen[str]) -> str:
    """Where it answers."""
    assert two_machines.stdout
    return two_machines.stdout.readline().strip()


@with_ray
def test_workers_with_another_encoder_are_refused(long_home: Home, address: str) -> None:
    answer = built(long_home, "--join", address, "--load", "hash-encoder 2", env=dict(os.environ))
    assert answer == {
        "error": f"cannot build on Ray: machine {socket.gethostname()} encodes with hash-encoder 2"
        " and this one with hash-encoder 1; give every machine the same report-kb and the model"
        " of KB_MODEL"
    }
    assert generation.names(long_home) == []


@with_ray
def test_workers_that_never_come_up_are_not_waited_for(long_home: Home, address: str) -> None:
    answer = built(long_home, "--join", address, "--load", CRASHES, env=dict(os.environ))
    assert answer == {
        "error": "cannot build on Ray: no worker brought anything for 10 seconds: see that they are"
        " there and have memory, then build again"
    }
    assert loads(long_home) > 2


@with_ray
def test_a_machine_that_is_lost_does_not_lose_the_build(
    long_home: Home, two_machines: subprocess.Popen[str], address: str
) -> None:
    with subprocess.Popen(
        command(long_home, "--join", address), cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as building:
        wait_for(lambda: written(long_home) >= 32, seconds=60)
        assert two_machines.stdin
        assert two_machines.stdout
        assert building.stdout
        print("lose", file=two_machines.stdin, flush=True)
        assert two_machines.stdout.readline() == "lost\n"
        assert written(long_home) < 128
        answer = json.loads(building.stdout.read())
    assert answer["encoded"] > 160
    assert built(long_home, "--join", address, env=dict(os.environ))["encoded"] == 0
    same_as_one_process(long_home, HashEncoder())


def written(home: Home) -> int:
    """Passages in the draft of a build."""
    return sum(path.stat().st_size // 16 for path in home.generations.glob(".*/checks.bin"))


@pytest.mark.parametrize("place", ["nonsense", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:1"])
@with_ray
def test_an_address_where_nothing_is_fails_at_once(long_home: Home, place: str) -> None:
    with pytest.raises(RayFailed, match=f"no Ray answers at {place} within 30 seconds"):
        join(long_home, place)


@with_ray
def test_what_answers_and_is_no_ray_is_given_up(
    long_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_SECONDS", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(RayFailed, match=f"no Ray answers at {place} within 3 seconds"):
            join(long_home, place)


@pytest.mark.parametrize("place", [None, "127.0.0.1:1"])
def test_without_ray_it_says_how_to_get_it(
    long_home: Home, monkeypatch: pytest.MonkeyPatch, place: str | None
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _name: None)
    with pytest.raises(RayFailed) as error:
        join(long_home, place)
    assert str(error.value) == (
        "cannot build on Ray: it is not installed here: pip install 'report-kb[ray]'"
    )


def join(home: Home, place: str | None) -> None:
    with spread(home, HashEncoder(), place):
        raise AssertionError(place)
