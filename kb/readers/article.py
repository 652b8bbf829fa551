"""The article of a web page: what no reader sees, menus and what stands around it left out."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

BLOCKS = frozenset(
    ["address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl",
     "dt", "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
     "header", "hr", "html", "legend", "li", "main", "ol", "p", "pre", "section", "summary",
     "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"]
)  # fmt: skip
_NEVER = ("script", "style", "noscript", "template", "nav", "aside", "iframe", "svg",
          "button", "select", "object", "audio", "video", "head")  # fmt: skip
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# Where one child of an element holds nearly all its words, the article is in that child.
_NEARLY_ALL = 0.85
# What is marked as the article may be one that a page only points to.
_TEASER = 0.25
# A block of text is the page's navigation when most of it is links.
_MOSTLY_LINKS = 0.6

_Lengths = dict[Any, tuple[int, int]]


def article(page: Any, title: str) -> Any:
    """Return the element that holds the article of a page, which is pruned on the way.

    It goes down from the body as long as one child holds nearly all the words, and no headline
    stands beside that child. `title` is what the page says that it is called, "" where that
    may be the name of its site.
    """
    _prune(page)
    lengths = _lengths(page)
    marked = [*page.iter("article"), *page.iter("main")]
    body = page.find("body")
    here = body if body is not None else page
    if len(marked) == 1 and lengths[marked[0]][0] > _TEASER * lengths[here][0]:
        here = marked[0]
    whole = lengths[here][0]
    while True:
        blocks = (child for child in here if child.tag in BLOCKS)
        child = max(blocks, key=lambda each: lengths[each], default=None)
        if child is None or child.tag in {"p", "table"}:
            return here
        if lengths[child][0] < _NEARLY_ALL * whole:
            return here
        beside = [other for other in here if other is not child]
        if any(_heads(each, lengths, title) for each in beside):
            return here  # date and source stand there with the headline
        here = child


def _heads(element: Any, lengths: _Lengths, title: str) -> bool:
    """Whether it is a heading, or holds the headline: a first heading or the page's title."""
    return element.tag in _HEADINGS or any(
        each.tag == "h1" or _says(each, lengths, title) for each in element.iter()
    )


def _says(element: Any, lengths: _Lengths, title: str) -> bool:
    """Whether an element holds the title of the page and nothing else."""
    words = "".join(title.split())
    if not words or lengths[element][0] != len(words):
        return False
    return "".join(str(element.text_content()).split()) == words


def _prune(page: Any) -> None:
    """Remove what no reader sees, and lists that are nothing but links."""
    for element in page.iter(*_NEVER):
        _drop(element)
    lengths = _lengths(page)
    for form in page.iter("form"):
        if 2 * lengths[form][0] < lengths[page][0]:  # ASP.NET puts whole pages into one
            _drop(form)
    for element in page.iter():
        if "hidden" in element.attrib or _HIDDEN.search(element.get("style") or ""):
            _drop(element)
    lengths = _lengths(page)
    for element in page.iter("ul", "ol", "div", "header", "footer", "p", "table"):
        length, links = lengths[element]
        if links and links >= _MOSTLY_LINKS * length:
            _drop(element)


def _drop(element: Any) -> None:
    """Empty an element; to take it out of its place would copy the words around it each time."""
    if element.getparent() is not None:
        element.clear(keep_tail=True)
        element.tag = "div" if element.tag in BLOCKS else "span"


def _lengths(page: Any) -> _Lengths:
    """How many visible characters each element of a page has, and how many of them in links."""
    lengths: _Lengths = {}
    opened: list[tuple[int, int]] = []
    seen = linked = 0
    for event, element in etree.iterwalk(page, events=("start", "end")):
        if event == "start":
            opened.append((seen, linked))
            words = element.text
        else:
            before, linked_before = opened.pop()
            lengths[element] = seen - before, linked - linked_before
            if element.tag == "a" and "href" in element.attrib:
                linked = linked_before + seen - before
            words = element.tail
        seen += len("".join((words or "").split()))
    return lengths
