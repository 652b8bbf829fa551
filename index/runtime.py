"""The packaged model on onnxruntime, without torch: it is there in a tenth of a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from index.cores import usable_cores
from index.encoder import Vectors
from index.model import FACTS, GRAPH, TOKENIZER
from index.tokenizer import Cut, Unigram


class OnnxModel:
    """`index.transformer.Model` over a folder that `index.model` made. Safe for many threads."""

    def __init__(self, folder: Path) -> None:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.dim: int = facts["hidden"]
        self.longest: int = facts["positions"]
        self.prompts: Mapping[str, str] = facts["prompts"]
        self.forwards = usable_cores()  # each on the thread of who calls
        self.tokenizer = Unigram(folder / TOKENIZER, self.longest)
        self._session = _session(folder / GRAPH)

    def cut(self, texts: Sequence[str]) -> list[Cut]:
        """Texts as the model gets them."""
        return self.tokenizer.cut(texts)

    def forward(self, ids: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """The mean of each text's token vectors, `(texts, dim)`, and padded these themselves."""
        lengths = np.array([len(each) for each in ids])
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.full(mask.shape, self.tokenizer.pad, np.int64)
        padded[mask] = np.concatenate(ids)
        tokens = self.tokens(padded, mask.astype(np.int64))
        return (tokens * mask[:, :, None]).sum(axis=1) / lengths[:, None].astype(np.float32), tokens

    def tokens(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Token vectors, `(texts, length, dim)`, of padded ids, `(texts, length)`."""
        [found] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(found)


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Each forward on one thread, and several at once: threads that share one wait for each other
    # at every layer. Passages are a tenth faster so. A query in a loop of nothing else takes 2.9 ms
    # so, 2.5 by two threads and 1.9 by two that spin while they wait; in a server, between other
    # work, these two were no faster and made the slowest answers slower.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
