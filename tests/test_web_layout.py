"""A document laid out for reading loses nothing and can be pointed into."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from kb.library import find, load
from kb.passages import cut
from kb.types import Document, Passage, Span
from web import layout
from web.layout import Focus, Portion


@pytest.fixture(scope="module")
def report() -> Document:
    """The shipped report."""
    with resources.as_file(resources.files("kb") / "reports") as folder:
        (source,) = find(Path(folder)).sources
        return load(source)


def text_of(portions: tuple[Portion, ...]) -> str:
    return "".join(run.text for portion in portions for run in portion.runs)


def test_every_character_is_set_once(report: Document) -> None:
    """Headings and paragraphs together are the whole text, white space aside."""
    page = layout.page(report, cut(report))
    blocks = sorted((*page.titles, *page.blocks), key=lambda block: block.section.start)
    pieces = [text_of(each) for block in blocks for each in (block.heading, *block.paragraphs)]
    assert sorted("".join("".join(pieces).split())) == sorted("".join(report.text.split()))


def test_title_lines_stand_on_top(report: Document) -> None:
    """The lead is printed before the headline in the source, and after it on the page."""
    page = layout.page(report, cut(report))
    assert [text_of(block.heading) for block in page.titles] == [
        "使命在肩 接续奋斗 为建设美丽东城凝聚磅礴力量",
        "——东城区总工会五年工作回顾及未来五年工作展望",
        "□韩悦",
    ]
    assert page.blocks[0].section.kind == "lead"


@pytest.mark.parametrize(
    ("opening", "unsaid"),
    [
        ("工作报告\n\n区长 胡玉亭\n\n2024年12月30日\n", ()),
        ("工作报告\n\n（二〇二四年十二月三十日）\n", ("胡玉亭",)),
        ("胡玉亭的报告，2024-12-30\n", ()),
        ("工作报告\n\n2023年12月30日以来的工作。\n", ("胡玉亭", "2024-12-30")),
    ],
)
def test_author_and_date_are_not_said_twice(opening: str, unsaid: tuple[str, ...]) -> None:
    """However the text writes its date, it is not set once more below the title."""
    document = Document("d", "d.docx", "工作报告", opening, (), "", "胡玉亭", "2024-12-30")
    assert layout.unsaid(document) == unsaid


def test_every_passage_has_one_anchor(report: Document) -> None:
    """Each passage opens exactly once on the page, numbered in text order."""
    passages = cut(report)
    page = layout.page(report, passages)
    opened = [
        (portion.passage.id, portion.number)
        for block in (*page.titles, *page.blocks)
        for portions in (block.heading, *block.paragraphs)
        for portion in portions
        if portion.opens and portion.passage
    ]
    in_order = sorted(passages, key=lambda passage: passage.start)
    assert sorted(opened, key=lambda each: each[1]) == [
        (passage.id, number) for number, passage in enumerate(in_order, 1)
    ]


def test_anchors_of_headings_are_unique(report: Document) -> None:
    """No two elements of the page share an id."""
    page = layout.page(report, cut(report))
    used = [b.anchor for b in (*page.titles, *page.blocks) if b.heading or b.paragraphs]
    assert len(used) == len(set(used))


def test_focus_is_the_place_and_nothing_more(report: Document) -> None:
    """What is in focus is exactly the span that was asked for, its first part marked as such."""
    start = report.text.index("暖心驿站建设")
    page = layout.page(report, cut(report), Focus(Span(start, start + 30)))
    focused = [
        portion
        for block in page.blocks
        for paragraph in block.paragraphs
        for portion in paragraph
        if portion.focused
    ]
    assert text_of(tuple(focused)) == report.text[start : start + 30]
    assert [portion.first_focused for portion in focused] == [True] + [False] * (len(focused) - 1)


class Watched:
    """A passage that counts how often it is looked at."""

    looks = 0

    def __init__(self, passage: Passage) -> None:
        self._passage = passage

    def __getattr__(self, name: str) -> object:
        Watched.looks += 1
        return getattr(self._passage, name)


def test_a_paragraph_looks_at_its_own_passages_alone(tmp_path: Path) -> None:
    """So that a document twice as long takes twice as long to lay out, not four times."""
    paragraph = "全年发放帮扶资金三百万元,惠及困难职工家庭一千二百户,得到一致好评。" * 9
    text = "\n\n".join(f"第{number}段:{paragraph}" for number in range(300))
    (tmp_path / "long.txt").write_text(text, encoding="utf-8")
    (source,) = find(tmp_path).sources
    document = load(source)
    passages = [Watched(passage) for passage in cut(document)]
    layout.page(document, passages)  # type: ignore[arg-type]
    assert len(passages) > 290
    assert Watched.looks < 40 * len(passages)


def test_outline_is_a_tree_by_level(report: Document) -> None:
    """Parts hold their sections; title lines are left out."""
    roots = layout.outline(report)
    assert [entry.section.kind for entry in roots] == [
        "lead", "part", "captions", "part", "captions",
    ]  # fmt: skip
    assert [len(entry.children) for entry in roots] == [0, 4, 0, 8, 0]
