"""Folding to Simplified characters keeps every offset true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.folding import simplified
from kb import library
from tests.data.same_report import REPORTS

# what a file can hold: every character but surrogates
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("traditional", "expected"),
    [
        ("", ""),
        ("a", "a"),
        ("總工會為職工挽回經濟損失", "总工会为职工挽回经济损失"),
        ("頭髮與發財", "头发与发财"),  # one character of Simplified, two of Traditional
        ("皇后以後", "皇后以后"),
        ("乾隆年間餅乾", "乾隆年间饼干"),
        ("😀會𠀀會é", "😀会𠀀会é"),
    ],
)
def test_traditional_text_becomes_simplified(traditional: str, expected: str) -> None:
    assert simplified(traditional) == expected


@given(texts)
def test_the_length_stays(text: str) -> None:
    assert len(simplified(text)) == len(text)


@given(texts)
def test_folding_twice_is_folding_once_for_single_characters(text: str) -> None:
    for character in text:
        assert simplified(simplified(character)) == simplified(character)


def test_the_shipped_report_is_left_as_it_is() -> None:
    [source] = library.find(REPORTS).sources
    text = library.load(source).text
    assert simplified(text) == text
