"""The promise: the real model finds the right passage of the shipped report."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from index import runtime
from index.build import build
from index.encoder import Encoder, load_encoder
from index.evaluate import evaluate_questions
from index.hits import Results
from index.home import Home
from index.search import Searcher

pytestmark = pytest.mark.model

QUESTIONS = (
    "外卖小哥歇脚的地方",
    "维权一共帮职工要回了多少钱",
    "How many hobby classes did the union hold?",
    "工會報紙印了多少期",
    "红烧肉怎么做",
)


def test_riders_find_the_place_where_they_may_rest(real_searcher: Searcher) -> None:
    results = real_searcher.search("外卖小哥歇脚的地方")
    first = results.hits[0]
    assert "暖心驿站" in first.passage.text
    assert not results.weak
    text = real_searcher.document(first.document.id).text
    assert text[first.passage.start : first.passage.end] == first.passage.text
    assert "外卖送餐员" in "".join(text[start:end] for start, end in first.evidence)
    assert "外卖" in [text[mark.start : mark.end] for mark in first.marks]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("维权一共帮职工要回了多少钱", "1.04亿元"),
        ("工會為職工追回多少經濟損失", "1.04亿元"),
        ("How much money was recovered for workers?", "1.04亿元"),
    ],
)
def test_one_fact_is_found_in_other_words_scripts_and_languages(
    real_searcher: Searcher, question: str, answer: str
) -> None:
    assert any(answer in hit.passage.text for hit in real_searcher.search(question, k=3).hits)


def test_judged_questions_find_their_passages(real_searcher: Searcher, shared: Path) -> None:
    figures = evaluate_questions(shared / "golden/questions.jsonl", real_searcher).as_json()
    assert figures["n"] == 54
    least = {"R@1": 0.84, "R@3": 0.93, "R@10": 0.96, "MRR@10": 0.88, "evidence@right": 0.75}
    short = {name: figures[name] for name, limit in least.items() if figures[name] < limit}
    assert short == {}


def told(results: Results) -> list[tuple[object, ...]]:
    """What a reader sees of an answer."""
    return [(h.rank, h.passage.id, h.evidence, h.document.name) for h in results.hits]


def scores(results: Results) -> list[float]:
    """Scores and signals, in order."""
    each = ((h.score, h.signals.dense, h.signals.lexical, h.signals.late) for h in results.hits)
    return [value for hit in each for value in hit]


def test_two_builds_and_two_openings_answer_the_same(
    real_home: Home, real_encoder: Encoder, real_searcher: Searcher
) -> None:
    before = real_searcher.generation
    report = build(real_home, real_encoder)
    assert report.encoded == 0
    with closing(Searcher.open(real_home, real_encoder)) as again:
        assert again.generation == report.generation != before
        for question in QUESTIONS:
            one, other = real_searcher.search(question), again.search(question)
            assert told(one) == told(other)
            assert scores(one) == scores(other)


def test_the_number_of_threads_changes_no_answer(
    real_home: Home, real_searcher: Searcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "usable_cores", lambda: 1)
    with closing(Searcher.open(real_home, load_encoder(real_home))) as alone:
        for question in QUESTIONS:
            one, two = real_searcher.search(question), alone.search(question)
            assert told(one) == told(two)
            assert scores(one) == pytest.approx(scores(two), abs=1e-5)
