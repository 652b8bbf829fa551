"""Makes calls into the system fail in child processes; see `interposer.c`."""

from __future__ import annotations

import ctypes
import os
import subprocess
from enum import IntFlag
from pathlib import Path


class Calls(IntFlag):
    """Kinds of calls that change what is on disk."""

    WRITE = 1
    FSYNC = 2
    RENAME = 4
    CREATE = 8


EVERY = Calls.WRITE | Calls.FSYNC | Calls.RENAME | Calls.CREATE
KILL = 0  # in place of an error number: the process ends at the call
_SOURCE = Path(__file__).with_name("interposer.c")


def install(folder: Path) -> str | None:
    """Preload it into every process started from now on; the reason where that cannot be."""
    library = folder / "interposer.so"
    try:
        made = subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return "no C compiler"
    if made.returncode:
        return f"interposer.c does not compile here: {made.stderr.strip()[-200:]}"
    os.environ["LD_PRELOAD"] = str(library)
    return None


def arm(root: Path, calls: Calls, nth: int, error: int, *, lasting: bool = False) -> None:
    """In this process, fail the `nth` call below `root`, and all after it if `lasting`."""
    ctypes.CDLL(None).arm(os.fsencode(root), int(calls), nth, error, int(lasting))


def count() -> int:
    """Calls of the armed kinds since `arm`."""
    return int(ctypes.CDLL(None).calls())
