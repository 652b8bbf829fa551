"""Web pages: the article without the menu, its headings, bold openings, captions and tables."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lxml import etree, html

from kb.errors import DocumentUnreadable
from kb.readers.assembly import Paragraph, Role, assemble, runs_to_paragraph
from kb.readers.plain import decode
from kb.reading import Reading

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_WESTERN = frozenset({"iso-8859-1", "latin1", "us-ascii", "windows-1252"})
_NEVER = ("script", "style", "noscript", "template", "nav", "aside", "iframe", "svg",
          "button", "select", "object", "audio", "video", "head")  # fmt: skip
_BLOCKS = frozenset(
    ["address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
     "dt", "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "html", "legend", "li", "main", "ol", "p", "pre", "section", "summary",
     "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"]
)  # fmt: skip
_BOLD = frozenset({"b", "strong"})
# What a site adds after the page's own title: 标题_网站名, 标题 - 网站名.
_SITE = re.compile(r"\s*[_|｜]\s*|\s+[-—–]+\s+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEAVY = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
# Where one child of an element holds nearly all its words, the article is in that child.
_NEARLY_ALL = 0.85
# What is marked as the article may be one that a page only points to.
_TEASER = 0.25
# A block of text is the page's navigation when most of it is links.
_MOSTLY_LINKS = 0.6


def read(path: Path, data: bytes) -> Reading:
    """Read an .html file; raises `DocumentUnreadable` for what is not a page."""
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", _decode(path, data))
    try:
        page = html.document_fromstring(text)
    except (etree.ParserError, ValueError) as error:
        raise DocumentUnreadable(path, "it holds no text") from error
    meta = {
        str(tag.get("name") or tag.get("property") or "").lower(): str(tag.get("content") or "")
        for tag in page.iter("meta")
    }
    titles = [str(title.text_content()).strip() for title in page.iter("title")]
    _prune(page)
    article = _article(page)
    return assemble(
        _paragraphs(article),
        title=_SITE.split(titles[0])[0] if titles else None,
        author=meta.get("author") or None,
        date=meta.get("pubdate") or meta.get("article:published_time") or None,
    )


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


def _prune(page: Any) -> None:
    """Remove what no reader sees, and lists that are nothing but links."""
    for element in list(page.iter(*_NEVER, etree.Comment, etree.ProcessingInstruction)):
        _drop(element)
    for form in list(page.iter("form")):
        if 2 * _length(form) < _length(page):  # ASP.NET puts whole pages into one
            _drop(form)
    for element in list(page.iter("*")):
        if "hidden" in element.attrib or _HIDDEN.search(element.get("style") or ""):
            _drop(element)
    for element in list(page.iter("ul", "ol", "div", "header", "footer", "p", "table")):
        links = sum(
            len(str(link.text_content()).strip()) for link in element.iterfind(".//a[@href]")
        )
        if links and links >= _MOSTLY_LINKS * _length(element):
            _drop(element)


def _drop(element: Any) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _article(page: Any) -> Any:
    """Go down from the body as long as one child holds nearly all the words."""
    marked = [*page.iter("article"), *page.iter("main")]
    body = page.find("body")
    here = body if body is not None else page
    if len(marked) == 1 and _length(marked[0]) > _TEASER * _length(here):
        here = marked[0]
    whole = _length(here)
    while True:
        child = max((c for c in here if c.tag in _BLOCKS), key=_length, default=None)
        if child is None or child.tag in {"p", "table"} or _length(child) < _NEARLY_ALL * whole:
            return here
        if any(True for beside in here if beside is not child for _ in beside.iter("h1")):
            return here  # the headline stands beside the text, and date and source with it
        here = child


def _length(element: Any) -> int:
    return len(_SPACES.sub("", str(element.text_content())))


def _paragraphs(article: Any) -> Iterator[Paragraph]:
    """Walk the article once; every block element begins and ends a paragraph."""
    runs: list[tuple[str, bool]] = []
    role: Role = "body"
    level = bold = 0
    in_table = False
    for event, element in etree.iterwalk(article, events=("start", "end")):
        tag, start = element.tag, event == "start"
        if tag == "table":
            if start and not in_table and (rows := _rows(element)):
                yield from _flush(runs, role, level)
                runs = []
                yield Paragraph(rows)
                in_table = True
            elif not start:
                in_table = False
        if tag in _BLOCKS and not in_table:
            yield from _flush(runs, role, level)
            runs = []
            inside = element if start else element.getparent()
            role, level = _role(inside)
        if tag == "br" and start and not in_table:
            if role == "heading":
                runs.append(("\n", bold > 0))
            else:
                yield from _flush(runs, role, level)
                runs = []
        heavy = tag in _BOLD or (tag == "span" and _HEAVY.search(element.get("style") or ""))
        bold += (1 if start else -1) if heavy else 0
        words = element.text if start else element.tail if element is not article else None
        if words and not in_table:
            runs.append((_SPACES.sub(" ", words), bold > 0))
    yield from _flush(runs, role, level)


def _flush(runs: list[tuple[str, bool]], role: Role, level: int) -> Iterator[Paragraph]:
    if runs:
        yield runs_to_paragraph(runs, role, level)


def _role(element: Any) -> tuple[Role, int]:
    for above in (element, *(element.iterancestors() if element is not None else ())):
        tag = getattr(above, "tag", "")
        if tag == "figcaption":
            return "caption", 0
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            return "heading", int(tag[1])
        if tag not in _BLOCKS:
            break
    return "body", 0


def _rows(table: Any) -> str:
    """The lines of a table of data; empty for one that lays out the page, tables in it perhaps."""
    rows = [[cell for cell in row if cell.tag in {"td", "th"}] for row in table.iter("tr")]
    inside = table.iterdescendants("p", "h1", "h2", "table")
    if max(map(len, rows), default=0) < 2 or any(True for _ in inside):
        return ""
    lines = [_cell(caption) for caption in table.iter("caption")]
    lines += [" | ".join(map(_cell, cells)) for cells in rows]
    return "\n".join(line for line in lines if line.strip(" |"))


def _cell(element: Any) -> str:
    """The words of a cell in one line, a space where its lines break."""
    words = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        start = event == "start"
        if inner.tag == "br" or inner.tag in _BLOCKS:
            words.append(" ")
        words.append((inner.text if start else inner.tail if inner is not element else "") or "")
    return _SPACES.sub(" ", "".join(words)).strip()
