"""Which clauses of a passage answer the query, and which of its words matched."""

from __future__ import annotations

from index.encoder import Vectors
from index.hits import Mark
from index.terms import terms
from kb.types import Passage, Span


def evidence(passage: Passage, scores: Vectors) -> tuple[Span, ...]:
    """The best clause by `scores`, one a clause, as spans into the document's text."""
    best = passage.clauses[int(scores.argmax())]
    return (Span(best.start, best.end),)


def marks(passage: Passage, query: str) -> tuple[Mark, ...]:
    """Where the query's words and character pairs stand in the passage, in text order."""
    wanted = {term.text for term in terms(query) if len(term.text) > 1}
    spans = sorted((t.start, t.end) for t in terms(passage.text) if t.text in wanted)
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(Mark(passage.start + a, passage.start + b, 1.0) for a, b in merged)
