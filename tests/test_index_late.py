"""Token vectors are stored within a known error, and MaxSim is what the paper says it is."""

from __future__ import annotations

from collections.abc import Sequence
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.encoder import Encoded, Vectors, unit
from index.late import (
    Matches,
    Met,
    Rounded,
    Texts,
    Tokens,
    TokenStore,
    TokenWriter,
    late_matches,
    maxsims,
    quantised,
    rounded,
    similarities,
    stretches,
)

DIM = 16


def encoded(n: int, seed: int = 0, dim: int = DIM) -> Encoded:
    """A text of `n` tokens with random directions; spans lie end to end."""
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    spans = np.array([(i, i + 1) for i in range(n)], np.int32).reshape(n, 2)
    return Encoded(unit(np.ones(dim, np.float32)), unit(rows), spans)


def restored(tokens: Tokens) -> Vectors:
    """The vectors that the stored rows stand for."""
    return np.asarray(tokens.codes.astype(np.float32) * tokens.scales[:, None], np.float32)


def stored(folder: Path, texts: list[Tokens]) -> TokenStore:
    """Written to `folder` and opened again."""
    with TokenWriter(folder) as writer:
        for tokens in texts:
            writer.add(tokens)
    return TokenStore(folder, DIM)


def asked(query: Vectors) -> Vectors:
    """The vectors that a rounded query stands for."""
    whole = rounded(query)
    return np.asarray(whole.codes.astype(np.float32) * whole.steps[:, None], np.float32)


def matched(store: TokenStore, row: int, query: Vectors) -> Matches:
    """One text of a store against a query."""
    text = store.text(row)
    return Matches(similarities(text, rounded(query)), text.spans)


def maxsim(matches: Matches) -> float:
    """Of one text."""
    return float(maxsims(matches.cosines, np.array([len(matches.cosines)]))[0])


def maxsims_of(store: TokenStore, first: int, last: int, query: Vectors) -> Vectors:
    """The MaxSims of a range of texts, made of all their tokens end to end."""
    texts = store.gathered(np.array([first]), np.array([last]))
    return maxsims(similarities(texts.tokens, rounded(query)), texts.lengths)


def naive_maxsim(query: Vectors, texts: list[Vectors]) -> list[float]:
    """MaxSim word for word: each query token's best cosine in the text, their mean."""
    scores = []
    for text in texts:
        best = [max((float(q @ t) for t in text), default=0.0) for q in query]
        scores.append(sum(best) / len(best) if len(text) else 0.0)
    return scores


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_stored_component_is_off_by_half_a_step_at_most(n: int, seed: int) -> None:
    text = encoded(n, seed)
    tokens = quantised(text)
    assert tokens.codes.shape == (n, DIM)
    assert tokens.codes.dtype == np.int8
    half_step = np.abs(text.tokens).max(axis=1, initial=0.0) / 254
    assert (np.abs(restored(tokens) - text.tokens) <= half_step[:, None] * 1.001).all()
    assert np.array_equal(tokens.spans, text.spans)


def test_a_cosine_with_a_stored_vector_is_off_by_less_than_a_hundredth() -> None:
    text, query = encoded(200, dim=384), encoded(20, seed=1, dim=384).tokens  # as models have them
    exact = text.tokens @ query.T
    assert np.abs(similarities(quantised(text), rounded(query)) - exact).max() < 0.01


def test_a_zero_vector_stays_zero() -> None:
    rows, spans = np.zeros((2, DIM), np.float32), np.zeros((2, 2), np.int32)
    blank = Encoded(np.zeros(DIM, np.float32), rows, spans)
    assert restored(quantised(blank)).tolist() == np.zeros((2, DIM)).tolist()


