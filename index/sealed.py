"""A sealed folder: written aside, every file listed with its SHA-256, moved into place whole."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kb.errors import IndexDamaged

MANIFEST = "manifest.json"
_FORMAT = 1
DRAFT_SUFFIX = ".draft"


def draft(final: Path) -> Path:
    """An empty folder beside `final` to write into; on the same disk, so that a move is atomic."""
    folder = final.with_name(f".{final.name}.{secrets.token_hex(4)}{DRAFT_SUFFIX}")
    folder.mkdir()
    return folder


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest (`facts` and every file's size and SHA-256) and flush all to the disk."""
    files = {str(p.relative_to(folder).as_posix()): _entry(p) for p in _files(folder)}
    manifest = {"format": _FORMAT, **facts, "files": files}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    body = {"seal": hashlib.sha256(text.encode()).hexdigest()}
    path = folder / MANIFEST
    path.write_text(json.dumps(body) + "\n" + text + "\n", encoding="utf-8")
    mode = path.stat().st_mode
    for file in _files(folder):
        file.chmod(mode)  # some libraries write for the owner only; a server may be another user
        sync(file)
    for inner in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        sync(inner)
    sync(folder)


def move(folder: Path, final: Path) -> None:
    """Give a sealed draft its name; it is there whole or not at all, also after a power cut."""
    folder.rename(final)
    sync(final.parent)


def read(folder: Path) -> dict[str, Any]:
    """The facts of a sealed folder and its list of `files`.

    The manifest's first line seals the rest of it. Raises `IndexDamaged`.
    """
    path = folder / MANIFEST
    try:
        seal_line, _, text = path.read_text(encoding="utf-8").partition("\n")
        text = text.removesuffix("\n")
        intact = json.loads(seal_line) == {"seal": hashlib.sha256(text.encode()).hexdigest()}
        manifest = json.loads(text) if intact else None
    except FileNotFoundError as error:
        raise IndexDamaged(path, "it is missing") from error
    except (OSError, ValueError) as error:
        raise IndexDamaged(path, "it cannot be read") from error
    if manifest is None:
        raise IndexDamaged(path, "it is not what was written")
    if manifest.get("format") != _FORMAT:
        raise IndexDamaged(path, f"its format is {manifest.get('format')}, not {_FORMAT}")
    return dict(manifest)


def verify(folder: Path) -> dict[str, Any]:
    """Check every file against the manifest, before anything parses it; return the manifest.

    Raises `IndexDamaged`, naming the first file that is missing, of another size, or changed.
    A file that the manifest does not list is damage as well.
    """
    manifest = read(folder)
    files: dict[str, dict[str, Any]] = manifest["files"]
    present = {p.relative_to(folder).as_posix() for p in _files(folder)} - {MANIFEST}
    for stray in sorted(present - files.keys()):
        raise IndexDamaged(folder / stray, "the manifest does not know it")
    for name, entry in files.items():
        _check(folder / name, entry)
    return manifest


def _check(path: Path, entry: Mapping[str, Any]) -> None:
    try:
        size = path.stat().st_size
        if size != entry["size"]:
            raise IndexDamaged(path, f"{size} bytes, not {entry['size']}")
        if _sha256(path) != entry["sha256"]:
            raise IndexDamaged(path, "its bytes are not those that were written")
    except FileNotFoundError as error:
        raise IndexDamaged(path, "it is missing") from error
    except OSError as error:
        raise IndexDamaged(path, f"it cannot be read: {error.strerror}") from error


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step: readers see the old text or the new, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=DRAFT_SUFFIX, dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync(path.parent)
