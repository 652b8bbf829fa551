"""Questions that a library can answer, drawn from its own headings and figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from kb.tree import WHOLE
from kb.types import Document

# verbs that open the headings of official Chinese writing: "如何" fits before all of these
_VERBS = (
    "坚持|加强|加大|加快|完善|健全|推进|推动|深化|积极|广泛|大力|全面|强化|聚焦|维护|提升|提高|优化|"
    "持续|扎实|着力|切实|巩固|扩大|落实|开展|建设|打造|培育|构建|创新|服务|保障|促进|改善|发展|激发|凝聚"
)
_STARTS_WITH_VERB = re.compile(rf"(?:{_VERBS}).")
_NUMBER = re.compile(r"^(?:第[一-龥\d]+[章节篇]|[（(]?[一二三四五六七八九十\d]+[）)、.．])\s*")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
# one counted thing of an enumeration: the comma before it shows where its name begins
_COUNTED = re.compile(r"、([\u4e00-\u9fff]{3,8})\d[\d,.]*余?万?余?(家|个|名|件|期|场|项|所|条)")
_LONGEST = 12  # characters of a heading that still reads as a question


def questions(documents: Iterable[Document], limit: int = 6) -> tuple[str, ...]:
    """Up to `limit` questions, figures and headings by turns, no two alike."""
    texts = list(documents)
    counted = _ends_first([q for document in texts for q in _about_figures(document)])
    titled = sorted(
        (q for document in texts for q in _about_headings(document)),
        key=lambda question: not question.startswith("如何"),
    )
    pairs = [q for pair in zip(counted, titled, strict=False) for q in pair][:4]
    return tuple(islice(dict.fromkeys([*pairs, *titled, *counted]), limit))


def _about_figures(document: Document) -> Iterator[str]:
    for thing, measure in _COUNTED.findall(document.text):
        yield f"{thing}有多少{measure}？"


def _about_headings(document: Document) -> Iterator[str]:
    # a title of one phrase makes a better question than a line of slogans
    plain_first = sorted(document.outline, key=lambda section: len(section.title.split()))
    for section in plain_first:
        if section.kind not in ("section", "run_in") or section.title == WHOLE:
            continue
        phrases = _NUMBER.sub("", section.title).split()
        yield from islice((q for q in map(_about, reversed(phrases)) if q), 1)


def _about(phrase: str) -> str | None:
    if not _HAN.fullmatch(phrase) or len(phrase) > _LONGEST:
        return None
    return f"如何{phrase}？" if _STARTS_WITH_VERB.match(phrase) else f"{phrase}讲了什么？"


def _ends_first(items: list[str]) -> list[str]:
    # the last figure and the first come from far apart, neighbours from one enumeration
    return [*items[-1:], *items[:-1]]
