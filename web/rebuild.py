"""One rebuild at a time, in a thread of its own, with a state that anyone may read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from kb.errors import KBError, RebuildRunning

if TYPE_CHECKING:
    from index.build import Progress

    Build = Callable[[Callable[[Progress], None]], str]

log = structlog.get_logger("kb.rebuild")

# A build that meets another process's lock says so within milliseconds; whoever asked waits
# this long for the first sign, so that the answer is "already running" and not "accepted".
FIRST_SIGN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RebuildState:
    """How the newest rebuild of this server stands.

    `stage`, `done` and `total` are those of `index.build.Progress`; times are ISO 8601, UTC;
    `generation` is what the rebuild published.
    """

    state: Literal["idle", "running", "done", "failed"] = "idle"
    stage: str | None = None
    done: int = 0
    total: int = 0
    error: str | None = None
    generation: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class _Stopped(Exception):  # noqa: N818 - no error: the server is going down
    """The server stops, so the build shall unwind at its next step."""


class _Answer:
    """What whoever asked for a rebuild is told: that it runs, or why not, whichever comes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given = False
        self._refusal: RebuildRunning | None = None

    def give(self) -> None:
        """Say that it runs, unless that is known to be wrong; then raise what it was refused by."""
        with self._lock:
            self._given = True
            if self._refusal is not None:
                raise self._refusal

    def refuse(self, error: RebuildRunning) -> bool:
        """Say that it does not run; false where it is too late for that."""
        with self._lock:
            self._refusal = error
            return not self._given


class Rebuilder:
    """Runs `build`, which takes a progress callback and gives the generation it published."""

    def __init__(self, home: Path, build: Build) -> None:
        self.state = RebuildState()
        self.ended = {"done": 0, "failed": 0}
        self._home = home
        self._build = build
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, again: Callable[[], None] | None = None) -> RebuildState:
        """Begin in the background; raises RebuildRunning, for another process's build too.

        One that is met only after the answer cannot be raised any more: `again` is called then,
        or the rebuild has failed.
        """
        before = self._claim()
        begun = threading.Event()
        answer = _Answer()

        def work() -> None:
            try:
                self._work(begun)
            except RebuildRunning as error:
                if answer.refuse(error) or again is not None:
                    self.state = before
                else:
                    self._end("failed", error=str(error))
                if again is not None:
                    again()
            finally:
                begun.set()

        self._thread = threading.Thread(target=work, name="kb-rebuild", daemon=True)
        self._thread.start()
        begun.wait(FIRST_SIGN_SECONDS)
        answer.give()
        return self.state

    def run(self) -> RebuildState:
        """Build here and now, with the same state to be read meanwhile."""
        before = self._claim()
        try:
            self._work(threading.Event())
        except RebuildRunning:
            self.state = before
            raise
        return self.state

    def stop(self, timeout: float) -> bool:
        """Make a running build unwind at its next step; false if it did not in `timeout` s."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _claim(self) -> RebuildState:
        with self._lock:
            before = self.state
            if before.state == "running":
                raise RebuildRunning(self._home)
            self.state = RebuildState("running", started_at=_now())
            return before

    def _work(self, begun: threading.Event) -> None:
        def progress(step: Progress) -> None:
            begun.set()
            if self._stopping.is_set():
                raise _Stopped
            self.state = replace(self.state, stage=step.stage, done=step.done, total=step.total)

        try:
            generation = self._build(progress)
        except RebuildRunning:
            raise
        except _Stopped:
            self._end("failed", error="stopped: the server is shutting down")
        except KBError as error:
            self._end("failed", error=str(error))
        except OSError as error:
            self._end("failed", error=f"cannot write the index: {error.strerror or error}")
        except Exception:
            log.exception("rebuild failed")
            self._end("failed", error="internal error: see the server's log")
        else:
            self._end("done", generation=generation)

    def _end(self, state: Literal["done", "failed"], **changes: str) -> None:
        self.ended[state] += 1  # first: whoever sees the state finds it counted
        self.state = replace(self.state, state=state, finished_at=_now(), **changes)  # type: ignore[arg-type]
        log.info("rebuild", state=state, **changes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
