"""One contestant in a process of its own: `python -m tests.benchmarks.worker NAME MODEL`.

A line of JSON on standard input is a task, a line on standard output its answer. Times are
taken here, in seconds, so that the pipe is in none of them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.contestants import Contestant, contestant
from tests.benchmarks.corpora import Corpus
from tests.benchmarks.fp32 import Fp32

Answer = dict[str, Any]


class Tasks:
    """What can be asked of a contestant."""

    def __init__(self, player: Contestant, model: Path) -> None:
        self._player = player
        self._model = model

    def passages(self, texts: Sequence[str]) -> Answer:
        return {"seconds": _timed(lambda: self._player.passages(texts))}

    def query(self, texts: Sequence[str]) -> Answer:
        return {"seconds": [_timed(partial(self._player.query, text)) for text in texts]}

    def build(self, corpus: str, folder: str) -> Answer:
        opened = Corpus.open(Path(corpus))
        return {"seconds": _timed(lambda: self._player.build(opened, Path(folder)))}

    def open(self, corpus: str, folder: str) -> Answer:
        self._player.open(Corpus.open(Path(corpus)), Path(folder))
        return {}

    def search(self, texts: Sequence[str], k: int) -> Answer:
        seconds, found = [], []
        for text in texts:
            began = time.perf_counter()
            found.append(list(self._player.search(text, k)))
            seconds.append(time.perf_counter() - began)
        return {"seconds": seconds, "found": found}

    def remember(self, corpus: str, file: str) -> Answer:
        """Write the float32 vectors of passages and questions for who would make the same."""
        opened, model = Corpus.open(Path(corpus)), Fp32(self._model)
        queries = [model.query(question.text) for question in opened.questions]
        np.savez(file, passages=model.passages(opened.passages), queries=np.array(queries))
        return {}

    def recall(self, corpus: str, file: str) -> Answer:
        opened, vectors = Corpus.open(Path(corpus)), np.load(file)
        known = dict(zip(opened.passages, vectors["passages"], strict=True))
        asked = (question.text for question in opened.questions)
        self._player.know({**known, **dict(zip(asked, vectors["queries"], strict=True))})
        return {}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Answer tasks until standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print what they like
    name, model = sys.argv[1], Path(sys.argv[2])
    tasks = Tasks(contestant(name, model), model)
    print(json.dumps({"ready": name}), file=answers, flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        answer = getattr(tasks, task.pop("do"))(**task)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
