"""A model named by its id on a hub: fetched before, unknown, or out of reach."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fp32_folder import write_packaged

ROOT = Path(__file__).parents[1]
LOAD = """
import sys
from pathlib import Path
from index.encoder import load_encoder, name_to_be
from index.home import Home
from kb.errors import ModelUnavailable
try:
    home = Home(Path(sys.argv[1]), Path(sys.argv[1]))
    name = load_encoder(home).name
    assert name.startswith(name_to_be(home))
    print(name)
except ModelUnavailable as error:
    print(error)
"""


def loaded(tmp_path: Path, name: str, hub: str) -> str:
    """What becomes of `KB_MODEL=name` in a process that knows only the hub at this address."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_"))},
        "KB_MODEL": name,
        "HF_ENDPOINT": hub,
        "HF_HOME": str(tmp_path / "cache"),
        "no_proxy": "127.0.0.1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return ended.stdout.strip()


@pytest.fixture
def silent() -> Iterator[str]:
    """A hub that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Ignorant(http.server.BaseHTTPRequestHandler):
    """Has nothing at any path."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def ignorant() -> Iterator[str]:
    """A hub that has no model at all."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Ignorant)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def closed() -> str:
    """The address of no hub."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_hub_out_of_reach_is_told_within_seconds(tmp_path: Path, closed: str) -> None:
    """Not after the minutes in which the libraries below try again and again."""
    began = time.monotonic()
    said = loaded(tmp_path, "who/what", closed)
    assert said.startswith(
        "cannot load the model who/what: it is no folder, and the model hub cannot be reached ("
    )
    assert said.endswith("): check KB_MODEL, or name a folder with the model there")
    assert time.monotonic() - began < 15


def test_a_hub_that_never_answers_is_told_within_seconds(tmp_path: Path, silent: str) -> None:
    """Five of them pass before it is given up."""
    began = time.monotonic()
    assert "the model hub cannot be reached" in loaded(tmp_path, "who/what", silent)
    assert time.monotonic() - began < 20


def test_a_name_that_the_hub_does_not_know_is_told(tmp_path: Path, ignorant: str) -> None:
    """A slip of the pen is told apart from a broken network."""
    assert loaded(tmp_path, "who/what", ignorant) == (
        "cannot load the model who/what: it is no folder, and the model hub answers 404: "
        "check KB_MODEL, or name a folder with the model there"
    )


def test_a_name_that_can_be_no_model_asks_nobody(tmp_path: Path, silent: str) -> None:
    """A mistyped folder."""
    assert loaded(tmp_path, "/no/such/folder", silent) == (
        "cannot load the model /no/such/folder: it is neither a folder nor the id of a model: "
        "check KB_MODEL, or name a folder with the model there"
    )


@pytest.mark.model
def test_a_model_fetched_before_needs_no_network(tmp_path: Path, closed: str) -> None:
    """It loads from the hub's cache on this machine, and nobody is asked.

    Its name tells which of its states that is: vectors of two are not compared.
    """
    kept = tmp_path / "cache" / "hub" / "models--who--what"
    (kept / "refs").mkdir(parents=True)
    for commit in ("0123456789abcdef" * 3, "f" * 48):
        (kept / "refs" / "main").write_text(commit[:40])
        write_packaged(kept / "snapshots" / commit[:40])
        said = loaded(tmp_path, "who/what", closed)
        assert said.startswith(f"who/what@{commit[:12]} torch ")
