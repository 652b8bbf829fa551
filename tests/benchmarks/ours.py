"""This project, by its public functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from index.build import build
from index.encoder import Vectors, load_encoder
from index.home import Home
from index.search import Searcher
from tests.benchmarks.corpora import Corpus


def home_at(root: Path, documents: str, model: Path) -> Home:
    """A home that shares a folder of prepared models."""
    root.mkdir()
    (root / "model").symlink_to(model, target_is_directory=True)
    return Home(root, Path(documents))


class Ours:
    """Dense, BM25, late interaction and evidence, all on."""

    def __init__(self, model: Path) -> None:
        self._model = model
        self._encoder = load_encoder(Home(model.parent, model.parent / "documents"))
        self._places: dict[str, int] = {}

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """Of no use: its vectors are others."""

    def passages(self, texts: Sequence[str]) -> None:
        self._encoder.encode(texts, "document")

    def query(self, text: str) -> None:
        self._encoder.encode([text], "query")

    def build(self, corpus: Corpus, folder: Path) -> None:
        build(home_at(folder, corpus.documents, self._model), self._encoder)
        self.open(corpus, folder)

    def open(self, corpus: Corpus, folder: Path) -> None:
        self._places = {text: place for place, text in enumerate(corpus.passages)}
        self._searcher = Searcher.open(Home(folder, Path(corpus.documents)), self._encoder)

    def search(self, query: str, k: int) -> list[int]:
        hits = self._searcher.search(query, k=k).hits
        return [self._places[hit.passage.text] for hit in hits]
