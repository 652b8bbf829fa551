"""Word files as Word writes them, in raw XML: notes, numbers, tables, boxes, ruby."""

from __future__ import annotations

import itertools
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.outline import outline
from kb.reading import read

SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def word(body: str, **parts: str) -> bytes:
    """A file of a body and of what else is in `word/`, by name: footnotes, numbering, styles."""
    roots = {name: f"<w:{name} {SPACES}>{inner}</w:{name}>" for name, inner in parts.items()}
    members = {f"word/{name}.xml": xml for name, xml in roots.items()}
    members["word/document.xml"] = f"<w:document {SPACES}><w:body>{body}</w:body></w:document>"
    types = "".join(
        f'<Override PartName="/word/{name}.xml" ContentType="{OFFICE}.{kind}+xml"/>'
        for name, kind in [("document", "document.main"), *((name, name) for name in parts)]
    )
    members["[Content_Types].xml"] = (
        f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels"'
        f' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>'
    )
    members["_rels/.rels"] = relations({"officeDocument": "word/document.xml"})
    members["word/_rels/document.xml.rels"] = relations({name: f"{name}.xml" for name in parts})
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in members.items():
            archive.writestr(name, xml)
    return data.getvalue()


def relations(targets: dict[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{kind}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def text_of(body: str, **parts: str) -> str:
    return read(Path("a.docx"), word(body, **parts)).text


def p(inner: str) -> str:
    """A paragraph of words or runs."""
    return f"<w:p>{inner if inner.startswith('<') else run(inner)}</w:p>"


def run(words: str) -> str:
    return f"<w:r><w:t>{words}</w:t></w:r>"


def referring(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def notes(kind: str, *words: str, first: int = 1) -> str:
    return "".join(
        f'<w:{kind} w:id="{number}">{p(each)}</w:{kind}>'
        for number, each in enumerate(words, first)
    )


def test_footnotes_and_endnotes_of_one_number_are_two() -> None:
    body = p(run("甲") + referring("footnote", 1)) + p(run("乙") + referring("endnote", 1))
    text = text_of(body, footnotes=notes("footnote", "脚注"), endnotes=notes("endnote", "尾注"))
    assert text == "甲\n\n注1：脚注\n\n乙\n\n注1：尾注\n"


def test_notes_are_numbered_as_word_shows_them() -> None:
    """In the order of their references; what the file calls them is another thing."""
    body = p(run("甲") + referring("footnote", 3)) + p(run("乙") + referring("footnote", 2))
    text = text_of(body, footnotes=notes("footnote", "先写", "后写", first=2))
    assert text == "甲\n\n注1：后写\n\n乙\n\n注2：先写\n"


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(map(cell, cells))}</w:tr>"


def cell(inner: str) -> str:
    return inner if inner.startswith("<w:sdt>") else f"<w:tc>{p(inner)}</w:tc>"


def controlled(inner: str) -> str:
    return f"<w:sdt><w:sdtPr/><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


def box(words: str) -> str:
    """A text box as Word writes it: for itself, and once more for older programs."""
    inner = f"<w:txbxContent>{p(words)}</w:txbxContent>"
    return (
        f"<w:r><mc:AlternateContent><mc:Choice><w:drawing>{inner}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{inner}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


def test_cells_and_rows_in_content_controls_are_cells_and_rows() -> None:
    body = table(row("甲", controlled(cell("乙"))), controlled(row("丙", "丁")))
    assert text_of(body) == "甲 | 乙\n丙 | 丁\n"


def test_paragraphs_are_read_whatever_they_are_wrapped_in() -> None:
    wrapped = f"<w:customXml>{controlled(p('甲'))}</w:customXml>"
    assert text_of(p("前") + wrapped + f"<w:del>{p('删')}</w:del>" + p("后")) == "前\n\n甲\n\n后\n"


def test_characters_with_their_reading_over_them_are_read_without_it() -> None:
    ruby = (
        f"<w:r><w:ruby><w:rt>{run('pīn')}</w:rt><w:rubyBase>{run('拼')}</w:rubyBase></w:ruby></w:r>"
    )
    assert text_of(p(run("前") + ruby + run("后"))) == "前拼后\n"


def test_a_text_box_comes_once_in_a_table_and_outside() -> None:
    boxed = p(run("甲") + box("框"))
    assert text_of(boxed) == "甲\n\n框\n"
    assert text_of(table(row(run("甲") + box("框"), "乙"))) == "甲 框 | 乙\n"


def test_notes_of_tables_follow_the_table() -> None:
    note = notes("footnote", "脚注")
    body = table(row(run("甲") + referring("footnote", 1), "乙")) + p("后")
    assert text_of(body, footnotes=note) == "甲 | 乙\n\n注1：脚注\n\n后\n"


def test_the_note_of_a_deleted_reference_is_left_out() -> None:
    body = p(run("甲") + f"<w:del>{referring('footnote', 1)}</w:del>")
    assert text_of(body, footnotes=notes("footnote", "脚注")) == "甲\n"


def level(at: int, form: str, pattern: str, more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
    )


def numbering(levels: str, *overrides: str) -> str:
    """One kind of list, used by lists 1, 2, 3 and so on, each with its own overrides."""
    nums = "".join(
        f'<w:num w:numId="{number}"><w:abstractNumId w:val="0"/>{own}</w:num>'
        for number, own in enumerate(overrides, 1)
    )
    return f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>{nums}'


def restarted(at: int, start: int = 1) -> str:
    return f'<w:lvlOverride w:ilvl="{at}"><w:startOverride w:val="{start}"/></w:lvlOverride>'


def item(words: str, num: int = 1, at: int = 0) -> str:
    return (
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{num}"/></w:numPr></w:pPr>'
        f"{run(words)}</w:p>"
    )


def test_a_list_that_is_restarted_counts_anew_and_others_go_on() -> None:
    kinds = numbering(level(0, "decimal", "%1."), "", restarted(0), "", restarted(0, 5))
    body = "".join(item("项", num) for num in (1, 1, 2, 2, 3, 2, 4, 4))
    assert text_of(body, numbering=kinds).split() == [
        "1.项", "2.项", "1.项", "2.项", "3.项", "4.项", "5.项", "6.项",
    ]  # fmt: skip


def test_inner_levels_of_a_restarted_list_count_anew_under_each_outer_one() -> None:
    levels = level(0, "chineseCounting", "%1、") + level(1, "decimal", "%1.%2")
    kinds = numbering(levels, "", restarted(0) + restarted(1, 3))
    body = "".join(item("项", num, at) for num in (1, 2) for at in (0, 1, 1, 0, 1))
    assert text_of(body, numbering=kinds).split("\n\n") == [
        "一、项", "一.1 项", "一.2 项", "二、项", "二.1 项",
        "一、项", "一.3 项", "一.4 项", "二、项", "二.3 项\n",
    ]  # fmt: skip


def test_a_list_may_have_a_level_of_its_own() -> None:
    own = f'<w:lvlOverride w:ilvl="0">{level(0, "decimal", "（%1）")}</w:lvlOverride>'
    kinds = numbering(level(0, "decimal", "%1."), "", own)
    assert text_of(item("甲") + item("乙", 2), numbering=kinds) == "1.甲\n\n（2）乙\n"


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("decimal", {1: "1", 4: "4", 28: "28"}),
        ("lowerLetter", {1: "a", 4: "d", 26: "z", 27: "aa", 28: "bb"}),
        ("upperLetter", {1: "A", 27: "AA"}),
        ("lowerRoman", {1: "i", 4: "iv", 9: "ix", 28: "xxviii"}),
        ("upperRoman", {4: "IV", 19: "XIX"}),
        ("decimalZero", {1: "01", 28: "28"}),
        ("decimalEnclosedCircle", {1: "①", 20: "⑳", 21: "21"}),
        ("decimalEnclosedCircleChinese", {4: "④"}),
        ("chineseCounting", {1: "一", 28: "二十八"}),
        ("unheard-of", {4: "4"}),
    ],
)
def test_numbers_have_the_form_that_word_shows(form: str, shown: dict[int, str]) -> None:
    kinds = numbering(level(0, form, "%1)"), "")
    items = text_of("".join(item("项") for _ in range(28)), numbering=kinds).split()
    assert {number: items[number - 1] for number in shown} == {
        number: f"{form})项" for number, form in shown.items()
    }


@pytest.mark.parametrize("form", ["lowerLetter", "upperRoman", "chineseCounting"])
@pytest.mark.parametrize("start", [0, 2_000_000_000])
def test_a_number_that_has_no_form_is_in_digits(form: str, start: int) -> None:
    kinds = numbering(level(0, form, "%1)"), restarted(0, start))
    assert text_of(item("项"), numbering=kinds) == f"{start})项\n"


def test_articles_are_counted_through_all_chapters() -> None:
    through = '<w:lvlRestart w:val="0"/>'
    levels = level(0, "chineseCounting", "第%1章") + level(1, "decimal", "第%2条", through)
    body = "".join(item("项", at=at) for at in (0, 1, 1, 0, 1))
    assert text_of(body, numbering=numbering(levels, "")).split("\n\n") == [
        "第一章 项", "第1条 项", "第2条 项", "第二章 项", "第3条 项\n",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "words", "shown"),
    [
        ("%1.", "5亿元投入到位", "1. 5亿元投入到位"),
        ("%1", "2021年工作", "1 2021年工作"),
        ("第%1条", "为了规范工作", "第1条 为了规范工作"),
        ("第%1条", "　为了规范工作", "第1条　为了规范工作"),
        ("%1.", "服务职工", "1.服务职工"),
        ("%1", "", "1"),
    ],
)
def test_a_number_makes_no_other_with_the_words_after_it(
    pattern: str, words: str, shown: str
) -> None:
    kinds = numbering(level(0, "decimal", pattern), "")
    assert text_of(item(words), numbering=kinds) == f"{shown}\n"


