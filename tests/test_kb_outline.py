"""Outlines of documents of many shapes, by general rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.blocks import split
from kb.numbering import han, read_label
from kb.outline import outline
from kb.reading import Reading, SourceHeading, read
from kb.runin import Openings
from kb.types import Span

BODY = "工会始终坚持服务职工，取得了明显成效。"


def sections(text: str, name: str = "a.txt") -> list[tuple[str, int, str]]:
    found = outline(read(Path(name), text.encode()), "文件名")
    return [(s.kind, s.level, s.title) for s in found.sections]


def lines(*parts: str) -> str:
    return "\n\n".join(BODY if part == "." else part for part in parts) + "\n"


@pytest.mark.parametrize(
    ("line", "style", "ordinal"),
    [
        ("第十二章　附则", "章", 12),
        ("第3节 基层", "节", 3),
        ("第一百零二条 本法", "条", 102),
        ("第二十条之一 本法", "条", 20),
        ("二十一、总结", "一、", 21),
        ("（三）措施", "（一）", 3),
        ("(三)措施", "（一）", 3),
        ("４．目标", "1.", 4),
        ("4、目标", "1.", 4),
        ("1.2 目标", "1.1", 2),
        ("（5）项目", "（1）", 5),
        ("5）项目", "1）", 5),
        ("③项目", "①", 3),
        ("三是加强", "一是", 3),
        ("第二，加强", "第一，", 2),
        ("Chapter 4 Outlook", "Chapter", 4),
        ("PART II", "Part", 2),
        ("XIV. Budget", "I.", 14),
        ("●要点", "●", 0),
        ("【要点】", "【】", 0),
    ],
)
def test_labels_are_read_half_and_full_width(line: str, style: str, ordinal: int) -> None:
    label = read_label(line)
    assert label is not None
    assert (label.style, label.ordinal) == (style, ordinal)


@pytest.mark.parametrize(
    "line", ["2024年工作", "3.5万人", "1,000人", "一年来", "第一次", "是", "", "113万", "5年来"]
)
def test_what_only_looks_like_a_label_is_none(line: str) -> None:
    assert read_label(line) is None


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (99, "九十九"), (102, "一百零二"),
        (110, "一百一十"), (1007, "一千零七"), (1250, "一千二百五十"), (0, "0"), (10_000, "10000"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_they_are_read(number: int, written: str) -> None:
    assert han(number) == written


def test_official_numbering_nests_as_its_ranks_say() -> None:
    text = lines(
        "关于加强工会工作的意见", "北京市总工会2021年5月1日发布了本意见，请各单位认真执行。",
        "一、总体要求", "（一）指导思想", ".", "1．目标任务", ".", "（1）近期", ".",
        "二、措施", "1.宣传", ".",
    )  # fmt: skip
    assert sections(text) == [
        ("title", 0, "关于加强工会工作的意见"),
        ("lead", 1, "导语"),
        ("part", 1, "一、总体要求"),
        ("section", 2, "（一）指导思想"),
        ("lead", 3, "(引言)"),
        ("section", 3, "1．目标任务"),
        ("lead", 4, "(引言)"),
        ("section", 4, "（1）近期"),
        ("part", 1, "二、措施"),
        ("section", 2, "1.宣传"),
    ]


def test_statutes_have_chapters_and_articles() -> None:
    text = "工会法\n第一章 总则\n第一条 为了保障工会，制定本法。\n（一）甲。乙。\n"
    text += "第二章 组织\n第二条 工会是组织。\n"
    assert sections(text) == [
        ("title", 0, "工会法"),
        ("part", 1, "第一章 总则"),
        ("run_in", 2, "第一条"),
        ("part", 1, "第二章 组织"),
        ("run_in", 2, "第二条"),
    ]


def test_marked_lines_are_outside_what_stands_under_them() -> None:
    text = lines("总结", "■ 成绩", "思想引领", ".", "权益维护", ".", "■ 问题", ".", "【打算】", ".")
    assert sections(text)[1:] == [
        ("part", 1, "成绩"),
        ("section", 2, "思想引领"),
        ("section", 2, "权益维护"),
        ("part", 1, "问题"),
        ("lead", 2, "(引言)"),
        ("section", 2, "打算"),
    ]


def test_a_bare_heading_stands_beside_numbers_that_go_on_and_over_those_that_begin_anew() -> None:
    beside = lines("总结", ".", "前言", ".", "一、成绩", ".", "二、问题", ".")
    assert [level for kind, level, _ in sections(beside) if kind == "section"] == [1, 1, 1]
    over = lines("总结", ".", "回顾", "一、甲", ".", "二、乙", ".", "展望", "一、丙", ".")
    assert [title for _, level, title in sections(over) if level == 2] == [
        "一、甲",
        "二、乙",
        "一、丙",
    ]


def test_a_lead_above_the_headline_stays_the_lead() -> None:
    text = lines(".", "扬帆起航 再谱新篇", "——工作回顾", "□张三", "●过去●", ".", "●未来●", ".")
    assert sections(text)[:5] == [
        ("title", 0, "扬帆起航 再谱新篇"),
        ("title", 0, "——工作回顾"),
        ("title", 0, "□张三"),
        ("lead", 1, "导语"),
        ("section", 1, "过去"),
    ]


@pytest.mark.parametrize("number", ["青政发〔2024〕17号", "国办函（2024）第5号"])
def test_the_number_of_an_official_letter_goes_with_its_title(number: str) -> None:
    text = lines(
        "关于印发供热办法的通知", number, "各区、县人民政府，市政府各部门：", ".", "一、总则", "."
    )
    assert sections(text) == [
        ("title", 0, "关于印发供热办法的通知"),
        ("title", 0, number),
        ("lead", 1, "导语"),
        ("section", 1, "一、总则"),
    ]


@pytest.mark.parametrize("asked", ["记者：驿站是哪一年建成的？", "本报记者: 您好！"])
def test_what_a_reporter_asks_is_no_byline(asked: str) -> None:
    text = lines("把家安在驿站", "记者：张三", asked, "李四：二〇一六年。", ".")
    assert sections(text) == [
        ("title", 0, "把家安在驿站"),
        ("title", 0, "记者：张三"),
        ("section", 1, "正文"),
    ]


@pytest.mark.parametrize(
    ("text", "title", "found"),
    [
        ("文", "文", [("title", 0, "文")]),
        ("𠮷😀", "𠮷😀", [("title", 0, "𠮷😀")]),
        (BODY, "文件名", [("section", 1, "正文")]),
        (f"工作总结\n{BODY}", "工作总结", [("title", 0, "工作总结"), ("section", 1, "正文")]),
        (f"{BODY}\n{BODY}", "文件名", [("section", 1, "正文")]),
        ("……\n", "文件名", [("section", 1, "正文")]),
    ],
)
def test_texts_without_headings_are_one_section(
    text: str, title: str, found: list[tuple[str, int, str]]
) -> None:
    assert outline(read(Path("a.txt"), text.encode()), "文件名").title == title
    assert sections(text) == found


def test_lists_and_tables_of_contents_are_no_headings() -> None:
    listed = lines("会议纪要", ".", "1. 提高认识", "2. 加强领导", "3. 抓好落实", ".")
    assert sections(listed) == [("title", 0, "会议纪要"), ("section", 1, "正文")]
    contents = lines(
        "规划", "目录", "第一章 总则", "第一节 目的", "第二章 附则",
        "第一章 总则", "第一节 目的", ".", "第二章 附则", ".",
    )  # fmt: skip
    assert sections(contents) == [
        ("title", 0, "规划"),
        ("lead", 1, "导语"),
        ("part", 1, "第一章 总则"),
        ("section", 2, "第一节 目的"),
        ("section", 1, "第二章 附则"),
    ]


@pytest.mark.parametrize("more", [(), ("3．任务分工表",)])
def test_attachments_that_are_listed_are_no_headings(more: tuple[str, ...]) -> None:
    listed = ("附件：1．工作方案", "2．联系名单", *more, "市总工会", "2021年5月1日")
    text = lines("关于工作的通知", ".", *listed, "1．工作目标", ".", "2．工作任务", ".")
    assert sections(text) == [
        ("title", 0, "关于工作的通知"),
        ("lead", 1, "导语"),
        ("section", 1, "1．工作目标"),
        ("section", 1, "2．工作任务"),
    ]


def test_two_terse_openings_are_topic_sentences_and_three_are_headings() -> None:
    opening = "改革成效明显。" + BODY
    assert [kind for kind, _, _ in sections(lines("总结", "一、成绩", opening, opening))] == [
        "title",
        "section",
    ]
    three = sections(lines("总结", "一、成绩", ".", opening, opening, opening))
    assert [title for kind, _, title in three if kind == "run_in"] == ["改革成效明显"] * 3


class Counted(int):
    """An index that counts how often it is compared with another."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) < other

    def __ge__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) >= other


