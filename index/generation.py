"""One index on disk, whole or not at all: names, publication, the way back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from index import sealed
from index.home import Home
from index.store import check_version
from kb.disk import sync, writing
from kb.errors import IndexDamaged, IndexMissing, NoEarlierGeneration, RebuildRunning

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")  # also keeps CURRENT from leading elsewhere
KEPT = 2
_STEP = timedelta(microseconds=1)


def new_name(present: Iterable[str] = ()) -> str:
    """A name that sorts by time of making, to the microsecond.

    It sorts behind all that are `present`, so that a clock that went back cannot make an older
    generation pass for the newest.
    """
    now = max([datetime.now(UTC), *(_made(name) + _STEP for name in present)])
    return f"{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{secrets.token_hex(1)[0]}"


def _made(name: str) -> datetime:
    """When a generation was made by its name."""
    try:
        second = datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:  # digits that are no date
        return datetime.min.replace(tzinfo=UTC)
    return second + timedelta(microseconds=int(name[17:22], 16))


def current(home: Home) -> str | None:
    """The name of the published generation, None before the first; a cheap read.

    Raises `IndexDamaged` where `CURRENT` does not hold a name.
    """
    try:
        name = home.current.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexDamaged(home.current, f"it cannot be read: {error.strerror}") from error
    if not NAME.fullmatch(name):
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
        (p.name for p in home.generations.iterdir() if NAME.fullmatch(p.name)), reverse=True
    )


def others(home: Home) -> list[str]:
    """The generations that could serve in place of the current one, the best first.

    Those before it come first, the newest of them in front. A newer one was taken back, or
    was left by a build that died when it was about to make it current.
    """
    return fallbacks(names(home), _readable_current(home))


def fallbacks(present: Sequence[str], serving: str | None) -> list[str]:
    """The rule of `others`, for names in any place."""
    newest = sorted((name for name in present if name != serving), reverse=True)
    if serving is None:
        return newest
    return sorted(newest, key=lambda name: name > serving)  # stable: newest first on both sides


def by_worth(present: Sequence[str], serving: str | None) -> list[str]:
    """The generation that serves, then the others as `fallbacks` has them."""
    return [*([serving] if serving else []), *fallbacks(present, serving)]


def first_whole(
    candidates: Iterable[str], verify: Callable[[str], object], place: Path | str
) -> str:
    """The first of some generations at `place` of which `verify` raises no `IndexDamaged`.

    Raises the first that it raised of all of them, or `NoEarlierGeneration` of none.
    """
    damage: IndexDamaged | None = None
    for name in candidates:
        try:
            verify(name)
        except IndexDamaged as error:
            damage = damage or error
        else:
            return name
    raise damage or NoEarlierGeneration(place)


def _readable_current(home: Home) -> str | None:
    with suppress(IndexDamaged):
        return current(home)
    return None


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """Hold the lock without which nothing in `home` is changed; make the folders it needs.

    The system frees the lock of a process that died. Raises `RebuildRunning` where another
    holds it, and turns what the disk refuses meanwhile into `StorageFailed`.
    """
    with writing(home.root):
        is_new = not home.root.exists()
        home.generations.mkdir(parents=True, exist_ok=True)
        if is_new:
            with suppress(PermissionError):  # one may create in a folder that one may not read
                sync(home.root.parent)
        lock = FileLock(home.lock)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise RebuildRunning(home.root) from error
        try:
            yield
        finally:
            lock.release()


def publish(home: Home, draft: Path, name: str) -> None:
    """Give a sealed draft its name and make it current; keep it and the best of the others."""
    before = by_worth(names(home), _readable_current(home))
    try:
        sealed.move(draft, folder(home, name))
        sealed.replace_text(home.current, name + "\n")
    except BaseException:
        with suppress(IndexDamaged, FileNotFoundError):  # in doubt it stays, for the next sweep
            if current(home) != name:
                sealed.discard(folder(home, name))
        raise
    whole = next((other for other in before if _is_whole(home, other)), None)
    _keep(home, {name, whole})


def _is_whole(home: Home, name: str) -> bool:
    try:
        sealed.verify(folder(home, name))
    except IndexDamaged:
        return False
    return True


def facts(home: Home, name: str) -> dict[str, Any]:
    """The manifest, once every file is as it says and of today's version.

    Raises `IndexDamaged`.
    """
    manifest = sealed.verify(folder(home, name))
    check_version(manifest, folder(home, name) / sealed.MANIFEST)
    return manifest


def rollback(home: Home) -> str:
    """Make the best of the other generations current and return its name.

    It is verified first, its version too. Raises `IndexMissing`, `NoEarlierGeneration`,
    `RebuildRunning`, or `IndexDamaged` where none is whole.
    """
    if not names(home):
        raise IndexMissing(home.root)
    with alone(home):
        name = first_whole(others(home), partial(facts, home), home.root)
        sealed.replace_text(home.current, name + "\n")
        return name


def sweep(home: Home) -> None:
    """Remove what builds that died left behind: drafts, and generations beyond two.

    A server that still has a removed one open goes on reading its mapped files.
    """
    _keep(home, set(by_worth(names(home), _readable_current(home))[:KEPT]))
    sealed.clear_drafts(home.generations)
    sealed.clear_drafts(home.root)


def _keep(home: Home, kept: set[str | None]) -> None:
    for name in names(home):
        if name not in kept:
            sealed.discard(folder(home, name))
