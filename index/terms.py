"""Text to the terms that BM25 counts: characters and their pairs, words and numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from index.folding import simplified

# A word or a number in a script that writes them apart, or one character of one that does not.
# Numbers keep the points inside them, and go on across commas between thousands, which the term
# leaves out: 1.04, and 1,000 is 1000. Other commas part numbers, full-width ones in a list of
# telephone numbers above all.
_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U000323af"
)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)*|\d+(?:\.\d+)*")
_GROUPED = re.compile(r",\d{3}")
_UNIT = re.compile(rf"[{_CJK}]|{_NUMBER.pattern}|[^\W\d_{_CJK}]+", re.UNICODE)
_QUOTED = re.compile(r'["＂]([^"＂]+)["＂]')
_WITHIN_WORD = re.compile(rf"[^\W\d_{_CJK}]{{2}}")
_ONE_CJK = re.compile(rf"[{_CJK}]")

_MOST_CHARACTERS = 1 << 16  # that are kept: all Unicode would take 100 MB


class Term(NamedTuple):
    """A folded term and where it stands, half-open code points into the text it was cut from."""

    text: str
    start: int
    end: int


def terms(text: str) -> list[Term]:
    """Single characters and pairs of neighbours for Chinese, whole words and numbers else.

    Pairs stand in for words: no segmenter is right about official Chinese often enough
    (measured: R@1 .65 against .56 by jieba). Full-width forms, case and Traditional
    characters are folded alike for documents and queries.
    """
    units = list(_units(folded(text)))
    found = []
    for i, unit in enumerate(units):
        found.append(unit)
        if i + 1 < len(units):
            right = units[i + 1]
            if right.start == unit.end and _is_cjk(unit) and _is_cjk(right):
                found.append(Term(unit.text + right.text, unit.start, right.end))
    return found


def occurrences(text: str, wanted: Iterable[str]) -> Iterator[Term]:
    """Where some terms stand in a text; much quicker than cutting all of it into terms."""
    plain = folded(text)
    words = list(wanted)
    numbers = {term for term in words if term[:1].isdecimal()}
    if numbers:
        yield from (each for each in map(_term, _NUMBER.finditer(plain)) if each.text in numbers)
    for term in words:
        if term in numbers:
            continue
        start = plain.find(term)
        while start >= 0:
            end = start + len(term)
            if _ONE_CJK.match(term) or not (_joins(plain, start) or _joins(plain, end)):
                yield Term(term, start, end)
            start = plain.find(term, start + 1)


def standing(text: str, wanted: Iterable[str]) -> list[str]:
    """Those of some terms that stand in a text."""
    plain = _with_plain_numbers(text)
    return [
        term
        for term in wanted
        if term in plain and (_ONE_CJK.match(term) or any(occurrences(text, [term])))
    ]


@lru_cache(maxsize=1 << 10)  # as `folded`
def _with_plain_numbers(text: str) -> str:
    plain = folded(text)
    if not _GROUPED.search(plain):  # as nearly always, and found out in no time
        return plain
    return _NUMBER.sub(lambda found: _term(found).text, plain)


def _joins(plain: str, place: int) -> bool:
    """Whether a word goes on across `place`."""
    return _WITHIN_WORD.fullmatch(plain[max(place - 1, 0) : place + 1]) is not None


def phrases(query: str) -> tuple[str, ...]:
    """What stands between straight double quotes: it must appear, letter for letter.

    Curved quotes ask for nothing: they are part of official names (“五送牌”). What is quoted
    twice is one phrase.
    """
    quoted = map(str.strip, _QUOTED.findall(query))
    return tuple({_squeezed(phrase): phrase for phrase in quoted if phrase}.values())


def without_quotes(query: str) -> str:
    """A query for the same words, none of which has to appear."""
    return " ".join(_QUOTED.sub(r" \1 ", query).split())


def is_quotation(query: str) -> bool:
    """Whether a query asks for what it puts in straight double quotes and for nothing else."""
    return bool(phrases(query)) and not terms(_QUOTED.sub(" ", query))


def units(phrases: Iterable[str]) -> set[str]:
    """The terms that a text which `holds` the phrases has, wherever spaces stand in it."""
    return {unit.text for phrase in phrases for unit in _units(folded(phrase))}


def holds(text: str, phrases: Iterable[str]) -> bool:
    """Whether a text holds all `phrases`, spaces, width, case and character form aside."""
    squeezed = _squeezed(text)
    return all(_squeezed(phrase) in squeezed for phrase in phrases)


def places(text: str, phrases: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the phrases that a text `holds` stand in it, half-open code points."""
    if not phrases:  # as nearly always, for each hit of a search
        return
    plain = folded(text)
    kept = [place for place, char in enumerate(plain) if not char.isspace()]
    squeezed = "".join(plain[place] for place in kept)
    for phrase in map(_squeezed, phrases):
        start = squeezed.find(phrase)
        while start >= 0:
            end = start + len(phrase)
            yield kept[start], kept[end - 1] + 1
            start = squeezed.find(phrase, end)


def _squeezed(text: str) -> str:
    return "".join(folded(text).split())


def _units(folded_text: str) -> Iterator[Term]:
    return map(_term, _UNIT.finditer(folded_text))


def _term(found: re.Match[str]) -> Term:
    return Term(found.group().replace(",", ""), *found.span())  # no other unit has a comma


def _is_cjk(term: Term) -> bool:
    return _ONE_CJK.fullmatch(term.text) is not None


@lru_cache(maxsize=1 << 10)  # passages that are found again and again
def folded(text: str) -> str:
    """NFKC, lower case and Simplified, where they keep one character one character."""
    return simplified(text.translate(_COMPATIBLE))


class _Compatible(dict[int, int]):
    """A table for `str.translate`, each character worked out when it is first met."""

    def __missing__(self, code: int) -> int:
        if len(self) >= _MOST_CHARACTERS:
            self.clear()
        plain = unicodedata.normalize("NFKC", chr(code)).lower()
        self[code] = found = ord(plain) if len(plain) == 1 else code
        return found


_COMPATIBLE = _Compatible()