def test_terse_openings_are_found_with_a_few_comparisons_each() -> None:
    blocks = split(("改革成效明显。" + BODY + "\n") * 500)
    Counted.comparisons = 0
    found = Openings.of(blocks, (), styled=False).find(blocks, [*map(Counted, range(500))])
    assert list(found) == list(range(500))
    assert Counted.comparisons < 5 * 500


def test_labelled_openings_are_headings_where_most_are_alike() -> None:
    text = lines("总结", "一、成绩", "（一）抓党建。" + BODY, BODY, "（二）抓维权。" + BODY)
    assert [title for kind, _, title in sections(text) if kind == "run_in"] == [
        "（一）抓党建",
        "（二）抓维权",
    ]
    items = lines("总结", "一、成绩", "（一）甲；", "（二）乙；", "（三）丙。" + BODY)
    assert [title for kind, _, title in sections(items) if kind == "run_in"] == []


@pytest.mark.parametrize("words", ["各位代表！", "各位代表，", "各位领导、同志们："])
def test_what_is_said_to_the_audience_anew_belongs_to_no_item(words: str) -> None:
    items = ("（一）抓党建。" + BODY, "（二）抓维权。" + BODY, BODY)
    text = lines("总结", "一、成绩", *items, words + BODY, BODY, "二、打算", BODY)
    report = outline(Reading(text), "文件名").sections
    assert [(s.kind, s.level, s.title) for s in report][1:] == [
        ("part", 1, "一、成绩"),
        ("run_in", 2, "（一）抓党建"),
        ("run_in", 2, "（二）抓维权"),
        ("section", 2, "正文"),
        ("section", 1, "二、打算"),
    ]
    assert [len(s.body) for s in report[2:]] == [1, 2, 2, 1]
    assert report[4].path == ("总结", "一、成绩")


