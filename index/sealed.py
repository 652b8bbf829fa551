"""A sealed folder: written aside, every file listed with its SHA-256, moved into place whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kb.disk import sha256, sync
from kb.errors import IndexDamaged

MANIFEST = "manifest.json"
_FORMAT = 2
_DRAFT = re.compile(r"\.(?P<final>.+)\.\w+\.draft")


def _aside(final: Path) -> Path:
    return final.with_name(f".{final.name}.{secrets.token_hex(4)}.draft")


def draft(final: Path) -> Path:
    """An empty folder beside `final` to write into; on the same disk, so that a move is atomic."""
    folder = _aside(final)
    folder.mkdir()
    return folder


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest (`facts` and every file's size and SHA-256) and flush all to the disk."""
    files = {p.relative_to(folder).as_posix(): _entry(p) for p in _files(folder)}
    manifest = {"format": _FORMAT, "folder": _final_name(folder), **facts, "files": files}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    path = folder / MANIFEST
    path.write_bytes(_seal_line(text.encode()) + text.encode())
    mode = path.stat().st_mode
    for file in _files(folder):
        file.chmod(mode)  # some libraries write for the owner only; a server may be another user
        sync(file)
    for inner in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        sync(inner)
    sync(folder)


def _final_name(folder: Path) -> str:
    """What a folder is called, or will be when it is moved."""
    found = _DRAFT.fullmatch(folder.name)
    return found["final"] if found else folder.name


def _seal_line(text: bytes) -> bytes:
    return json.dumps({"seal": hashlib.sha256(text).hexdigest()}).encode() + b"\n"


def move(folder: Path, final: Path) -> None:
    """Give a sealed draft its name; it is there whole or not at all, also after a power cut."""
    folder.rename(final)
    sync(final.parent)


def discard(folder: Path) -> None:
    """Remove a sealed folder; under its own name it is there whole or not at all."""
    aside = _aside(folder)
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def drafts(parent: Path) -> list[Path]:
    """The drafts in `parent`, files and folders."""
    return [path for path in parent.iterdir() if _DRAFT.fullmatch(path.name)]


def clear_drafts(parent: Path) -> None:
    """Remove the drafts in `parent` that were left by processes that died."""
    for path in drafts(parent):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def read(folder: Path) -> dict[str, Any]:
    """The facts of a sealed folder and its list of `files`.

    The manifest's first line seals the rest of it. Raises `IndexDamaged`.
    """
    path = folder / MANIFEST
    with _reading(path):
        first, end, text = path.read_bytes().partition(b"\n")
    if first + end != _seal_line(text):
        raise IndexDamaged(path, "its bytes are not those that were written")
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != _FORMAT:
        raise IndexDamaged(path, f"its format is {manifest.get('format')}, not {_FORMAT}")
    if manifest["folder"] != _final_name(folder):
        raise IndexDamaged(path, f"it is that of {manifest['folder']}")
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """Check every file against the manifest, before anything parses it; return the manifest.

    Raises `IndexDamaged`, naming the first file that is missing, of another size, or changed.
    A file that the manifest does not list is damage as well.
    """
    manifest = read(folder)
    files: dict[str, dict[str, Any]] = manifest["files"]
    try:
        present = {p.relative_to(folder).as_posix() for p in _files(folder)} - {MANIFEST}
    except OSError as error:
        raise IndexDamaged(folder, f"it cannot be read: {error.strerror}") from error
    for stray in sorted(present - files.keys()):
        raise IndexDamaged(folder / stray, "the manifest does not know it")
    for name, entry in files.items():
        _check(folder / name, entry)
    return manifest


def _check(path: Path, entry: Mapping[str, Any]) -> None:
    with _reading(path):
        size = path.stat().st_size
        if size != entry["size"]:
            raise IndexDamaged(path, f"{size} bytes, not {entry['size']}")
        if sha256(path) != entry["sha256"]:
            raise IndexDamaged(path, "its bytes are not those that were written")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """A file that is not there, or that the system does not give, is damage."""
    try:
        yield
    except FileNotFoundError as error:
        raise IndexDamaged(path, "it is missing") from error
    except OSError as error:
        raise IndexDamaged(path, f"it cannot be read: {error.strerror}") from error


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256(path)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step: readers see the old text or the new, never a part."""
    aside = _aside(path)
    try:
        with aside.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)
