"""Evidence is the clauses that answer; marks are the words that matched; both are verbatim."""

from __future__ import annotations

import re

import numpy as np
import pytest

from index.evidence import clause_scores, evidence, marks
from index.hits import Mark
from index.late import Matches
from index.store import LateMatches
from kb.types import Clause, Passage, Span

# the passage begins at 100 of its document
TEXT = "成立工会48家。会员2700人,覆盖园区。\n外卖送餐员可以休息。"
AT = 100
CLAUSES = tuple(
    Clause(m.group(), AT + m.start(), AT + m.end()) for m in re.finditer(r"[^。,\n]+[。,]", TEXT)
)
PASSAGE = Passage("p", "d", "section", (), TEXT, AT, AT + len(TEXT), CLAUSES)
NOTHING = Matches(np.zeros((0, 1), np.float32), np.zeros((0, 2), np.int32))


def spans(*numbers: int) -> list[str]:
    """The texts of clauses by number."""
    return [CLAUSES[i].text for i in numbers]


def shown(found: tuple[Span, ...]) -> list[str]:
    return [TEXT[start - AT : end - AT] for start, end in found]


def matches(*tokens: tuple[str, list[float]]) -> Matches:
    """Tokens by their text, with their cosines to each query token."""
    places = [TEXT.index(text) for text, _ in tokens]
    ends = [place + len(text) for place, (text, _) in zip(places, tokens, strict=True)]
    spans = np.array(list(zip(places, ends, strict=True)), np.int32).reshape(-1, 2)
    return Matches(np.array([cosines for _, cosines in tokens], np.float32), spans)


def test_the_example_has_the_clauses_that_the_tests_speak_of() -> None:
    assert spans(0, 1, 2, 3) == [
        "成立工会48家。",
        "会员2700人,",
        "覆盖园区。",
        "外卖送餐员可以休息。",
    ]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.9, 0.1, 0.1, 0.1], ["成立工会48家。"]),
        ([0.1, 0.9, 0.7, 0.1], ["会员2700人,覆盖园区。"]),  # a neighbour nearly as good
        ([0.1, 0.9, 0.6, 0.1], ["会员2700人,"]),  # a neighbour that is not
        (
            [0.9, 0.1, 0.1, 0.85],
            ["成立工会48家。", "外卖送餐员可以休息。"],
        ),  # one as good elsewhere
        ([0.9, 0.1, 0.1, 0.75], ["成立工会48家。"]),
        ([0.1, 0.1, 0.8, 0.9], ["覆盖园区。", "外卖送餐员可以休息。"]),  # a line break lies between
        ([0.5, 0.5, 0.5, 0.5], ["成立工会48家。会员2700人,覆盖园区。"]),  # three at most
        ([0.0, 0.0, 0.0, 0.0], ["成立工会48家。会员2700人,覆盖园区。"]),
        ([-0.5, -0.9, -0.9, -0.1], ["外卖送餐员可以休息。"]),
    ],
)
def test_evidence_is_the_best_clause_and_what_is_as_good(
    scores: list[float], expected: list[str]
) -> None:
    assert shown(evidence(PASSAGE, np.array(scores, np.float32))) == expected


def test_a_clause_scores_by_itself_and_by_its_stretch_of_the_passage() -> None:
    cosines = np.array([0.2, 0.0, 0.0, 0.4], np.float32)
    alone = np.array([0.1, 0.0, 0.0, 0.3], np.float32)
    late = LateMatches(matches(("工会", [0.5, 0.1]), ("休息", [0.9, 0.7])), 0.8, alone)
    nothing = LateMatches(Matches(np.zeros((0, 2), np.float32), NOTHING.spans), 0.0, 0 * alone)
    found = clause_scores("休息", [PASSAGE] * 2, [cosines, 0 * cosines], [late, nothing])
    # half the cosine, all of MaxSim, and the mean of the best cosines inside
    assert found[0].tolist() == pytest.approx([0.1 + 0.1 + 0.3, 0, 0, 0.2 + 0.3 + 0.8])
    assert found[1].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("question", "preferred"),
    [
        ("有多少会员", [True, True, False, False]),
        ("会员有几个", [True, True, False, False]),
        ("會員有幾個", [True, True, False, False]),
        ("How many members", [True, True, False, False]),
        ("what percent", [True, True, False, False]),
        ("几乎没有会员", [False] * 4),
        ("会员是谁", [False] * 4),
        ("how are members served", [False] * 4),
    ],
)
def test_a_question_for_a_number_prefers_clauses_with_one(
    question: str, preferred: list[bool]
) -> None:
    zeros = np.zeros(4, np.float32)
    [found] = clause_scores(question, [PASSAGE], [zeros], [LateMatches(NOTHING, 0.0, zeros)])
    assert [score > 0 for score in found.tolist()] == preferred


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ("每月不得超过三十六小时。", True),
        ("不得低于百分之五十。", True),
        ("缴纳三分之一以上。", True),
        ("处以一倍以上五倍以下的罚款。", True),
        ("年满十六周岁。", True),
        ("两次以上拒绝。", True),
        ("产假不少于九十天。", True),
        ("一致同意。", False),
        ("按照第四十四条支付。", False),
        ("（三）其他情形。", False),
    ],
)
def test_numbers_are_known_as_statutes_write_them(clause: str, told: bool) -> None:
    clauses = (Clause(clause, 0, len(clause)),)
    passage = Passage("p", "d", "section", (), clause, 0, len(clause), clauses)
    zeros = np.zeros(1, np.float32)
    [found] = clause_scores("规定是多少", [passage], [zeros], [LateMatches(NOTHING, 0.0, zeros)])
    assert (found[0] > 0) == told


