"""What holds for every text whatever: nothing lost, nothing twice, nothing changed."""

from __future__ import annotations

import itertools
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kb.blocks import BLANK, is_wide, split
from kb.clauses import cut_clauses
from kb.joining import join_broken
from kb.numbering import han, read_label
from kb.outline import outline
from kb.passages import cut
from kb.reading import Reading, SourceHeading
from kb.types import Document, Span

PIECES = st.sampled_from(
    [
        "●过去五年:全力履职●",
        "第一章　总则",
        "第一条 为了保障工会的地位，制定本法。",
        "一、2024年工作回顾",
        "（一）加强思想引领。坚持学习。",
        "1.健全机制",
        "（1）项目；",
        "一是坚定信心。二是真抓实干。",
        "# Heading",
        "健全维权机制。坚持“维权向前一步”，深化集体协商、民主管理、法律监督、劳动",
        "保护等工作机制，构建维权体系。全面推进集体协商。",
        "区总工会举办劳模表彰大会现场",
        "□韩悦",
        "——五年工作回顾",
        "𠮷野家与😀",
        "A quiet sentence, of 1,000.5 words. Another one follows!",
        "，，，",
        "……",
        "\u3000\u3000缩进的一段，写得很长很长。",
        "\u200b",
        "\ufeff一、成绩\u200b",
        "文" * 700,
        "句子，" * 300,
        "\t",
        "",
        "\n\n\n",
        " ",
    ]
)
TEXTS = st.one_of(
    st.lists(st.tuples(PIECES, st.sampled_from(["\n", "\n\n", "\n\n\n\n", ""])), max_size=25).map(
        lambda parts: "".join(piece + gap for piece, gap in parts)
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=200),
)

MARKS = st.integers(0, 50)


def document(text: str, marks: int = 0) -> Document:
    """The document of a text; `marks` drives which of its blocks the source is made to mark."""
    blocks = split(text)
    dice = Random(marks)
    chosen = [block for block in blocks if marks and dice.random() < 0.3]
    reading = Reading(
        text,
        headings=tuple(SourceHeading(b.span, dice.randrange(4)) for b in chosen[::3]),
        strong=tuple(Span(b.start, b.start + dice.randint(1, len(b.text))) for b in chosen[1::3]),
        captions=tuple(b.span for b in chosen[2::3]),
        styled=dice.random() < 0.5,
    )
    found = outline(reading, "name")
    return Document("d", "d.txt", found.title, text, found.sections, "")


def white_free(text: str) -> str:
    return "".join(char for char in text if char not in BLANK)


@given(TEXTS, MARKS)
@settings(max_examples=300)
def test_every_non_white_character_is_in_one_passage_or_one_heading_of_its_own_line(
    text: str, marks: int
) -> None:
    doc = document(text, marks)
    owned = [0] * len(text)
    spans = [Span(p.start, p.end) for p in cut(doc)]
    headings = (s for s in doc.outline if s.heading and s.kind in {"part", "section"})
    bare = [s for s in headings if s.heading and s.heading.end < s.end and not is_wide(s.title)]
    spans += [s.heading for s in bare if s.heading]
    for start, end in spans:
        for at in range(start, end):
            owned[at] += 1
    assert [n for n, c in zip(owned, text, strict=True) if c not in BLANK] == [1] * len(
        white_free(text)
    )


@given(TEXTS)
@settings(max_examples=200)
def test_passages_and_clauses_quote_the_text(text: str) -> None:
    for passage in cut(document(text)):
        assert passage.text == text[passage.start : passage.end]
        assert passage.text == passage.text.strip() != ""
        clauses = passage.clauses
        assert all(c.text == text[c.start : c.end] for c in clauses)
        assert white_free("".join(c.text for c in clauses)) == white_free(passage.text)
        assert [c.start for c in clauses] == sorted(c.start for c in clauses)


@given(TEXTS, MARKS)
@settings(max_examples=200)
def test_no_passage_crosses_a_section(text: str, marks: int) -> None:
    doc = document(text, marks)
    bounds = {s.heading.start for s in doc.outline if s.heading}
    for passage in cut(doc):
        assert not any(passage.start < bound < passage.end for bound in bounds)


@given(TEXTS)
@settings(max_examples=200)
def test_ids_are_stable_and_no_two_are_the_same(text: str) -> None:
    ids = [passage.id for passage in cut(document(text))]
    assert ids == [passage.id for passage in cut(document(text))]
    assert len(ids) == len(set(ids))


@given(TEXTS)
@settings(max_examples=200)
@example("、\n\n甲，乙，丙。" * 4)
def test_joining_is_idempotent_and_changes_nothing_but_white_space(text: str) -> None:
    joined = join_broken(text)
    assert join_broken(joined) == joined
    assert white_free(joined) == white_free(text)


@given(TEXTS, MARKS)
@settings(max_examples=200)
def test_outline_spans_are_in_order_and_inside_the_text(text: str, marks: int) -> None:
    for section in document(text, marks).outline:
        assert 0 <= section.start < section.end <= len(text)
        spans = [*([section.heading] if section.heading else []), *section.body]
        assert spans == sorted(spans)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
        assert section.start <= spans[0].start
        assert spans[-1].end <= section.end


@given(st.text("文字，、。,.; ”1", max_size=400))
@settings(max_examples=300)
def test_no_clause_is_cut_inside_a_number(text: str) -> None:
    clauses = cut_clauses(text, [Span(0, len(text))])
    for clause in clauses[:-1]:
        around = text[clause.end - 2 : clause.end + 1]
        assert not (len(around) == 3 and around[0] == "1" == around[2] and around[1] in ",.")


@given(st.integers(1, 9_999))
def test_a_number_written_in_characters_is_read_as_itself(number: int) -> None:
    label = read_label(f"第{han(number)}章")
    assert label is not None
    assert label.ordinal == number
