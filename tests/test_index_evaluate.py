"""Figures are what the literature says they are; files that are not questions are refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from index.evaluate import evaluate_collection, evaluate_questions
from index.figures import Judgement, Report
from index.hits import Mode
from index.search import Searcher
from kb.errors import QuestionsUnreadable
from tests.fakes import HashEncoder

ONE = Judgement("q1", "?", "fact", True, 1, False, True, "…")


def judged(rank: int | None, **changes: Any) -> Judgement:
    return dataclasses.replace(ONE, rank=rank, **changes)


def test_recall_counts_ranks_and_mrr_their_reciprocals() -> None:
    report = Report(tuple(judged(rank) for rank in (1, 1, 2, 4, 10, None)))
    figures = report.as_json()
    assert figures["n"] == 6
    assert [figures[f"R@{k}"] for k in (1, 3, 5, 10)] == [0.3333, 0.5, 0.6667, 0.8333]
    assert figures["MRR@10"] == round((1 + 1 + 1 / 2 + 1 / 4 + 1 / 10) / 6, 4)


def test_evidence_counts_questions_that_name_an_answer() -> None:
    report = Report(
        (
            judged(1, in_evidence=True),
            judged(1, in_evidence=False),
            judged(2, in_evidence=True),
            judged(1, in_evidence=None),
        )
    )
    assert report.as_json()["evidence"] == 0.6667
    assert report.as_json()["evidence@right"] == 0.5


def test_questions_without_an_answer_count_apart() -> None:
    report = Report(
        (
            judged(1, weak=True),
            judged(2),
            judged(None, answerable=False, weak=True, in_evidence=None),
            judged(None, answerable=False, in_evidence=None),
        )
    )
    figures = report.as_json()
    assert (figures["n"], figures["R@1"], figures["weak"]) == (2, 0.5, 0.5)
    assert figures["unanswerable"] == {"n": 2, "weak": 0.5}
    assert [j.rank for j in report.misses] == [2]


def test_kinds_are_told_apart() -> None:
    report = Report((judged(1), judged(None, kind="list"), judged(3, kind="")))
    kinds = report.as_json()["kinds"]
    assert {kind: figures["R@1"] for kind, figures in kinds.items()} == {"fact": 1.0, "list": 0.0}


def test_no_question_gives_no_figure() -> None:
    assert Report(()).as_json() == {
        "n": 0,
        **dict.fromkeys(["R@1", "R@3", "R@5", "R@10", "MRR@10", "evidence", "evidence@right"]),
        "kinds": {},
        "weak": None,
        "unanswerable": {"n": 0, "weak": None},
    }
    assert "-" in Report(()).table()


def test_the_table_says_the_same() -> None:
    two = (judged(1), judged(None, kind="list", in_evidence=None))
    others = [judged(None, answerable=False, weak=weak) for weak in (True, False, True)]
    lines = Report((*two, *others)).table().splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["n", "R@1", "R@3", "R@5", "R@10", "MRR@10", "evidence", "evidence@right"],
        ["fact", "1", *["1.000"] * 7],
        ["list", "1", *["0.000"] * 5, "-", "-"],
        ["all", "2", *["0.500"] * 5, "1.000", "1.000"],
    ]
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[4:] == [
        "called weak though answered: 0.000",
        "without an answer: 3, called weak: 0.667",
    ]
    assert Report(two).table().splitlines() == lines[:5]


def written(path: Path, *records: object) -> Path:
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def question(number: int, text: str, *evidence: str, **more: object) -> dict[str, object]:
    return {"id": f"q{number}", "question": text, "evidence": list(evidence), **more}


def test_a_passage_is_right_when_it_holds_the_evidence_white_space_aside(
    searcher: Searcher, tmp_path: Path
) -> None:
    path = written(
        tmp_path / "questions.jsonl",
        question(1, "劳动争议案件", "调解 劳动争议\n案件2700余件", kind="fact", answer="2700余件"),
        question(2, "劳动争议案件", "不在任何文件里的话", kind="fact", answer="9999件"),
        question(3, "红烧肉怎么做", kind="none"),
    )
    report = evaluate_questions(path, searcher)
    first, second, third = report.judgements
    assert (first.id, first.kind, first.rank, first.in_evidence) == ("q1", "fact", 1, True)
    assert "2700余件" in first.first
    assert (second.rank, second.in_evidence) == (None, False)
    assert (third.answerable, third.rank, third.in_evidence) == (False, None, None)
    assert report.as_json()["R@1"] == 0.5


def test_every_question_is_told_of(searcher: Searcher, tmp_path: Path) -> None:
    path = written(tmp_path / "q.jsonl", *(question(i, "工会", "工会") for i in range(3)))
    told: list[tuple[int, int]] = []
    evaluate_questions(path, searcher, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(
    searcher: Searcher, tmp_path: Path
) -> None:
    path = tmp_path / "q.jsonl"
    line = json.dumps(question(1, "工会", "工会"))
    path.write_text(f"\ufeff{line}\n\n  \n", encoding="utf-8")
    assert len(evaluate_questions(path, searcher).judgements) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"id": "q1"', "line 1 is not a JSON object"),
        ('\n["q1"]', "line 2 is not a JSON object"),
        ("7", "line 1 is not a JSON object"),
        ('{"question": "?", "evidence": []}', "no 'id'"),
        ('{"id": "q1", "evidence": []}', "no 'question'"),
        ('{"id": "q1", "question": "  ", "evidence": []}', "no 'question'"),
        ('{"id": "q1", "question": "?"}', "no 'evidence'"),
        ('{"id": "q1", "question": "?", "evidence": "工会"}', "'evidence' of a line is not a list"),
        ('{"id": "q1", "question": "?", "evidence": [""]}', "'evidence' of a line is not a list"),
        ('{"id": "q1", "question": "?", "evidence": null}', "'evidence' of a line is not a list"),
    ],
)
def test_a_file_that_holds_no_questions_is_refused_with_the_reason(
    searcher: Searcher, tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(QuestionsUnreadable, match=reason) as error:
        evaluate_questions(path, searcher)
    assert error.value.path == path
    assert "\n" not in str(error.value)


def test_a_file_of_other_bytes_or_no_file_is_refused(searcher: Searcher, tmp_path: Path) -> None:
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00\x01")
    for name in ("binary.jsonl", "missing.jsonl"):
        with pytest.raises(QuestionsUnreadable):
            evaluate_questions(tmp_path / name, searcher)


CORPUS = (
    {"_id": "c1", "title": "劳动争议", "text": "成功调解劳动争议案件两千余件。"},
    {"_id": "c2", "text": "举办健步走和歌咏比赛。"},
    {"_id": "c3", "text": "举办健步走和歌咏比赛。"},  # the same again
    {"_id": "c4", "title": "", "text": "暖心驿站为外卖送餐员提供饮水。"},
)
QUERIES = (
    {"_id": "1", "text": "劳动争议调解", "answers": ["两千余件"]},
    {"_id": "2", "text": "健步走比赛"},
    {"_id": "3", "text": "外卖送餐员饮水", "answers": ["一万件"]},
    {"_id": "4", "text": "没有答案的问题"},
)
QRELS = "query-id\tcorpus-id\tscore\n1\tc1\t1\n2\tc3\t2\n3\tc4\t1\n3\tc1\t0\n4\tc1\t0\n"


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A collection of the BEIR layout: four texts, two of them equal, and four queries."""
    folder = tmp_path / "collection"
    folder.mkdir()
    written(folder / "corpus.jsonl", *CORPUS)
    written(folder / "queries.jsonl", *QUERIES)
    (folder / "qrels.tsv").write_text(QRELS, encoding="utf-8")
    return folder


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_collection_is_indexed_aside_and_asked(
    collection: Path, encoder: HashEncoder, mode: Mode
) -> None:
    report = evaluate_collection(collection, encoder, mode=mode)
    assert [(j.id, j.rank, j.answerable) for j in report.judgements] == [
        ("1", 1, True),
        ("2", 1, True),  # the equal text counts as the one that was judged
        ("3", 1, True),
        ("4", None, False),
    ]
    assert sorted(p.name for p in collection.iterdir()) == [
        "corpus.jsonl",
        "qrels.tsv",
        "queries.jsonl",
    ]


