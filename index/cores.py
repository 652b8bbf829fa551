"""How many threads there is use for, and work shared among them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import TypeVar

_Result = TypeVar("_Result")


def usable_cores() -> int:
    """Cores that this process may run on, or as many as `OMP_NUM_THREADS` allows it."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isascii() and told.isdigit() and int(told):
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crowd:
    """Those who compute in this process now. Who is alone may take more than a core."""

    def __init__(self) -> None:
        self._size = 0
        self._lock = threading.Lock()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be one of them for a `with` block."""
        with self._lock:
            self._size += 1
        try:
            yield
        finally:
            with self._lock:
                self._size -= 1

    @property
    def is_one(self) -> bool:
        """Whether there is one at most, who asks."""
        return self._size <= 1


CROWD = Crowd()


def together(works: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """What each of some works gives, in their order; all run at once, the first on this thread.

    A thread has to be woken, which takes as long as a small search: for works of milliseconds,
    most of them outside of Python. Context variables are those of the caller. None but the first
    may call this function itself, or all threads could wait for others.
    """
    threads = _threads(usable_cores())
    others = [threads.submit(copy_context().run, work) for work in works[1:]]
    return [*(work() for work in works[:1]), *(other.result() for other in others)]


@cache
def _threads(cores: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores, "together")
