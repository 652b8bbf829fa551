"""BM25 by tantivy is BM25 by hand, and a share of what could have been scored."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import lexical
from index.lexical import LexicalIndex, Row
from index.terms import terms
from kb.types import Clause, Passage

K1, B = 1.2, 0.75


def passage(text: str, *headings: str, document: str = "d") -> Passage:
    """A passage of one clause; the lexical side reads its text and headings alone."""
    clause = Clause(text, 0, len(text))
    return Passage(text, document, "section", headings, text, 0, len(text), (clause,))


# under 40 terms each: longer lengths are rounded by tantivy (and Lucene) to fit a byte
PASSAGES = (
    passage("工会服务职工", "工会工作"),
    passage("职工之家,职工的家", "工会工作"),
    passage("GDP增长6.5%", "经济"),
    passage("发放补助1.04亿元", "经济", "补助"),
    passage("改革", "改革"),
)
DOCUMENTS = (0, 0, 1, 1, 2)


TITLES = ("工会报告", "经济公报", "改革方案")


def indexed(
    folder: Path,
    passages: tuple[Passage, ...],
    documents: tuple[int, ...],
    titles: tuple[str, ...] = ("", "", ""),
) -> LexicalIndex:
    folder.mkdir(exist_ok=True)
    named = (titles[document] for document in documents)
    numbered = zip(range(len(passages)), named, passages, strict=True)
    lexical.write(folder, (Row(*each) for each in numbered))
    return LexicalIndex(folder)


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    return indexed(tmp_path / "lexical", PASSAGES, DOCUMENTS)


def counted(text: str) -> Counter[str]:
    return Counter(term.text for term in terms(text))


def rarity(text: str, texts: list[Counter[str]]) -> float:
    frequency = sum(text in counts for counts in texts)
    return math.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))


def bm25(query: str, passages: tuple[Passage, ...], titles: tuple[str, ...]) -> dict[int, float]:
    """By hand: Robertson's sum over body, headings at .3 and the body's idf, titles at 1.5."""
    bodies = [counted(p.text) for p in passages]
    named = [counted(title) for title in titles]
    fields = (
        (1.0, bodies, bodies),
        (0.3, [counted("\n".join(p.headings)) for p in passages], bodies),
        (1.5, named, named),
    )
    scores: dict[int, float] = {}
    for text, n in counted(query).items():
        for boost, texts, tells in fields:
            idf = rarity(text, tells)
            mean = sum(map(Counter.total, texts)) / len(texts)
            for row, counts in enumerate(texts):
                if tf := counts[text]:
                    saturated = tf / (tf + K1 * (1 - B + B * counts.total() / mean))
                    score = n * boost * idf * (K1 + 1) * saturated
                    scores[row] = scores.get(row, 0.0) + score
    return scores


@pytest.mark.parametrize(
    "query", ["职工", "职工职工", "工会", "gdp", "１．０４億元", "改革开放", "補助", "服务 补助"]
)
def test_scores_are_those_of_bm25(tmp_path: Path, query: str) -> None:
    index = indexed(tmp_path / "lexical", PASSAGES, DOCUMENTS, TITLES)
    expected = bm25(query, PASSAGES, tuple(TITLES[document] for document in DOCUMENTS))
    found = index.search(query, 10)
    scores = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    assert scores == pytest.approx(expected, rel=1e-4)
    assert found.scores.tolist() == sorted(scores.values(), reverse=True)


def test_the_ceiling_is_what_endless_repetition_would_score(index: LexicalIndex) -> None:
    # 改革 is in one body of five, and in a heading: three terms, each idf log(1 + 4.5 / 1.5)
    assert index.search("改革", 1).ceiling == pytest.approx(3 * 2.2 * math.log(4) * 1.3)
    # 元 is in one body and no heading
    assert index.search("元", 1).ceiling == pytest.approx(2.2 * math.log(4))
    # 票 is nowhere
    assert index.search("票", 1).ceiling == pytest.approx(2.2 * math.log(1 + 5.5 / 0.5))


def test_the_ceiling_counts_titles_by_their_own_rarity(tmp_path: Path) -> None:
    index = indexed(tmp_path / "lexical", PASSAGES, DOCUMENTS, TITLES)
    # 公 is in no body and no heading, and in the title of two passages of five
    expected = 2.2 * (math.log(1 + 5.5 / 0.5) + 1.5 * math.log(1 + 3.5 / 2.5))
    assert index.search("公", 1).ceiling == pytest.approx(expected)


def test_a_document_that_is_named_comes_first(tmp_path: Path) -> None:
    texts = tuple(passage(f"粮食产量增长{i}%") for i in range(6))
    titles = ("甘肃省政府工作报告", "青海省政府工作报告", "西藏政府工作报告")
    index = indexed(tmp_path / "lexical", texts, (0, 0, 1, 1, 2, 2), titles)
    assert index.search("西藏粮食产量", 6).rows.tolist()[:2] == [4, 5]
    assert index.search("青海的粮食产量", 6).rows.tolist()[:2] == [2, 3]


def test_the_title_of_the_only_document_tells_next_to_nothing(tmp_path: Path) -> None:
    texts = (passage("工会服务职工"), passage("职工收入增长"), passage("票据"))
    index = indexed(tmp_path / "lexical", texts, (0, 0, 0), ("票据管理",))
    found = index.search("票据", 3)
    assert found.rows[0] == 2
    assert found.scores[1:].max() < found.scores[0] / 4


words = st.lists(st.sampled_from(["工会", "职工", "改革", "GDP", "1.04", "家"]), min_size=1)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(words, words), min_size=1, max_size=6),
    words,
    words,
)
def test_no_passage_reaches_the_ceiling(
    tmp_path_factory: pytest.TempPathFactory,
    library: list[tuple[list[str], list[str]]],
    title: list[str],
    query: list[str],
) -> None:
    passages = tuple(passage("".join(body), ",".join(heads)) for body, heads in library)
    folder = tmp_path_factory.mktemp("any")
    index = indexed(folder, passages, (0,) * len(passages), ("".join(title),))
    found = index.search("".join(query), 10)
    assert (found.scores < found.ceiling).all()


def test_a_word_of_every_passage_is_no_more_telling_in_a_heading(tmp_path: Path) -> None:
    texts = [passage(f"工会第{i}项") for i in range(20)]
    texts[7] = passage("工会第7项", "工会")
    index = indexed(tmp_path / "lexical", tuple(texts), (0,) * 20)
    found = index.search("工会", 20)
    assert found.rows[0] == 7
    assert found.scores[0] < found.ceiling


def test_a_limit_gives_the_best(index: LexicalIndex) -> None:
    assert index.search("职工", 1).rows.tolist() == [1]
    assert index.search("职工", 100).rows.tolist() == [1, 0]


@pytest.mark.parametrize("query", ["", "   ", "。?!", "😀", "票据"])
def test_a_query_without_a_known_term_finds_nothing(index: LexicalIndex, query: str) -> None:
    found = index.search(query, 5)
    assert found.rows.tolist() == []
    assert found.scores.tolist() == []


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_finds_nothing(index: LexicalIndex, limit: int) -> None:
    assert index.search("职工", limit).rows.tolist() == []


def test_one_document_is_searched_with_the_statistics_of_all(index: LexicalIndex) -> None:
    everywhere = index.search("经济补助职工", 10)
    inside = index.score("经济补助职工", [2, 3])
    assert inside.rows.tolist() == [row for row in everywhere.rows.tolist() if row in {2, 3}]
    kept = np.isin(everywhere.rows, [2, 3])
    assert inside.scores.tolist() == pytest.approx(everywhere.scores[kept].tolist(), rel=1e-6)
    assert inside.ceiling == everywhere.ceiling


def test_scores_of_given_passages_are_those_of_a_search(index: LexicalIndex) -> None:
    everywhere = index.search("职工改革", 10)
    by_row = dict(zip(everywhere.rows.tolist(), everywhere.scores.tolist(), strict=True))
    given_rows = index.score("职工改革", [1, 2, 4])
    assert sorted(given_rows.rows.tolist()) == [1, 4]  # row 2 shares no term
    for row, score in zip(given_rows.rows.tolist(), given_rows.scores.tolist(), strict=True):
        assert score == pytest.approx(by_row[row], rel=1e-6)


@pytest.mark.parametrize("rows", [range(0), range(1, 1), range(1, 3), range(2, 9)])
def test_a_range_of_rows_is_searched_with_the_scores_of_all(
    index: LexicalIndex, rows: range
) -> None:
    everything = index.search("工会", 10)
    assert len(everything.rows) > 1
    found = index.search("工会", 10, rows)
    kept = [row in rows for row in everything.rows.tolist()]
    assert found.rows.tolist() == everything.rows[kept].tolist()
    assert found.scores.tolist() == pytest.approx(everything.scores[kept].tolist())
    assert found.ceiling == everything.ceiling


def test_passages_that_have_every_term_best_first(index: LexicalIndex) -> None:
    best = index.search("职工", 10).rows.tolist()
    assert sorted(best) == [0, 1]
    assert index.holding({"职工"}, "职工", 10).tolist() == best
    assert index.holding({"职工", "家"}, "职工家", 10).tolist() == [1]
    assert index.holding({"职工", "改革"}, "职工改革", 10).tolist() == []
    assert index.holding({"职工"}, "职工", 10, range(1, 5)).tolist() == [1]
    assert index.holding({"职工"}, "职工", 1, range(1, 5)).tolist() == [1]
    assert index.holding(set(), "", 10).tolist() == []


def test_weights_tell_how_rare_a_term_is(index: LexicalIndex) -> None:
    weights = index.weights("职工票")
    assert weights["票"] == 1.0
    assert weights["职工"] == pytest.approx(math.log(1 + 3.5 / 2.5) / math.log(12))
    assert index.weights("。") == {}


def test_a_word_too_long_for_the_index_harms_nothing(tmp_path: Path) -> None:
    index = indexed(tmp_path / "lexical", (passage("x" * 100_000 + " 工会"),), (0,))
    assert index.search("工会", 5).rows.tolist() == [0]
    assert index.search("x" * 100_000, 5).rows.tolist() == []


def test_equal_passages_make_equal_scores(tmp_path: Path) -> None:
    one = indexed(tmp_path / "one", PASSAGES, DOCUMENTS).search("工会职工", 5)
    other = indexed(tmp_path / "other", PASSAGES, DOCUMENTS).search("工会职工", 5)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.scores.tolist() == other.scores.tolist()


def test_many_passages_are_all_there(tmp_path: Path) -> None:
    passages = tuple(passage(f"第{i}期 共{i}人") for i in range(500))
    index = indexed(tmp_path / "lexical", passages, (0,) * 500)
    assert index.size == 500
    assert index.search("第", 1000).rows.size == 500
    assert index.search("499", 3).rows.tolist() == [499]


def test_a_folder_without_a_lock_is_opened_from_aside_and_nothing_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that may only be read; a thread of tantivy looks at it when it is being left."""
    expected = indexed(tmp_path / "index", PASSAGES, DOCUMENTS).search("职工", 5).rows.tolist()
    (tmp_path / "index" / lexical._LOCK).unlink()
    (tmp_path / "aside").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "aside"))
    for _ in range(300):
        assert LexicalIndex(tmp_path / "index").search("职工", 5).rows.tolist() == expected
    assert list((tmp_path / "aside").iterdir()) == []