def test_numbers_stand_close_where_the_list_says_so() -> None:
    close = '<w:suff w:val="nothing"/>'
    kinds = numbering(level(0, "decimal", "第%1", close), "")
    assert text_of(item("届会议"), numbering=kinds) == "第1届会议\n"


def test_articles_that_word_numbers_are_articles() -> None:
    kinds = numbering(level(0, "chineseCounting", "第%1条"), "")
    body = p("工会条例") + item("为了规范工作，制定本条例。") + item("本条例自公布之日起施行。")
    found = outline(read(Path("a.docx"), word(body, numbering=kinds)), "文件名")
    assert [s.title for s in found.sections if s.kind == "run_in"] == ["第一条", "第二条"]


def test_outer_numbers_are_in_digits_where_a_level_asks_for_them() -> None:
    levels = level(0, "chineseCounting", "%1、") + level(1, "decimal", "%1.%2", "<w:isLgl/>")
    body = item("项") + item("项", at=1)
    assert text_of(body, numbering=numbering(levels, "")).split("\n\n") == ["一、项", "1.1 项\n"]


def test_a_list_may_be_that_of_a_list_style() -> None:
    kinds = (
        '<w:abstractNum w:abstractNumId="7"><w:numStyleLink w:val="s"/></w:abstractNum>'
        '<w:abstractNum w:abstractNumId="8"><w:styleLink w:val="s"/>'
        f"{level(0, 'chineseCounting', '%1、')}</w:abstractNum>"
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    )
    assert text_of(item("甲") + item("乙"), numbering=kinds) == "一、甲\n\n二、乙\n"


