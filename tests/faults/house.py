"""A home under attack, and what must still be true of it afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

from index import generation
from index.build import build
from index.home import Home
from index.search import Searcher
from kb.changing import install_shipped
from tests.conftest import new_home
from tests.fakes import HashEncoder

CONTROL = "为快递小哥和环卫工人提供饮水、休息的暖心驿站"
ENCODER = HashEncoder()


class Lost(Exception):  # noqa: N818 - what is looked for
    """Something that must hold does not."""


def require(holds: object, what: str) -> None:
    """Raise `Lost` unless it holds."""
    if not holds:
        raise Lost(what)


class House:
    """The mini reports, and the shipped one if `large`; nothing is built at first."""

    def __init__(self, root: Path, *, large: bool = False) -> None:
        self.home = new_home(root)
        if large:
            install_shipped(root.parent / "shipped")
            for report in (root.parent / "shipped").iterdir():
                shutil.copy(report, self.home.documents)
        spare = Home(root.parent / f"{root.name}-spare", self.home.documents)
        build(spare, ENCODER)
        build(spare, ENCODER)
        self.answer = control(spare)
        self.bytes = _bytes(spare.generations)

    def build(self) -> str:
        """Build here and now; return the generation."""
        return build(self.home, ENCODER).generation

    def check(self, old: str | None) -> str | None:
        """Old or new serves, whole; the generation that does, None if none and none before."""
        serving = generation.current(self.home)
        if serving is None:
            require(old is None, "the index is gone")
            return None
        require(control(self.home) == self.answer, "the control query has another top 5")
        return serving

    def check_next(self) -> None:
        """The next build works, nothing is left over, and no more of the disk is used."""
        made = self.build()
        require(self.check(None) == made, "the next build does not serve")
        names = {path.name for path in self.home.root.iterdir()}
        known = {"documents", "documents.lock", "generations", "CURRENT", "build.lock"}
        require(names <= known, f"left: {names}")
        kept = sorted(path.name for path in self.home.generations.iterdir())
        require(len(kept) <= 2 and made in kept, f"left: {kept}")
        used = _bytes(self.home.generations)
        require(used <= self.bytes + 4096, f"{used} bytes used, not {self.bytes}")

    def ready(self, *, before: bool) -> str | None:
        """An index is there `before` what comes, or nothing is; the generation that serves."""
        if before:
            return self.build()
        shutil.rmtree(self.home.generations, ignore_errors=True)
        self.home.current.unlink(missing_ok=True)
        return None


def control(home: Home) -> list[tuple[str, str, float]]:
    """The top 5 of the control query: passage, text and score."""
    searcher = Searcher.open(home, ENCODER)
    try:
        hits = searcher.search(CONTROL, k=5).hits
        return [(hit.passage.id, hit.passage.text, hit.score) for hit in hits]
    finally:
        searcher.close()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
