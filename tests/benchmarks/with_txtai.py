"""txtai: its hybrid index, dense in FAISS and BM25 of its own, fused by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from txtai import Embeddings

from index.encoder import Vectors
from tests.benchmarks.corpora import Corpus


class Txtai:
    """`Embeddings(path=..., hybrid=True)` and no more; its tokens are Han characters."""

    def __init__(self, model: Path) -> None:
        self._known: dict[str, Vectors] = {}
        self._embeddings = Embeddings(
            path=str(model), method="sentence-transformers", hybrid=True, gpu=False
        )
        self._embeddings.batchtransform(["warm"], "data")

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """From now on it takes every vector from outside, as it can."""
        self._known.update(vectors)

        def transform(texts: Sequence[str]) -> Vectors:
            return np.array([self._known[text] for text in texts], np.float32)

        self._embeddings = Embeddings(method="external", transform=transform, hybrid=True)

    def passages(self, texts: Sequence[str]) -> None:
        self._embeddings.batchtransform(list(texts), "data")

    def query(self, text: str) -> None:
        self._embeddings.transform(text, "query")

    def build(self, corpus: Corpus, folder: Path) -> None:
        self._embeddings.index(enumerate(corpus.passages))
        if not self._known:  # a function cannot be saved
            self._embeddings.save(str(folder))

    def open(self, _corpus: Corpus, folder: Path) -> None:
        self._embeddings.load(str(folder))

    def search(self, query: str, k: int) -> list[int]:
        return [int(place) for place, _ in self._embeddings.search(query, k)]