def test_numbered_cells_show_their_numbers_and_count() -> None:
    kinds = numbering(level(0, "decimal", "%1."), "")
    body = item("前") + table(*(f"<w:tr><w:tc>{item('')}</w:tc>{cell('甲')}</w:tr>",) * 2)
    assert text_of(body + item("后"), numbering=kinds) == "1.前\n\n2. | 甲\n3. | 甲\n\n4.后\n"


def test_list_and_level_of_a_paragraph_may_come_from_different_places() -> None:
    levels = level(0, "decimal", "%1.") + level(1, "decimal", "%1.%2")
    style = (
        '<w:style w:type="paragraph" w:styleId="s"><w:name w:val="s"/>'
        '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    )
    styled = '<w:p><w:pPr><w:pStyle w:val="s"/>{}</w:pPr>' + run("项") + "</w:p>"
    deeper = '<w:numPr><w:ilvl w:val="1"/></w:numPr>'
    body = styled.format("") + styled.format(deeper)
    assert text_of(body, numbering=numbering(levels, ""), styles=style) == "1.项\n\n1.1 项\n"


def math(words: str) -> str:
    return f"<m:r><m:t>{words}</m:t></m:r>"


def test_formulas_are_read_along_their_line() -> None:
    brackets = f"<m:d><m:dPr/><m:e>{math('本年-上年')}</m:e></m:d>"
    fraction = f"<m:f><m:num>{brackets}</m:num><m:den>{math('上年')}</m:den></m:f>"
    body = p(run("增长率为") + f"<m:oMath>{fraction}{math('×100%')}</m:oMath>" + run("。"))
    assert text_of(body) == "增长率为(本年-上年)/上年×100%。\n"


def test_formulas_have_the_brackets_they_name() -> None:
    named = '<m:dPr><m:begChr m:val="["/><m:sepChr m:val=","/><m:endChr m:val=""/></m:dPr>'
    pair = f"<m:d>{named}<m:e>{math('0')}</m:e><m:e>{math('1')}</m:e></m:d>"
    assert text_of(p(f"<m:oMath>{pair}</m:oMath>")) == "[0,1\n"


def test_emoji_are_read_where_word_gives_them_for_other_programs() -> None:
    emoji = (
        "<w:r><mc:AlternateContent><mc:Choice><w:sym/></mc:Choice>"
        "<mc:Fallback><w:t>😀</w:t></mc:Fallback></mc:AlternateContent></w:r>"
    )
    assert text_of(p(run("前") + emoji + run("后"))) == "前😀后\n"


def test_hidden_words_are_left_out_as_deleted_ones_are() -> None:
    hidden = "<w:r><w:rPr><w:vanish{}/></w:rPr><w:t>{}</w:t></w:r>"
    body = p(run("甲") + hidden.format("", "藏") + hidden.format(' w:val="0"', "乙"))
    assert text_of(body) == "甲乙\n"


def test_a_deleted_item_of_a_list_does_not_count() -> None:
    numbered = '<w:numPr><w:numId w:val="1"/></w:numPr><w:rPr><w:del/></w:rPr>'
    deleted = f"<w:p><w:pPr>{numbered}</w:pPr><w:del>{run('删')}</w:del></w:p>"
    kinds = numbering(level(0, "decimal", "%1."), "")
    assert text_of(item("甲") + deleted + item("乙"), numbering=kinds) == "1.甲\n\n2.乙\n"


BOX = "<box/>"  # stands for a text box, whose words come twice in the file
WRAPPED = st.sampled_from(
    [
        "{}",
        "<w:ins>{}</w:ins>",
        "<w:hyperlink>{}</w:hyperlink>",
        "<w:smartTag>{}</w:smartTag>",
        "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>",
        "<w:fldSimple>{}</w:fldSimple>",
        "<w:moveTo>{}</w:moveTo>",
    ]
)
RUNS = st.sampled_from(
    [
        run("@"),
        math("@"),
        BOX,
        f"<w:r><w:ruby><w:rt>{run('x')}</w:rt><w:rubyBase>{run('@')}</w:rubyBase></w:ruby></w:r>",
    ]
)
BLOCKS = st.recursive(
    st.builds(lambda wrap, inner: p(wrap.format(inner)), WRAPPED, RUNS),
    lambda inner: st.one_of(
        inner.map(controlled),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda cells: table(f"<w:tr>{''.join(f'<w:tc>{c}</w:tc>' for c in cells)}</w:tr>")
        ),
    ),
)


@given(BLOCKS)
@settings(max_examples=200)
def test_every_word_of_a_file_is_read_once_and_in_order(body: str) -> None:
    """Whatever it is wrapped in."""
    numbers = itertools.count(1)

    def named(found: re.Match[str]) -> str:
        words = f"词{next(numbers)}。"
        return box(words) if found[0] == BOX else words

    named_body = re.sub(f"@|{BOX}", named, body)
    wanted = [f"词{number}。" for number in range(1, next(numbers))]
    assert re.findall(r"词\d+。", text_of(named_body)) == wanted