@pytest.mark.parametrize("asked_by", [1, 6, 200])
@pytest.mark.parametrize("counts", [[5], [1, 1, 1], [3, 0, 4], [0, 2, 0, 0, 3, 0], [0], [0, 0]])
def test_maxsim_is_the_naive_loop(tmp_path: Path, counts: list[int], asked_by: int) -> None:
    texts = [quantised(encoded(n, seed)) for seed, n in enumerate(counts)]
    query = encoded(asked_by, seed=99).tokens
    store = stored(tmp_path / "tokens", texts)
    expected = pytest.approx(naive_maxsim(asked(query), [restored(t) for t in texts]), abs=1e-6)
    assert [maxsim(matched(store, row, query)) for row in range(len(counts))] == expected
    assert maxsims_of(store, 0, len(counts), query) == expected


def test_a_text_is_matched_as_it_is_stored(tmp_path: Path) -> None:
    texts = [quantised(encoded(n, seed)) for seed, n in enumerate([3, 0, 5, 1])]
    query = encoded(2, seed=99).tokens
    store = stored(tmp_path / "tokens", texts)
    for row in (2, 1, 0):
        matches = matched(store, row, query)
        exact = restored(texts[row]) @ asked(query).T
        assert matches.cosines == pytest.approx(exact, abs=1e-6)
        assert np.array_equal(matches.spans, texts[row].spans)


def test_maxsims_are_those_of_the_texts_one_by_one(tmp_path: Path) -> None:
    texts = [quantised(encoded(n, seed)) for seed, n in enumerate([3, 0, 5, 1, 0])]
    query = encoded(4, seed=99).tokens
    store = stored(tmp_path / "tokens", texts)
    one_by_one = [maxsim(matched(store, row, query)) for row in range(5)]
    assert one_by_one[1] == 0.0
    assert maxsims_of(store, 0, 5, query) == pytest.approx(one_by_one, abs=1e-6)
    assert maxsims_of(store, 1, 3, query) == pytest.approx(one_by_one[1:3], abs=1e-6)
    assert maxsims_of(store, 4, 5, query).tolist() == [0.0]
    assert maxsims_of(store, 2, 2, query).tolist() == []


def test_maxsim_of_a_query_without_tokens_is_zero(tmp_path: Path) -> None:
    store = stored(tmp_path / "tokens", [quantised(encoded(3))])
    nothing = np.zeros((0, DIM), np.float32)
    assert maxsim(matched(store, 0, nothing)) == 0.0
    assert maxsims_of(store, 0, 1, nothing).tolist() == [0.0]


def test_maxsim_reads_a_worked_example() -> None:
    cosines = np.array([[0.9, 0.1], [0.2, 0.5], [-0.3, -0.1]], np.float32)
    spans = np.array([[0, 2], [2, 3], [3, 6]], np.int32)
    matches = Matches(cosines, spans)
    assert maxsim(matches) == pytest.approx((0.9 + 0.5) / 2)
    assert stretches([matches], [[(3, 9)]])[0] == pytest.approx([(-0.3 - 0.1) / 2])


def test_a_stretch_has_the_tokens_that_overlap_it() -> None:
    spans = np.array([[0, 2], [2, 3], [3, 6], [6, 7]], np.int32)
    cosines = np.array([[0.1], [0.2], [0.4], [0.3]], np.float32)
    matches = Matches(cosines, spans)
    # what ends where a token begins, or holds none, has none
    wanted = {(1, 3): 0.2, (4, 5): 0.4, (7, 9): 0.0, (0, 7): 0.4, (6, 7): 0.3, (3, 3): 0.0}
    [found] = stretches([matches], [list(wanted)])
    assert found == pytest.approx(list(wanted.values()))
    # nothing of a neighbour, however far a stretch reaches
    nothing = Matches(cosines[:0], spans[:0])
    other = Matches(-cosines, spans)
    found, none, negative = stretches([matches, nothing, other], [[(6, 99)], [(0, 3), (3, 5)], []])
    assert found == pytest.approx([0.3])
    assert none.tolist() == [0.0, 0.0]
    assert negative.tolist() == []
    assert [each.tolist() for each in stretches([nothing], [[(0, 3)]])] == [[0.0]]


