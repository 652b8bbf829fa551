"""The folder of documents: what is in it, what is left out and why, and each document read."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kb.disk import sha256
from kb.errors import DocumentUnreadable
from kb.outline import outline
from kb.reading import OLD_SUFFIXES, SUFFIXES, blamed_on, read
from kb.types import Document

# Two hundred times the longest report known to us; keeps one stray file from filling memory.
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the library; `name` is its path below the folder, with forward slashes."""

    path: Path
    name: str
    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why.

    `fingerprint` is that of a file that was looked into and is of no use as it is; "" where
    that was not the reason.
    """

    name: str
    reason: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a folder holds, both sorted by name."""

    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]


def document_id(name: str) -> str:
    """Return the id of the document called `name`: the same on every machine and system."""
    return hashlib.sha256(unicodedata.normalize("NFC", name).encode()).hexdigest()[:12]


def find(folder: Path) -> Findings:
    """List the documents below `folder`; hidden files are passed over.

    Files of the same content are one document: the later names are skipped and say so.
    Links that lead out of the folder are not followed.
    """
    skipped: list[Skipped] = []
    candidates: list[Source] = []
    for path in sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if reason := unfit(path, folder, path.suffix):
            skipped.append(Skipped(name.encode("utf-8", "replace").decode(), reason))
        else:
            with suppress(FileNotFoundError):  # deleted since it was listed
                candidates.append(Source(path, name, document_id(name), path.stat().st_size))
    sizes = Counter(source.size for source in candidates)
    sources: dict[str, Source] = {}
    contents: dict[str, str] = {}
    for source in candidates:
        # Only files of one size can be alike: most libraries are never hashed here.
        content = (fingerprint(source.path) if sizes[source.size] > 1 else "") or source.id
        if source.id in sources:
            reason = f"its name is that of {sources[source.id].name}, spelled in other bytes"
            skipped.append(Skipped(source.name, reason))
        elif content in contents:
            skipped.append(Skipped(source.name, f"it has the same content as {contents[content]}"))
        else:
            sources[source.id] = source
            contents[content] = source.name
    return Findings(tuple(sources.values()), tuple(sorted(skipped, key=lambda s: s.name)))


def fingerprint(path: Path) -> str:
    """The SHA-256 of a file, hex; "" where it cannot be opened, which `load` will report."""
    try:
        return sha256(path)
    except OSError:
        return ""


def content(source: Source) -> bytes:
    """The bytes of a file. Raises `DocumentUnreadable`, also when it changed since `find`."""
    try:
        with source.path.open("rb") as file:
            data = file.read(source.size + 1)  # one more tells of growth, however fast
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise DocumentUnreadable(source.path, reason.lower()) from error
    if len(data) != source.size:
        raise DocumentUnreadable(source.path, "it changed while it was being read: try again")
    return data


def left_out(source: Source, reason: str, data: bytes | None = None) -> Skipped:
    """A file that cannot be indexed; `data` is its `content`, if that could be had."""
    return Skipped(source.name, reason, "" if data is None else hashlib.sha256(data).hexdigest())


def load(source: Source, data: bytes | None = None) -> Document:
    """Read one document; from `data` if its `content` is at hand. Raises `DocumentUnreadable`."""
    data = content(source) if data is None else data
    reading = read(source.path, data)
    with blamed_on(source.path):
        found = outline(reading, Path(source.name).stem)
    return Document(
        id=source.id,
        name=source.name,
        title=found.title,
        text=reading.text,
        outline=found.sections,
        fingerprint=hashlib.sha256(data).hexdigest(),
        author=found.author,
        date=found.date,
        pages=reading.pages,
    )


def unfit(path: Path, folder: Path, suffix: str) -> str | None:
    """Why a file cannot be a document of `folder` by its place, type or size; None when it may be.

    `suffix` is that of the name it has there, or is to have.
    """
    try:
        str(path).encode()
        target = path.resolve(strict=True)
        size = target.stat().st_size
    except UnicodeEncodeError:
        return "its name is not valid Unicode: rename it"
    except OSError:
        return "it cannot be opened, or is a link to nothing"
    suffix, known = suffix.lower(), " ".join(sorted(SUFFIXES))
    advice = "save it as .docx or .pdf" if suffix in OLD_SUFFIXES else f"only {known} are"
    faults = (
        (not target.is_relative_to(folder.resolve()), "it is a link that leads out of the folder"),
        (path.is_dir() and not path.is_symlink(), "it cannot be opened"),  # see _files
        (not target.is_file(), "it is not a file"),
        (suffix not in SUFFIXES, f"its type {suffix or '(none)'} is not supported: {advice}"),
        (size > MAX_BYTES, f"it is larger than {MAX_BYTES // 2**20} MB"),
    )
    return next((reason for found, reason in faults if found), None)


def _files(folder: Path) -> Iterator[Path]:
    """What may be a document, links to folders, and folders that the system does not open."""
    shut: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=shut.append):
        inner = Path(parent)
        yield from (inner / name for name in folders if (inner / name).is_symlink())
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (inner / name for name in files if not name.startswith((".", "~$")))
    gone = (FileNotFoundError, NotADirectoryError)
    yield from (Path(error.filename) for error in shut if not isinstance(error, gone))
