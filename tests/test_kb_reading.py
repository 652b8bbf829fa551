"""Files into canonical text: encodings, line ends, refusals, joins."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from kb.errors import DocumentUnreadable
from kb.joining import join_broken
from kb.reading import Reading, read

TEXT = "一、工作回顾\n\n工会深入推进“两学一做”，服务职工30万人次，取得了明显成效。\n"


def text_of(data: bytes, name: str = "report.txt") -> str:
    return read(Path(name), data).text


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("gb18030"),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be-bom", "utf-16-le", "utf-16-be", "utf-32", "gb18030"],
)
def test_every_usual_encoding_gives_the_same_text(data: bytes) -> None:
    assert text_of(data) == TEXT


@pytest.mark.parametrize("words", ["工会", "劳动光荣", "2024年：工会经费2,573万元。", "镕𠮷"])
def test_the_shortest_gb18030_texts_are_read_as_chinese(words: str) -> None:
    assert text_of(words.encode("gb18030")) == words


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_line_ends_become_newlines(ends: str) -> None:
    assert text_of(TEXT.replace("\n", ends).encode()) == TEXT


def test_nothing_else_is_changed() -> None:
    odd = "从严治党 and 党风廉政建设,场所所建立\u3000\u200b　ＡＢＣ，①②㈠。\n\n"
    assert text_of(odd.encode()) == odd


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "no text"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary"),
        (bytes(range(256)), "binary|unknown"),
        (b"\xff\xfe\x00", "claims"),
        (b"\xef\xbb\xbf\xff", "claims"),
        (b"%PDF-1.4 \x80\x81\xff\xff\xff", "binary|unknown"),
        ("第一段，\n\0第二段。\n\n".encode(), "binary"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentUnreadable, match=reason) as caught:
        text_of(data)
    assert caught.value.path == Path("report.txt")
    assert str(caught.value).startswith("cannot read report.txt: ")


BROKEN = "区总工会围绕职工需求，拓展帮扶项目。今年以来，我们加大"
REST = "帮扶力度，唱响“四季歌”。投入410余万元。"


def test_a_paragraph_broken_by_the_layout_is_made_whole() -> None:
    assert join_broken(f"甲乙丙丁。\n\n{BROKEN}\n\n{REST}\n") == f"甲乙丙丁。\n\n{BROKEN}{REST}\n"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("坚持党的领导 铸牢理想信念", REST),
        ("一、拓展帮扶项目，加大帮扶力度", REST),
        ("尊敬的各位领导，", "现在我代表区总工会报告工作。"),
        ("Dear Sir,", "I am writing to you. Yours."),
        (BROKEN, "区总工会举办劳模表彰大会现场"),
        (BROKEN, "一、帮扶力度。投入410余万元。"),
        (BROKEN, "——帮扶力度。投入410余万元。"),
        (BROKEN, "\u3000\u3000帮扶力度。投入410余万元。"),
        (BROKEN + "（已删除）", REST),
        ("有下列情形之一，情节严重的，处以罚款：", "情形不限。另行规定。"),
        ("The union helps. This year, it has raised", "its efforts. It spent 4.1 million."),
    ],
)
def test_what_may_be_whole_is_never_joined(left: str, right: str) -> None:
    text = f"甲乙丙丁。\n\n{left}\n\n{right}\n"
    assert join_broken(text) == text


def test_a_wider_gap_is_no_layout_break() -> None:
    text = f"甲乙丙丁戊己庚辛壬癸。\n\n子丑寅卯辰巳午未申酉。\n\n{BROKEN}\n\n\n\n{REST}\n"
    assert join_broken(text) == text


def test_markdown_headings_come_with_their_levels() -> None:
    text = "# 报告\n\n正文。\n\n```\n# 不是标题\n```\n\n二级\n---\n\n- # 列表里的\n"
    reading = read(Path("a.md"), text.encode())
    found = [(reading.text[h.span.start : h.span.end], h.level) for h in reading.headings]
    assert found[:2] == [("# 报告", 1), ("二级\n---", 2)]


def test_a_page_in_an_encoding_with_half_characters_is_whole() -> None:
    assert text_of(b"<meta charset=utf-7><p>a+2AA-b</p>", "a.html") == "a+2AA-b\n"


def test_half_characters_are_marked_whichever_reader_lets_them_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    half = Reading("a\ud840b", title="\udc0b", author="\U0002000b")
    monkeypatch.setattr("kb.readers.plain.read", lambda *_: half)
    found = read(Path("a.txt"), b"a")
    assert found == Reading("a\ufffdb", title="\ufffd", author="\U0002000b")
