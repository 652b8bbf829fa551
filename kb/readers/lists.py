"""Automatic numbers of Word paragraphs, which the file keeps as counters, not as text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from docx.oxml.ns import qn

from kb.numbering import han
from kb.readers.runs import down, is_on, said

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
          (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


def _letters(number: int) -> str:
    """As Word goes on after z: aa, bb."""
    times, at = divmod(number - 1, 26)
    return chr(ord("a") + at) * (times + 1)


def _roman(number: int) -> str:
    written = ""
    for value, letters in _ROMAN:
        times, number = divmod(number, value)
        written += letters * times
    return written


def _circled(number: int) -> str:
    return chr(ord("①") + number - 1) if 0 < number <= 20 else str(number)


_STYLE_LINKS = ("w:styleLink", "w:numStyleLink")  # a style is defined, or only named
_FORMS: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "decimalZero": lambda number: f"{number:02}",
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": han,
    "chineseCountingThousand": han,
    "chineseLegalSimplified": han,
    "ideographDigital": han,
    "japaneseCounting": han,
    "taiwaneseCounting": han,
    "taiwaneseCountingThousand": han,
}


@dataclass(frozen=True, slots=True)
class _Level:
    """Numbers begin anew after one of the first `under` levels; `plain` has all in digits.

    `apart` says that Word leaves some room between a number and the words.
    """

    form: str = "decimal"
    pattern: str = ""
    start: int = 1
    under: int = 9
    plain: bool = False
    apart: bool = True

    @classmethod
    def of(cls, level: Any) -> _Level:
        return cls(
            _value(level, "w:numFmt", "decimal"),
            _value(level, "w:lvlText", ""),
            int(_value(level, "w:start", "1")),
            int(_value(level, "w:lvlRestart", str(_index(level)))),
            is_on(level.find(qn("w:isLgl"))),
            _value(level, "w:suff", "tab") != "nothing",
        )


class Lists:
    """Counts the numbered paragraphs of one document, in the order they are asked about."""

    def __init__(self, numbering: Any | None) -> None:
        self._abstract: dict[str, str] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._restarts: dict[str, list[int]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        if numbering is None:
            return
        abstracts = {
            abstract.get(qn("w:abstractNumId")): _by_level(abstract.findall(qn("w:lvl")))
            for abstract in numbering.findall(qn("w:abstractNum"))
        }
        styled = _styled(numbering)
        for num in numbering.findall(qn("w:num")):
            name, abstract = num.get(qn("w:numId")), _value(num, "w:abstractNumId", "")
            abstract = styled.get(abstract, abstract)
            own = _by_level(num.findall(down("w:lvlOverride/w:lvl")))
            levels = abstracts.get(abstract, {}) | own
            starts = _starts(num)
            self._abstract[name] = abstract
            self._levels[name] = {
                at: replace(level, start=starts.get(at, level.start))
                for at, level in levels.items()
            }
            self._restarts[name] = list(starts)

    def number(self, name: str, at: int, words: str) -> str:
        """Return the number Word shows before the next paragraph of a list, or an empty string.

        `name` is that of the list, 0 for none, `at` the level of the paragraph, from 0. A space
        ends the number that would make another number or word with the `words` after it: 1.5亿元.
        """
        level = self._levels.get(name, {}).get(at)
        if level is None:
            return ""
        self._count(name, at, level)
        if level.form in {"bullet", "none"}:
            return ""
        shown = partial(self._show, name, plain=level.plain)
        number = re.sub(r"%(\d)", lambda found: shown(int(found[1]) - 1), level.pattern)
        return f"{number} " if level.apart and _run_together(number, words) else number

    def _count(self, name: str, at: int, level: _Level) -> None:
        counts = self._counts[self._abstract[name]]  # lists of one kind go on from each other
        for anew in self._restarts.pop(name, []):  # but those that are restarted, once
            counts.pop(anew, None)
        counts[at] = counts.get(at, level.start - 1) + 1
        for deeper in [each for each in counts if each > at]:
            if at < self._levels[name].get(deeper, _Level()).under:
                del counts[deeper]

    def _show(self, name: str, at: int, *, plain: bool) -> str:
        level = self._levels[name].get(at, _Level())
        count = self._counts[self._abstract[name]].get(at, level.start)
        # Letters and Roman numbers begin at one, and grow with what a file claims to begin at.
        form = _FORMS.get(level.form, str) if 0 < count < 10_000 and not plain else str
        return form(count)


def _run_together(number: str, words: str) -> bool:
    if not number or not words or words[0].isspace():
        return False
    return number[-1].isalpha() or number[-1].isdecimal() or words[0].isdecimal()


def _styled(numbering: Any) -> dict[str, str]:
    """The kinds of lists that only name a list style, and the kind that the style stands for."""
    kinds = [
        (kind.get(qn("w:abstractNumId")), *(_value(kind, tag, "") for tag in _STYLE_LINKS))
        for kind in numbering.findall(qn("w:abstractNum"))
    ]
    meant = {style: kind for kind, style, _ in kinds if style}
    return {kind: meant[style] for kind, _, style in kinds if style in meant}


def _by_level(levels: Iterable[Any]) -> dict[int, _Level]:
    return {_index(level): _Level.of(level) for level in levels}


def _starts(num: Any) -> dict[int, int]:
    """The levels at which a list begins to count anew, and with what."""
    return {
        _index(override): int(_value(override, "w:startOverride", "1"))
        for override in num.findall(qn("w:lvlOverride"))
        if override.find(qn("w:startOverride")) is not None
    }


def _index(element: Any) -> int:
    return int(element.get(qn("w:ilvl"), "0"))


def _value(element: Any, tag: str, default: str) -> str:
    return said(element.find(qn(tag)), default)
