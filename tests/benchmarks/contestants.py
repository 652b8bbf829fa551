"""Who takes part, each in the way its own documentation shows; all on the same passages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from index.encoder import Vectors
from tests.benchmarks.corpora import Corpus


class Contestant(Protocol):
    """Loaded once, then told what to do; `folder` is where its index lives."""

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """Vectors in float32 to take as they are, where it would make the very same."""

    def passages(self, texts: Sequence[str]) -> None:
        """Encode passages and drop the vectors."""

    def query(self, text: str) -> None:
        """Encode one query."""

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Encode and index a corpus into a folder that is not there yet, and open it."""

    def open(self, corpus: Corpus, folder: Path) -> None:
        """Open what `build` left."""

    def search(self, query: str, k: int) -> Sequence[int]:
        """Places of the best `k` passages in the corpus, best first."""


# module of this folder, its class, what the table calls it
CONTESTANTS = {
    "ours": ("ours", "Ours", "this project"),
    "recipe": ("recipe", "Recipe", "tutorial recipe"),
    "txtai": ("with_txtai", "Txtai", "txtai hybrid"),
    "lancedb": ("with_lancedb", "LanceDB", "LanceDB hybrid"),
}


def contestant(name: str, model: Path) -> Contestant:
    """Load one with its libraries and the model: `KB_HOME/model`, or the folder in float32."""
    module, kind, _ = CONTESTANTS[name]
    make: Callable[[Path], Contestant] = getattr(import_module(f"tests.benchmarks.{module}"), kind)
    return make(model)
