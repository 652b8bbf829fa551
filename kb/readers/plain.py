"""Plain text: the encoding found, paragraphs that the layout broke made whole."""

from __future__ import annotations

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from kb.errors import DocumentUnreadable
from kb.joining import join_broken
from kb.reading import Reading

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
_CONTROLS = frozenset(map(chr, range(32))) - set("\t\n\r\f\v\x1a\0")


def read(path: Path, data: bytes) -> Reading:
    """Read a text file; raises `DocumentUnreadable` for what is binary or in no known encoding."""
    return Reading(join_broken(decode(path, data)))


def decode(path: Path, data: bytes) -> str:
    """Return the text of `data` with its line ends as newlines, nothing else changed.

    Raises as `read`.
    """
    text = _decode(path, data)
    if "\0" in text:
        text = _strict(path, data, _wide(path, data))
    if not _CONTROLS.isdisjoint(text) or "\0" in text:
        raise DocumentUnreadable(path, "it is binary, not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(path: Path, data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(path, data, encoding)
    # Strict UTF-8 is never met by chance; GB 2312, the common characters, decides what is
    # too short to guess.
    for encoding, superset in (("utf-8", "utf-8"), ("gb2312", "gb18030")):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return data.decode(superset)
    match = from_bytes(data, cp_isolation=_LIKELY, enable_fallback=False).best()
    if match is None:
        raise DocumentUnreadable(path, "its encoding is unknown: save it as UTF-8")
    return data.decode(match.encoding)


def _strict(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(path, f"it is not the {encoding} it claims to be") from error


def _wide(path: Path, data: bytes) -> str:
    """UTF-16 without a mark that passes for narrow text: Latin, most second bytes are zero."""
    low, high = data[1::2].count(0), data[::2].count(0)
    if len(data) % 2 or 4 * max(low, high) < len(data):
        raise DocumentUnreadable(path, "it is binary, not text")
    return "utf-16-le" if low > high else "utf-16-be"
