"""Models of sentence-transformers: any that it loads, and the packaged one as a module of its own.

Importing this loads torch, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling

from index.encoder import Vectors
from index.runtime import OnnxModel
from index.tokenizer import Cut, Unigram
from kb.errors import ModelUnavailable


class SentenceModel:
    """`index.transformer.Model` over a sentence-transformers model."""

    def __init__(self, model: SentenceTransformer, name: str) -> None:
        dim = model.get_embedding_dimension()
        if not dim:
            raise ModelUnavailable(name, "it gives no sentence vectors; check KB_MODEL")
        self.dim: int = dim
        self.forwards: int = getattr(model[0], "forwards", 1)  # torch has threads of its own
        self.prompts: Mapping[str, str] = {
            "query": model.prompts.get("query") or "",
            "document": model.prompts.get("document") or model.prompts.get("passage") or "",
        }
        self._model = model
        self._cut, self._pad = _tokeniser(model)

    def cut(self, texts: Sequence[str]) -> list[Cut]:
        """Texts as the model gets them, to its longest input at most."""
        return self._cut(list(texts))

    def forward(self, ids: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """`(texts, dim)` and, padded, `(texts, tokens, dim)`."""
        with torch.inference_mode():
            outputs = self._model(_padded(ids, self._pad))
        vectors, tokens = outputs["sentence_embedding"], outputs["token_embeddings"]
        return vectors.float().numpy(), tokens.float().numpy()


class OnnxTransformer(InputModule):
    """The packaged model's tokens to token vectors; what follows is sentence-transformers' own."""

    def __init__(self, model: OnnxModel) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.max_seq_length: int = model.longest
        self.tokenizer: Any = model.tokenizer
        self.forwards = model.forwards
        self._packaged = model

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Texts to padded `input_ids` and `attention_mask`, `(texts, length)` int64."""
        found = self.tokenizer.cut([(prompt or "") + text for text in inputs])
        return dict(_padded([each.ids for each in found], self.tokenizer.pad))

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `token_embeddings`, `(batch, length, dim)` float32."""
        given = (features[name].numpy() for name in ("input_ids", "attention_mask"))
        features["token_embeddings"] = torch.from_numpy(self._packaged.tokens(*given))
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """There is nothing of its own to save: the folder it came from is the model."""
        raise NotImplementedError(output_path)


def sentence_transformer(model: OnnxModel) -> SentenceTransformer:
    """The packaged model: mean of the token vectors, unit length."""
    modules = [OnnxTransformer(model), Pooling(model.dim, "mean"), Normalize()]
    return SentenceTransformer(modules=modules, device="cpu", prompts=dict(model.prompts))


def _padded(ids: Sequence[Sequence[int]], pad: int) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask`, `(texts, tokens)` int64, of texts of any lengths."""
    rows = [torch.tensor(each) for each in ids]
    masks = [torch.ones_like(row) for row in rows]
    fill = torch.nn.utils.rnn.pad_sequence
    return {
        "input_ids": fill(rows, batch_first=True, padding_value=pad),
        "attention_mask": fill(masks, batch_first=True),
    }


def _tokeniser(model: SentenceTransformer) -> tuple[Callable[[list[str]], list[Cut]], int]:
    """How the model cuts texts, to its longest input at most, and the id that it pads with."""
    tokenizer: Any = model.tokenizer
    if isinstance(tokenizer, Unigram):
        return tokenizer.cut, tokenizer.pad

    def cut(texts: list[str]) -> list[Cut]:
        found = tokenizer(
            texts,
            truncation=True,
            max_length=model.max_seq_length,
            return_offsets_mapping=True,
        )
        return [
            Cut(*each) for each in zip(found["input_ids"], found["offset_mapping"], strict=True)
        ]

    return cut, tokenizer.pad_token_id or 0
