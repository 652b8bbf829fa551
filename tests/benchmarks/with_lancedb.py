"""LanceDB: a table with vectors and a full-text index, both searched, fused by reciprocal rank."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import lancedb
from lancedb.index import FTS
from lancedb.query import LanceHybridQueryBuilder
from lancedb.rerankers import RRFReranker

from tests.benchmarks.corpora import Corpus
from tests.benchmarks.fp32 import OnFp32


class LanceDB(OnFp32):
    """Searched by brute force, as it does below a hundred thousand rows."""

    def build(self, corpus: Corpus, folder: Path) -> None:
        vectors = self._model.passages(corpus.passages)
        rows = [
            {"place": place, "text": text, "vector": vector}
            for place, (text, vector) in enumerate(zip(corpus.passages, vectors, strict=True))
        ]
        table = lancedb.connect(str(folder)).create_table("passages", data=rows)
        # character pairs: its other tokenizers keep a run of Chinese in one piece or need files
        table.create_index(
            "text",
            config=FTS(
                base_tokenizer="ngram",
                ngram_min_length=1,
                ngram_max_length=2,
                stem=False,
                remove_stop_words=False,
            ),
        )
        self.open(corpus, folder)

    def open(self, _corpus: Corpus, folder: Path) -> None:
        self._table = lancedb.connect(str(folder)).open_table("passages")
        self._reranker = RRFReranker()

    def search(self, query: str, k: int) -> list[int]:
        hybrid = cast(LanceHybridQueryBuilder, self._table.search(query_type="hybrid"))
        found = hybrid.vector(self._model.query(query)).text(query)
        rows = found.distance_type("cosine").rerank(self._reranker).select(["place"]).limit(k)
        return [int(row["place"]) for row in rows.to_list()]
