"""Generations take each other's place whole, and there is a way back."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import pytest
from filelock import FileLock

from index import generation, sealed
from index.build import build
from index.home import Home
from index.store import VERSION
from kb.errors import IndexDamaged, IndexMissing, NoEarlierGeneration, RebuildRunning
from tests.fakes import HashEncoder

A, B, C, D = (f"2026010{day}T000000Z-abcdef" for day in range(1, 5))


def _put(home: Home, *names: str, current: str | None = None) -> None:
    """Small generations, one of them current."""
    home.generations.mkdir(parents=True, exist_ok=True)
    for name in names:
        draft = sealed.draft(generation.folder(home, name))
        (draft / "file").write_text(name)
        sealed.seal(draft, {"version": VERSION})
        sealed.move(draft, generation.folder(home, name))
    if current is not None:
        sealed.replace_text(home.current, current + "\n")


def _spoil(home: Home, name: str) -> Path:
    file = generation.folder(home, name) / "file"
    file.write_text("x")
    return file


def _publish(home: Home, name: str) -> None:
    draft = sealed.draft(generation.folder(home, name))
    (draft / "file").write_text(name)
    sealed.seal(draft, {"version": VERSION})
    generation.publish(home, draft, name)


def test_no_current_is_none_and_nonsense_is_damage(home: Home) -> None:
    """`CURRENT` cannot lead out of the folder of generations either."""
    assert generation.current(home) is None
    for text in ("", "nonsense", "../../etc", f"{A}/..", f"{A}\n{B}", "\0"):
        home.current.write_text(text)
        with pytest.raises(IndexDamaged, match="it does not name a generation"):
            generation.current(home)
    home.current.unlink()
    home.current.mkdir()
    with pytest.raises(IndexDamaged, match="it cannot be read: Is a directory"):
        generation.current(home)


def test_the_best_other_is_the_one_before(home: Home) -> None:
    """Newer ones come last: they were taken back, or never became current."""
    _put(home, A, B, C, D, current=C)
    assert generation.names(home) == [D, C, B, A]
    assert generation.others(home) == [B, A, D]
    home.current.unlink()
    assert generation.others(home) == [D, C, B, A]


def test_two_generations_are_kept(home: Home) -> None:
    """The new one and the one that it follows."""
    home.generations.mkdir()
    for name in (A, B, C):
        _publish(home, name)
        assert generation.current(home) == name
    assert generation.names(home) == [C, B]


def test_a_damaged_predecessor_is_not_kept(home: Home) -> None:
    """The way back leads to a generation that is whole."""
    _put(home, A, B, current=B)
    _spoil(home, B)
    _publish(home, C)
    assert generation.names(home) == [C, A]
    assert generation.rollback(home) == A


def test_builds_that_died_do_not_push_out_the_current(home: Home) -> None:
    """Killed just before they became current, again and again: it stays, and they go."""
    _put(home, A, B, C, current=A)
    generation.sweep(home)
    assert A in generation.names(home)
    assert len(generation.names(home)) == 2
    _put(home, D)
    generation.sweep(home)
    assert A in generation.names(home)
    assert len(generation.names(home)) == 2
    sealed.replace_text(home.current, "nonsense")
    generation.sweep(home)
    assert A in generation.names(home)


def test_leftovers_of_a_dead_build_go(home: Home) -> None:
    """Drafts of a generation, of `CURRENT` and of the documents folder."""
    _put(home, A, B, current=B)
    sealed.draft(generation.folder(home, C))
    sealed.draft(home.documents)
    (home.root / ".CURRENT.01234567.draft").write_text("half")
    _put(home, C)
    generation.sweep(home)
    assert sorted(path.name for path in home.generations.iterdir()) == [A, B]
    assert sorted(path.name for path in home.root.iterdir()) == [
        "CURRENT", "documents", "generations",
    ]  # fmt: skip


def test_what_cannot_become_current_is_removed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """If `CURRENT` cannot be replaced, nothing has happened."""

    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    _put(home, A, current=A)
    monkeypatch.setattr(sealed, "replace_text", refuse)
    with pytest.raises(OSError, match="No space left"):
        _publish(home, B)
    assert generation.names(home) == [A]
    assert generation.current(home) == A


def test_what_did_become_current_is_not_removed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after the replacement leaves the new one serving."""

    def refuse(path: Path) -> None:
        if path == home.root:
            raise OSError(5, "Input/output error")

    _put(home, A, current=A)
    monkeypatch.setattr(sealed, "sync", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        _publish(home, B)
    assert generation.current(home) == B
    assert sealed.verify(generation.folder(home, B))["folder"] == B


def test_rollback_goes_back_and_forth(home: Home) -> None:
    """To the one before, and from there to the one after."""
    _put(home, A, B, current=B)
    assert [generation.rollback(home) for _ in range(3)] == [A, B, A]
    assert generation.current(home) == A


def test_rollback_passes_over_what_is_damaged(home: Home) -> None:
    """And names it where nothing else is left."""
    _put(home, A, B, C, current=C)
    _spoil(home, B)
    assert generation.rollback(home) == A
    file = _spoil(home, C)
    with pytest.raises(IndexDamaged) as caught:
        generation.rollback(home)
    assert caught.value.file == file
    assert generation.current(home) == A


def test_rollback_mends_a_broken_current(home: Home) -> None:
    """Where `CURRENT` is nonsense or gone the newest whole one becomes current."""
    _put(home, A, B)
    home.current.write_text("nonsense")
    assert generation.rollback(home) == B
    home.current.unlink()
    _spoil(home, B)
    assert generation.rollback(home) == A


def test_rollback_needs_another_generation(home: Home) -> None:
    """None and only one are told apart."""
    with pytest.raises(IndexMissing):
        generation.rollback(home)
    _put(home, A, current=A)
    with pytest.raises(NoEarlierGeneration) as caught:
        generation.rollback(home)
    assert str(caught.value) == (
        f"only one generation is kept in {home.root}: change the documents and run 'kb build'"
    )


def test_rollback_waits_for_no_build(home: Home) -> None:
    """While one runs it is refused: the build would sweep away what was chosen."""
    _put(home, A, B, current=B)
    with FileLock(home.lock), pytest.raises(RebuildRunning):
        generation.rollback(home)
    assert generation.current(home) == B


def test_a_clock_that_goes_back_makes_nothing_older(
    home: Home, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is built then is newest, serves, and is what a lost CURRENT and a way back lead to."""

    class Back(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(1999, 12, 31, tzinfo=tz)

    first = build(home, encoder).generation
    monkeypatch.setattr(generation, "datetime", Back)
    second, third = (build(home, encoder).generation for _ in range(2))
    assert first < second < third
    assert generation.names(home) == [third, second]
    assert generation.current(home) == third
    home.current.write_text("nonsense")
    assert generation.others(home) == [third, second]
    assert generation.rollback(home) == third
    assert generation.rollback(home) == second
    assert sealed.read(generation.folder(home, third))["built_at"] > "2000"


@pytest.mark.parametrize("name", ["99999999T999999Z-abcdef", "20990101T000000Z-ffffff"])
def test_any_name_can_be_followed(name: str) -> None:
    """One that is no date, and one from the future with more microseconds than a second has."""
    made = generation.new_name([name, A])
    assert (made > name) is (name[:4] == "2099")
    assert made > A


def test_the_name_sorts_by_time(home: Home, encoder: HashEncoder) -> None:
    """Within a second too; and the manifest carries it."""
    names = [generation.new_name() for _ in range(100)]
    assert [name[:-1] for name in names] == sorted(name[:-1] for name in names)
    first, second = (build(home, encoder).generation for _ in range(2))
    assert first < second
    assert sealed.read(generation.folder(home, second))["folder"] == second
