"""Several at once: builds of one home, a lock whose holder died, two servers."""

from __future__ import annotations

import random
import time
from pathlib import Path

from index import generation
from tests.faults.children import Child
from tests.faults.house import House, require
from tests.faults.table import Row


def builds_at_once(folder: Path, rounds: int, rng: random.Random) -> Row:
    """Three processes build one home at nearly the same moment."""
    row = Row("three builds at once")
    house = House(folder / "rivals")
    for number in range(rounds):
        with row.round(f"round {number}"):
            children = []
            for _ in range(3):
                children.append(Child(house.home.root))
                time.sleep(rng.uniform(0, 0.05))
            endings = [child.wait(60) for child in children]
            for ended in endings:
                require(ended is not None, "a build hangs")
                built = ended is not None and ended.status == 0
                told = ended is not None and "a build is already running" in ended.said
                require(built or told, f"it ended with {ended}")
                row.outcomes["built" if built else "told to wait"] += 1
            require(generation.current(house.home), "none published")
            house.check(generation.current(house.home))
    with row.round("the end"):
        house.check_next()
    return row


def dead_holders(folder: Path, rounds: int) -> Row:
    """A build that was killed while it held the lock stops nobody."""
    row = Row("the lock of a killed build")
    house = House(folder / "holders", large=True)
    serving = house.build()
    for number in range(rounds):
        with row.round(f"round {number}"):
            child = Child(house.home.root)
            time.sleep(0.05)
            child.kill()
            child.wait(60)
            serving = house.build()
            row.outcomes["built at once"] += 1
            require(house.check(None) == serving, "another generation serves")
    return row
