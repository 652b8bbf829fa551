"""How long calls may take: one by itself, and all of one search together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kb.errors import StoreUnavailable

# of a search, by `time.monotonic`; also in the threads that it shares its work with
_END: ContextVar[float | None] = ContextVar("end of the search", default=None)


class Deadline:
    """The seconds that the next call to `place` has."""

    def __init__(self, place: str, seconds: float) -> None:
        self._place = place
        self._seconds = seconds

    @contextmanager
    def shared(self) -> Iterator[None]:
        """All calls within have the time of one."""
        before = _END.set(time.monotonic() + self._seconds)
        try:
            yield
        finally:
            _END.reset(before)

    def left(self) -> float:
        """Seconds for a call that begins now. Raises `StoreUnavailable` when there are none."""
        end = _END.get()
        if end is None:
            return self._seconds
        left = end - time.monotonic()
        if left <= 0:
            raise StoreUnavailable(self._place, f"no answer within {self._seconds:g} s")
        return left
