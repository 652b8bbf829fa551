"""Which style of heading stands inside which: the scheme of a document, found from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kb.headings import OUTER, PLAIN, Heading

# Numbered styles bring their own rank, at most 92; what runs into a paragraph and bears no
# label is inside all of them.
_INNERMOST = 1000.0


def scheme(headings: Sequence[Heading]) -> dict[str, float]:
    """Rank the styles that have no conventional rank, outermost lowest.

    A mark (●) is outside the numbered styles that come after its first line. A bare line is
    outside a numbered style only where the numbers begin anew under it; before the first
    number it stands beside it (前言, 一、), after it, inside.
    """
    ranks: dict[str, float] = {}
    for at, heading in enumerate(headings):
        if heading.rank is None and heading.style not in ranks and heading.style != OUTER:
            known = (_rank(other, ranks) for other in headings[:at])
            before = [ranked for ranked in known if ranked is not None]
            after = [other for other in headings[at:] if other.rank is not None]
            ranks[heading.style] = _between(heading, max(before, default=0.0), after, headings)
    if PLAIN in ranks:
        ranks[OUTER] = ranks[PLAIN] - 0.5
    return ranks


def place(heading: Heading, ranks: dict[str, float]) -> float:
    """Return the rank of a heading in a scheme, outermost lowest."""
    rank = _rank(heading, ranks)
    return _INNERMOST if rank is None else rank


def _rank(heading: Heading, ranks: dict[str, float]) -> float | None:
    return float(heading.rank) if heading.rank is not None else ranks.get(heading.style)


def _between(
    heading: Heading, outer: float, after: Sequence[Heading], headings: Iterable[Heading]
) -> float:
    inner = min(
        (float(other.rank) for other in after if other.rank is not None), default=_INNERMOST
    )
    if outer or heading.style != PLAIN or inner == _INNERMOST:
        return outer + 1
    return inner - 1 if _restarts(headings, heading.style, inner) else inner


def _restarts(headings: Iterable[Heading], outer: str, inner: float) -> bool:
    """Whether the numbers of rank `inner` begin at one more than once, each time under `outer`."""
    begins, under = 0, False
    for heading in headings:
        if heading.style == outer:
            under = True
        elif heading.rank == inner and heading.ordinal == 1 and under:
            begins, under = begins + 1, False
    return begins > 1
