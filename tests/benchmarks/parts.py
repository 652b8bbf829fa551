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
from index.store import Reader
from index.stores import open_current, store_of
from tests.benchmarks.corpora import queries, report

pytestmark = [pytest.mark.model, pytest.mark.slow]

QUERY = "困难职工家庭一年能拿到多少帮扶资金"
_CLAUSES, _PASSAGES = 200, 128  # as a search asks for


@pytest.fixture(scope="session")
def reader(real_home: Home, real_encoder: Encoder) -> Iterator[Reader]:
    """The published generation, opened beneath the searcher."""
    with closing(open_current(store_of(real_home), real_encoder)) as opened:
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


def test_passages_of_the_nearest_clauses(
    benchmark: BenchmarkFixture, real_encoder: Encoder, reader: Reader
) -> None:
    vector = real_encoder.encode([QUERY], "query")[0].vector
    found = benchmark(reader.nearest, vector, _CLAUSES, None)
    assert len(found) == min(_CLAUSES, reader.clauses(None)) > 100


def test_passages_by_bm25(benchmark: BenchmarkFixture, reader: Reader) -> None:
    rows = benchmark(reader.matching, QUERY, _PASSAGES, None).rows
    assert len(set(rows.tolist())) == len(rows) > 10


def test_late_interaction_with_all_passages(
    benchmark: BenchmarkFixture, real_encoder: Encoder, reader: Reader
) -> None:
    tokens = real_encoder.encode([QUERY], "query")[0].tokens
    rows = np.arange(sum(d.passages for d in reader.contents.documents))

    def rerank() -> list[float]:
        return [each.maxsim for each in reader.matches(rows, tokens)]

    assert max(benchmark(rerank)) > 0.5


def test_evidence_and_marks_of_a_passage(
    benchmark: BenchmarkFixture, real_encoder: Encoder, reader: Reader
) -> None:
    query = real_encoder.encode([QUERY], "query")[0]
    rows = reader.matching(QUERY, 1, None).rows
    [passage], [cosines] = reader.passages_at(rows), reader.cosines(rows, query.vector)
    [late], weights = reader.matches(rows, query.tokens), reader.weights(QUERY)

    def explain() -> tuple[object, ...]:
        [scores] = clause_scores(QUERY, [passage], [cosines], [late])
        return (*evidence(passage, scores), *marks(passage, late.passage, weights))

    assert benchmark(explain)


def test_search(benchmark: BenchmarkFixture, real_searcher: Searcher, asked: Iterator[str]) -> None:
    results = benchmark(lambda: real_searcher.search(next(asked)))
    assert len(results.hits) == 10
