"""Numbers in files that are mapped: read when they are looked at."""

from __future__ import annotations

import math
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(path: Path, dtype: str, *width: int) -> npt.NDArray[Any]:
    """The numbers of a file that holds nothing else, `(n, *width)`.

    What does not fill a row at its end is passed over.
    """
    row = math.prod(width) * np.dtype(dtype).itemsize
    shape = (path.stat().st_size // row, *width)
    if shape[0] == 0:  # an empty file cannot be mapped
        return np.zeros(shape, dtype)
    return np.asarray(np.memmap(path, dtype, "r", shape=shape))  # a plain view slices faster


def held() -> int:
    """Bytes of mapped files that count as memory of this process; 0 where the system is silent."""
    try:
        return int(_OWN.read_bytes().split()[2]) * mmap.PAGESIZE
    except OSError:
        return 0


_OWN = Path("/proc/self/statm")


def let_go(array: npt.NDArray[Any]) -> None:
    """Keep what was looked at of a mapped file no longer among the memory of this process.

    The system keeps it as long as it has room, and gives it back when it is looked at again, also
    to who is reading it now. Does nothing where the system has no such call.
    """
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)
