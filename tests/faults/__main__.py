"""Try to lose or break an index, for minutes, and print what was tried and what was lost."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.table import Row

# before numpy and faiss are loaded: children are forked, and threads do not survive that
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def main() -> int:
    """Exit status 0 if nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="builds to kill (default 200)")
    parser.add_argument("--seed", type=int, default=0, help="repeats a run (default 0)")
    parser.add_argument("--short", action="store_true", help="a sample of all, in minutes")
    options = parser.parse_args()
    if options.short:
        options.rounds = min(options.rounds, 20)
    with tempfile.TemporaryDirectory(prefix="kb-faults-") as folder:
        from tests.faults import interposer

        missing = interposer.install(Path(folder))
        from tests.faults.table import printed

        rows: list[Row] = []
        for row in _tried(Path(folder), options, missing):
            print(f"{time.strftime('%H:%M:%S')} {row.line()}", file=sys.stderr, flush=True)
            rows.append(row)
    print(printed(rows))
    if missing:
        print(f"skipped, {missing}: calls that fail in turn, kills at a call")
    return int(any(row.lost for row in rows))


def _tried(folder: Path, options: argparse.Namespace, missing: str | None) -> Iterator[Row]:
    from tests.faults import adding, clients, damage, disks, kills, leftovers, rivals

    short, rng = options.short, random.Random(options.seed)
    calls = missing is None
    yield kills.kills(folder, options.rounds, rng, before=True, calls=calls)
    yield kills.kills(folder, max(1, options.rounds // 4), rng, before=False, calls=calls)
    if calls:
        yield from disks.failing_calls(folder, 0.1 if short else 1.0, rng)
    for before in (True, False):
        yield disks.full_disk(folder, 8 if short else 1, before=before)
    yield disks.read_only(folder)
    if calls:
        yield adding.added_documents(folder)
    yield damage.damaged_files(folder, 1 if short else 10, rng)
    yield leftovers.damaged_leftovers(folder, 1 if short else 5, rng)
    yield rivals.builds_at_once(folder, 5 if short else 50, rng)
    yield rivals.dead_holders(folder, 5 if short else 50)
    yield clients.through_rebuilds(folder, 3.0 if short else 15.0)


if __name__ == "__main__":
    sys.exit(main())