def test_texts_come_back_from_disk_as_they_were_added(tmp_path: Path) -> None:
    added = [quantised(encoded(n, seed)) for seed, n in enumerate([3, 0, 5, 1])]
    store = stored(tmp_path / "tokens", added)
    assert store.texts == 4
    for row, tokens in enumerate(added):
        found = store.text(row)
        assert np.array_equal(found.codes, tokens.codes)
        assert np.array_equal(found.scales, tokens.scales)
        assert np.array_equal(found.spans, tokens.spans)


def test_ranges_of_texts_come_back_end_to_end(tmp_path: Path) -> None:
    added = [quantised(encoded(n, seed)) for seed, n in enumerate([3, 0, 5, 1, 2])]
    store = stored(tmp_path / "tokens", added)
    wanted = [3, 4, 0, 1, 2]
    found = store.gathered(np.array([3, 2, 0, 2]), np.array([5, 2, 2, 3]))
    expected = Texts.of([added[row] for row in wanted])
    assert found.lengths.tolist() == [1, 2, 3, 0, 5]
    assert np.array_equal(found.tokens.codes, expected.tokens.codes)
    assert np.array_equal(found.tokens.scales, expected.tokens.scales)
    assert np.array_equal(found.tokens.spans, expected.tokens.spans)
    none = np.zeros(0, np.int64)
    assert len(store.gathered(none, none).tokens) == 0


def owner(array: object) -> object:
    """What holds the memory that a view looks at."""
    while (base := getattr(array, "base", None)) is not None:
        array = base
    return array


def test_tokens_are_mapped_not_read_and_cannot_be_written(tmp_path: Path) -> None:
    codes = stored(tmp_path / "tokens", [quantised(encoded(4))]).text(0).codes
    assert isinstance(owner(codes), mmap)
    with pytest.raises(ValueError, match="read-only"):
        codes[0, 0] = 1


@pytest.mark.parametrize("texts", [0, 1, 3])
def test_texts_without_any_token_can_be_stored(tmp_path: Path, texts: int) -> None:
    store = stored(tmp_path / "tokens", [quantised(encoded(0))] * texts)
    assert store.texts == texts
    assert [len(store.text(row)) for row in range(texts)] == [0] * texts


def met(texts: Sequence[Tokens], query: Rounded) -> Met:
    return Met.of(Texts.of(texts), query)


def test_a_passage_meets_a_query_alike_alone_and_among_many() -> None:
    """To the last bit."""
    texts = [quantised(encoded(n, seed)) for seed, n in enumerate([3, 0, 5, 1, 7] * 30)]
    query = encoded(4, seed=99).tokens
    clauses = [texts[(i + 1) % 150 :][: i % 4] for i in range(150)]  # of some passages none
    asked = rounded(query)
    joined = met([clause for own in clauses for clause in own], asked)
    found = late_matches(met(texts, asked), joined, [len(own) for own in clauses])
    assert len(found) == 150
    for i, each in enumerate(found):
        [alone] = late_matches(met([texts[i]], asked), met(clauses[i], asked), [len(clauses[i])])
        assert np.array_equal(each.passage.cosines, alone.passage.cosines)
        assert np.array_equal(each.passage.spans, texts[i].spans)
        assert each.maxsim == alone.maxsim == pytest.approx(maxsim(each.passage), abs=1e-6)
        assert each.clauses.tolist() == alone.clauses.tolist()
        by_one = [maxsim(Matches(similarities(c, asked), c.spans)) for c in clauses[i]]
        assert each.clauses == pytest.approx(by_one, abs=1e-6)


def test_a_query_without_tokens_meets_nothing() -> None:
    text = quantised(encoded(3))
    nothing = rounded(np.zeros((0, DIM), np.float32))
    [found] = late_matches(met([text], nothing), met([text], nothing), [1])
    assert found.maxsim == 0.0
    assert found.clauses.tolist() == [0.0]
    assert late_matches(met([], nothing), met([], nothing), []) == []
