"""Model, build, search and page work where every address but loopback is out of reach."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.model, pytest.mark.slow]

QUESTION = "外卖小哥歇脚的地方"

# The wall stands in Python; what libraries of other languages ask for, the system sees.
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg")
NEAR = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "(::1|::ffff:127\.[\d.]+)"')


def traced(into: Path, command: list[str]) -> list[str]:
    """The command with its calls to other machines written to a file, where that can be done."""
    whole = [*STRACE, "-o", str(into)]
    if shutil.which("strace") is None:
        return command
    tried = subprocess.run([*whole, "true"], capture_output=True, check=False)
    return [*whole, *command] if tried.returncode == 0 else command


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the calls are written."""
    return tmp_path_factory.mktemp("trace") / "calls"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, trace: Path) -> dict[str, object]:
    """What a whole first use tells, run with an empty home in a process behind the wall."""
    root = tmp_path_factory.mktemp("offline")
    own = ("KB_", "HF_", "TRANSFORMERS_", "ORT_", "XDG_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
    environment = {
        **kept,
        "KB_HOME": str(root / "home"),
        "HF_HOME": str(root / "hub"),
        "HOME": str(root),
    }
    done = subprocess.run(
        traced(trace, [sys.executable, "-m", "tests.offline_process", QUESTION]),
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "left": [p.name for p in root.iterdir()]}


def test_no_other_machine_is_asked_for_anything(told: dict[str, object]) -> None:
    assert told["attempts"] == []


@pytest.mark.usefixtures("told")
def test_no_library_asks_another_machine_past_python(trace: Path) -> None:
    if not trace.exists():
        pytest.skip("needs strace, and leave to use it")
    calls = [each for each in trace.read_text().splitlines() if "AF_INET" in each]
    assert any(NEAR.search(each) for each in calls)  # those of the test itself
    assert [each for each in calls if not NEAR.search(each)] == []


def test_nothing_is_left_beside_the_home(told: dict[str, object]) -> None:
    """As libraries do that know their user again, by calls that no wall in Python sees."""
    assert told["left"] == ["home"]


def test_the_wall_keeps_what_it_should(told: dict[str, object]) -> None:
    assert told["wall"] == ["getaddrinfo example.org", "connect ('192.0.2.1', 80)"]


def test_the_model_is_made_and_the_report_indexed(told: dict[str, object]) -> None:
    assert told["encoded"] == 36
    assert "preparing the model multilingual-e5-small" in str(told["announced"])


def test_the_page_and_the_endpoint_answer(told: dict[str, object]) -> None:
    assert "暖心驿站" in str(told["first"])
    assert "暖心驿站" in str(told["page"])
    assert told["generation"] == told["served"]
