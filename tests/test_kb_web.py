"""Web pages as offices and newspapers make them: whole, in lines and tables, in little time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kb.errors import DocumentUnreadable
from kb.outline import outline
from kb.reading import read

BODY = "工会始终坚持服务职工，取得了明显成效。"


def text_of(body: str) -> str:
    return read(Path("a.html"), f"<body>{body}</body>".encode()).text


def test_a_page_whose_tags_are_never_closed_is_whole() -> None:
    """Each of them stands in the one before."""
    body = "".join(f"<div><span>第{number}段。" for number in range(400))
    assert text_of(body).split() == [f"第{number}段。" for number in range(400)]


def test_a_page_that_nests_too_deep_is_refused_and_not_cut_short() -> None:
    with pytest.raises(DocumentUnreadable) as raised:
        text_of(f"<p>{BODY}</p>" + "<font>" * 3000 + BODY)
    assert raised.value.reason == "its elements are nested too deep to be read whole"


@pytest.mark.parametrize(
    "body",
    [
        "字<!-- x -->" * 30_000,
        "字<span hidden>x</span>" * 30_000,
        "<div>" * 240 + "<a href='x'>字</a>" + f"<p>{BODY}</p>" * 10_000,
    ],
)
def test_what_is_left_out_and_what_is_deep_takes_little_time(body: str) -> None:
    """Ten seconds and more where the words around were copied or counted each time."""
    before = time.process_time()
    text_of(body)
    assert time.process_time() - before < 5


def test_the_spaces_in_the_title_of_a_page_take_little_time() -> None:
    page = f"<title>工作{' ' * 60_000}通知</title><p>{BODY}</p>"
    before = time.process_time()
    assert read(Path("a.html"), page.encode()).title == "工作 通知"
    assert time.process_time() - before < 2


@pytest.mark.parametrize("tag", ["h2", "div", "p", "center"])
@pytest.mark.parametrize(
    ("title", "headline"),
    [("关于做好服务职工的通知", "关于做好服务<br>职工的通知"), ("工会条例_工会网", "工会条例")],
)
def test_a_headline_that_is_the_title_of_the_page_belongs_to_the_article(
    tag: str, title: str, headline: str
) -> None:
    page = f"""<title>{title}</title><div>工会网</div><div>
    <{tag}>{headline}</{tag}><div>发布时间：2021-05-01</div>
    <div>{f"<p>{BODY}</p>" * 20}</div></div><div>主办：市总工会</div>"""
    reading = read(Path("a.html"), page.encode())
    words = "".join(reading.text.split())
    assert words == headline.replace("<br>", "") + "发布时间：2021-05-01" + BODY * 20
    assert outline(reading, "文件名").date == "2021-05-01"


def test_headings_beside_a_long_section_keep_theirs() -> None:
    body = f"<h2>成绩</h2><div>{f'<p>{BODY}</p>' * 20}</div><h2>问题</h2><div>不多。</div>"
    assert text_of(body).split() == ["成绩", *[BODY] * 20, "问题", "不多。"]


def test_a_line_of_the_source_ends_no_chinese_word() -> None:
    """Word breaks lines anywhere when it writes a page."""
    broken = "工会始终坚持服务职\n  工，\r\n取得了the best\nof all 成效。"
    whole = "工会始终坚持服务职工，取得了the best of all 成效。"
    assert text_of(f"<p>\n{broken}\n</p>") == f"{whole}\n"
    assert text_of(f"<table><tr><td>\n甲\n<td>{broken}</table>") == f"甲 | {whole}\n"


def test_lines_that_are_set_as_lines_are_lines() -> None:
    lines = f"一、成绩\n　　{BODY}\n二、问题\n　　{BODY}"
    assert text_of(f"<pre>{lines}</pre>") == f"{lines}\n"


def test_a_table_whose_cells_hold_paragraphs_is_read_row_by_row() -> None:
    """As Word writes it when a page is made of a file."""
    cells = "<tr><td><p>{}</p></td><td><p>{}</p><p>{}</p></td></tr>"
    rows = cells.format("项目", "金额", "（万元）") + cells.format("经费", "30", "（含上年）")
    assert text_of(f"<table>{rows}</table>") == "项目 | 金额 （万元）\n经费 | 30 （含上年）\n"


@pytest.mark.parametrize(
    "lines", ["一、成绩<br>{0}<br>二、问题<br>{0}", "<p>一、成绩</p><p>{0}</p>"]
)
def test_a_table_that_lays_out_a_page_is_no_table(lines: str) -> None:
    inner = lines.format(BODY * 6)
    wanted = [
        "左栏",
        *inner.replace("<p>", "").replace("</p>", "<br>").rstrip("<br>").split("<br>"),
    ]
    assert text_of(f"<table><tr><td>左栏<td>{inner}</table>").split() == wanted
