"""Recall at ranks, MRR and the share of answers in the evidence, in all and by kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

RANKS = (1, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came back for one question; `rank` of the first right one, None beyond the tenth.

    `in_evidence` tells whether an answer stands in the first hit's evidence, None where the
    question names no answer.
    """

    id: str
    question: str
    kind: str
    answerable: bool
    rank: int | None
    weak: bool
    in_evidence: bool | None
    first: str


@dataclass(frozen=True, slots=True)
class Report:
    """Figures over judgements; questions without an answer count in none but their own."""

    judgements: tuple[Judgement, ...]

    @property
    def answerable(self) -> tuple[Judgement, ...]:
        """The questions that the library answers."""
        return tuple(j for j in self.judgements if j.answerable)

    @property
    def misses(self) -> tuple[Judgement, ...]:
        """Answerable questions whose first hit is wrong."""
        return tuple(j for j in self.answerable if j.rank != 1)

    def as_json(self) -> dict[str, Any]:
        """One object; shares are rounded to four places."""
        kinds = sorted({j.kind for j in self.answerable} - {""})
        by_kind = {kind: _figures([j for j in self.answerable if j.kind == kind]) for kind in kinds}
        without = [j for j in self.judgements if not j.answerable]
        return {
            **_figures(self.answerable),
            "kinds": by_kind,
            "weak": _share(j.weak for j in self.answerable),
            "unanswerable": {"n": len(without), "weak": _share(j.weak for j in without)},
        }

    def table(self) -> str:
        """The same for a terminal."""
        figures = self.as_json()
        rows = [*figures["kinds"].items(), ("all", figures)]
        names = list(_figures(()))
        width = max(len(kind) for kind, _ in rows) + 2
        lines = [" " * width + "".join(_column(name, name) for name in names)]
        lines += [
            f"{kind:<{width}}" + "".join(_column(name, _cell(row[name])) for name in names)
            for kind, row in rows
        ]
        lines.append(f"called weak though answered: {_cell(figures['weak'])}")
        without = figures["unanswerable"]
        if without["n"]:
            lines.append(
                f"without an answer: {without['n']}, called weak: {_cell(without['weak'])}"
            )
        return "\n".join(lines)


def _figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    ranks = [j.rank for j in judgements]
    told = [j for j in judgements if j.in_evidence is not None]
    return {
        "n": len(judgements),
        **{f"R@{k}": _share(rank is not None and rank <= k for rank in ranks) for k in RANKS},
        "MRR@10": _mean([1 / rank if rank else 0.0 for rank in ranks]),
        "evidence": _share(bool(j.in_evidence) for j in told),
        "evidence@right": _share(bool(j.in_evidence) for j in told if j.rank == 1),
    }


def _share(truths: Iterable[bool]) -> float | None:
    return _mean([float(truth) for truth in truths])


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _column(name: str, cell: str) -> str:
    return f"{cell:>{max(len(name) + 2, 10)}}"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
