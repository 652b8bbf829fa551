"""Damage to every file of a generation: it is refused by name, and the one before it serves."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from index import generation, sealed
from index.search import Searcher
from index.stores import store_of
from kb.errors import IndexDamaged
from tests.faults.house import ENCODER, House, require
from tests.faults.table import Row
from web import doctor
from web.opening import open_whole

Damage = Callable[[Path], object]


def damages(other: Path | None, rng: random.Random) -> Iterator[tuple[str, Damage]]:
    """Every way to spoil a file; `other` is its like in another generation, if it has one."""

    def flip(file: Path) -> None:
        data = bytearray(file.read_bytes())
        data[rng.randrange(len(data))] ^= rng.randint(1, 255)
        file.write_bytes(data)

    def cut(keep: Callable[[int], int]) -> Damage:
        return lambda file: file.write_bytes(file.read_bytes()[: keep(file.stat().st_size)])

    yield "a byte flipped", flip
    yield "cut to nothing", cut(lambda _: 0)
    yield "cut to one byte", cut(lambda _: 1)
    yield "cut in half", cut(lambda size: size // 2)
    yield "the last byte cut off", cut(lambda size: size - 1)
    yield "a byte appended", lambda file: file.write_bytes(file.read_bytes() + b"\0")
    yield "deleted", Path.unlink
    if other is not None:
        yield "of another generation", lambda file: shutil.copyfile(other, file)


def spoiled(file: Path, damage: Damage) -> bool:
    """Do it; false if the file is afterwards as it was, as when an empty one is cut."""
    before = file.read_bytes()
    if before or damage is Path.unlink:
        damage(file)
    return not file.exists() or file.read_bytes() != before


def damaged_files(folder: Path, rounds: int, rng: random.Random) -> Row:
    """All damages to all files of the current generation, `rounds` times over."""
    row = Row("a damaged file of a generation")
    house = House(folder / "damage")
    house.build()
    (house.home.documents / "sports.txt").write_text("另一份总结\n\n健步走。\n", encoding="utf-8")
    house.build()
    (house.home.documents / "sports.txt").write_text("又一份总结\n\n歌咏比赛。\n", encoding="utf-8")
    house.build()
    before, current = (
        generation.folder(house.home, n) for n in reversed(generation.names(house.home))
    )
    for turn in range(rounds):
        for file in sorted(path for path in current.rglob("*") if path.is_file()):
            place = file.relative_to(current)
            other = _like(file, current, before)
            for what, damage in damages(other, rng):
                saved = file.read_bytes()
                if spoiled(file, damage):
                    with row.round(f"turn {turn}, {place} {what}"):
                        row.outcomes[_refused(house, file, before.name)] += 1
                file.write_bytes(saved)
    with row.round("the end"):
        sealed.verify(current)
    return row


def _like(file: Path, folder: Path, other: Path) -> Path | None:
    """The file's counterpart; tantivy gives its files names of their own in each generation."""
    same = other / file.relative_to(folder)
    alike = [same] if same.exists() else sorted(same.parent.glob(f"*{file.suffix}"))
    return alike[0] if alike else None


def _refused(house: House, file: Path, previous: str) -> str:
    try:
        Searcher.open(house.home, ENCODER).close()
    except IndexDamaged as error:
        told = str(error)
        require(error.file == file, f"another file is blamed: {told}")
        require("run 'kb build --force'" in told, f"no remedy: {told}")
    else:
        require(False, "it was opened")
    [check] = [check for check in doctor.examine(house.home) if check.name == "index"]
    require((check.verdict, check.detail) == ("failed", told), f"the doctor says {check}")
    searcher, damage = open_whole(store_of(house.home), ENCODER)
    searcher.close()
    require(searcher.generation == previous, "the one before does not serve")
    require(str(damage) == told, "the fault is not told")
    return "refused by name"
