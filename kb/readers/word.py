"""Word files (.docx): headings by style, numbering, bold, tables, footnotes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml
from lxml import etree

from kb.errors import DocumentUnreadable
from kb.readers.archive import check_archive
from kb.readers.assembly import Paragraph, Role, assemble, runs_to_paragraph
from kb.readers.lists import Lists
from kb.reading import Reading

_HEADING = re.compile(r"(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
_TITLE = re.compile(r"title$|标题$", re.IGNORECASE)
_CAPTION = re.compile(r"caption$|题注$|图注$", re.IGNORECASE)
_OFF = {"0", "false", "off"}
_BODY_LEVEL = 9
_UNSEEN = frozenset({qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText")})
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}

_Element = Any  # lxml's elements; python-docx has no types for what it does not wrap


def read(path: Path, data: bytes) -> Reading:
    """Read a .docx; raises `DocumentUnreadable` for what is broken, encrypted or a bomb."""
    check_archive(path, data)
    try:
        file = docx.Document(BytesIO(data))
        source = _Word(file)
        paragraphs = list(source.paragraphs(file.element.body))
    except (
        KeyError,
        ValueError,
        AttributeError,
        zipfile.BadZipFile,
        etree.XMLSyntaxError,
    ) as error:
        raise DocumentUnreadable(
            path, "it is broken: Word's parts are not as they should be"
        ) from error
    # Word fills in the author and dates of the file by itself, often another's: left out.
    return assemble(paragraphs, styled=True)


class _Word:
    """What a document's parts say of its paragraphs: styles, numbering, notes."""

    def __init__(self, file: Any) -> None:
        styles = file.styles.element.findall(qn("w:style"))
        self._styles = {style.get(qn("w:styleId")): style for style in styles}
        default = [s for s in styles if s.get(qn("w:default")) == "1"]
        self._default = {s.get(qn("w:type")): s.get(qn("w:styleId")) for s in default}
        parts = {rel.reltype.rsplit("/", 1)[-1]: rel for rel in file.part.rels.values()}
        numbering = parts.get("numbering")
        self._lists = Lists(numbering.target_part.element if numbering else None)
        self._notes = {
            (kind, note.get(qn("w:id"))): note
            for kind in ("footnote", "endnote")
            if f"{kind}s" in parts
            for note in parse_xml(parts[f"{kind}s"].target_part.blob).findall(qn(f"w:{kind}"))
            if note.get(qn("w:type")) is None
        }

    def paragraphs(self, body: _Element) -> Iterator[Paragraph]:
        """The paragraphs below an element in reading order, tables as lines."""
        for child in body:
            if child.tag == qn("w:p"):
                yield self._paragraph(child)
                yield from self._boxes(child)
                yield from self._footnotes(child)
            elif child.tag == qn("w:tbl"):
                yield from self._table(child)
            elif child.tag in {qn("w:sdt"), qn("w:ins"), qn("w:sdtContent")}:
                yield from self.paragraphs(child)

    def _paragraph(self, element: _Element) -> Paragraph:
        style = self._style_of(element)
        role, level = self._role(element, style)
        runs = [(piece, self._bold(run, style)) for run, piece in _pieces(element)]
        if number := self._lists.number(element, self._inherited(style, "w:pPr/w:numPr")):
            runs.insert(0, (number, bool(runs) and runs[0][1]))
        return runs_to_paragraph(runs, role, level)

    def _boxes(self, element: _Element) -> Iterator[Paragraph]:
        for box in element.iter(qn("w:txbxContent")):
            if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                yield from self.paragraphs(box)

    def _footnotes(self, element: _Element) -> Iterator[Paragraph]:
        for kind in ("footnote", "endnote"):
            for reference in element.iter(qn(f"w:{kind}Reference")):
                number = reference.get(qn("w:id"))
                note = self._notes.get((kind, number))
                if note is not None:
                    words = " ".join(_words(p).strip() for p in note.iter(qn("w:p")))
                    yield Paragraph(f"注{number}：{words}")

    def _table(self, table: _Element) -> Iterator[Paragraph]:
        rows = [row.findall(qn("w:tc")) for row in table.findall(qn("w:tr"))]
        if max(map(len, rows), default=0) < 2:  # a frame around text, not a table
            for cells in rows:
                for cell in cells:
                    yield from self.paragraphs(cell)
            return
        lines = []
        for cells in rows:
            texts = (" ".join(_words(p).strip() for p in cell.iter(qn("w:p"))) for cell in cells)
            lines.append(" | ".join(text.replace("\n", " ").strip() for text in texts))
        yield Paragraph("\n".join(line for line in lines if line.strip(" |")))

    def _style_of(self, element: _Element) -> str | None:
        style = element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        return style.get(qn("w:val")) if style is not None else self._default.get("paragraph")

    def _role(self, element: _Element, style: str | None) -> tuple[Role, int]:
        name = self._name(style)
        if match := _HEADING.search(name):
            return "heading", int(match.group(1))
        if _TITLE.match(name):
            return "heading", 0
        if _CAPTION.search(name):
            return "caption", 0
        own = element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        outline = own if own is not None else self._inherited(style, "w:pPr/w:outlineLvl")
        if outline is not None and (level := int(outline.get(qn("w:val"), "9"))) < _BODY_LEVEL:
            return "heading", level + 1
        return "body", 0

    def _name(self, style: str | None) -> str:
        found = self._styles.get(style)
        name = found.find(qn("w:name")) if found is not None else None
        return str(name.get(qn("w:val"), "")) if name is not None else ""

    def _inherited(self, style: str | None, tags: str) -> _Element | None:
        """A property of a paragraph style, or of the styles it is based on."""
        where = "/".join(qn(tag) for tag in tags.split("/"))
        for _ in range(12):  # styles may be based on each other in a circle
            found = self._styles.get(style)
            if found is None:
                return None
            if (value := found.find(where)) is not None:
                return value
            base = found.find(qn("w:basedOn"))
            style = base.get(qn("w:val")) if base is not None else None
        return None

    def _bold(self, run: _Element, style: str | None) -> bool:
        own = run.find(f"{qn('w:rPr')}/{qn('w:b')}")
        if own is None:
            named = run.find(f"{qn('w:rPr')}/{qn('w:rStyle')}")
            if named is not None:
                own = self._inherited(named.get(qn("w:val")), "w:rPr/w:b")
        if own is None:
            own = self._inherited(style, "w:rPr/w:b")
        return own is not None and own.get(qn("w:val"), "1") not in _OFF


def _pieces(element: _Element) -> Iterator[tuple[_Element, str]]:
    """The runs of a paragraph with their text; deleted text and text boxes left out."""
    for child in element:
        if child.tag in _UNSEEN or child.tag == _FALLBACK:
            continue
        if child.tag == qn("w:r"):
            yield child, "".join(_letters(child))
        elif child.tag != qn("w:txbxContent"):
            yield from _pieces(child)


def _letters(run: _Element) -> Iterator[str]:
    for child in run:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]


def _words(paragraph: _Element) -> str:
    return "".join(piece for _, piece in _pieces(paragraph))
