"""Sizes of passages and clauses, ids that survive changes elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.clauses import cut_clauses
from kb.outline import outline
from kb.passages import cut
from kb.reading import read
from kb.types import Document, Span


def document(text: str, name: str = "a.txt") -> Document:
    reading = read(Path(name), text.encode())
    found = outline(reading, "name")
    return Document("doc", name, found.title, reading.text, found.sections, "")


def clauses(text: str) -> list[str]:
    return [clause.text for clause in cut_clauses(text, [Span(0, len(text))])]


def test_short_paragraphs_run_together_up_to_a_screen() -> None:
    text = "\n\n".join("工会服务职工，成效明显，群众满意。" for _ in range(60))
    sizes = [len(passage.text) for passage in cut(document(text))]
    assert all(300 < size <= 350 for size in sizes[:-1])


@pytest.mark.parametrize("words", ["各位代表！", "有下列情形之一的，应当办理登记："])
def test_what_announces_a_paragraph_is_in_its_passage(words: str) -> None:
    before, after = ("工会服务职工，成效明显，群众满意。" * n for n in (12, 18))
    passages = cut(document(f"{before}\n\n{words}\n\n{after}\n"))
    assert [passage.text for passage in passages] == [before, f"{words}\n\n{after}"]


def test_what_announces_too_much_for_one_passage_stays_where_it_is() -> None:
    before, after = ("工会服务职工，成效明显，群众满意。" * n for n in (12, 26))
    words = "有下列情形之一的，应当办理登记："
    passages = cut(document(f"{before}\n\n{words}\n\n{after}\n"))
    assert [passage.text for passage in passages] == [f"{before}\n\n{words}", after]


def test_the_rest_of_a_list_stays_with_it_where_a_passage_holds_both() -> None:
    duties = [f"（{number}）{'维护职工合法权益；' * 4}" for number in "一二三四五六七八九"]
    begun = "\n".join(["工会的职责如下：", *duties])
    short, long = f"{begun}\n（十）其他职责。", f"{begun}\n（十）{'其他职责。' * 25}"
    closed = f"{short}\n前款规定的职责不得转交。"
    assert [passage.text for passage in cut(document(short))] == [short]
    assert [passage.text for passage in cut(document(closed))] == [closed]
    assert [passage.text[:3] for passage in cut(document(long))] == ["工会的", "（九）"]


def test_a_heading_with_nothing_below_it_is_a_passage() -> None:
    text = "二、保障措施\n\n（一）每户补助五千元\n\n三、附则\n\n本通知自发布之日起施行。\n"
    assert [(p.kind, p.headings, p.text, p.paragraph) for p in cut(document(text))] == [
        ("section", ("二、保障措施", "（一）每户补助五千元"), "（一）每户补助五千元", 2),
        ("section", ("三、附则",), "本通知自发布之日起施行。", 4),
    ]


def test_a_text_of_headings_alone_has_a_passage_for_each() -> None:
    text = "".join(f"# 第{number}条消息\n" for number in "一二三四五")
    passages = cut(document(text, "a.md"))
    assert [passage.text for passage in passages] == text.splitlines()


@pytest.mark.parametrize(
    "below", ["正文。\n", "### 乙\n\n正文。\n", "前言。\n\n### 乙\n\n后文。\n"]
)
def test_a_paragraph_that_is_underlined_is_a_heading_and_a_passage(below: str) -> None:
    told = "\n".join(["本年度困难职工每户补助五千元，由区总工会统一发放。"] * 3)
    passages = cut(document(f"# 报告\n\n引子。\n\n{told}\n---\n\n{below}\n", "a.md"))
    title = told.replace("\n", "")
    [own] = [p for p in passages if p.text.startswith("本年度")]
    assert (own.kind in {"part", "section"}, own.headings) == (True, (title,))
    assert own.text == f"{told}\n---"
    assert all(p.headings[0] == title for p in passages if p.start > own.start)


def test_a_long_heading_is_split_as_paragraphs_are() -> None:
    heading = "工会始终坚持服务职工，取得了明显成效。" * 50
    passages = cut(document(f"# 报告\n\n引子。\n\n## {heading}\n\n正文在这里。\n", "a.md"))
    assert "".join(p.text for p in passages[2:-1]) == f"## {heading}"
    assert max(len(p.text) for p in passages) <= 450
    assert passages[-1].text == "正文在这里。"


def test_long_paragraphs_are_split_at_sentences_into_like_parts() -> None:
    sentence = "工会始终坚持服务职工，维护职工合法权益，取得了明显的成效，职工群众普遍感到满意。"
    passages = cut(document(sentence * 25))
    assert {passage.text.count("。") for passage in passages} == {8, 9}
    assert all(passage.text.endswith("。") for passage in passages)


@pytest.mark.parametrize("bar", ["\t", " | "])
def test_rows_of_a_table_stay_whole_however_alike_their_widths(bar: str) -> None:
    rows = [
        bar.join([f"第{n:02}镇", f"1{n:02},345人", f"2{n:02}.6吨", "种植业、林业和旅游业"])
        for n in range(40)
    ]
    text = "各镇情况如下，数据由统计局提供。\n\n" + "\n".join(rows) + "\n\n数据截至年底。\n"
    passages = cut(document(text))
    lines = [line for passage in passages for line in passage.text.split("\n") if bar in line]
    assert lines == rows
    assert [c.text for p in passages for c in p.clauses if bar in c.text] == rows


def test_a_table_in_a_text_of_full_lines_is_no_paragraph_of_it() -> None:
    lines = "\n".join(
        ["工会组织职工参加安全生产培训和技能竞赛活动，全年没有发生一"] * 8 + ["起事故。"]
    )
    rows = [f"第{n}分会\t{n}00人\t{n}次" for n in range(1, 6)]
    text = f"{lines}\n\n" + "\n".join(["分会\t人数\t次数", *rows]) + f"\n\n{lines}\n"
    clauses = [c.text for p in cut(document(text)) for c in p.clauses]
    assert [clause for clause in clauses if "\t" in clause] == ["分会\t人数\t次数", *rows]


def test_a_passage_keeps_its_id_when_another_part_changes() -> None:
    text = "一、甲\n\n甲的正文在这里，很长很长。\n\n二、乙\n\n乙的正文在这里，很长很长。\n"
    before = {p.text: p.id for p in cut(document(text))}
    after = {p.text: p.id for p in cut(document(text.replace("甲的", "新的甲的")))}
    assert after["乙的正文在这里，很长很长。"] == before["乙的正文在这里，很长很长。"]
    assert before["甲的正文在这里，很长很长。"] not in after.values()


def test_passages_of_the_same_words_have_ids_of_their_own() -> None:
    text = "一、甲\n\n正文在这里，很长很长。\n\n二、乙\n\n正文在这里，很长很长。\n"
    first, second = (p.id for p in cut(document(text)) if p.text.startswith("正文"))
    assert first != second
    assert first.startswith("doc-")
    assert len(first) == len("doc-") + 10


def test_passages_whose_hashes_begin_alike_have_ids_of_their_own() -> None:
    one, other = "编号1576421。", "编号2784775。"
    [alone], [alike] = cut(document(one)), cut(document(other))
    assert alone.id == alike.id
    together = cut(document(f"一、甲\n\n{one}\n\n二、乙\n\n{other}\n\n三、丙\n\n{one}\n"))
    first, second, third = (p.id for p in together if p.text.startswith("编号"))
    assert first == alone.id
    assert len({first, second, third}) == 3


def test_clauses_end_with_their_sentence_and_its_closing_marks() -> None:
    assert clauses(
        "他说：“工会工作要更加努力地开展。”会议同意了这个十分重要的看法！然后大家就一起去吃饭了；"
    ) == [
        "他说：“工会工作要更加努力地开展。”",
        "会议同意了这个十分重要的看法！",
        "然后大家就一起去吃饭了；",
    ]


def test_long_sentences_are_cut_at_commas_before_enumerations() -> None:
    text = (
        "为快递小哥、外卖送餐员、环卫工人等户外劳动者提供饮水、热饭、充电、休息等暖心服务，"
        "共投入资金333万元，累计建立职工之家142家、暖心驿站1269家。"
    )
    assert clauses(text) == [
        "为快递小哥、外卖送餐员、环卫工人等户外劳动者提供饮水、热饭、充电、休息等暖心服务，",
        "共投入资金333万元，累计建立职工之家142家、暖心驿站1269家。",
    ]


def test_fragments_go_to_their_neighbour() -> None:
    assert clauses("锲而不舍抓党建。持续巩固深化主题教育成果。") == [
        "锲而不舍抓党建。持续巩固深化主题教育成果。"
    ]


def test_numbers_stay_whole() -> None:
    text = "工会经费收入一共是1,234,567.89元，" * 2 + "占3.5%。"
    assert "".join(clauses(text)) == text
    assert all("1,234,567.89" in clause for clause in clauses(text)[:2])


def test_english_clauses_are_sentences_of_english_length() -> None:
    text = (
        "The union runs 3.5 stations in the district for couriers. It spent 1,000 yuan on each one."
    )
    assert clauses(text) == [
        "The union runs 3.5 stations in the district for couriers.",
        "It spent 1,000 yuan on each one.",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "In the autumn the Authority opened Quay No. 7 with its four ship-to-shore cranes",
        "For the whole of the summer berths Nos. 3 and 4 were closed to all vessels",
        "She joined the Board in place of Mr. J. P. Okafor who retired after eleven years",
        "The residents of the quarter wrote to Mrs. Vale of the harbour's own laboratory",
        "We owe the growth in traffic to the U.S. and Canadian lines that came back to us",
        "Work at night comes to an end at 10 p.m. unless the neighbours are told before",
    ],
)
def test_a_point_within_a_sentence_does_not_end_it(words: str) -> None:
    assert clauses(f"{words}. Nobody in the whole of the port was hurt.") == [
        f"{words}.",
        "Nobody in the whole of the port was hurt.",
    ]


def test_text_without_punctuation_is_cut_all_the_same() -> None:
    assert max(map(len, clauses("文" * 1000))) == 180