def test_items_go_on_after_a_word_to_the_audience_and_one_without_a_comma_is_none() -> None:
    items = ("（一）抓党建。" + BODY, "各位代表！" + BODY, "（二）抓维权。" + BODY)
    text = lines("总结", "一、成绩", *items, "各位代表要认真审议，提出意见。")
    assert sections(text)[2:] == [
        ("run_in", 2, "（一）抓党建"),
        ("section", 2, "正文"),
        ("run_in", 2, "（二）抓维权"),
    ]


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u2060\u200b"])
@pytest.mark.parametrize("name", ["a.txt", "a.html"])
def test_what_nobody_sees_at_the_ends_of_lines_makes_no_difference(unseen: str, name: str) -> None:
    plain = ["总结", "一、成绩", BODY, "职工得到帮扶。", BODY, "二、打算", BODY]
    marked = ["总结", unseen, *(f"{unseen}{line}{unseen}" for line in plain[1:])]

    def found(told: list[str]) -> list[tuple[str, int, str, int]]:
        text = "".join(f"<p>{line}</p>" for line in told) if name == "a.html" else lines(*told)
        report = outline(read(Path(name), text.encode()), "文件名").sections
        return [(s.kind, s.level, s.title, len(s.body)) for s in report]

    assert found(marked) == found(plain)


def test_one_block_of_captions_needs_no_number() -> None:
    text = f"总结\n\n{BODY}\n\n{BODY}\n\n\n\n工会举办运动会开幕式\n\n\n\n职工在驿站休息喝水\n"
    assert sections(text)[-1] == ("captions", 1, "图片说明")


