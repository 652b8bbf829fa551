"""What a build that died left behind, damaged: the next build uses what is whole, and only that."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from index import generation, sealed
from index.build import Progress, build
from tests.faults.damage import damages, spoiled
from tests.faults.house import ENCODER, House, require
from tests.faults.table import Row


def damaged_leftovers(folder: Path, rounds: int, rng: random.Random) -> Row:
    """Every damage to every file of a draft, `rounds` times over."""
    row = Row("a damaged draft of a killed build")
    house = House(folder / "leftovers", large=True)
    expected = _files(house, house.build())
    draft = _stopped(house)
    left = folder / "left"
    shutil.copytree(draft, left)
    for turn in range(rounds):
        for file in sorted(path for path in left.rglob("*") if path.is_file()):
            place = file.relative_to(left)
            for what, damage in damages(None, rng):
                house.ready(before=False)
                shutil.copytree(left, draft)
                if spoiled(draft / place, damage):
                    with row.round(f"turn {turn}, {place} {what}"):
                        report = build(house.home, ENCODER)
                        require(_files(house, report.generation) == expected, "other vectors")
                        used = report.encoded < report.counts.passages
                        row.outcomes["gone on from" if used else "encoded anew"] += 1
            with row.round(f"turn {turn}, after {place}"):
                house.check_next()
    return row


def _stopped(house: House) -> Path:
    """The draft of a first build that was stopped half-way."""
    house.ready(before=False)
    with suppress(KeyboardInterrupt):
        build(house.home, ENCODER, progress=_stop)
    [draft] = sealed.drafts(house.home.generations)
    return draft


def _stop(step: Progress) -> None:
    if step.stage == "encode" and step.done > step.total / 2:
        raise KeyboardInterrupt


def _files(house: House, name: str) -> dict[str, object]:
    """The sums of a generation's files, but for tantivy's, whose names are new each time."""
    return dict(_sums(generation.folder(house.home, name)))


def _sums(folder: Path) -> Iterator[tuple[str, object]]:
    for name, entry in sealed.read(folder)["files"].items():
        if not name.startswith("lexical/"):
            yield name, entry["sha256"]
