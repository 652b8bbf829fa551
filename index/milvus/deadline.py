"""How long calls may take: one by itself, and all of one search together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kb.errors import StoreUnavailable


class Deadline:
    """The seconds that a thread's next call to `place` has."""

    def __init__(self, place: str, seconds: float) -> None:
        self._place = place
        self._seconds = seconds
        self._ends = threading.local()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """All calls of this thread within have the time of one."""
        self._ends.at = time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._ends.at = None

    def left(self) -> float:
        """Seconds for a call that begins now. Raises `StoreUnavailable` when there are none."""
        at = getattr(self._ends, "at", None)
        if at is None:
            return self._seconds
        left = float(at) - time.monotonic()
        if left <= 0:
            raise StoreUnavailable(self._place, f"no answer within {self._seconds:g} s")
        return left
