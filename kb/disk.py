"""Files as the disk has them: their digest, their bytes brought there, and its refusals."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.errors import StorageFailed


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """fsync a file, or a folder with the names in it."""
    if os.name == "nt":  # there a folder cannot be opened, nor a file fsynced that is only read
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """What the system refuses becomes `StorageFailed`, with the file where the system names it."""
    try:
        yield
    except BrokenPipeError:  # not the disk: a reader of our output has gone
        raise
    except OSError as error:
        path = Path(os.fsdecode(error.filename)) if error.filename else place
        raise StorageFailed(path, error.strerror or str(error)) from error
