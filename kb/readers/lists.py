"""Automatic numbers of Word paragraphs, which the file keeps as counters, not as text."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from docx.oxml.ns import qn

from kb.numbering import han

_HAN_FORMATS = frozenset(
    {"chineseCounting", "chineseCountingThousand", "ideographDigital", "japaneseCounting",
     "chineseLegalSimplified", "taiwaneseCounting", "taiwaneseCountingThousand"}
)  # fmt: skip


class Lists:
    """Counts the numbered paragraphs of one document, in the order they are asked about."""

    def __init__(self, numbering: Any | None) -> None:
        self._levels: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._abstract: dict[str, str] = {}
        if numbering is None:
            return
        for num in numbering.findall(qn("w:num")):
            link = num.find(qn("w:abstractNumId"))
            self._abstract[num.get(qn("w:numId"))] = link.get(qn("w:val"))
        for abstract in numbering.findall(qn("w:abstractNum")):
            for level in abstract.findall(qn("w:lvl")):
                key = (abstract.get(qn("w:abstractNumId")), int(level.get(qn("w:ilvl"), "0")))
                self._levels[key] = (
                    _value(level, "w:numFmt", "decimal"),
                    _value(level, "w:lvlText", ""),
                    int(_value(level, "w:start", "1")),
                )

    def number(self, paragraph: Any, inherited: Any | None) -> str:
        """Return the number Word shows before this paragraph, or an empty string."""
        own = paragraph.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
        chosen = own if own is not None else inherited
        if chosen is None:
            return ""
        abstract = self._abstract.get(_value(chosen, "w:numId", "0"))
        at = int(_value(chosen, "w:ilvl", "0"))
        if abstract is None or (abstract, at) not in self._levels:
            return ""
        counts = self._counts[abstract]
        form, pattern, start = self._levels[abstract, at]
        counts[at] = counts.get(at, start - 1) + 1
        for deeper in [level for level in counts if level > at]:
            del counts[deeper]
        if form in {"bullet", "none"}:
            return ""
        return re.sub(r"%(\d)", lambda match: self._show(abstract, int(match[1]) - 1), pattern)

    def _show(self, abstract: str, level: int) -> str:
        form, _, start = self._levels.get((abstract, level), ("decimal", "", 1))
        count = self._counts[abstract].get(level, start)
        return han(count) if form in _HAN_FORMATS else str(count)


def _value(element: Any, tag: str, default: str) -> str:
    child = element.find(qn(tag))
    return str(child.get(qn("w:val"), default)) if child is not None else default
