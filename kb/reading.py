"""A file's bytes into its canonical text, and what the source itself says of its structure."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes
from markdown_it import MarkdownIt

from kb.errors import DocumentUnreadable
from kb.joining import join_broken
from kb.types import Span

SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown"})
_MARKDOWN = frozenset({".md", ".markdown"})

# UTF-32 before UTF-16: its little-endian mark begins with the other's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What Chinese and English office files are written in. A free guess takes short GB18030 texts
# for Korean or Cyrillic; among these few it is sound.
_LIKELY = ["gb18030", "big5", "utf_16_le", "utf_16_be", "cp1252"]
_CONTROLS = frozenset(map(chr, range(32))) - set("\t\n\r\f\v\x1a")


@dataclass(frozen=True, slots=True)
class SourceHeading:
    """A heading that the source marks as one; `level` 1 is the outermost."""

    span: Span
    level: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Canonical text and the source's own hints, all spans half-open code points into it.

    `strong` holds runs set in bold, `pages` the offset at which each page begins.
    """

    text: str
    headings: tuple[SourceHeading, ...] = ()
    strong: tuple[Span, ...] = ()
    pages: tuple[int, ...] = ()


def read(path: Path, data: bytes) -> Reading:
    """Turn a file's bytes into a `Reading`; `path` gives the format and names it in errors.

    Raises `DocumentUnreadable` for what is empty, binary or in no known encoding.
    """
    text = join_broken(_decode(path, data).replace("\r\n", "\n").replace("\r", "\n"))
    if not text.strip():
        raise DocumentUnreadable(path, "it holds no text")
    if path.suffix.lower() in _MARKDOWN:
        return Reading(text, headings=_markdown_headings(text))
    return Reading(text)


def _decode(path: Path, data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(path, data, encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _detect(path, data)
    return _checked(path, text) if "\0" not in text else _strict(path, data, _wide(path, data))


def _strict(path: Path, data: bytes, encoding: str) -> str:
    try:
        return _checked(path, data.decode(encoding))
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(path, f"it is not the {encoding} it claims to be") from error


def _detect(path: Path, data: bytes) -> str:
    try:
        data.decode("gb2312")  # the common characters: decides what is too short to guess
    except UnicodeDecodeError:
        pass
    else:
        return data.decode("gb18030")
    match = from_bytes(data, cp_isolation=_LIKELY, enable_fallback=False).best()
    if match is None:
        raise DocumentUnreadable(path, "its encoding is unknown: save it as UTF-8")
    return data.decode(match.encoding)


def _wide(path: Path, data: bytes) -> str:
    """UTF-16 without a mark: ASCII blanks and line ends have their zero on one side."""
    low, high = data.count(b"\n\0") + data.count(b" \0"), data.count(b"\0\n") + data.count(b"\0 ")
    if len(data) % 2 or low == high:
        raise DocumentUnreadable(path, "it is binary, not text")
    return "utf-16-le" if low > high else "utf-16-be"


def _checked(path: Path, text: str) -> str:
    if not _CONTROLS.isdisjoint(text):
        raise DocumentUnreadable(path, "it is binary, not text")
    return text


def _markdown_headings(text: str) -> tuple[SourceHeading, ...]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    headings = []
    for token in MarkdownIt().disable("inline").parse(text):
        if token.type == "heading_open" and token.map:
            first, last = token.map
            raw = text[starts[first] : starts[last] - 1]
            left = starts[first] + len(raw) - len(raw.lstrip())
            span = Span(left, left + len(raw.strip()))
            headings.append(SourceHeading(span, int(token.tag[1:])))
    return tuple(headings)
