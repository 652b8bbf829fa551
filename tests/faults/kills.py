"""SIGKILL at a random moment of a build: by the clock, and at a random call into the system."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import interposer
from tests.faults.children import BUILD, Child, Fault, built
from tests.faults.house import House
from tests.faults.interposer import KILL
from tests.faults.table import Row


def kills(folder: Path, rounds: int, rng: random.Random, *, before: bool, calls: bool) -> Row:
    """Kill `rounds` builds, with an index `before` or none; `calls`: the interposer is there."""
    row = Row(f"SIGKILL during a build, {'an' if before else 'no'} index before")
    house = House(folder / ("old" if before else "new"), large=True)
    serving = house.build() if before else None
    seconds, count = _measured(house, calls)
    for number in range(rounds):
        by_call = calls and number % 2 == 1
        at = rng.randint(1, count) if by_call else rng.uniform(0, seconds)
        with row.round(f"round {number}, at {'call' if by_call else 'second'} {at}"):
            if not before:
                house.ready(before=False)
            command = BUILD if number % 4 < 2 else ("build",)  # this one takes over vectors
            row.outcomes[_killed(house.home.root, at, command, by_call=by_call)] += 1
            serving = house.check(serving if before else None)
            if number % 3 == 0 or not before:  # else the leftovers of several meet
                house.check_next()
    with row.round("the end"):
        house.check_next()
    row.note = f"{seconds:.2f} s and {count} calls a build"
    return row


def _measured(house: House, calls: bool) -> tuple[float, int]:
    """Seconds and calls that a build takes when nobody disturbs it."""
    built(house.home.root)  # the first child of all waits for the imports
    began = time.monotonic()
    fault = Fault(interposer.EVERY, 10**9, 1) if calls else None
    said = built(house.home.root, fault).said
    return time.monotonic() - began, int(said.split()[1]) if calls else 0


def _killed(root: Path, at: float, command: Sequence[str], *, by_call: bool) -> str:
    """Kill a build; one that had ended before is followed by another, killed earlier."""
    if by_call:
        while built(root, Fault(interposer.EVERY, int(at), KILL), command).status != -9:
            at = max(1, 0.8 * at)
        return "killed at a call"
    while not _killed_after(root, at, command):
        at *= 0.8
    return "killed by the clock"


def _killed_after(root: Path, seconds: float, command: Sequence[str]) -> bool:
    child = Child(root, None, command)
    time.sleep(seconds)
    child.kill()
    stopped = child.wait(60)
    return stopped is not None and stopped.status == -9
