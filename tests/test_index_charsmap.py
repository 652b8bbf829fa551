"""The normalisation map survives its form as a double array."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from index import charsmap, e5s1, model
from index.charsmap import compile_charsmap


def mapped(table: dict[str, str], text: str) -> str:
    """What the tokenizers library makes of `text` with the compiled map."""
    return str(normalizers.Precompiled(compile_charsmap(table)).normalize_str(text))


def test_every_entry_of_the_packaged_model_comes_back() -> None:
    table = e5s1.read(model._packaged_file()).pieces.normalisation
    assert len(table) == 4837
    normalizer = normalizers.Precompiled(compile_charsmap(table))
    assert {key: normalizer.normalize_str(key) for key in table} == table


# one code point to a few; NUL ends a key in this form, and no text here holds one
@given(
    st.dictionaries(
        st.characters(exclude_categories=["Cs"], min_codepoint=1),
        st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1), max_size=3),
        min_size=1,
        max_size=40,
    )
)
def test_any_map_of_single_code_points_comes_back(table: dict[str, str]) -> None:
    assert {key: mapped(table, key) for key in table} == table


def test_what_the_map_does_not_hold_stays() -> None:
    assert mapped({"Ａ": "a", "㎡": "m2"}, "ＡB㎡工会😀") == "aBm2工会😀"


def test_a_map_that_outgrows_the_array_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charsmap, "_OFFSET_LIMIT", 256)
    with pytest.raises(ValueError, match="too large"):
        compile_charsmap({"Ａ": "a"})
