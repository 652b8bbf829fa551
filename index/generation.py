"""One index on disk, whole or not at all: names, publication, verification."""

from __future__ import annotations

import re
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path

from index import sealed
from index.home import Home
from kb.errors import IndexDamaged, IndexMissing

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")  # also keeps CURRENT from leading elsewhere
_KEPT = 2


def new_name() -> str:
    """A name that sorts by time of making."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def current(home: Home) -> str | None:
    """The name of the published generation, None before the first; a cheap read.

    Raises `IndexDamaged` where `CURRENT` does not hold a name.
    """
    try:
        name = home.current.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    if not _NAME.fullmatch(name):
        raise IndexDamaged(home.current, "it does not name a generation")
    return name


def folder(home: Home, name: str) -> Path:
    """Where a generation lives."""
    return home.generations / name


def names(home: Home) -> list[str]:
    """All generations present, newest first."""
    if not home.generations.is_dir():
        return []
    return sorted(
        (p.name for p in home.generations.iterdir() if _NAME.fullmatch(p.name)), reverse=True
    )


def publish(home: Home, draft: Path, name: str) -> None:
    """Give a sealed draft its name and make it current; afterwards only two are kept."""
    sealed.move(draft, folder(home, name))
    try:
        before = current(home)
    except IndexDamaged:
        before = None
    sealed.replace_text(home.current, name + "\n")
    sweep(home, keep={name, before})


def rollback(home: Home) -> str:
    """Make the other kept generation current and return its name.

    It is verified first. Raises `IndexMissing` when there is none, or `IndexDamaged`.
    """
    serving = current(home)
    for name in names(home):
        if name != serving:
            sealed.verify(folder(home, name))
            sealed.replace_text(home.current, name + "\n")
            return name
    raise IndexMissing(home.root)


def sweep(home: Home, keep: set[str | None]) -> None:
    """Remove what builds left behind: drafts, and generations beyond those to `keep`.

    A server that still has a removed one open goes on reading its mapped files.
    """
    kept = [name for name in names(home) if name in keep][:_KEPT]
    for path in home.generations.iterdir():
        if path.name not in kept and (_NAME.fullmatch(path.name) or _is_draft(path)):
            shutil.rmtree(path, ignore_errors=True)
    for path in home.root.glob(f".*{sealed.DRAFT_SUFFIX}"):
        path.unlink(missing_ok=True)


def _is_draft(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(sealed.DRAFT_SUFFIX)
