"""The recipe of every tutorial: one vector a passage, a flat index, Flask's own server.

`python -m tests.benchmarks.recipe MODEL INDEX` serves an index that is there already.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import faiss

from tests.benchmarks.corpora import Corpus
from tests.benchmarks.fp32 import OnFp32


class Recipe(OnFp32):
    """sentence-transformers in float32, `IndexFlatIP`, the passages in a JSON file."""

    def __init__(self, model: Path) -> None:
        super().__init__(model)
        self.texts: list[str] = []

    def build(self, corpus: Corpus, folder: Path) -> None:
        vectors = self._model.passages(corpus.passages)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        folder.mkdir()
        faiss.write_index(index, str(folder / "index.faiss"))
        (folder / "passages.json").write_text(json.dumps(corpus.passages), encoding="utf-8")
        self.read(folder)

    def open(self, _corpus: Corpus, folder: Path) -> None:
        self.read(folder)

    def read(self, folder: Path) -> None:
        self._index = faiss.read_index(str(folder / "index.faiss"))
        self.texts = json.loads((folder / "passages.json").read_text(encoding="utf-8"))

    def search(self, query: str, k: int) -> list[int]:
        return [place for place, _ in self.scored(query, k)]

    def scored(self, query: str, k: int) -> list[tuple[int, float]]:
        """Places and cosines; FAISS pads a small index with -1."""
        scores, places = self._index.search(self._model.query(query)[None, :], k)
        pairs = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [(place, score) for place, score in pairs if place >= 0]


def main() -> None:
    """Serve as the tutorials do: `app.run`, which has a thread a request."""
    from flask import Flask, jsonify, request

    model, folder = map(Path, sys.argv[1:])
    recipe = Recipe(model)
    recipe.read(folder)
    app = Flask(__name__)

    @app.get("/search")
    def search() -> Any:
        found = recipe.scored(request.args["q"], int(request.args.get("k", 10)))
        return jsonify([{"text": recipe.texts[i], "score": score} for i, score in found])

    app.run(port=0)


if __name__ == "__main__":
    main()