def test_answers_of_a_collection_are_looked_for_in_the_evidence(
    collection: Path, encoder: HashEncoder
) -> None:
    report = evaluate_collection(collection, encoder)
    assert [j.in_evidence for j in report.judgements] == [True, None, False, None]


def test_documents_are_ranked_by_their_best_passage(collection: Path, encoder: HashEncoder) -> None:
    long = "\n\n".join(f"第{i}段说的是健步走活动的组织工作。" * 12 for i in range(15))
    written(collection / "corpus.jsonl", *CORPUS, {"_id": "c5", "text": long})
    report = evaluate_collection(collection, encoder)
    # fifteen passages of one document take one rank among documents
    assert report.judgements[2].rank == 1
    assert report.judgements[1].rank in {1, 2}


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("corpus.jsonl", "", "it is empty"),
        ("corpus.jsonl", '{"_id": "c1"}', "no 'text'"),
        ("corpus.jsonl", '{"text": "工会"}', "no '_id'"),
        ("corpus.jsonl", "{", "line 1"),
        ("queries.jsonl", '{"_id": "1"}', "no 'text'"),
        ("queries.jsonl", '{"text": "工会"}', "no '_id'"),
        ("queries.jsonl", '{"_id": "1", "text": "工会", "answers": "工会"}', "'answers' of a line"),
        ("qrels.tsv", "1\tc1\t1\n2\tc1\t1\n", "called 'score'"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n1\tc9\t1\n", "called 'c9'"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n1\tc1\tyes\n", "judgements"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\n1\tc1\n", "judgements"),
    ],
)
def test_a_malformed_collection_is_refused_before_it_is_indexed(
    collection: Path, encoder: HashEncoder, file: str, content: str, reason: str
) -> None:
    (collection / file).write_text(content, encoding="utf-8")
    with pytest.raises(QuestionsUnreadable, match=reason) as error:
        evaluate_collection(collection, encoder)
    assert error.value.path == collection / file
    assert encoder.calls == []


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_collection_that_lacks_a_file_names_it(
    collection: Path, encoder: HashEncoder, file: str
) -> None:
    (collection / file).unlink()
    with pytest.raises(QuestionsUnreadable, match="No such file") as error:
        evaluate_collection(collection, encoder)
    assert error.value.path.name == file
