"""The parts of a search on the shipped report, each alone: `make bench-parts`.

Needs pytest-benchmark; `make test` does not collect this file.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from index.encoder import Encoder
from index.evidence import clause_scores, evidence, marks
from index.home import Home
from index.search import Searcher
from index.snapshot import Snapshot, open_current
from tests.benchmarks.corpora import queries, report

pytestmark = [pytest.mark.model, pytest.mark.slow]

QUERY = "困难职工家庭一年能拿到多少帮扶资金"
_CANDIDATES = 200


@pytest.fixture(scope="session")
def snapshot(real_home: Home, real_encoder: Encoder) -> Iterator[Snapshot]:
    """The published generation, opened beneath the searcher."""
    with closing(open_current(real_home, real_encoder)) as opened:
        yield opened


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Questions of which none comes twice: an encoder may remember."""
    corpus = report(tmp_path_factory.mktemp("asked") / "documents", Path("no questions"))
    return itertools.cycle(queries(corpus, ()))


def test_encode_a_query(
    benchmark: BenchmarkFixture, real_encoder: Encoder, asked: Iterator[str]
) -> None:
    vectors = benchmark(lambda: real_encoder.encode([next(asked)], "query"))
    assert vectors[0].vector.shape == (real_encoder.dim,)


def test_nearest_clauses(
    benchmark: BenchmarkFixture, real_encoder: Encoder, snapshot: Snapshot
) -> None:
    vector = real_encoder.encode([QUERY], "query")[0].vector
    rows = benchmark(snapshot.dense.search, vector, _CANDIDATES)
    assert len(set(rows.tolist())) == _CANDIDATES


def test_bm25(benchmark: BenchmarkFixture, snapshot: Snapshot) -> None:
    found = benchmark(snapshot.lexical.search, QUERY, 50)
    assert found.rows.size
    assert (np.diff(found.scores) <= 0).all()


def test_late_interaction_of_all_passages(
    benchmark: BenchmarkFixture, real_encoder: Encoder, snapshot: Snapshot
) -> None:
    tokens = real_encoder.encode([QUERY], "query")[0].tokens
    rows = range(snapshot.passage_tokens.texts)

    def rerank() -> list[float]:
        return [each.maxsim() for each in snapshot.passage_tokens.matches(rows, tokens)]

    assert max(benchmark(rerank)) > 0.5


def test_evidence_and_marks_of_a_passage(
    benchmark: BenchmarkFixture, real_encoder: Encoder, snapshot: Snapshot
) -> None:
    query = real_encoder.encode([QUERY], "query")[0]
    row = int(snapshot.lexical.search(QUERY, 1).rows[0])
    passage, clauses = snapshot.texts.passage(row), range(*snapshot.clause_rows(row))
    dense = np.asarray(snapshot.dense.vectors(clauses.start, clauses.stop) @ query.vector)
    [matches] = snapshot.passage_tokens.matches([row], query.tokens)
    own = snapshot.clause_tokens.matches(list(clauses), query.tokens)
    late = np.array([each.maxsim() for each in own], np.float32)
    weights = snapshot.lexical.weights(QUERY)

    def explain() -> tuple[object, ...]:
        scores = clause_scores(QUERY, passage, dense, late, matches)
        return (*evidence(passage, scores), *marks(passage, matches, weights))

    assert benchmark(explain)


def test_search(benchmark: BenchmarkFixture, real_searcher: Searcher, asked: Iterator[str]) -> None:
    results = benchmark(lambda: real_searcher.search(next(asked)))
    assert len(results.hits) == 10
