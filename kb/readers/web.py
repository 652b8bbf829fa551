"""Web pages: the article without the menu, its headings, bold openings, captions and tables."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lxml import etree, html

from kb.errors import DocumentUnreadable
from kb.readers.article import BLOCKS, article
from kb.readers.assembly import Paragraph, Role, assemble, runs_to_paragraph
from kb.readers.plain import decode
from kb.reading import Reading

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_WESTERN = frozenset({"iso-8859-1", "latin1", "us-ascii", "windows-1252"})
_BOLD = frozenset({"b", "strong"})
# What a site adds after the page's own title: 标题_网站名, 标题 - 网站名.
_SITE = re.compile(r"\s*[_|｜]\s*|\s+[-—–]+\s+")
# A shorter title that stands alone may be the name of the site, which is on each of its pages.
_HEADLINE_MIN = 10
_HEAVY = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
# Cells of tables say less, or say it in one go.
_CELL_MAX = 200
_SPACES = re.compile(r"[ \t\r\n\f]+")
# A line of the source that ends amid Chinese text is no space (CSS Text 3, 4.1.3).
_WIDE = "[\u3001-\u303e\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]"
_BREAK = re.compile(rf"(?<={_WIDE})[ \t\r\f]*\n[ \t\r\n\f]*(?={_WIDE})")


def read(path: Path, data: bytes) -> Reading:
    """Read an .html file; raises `DocumentUnreadable` for what is not a page."""
    page = _page(path, _decode(path, data))
    meta = {
        str(tag.get("name") or tag.get("property") or "").lower(): str(tag.get("content") or "")
        for tag in page.iter("meta")
    }
    titles = _SITE.split(" ".join(page.findtext(".//title", "").split()))
    return assemble(
        _paragraphs(article(page, _headline(titles))),
        title=titles[0] or None,
        author=meta.get("author") or None,
        date=meta.get("pubdate") or meta.get("article:published_time") or None,
    )


def _page(path: Path, text: str) -> Any:
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    # Tags that are never closed nest ever deeper; without `huge_tree` 256 of them end the page.
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        page = html.document_fromstring(text, parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise DocumentUnreadable(path, "it holds no text") from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentUnreadable(path, "its elements are nested too deep to be read whole")
    return page


def _headline(titles: Sequence[str]) -> str:
    """The page's own title among the `titles` it bears; "" where that may be its site's name."""
    longest = max(titles, key=len)
    return longest if len(titles) > 1 or len(longest) >= _HEADLINE_MIN else ""


def _decode(path: Path, data: bytes) -> str:
    named = _CHARSET.search(data[:4096])
    if named and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        for encoding in _meant(named.group(1).decode("ascii").lower()):
            with suppress(LookupError, UnicodeError):  # pages often claim what they are not in
                text = data.decode(encoding)
                text.encode()  # some decoders let halves of characters through; lxml stops there
                return text
    return decode(path, data)


def _meant(name: str) -> tuple[str, ...]:
    """What a page may be in that claims an encoding, as browsers take it.

    Any bytes whatever are Latin-1, so that it is asked last.
    """
    if name.startswith("gb"):
        return ("gb18030",)
    return ("utf-8", "cp1252") if name in _WESTERN else (name,)


def _paragraphs(root: Any) -> Iterator[Paragraph]:
    """Walk an article once; every block element begins and ends a paragraph."""
    runs: list[tuple[str, bool]] = []
    roles = [_role_above(root)]
    role, level = roles[0]
    bold = verbatim = 0
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag, start = element.tag, event == "start"
        if start:
            roles.append(_role(tag, roles[-1]))
        else:
            roles.pop()
        if start and tag == "table" and (rows := _rows(element)):
            yield from _flush(runs, role, level)
            yield Paragraph(rows)
            walk.skip_subtree()
            continue
        if tag in BLOCKS:
            yield from _flush(runs, role, level)
            role, level = roles[-1]
        elif start and tag == "br" and role == "heading":
            runs.append(("\n", bold > 0))
        elif start and tag == "br":
            yield from _flush(runs, role, level)
        step = 1 if start else -1
        bold += step * _is_bold(element)
        verbatim += step * (tag == "pre")
        words = element.text if start else element.tail if element is not root else None
        if words:
            runs.append((words if verbatim else _folded(words), bold > 0))
    yield from _flush(runs, role, level)


def _flush(runs: list[tuple[str, bool]], role: Role, level: int) -> Iterator[Paragraph]:
    """The paragraph of the runs, if there are any; they are used up."""
    if runs:
        yield runs_to_paragraph(runs, role, level)
        runs.clear()


def _is_bold(element: Any) -> bool:
    if element.tag == "span":
        return _HEAVY.search(element.get("style") or "") is not None
    return element.tag in _BOLD


def _role_above(element: Any) -> tuple[Role, int]:
    role: tuple[Role, int] = ("body", 0)
    for above in reversed([*element.iterancestors()]):
        role = _role(above.tag, role)
    return role


def _role(tag: str, outer: tuple[Role, int]) -> tuple[Role, int]:
    """What the words in an element are; `outer` is what those around it are."""
    if tag == "figcaption":
        return "caption", 0
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return "heading", int(tag[1])
    return outer if tag in BLOCKS else ("body", 0)


def _rows(table: Any) -> str:
    """The lines of a table of data; empty for one that lays out the page, tables in it perhaps."""
    if any(True for _ in table.iterdescendants("h1", "h2", "table")):
        return ""
    rows = [[cell for cell in row if cell.tag in {"td", "th"}] for row in table.iter("tr")]
    several = sum(len(cells) > 1 for cells in rows)
    paragraphs = any(True for _ in table.iterdescendants("p"))  # as Word writes its cells
    if several < 1 + paragraphs or any(_is_text(cell) for cells in rows for cell in cells):
        return ""
    lines = [_cell(caption) for caption in table.iter("caption")]
    lines += [" | ".join(map(_cell, cells)) for cells in rows]
    return "\n".join(line for line in lines if line.strip(" |"))


def _is_text(cell: Any) -> bool:
    """Whether it holds a text of several paragraphs, as a page laid out by tables has it."""
    breaks = sum(1 for _ in cell.iterdescendants("p", "br"))
    return breaks > 2 and len(_cell(cell)) > _CELL_MAX


def _cell(element: Any) -> str:
    """The words of a cell in one line, a space where its lines break."""
    words = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        start = event == "start"
        if inner.tag == "br" or inner.tag in BLOCKS:
            words.append(" ")
        words.append((inner.text if start else inner.tail if inner is not element else "") or "")
    return _folded("".join(words)).strip()


def _folded(words: str) -> str:
    return _SPACES.sub(" ", _BREAK.sub("", words))