def marked(found: tuple[Mark, ...]) -> list[tuple[str, float]]:
    return [(TEXT[m.start - AT : m.end - AT], m.weight) for m in found]


def test_words_that_the_query_names_are_marked_as_they_tell() -> None:
    weights = {"外": 1.0, "外卖": 1.0, "卖": 1.0, "会员": 0.5, "2700": 0.8, "工会": 0.2}
    # 工会 tells too little; single characters count only where the query is no more
    assert marked(marks(PASSAGE, NOTHING, weights)) == [("会员2700", 0.8), ("外卖", 1.0)]


def test_a_word_is_marked_whole_though_half_of_it_tells_little() -> None:
    weights = {"外卖": 0.1, "卖送": 1.0, "送餐": 0.2, "工会": 0.2, "会员": 0.1, "成立": 0.2}
    # 成立 and 工会 only touch, and neither tells enough
    assert marked(marks(PASSAGE, NOTHING, weights)) == [("外卖送餐", 1.0)]


def test_a_query_of_one_character_marks_it() -> None:
    assert marked(marks(PASSAGE, NOTHING, {"会": 1.0})) == [("会", 1.0), ("会", 1.0)]


def test_the_best_match_of_each_query_token_is_marked_where_it_is_close() -> None:
    found = matches(("休息", [0.9, 0.2]), ("园区", [0.75, 0.69]), ("工会", [0.1, 0.65]))
    assert marked(marks(PASSAGE, found, {})) == [("休息", 0.9)]


def test_punctuation_is_never_marked() -> None:
    assert marks(PASSAGE, matches(("。", [0.99])), {}) == ()


def test_the_space_before_a_word_is_not_marked() -> None:
    assert marked(marks(PASSAGE, matches(("\n外卖", [0.8])), {})) == [("外卖", 0.8)]


def test_marks_that_touch_are_one_with_the_greater_weight() -> None:
    found = marks(PASSAGE, matches(("送餐员", [0.95])), {"外卖": 0.6})
    assert marked(found) == [("外卖送餐员", 0.95)]


@pytest.mark.parametrize(
    ("phrase", "found"),
    [
        ("48家", ["48家"]),
        ("2700人,覆", ["2700人,覆"]),
        ("会员 2700", ["会员2700"]),
        ("園區。外賣", ["园区。\n外卖"]),
        ("。", ["。", "。", "。"]),
        ("工人", []),
    ],
)
def test_what_is_quoted_is_marked_as_a_whole(phrase: str, found: list[str]) -> None:
    shown = marked(marks(PASSAGE, NOTHING, {"2700": 0.5}, [phrase]))
    assert [words for words, weight in shown if weight == 1.0] == found


def test_no_more_than_a_dozen_words_are_marked_the_strongest_of_them() -> None:
    text = "工会,改革," * 20
    passage = Passage("p", "d", "section", (), text, 0, len(text), (Clause(text, 0, len(text)),))
    found = marks(passage, NOTHING, {"工会": 0.5, "改革": 1.0})
    assert [text[m.start : m.end] for m in found] == ["改革"] * 12
    assert [m.start for m in found] == sorted(m.start for m in found)


def test_a_passage_that_shares_nothing_has_no_marks() -> None:
    assert marks(PASSAGE, NOTHING, {"红烧肉": 1.0}) == ()
    assert marks(PASSAGE, Matches(np.zeros((0, 0), np.float32), NOTHING.spans), {}) == ()
