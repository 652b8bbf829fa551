"""The rebuilt tokenizer finds the pieces of the original, each in its place in the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from index import model, tokenizer
from index.e5s1 import Pieces
from index.tokenizer import Cut, Unigram

LONGEST = 512


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return model.packaged_checkpoint()[0].pieces


@pytest.fixture(scope="module")
def file(pieces: Pieces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    tokenizer.write(pieces, file)
    return file


@pytest.fixture(scope="module")
def unigram(file: Path) -> Unigram:
    return Unigram(file, LONGEST)


def cut(unigram: Unigram, pieces: Pieces, text: str) -> list[tuple[str, str]]:
    """Each piece and the characters it stands for, special tokens left out."""
    [found] = unigram.cut([text])
    marked = list(zip(found.ids, found.offsets, strict=True))
    assert [marked[0], marked[-1]] == [(pieces.bos, (0, 0)), (pieces.eos, (0, 0))]
    return [(pieces.scores[i][0], text[a:b]) for i, (a, b) in marked[1:-1]]


def test_tokens_are_those_of_the_original(unigram: Unigram, shared: Path) -> None:
    lines = (shared / "golden/tokens.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 265
    found = unigram.cut([record["text"] for record in records])
    differing = [r["text"] for r, each in zip(records, found, strict=True) if each.ids != r["ids"]]
    assert differing == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "东城区总工会",
            [("▁", ""), ("东", "东"), ("城区", "城区"), ("总", "总"), ("工会", "工会")],
        ),
        ("１㎡", [("▁1", "１"), ("m", "㎡"), ("2", "㎡")]),
        ("cafe\u0301", [("▁café", "cafe\u0301")]),
        ("a  会 ", [("▁a", "a"), ("▁", "  "), ("会", "会")]),
        ("\ufeff工", [("▁", ""), ("工", "工")]),
    ],
)
def test_a_piece_stands_for_the_characters_it_came_from(
    unigram: Unigram, pieces: Pieces, text: str, found: list[tuple[str, str]]
) -> None:
    assert cut(unigram, pieces, text) == found


@pytest.mark.parametrize("character", "㼁㭴ˋمόي〜～")
def test_a_character_that_the_map_does_not_hold_stays(
    unigram: Unigram, pieces: Pieces, character: str
) -> None:
    """A few of those that another form of the map has taken for others."""
    assert character not in pieces.normalisation
    rest = {"▁": "", "▁" + character: character, character: character, "<unk>": character}
    assert all(rest[piece] == told for piece, told in cut(unigram, pieces, character) if told)


def test_every_entry_of_the_packaged_map_counts(unigram: Unigram, pieces: Pieces) -> None:
    """A character and what the map makes of it are cut alike."""
    assert len(pieces.normalisation) == 4837
    one = unigram.cut([f"工{source}会" for source in pieces.normalisation])
    other = unigram.cut([f"工{target}会" for target in pieces.normalisation.values()])
    assert [each.ids for each in one] == [each.ids for each in other]


@pytest.mark.parametrize("text", [" ", "  ", "\n\u3000", "\u200b"])
def test_of_a_blank_text_a_space_is_left(unigram: Unigram, pieces: Pieces, text: str) -> None:
    assert cut(unigram, pieces, text) == [("▁", text)]


def test_a_text_that_is_too_long_ends_early(unigram: Unigram, pieces: Pieces) -> None:
    long = unigram.cut(["工会改革。" * 2000, "工会"])[0]
    assert len(long.ids) == len(long.offsets) == LONGEST
    assert (long.ids[-1], long.offsets[-1]) == (pieces.eos, (0, 0))


def test_no_text_gives_nothing(unigram: Unigram) -> None:
    assert unigram.cut([]) == []


def test_the_file_is_the_same_each_time(file: Path, pieces: Pieces, tmp_path: Path) -> None:
    tokenizer.write(pieces, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_nothing_is_said_while_it_is_written(
    pieces: Pieces, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tokenizer.write(pieces, tmp_path / "again")
    assert capfd.readouterr() == ("", "")


def test_the_id_for_padding_is_told(unigram: Unigram, pieces: Pieces) -> None:
    assert unigram.pad == pieces.pad == 1
    assert isinstance(unigram.cut(["工"])[0], Cut)
