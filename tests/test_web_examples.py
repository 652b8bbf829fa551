"""The questions offered on the blank page come from the library and are answered by it."""

from __future__ import annotations

import pytest

from index.search import Searcher
from kb.types import Document, Section
from web.examples import questions


def document(text: str, *titles: str) -> Document:
    sections = tuple(
        Section(title, "section", 1, i, i + 1, None, (), ()) for i, title in enumerate(titles)
    )
    return Document("id", "name.txt", "title", text, sections, "")


@pytest.mark.parametrize(
    ("text", "titles", "asked"),
    [
        ("建立职工之家142家、暖心驿站1269家。", (), ("暖心驿站有多少家？",)),
        ("", ("一、维护职工权益",), ("如何维护职工权益？",)),
        ("", ("坚持党的领导 铸牢理想信念 强化职工思想政治引领",), ("如何强化职工思想政治引领？",)),
        ("", ("第一章 总则",), ("总则讲了什么？",)),
        ("", ("Results and discussion",), ()),
        ("", ("正文",), ()),
        ("没有数字、没有标题", (), ()),
    ],
)
def test_question_is_made_of(text: str, titles: tuple[str, ...], asked: tuple[str, ...]) -> None:
    """Counted things and headings become questions; what does not fit becomes none."""
    assert questions([document(text, *titles)]) == asked


def test_questions_are_few_and_differ() -> None:
    """Never more than asked for, never the same twice."""
    many = document("", *(["加强建设", "完善体系"] * 9), "推进改革", "提高质量")
    assert questions([many], limit=3) == ("如何加强建设？", "如何完善体系？", "如何推进改革？")


def test_questions_lead_to_their_section(searcher: Searcher) -> None:
    """What a heading gave is answered from under that heading."""
    asked = questions([searcher.document(each.id) for each in searcher.documents])
    assert "如何维护职工权益？" in asked
    hit = searcher.search("如何维护职工权益？").hits[0]
    assert hit.passage.headings[-1] == "一、维护职工权益"
