"""A build that kills itself: `python -m tests.killed_build HOME STAGE DONE`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from index.build import Progress, build
from index.home import Home
from tests.fakes import HashEncoder


def kill(home: Home, stage: str, done: int) -> None:
    """Build in a process of its own that dies in this stage, once so much of it is done."""
    command = [sys.executable, "-m", "tests.killed_build", str(home.root), stage, str(done)]
    killed = subprocess.run(command, cwd=Path(__file__).parents[1], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL


def main() -> None:
    """Die on the way."""
    root, stage, done = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

    def die(step: Progress) -> None:
        if step.stage == stage and step.done >= done:
            os.kill(os.getpid(), signal.SIGKILL)

    build(Home(root, root / "documents"), HashEncoder(), progress=die)


if __name__ == "__main__":
    main()
