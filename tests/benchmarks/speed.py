"""This project against what one would use otherwise: `python -m tests.benchmarks.speed`.

The same model, the same passages, the same machine, in turns within one run. `--json FILE` keeps
every round.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

from tokenizers import Tokenizer

from index import generation
from index.encoder import load_encoder
from index.home import Home
from tests.benchmarks import corpora, inside, outside
from tests.benchmarks.contestants import CONTESTANTS
from tests.benchmarks.corpora import Corpus
from tests.benchmarks.machine import this_machine
from tests.benchmarks.processes import Worker
from tests.benchmarks.table import Row, table
from tests.fp32_folder import write_packaged

COLLECTION = "cmrc2018-dev"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; these take less than ten minutes on two cores."""

    names: tuple[str, ...] = tuple(CONTESTANTS)
    rounds: int = 3
    passages: int = 10
    queries: int = 30
    seconds: float = 5.0
    texts: int = 424
    questions: int = 400


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie: prepared models, the same in float32, the report, and what is made."""

    models: Path
    fp32: Path
    report: Path
    work: Path

    def model(self, name: str) -> Path:
        return self.models if name == "ours" else self.fp32

    def index(self, name: str) -> Path:
        """What the first round of building left."""
        return self.work / f"{name}-0"


def measure(sizes: Sizes, questions: Path, collections: Path, work: Path) -> list[Row]:
    """All rows; `work` is an empty folder."""
    _say("preparing the models")
    home = Home.resolve()
    load_encoder(home, _say)  # writes its folder where it is not there yet
    report = corpora.report(work / "documents", questions)
    saved = report.save(work / "report.json")
    places = Places(home.model.resolve(), write_packaged(work / "fp32"), saved, work)
    others, reason = _collections(sizes, collections, work)
    with Worker("limits") as limits:
        limit = _Limits(limits, places.fp32, report)
        rows = list(_inside(sizes, places, report, others))
        rows += _outside(sizes, places, report, others)
        rows = limit.beside(rows)
    if not report.questions:
        rows.append(Row("report", "questions on the report", reason=f"no file {questions}"))
    if not others:
        rows.append(Row(COLLECTION, COLLECTION, reason=reason))
    return rows


def _collections(sizes: Sizes, folder: Path, work: Path) -> tuple[list[Corpus], str]:
    source = folder / COLLECTION
    if not sizes.texts or not source.is_dir():
        return [], f"no folder {source}"
    documents = work / "collection"
    return [corpora.collection(source, documents, sizes.texts, sizes.questions)], ""


def _inside(sizes: Sizes, places: Places, report: Corpus, others: list[Corpus]) -> Iterator[Row]:
    texts = inside.even_passages(
        "".join(report.passages), places.fp32, sizes.passages * (sizes.rounds + 1)
    )
    asked = corpora.queries(report, others)
    with ExitStack() as stack:
        _say("loading")
        workers = {
            name: stack.enter_context(Worker("worker", name, places.model(name)))
            for name in sizes.names
        }
        _say("encoding")
        yield from inside.encoding(workers, texts, asked, sizes.rounds, sizes.queries)
        _say("building")
        yield from inside.building(workers, places.report, places.work, sizes.rounds)
        _say("searching")
        yield from inside.searching(workers, asked, sizes.rounds, sizes.queries)
        if report.questions:
            title = f"report, {len(report.questions)} questions"
            yield from inside.finding(workers, report, title)
        for other in others:
            _say(f"{other.name}")
            yield from inside.finding_elsewhere(workers, other, places.work)


def _outside(sizes: Sizes, places: Places, report: Corpus, others: list[Corpus]) -> Iterator[Row]:
    starts = {
        "ours": partial(outside.ours, places.index("ours")),
        "recipe": partial(outside.recipe, places.fp32, places.index("recipe")),
    }
    _say("serving")
    asked = partial(corpora.queries, report, others)
    served = [
        *outside.starting(starts, sizes.rounds),
        *outside.serving(
            {**starts, outside.NOTHING: outside.nothing}, asked, sizes.rounds, sizes.seconds
        ),
    ]
    texts = [text for text, _ in zip(asked(), range(sizes.queries), strict=False)]
    for name in sizes.names:
        if name not in starts:
            index = places.index(name)
            alone = outside.opening(name, places.fp32, places.report, index, texts)
            served = [_joined(row, name, alone.get(row.key)) for row in served]
    yield from served
    models = {name: [outside.disk(places.model(name))] for name in sizes.names}
    yield Row("model_disk", "model on disk", "MB", figures=models)
    indexes = {name: [outside.disk(_index_in_use(places, name))] for name in sizes.names}
    yield Row("index_disk", "index of the report on disk", "MB", "told", indexes)


def _joined(row: Row, name: str, value: float | None) -> Row:
    return row if value is None else replace(row, figures={**row.figures, name: [value]})


def _index_in_use(places: Places, name: str) -> Path:
    folder = places.index(name)
    if name != "ours":
        return folder
    home = Home(folder, folder / "documents")
    return generation.folder(home, str(generation.current(home)))


class _Limits:
    """The model's matrix products in int8 alone, and reading memory."""

    def __init__(self, worker: Worker, model: Path, report: Corpus) -> None:
        self._worker = worker
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))

        def tokens(prefix: str, texts: tuple[str, ...]) -> list[int]:
            return [len(each) for each in tokenizer.encode_batch([prefix + t for t in texts])]

        asked = tuple(q.text for q in report.questions) or tuple(t[:20] for t in report.passages)
        self._report = sum(tokens("passage: ", report.passages))
        # torch's int8 product wants more than 16 rows
        self._query = max(17, round(median(tokens("query: ", asked))))
        self._first = self._measured()

    def _measured(self) -> dict[str, float]:
        ask = self._worker.ask
        return {
            "query": ask("products", tokens=self._query, kind="int8")["seconds"],
            "token": ask("products", tokens=2048, kind="int8")["seconds"] / 2048,
            "query in float32": ask("products", tokens=self._query, kind="float32")["seconds"],
            "token in float32": ask("products", tokens=2048, kind="float32")["seconds"] / 2048,
            "byte": 1 / ask("memory")["bytes"],
        }

    def beside(self, rows: list[Row]) -> list[Row]:
        """The rows with what was possible at best, before or after them."""
        again = self._measured()
        best = {key: min(value, again[key]) for key, value in self._first.items()}
        empty = {row.key: row.middle(outside.NOTHING) for row in rows}
        limits: dict[str, float] = {
            "passages": 1 / (inside.PASSAGE_TOKENS * best["token"]),
            "query": 1000 * best["query"],
            "build": self._report * best["token"],
            "search_p50": 1000 * best["query"],
        }
        if (trip := empty.get("http_p50")) is not None:
            limits["http_p50"] = trip + 1000 * best["query"]
        if (rate := empty.get("http_rate")) is not None:
            limits["http_rate"] = 1 / (1 / rate + best["query"])
        told = Row("limits", "products", figures={key: [value] for key, value in best.items()})
        return [*(replace(row, limit=limits.get(row.key)) for row in rows), told]


