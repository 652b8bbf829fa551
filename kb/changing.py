"""The folder of documents changed: filled at first, added to, taken from; by one at a time."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

from filelock import FileLock

from kb.disk import sync
from kb.errors import DocumentExists, DocumentUnreadable, LastDocument, UnknownDocument
from kb.library import Skipped, Source, content, document_id, find, fingerprint, load, unfit
from kb.passages import cut
from kb.reading import SUFFIXES, read

# Copies under way; one that is older was left by a process that died.
_ADDING, _ADDING_SECONDS = ".adding-", 3600.0

# Not the name of a build's drafts, which every build sweeps away, whoever may be writing them.
_INSTALLING = ".installing"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock, beside `folder`, without which nothing in it is changed; wait for it.

    The system frees the lock of a process that died.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        yield


def add(folder: Path, file: Path, name: str | None = None) -> Source:
    """Copy `file` into the library as `name` (its own by default), whole or not at all.

    Raises `DocumentUnreadable` for what cannot be read, `DocumentExists` for a name or a
    content that the library has: nothing is ever written over.
    """
    target = folder / _safe(file, name or file.name)
    if reason := unfit(file, file.parent, target.suffix):
        raise DocumentUnreadable(target, reason)
    data = _taken(file, target)
    read(target, data)
    with _alone(folder):
        _require_new(folder, target, data)
        _write(target, data)
    return Source(target, target.name, document_id(target.name), len(data))


def _taken(file: Path, target: Path) -> bytes:
    """The bytes of `file`; what stands in the way is told of `target`."""
    try:
        return content(Source(file, target.name, "", file.stat().st_size))
    except DocumentUnreadable as error:
        raise DocumentUnreadable(target, error.reason) from error


def _require_new(folder: Path, target: Path, data: bytes) -> None:
    own = hashlib.sha256(data).hexdigest()
    for source in find(folder).sources:
        same = source.size == len(data) and fingerprint(source.path) == own
        named = source.id == document_id(target.name)  # in whichever bytes it is spelled
        if same or named:
            raise DocumentExists(target.name, target.name if named else source.name)


def _write(target: Path, data: bytes) -> None:
    """A new file, whole or not at all, and on the disk; never over another."""
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    _clear_away(folder)
    handle, aside = tempfile.mkstemp(prefix=_ADDING, dir=folder)
    try:
        with os.fdopen(handle, "wb") as copy:
            copy.write(data)
            copy.flush()
            os.fsync(copy.fileno())
        Path(aside).chmod(0o644)
        _take_name(Path(aside), target)
        sync(folder)
    except FileExistsError as error:
        raise DocumentExists(target.name, target.name) from error
    finally:
        Path(aside).unlink(missing_ok=True)


def _take_name(copy: Path, target: Path) -> None:
    """Name a whole copy; a rename alone would write over a file of that name."""
    try:
        os.link(copy, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        target.touch(exist_ok=False)
        copy.replace(target)


def _clear_away(folder: Path) -> None:
    """Remove copies that were left by processes that died while they added a document."""
    for path in folder.glob(f"{_ADDING}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ADDING_SECONDS:
                path.unlink()


def remove(folder: Path, wanted: str) -> Source:
    """Delete the document with the id `wanted` from the library, or a file that is left out of it.

    Raises `UnknownDocument`, or `LastDocument` where no other could be indexed: an index is of
    something, so that the one there is would go on finding what was deleted.
    """
    if not folder.is_dir():
        raise UnknownDocument(wanted)
    with _alone(folder):
        source = _removable(folder, wanted)
        source.path.unlink(missing_ok=True)  # by hand, since it was found
        sync(source.path.parent)
        return source


def _removable(folder: Path, wanted: str) -> Source:
    """What is to be removed. Raises as `remove`."""
    found = find(folder)
    sources = {source.id: source for source in found.sources}
    left_out = list(_left_out(folder, found.skipped))
    if wanted not in sources:
        for each in left_out:
            if each.id == wanted:
                return each
        raise UnknownDocument(wanted)
    source = sources.pop(wanted)
    own = fingerprint(source.path)
    copies = [each for each in left_out if fingerprint(each.path) == own]
    others = sorted([*sources.values(), *copies], key=lambda each: each.size)
    if not any(map(_can_be_indexed, others)):
        raise LastDocument(source.name, len(sources))
    return source


def _left_out(folder: Path, skipped: Iterable[Skipped]) -> Iterator[Source]:
    """The files that are no documents, by their type or as copies of others."""
    for name in (each.name for each in skipped):
        path = folder / name  # of a name that cannot be told there is none
        if os.path.lexists(path):
            yield Source(path, name, document_id(name), path.lstat().st_size)


def _can_be_indexed(source: Source) -> bool:
    try:
        return bool(cut(load(source)))
    except DocumentUnreadable:
        return False


def _safe(file: Path, name: str) -> str:
    """A file name and nothing more: uploads may name other folders or hidden files."""
    bare = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1].strip()
    if (
        not bare
        or bare.startswith((".", "~$"))
        or not bare.isprintable()
        or len(bare.encode()) > 200
    ):
        raise DocumentUnreadable(file, "its name cannot be used: rename it")
    if Path(bare).suffix.lower() not in SUFFIXES:
        reason = f"only {' '.join(sorted(SUFFIXES))} can be added"
        raise DocumentUnreadable(file.with_name(bare), reason)
    return bare


def install_shipped(folder: Path) -> None:
    """Create `folder` with the shipped reports in it, byte for byte; leave an existing one alone.

    The folder appears complete or not at all, whoever else does the same at that moment.
    """
    if folder.exists():
        return
    with _alone(folder):
        for left in folder.parent.glob(f".{folder.name}.*{_INSTALLING}"):  # by one that died
            shutil.rmtree(left, ignore_errors=True)
        if not folder.exists():
            _install(folder)


def _install(folder: Path) -> None:
    aside = Path(tempfile.mkdtemp(_INSTALLING, f".{folder.name}.", folder.parent))
    try:
        for report in resources.files("kb").joinpath("reports").iterdir():
            (aside / report.name).write_bytes(report.read_bytes())
            sync(aside / report.name)
        aside.chmod(0o755)
        sync(aside)
        aside.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
