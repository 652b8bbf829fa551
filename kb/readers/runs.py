"""What stands in the XML of Word's paragraphs, whatever it is wrapped in."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from docx.oxml.ns import qn

Element = Any  # lxml's elements; python-docx has no types for what it does not wrap

PARAGRAPH, BOX = qn("w:p"), qn("w:txbxContent")
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
UNSEEN = frozenset(
    {qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText"),
     # the same once more, for programs that cannot draw what it stands beside
     f"{_ALTERNATIVES}Fallback"}
)  # fmt: skip
_RUNS, _WORDS = frozenset({qn("w:r"), qn("m:r")}), frozenset({qn("w:t"), qn("m:t")})
_FRACTION, _BRACKETS = qn("m:f"), qn("m:d")
_PARTS = frozenset({qn("m:num"), qn("m:den"), qn("m:e")})
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_OFF = frozenset({"0", "false", "off"})
# Characters with their reading over them, which is left out.
_ANNOTATED = frozenset({qn("w:ruby"), qn("w:rubyBase"), qn("w:r")})


def below(element: Element, tag: str) -> Iterator[Element]:
    """The outermost elements of a tag, whatever they are wrapped in; what is unseen left out."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in UNSEEN:
            yield from below(child, tag)


def inner(element: Element) -> Iterator[Element]:
    """All paragraphs below an element, those of a text box after the one that it hangs on."""
    for paragraph in below(element, PARAGRAPH):
        yield paragraph
        for box in below(paragraph, BOX):
            yield from inner(box)


def pieces(element: Element) -> Iterator[tuple[Element, str]]:
    """The runs of a paragraph with their text; deleted and hidden text and boxes left out."""
    for child in element:
        if child.tag in _RUNS:
            if not is_on(child.find(down("w:rPr/w:vanish"))):
                yield child, "".join(_letters(child))
        elif child.tag in {_FRACTION, _BRACKETS}:
            yield from _formula(child)
        elif child.tag not in UNSEEN and child.tag != BOX:
            yield from pieces(child)


@cache
def down(tags: str) -> str:
    """The way to an element as `find` takes it, from one such as w:pPr/w:pStyle."""
    return "/".join(map(qn, tags.split("/")))


def said(setting: Element | None, default: str = "") -> str:
    """What a property says; `default` where it is not there or says nothing."""
    return default if setting is None else str(setting.get(qn("w:val"), default))


def is_on(switch: Element | None) -> bool:
    """Whether a property is there that may be there and say that it is off."""
    return switch is not None and switch.get(qn("w:val"), "1") not in _OFF


def _formula(element: Element) -> Iterator[tuple[Element, str]]:
    """A fraction with a stroke, or a pair of brackets with what stands in it."""
    if element.tag == _FRACTION:
        before, between, after = "", "/", ""
    else:
        marks = (("beg", "("), ("sep", "|"), ("end", ")"))
        before, between, after = (_mark(element, f"m:{name}Chr", usual) for name, usual in marks)
    for at, part in enumerate(part for part in element if part.tag in _PARTS):
        yield element, between if at else before
        yield from pieces(part)
    yield element, after


def _mark(brackets: Element, tag: str, usual: str) -> str:
    found = brackets.find(down(f"m:dPr/{tag}"))
    return usual if found is None else str(found.get(qn("m:val"), ""))


def _letters(run: Element) -> Iterator[str]:
    for child in run:
        if child.tag in _WORDS:
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        elif child.tag in _ANNOTATED:
            yield from _letters(child)
        elif child.tag == f"{_ALTERNATIVES}AlternateContent":  # emoji: what any program can show
            yield next(filter(None, ("".join(_letters(each)) for each in child)), "")
