"""Terms are what BM25 counts: characters, pairs, words and numbers, with true offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.terms import Term, _Compatible, occurrences, phrases, standing, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\u3000", []),
        ("。,!", []),
        ("会", ["会"]),
        ("工会法", ["工", "工会", "会", "会法", "法"]),
        ("工会,法", ["工", "工会", "会", "法"]),
        ("工 会", ["工", "会"]),
        ("1.04亿元", ["1.04", "亿", "亿元", "元"]),
        ("1,000.5", ["1000.5"]),
        ("１２，３４５，６７８", ["12345678"]),
        ("65131234，65135678", ["65131234", "65135678"]),
        ("2023，2024", ["2023", "2024"]),
        ("1,2,3", ["1", "2", "3"]),
        ("1,2345", ["1", "2345"]),
        ("3.", ["3"]),
        ("2016-2020", ["2016", "2020"]),
        ("第4.0版", ["第", "4.0", "版"]),
        ("GDP Growth", ["gdp", "growth"]),
        ("Covid19", ["covid", "19"]),
        ("snake_case", ["snake", "case"]),
        ("ＧＤＰ１２３", ["gdp", "123"]),
        ("總工會", ["总", "总工", "工", "工会", "会"]),
        ("😀会😀", ["会"]),
        ("𠀀𠀁", ["𠀀", "𠀀𠀁", "𠀁"]),
        ("カラ", ["カ", "カラ", "ラ"]),
        ("노동조합", ["노동조합"]),
        ("Straße", ["straße"]),
    ],
)
def test_text_is_cut_into_its_terms(text: str, expected: list[str]) -> None:
    assert [term.text for term in terms(text)] == expected


def test_offsets_count_code_points_of_the_text_itself() -> None:
    assert terms("😀Ａ會員") == [
        Term("a", 1, 2),
        Term("会", 2, 3),
        Term("会员", 2, 4),
        Term("员", 3, 4),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("ＡＢＣ", "abc"), ("１２３％", "123%"), ("外賣小哥", "外卖小哥"), ("ＫＴＶ歌廳", "ktv歌厅")],
)
def test_forms_of_the_same_words_are_the_same_terms(one: str, other: str) -> None:
    assert terms(one) == terms(other)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_terms_lie_in_order_inside_the_text_and_hold_no_white_space(text: str) -> None:
    found = terms(text)
    assert [(t.start, t.end) for t in found] == sorted((t.start, t.end) for t in found)
    for term in found:
        assert 0 <= term.start < term.end <= len(text)
        assert len(term.text) == term.end - term.start
        assert "".join(term.text.split()) == term.text
        assert "".join(text[term.start : term.end].split()) == text[term.start : term.end]


def test_a_very_long_word_is_one_term() -> None:
    assert terms("x" * 100_000) == [Term("x" * 100_000, 0, 100_000)]


@given(
    st.text("工会职1204.,abB 　_-１ａ總", max_size=30), st.text("工会职1204.,abB_總", max_size=12)
)
def test_terms_that_stand_in_a_text_are_those_it_is_cut_into(text: str, query: str) -> None:
    """Though a text is searched for a query's terms without being cut."""
    wanted = [term.text for term in terms(query)]
    held = {term.text for term in terms(text)}
    assert standing(text, wanted) == [term for term in wanted if term in held]


def test_a_number_does_not_stand_within_another() -> None:
    wanted = ["1", "04", "12", "500", "1.04", "12500", "2"]
    assert standing("增长1.04%,投入12,500元", wanted) == ["1.04", "12500"]


def test_a_number_is_marked_with_the_commas_that_it_is_written_with() -> None:
    text = "全长５０，０００公里,不是50000.5公里;共50000公里"
    assert [text[a:b] for _, a, b in occurrences(text, ["50000"])] == ["５０，０００", "50000"]


def test_numbers_that_a_comma_lists_stand_each_by_itself() -> None:
    listed = ["65131234", "65135678", "131"]
    assert standing("电话65131234，65135678", listed) == ["65131234", "65135678"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"工会"和"职工"', ["工会", "职工"]),
        ('＂工会"', ["工会"]),
        ('" 工会 " "" " "', ["工会"]),
        ("“五送牌”", []),
        ('"工会', []),
        ('"工会" "工 会" "職工" "职工" "工会"', ["工会", "职工"]),
    ],
)
def test_each_thing_that_a_query_quotes_is_a_phrase(query: str, expected: list[str]) -> None:
    assert list(phrases(query)) == expected


def test_what_is_known_of_characters_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends all of Unicode fills no memory, and folds alike before and after."""
    monkeypatch.setattr("index.terms._MOST_CHARACTERS", 100)
    table = _Compatible()
    wide = "".join(map(chr, range(0xFF01, 0xFF5F)))
    narrow = "".join(map(chr, range(0x21, 0x7F))).lower()
    for _ in range(3):
        assert (wide + "工" * 9).translate(table) == narrow + "工" * 9
        assert "".join(map(chr, range(0x4E00, 0x4F00))).translate(table)[7] == "万"
        assert len(table) <= 100