def test_markdown_headings_win() -> None:
    text = "# 报告\n\n引子。\n\n## 一、成绩\n\n1. 甲\n\n正文在这里。\n\n### **亮点**\n\n正文。\n"
    assert sections(text, "a.md") == [
        ("title", 0, "报告"),
        ("lead", 1, "导语"),
        ("part", 1, "一、成绩"),
        ("lead", 2, "(引言)"),
        ("section", 2, "亮点"),
    ]


def test_underlined_markdown_headings_take_their_line_with_them() -> None:
    text = "报告\n===\n\n成绩\n---\n\n正文在这里。\n\n问题\n---\n\n正文。\n"
    assert sections(text, "a.md") == [
        ("title", 0, "报告"),
        ("section", 1, "成绩"),
        ("section", 1, "问题"),
    ]


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("工作\n成绩\n---", "工作成绩"),
        ("工作总结2024\n  **成绩**  \nand more\n===", "工作总结2024 **成绩** and more"),
        ("Work  \nof the\nunion\n--------", "Work of the union"),
    ],
)
def test_an_underlined_heading_of_several_lines_is_whole(heading: str, title: str) -> None:
    text = f"# 报告\n\n正文在这里。\n\n## 甲\n\n{heading}\n\n正文在这里。\n"
    assert title in [found for _, _, found in sections(text, "a.md")]
    assert sections(f"{heading}\n\n正文在这里。\n", "a.md")[0][2] == title


def test_titles_are_of_bounded_length() -> None:
    long = "服务职工" * 6000
    cut = long[:199] + "…"
    assert sections(f"# {long}\n\n## {long}\n\n### {long[:200]}\n\n正文。\n", "a.md") == [
        ("title", 0, cut),
        ("part", 1, cut),
        ("section", 2, long[:200]),
    ]
    spaced = sections(f"第{' ' * 9000}一条 为了保障工会，制定本法。\n第二条 工会是组织。\n")
    assert max(len(title) for _, _, title in spaced) <= 200
    named = outline(Reading(BODY, title=long), "name")
    assert (named.title, named.sections[0].path) == (cut, (cut,))


def test_a_subtitle_is_of_bounded_length_too() -> None:
    text = "报告\n\n——" + "服务职工" * 100
    headings = (SourceHeading(Span(0, 2), 1), SourceHeading(Span(4, len(text)), 1))
    assert [s.title for s in outline(Reading(text, headings), "name").sections] == [
        "报告",
        text[4:203] + "…",
    ]


def test_a_heading_amid_lines_of_full_width_is_no_more_than_its_line() -> None:
    line = "The union of the district runs stations where couriers may rest and drink\n"
    text = f"# Report\n{line * 3}as they like.\n## Past\n{line * 3}all of the day.\n"
    found = outline(read(Path("a.md"), text.encode()), "name").sections
    assert [(s.kind, s.title, [text[a:b] for a, b in s.body]) for s in found] == [
        ("title", "Report", []),
        ("lead", "导语", [f"{line * 3}as they like."]),
        ("section", "Past", [f"{line * 3}all of the day."]),
    ]


def test_what_programs_note_above_a_markdown_text_is_no_heading() -> None:
    noted = "---\ntitle: 年度报告\ntags: [工会]\n---\n\n"
    assert sections(f"{noted}# 报告\n\n正文在这里。\n\n## 成绩\n\n正文。\n", "a.md") == [
        ("title", 0, "报告"),
        ("lead", 1, "导语"),
        ("section", 1, "正文"),
        ("section", 1, "成绩"),
    ]
    assert ("section", 1, "成绩") in sections("---\n\n成绩\n---\n\n正文。\n\n# 问题\n", "a.md")


def test_english_reports_have_outlines_too() -> None:
    prose = "The union was founded in 1950. It has grown since."
    text = lines("Annual Report", "Introduction", prose, "1. Past", prose, "1.1 Early", prose)
    assert sections(text) == [
        ("title", 0, "Annual Report"),
        ("section", 1, "Introduction"),
        ("part", 1, "1. Past"),
        ("lead", 2, "(引言)"),
        ("section", 2, "1.1 Early"),
    ]
