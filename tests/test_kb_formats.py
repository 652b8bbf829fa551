"""The same report in every format; what each format brings of its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

from kb.library import find, load
from kb.outline import outline
from kb.passages import cut
from kb.reading import read
from kb.types import Document
from tests.data.same_report import write_all, write_columns

BODY = "工会始终坚持服务职工，取得了明显成效。"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    folder = tmp_path_factory.mktemp("formats")
    write_all(folder)
    return {source.path.suffix: load(source) for source in find(folder).sources}


@pytest.mark.parametrize("suffix", [".md", ".html", ".docx", ".pdf"])
def test_every_format_has_the_same_outline(reports: dict[str, Document], suffix: str) -> None:
    def shape(document: Document) -> list[tuple[str, int, str, tuple[str, ...]]]:
        return [(s.kind, s.level, s.title, s.path) for s in document.outline]

    assert shape(reports[suffix]) == shape(reports[".txt"])
    assert reports[suffix].title == reports[".txt"].title


@pytest.mark.parametrize("suffix", [".md", ".html", ".docx", ".pdf"])
def test_every_format_has_the_same_passages(reports: dict[str, Document], suffix: str) -> None:
    def parts(document: Document) -> list[tuple[str, tuple[str, ...], str]]:
        # Markdown quotes its marks too; where paragraphs run together formats space them apart.
        return [
            (p.kind, p.headings, "".join(p.text.removeprefix("# ").split())) for p in cut(document)
        ]

    assert parts(reports[suffix]) == parts(reports[".txt"])


def test_a_page_of_two_columns_is_read_column_by_column(
    reports: dict[str, Document], tmp_path: Path
) -> None:
    write_columns(reports[".txt"], tmp_path / "columns.pdf")
    (source,) = find(tmp_path).sources
    texts = ["".join(p.text.split()) for p in cut(load(source))]
    assert texts == ["".join(p.text.split()) for p in cut(reports[".txt"])]


def test_the_pdf_knows_the_page_of_every_passage(reports: dict[str, Document]) -> None:
    document = reports[".pdf"]
    pages = [passage.page for passage in sorted(cut(document), key=lambda p: p.start)]
    assert pages == sorted(pages, key=lambda page: page or 0)
    assert pages[0] == 1
    assert pages[-1] == len(document.pages) == 6
    assert {passage.page for passage in cut(reports[".txt"])} == {None}


def test_every_passage_knows_the_number_of_its_paragraph(reports: dict[str, Document]) -> None:
    numbers = {p.text[:6]: p.paragraph for p in cut(reports[".txt"])}
    assert (numbers["过去的5年,"], numbers["使命在肩 接"], numbers["□韩悦"]) == (1, 2, 4)


def test_running_heads_and_page_numbers_are_dropped(reports: dict[str, Document]) -> None:
    assert "东城区总工会工作报告" not in reports[".pdf"].text
    assert "— 1 —" not in reports[".pdf"].text


def test_a_byline_gives_the_author(reports: dict[str, Document]) -> None:
    assert {document.author for document in reports.values()} == {"韩悦"}


def word(build: docx.document.Document) -> bytes:
    data = BytesIO()
    build.save(data)
    return data.getvalue()


def shape(name: str, data: bytes) -> list[tuple[str, int, str]]:
    found = outline(read(Path(name), data), "文件名")
    return [(s.kind, s.level, s.title) for s in found.sections]


def test_word_tables_become_lines_and_footnotes_paragraphs_of_their_own() -> None:
    file = docx.Document()
    file.add_paragraph(BODY)
    table = file.add_table(2, 2)
    for cell, text in zip((*table.rows[0].cells, *table.rows[1].cells), "甲乙丙丁", strict=True):
        cell.text = text
    assert read(Path("a.docx"), word(file)).text == f"{BODY}\n\n甲 | 乙\n丙 | 丁\n"


def test_word_numbers_its_lists_as_they_are_shown() -> None:
    file = docx.Document()
    for words in ("甲", "乙"):
        file.add_paragraph(words, style="List Number")
    file.add_paragraph("丙", style="List Bullet")
    assert read(Path("a.docx"), word(file)).text == "1.甲\n\n2.乙\n\n丙\n"


def test_word_deletions_are_left_out_and_insertions_kept() -> None:
    file = docx.Document()
    paragraph = file.add_paragraph("工会")
    for tag, text_tag, words in (("w:del", "w:delText", "旧"), ("w:ins", "w:t", "新")):
        change, run, text = OxmlElement(tag), OxmlElement("w:r"), OxmlElement(text_tag)
        text.text = words
        run.append(text)
        change.append(run)
        paragraph._p.append(change)
    assert read(Path("a.docx"), word(file)).text == "工会新\n"


def test_bold_openings_of_word_paragraphs_are_headings_and_bold_words_inside_are_not() -> None:
    file = docx.Document()
    file.add_paragraph("工作报告")
    file.add_paragraph("一、工作安排")
    for head in ("提振消费。", "稳定外贸。"):
        paragraph = file.add_paragraph()
        paragraph.add_run(head).bold = True
        paragraph.add_run(BODY)
        paragraph.add_run("强调").bold = True
    plain = "健全机制。" + BODY
    for _ in range(3):
        file.add_paragraph(plain)
    found = shape("a.docx", word(file))
    assert [title for kind, _, title in found if kind == "run_in"] == ["提振消费", "稳定外贸"]


def test_outline_levels_of_word_styles_make_headings() -> None:
    file = docx.Document()
    file.add_paragraph("报告")
    for words in ("成绩", "问题"):
        paragraph = file.add_paragraph(words)
        level = OxmlElement("w:outlineLvl")
        level.set(qn("w:val"), "0")
        paragraph._p.get_or_add_pPr().append(level)
        file.add_paragraph(BODY)
    assert shape("a.docx", word(file))[1:] == [("section", 1, "成绩"), ("section", 1, "问题")]


def test_two_titles_of_a_word_file_stand_side_by_side() -> None:
    file = docx.Document()
    for title, heading in (("甲报告", "成绩"), ("乙报告", "打算")):
        file.add_heading(title, 0)
        file.add_heading(heading, 1)
        file.add_paragraph(BODY)
    assert shape("a.docx", word(file)) == [
        ("part", 1, "甲报告"),
        ("section", 2, "成绩"),
        ("part", 1, "乙报告"),
        ("section", 2, "打算"),
    ]


def test_a_title_that_is_set_as_two_is_the_title() -> None:
    file = docx.Document()
    for words in ("东城区总工会", "2021年工作报告"):
        file.add_heading(words, 0)
    file.add_heading("成绩", 1)
    file.add_paragraph(BODY)
    assert shape("a.docx", word(file)) == [
        ("title", 0, "东城区总工会"),
        ("title", 0, "2021年工作报告"),
        ("section", 1, "成绩"),
    ]


def test_numbered_headings_that_stand_alone_are_no_title_of_two_lines() -> None:
    page = f"<h1>一、成绩</h1><h1>二、问题</h1><p>{BODY}</p>"
    assert shape("a.html", page.encode()) == [
        ("section", 1, "一、成绩"),
        ("section", 1, "二、问题"),
    ]


def test_a_heading_that_is_broken_over_lines_is_one() -> None:
    file = docx.Document()
    file.add_heading("东城区总工会\n工作报告", 0)
    file.add_heading("一、成绩\n和问题", 1)
    file.add_paragraph(BODY)
    page = f"<h1>东城区总工会<br>工作报告</h1><h2>一、成绩<br/>和问题</h2><p>{BODY}</p>"
    wanted = [("title", 0, "东城区总工会 工作报告"), ("section", 1, "一、成绩 和问题")]
    assert shape("a.docx", word(file)) == shape("a.html", page.encode()) == wanted


def test_numbers_inside_styled_headings_are_headings_too() -> None:
    file = docx.Document()
    file.add_heading("工作报告", 0)
    for words in ("一、成绩", "二、问题"):
        file.add_heading(words, 1)
        for inner in ("（一）党建", "（二）维权"):
            file.add_paragraph(inner)
            file.add_paragraph(BODY)
    assert shape("a.docx", word(file))[1:4] == [
        ("part", 1, "一、成绩"),
        ("section", 2, "（一）党建"),
        ("section", 2, "（二）维权"),
    ]


PAGE = """<html><head><meta charset="{charset}"><title>网页标题</title></head><body>
<nav><a href="/">首页</a></nav>
<div id="top"><a href="/a">工会新闻</a> | <a href="/b">政策法规</a></div>
<div><div class="text"><p>第一段，工会始终坚持服务职工。<br>换行以后的一段，取得了成效。</p>
<p style="display:none">看不见的</p><script>var a = "脚本";</script>
<p>第二段，<b>强调</b>的&nbsp;话在<a href="/x">链接</a>里，也是正文的一部分。</p>
<table><tr><th>项目</th><th>金额</th></tr><tr><td>经费</td><td>2573万元</td></tr></table>
</div></div>
<div class="foot"><a href="/c">联系我们</a><a href="/d">网站地图</a></div></body></html>"""


@pytest.mark.parametrize(("charset", "encoding"), [("gb2312", "gb18030"), ("utf-8", "utf-8")])
def test_web_pages_are_their_article(charset: str, encoding: str) -> None:
    data = PAGE.format(charset=charset).encode(encoding)
    reading = read(Path("a.html"), data)
    assert reading.text == (
        "第一段，工会始终坚持服务职工。\n\n换行以后的一段，取得了成效。\n\n"
        "第二段，强调的\xa0话在链接里，也是正文的一部分。\n\n项目 | 金额\n经费 | 2573万元\n"
    )
    assert reading.title == "网页标题"


def page_text(body: str) -> str:
    return read(Path("a.html"), f"<body>{body}</body>".encode()).text


def test_text_directly_before_a_table_of_a_page_comes_once() -> None:
    table = "<table><tr><td>经费<td>30万元</table>"
    assert page_text(f"<div>甲段。{table}后面。</div>") == "甲段。\n\n经费 | 30万元\n\n后面。\n"


def test_what_stands_in_a_table_in_a_table_comes_once() -> None:
    inner = "<table><tr><td>经费<td>30万元</table>"
    outer = f"<table><tr><td>栏目<td>甲段。{inner}后面。<tr><td>乙段。<td>丙段。</table>"
    assert page_text(f"前面。{outer}末段。") == (
        "前面。\n\n栏目\n\n甲段。\n\n经费 | 30万元\n\n后面。\n\n乙段。\n\n丙段。\n\n末段。\n"
    )


def test_a_table_of_a_page_keeps_its_caption_and_the_lines_of_its_cells_apart() -> None:
    table = """<table><caption>表1 经费<tr><th>年份<th>金额
    <tr><td>2020年<br>2021年<td><div>30万元</div><div>共<b>2</b>年</div></table>"""
    assert page_text(table) == "表1 经费\n年份 | 金额\n2020年 2021年 | 30万元 共2年\n"


def test_a_summary_is_a_line_of_its_own() -> None:
    assert page_text("<details><summary>附件</summary>名单</details>") == "附件\n\n名单\n"


def test_a_form_around_the_whole_page_is_no_search_box() -> None:
    search = "<form><label>站内搜索</label><input></form>"
    assert page_text(f"{search}<p>{BODY}</p>") == f"{BODY}\n"
    assert page_text(f"<form><input><div><p>{BODY}</p></div></form>") == f"{BODY}\n"


def test_a_line_that_links_lead_to_is_no_link() -> None:
    """Word marks headings so when it writes a page."""
    marked = '<p><a name="_Toc1">第一章 总则</a></p>'
    assert page_text(f"{marked}<p>{BODY}</p>") == f"第一章 总则\n\n{BODY}\n"
    assert page_text(f"{marked.replace('name', 'href')}<p>{BODY}</p>") == f"{BODY}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_pages_that_claim_to_be_latin_are_in_what_they_are_in(encoding: str) -> None:
    page = "<meta charset='iso-8859-1'><p>The “union” of Zürich – a report.</p>"
    assert read(Path("a.html"), page.encode(encoding)).text == (
        "The “union” of Zürich – a report.\n"
    )


def test_an_article_that_is_a_small_part_of_a_page_is_not_all_of_it() -> None:
    teaser = "<article>下期预告</article>"
    assert page_text(f"<h1>通知</h1><p>{BODY}</p>{teaser}") == f"通知\n\n{BODY}\n\n下期预告\n"
    assert page_text(f"<div>{BODY[:9]}</div><article>{BODY}</article>") == f"{BODY}\n"


def test_the_headline_beside_the_article_belongs_to_it() -> None:
    article = "".join(f"<p>第{n}段，{BODY}</p>" for n in "一二三四五六七八")
    page = f"""<html><head><title>通知_工会网</title></head><body><div class="top">
    <a href="/">首页</a> <a href="/x">要闻</a></div><div class="main">
    <div class="head"><h1>关于服务职工的通知</h1><p>发布时间：2021-05-01 来源：市总工会</p></div>
    <div class="text">{article}</div></div></body></html>"""
    found = outline(read(Path("a.html"), page.encode()), "文件名")
    assert (found.title, found.date) == ("关于服务职工的通知", "2021-05-01")
    assert "首页" not in read(Path("a.html"), page.encode()).text


def test_dates_are_read_as_they_are_stated() -> None:
    text = f"工作报告\n\n——2025年1月20日在第三次会议上\n\n{BODY}\n\n{BODY}\n"
    assert outline(read(Path("a.txt"), text.encode()), "x").date == "2025-01-20"
    assert outline(read(Path("a.txt"), text.encode()), "x").author is None
    spoken = text.replace("会议上", "会议上\n\n省长　胡玉亭\n\n各位代表：")
    assert outline(read(Path("a.txt"), spoken.encode()), "x").author == "胡玉亭"
    signed = f"关于工作的通知\n\n{BODY}\n\n北京市总工会\n\n二〇二一年十二月二十一日\n"
    assert outline(read(Path("a.txt"), signed.encode()), "x").date == "2021-12-21"
    assert outline(read(Path("a.txt"), BODY.encode()), "x").date is None


def pdf(shown: bytes, meanings: dict[bytes, bytes]) -> bytes:
    """A page of one line; `meanings` says in hexadecimal UTF-16 what some of its codes are."""
    entries = b"".join(b"<%s> <%s>\n" % (k.hex().encode(), v) for k, v in meanings.items())
    meaning = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def"
        b" 1 begincodespacerange <00> <FF> endcodespacerange %d beginbfchar\n%sendbfchar endcmap"
        b" CMapName currentdict /CMap defineresource pop end end" % (len(meanings), entries)
    )
    drawn = b"BT /F1 12 Tf 72 700 Td (%s) Tj ET" % shown
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R"
        b"/Resources<</Font<</F1 4 0 R>>>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>",
        *(b"<</Length %d>>stream\n%s\nendstream" % (len(s), s) for s in (drawn, meaning)),
    )
    numbered = b"".join(b"%d 0 obj%s endobj\n" % pair for pair in enumerate(objects, 1))
    return b"%PDF-1.4\n" + numbered + b"trailer<</Root 1 0 R>>\n%%EOF"


def test_rare_characters_of_a_pdf_are_whole_and_half_ones_are_marked() -> None:
    """PDFium gives those beyond 16 bits in two halves."""
    meanings = {b"X": b"D840DC0B", b"Y": b"D840", b"Z": b"DC0B"}
    reading = read(Path("a.pdf"), pdf(b"Report X of Y and Zby", meanings))
    assert reading.text == "Report \U0002000b of \ufffd and \ufffdby\n"


def drawn(draw: Callable[[Canvas], None]) -> str:
    """The text of a page that is drawn on."""
    data = BytesIO()
    canvas = Canvas(data, pagesize=A4)
    registerFont(UnicodeCIDFont("STSong-Light"))
    draw(canvas)
    canvas.save()
    return read(Path("a.pdf"), data.getvalue()).text


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_pages_that_lie_on_their_side_are_read_along_their_lines(angle: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(angle)
        canvas.translate(300, 400)
        canvas.rotate(angle)
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(0, 40, "一、成绩")
        canvas.drawString(0, 20, BODY)
        canvas.drawString(0, 0, "二、问题")

    assert drawn(draw) == f"一、成绩\n\n{BODY}\n\n二、问题\n"


def test_words_that_lie_on_their_side_are_a_line_of_their_own() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(72, 700, BODY)
        canvas.translate(500, 100)
        canvas.rotate(90)
        canvas.drawString(0, 0, "附表 经费")

    assert drawn(draw) == f"{BODY}\n\n\n\n附表 经费\n"


def test_entries_of_a_table_of_contents_are_paragraphs_of_their_own() -> None:
    entries = [f"{name}{'…' * 30}{page}" for name, page in (("前言", 1), ("回顾", 3), ("附件", 9))]

    def draw(canvas: Canvas) -> None:
        for lines in (entries, ["前言", BODY * 2]):
            canvas.setFont("STSong-Light", 12)
            for at, line in enumerate(lines):
                canvas.drawString(72, 700 - 24 * at, line)
            canvas.showPage()

    assert drawn(draw).split() == [*entries, "前言", BODY * 2]


@pytest.mark.parametrize("angle", [30, 45, 55])
def test_a_watermark_across_a_page_parts_no_paragraph(angle: int) -> None:
    lines = ["工会始终坚持服务职工，取得了", "明显成效，发展了各项事业。"]

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 14)
        for at, line in enumerate(lines):
            canvas.drawString(72, 700 - 28 * at, line)
        canvas.setFont("STSong-Light", 40)
        canvas.translate(150, 600)
        canvas.rotate(angle)
        canvas.drawString(0, 0, "内部资料 注意保密")

    def draw_aslant(canvas: Canvas) -> None:
        canvas.translate(72, 300)
        canvas.rotate(angle)
        canvas.setFont("STSong-Light", 14)
        canvas.drawString(0, 0, BODY)

    assert drawn(draw) == "".join(lines) + "\n"
    assert sorted("".join(drawn(draw_aslant).split())) == sorted(BODY)  # where there is no other


def test_words_of_a_pdf_that_a_hyphen_parts_are_whole() -> None:
    def draw(canvas: Canvas) -> None:
        words = ("The union has raised the share of its mem-", "bers in the yearly consultation.")
        for at, line in enumerate(words):
            canvas.drawString(72, 700 - 16 * at, line)

    assert (
        drawn(draw) == "The union has raised the share of its members in the yearly consultation.\n"
    )


def test_the_last_row_of_a_table_of_a_pdf_is_no_page_number() -> None:
    def draw(canvas: Canvas) -> None:
        for page, name in enumerate("甲乙丙", 1):
            canvas.setFont("STSong-Light", 12)
            canvas.drawString(72, 760, "东城区总工会工作报告")
            for x, cell in ((72, name), (200, "100"), (330, "120")):
                canvas.drawString(x, 80, cell)
            canvas.drawString(290, 30, f"— {page} —")
            canvas.showPage()

    assert drawn(draw).split() == ["甲", "100", "120", "乙", "100", "120", "丙", "100", "120"]


def test_what_stands_beside_each_other_in_a_pdf_is_read_from_the_left() -> None:
    """Also where its type is of several sizes."""

    def draw(canvas: Canvas) -> None:
        for y in (700, 679, 661):
            for x, size, words in ((72, 10.5, f"左{y}"), (300, 14, f"右{y}")):
                canvas.setFont("STSong-Light", size)
                canvas.drawString(x, y, words)

    assert drawn(draw).split() == ["左700", "右700", "左679", "右679", "左661", "右661"]


def test_a_table_of_many_rows_in_a_pdf_is_not_read_as_columns_of_text() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 12)
        for row, y in enumerate(range(700, 600, -20)):
            canvas.drawString(72, y, f"项目{row}")
            canvas.drawString(400, y, f"{row}万元")

    rows = [(f"项目{row}", f"{row}万元") for row in range(5)]
    assert drawn(draw).split() == [cell for row in rows for cell in row]


PHRASES = st.sampled_from(["@", "<b>@</b>", "@<br>@", "<span>@</span>@", "@<!-- 注 -->@"])
PAGES = st.recursive(
    PHRASES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.builds(
            "<{0}>{1}</{0}>".format,
            st.sampled_from(["div", "section", "blockquote", "pre", "dl", "center"]),
            inner,
        ),
        PHRASES.map("<p>{}</p>".format),
        PHRASES.map("<h2>{}</h2>".format),
        inner.map("<ul><li>{}</li></ul>".format),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda cells: f"<table><tr>{''.join(map('<td>{}</td>'.format, cells))}</tr></table>"
        ),
    ),
)


@given(PAGES)
@settings(max_examples=200)
def test_every_word_of_a_page_is_read_once_and_in_order(body: str) -> None:
    numbers = itertools.count(1)
    text = page_text(f"<h1>题目</h1>{re.sub('@', lambda _: f'词{next(numbers)}。', body)}")
    wanted = [f"词{number}。" for number in range(1, next(numbers))]
    assert re.findall(r"词\d+。", text) == wanted


def test_a_page_number_in_two_parts_is_dropped_from_a_short_pdf() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(72, 700, BODY)
        for x, words in ((200, "第 1 页"), (330, "共 1 页")):
            canvas.drawString(x, 30, words)

    assert drawn(draw) == f"{BODY}\n"
