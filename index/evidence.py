"""Which clauses of a passage answer the query, and which of its words matched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from index.encoder import Vectors
from index.hits import Mark
from index.late import Matches, stretches
from index.store import LateMatches
from index.terms import folded, occurrences, places
from index.texts import cuts
from kb.types import Passage, Span

# A clause beside the best one belongs to the answer when it is nearly as good, one elsewhere
# in the passage when it is as good as equal. Sums of cosines, so the margins are in cosines.
_NEIGHBOUR_MARGIN, _ELSEWHERE_MARGIN = 0.25, 0.1
_MOST_CLAUSES = 3

# A question for a number is answered by a clause that holds one.
_ASKS_NUMBER = re.compile(
    r"多少|几[^乎]|几$|百分之|how (many|much|often|long|old)|what (percent|share|number)", re.I
)
_NUMBER = re.compile(
    r"[0-9０-９]|[一二两三四五六七八九十百千万亿]+(?:[个名件项次人家天岁年月日倍%％元]|小时|周岁|分之)"
)
_NUMBER_BONUS = 0.2

_MOST_MARKS = 12
_TOKEN_MATCH = 0.7  # cosine from which two tokens say the same thing
_RARE_ENOUGH = 0.25  # share of the rarest term's weight below which a word is not worth a mark


def clause_scores(
    query: str, passages: Sequence[Passage], cosines: Sequence[Vectors], late: Sequence[LateMatches]
) -> list[Vectors]:
    """How well each clause of each passage answers, an array `(clauses,)` a passage.

    `cosines` are those of each clause by itself, as its MaxSim in `late` is; added to these is
    the MaxSim of its stretch of the passage's tokens, which have read what stands around them.
    """
    within = stretches([each.passage for each in late], [cuts(each) for each in passages])
    asks_number = _ASKS_NUMBER.search(folded(query)) is not None
    found = []
    for passage, dense, alone, stretch in zip(passages, cosines, late, within, strict=True):
        scores: Vectors = 0.5 * dense + alone.clauses + stretch
        if asks_number:
            text = folded(passage.text)
            told = [_NUMBER.search(text, first, last) is not None for first, last in cuts(passage)]
            scores[told] += _NUMBER_BONUS
        found.append(scores)
    return found


def evidence(passage: Passage, scores: Vectors) -> tuple[Span, ...]:
    """The clauses that answer, in text order, neighbours joined; spans into the document."""
    best = int(scores.argmax())
    short = (scores[best] - scores).tolist()
    close = [
        i
        for i, margin in enumerate(short)
        if margin <= (_NEIGHBOUR_MARGIN if abs(i - best) == 1 else _ELSEWHERE_MARGIN)
    ]
    chosen = sorted(close, key=short.__getitem__)[:_MOST_CLAUSES]
    spans = [Span(passage.clauses[i].start, passage.clauses[i].end) for i in sorted(chosen)]
    return tuple(Span(a, b) for a, b, _ in _merged([(a, b, 1.0) for a, b in spans]))


def marks(
    passage: Passage,
    matches: Matches,
    weights: Mapping[str, float],
    phrases: Sequence[str] = (),
) -> tuple[Mark, ...]:
    """The words that matched, by letter or by meaning; the strongest dozen, in text order.

    `weights` are the query's terms and how much each tells, the rarest 1. What is quoted, the
    `phrases`, is marked as a whole.
    """
    found = [*_same_words(passage.text, weights), *_near_words(passage.text, matches)]
    found += [(start, end, 1.0) for start, end in places(passage.text, phrases)]
    merged = sorted(_merged(sorted(found)), key=lambda m: (-m[2], m[0]))[:_MOST_MARKS]
    at = passage.start
    return tuple(Mark(at + a, at + b, round(weight, 3)) for a, b, weight in sorted(merged))


def _same_words(text: str, weights: Mapping[str, float]) -> Iterator[tuple[int, int, float]]:
    """Pairs and words; a single character only where the query is nothing more.

    A pair that tells too little by itself counts where it overlaps one that tells enough:
    otherwise no more than 谷子经 of 谷子经济 would be marked.
    """
    shortest = 2 if any(len(term) > 1 for term in weights) else 1
    found = occurrences(text, [term for term in weights if len(term) >= shortest])
    runs = _merged(sorted((t.start, t.end, weights[t.text]) for t in found), shared=1)
    yield from (run for run in runs if run[2] >= _RARE_ENOUGH)


def _near_words(text: str, matches: Matches) -> Iterator[tuple[int, int, float]]:
    """Each query token's best match, where it is close and not mere punctuation."""
    if not matches.cosines.size:
        return
    rows = matches.cosines.argmax(axis=0)
    best = matches.cosines[rows, np.arange(len(rows))].tolist()
    for (start, end), cosine in zip(matches.spans[rows].tolist(), best, strict=True):
        token = text[start:end]
        if cosine >= _TOKEN_MATCH and any(map(str.isalnum, token)):
            # the space before a word belongs to its token, not to what is marked
            yield end - len(token.lstrip()), end, cosine


def _merged(
    spans: Sequence[tuple[int, int, float]], *, shared: int = 0
) -> list[tuple[int, int, float]]:
    """Spans in order, those made one that touch or share `shared` characters.

    It has the greater weight.
    """
    merged: list[tuple[int, int, float]] = []
    for start, end, weight in spans:
        if merged and start + shared <= merged[-1][1]:
            first, last, before = merged[-1]
            merged[-1] = first, max(last, end), max(before, weight)
        else:
            merged.append((start, end, weight))
    return merged
