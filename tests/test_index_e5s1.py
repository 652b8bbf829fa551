"""The packaged model's data file is read exactly, or refused."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from index.e5s1 import Pieces, Shape, dequantise, read

HIDDEN, FEED_FORWARD = 32, 64
PIECES = (("<s>", 0.0), ("<pad>", -1.0), ("</s>", 0.5), ("<unk>", -2.5), ("▁工会", -3.25))
NORMALISATION = {"Ａ": "A", "㎡": "m2", "\u200b": ""}


def q4_0(scale: float, weights: list[int]) -> bytes:
    """One block as ggml writes it: weight j in a low nibble, weight j + 16 in the high one."""
    nibbles = [weight + 8 for weight in weights]
    packed = bytes(nibbles[j] | nibbles[j + 16] << 4 for j in range(16))
    return struct.pack("<e", scale) + packed


RAMP = [j % 16 - 8 for j in range(32)]
ROW = q4_0(0.5, RAMP)  # -4, -3.5, .. 3.5, twice
TENSORS = {
    "emb.word": (1, 64, ROW + q4_0(-2.0, RAMP)),
    "emb.ln.w": (0, 32, struct.pack("<32f", *range(32))),
    "l0.fo.w": (1, 128, ROW * 4),
}


def container(tensors: Mapping[str, tuple[int, int, bytes]] = TENSORS, version: int = 1) -> bytes:
    """A tiny but whole E5S1 file."""
    blobs = [text.encode() for text, _ in PIECES]
    ends = np.cumsum([0, *map(len, blobs)])
    entries = b"".join(
        struct.pack(f"<IB{len(to)}I", ord(point), len(to), *map(ord, to))
        for point, to in NORMALISATION.items()
    )
    head = b"".join(
        [
            b"E5S1",
            struct.pack("<I", version),
            struct.pack("<7ifi", HIDDEN, 1, 4, FEED_FORWARD, 2, 512, 2, 1e-12, 32),
            struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1])),
            struct.pack(f"<{len(ends)}I", *ends.tolist()),
            struct.pack(f"<{len(PIECES)}f", *(score for _, score in PIECES)),
            *blobs,
            struct.pack("<iI", len(NORMALISATION), len(entries)),
            entries,
            struct.pack("<i", len(tensors)),
        ]
    )
    directory_size = sum(2 + len(name) + 1 + 4 + 8 + 8 for name in tensors)
    at = len(head) + directory_size
    directory = b""
    for name, (kind, elements, data) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, elements, at, len(data))
        at += len(data)
    return head + directory + b"".join(data for _, _, data in tensors.values())


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "model.bin"
    path.write_bytes(data)
    return path


def test_a_whole_file_is_read_to_the_last_weight(tmp_path: Path) -> None:
    found = read(saved(tmp_path, container()))
    assert found.shape == Shape(HIDDEN, 1, 4, FEED_FORWARD, 2, 512, 2, 1e-12)
    assert found.pieces == Pieces(PIECES, 0, 2, 1, 3, NORMALISATION)
    ramp = np.array(RAMP, np.float32)
    assert found.weights["emb.word"].tolist() == [(ramp * 0.5).tolist(), (ramp * -2).tolist()]
    assert found.weights["emb.ln.w"].tolist() == list(range(32))
    assert found.weights["l0.fo.w"].shape == (2, FEED_FORWARD)
    assert {weights.dtype for weights in found.weights.values()} == {np.dtype(np.float32)}


def test_a_block_is_unpacked_as_ggml_packs_it() -> None:
    block = struct.pack("<e", 0.25) + bytes([0x0F, 0xF0, *[0x88] * 14])
    weights = dequantise(memoryview(block)).tolist()
    assert weights == [1.75, -2.0, *[0.0] * 14, -2.0, 1.75, *[0.0] * 14]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = container()
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="E5S1 file"):
            read(saved(tmp_path, whole[:length]))


@pytest.mark.parametrize(
    "data",
    [b"", b"E5S1", b"GGUF" + container()[4:], container(version=2)],
    ids=["empty", "magic alone", "another format", "another version"],
)
def test_what_is_no_such_file_says_so(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="not an E5S1 file of version 1"):
        read(saved(tmp_path, data))


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (40, struct.pack("<i", 64), "only blocks of 32"),
        (44, struct.pack("<i", -7), ""),
        (44, struct.pack("<i", 2**31 - 1), ""),
        (64, struct.pack("<Q", 2**63), ""),
    ],
    ids=["block size", "negative count", "huge count", "huge blob"],
)
def test_numbers_that_make_no_sense_are_refused(
    tmp_path: Path, at: int, value: bytes, reason: str
) -> None:
    data = container()
    with pytest.raises(ValueError, match=f"cut short or damaged.*{reason}"):
        read(saved(tmp_path, data[:at] + value + data[at + len(value) :]))


def test_a_tensor_of_another_size_than_stated_is_named(tmp_path: Path) -> None:
    data = container({**TENSORS, "emb.ln.w": (0, 31, TENSORS["emb.ln.w"][2])})
    with pytest.raises(ValueError, match=r"tensor emb\.ln\.w has 32 weights, not 31"):
        read(saved(tmp_path, data))


def test_a_code_point_beyond_unicode_is_refused(tmp_path: Path) -> None:
    data = container().replace(struct.pack("<I", ord("Ａ")), b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="damaged"):
        read(saved(tmp_path, data))
