"""The table at the end: what was tried, how often, what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.house import Lost


@dataclass(slots=True)
class Row:
    """One kind of attempt."""

    tried: str
    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    note: str = ""

    @contextmanager
    def round(self, which: str) -> Iterator[None]:
        """Count one attempt; what it finds lost is kept with its name, to be run again."""
        self.rounds += 1
        try:
            yield
        except Exception as error:
            reason = str(error) if isinstance(error, Lost) else f"{type(error).__name__}: {error}"
            self.lost.append(f"{which}: {reason}")

    def line(self) -> str:
        """As it stands in the table."""
        outcomes = ", ".join(f"{n} {what}" for what, n in sorted(self.outcomes.items()))
        notes = "; ".join(part for part in (outcomes, self.note) if part)
        return f"{self.tried:44} {self.rounds:6} {len(self.lost):5}  {notes}"


def printed(rows: list[Row]) -> str:
    """All rows, then every loss with what repeats it."""
    head = f"{'what was tried':44} {'times':>6} {'lost':>5}  how it ended"
    losses = [f"LOST {row.tried}: {loss}" for row in rows for loss in row.lost]
    return "\n".join([head, "-" * len(head), *(row.line() for row in rows), *losses])
