"""Model, build, search and page work where every address but loopback is out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.model, pytest.mark.slow]

QUESTION = "外卖小哥歇脚的地方"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a whole first use tells, run with an empty home in a process behind the wall."""
    root = tmp_path_factory.mktemp("offline")
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("KB_", "HF_", "TRANSFORMERS_"))
    }
    environment = {
        **kept,
        "KB_HOME": str(root / "home"),
        "HF_HOME": str(root / "hub"),
        "HOME": str(root),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.offline_process", QUESTION],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_no_other_machine_is_asked_for_anything(told: dict[str, object]) -> None:
    assert told["attempts"] == []


def test_the_wall_keeps_what_it_should(told: dict[str, object]) -> None:
    assert told["wall"] == ["getaddrinfo example.org", "connect ('192.0.2.1', 80)"]


def test_the_model_is_made_and_the_report_indexed(told: dict[str, object]) -> None:
    assert told["encoded"] == 36
    assert "preparing the model multilingual-e5-small" in str(told["announced"])


def test_the_page_and_the_endpoint_answer(told: dict[str, object]) -> None:
    assert "暖心驿站" in str(told["first"])
    assert "暖心驿站" in str(told["page"])
    assert told["generation"] == told["served"]
