"""Workers and servers as processes, all with the same environment; what each takes of memory."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_PATIENCE = 600.0  # seconds for a server to come up


def environment() -> dict[str, str]:
    """All cores for everyone, unless its own code says otherwise; no hub, no settings of a user."""
    cores = str(os.cpu_count() or 1)
    threads = {"OMP_NUM_THREADS": cores, "LANCE_CPU_THREADS": cores}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KB_")}
    offline = {"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}
    quiet = {"TRANSFORMERS_VERBOSITY": "error"}
    return {**kept, **threads, **offline, **quiet, "PYTHONPATH": str(ROOT)}


def python(module: str) -> list[str]:
    """The command that runs a module of this folder."""
    return [sys.executable, "-m", f"tests.benchmarks.{module}"]


class Process:
    """What it says on standard error is kept, and shown when it fails."""

    def __init__(self, command: Sequence[object], *, asked: bool) -> None:
        """`asked` keeps standard output for answers."""
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if asked else self._said,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()
        self._said.close()

    @property
    def said(self) -> str:
        """Everything on standard error so far."""
        self._said.seek(0)
        return self._said.read()

    @property
    def resident(self) -> float | None:
        """Resident memory in MB; None where the system does not tell."""
        return self._memory("VmRSS")

    @property
    def own(self) -> float | None:
        """What of it is not pages of mapped files."""
        return self._memory("RssAnon")

    def _memory(self, kind: str) -> float | None:
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        found = re.search(rf"{kind}:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else None

    @property
    def elapsed(self) -> float:
        """Seconds since its start."""
        return time.perf_counter() - self.began

    def ended(self) -> RuntimeError:
        return RuntimeError(f"{self._process.args!r} ended:\n{self.said}")


class Worker(Process):
    """Answers tasks, a line of JSON each."""

    def __init__(self, module: str, *arguments: object) -> None:
        super().__init__([*python(module), *arguments], asked=True)
        self._answer()

    def ask(self, task: str, **fields: object) -> dict[str, Any]:
        """One task; raises RuntimeError with what the process said when it has ended."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"do": task, **fields}), file=self._process.stdin, flush=True)
        except BrokenPipeError as error:
            raise self.ended() from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self.ended()
        answer: dict[str, Any] = json.loads(line)
        return answer


class Server(Process):
    """Says where it serves; `started` is seconds from its start to its first answer."""

    def __init__(self, path: str, command: Sequence[object]) -> None:
        super().__init__(command, asked=False)
        self.path = path
        self.address = self._address()
        first = f"{path}{urllib.parse.quote('工会')}"
        while not self._answers(first):
            time.sleep(0.02)
        self.started = self.elapsed

    def _address(self) -> tuple[str, int]:
        while not (found := re.search(r"http://([\d.]+):(\d+)", self.said)):
            self._wait()
        return found[1], int(found[2])

    def _wait(self) -> None:
        if self._process.poll() is not None or self.elapsed > _PATIENCE:
            raise self.ended()
        time.sleep(0.02)

    def _answers(self, path: str) -> bool:
        self._wait()
        connection = http.client.HTTPConnection(*self.address, timeout=_PATIENCE)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
