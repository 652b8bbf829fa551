"""Spans become pieces of plain text, and never markup."""

from __future__ import annotations

from itertools import pairwise

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from index.hits import Mark
from kb.types import Span
from web import i18n
from web.highlight import Piece, Run, clip, cuts, matched_words, runs

spans = st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)).map(lambda s: Span(*s)))


def marks(*pairs: tuple[int, int]) -> list[Mark]:
    return [Mark(start, end, 1.0) for start, end in pairs]


def test_runs_nest_marks_in_evidence() -> None:
    """A mark that runs out of the evidence is divided at its edge."""
    assert runs("建立暖心驿站和家", 0, 8, evidence=[Span(2, 6)], marks=marks((4, 7))) == (
        Run(False, (Piece("建立", False),)),
        Run(True, (Piece("暖心", False), Piece("驿站", True))),
        Run(False, (Piece("和", True), Piece("家", False))),
    )


def test_runs_take_spans_of_the_document_for_a_passage() -> None:
    """With an origin, the text is a passage and the spans stay those of the document."""
    assert runs("驿站1269家", 100, 107, evidence=[Span(102, 106)], origin=100) == (
        Run(False, (Piece("驿站", False),)),
        Run(True, (Piece("1269", False),)),
        Run(False, (Piece("家", False),)),
    )


def test_runs_count_code_points() -> None:
    """A character beyond the basic plane is one, as in the document's spans."""
    assert runs("😀工会", 0, 3, evidence=[Span(1, 3)])[1].text == "工会"


@given(st.text(max_size=30), spans, spans)
def test_runs_joined_are_the_text(text: str, evidence: list[Span], marked: list[Span]) -> None:
    """Whatever the spans, no character is lost, doubled or moved."""
    found = runs(text, 0, len(text), evidence=evidence, marks=marks(*marked))
    assert "".join(run.text for run in found) == text


@given(spans, st.integers(0, 10), st.integers(10, 30))
def test_clipped_spans_are_apart_and_inside(given_spans: list[Span], start: int, end: int) -> None:
    """Clipping leaves ordered spans within bounds that neither overlap nor touch."""
    clipped = clip(given_spans, start, end)
    assert all(start <= span.start < span.end <= end for span in clipped)
    assert all(one.end < other.start for one, other in pairwise(clipped))


def test_cuts_divide_at_every_edge() -> None:
    """Edges of all layers count, those outside do not."""
    assert list(cuts(2, 9, [Span(0, 4)], [Span(4, 6), Span(8, 20)])) == [
        Span(2, 4),
        Span(4, 6),
        Span(6, 8),
        Span(8, 9),
    ]


def test_matched_words_are_strongest_first_and_once() -> None:
    """A word that is marked twice is named once."""
    found = [Mark(0, 2, 0.2), Mark(2, 4, 0.9), Mark(4, 6, 0.2)]
    assert matched_words("工会驿站工会", found) == ("驿站", "工会")


def test_text_is_escaped_between_the_tags() -> None:
    """A document's own closing mark, script or template syntax stays text."""
    app = Flask("web")
    i18n.init_app(app)
    text = "a</mark><script>x</script>{{7*7}}"
    macros = app.jinja_env.get_template("_macros.html").module
    printed = macros.text(runs(text, 0, len(text), evidence=[Span(1, 8)]))  # type: ignore[attr-defined]
    assert str(printed) == (
        'a<mark class="evidence">&lt;/mark&gt;</mark>&lt;script&gt;x&lt;/script&gt;{{7*7}}'
    )
