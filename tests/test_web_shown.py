"""What the page prints of a hit: where it stands, how to quote it, why it was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from index.hits import DocumentSummary, Hit, Mark, Results, Signals
from kb.types import Kind, Passage, Span
from web.asking import Answer, Question
from web.shown import ShownHit, path_of, show

SUMMARY = DocumentSummary("id", "name.pdf", "工作报告", 900, 3, 9, 30, "")
PASSAGE = Passage(
    "p", "id", "section", ("第一章", "一、建设"), "建立驿站1269家。", 100, 110, (), paragraph=5
)
HIT = Hit(
    rank=1,
    score=0.9,
    document=SUMMARY,
    passage=PASSAGE,
    evidence=(Span(102, 110),),
    marks=(Mark(102, 104, 0.9),),
    signals=Signals(dense=0.8, lexical=0.0, late=0.4),
)


@pytest.fixture(autouse=True)
def chinese(client: FlaskClient) -> Iterator[None]:
    """A request of a reader of Chinese."""
    with client.application.test_request_context(headers={"Accept-Language": "zh"}):
        yield


def shown(*hits: Hit) -> tuple[ShownHit, ...]:
    results = Results("驿站", "hybrid", "g", 1.0, weak=False, hits=hits)
    return show(Answer(Question("驿站"), "found", results))


def test_quotation_names_title_section_and_place() -> None:
    """Paragraphs are counted from 1, as are characters, the last one included."""
    assert shown(HIT)[0].citation == "——《工作报告》，“第一章 › 一、建设”，第 5 段"
    assert (shown(HIT)[0].place, shown(HIT)[0].characters) == ("第 5 段", "第 101–110 字")


def test_quotation_names_the_page_of_a_paged_document() -> None:
    """A passage of a PDF is found again by its page."""
    paged = replace(HIT, passage=replace(PASSAGE, page=7))
    assert shown(paged)[0].citation.endswith("，第 7 页，第 5 段")


def test_quotation_names_author_and_date_where_they_are_stated() -> None:
    """The author stands before the title, the date after it; both stand with the hit."""
    stated = replace(HIT, document=replace(SUMMARY, author="胡玉亭", date="2025-01-20"))
    only = shown(stated)[0]
    assert only.citation == "——胡玉亭，《工作报告》，2025-01-20，“第一章 › 一、建设”，第 5 段"
    assert only.hit.document.stated == ("胡玉亭", "2025-01-20")
    assert SUMMARY.stated == ()


@pytest.mark.parametrize(
    ("kind", "headings", "path"),
    [
        ("section", ("第一章", "一、建设"), ("第一章", "一、建设")),
        ("section", (), ("工作报告",)),
        ("lead", ("第一章", "(引言)"), ("第一章", "导语")),
        ("captions", ("图片说明(一)",), ("图片说明",)),
        ("title", (), ("标题",)),
        ("section", ("正文",), ("正文",)),
    ],
)
def test_path_is_never_empty(kind: Kind, headings: tuple[str, ...], path: tuple[str, ...]) -> None:
    """A section without a heading goes by what it is."""
    passage = replace(PASSAGE, kind=kind, headings=headings)
    assert path_of(replace(HIT, passage=passage)) == path


def test_text_without_any_heading_has_an_english_name(client: FlaskClient) -> None:
    """As the lead and the captions have: it is a name of ours, not the document's."""
    hit = replace(HIT, passage=replace(PASSAGE, headings=("正文",)))
    with client.application.test_request_context(headers={"Accept-Language": "en"}):
        assert path_of(hit) == ("Text",)
        assert shown(hit)[0].citation == "— 工作报告, “Text”, paragraph 5"


def test_signals_are_shown_against_the_best() -> None:
    """The best of each signal on the page is whole; one that is nowhere stays empty."""
    other = replace(HIT, rank=2, signals=Signals(dense=0.4, lexical=0.0, late=0.8))
    first, second = shown(HIT, other)
    assert [round(signal.share, 3) for signal in first.signals] == [1.0, 0.0, 0.5]
    assert [round(signal.share, 3) for signal in second.signals] == [0.5, 0.0, 1.0]


def test_words_and_evidence_are_those_of_the_passage() -> None:
    """Spans of the document fall on the right characters of the passage."""
    (only,) = shown(HIT)
    assert only.words == ("驿站",)
    assert [run.text for run in only.runs if run.evidence] == ["驿站1269家。"]


def test_link_carries_the_question() -> None:
    """So that the reading page knows the next match."""
    assert shown(HIT)[0].url == "/documents/id?start=100&end=110&q=%E9%A9%BF%E7%AB%99#match"
