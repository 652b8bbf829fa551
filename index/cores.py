"""How many threads there is use for, and work shared among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
