"""An index that was copied is compared to the last bit, and one that differs is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.build import build
from index.copying import compare, copy
from index.encodings import CLAUSES
from index.home import Home
from index.store import PassageVectors, Reader
from index.stores import open_current, store_of
from index.vectors import write_vectors
from kb.errors import IndexDamaged
from kb.library import Skipped
from kb.types import Passage
from tests.fakes import HashEncoder

ALTERED = 3  # the row of a passage with two clauses


@pytest.fixture(scope="module")
def reader(module_home: Home) -> Iterator[Reader]:
    """Over the mini reports."""
    build(module_home, HashEncoder())
    with closing(open_current(store_of(module_home), HashEncoder())) as opened:
        yield opened


class Altered:
    """A reader of which one passage, or what it belongs to, is another."""

    def __init__(self, reader: Reader, **changes: Callable[[Any], Any]) -> None:
        self._reader = reader
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    @property
    def contents(self) -> object:
        return self._changed("contents", self._reader.contents)

    def passages(self, first: int, last: int) -> list[Passage]:
        found = list(self._reader.passages(first, last))
        return [self._at("passage", first + i, each) for i, each in enumerate(found)]

    def vectors(self, rows: range) -> Iterator[PassageVectors]:
        for row, each in zip(rows, self._reader.vectors(rows), strict=True):
            yield self._at("vectors", row, each)

    def _at(self, what: str, row: int, found: Any) -> Any:
        return self._changed(what, found) if row == ALTERED else found

    def _changed(self, what: str, found: Any) -> Any:
        return self._changes[what](found) if what in self._changes else found


def nudged(holder: Any, name: str) -> Any:
    """The same with one bit of an array another."""
    array = np.array(getattr(holder, name))
    array.view(np.uint8).reshape(-1)[-1] ^= 1
    return replace(holder, **{name: array})


def test_an_index_is_the_same_as_itself(reader: Reader) -> None:
    compare(reader, reader)
    compare(reader, Altered(reader))  # type: ignore[arg-type]


def of_tokens(name: str) -> Callable[[PassageVectors], PassageVectors]:
    return lambda found: replace(found, tokens=nudged(found.tokens, name))


def of_last_clause(name: str) -> Callable[[PassageVectors], PassageVectors]:
    def changed(found: PassageVectors) -> PassageVectors:
        *others, last = found.clause_tokens
        return replace(found, clause_tokens=(*others, nudged(last, name)))

    return changed


CHANGES: dict[str, Callable[[PassageVectors], PassageVectors]] = {
    "clause vectors": lambda found: nudged(found, "clauses"),
    **{f"{name} of a passage": of_tokens(name) for name in ("codes", "scales", "spans")},
    **{f"{name} of a clause": of_last_clause(name) for name in ("codes", "scales", "spans")},
    "a clause fewer": lambda found: replace(found, clause_tokens=found.clause_tokens[:-1]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_one_bit_of_a_vector_makes_another_index(
    reader: Reader, change: Callable[[PassageVectors], PassageVectors]
) -> None:
    """Whichever of the two is compared with the other."""
    other = Altered(reader, vectors=change)
    for pair in ((reader, other), (other, reader)):
        with pytest.raises(IndexDamaged, match="passages 0-9 differ"):
            compare(*pair)


def test_a_passage_or_a_document_more_makes_another_index(reader: Reader) -> None:
    other = Altered(reader, passage=lambda passage: replace(passage, page=9))
    with pytest.raises(IndexDamaged, match="passages 0-9 differ"):
        compare(reader, other)  # type: ignore[arg-type]
    skipped = (Skipped("a.doc", "its type .doc is not supported"),)
    other = Altered(reader, contents=lambda contents: replace(contents, skipped=skipped))
    with pytest.raises(IndexDamaged, match="its documents are not those that were copied"):
        compare(reader, other)  # type: ignore[arg-type]


def test_a_copy_that_differs_is_not_published(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(home, HashEncoder()).generation
    there = Home(tmp_path / "there", home.documents)

    def spoil(draft: Path, *given: Any) -> None:
        write_vectors(draft, *given)
        rows = np.memmap(draft / CLAUSES / "rows.bin", "u1", "r+")
        rows[-1] ^= 1
        rows.flush()

    with monkeypatch.context() as patch:
        patch.setattr("index.copying.write_vectors", spoil)
        with pytest.raises(IndexDamaged, match="passages 0-9 differ"):
            copy(store_of(home), store_of(there))
    assert store_of(there).names() == []
    assert copy(store_of(home), store_of(there)) == made
    assert store_of(there).current() == made
