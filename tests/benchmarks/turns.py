"""Everyone once in each round, one after the other, so that noise meets all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

_T = TypeVar("_T")

_REST = 0.3  # seconds: threads of the one before may still spin


def in_turns(rounds: int, players: Mapping[str, Callable[[int], _T]]) -> dict[str, list[_T]]:
    """Call each player with the round's number; who begins changes from round to round."""
    results: dict[str, list[_T]] = {name: [] for name in players}
    names = list(players)
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            time.sleep(_REST)
            results[name].append(players[name](number))
    return results


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
