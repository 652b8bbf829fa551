"""PDF files with a text layer: characters into lines, page by page."""

from __future__ import annotations

import ctypes
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import pi
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from kb.errors import DocumentUnreadable
from kb.readers.assembly import assemble
from kb.readers.layout import paragraphs
from kb.readers.lines import Line
from kb.reading import Reading

_MAX_PAGES = 3_000
# Fewer characters a page than a stamp or a page number has: the pages are pictures.
_SCANNED = 8
_STREAM = re.compile(rb"stream\r?\n")
_TWICE = re.compile(rb"/Filter\s*\[\s*(?:/FlateDecode|/Fl)\s*(?:/FlateDecode|/Fl)\b")
# Deflate packs a thousandfold at most, so a smaller stream cannot unpack to more than that.
_MAX_UNPACKED, _SUSPECT = 128 * 2**20, 128 * 2**10
_BOLD = re.compile(r"bold|black|heavy|simhei|黑体", re.IGNORECASE)
_HEAVY = 600
# In quarters of a circle. A page that lies aslant by itself, as scans do, does so by less.
_ASLANT = 0.1
_HYPHEN = 2  # how PDFium gives one that ends a line
# The two halves of a character beyond 16 bits; one alone is no character.
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


def read(path: Path, data: bytes) -> Reading:
    """Read a .pdf; raises `DocumentUnreadable` for what is encrypted, scanned, broken or a bomb."""
    if _is_bomb(data):
        raise DocumentUnreadable(path, "it unpacks without end, a bomb perhaps")
    try:
        file = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        secret = "password" in str(error).lower() or "security" in str(error).lower()
        reason = "it is encrypted: save it without a password" if secret else "it is a broken PDF"
        raise DocumentUnreadable(path, reason) from error
    try:
        if len(file) > _MAX_PAGES:
            raise DocumentUnreadable(path, f"it has {len(file)} pages, more than {_MAX_PAGES}")
        pages = [_lines(file[number], number + 1) for number in range(len(file))]
    except pdfium.PdfiumError as error:
        raise DocumentUnreadable(path, "a page of it is broken") from error
    finally:
        file.close()
    if sum(len(line.text) for page in pages for line in page) < _SCANNED * len(pages):
        raise DocumentUnreadable(path, "it has no text layer (a scan?): run OCR on it first")
    return assemble(paragraphs(pages))


def _is_bomb(data: bytes) -> bool:
    if _TWICE.search(data):
        return True
    starts = [match.end() for match in _STREAM.finditer(data)]
    for at, start in enumerate(starts):
        stop = starts[at + 1] if at + 1 < len(starts) else len(data)
        if stop - start > _SUSPECT and _unpacks_beyond(data[start:stop]):
            return True
    return False


def _unpacks_beyond(stream: bytes) -> bool:
    """Whether a deflated stream is over the limit; nothing of it is kept."""
    unpacker, size = zlib.decompressobj(), 0
    try:
        while stream and not unpacker.eof and size <= _MAX_UNPACKED:
            size += len(unpacker.decompress(stream, 2**20))
            stream = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return size > _MAX_UNPACKED


_Box = tuple[float, float, float, float]


class _Char(NamedTuple):
    """A character of a page: `turns` are the quarters of a circle, clockwise, it is turned by.

    `aslant` says that it is turned by more or less than these.
    """

    text: str
    box: _Box
    bold: bool
    turns: int
    aslant: bool


def _lines(page: Any, number: int) -> list[Line]:
    """The lines of a page in the order the file draws them, as upright as most of them are.

    What lies across them is a watermark, which no page of text alone has.
    """
    text = page.get_textpage()
    try:
        chars = [
            _Char(char, _box(text, index), _bold(text, index), *_turns(text, index))
            for index, char in _characters(text)
            if char not in "\r\n\0"
        ]
    finally:
        text.close()
        page.close()
    straight = [char for char in chars if not char.aslant]
    if any(not char.text.isspace() for char in straight):
        chars = straight
    turns = Counter(char.turns for char in chars if not char.text.isspace())
    upright = max(turns, key=lambda each: turns[each], default=0)
    return [_line(line, number, upright) for line in _cut(chars)]


def _cut(chars: Sequence[_Char]) -> list[list[_Char]]:
    lines: list[list[_Char]] = []
    for char in chars:
        if lines and _same_line(lines[-1], char):
            lines[-1].append(char)
        else:
            lines.append([char])
    return lines


def _characters(text: Any) -> Iterator[tuple[int, str]]:
    """The characters of a page and where each begins: PDFium counts units of UTF-16."""
    units = [c.FPDFText_GetUnicode(text, index) for index in range(text.count_chars())]
    joined = False
    for index, (unit, after) in enumerate(pairwise([*units, 0])):
        if joined:
            joined = False
        elif unit in _HIGH and after in _LOW:
            joined = True
            yield index, chr(0x10000 + (unit - _HIGH.start) * len(_LOW) + after - _LOW.start)
        elif unit == _HYPHEN:
            yield index, "-"
        else:
            yield index, "\ufffd" if unit in _HIGH or unit in _LOW else chr(unit)


def _box(text: Any, index: int) -> _Box:
    rect = c.FS_RECTF()
    c.FPDFText_GetLooseCharBox(text, index, rect)
    return rect.left, rect.bottom, rect.right, rect.top


def _turns(text: Any, index: int) -> tuple[int, bool]:
    angle: float = max(0.0, c.FPDFText_GetCharAngle(text, index))  # below where it is not known
    quarters = angle / (pi / 2)
    return round(quarters) % 4, abs(quarters - round(quarters)) > _ASLANT


def _turned(box: _Box, turns: int) -> _Box:
    """Where a box is on the page turned back by that many quarters of a circle."""
    left, bottom, right, top = box
    return _turned((-top, left, -bottom, right), turns - 1) if turns else box


def _same_line(line: list[_Char], char: _Char) -> bool:
    """Whether a character goes on where the line's last visible one stands."""
    if char.text.isspace():
        return True
    before = next((each for each in reversed(line) if not each.text.isspace()), line[-1])
    last, box = _turned(before.box, char.turns), _turned(char.box, char.turns)
    height = max(last[3] - last[1], box[3] - box[1], 1.0)
    level = abs((last[1] + last[3]) / 2 - (box[1] + box[3]) / 2) < 0.5 * height
    along = before.turns == char.turns or before.text.isspace()
    return along and level and -0.5 * height < box[0] - last[2] < 4 * height


def _bold(text: Any, index: int) -> bool:
    if c.FPDFText_GetFontWeight(text, index) >= _HEAVY:
        return True
    name = ctypes.create_string_buffer(128)
    c.FPDFText_GetFontInfo(text, index, name, 128, None)
    return bool(_BOLD.search(name.value.decode("utf-8", "replace")))


def _line(chars: list[_Char], page: int, turns: int) -> Line:
    while chars and chars[0].text.isspace():
        chars = chars[1:]
    boxes = [_turned(char.box, turns) for char in chars if not char.text.isspace()]
    if not boxes:
        return Line("", (), 0, 0, 0, 0, page)
    text = "".join(char.text for char in chars).rstrip()
    return Line(
        text,
        tuple(char.bold for char in chars[: len(text)]),
        min(box[0] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
        min(box[1] for box in boxes),
        page,
    )
