"""Word files as Word writes them, in raw XML: notes, numbers, tables, boxes, ruby."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

from kb.reading import read

SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def word(body: str, **parts: str) -> bytes:
    """A file of a body and of what else is in `word/`, by name: footnotes, numbering, styles."""
    roots = {name: f"<w:{name} {SPACES}>{inner}</w:{name}>" for name, inner in parts.items()}
    members = {f"word/{name}.xml": xml for name, xml in roots.items()}
    members["word/document.xml"] = f"<w:document {SPACES}><w:body>{body}</w:body></w:document>"
    types = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{OFFICE}.{kind}+xml"/>'
        for name, kind in [("document", "document.main"), *((name, name) for name in parts)]
    )
    members["[Content_Types].xml"] = (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>'
    )
    members["_rels/.rels"] = relations({"officeDocument": "word/document.xml"})
    members["word/_rels/document.xml.rels"] = relations({name: f"{name}.xml" for name in parts})
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in members.items():
            archive.writestr(name, xml)
    return data.getvalue()


def relations(targets: dict[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{kind}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def text_of(body: str, **parts: str) -> str:
    return read(Path("a.docx"), word(body, **parts)).text


def p(inner: str) -> str:
    """A paragraph of words or runs."""
    return f"<w:p>{inner if inner.startswith('<') else run(inner)}</w:p>"


def run(words: str) -> str:
    return f"<w:r><w:t>{words}</w:t></w:r>"


def referring(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def notes(kind: str, *words: str, first: int = 1) -> str:
    return "".join(
        f'<w:{kind} w:id="{number}">{p(each)}</w:{kind}>'
        for number, each in enumerate(words, first)
    )


def test_footnotes_and_endnotes_of_one_number_are_two() -> None:
    body = p(run("甲") + referring("footnote", 1)) + p(run("乙") + referring("endnote", 1))
    text = text_of(body, footnotes=notes("footnote", "脚注"), endnotes=notes("endnote", "尾注"))
    assert text == "甲\n\n注1：脚注\n\n乙\n\n注1：尾注\n"
