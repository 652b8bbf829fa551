"""What stands in the XML of Word's paragraphs, whatever it is wrapped in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docx.oxml.ns import qn

Element = Any  # lxml's elements; python-docx has no types for what it does not wrap

PARAGRAPH, BOX = qn("w:p"), qn("w:txbxContent")
UNSEEN = frozenset(
    {qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText"),
     # the same once more, for programs that cannot draw what it stands beside
     "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)  # fmt: skip
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
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
    """The runs of a paragraph with their text; deleted text and text boxes left out."""
    for child in element:
        if child.tag == qn("w:r"):
            yield child, "".join(_letters(child))
        elif child.tag not in UNSEEN and child.tag != BOX:
            yield from pieces(child)


def _letters(run: Element) -> Iterator[str]:
    for child in run:
        if child.tag == qn("w:t"):
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        elif child.tag in _ANNOTATED:
            yield from _letters(child)