NOTES = """\
limit here: the model's matrix products alone, in int8 at this machine's fastest, each text once; \
for HTTP with the round trip of an empty view before it. The same products in float32 allow \
{passages:.1f} passages per second and {query:.1f} ms for a query. \
Memory and start of txtai and LanceDB are of a process without an HTTP server. All have \
{threads} threads; every query is asked once."""


def report_of(rows: list[Row], sizes: Sizes) -> str:
    """The table and what is to be known with it."""
    names = {name: CONTESTANTS[name][2] for name in sizes.names}
    [limits] = [row for row in rows if row.key == "limits"]
    shown = [row for row in rows if row is not limits]
    per_token, query = limits.figures["token in float32"][0], limits.figures["query in float32"][0]
    notes = NOTES.format(
        passages=1 / (inside.PASSAGE_TOKENS * per_token), query=1000 * query, threads=os.cpu_count()
    )
    return f"{this_machine()}\n\n{table(shown, names, 'ours', 'recipe')}\n\n{notes}"


def record(rows: list[Row], sizes: Sizes) -> Mapping[str, object]:
    """Every round of every row, for `--json`."""
    each = [{**asdict(row), "factor": row.factor("ours", "recipe")} for row in rows]
    return {"machine": asdict(this_machine()), "sizes": asdict(sizes), "rows": each}


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=Path, required=True, help="judged, on the report")
    parser.add_argument("--collections", type=Path, required=True, help="folder of collections")
    parser.add_argument("--json", type=Path, help="write every round here")
    told = parser.parse_args()
    sizes = Sizes()
    with tempfile.TemporaryDirectory(prefix="kb-bench-") as work:
        rows = measure(sizes, told.questions, told.collections, Path(work))
    print(report_of(rows, sizes))
    if told.json:
        text = json.dumps(record(rows, sizes), ensure_ascii=False, indent=1)
        told.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
