"""How malloc keeps memory, where it is glibc's."""

from __future__ import annotations

import ctypes
import os
from functools import cache

# of malloc.h; the sizes are those to which glibc itself goes up in time
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST = 32 << 20


@cache
def keep_memory() -> None:
    """Have this whole process keep memory between searches, in one heap for all threads.

    A search takes arrays of some megabytes and gives them back. Where malloc passes these on to
    the system each time, it gets them again page by page, which may take longer than all that is
    done with them. And a heap a thread would keep the most that each ever took, 50 MB in a server.
    """
    if os.name != "posix":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_ARENA_MAX, 1)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _LARGEST)
