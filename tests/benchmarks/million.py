"""A million clauses on one machine: `python -m tests.benchmarks.million`.

Real reports are multiplied with other numbers and their vectors mixed (`multiplied.py`), indexed by
`kb build` at a quarter of the size and at the whole, and asked real questions whose vectors are
given: what is timed is everything but the model. Then `kb serve` is asked over HTTP, with it.
Needs 20 GB of disk for a million clauses, in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from index.encoder import load_encoder
from index.home import Home
from tests.benchmarks import multiplied
from tests.benchmarks.machine import this_machine
from tests.benchmarks.multiplied import Original, Shelf
from tests.benchmarks.processes import Server, Worker, python

_SOURCES = ("reports-provincial-2025", "laws")
_QUESTIONS = ("stard-small", "xquad-zh", "cmrc2018-dev")
_ASKED = 210
_SEEN = 3  # copies whose texts are looked through: other numbers may move the cut of a clause


def main() -> None:
    """Build twice, ask, serve, and print what was seen."""
    options = _options()
    print(f"{this_machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="kb-million-") as place:
        folder = Path(place)
        documents = list(_originals(options.collections, options.originals))
        _encode(documents, options.collections, folder)
        for clauses in (options.clauses // 4, options.clauses):
            home = _home(folder, documents, clauses)
            _measure(home, folder / "vectors", served=clauses == options.clauses)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a million clauses on one machine")
    parser.add_argument("--collections", type=Path, required=True)
    parser.add_argument("--clauses", type=int, default=1_000_000)
    parser.add_argument("--originals", type=int, default=4_000, help="clauses that are encoded")
    return parser.parse_args()


def _originals(collections: Path, clauses: int) -> Iterator[Original]:
    for name in _SOURCES:
        yield from multiplied.originals(collections / name / "txt", clauses // len(_SOURCES))


def _encode(documents: Sequence[Original], collections: Path, folder: Path) -> None:
    """What a model makes of the originals and of the questions."""
    model = Home(folder / "home", folder / "home" / "documents")
    model.root.mkdir()
    encoder = load_encoder(model)
    multiplied.multiply(documents, folder / "seen", _SEEN * sum(d.clauses for d in documents))
    texts = multiplied.texts(folder / "seen")
    (folder / "vectors").mkdir()
    Shelf.of(folder / "vectors" / "queries", list(_questions(collections)), encoder, "query")
    began = time.perf_counter()
    Shelf.of(folder / "vectors" / "texts", texts, encoder, "document")
    took = time.perf_counter() - began
    characters = sum(map(len, texts))
    print(f"{len(texts)} texts of {len(documents)} documents encoded in {took:.0f} s")
    print(f"{characters / took:.0f} characters a second, passages and clauses\n", flush=True)


def _questions(collections: Path) -> Iterator[str]:
    for name in _QUESTIONS:
        lines = (collections / name / "queries.jsonl").read_text(encoding="utf-8-sig").splitlines()
        most = _ASKED // len(_QUESTIONS)
        yield from (json.loads(line)["text"] for line in lines[:: len(lines) // most][:most])


def _home(folder: Path, documents: Sequence[Original], clauses: int) -> Path:
    """A library of that size where the one before was."""
    home = folder / "home"
    for name in ("documents", "generations", "CURRENT"):
        path = home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    multiplied.multiply(documents, home / "documents", clauses)
    return home


def _measure(home: Path, vectors: Path, *, served: bool) -> None:
    with Worker("bulk", home, vectors) as worker:
        _tell_build(worker.ask("build"))
    sizes = _sizes(home / "generations")
    told = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in sizes.items())
    print(f"disk, GB: {sum(sizes.values()) / 1e9:.2f} ({told})")
    with Worker("bulk", home, vectors) as worker:
        _tell_search(worker.ask("search"))
    if served:
        questions = json.loads((vectors / "queries" / "texts.json").read_text(encoding="utf-8"))
        _serve(home, vectors, questions)
    print(flush=True)


def _tell_build(answer: dict[str, Any]) -> None:
    counts, seconds = answer["counts"], answer["seconds"]
    total = sum(seconds.values())
    print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    stages = ", ".join(f"{stage} {took:.0f}" for stage, took in seconds.items())
    rate = 1e6 * total / counts["clauses"]
    print(f"build, s: {total:.0f} ({stages}); {rate:.0f} for a million clauses")
    print(f"build, MB of its own: {answer['before']:.0f} before, {answer['peak']:.0f} at most")


def _tell_search(answer: dict[str, Any]) -> None:
    print(f"open, s: {answer['opened']:.1f}")
    for mode, turns in answer["asked"].items():
        first, again = (_spread(took) for took in turns)
        print(f"search, ms, {mode}: {first} the first time, {again} again", end="; ")
        print(f"recall@10 of an exact search {answer['recall'][mode]:.4f}")
    print(
        f"memory, MB: {answer['resident']:.0f} resident, {answer['own']:.0f} without mapped files"
    )


def _spread(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return f"p50 {1000 * cuts[9]:.1f} p95 {1000 * cuts[18]:.1f}"


def _serve(home: Path, vectors: Path, questions: Sequence[str]) -> None:
    command = [*python("bulk"), home, vectors, "serve", "--port", "0"]
    with Server("/api/search?q=", command) as server:
        print(f"serve, s to the first answer: {server.started:.1f}")
        connection = http.client.HTTPConnection(*server.address, timeout=60)
        took = []
        for question in questions:
            began = time.perf_counter()
            connection.request("GET", server.path + urllib.parse.quote(question))
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} for {question}")
        connection.close()
        print(f"serve, ms over HTTP with the model: {_spread(took)}")
        print(f"serve, MB: {server.resident:.0f} resident, {server.own:.0f} without mapped files")


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of the one generation, by part."""
    [generation] = (path for path in folder.iterdir() if path.is_dir())
    sizes: dict[str, int] = {}
    for file in generation.rglob("*"):
        if file.is_file():
            part = file.relative_to(generation).parts[0]
            sizes[part] = sizes.get(part, 0) + file.stat().st_size
    return sizes


if __name__ == "__main__":
    main()
