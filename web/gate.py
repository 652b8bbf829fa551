"""A bounded queue before the index: what cannot be answered in time is refused at once."""

from __future__ import annotations

import math
import threading
import time

from flask import Flask, current_app, g, request

from kb.errors import Overloaded

# One in the model, one in Python, one on its way from one to the other: of eight clients 3 at a
# time got 117 answers a second, 2 and 4 got 116 and 102, and 8 got 82, who take turns at Python.
RUNNING = 3
WAITING = 61  # a query takes milliseconds, so the last of these still waits well under a second
SECONDS = 10.0  # for the wait and the search together; whoever asked has given up by then
FREE = {"static", "api.rebuild_state", "pages.now"}  # polled, and they never touch the index
# These may read a document, for many seconds: one behind another, and no search behind them.
CHANGES = {
    *("api.add_document", "api.remove_document"),
    *("pages.add_documents", "pages.remove_document"),
}
CHANGING, CHANGES_WAITING = 2, 6  # a small document need not wait for one large one
# The rest keep health checks, refusals and files answering.
THREADS = RUNNING + WAITING + CHANGING + CHANGES_WAITING + 16


class Gate:
    """Lets `running` requests in at a time and `waiting` more stand in line."""

    def __init__(
        self, running: int = RUNNING, waiting: int = WAITING, seconds: float = SECONDS
    ) -> None:
        self._running = running
        self._places = running + waiting
        self._turns = threading.Semaphore(running)
        self._lock = threading.Lock()
        self._seconds = seconds
        self._inside = 0

    @property
    def waiting(self) -> int:
        """How many requests stand in line now."""
        return max(0, self._inside - self._running)

    def enter(self) -> None:
        """Wait for a turn; raises Overloaded when the line is full or the wait too long."""
        with self._lock:
            if self._inside >= self._places:
                raise Overloaded
            self._inside += 1
        if not self._turns.acquire(timeout=self._seconds):
            with self._lock:
                self._inside -= 1
            raise Overloaded

    @property
    def deadline(self) -> float:
        """When a request that comes now must be answered, by `time.monotonic`."""
        return time.monotonic() + self._seconds

    def leave(self) -> None:
        """Give the turn to the next in line."""
        with self._lock:
            self._inside -= 1
        self._turns.release()


def register(app: Flask, gate: Gate) -> None:
    """Put `gate` before every view that uses the index; files and health checks pass by.

    What changes the library has a gate of its own.
    """
    app.extensions["kb_gate"] = gate
    app.extensions["kb_change_gate"] = Gate(CHANGING, CHANGES_WAITING)
    app.before_request(_enter)
    app.teardown_request(_leave)


def free(endpoint: str | None) -> bool:
    """True for what must answer under any load."""
    return endpoint is None or endpoint.startswith("health.") or endpoint in FREE


def deadline() -> float:
    """When the present request must be answered, by `time.monotonic`."""
    until: float = g.get("kb_deadline", math.inf)
    return until


def _enter() -> None:
    if not free(request.endpoint):
        name = "kb_change_gate" if request.endpoint in CHANGES else "kb_gate"
        gate: Gate = current_app.extensions[name]
        g.kb_deadline = gate.deadline
        gate.enter()
        g.kb_gate = gate


def _leave(_error: BaseException | None) -> None:
    gate: Gate | None = g.pop("kb_gate", None)
    if gate is not None:
        gate.leave()
