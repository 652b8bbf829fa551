"""Word files (.docx): headings by style, numbering, bold, tables, footnotes."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
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
from kb.readers.runs import BOX, PARAGRAPH, UNSEEN, Element, below, down, inner, is_on, pieces, said
from kb.reading import Reading

_HEADING = re.compile(r"(?:heading|标题)\s*([1-9])$", re.IGNORECASE)
_TITLE = re.compile(r"title$|标题$", re.IGNORECASE)
_CAPTION = re.compile(r"caption$|题注$|图注$", re.IGNORECASE)
_BODY_LEVEL = 9
_NOTES = {qn(f"w:{kind}Reference"): kind for kind in ("footnote", "endnote")}


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
            for kind in _NOTES.values()
            if f"{kind}s" in parts
            for note in parse_xml(parts[f"{kind}s"].target_part.blob).findall(qn(f"w:{kind}"))
            if note.get(qn("w:type")) is None
        }
        self._noted: Counter[str | None] = Counter()

    def paragraphs(self, body: Element) -> Iterator[Paragraph]:
        """The paragraphs below an element in reading order, tables as lines."""
        for child in body:
            if child.tag == PARAGRAPH:
                yield self._paragraph(child)
                for box in below(child, BOX):
                    yield from self.paragraphs(box)
                yield from self._footnotes(child)
            elif child.tag == qn("w:tbl"):
                yield from self._table(child)
            elif child.tag not in UNSEEN:
                yield from self.paragraphs(child)

    def _paragraph(self, element: Element) -> Paragraph:
        style = self._style_of(element)
        role, level = self._role(element, style)
        return runs_to_paragraph(self._runs(element), role, level)

    def _runs(self, element: Element) -> list[tuple[str, bool]]:
        """The text of a paragraph, its number included, and which of it is bold."""
        style = self._style_of(element)
        runs = [(piece, self._bold(run, style)) for run, piece in pieces(element)]
        deleted = element.find(down("w:pPr/w:rPr/w:del")) is not None
        if deleted and not any(piece for piece, _ in runs):
            return []  # nor does it count
        name, level = (
            self._value(element, style, f"w:pPr/w:numPr/w:{tag}", "0") for tag in ("numId", "ilvl")
        )
        words = "".join(piece for piece, _ in runs)
        if number := self._lists.number(name, int(level), words):
            runs.insert(0, (number, bool(runs) and runs[0][1]))
        return runs

    def _line(self, element: Element) -> str:
        """The words of all paragraphs below an element in one line."""
        words = ("".join(piece for piece, _ in self._runs(each)) for each in inner(element))
        return " ".join(filter(None, (each.replace("\n", " ").strip() for each in words)))

    def _footnotes(self, paragraph: Element) -> Iterator[Paragraph]:
        for run, _ in pieces(paragraph):
            for reference in run:
                key = _NOTES.get(reference.tag), reference.get(qn("w:id"))
                if key in self._notes:
                    self._noted[key[0]] += 1  # ids are not what is shown: they may begin at 2
                    yield Paragraph(f"注{self._noted[key[0]]}：{self._line(self._notes[key])}")

    def _table(self, table: Element) -> Iterator[Paragraph]:
        rows = [list(below(row, qn("w:tc"))) for row in below(table, qn("w:tr"))]
        if max(map(len, rows), default=0) < 2:  # a frame around text, not a table
            for cells in rows:
                for cell in cells:
                    yield from self.paragraphs(cell)
            return
        lines = (" | ".join(map(self._line, cells)) for cells in rows)
        yield Paragraph("\n".join(line for line in lines if line.strip(" |")))
        for paragraph in inner(table):
            yield from self._footnotes(paragraph)

    def _style_of(self, element: Element) -> str | None:
        style = element.find(down("w:pPr/w:pStyle"))
        return style.get(qn("w:val")) if style is not None else self._default.get("paragraph")

    def _role(self, element: Element, style: str | None) -> tuple[Role, int]:
        name = self._name(style)
        if match := _HEADING.search(name):
            return "heading", int(match.group(1))
        if _TITLE.match(name):
            return "heading", 0
        if _CAPTION.search(name):
            return "caption", 0
        outline = int(self._value(element, style, "w:pPr/w:outlineLvl", str(_BODY_LEVEL)))
        return ("heading", outline + 1) if outline < _BODY_LEVEL else ("body", 0)

    def _value(self, element: Element, style: str | None, tags: str, default: str) -> str:
        """A property that a paragraph has itself, or by its style."""
        own = element.find(down(tags))
        return said(own if own is not None else self._inherited(style, tags), default)

    def _name(self, style: str | None) -> str:
        found = self._styles.get(style)
        return said(found.find(qn("w:name"))) if found is not None else ""

    def _inherited(self, style: str | None, tags: str) -> Element | None:
        """A property of a paragraph style, or of the styles it is based on."""
        for _ in range(12):  # styles may be based on each other in a circle
            found = self._styles.get(style)
            if found is None:
                return None
            if (own := found.find(down(tags))) is not None:
                return own
            base = found.find(qn("w:basedOn"))
            style = base.get(qn("w:val")) if base is not None else None
        return None

    def _bold(self, run: Element, style: str | None) -> bool:
        own = run.find(down("w:rPr/w:b"))
        if own is None:
            named = run.find(down("w:rPr/w:rStyle"))
            if named is not None:
                own = self._inherited(named.get(qn("w:val")), "w:rPr/w:b")
        if own is None:
            own = self._inherited(style, "w:rPr/w:b")
        return is_on(own)
