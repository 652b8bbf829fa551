"""With the packaged model, judged questions and a public collection: both stores answer alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index.build import build
from index.copying import copy
from index.encoder import Encoder
from index.home import Home
from index.search import Searcher
from index.stores import store_of
from tests import milvus

pytestmark = pytest.mark.model


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def both(home: Home, encoder: Encoder, server: str) -> Iterator[tuple[Searcher, Searcher]]:
    """Over an index as it is and as it was copied to a Milvus."""
    with milvus.patience(), milvus.database(server) as address:
        there = replace(home, store=address)
        copy(store_of(home), store_of(there))
        with (
            closing(Searcher.open(home, encoder)) as one,
            closing(Searcher.open(there, encoder)) as other,
        ):
            yield one, other


def test_judged_questions_have_the_same_answers(
    real_home: Home, real_encoder: Encoder, milvus_server: str, shared: Path
) -> None:
    """Those that the report does not answer too."""
    questions = [each["question"] for each in lines(shared / "golden/questions.jsonl")]
    assert len(questions) > 54
    with both(real_home, real_encoder, milvus_server) as (one, other):
        for question in questions:
            milvus.same(one.search(question), other.search(question))


@pytest.mark.slow
def test_a_public_collection_has_the_same_answers(
    real_encoder: Encoder, milvus_server: str, shared: Path, tmp_path: Path
) -> None:
    """CMRC 2018, development set: every fourth text, every eighth question."""
    folder = shared / "collections/cmrc2018-dev"
    home = Home(tmp_path / "home", tmp_path / "documents")
    home.documents.mkdir()
    for i, each in enumerate(lines(folder / "corpus.jsonl")[::4]):
        (home.documents / f"{i:04}.txt").write_text(each["text"], encoding="utf-8")
    build(home, real_encoder)
    questions = [each["text"] for each in lines(folder / "queries.jsonl")[::8]]
    with both(home, real_encoder, milvus_server) as (one, other):
        assert sum(each.passages for each in other.documents) > 212
        for question in questions:
            milvus.same(one.search(question), other.search(question))
