"""The packaged model on onnxruntime, without torch, which would take seconds to load."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from index.cores import CROWD, usable_cores
from index.encoder import Vectors
from index.model import FACTS, GRAPH, TOKENIZER
from index.tokenizer import Cut, Unigram

# Threads of a query's forward while nobody else computes, in a session of its own that takes 30 MB
# more: over HTTP the median of one client fell by a sixth. Else each forward has one thread, and
# several run at once: of eight clients a tenth fewer were answered when any forward took two, and
# passages are a tenth faster on one thread each.
_ALONE = 2


class OnnxModel:
    """`index.transformer.Model` over a folder that `index.model` made. Safe for many threads."""

    def __init__(self, folder: Path) -> None:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        self.dim: int = facts["hidden"]
        self.longest: int = facts["positions"]
        self.prompts: Mapping[str, str] = facts["prompts"]
        self.forwards = usable_cores()  # each on the thread of who calls
        self.tokenizer = Unigram(folder / TOKENIZER, self.longest)
        self._session = _session(folder / GRAPH, 1)
        few = min(self.forwards, _ALONE)
        self._alone = _session(folder / GRAPH, few) if few > 1 else self._session

    def cut(self, texts: Sequence[str]) -> list[Cut]:
        """Texts as the model gets them."""
        return self.tokenizer.cut(texts)

    def forward(self, ids: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """The mean of each text's token vectors, `(texts, dim)`, and padded these themselves."""
        lengths = np.array([len(each) for each in ids])
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.full(mask.shape, self.tokenizer.pad, np.int64)
        padded[mask] = np.concatenate(ids)
        alone = len(ids) == 1 and CROWD.is_one
        tokens = _run(self._alone if alone else self._session, padded, mask.astype(np.int64))
        return (tokens * mask[:, :, None]).sum(axis=1) / lengths[:, None].astype(np.float32), tokens

    def tokens(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Token vectors, `(texts, length, dim)`, of padded ids, `(texts, length)`."""
        return _run(self._session, ids, mask)


def _run(
    session: onnxruntime.InferenceSession, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]
) -> Vectors:
    [found] = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return np.asarray(found)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # between two operators a thread waits awake, between two forwards it sleeps
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
