"""Builds in processes of their own, started quickly: from a server that has imported all."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import index.encoder
from tests.fakes import HashEncoder
from tests.faults import interposer
from tests.faults.interposer import Calls

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.faults.children", "index.build", "web.cli"])


class Fault(NamedTuple):
    """What is to go wrong in a child: the `nth` of these calls, with this error number."""

    calls: Calls
    nth: int
    error: int
    lasting: bool = False


class Ended(NamedTuple):
    """How `kb build` ended: its exit status (negative: the signal) and its last line on stderr."""

    status: int
    said: str


BUILD = ("build", "--force")


def kb(
    root: Path,
    fault: Fault | None,
    began: Callable[[], None],
    log: Path,
    arguments: Sequence[str],
) -> None:
    """Run `kb --home root ...` with the fake encoder; counted calls go to stderr."""
    from web.cli import main

    # left open: the interpreter flushes it once more when the process ends
    stream = log.open("w", encoding="utf-8")
    os.dup2(stream.fileno(), 2)
    sys.stderr = sys.stdout = stream
    index.encoder.load_encoder = lambda *_: HashEncoder()
    if fault is not None:
        interposer.arm(root, *fault[:3], lasting=fault.lasting)
    began()
    try:
        main(["--home", str(root), *arguments])
    except SystemExit as ended:
        if fault is not None and not ended.code:
            stream.write(f"calls {interposer.count()}\n")
        raise


class Child:
    """One `kb build` or other command under way; it is made when that is about to begin."""

    def __init__(
        self, root: Path, fault: Fault | None = None, arguments: Sequence[str] = BUILD
    ) -> None:
        handle, name = tempfile.mkstemp(prefix="kb-child-", suffix=".log")
        os.close(handle)
        self._log = Path(name)  # not beside the home, whose disk may be full
        ready = _FORKS.Event()
        self._process = _FORKS.Process(
            target=kb, args=(root, fault, ready.set, self._log, arguments)
        )
        self._process.start()
        if not ready.wait(60):
            raise TimeoutError("a child did not start")

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def wait(self, seconds: float | None = None) -> Ended | None:
        """How it ended; None if it has not after so many seconds."""
        self._process.join(seconds)
        status = self._process.exitcode
        if status is None:
            return None
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        self._log.unlink()
        return Ended(status, lines[-1] if lines else "")


def built(root: Path, fault: Fault | None = None, arguments: Sequence[str] = BUILD) -> Ended:
    """Run one to its end; five minutes are taken for a hang."""
    ended = Child(root, fault, arguments).wait(300)
    if ended is None:
        raise TimeoutError(f"kb {arguments[0]} hangs")
    return ended
