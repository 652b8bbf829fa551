"""The packaged model on onnxruntime, as the first module of a sentence-transformers model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling

from index.cores import usable_cores
from index.model import FACTS, GRAPH, TOKENIZER
from index.tokenizer import Unigram
from index.transformer import padded


class OnnxTransformer(InputModule):
    """Tokens to token vectors by an ONNX file; what follows it is sentence-transformers' own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.max_seq_length: int = facts["positions"]
        self.dim: int = facts["hidden"]
        self.prompts: dict[str, str] = facts["prompts"]
        self.tokenizer: Any = Unigram(folder / TOKENIZER, self.max_seq_length)
        self.forwards = usable_cores()  # that run at once, each on a thread of its caller's
        self._session = _session(folder / GRAPH)

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Texts to padded `input_ids` and `attention_mask`, `(texts, length)` int64."""
        found = self.tokenizer.cut([(prompt or "") + text for text in inputs])
        return dict(padded([each.ids for each in found], self.tokenizer.pad))

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `token_embeddings`, `(batch, length, dim)` float32."""
        given = {name: features[name].numpy() for name in ("input_ids", "attention_mask")}
        [found] = self._session.run(None, given)
        features["token_embeddings"] = torch.from_numpy(found)
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """There is nothing of its own to save: the folder it came from is the model."""
        raise NotImplementedError(output_path)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Each forward on one thread, and several at once: threads that share one wait for each other
    # at every layer. Passages are a tenth faster so. A query in a loop of nothing else takes 2.9 ms
    # so, 2.5 by two threads and 1.9 by two that spin while they wait; in a server, between other
    # work, these two were no faster and made the slowest answers slower.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sentence_transformer(folder: Path) -> SentenceTransformer:
    """The model of a folder that `index.model` made: mean of the token vectors, unit length."""
    transformer = OnnxTransformer(folder)
    modules = [transformer, Pooling(transformer.dim, "mean"), Normalize()]
    return SentenceTransformer(modules=modules, device="cpu", prompts=transformer.prompts)
