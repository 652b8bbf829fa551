"""Queries of many threads: encoded together when they come together, once when they are equal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index import sharing
from index.encoder import Encoded, Side
from index.sharing import SharingEncoder
from tests.fakes import HashEncoder
from tests.waiting import wait_for


class Slow(HashEncoder):
    """Holds its first forward until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.free = threading.Event()

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        self.batches.append(list(texts))
        assert self.free.wait(10)
        if "坏" in texts:
            raise RuntimeError("no such word")
        return super().encode(texts, side)


def test_a_query_alone_is_encoded_at_once_and_then_known() -> None:
    inner = HashEncoder()
    encoder = SharingEncoder(inner)
    [first] = encoder.encode(["工会"], "query")
    [second] = encoder.encode(["工会"], "query")
    assert second is first
    assert inner.calls == [("query", 1)]
    assert (encoder.name, encoder.dim) == (inner.name, inner.dim)


def test_those_that_come_during_a_forward_share_the_next() -> None:
    inner = Slow()
    encoder = SharingEncoder(inner)
    texts = ["甲", "乙", "丙", "丙", "丁"]
    with ThreadPoolExecutor(len(texts)) as pool:
        asked = [pool.submit(encoder.encode, [texts[0]], "query")]
        wait_for(lambda: inner.batches == [["甲"]])
        asked += [pool.submit(encoder.encode, [text], "query") for text in texts[1:]]
        wait_for(lambda: sorted(encoder._waiting) == sorted(["乙", "丙", "丁"]))
        inner.free.set()
        found = [each.result()[0] for each in asked]
    assert sorted(inner.batches[1]) == sorted(["乙", "丙", "丁"])
    assert len(inner.batches) == 2
    for text, encoded in zip(texts, found, strict=True):
        [alone] = HashEncoder().encode([text], "query")
        assert np.array_equal(encoded.vector, alone.vector)


def test_as_many_forwards_run_at_once_as_the_encoder_has_use_for() -> None:
    inner = Slow()
    inner.forwards = 2
    encoder = SharingEncoder(inner)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(encoder.encode, [text], "query") for text in "甲乙丙丁"]
        wait_for(lambda: len(inner.batches) == 2 and len(encoder._waiting) == 2)
        inner.free.set()
        assert all(len(each.result()) == 1 for each in asked)
    assert sorted(map(len, inner.batches)) == [1, 1, 2]


def test_more_queries_than_go_into_one_forward_are_all_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "_TOGETHER", 2)
    inner = Slow()
    encoder = SharingEncoder(inner)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(encoder.encode, [text], "query") for text in "甲乙丙丁戊己庚辛"]
        wait_for(lambda: len(encoder._waiting) == 7)
        inner.free.set()
        assert all(len(each.result(10)) == 1 for each in asked)
    assert [len(batch) for batch in inner.batches] == [1, 2, 2, 2, 1]
    assert not encoder._asked


def test_an_error_reaches_those_who_asked_and_is_not_remembered() -> None:
    inner = Slow()
    inner.free.set()
    encoder = SharingEncoder(inner)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no such word"):
            encoder.encode(["坏"], "query")
    assert len(encoder.encode(["好"], "query")) == 1
    assert inner.batches == [["坏"], ["坏"], ["好"]]


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_REMEMBERED", 2)
    inner = HashEncoder()
    encoder = SharingEncoder(inner)
    for text in ("甲", "乙", "甲", "丙", "甲", "乙"):
        encoder.encode([text], "query")
    assert len(inner.calls) == 4


def test_documents_pass_through() -> None:
    inner = HashEncoder()
    SharingEncoder(inner).encode(["甲", "甲"], "document")
    assert inner.calls == [("document", 2)]
