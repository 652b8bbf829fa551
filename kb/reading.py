"""A file's bytes into its canonical text, and what the source itself says of its structure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from kb.blocks import BLANK
from kb.errors import DocumentUnreadable, KBError
from kb.types import Span

# Readers are imported when their first file comes: the PDF and Word libraries are large.
_READERS = {
    ".txt": "plain",
    ".text": "plain",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "web",
    ".htm": "web",
    ".docx": "word",
    ".pdf": "portable",
}
SUFFIXES = frozenset(_READERS)
# Formats people have that no well-kept library reads; the reason names the way out.
OLD_SUFFIXES = frozenset({".doc", ".wps", ".rtf", ".odt", ".ppt", ".pptx", ".xls", ".xlsx"})
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SourceHeading:
    """A heading that the source marks as one; `level` 1 is the outermost, 0 the title."""

    span: Span
    level: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Canonical text and the source's own hints, all spans half-open code points into it.

    `strong` holds the runs set in bold, `captions` the lines marked as such, `pages` the offset
    at which each page begins. `styled` says that the format can set type, so that a bare
    opening is a choice of the author's. `title`, `author` and `date` are the source's metadata.
    """

    text: str
    headings: tuple[SourceHeading, ...] = ()
    strong: tuple[Span, ...] = ()
    captions: tuple[Span, ...] = ()
    pages: tuple[int, ...] = ()
    styled: bool = False
    title: str | None = None
    author: str | None = None
    date: str | None = None


def read(path: Path, data: bytes) -> Reading:
    """Turn a file's bytes into a `Reading`; `path` gives the format and names it in errors.

    Raises `DocumentUnreadable` for what is empty, broken, encrypted, without a text layer, a
    decompression bomb, binary, or in no known encoding.
    """
    if not data:
        raise DocumentUnreadable(path, "it is empty")
    module = import_module(f"kb.readers.{_READERS[path.suffix.lower()]}")
    reader: Callable[[Path, bytes], Reading] = module.read
    with blamed_on(path):
        reading = reader(path, data)
    if not reading.text.strip(BLANK):
        raise DocumentUnreadable(path, "it holds no text")
    return _encodable(reading)


@contextmanager
def blamed_on(path: Path) -> Iterator[None]:
    """Whatever goes wrong within is a `DocumentUnreadable` of the file at `path`.

    Parsers meet damaged files with whatever went wrong inside them, and what comes after them
    may meet a text that nobody thought of; one such file must not stop a build of all the others.
    """
    try:
        yield
    except KBError:
        raise
    except Exception as error:
        raise DocumentUnreadable(path, f"it is broken ({type(error).__name__})") from error


def _encodable(reading: Reading) -> Reading:
    """The same with U+FFFD for halves of characters, which no encoding takes; spans stay."""
    words = {name: getattr(reading, name) for name in ("text", "title", "author", "date")}
    whole: dict[str, Any] = {
        name: _HALF.sub("\ufffd", value) for name, value in words.items() if value
    }
    return replace(reading, **whole)
