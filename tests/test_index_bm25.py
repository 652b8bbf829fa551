"""BM25 worked out by hand is tantivy's, to the last digit that anybody sees."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from index import bm25, lexical
from index.lexical import LexicalIndex, Row
from kb.types import Clause, Passage

WORDS = [
    *("工会", "职工", "维权", "法律", "体育", "驿站", "经费", "预算", "困难", "就业"),
    *("gdp", "2573", "1.04"),
]


@pytest.mark.parametrize(
    ("length", "kept"),
    [(0, 0), (1, 1), (24, 24), (39, 39), (40, 40), (41, 40), (42, 42), (55, 54), (56, 56),
     (59, 56), (60, 60), (87, 84), (88, 88), (1000, 984), (1_000_000, 983_064)],
)  # fmt: skip
def test_a_length_is_kept_in_a_byte(length: int, kept: int) -> None:
    """The table of Lucene's `SmallFloat.byte4ToInt`, which tantivy has as `FIELD_NORMS_TABLE`."""
    assert bm25.kept_length(length) == kept
    assert bm25.kept_length(kept) == kept


def _passage(number: int, rng: random.Random) -> Passage:
    text = " ".join(rng.choices(WORDS, k=rng.choice([1, 3, 10, 30, 41, 90, 250, 600])))
    headings = tuple(rng.choices(WORDS, k=rng.randrange(3)))
    clauses = (Clause(text, 0, len(text)),)
    return Passage(f"p{number}", "d", "section", headings, text, 0, len(text), clauses)


def test_scores_are_those_of_tantivy(tmp_path: Path) -> None:
    """Over passages of all lengths, with headings, titles and without, asked once and twice."""
    rng = random.Random(8)
    passages = [_passage(number, rng) for number in range(300)]
    titles = ["".join(rng.choices(WORDS, k=rng.randrange(6))) for _ in range(20)]
    rows = (Row(i, titles[i % 20], passage) for i, passage in enumerate(passages))
    lexical.write(tmp_path, rows)
    index = LexicalIndex(tmp_path)
    fields = {
        "body": [bm25.counted(p.text) for p in passages],
        "headings": [bm25.counted("\n".join(p.headings)) for p in passages],
        "title": [bm25.counted(titles[i % 20]) for i in range(len(passages))],
    }
    means = {name: sum(map(Counter.total, field)) / len(field) for name, field in fields.items()}

    def frequencies(text: str) -> bm25.Frequencies:
        return bm25.Frequencies(*(sum(text in c for c in field) for field in fields.values()))

    statistics = bm25.Statistics(len(passages), frequencies)
    for query in ("职工维权", "gdp 2573", "困难职工困难", "1.04 体育 驿站", "legal"):
        asked = bm25.counted(query)
        expected: dict[int, float] = {}
        for text, n in asked.items():
            for name, worth in statistics.worth(text).items():
                for row, counts in enumerate(fields[name]):
                    if text in counts:
                        part = bm25.share(counts[text], counts.total(), means[name])
                        score = (bm25.K1 + 1) * n * worth * part
                        expected[row] = expected.get(row, 0.0) + score
        found = index.search(query, 1000)
        scores = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
        assert scores == pytest.approx(expected, rel=1e-5)
        assert found.ceiling == pytest.approx(statistics.ceiling(asked))
        assert max(expected.values(), default=0.0) <= found.ceiling


def test_a_rare_term_is_most_of_a_query() -> None:
    """Rarity counts twice, and the shares of all terms are the whole."""
    shares = bm25.squared_shares({"工会": 0.5, "维权": 1.0, "的": 0.0})
    assert shares == pytest.approx({"工会": 0.2, "维权": 0.8, "的": 0.0})
    assert bm25.squared_shares({}) == bm25.squared_shares({"的": 0.0}) == {}
