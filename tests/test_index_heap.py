"""Memory that a search gave back is there for the next one."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    os.name != "posix" or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="the system's malloc is not glibc's",
)

# Faults of pages for 50 times four arrays of 3 MB, written and given back, in each of two threads.
# Pages are small ones: some systems give out large ones of their own accord, at few faults.
_FAULTS = """
import ctypes, resource, sys, threading
import numpy as np
from index.heap import keep_memory

PR_SET_THP_DISABLE = 41  # linux/prctl.h
ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
if sys.argv[1] == "kept":
    keep_memory()

def work():
    for _ in range(50):
        [np.ones(3 << 20, np.uint8) for _ in range(4)]

for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, "-c", _FAULTS, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_arrays_given_back_are_not_asked_of_the_system_again() -> None:
    assert faults("kept") < 1000
    assert faults("as ever") > 10_000
