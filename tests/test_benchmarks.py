"""The benchmarks measure what they say; a small run of this project and the recipe goes through."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from index.encoder import Encoder
from index.home import Home
from tests.benchmarks import corpora, load
from tests.benchmarks.contestants import CONTESTANTS
from tests.benchmarks.corpora import Corpus, Question
from tests.benchmarks.quality import Comparison, compare
from tests.benchmarks.speed import Sizes, measure, record, report_of
from tests.benchmarks.table import Row, table
from tests.benchmarks.turns import in_turns, percentile
from tests.conftest import REPORTS
from tests.fakes import HashEncoder

CORPUS = Corpus("two", "", ("a", "b", "c"), (0, 0, 1), (Question("x", (1,)), Question("y", (0,))))


def test_a_document_ranks_by_its_best_passage() -> None:
    assert corpora.figures(CORPUS, [[1, 0, 2], [1, 2]]) == {
        "R@1": 0.5, "R@10": 1.0, "MRR@10": 0.75,
    }  # fmt: skip
    assert corpora.figures(CORPUS, [[], [2]]) == {"R@1": 0.0, "R@10": 0.0, "MRR@10": 0.0}


def test_a_corpus_survives_its_file(tmp_path: Path) -> None:
    assert Corpus.open(CORPUS.save(tmp_path / "corpus.json")) == CORPUS


def test_no_query_comes_twice_and_the_questions_come_first(tmp_path: Path) -> None:
    report = corpora.report(tmp_path / "documents", tmp_path / "none.jsonl")
    asked = list(corpora.queries(report, [CORPUS]))
    assert asked[:2] == ["x", "y"]
    assert len(set(asked)) == len(asked) > 10_000


def test_passages_hold_the_evidence_of_the_questions_of_the_report(tmp_path: Path) -> None:
    line = {"question": "追回多少", "evidence": ["挽回经济 损失1.04亿元"]}
    none = {"question": "红烧肉", "evidence": []}
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, (line, none))), encoding="utf-8")
    report = corpora.report(tmp_path / "documents", path)
    [question] = report.questions
    assert all("1.04亿元" in report.passages[place] for place in question.relevant)
    assert question.relevant


def test_rounds_begin_with_another_player_each_time() -> None:
    order: list[str] = []

    def play(name: str, number: int) -> int:
        order.append(name)
        return number

    found = in_turns(3, {n: partial(play, n) for n in "ab"})
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found == {"a": [0, 1, 2], "b": [0, 1, 2]}


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.95)) == (51.0, 96.0)
    assert percentile([7.0], 0.95) == 7.0


def test_the_factor_is_taken_within_each_round_and_says_how_much_better() -> None:
    rounds = {"ours": [1.0, 10.0, 1.0], "recipe": [4.0, 30.0, 2.0]}
    assert Row("t", "time", figures=rounds).factor("ours", "recipe") == 3.0
    assert Row("r", "rate", "", "more", rounds).factor("recipe", "ours") == 3.0
    assert Row("q", "quality", "", "told", rounds).factor("ours", "recipe") is None


def test_the_table_leaves_out_what_was_not_measured_with_the_reason() -> None:
    rows = [
        Row("t", "time", "ms", figures={"ours": [2.0], "recipe": [1234.5]}, limit=0.5),
        Row("q", "quality", reason="no file"),
    ]
    names = {"ours": "us", "recipe": "them", "peer": "peer"}
    assert table(rows, names, "ours", "recipe").split("\n") == [
        "|          | us   | them  | peer | better by a factor of | limit here |",
        "| -------- | ---- | ----- | ---- | --------------------- | ---------- |",
        "| time, ms | 2.00 | 1,234 | –    | 617.2                 | 0.500      |",
        "- left out: quality: no file",
    ]


class Answers(BaseHTTPRequestHandler):
    """Answers 200, but 500 for the path /bad; keeps the connection or not, as `protocol` says."""

    def do_GET(self) -> None:
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["HTTP/1.0", "HTTP/1.1"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A server that closes each connection, and one that keeps it."""
    handler = type("Handler", (Answers,), {"protocol_version": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_port)
        server.shutdown()
        thread.join()


def test_the_load_asks_each_path_once_and_tells_of_failures(port: int) -> None:
    done = load.run("127.0.0.1", port, [f"/{n}" for n in range(20)], 3, 30)
    assert len(done["seconds"]) == 20
    assert done["faults"] == []
    assert len(load.run("127.0.0.1", port, ["/1", "/2", "/3"], 2, 0)["seconds"]) == 2
    [fault] = load.run("127.0.0.1", port, ["/bad"], 1, 30)["faults"]
    assert fault.endswith(" 500 Internal Server Error")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A collection of the mini reports and a question for each."""
    folder = tmp_path / "mini"
    folder.mkdir()
    texts = [{"_id": name, "text": text} for name, text in REPORTS.items()]
    asked = [("维权", "union.txt"), ("健步走", "sports.txt"), ("经费预算", "budget.md")]
    queries = [{"_id": str(i), "text": text} for i, (text, _) in enumerate(asked)]
    for name, lines in (("corpus", texts), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    rows = [f"{i}\t{name}\t1" for i, (_, name) in enumerate(asked)]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
    return folder


def test_a_collection_is_cut_for_all_alike(place: Path, tmp_path: Path) -> None:
    corpus = corpora.collection(place, tmp_path / "documents", texts=2, questions=10)
    assert set(corpus.groups) == {0, 1}
    assert all(set(q.relevant) <= {0, 1} for q in corpus.questions)


def test_one_encoder_loses_nothing_against_itself(place: Path) -> None:
    same = compare(place, HashEncoder(), HashEncoder())
    assert same.ours == same.reference > 0
    assert same.kept


def test_the_gate_breaks_beyond_what_is_allowed_and_not_at_it() -> None:
    assert Comparison("p", 9, 0.895, 0.9, 0.005).kept
    assert not Comparison("p", 9, 0.8949, 0.9, 0.005).kept
    assert Comparison("p", 9, 0.95, 0.9, 0.005).kept


@pytest.mark.model
@pytest.mark.slow
def test_a_small_run_fills_the_table(
    model_home: Home,
    real_encoder: Encoder,
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the peers too where they are installed."""
    monkeypatch.setenv("KB_HOME", str(model_home.root))
    names = tuple(n for n in CONTESTANTS if n in ("ours", "recipe") or find_spec(n) is not None)
    sizes = Sizes(names, rounds=1, passages=1, queries=2, seconds=0.3, texts=0)
    (tmp_path / "work").mkdir()
    rows = measure(sizes, shared / "golden/questions.jsonl", tmp_path, tmp_path / "work")
    told = {row.key: row for row in rows}
    for name in names:
        assert (told["build"].middle(name) or 0) > 0
        assert 0.3 < (told["report MRR@10"].middle(name) or 0) <= 1
    for key in ("http_p50", "http_rate", "start", "memory"):
        assert told[key].factor("ours", "recipe")
    assert told["cmrc2018-dev"].reason
    printed = report_of(rows, sizes)
    assert printed.count("\n| ") == sum(bool(row.figures) for row in rows) - 1 + 2
    assert json.loads(json.dumps(record(rows, sizes)))["machine"]["cores"] >= 1
