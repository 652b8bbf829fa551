"""The packaged model as everyone runs it: sentence-transformers on torch, in float32."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.encoder import Vectors


class Fp32:
    """`encode_document` and `encode_query` of the library, with the prompts of the folder."""

    def __init__(self, folder: Path) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(os.cpu_count() or 1)
        self._model = SentenceTransformer(
            str(folder), device="cpu", model_kwargs={"dtype": "float32"}
        )
        self._known: dict[str, Vectors] = {}

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """Vectors of texts to take as they are, so that one of many need make them."""
        self._known.update(vectors)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """`(n, dim)` float32, rows of unit length."""
        if all(text in self._known for text in texts):
            return np.array([self._known[text] for text in texts], np.float32)
        return _float32(self._model.encode_document(list(texts), normalize_embeddings=True))

    def query(self, text: str) -> Vectors:
        """`(dim,)` float32 of unit length."""
        if text in self._known:
            return self._known[text]
        return _float32(self._model.encode_query(text, normalize_embeddings=True))


class OnFp32:
    """A contestant whose vectors come from outside, by `Fp32`."""

    def __init__(self, model: Path) -> None:
        self._model = Fp32(model)

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        self._model.know(vectors)

    def passages(self, texts: Sequence[str]) -> None:
        self._model.passages(texts)

    def query(self, text: str) -> None:
        self._model.query(text)


def _float32(vectors: Any) -> Vectors:
    return np.asarray(vectors, np.float32)
