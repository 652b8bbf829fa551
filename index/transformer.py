"""An encoder of any model: vectors centred, tokens in their places."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from index.calibration import PARAGRAPHS, QUESTIONS, SENTENCES
from index.cores import CROWD
from index.encoder import Encoded, Side, Vectors, name_of, unit
from index.folding import simplified
from index.tokenizer import Cut

# Padded tokens of one forward. What is made between two layers stays in the processor's cache: by
# two threads, each at its own, 256, 384 and 768 tokens at once ran at 11.7, 11.8 and 10.7 thousand
# tokens a second in passages, and at 12.2, 12.2 and 11.1 in clauses.
_BATCH_TOKENS = 256


class Model(Protocol):
    """What an encoder needs of a model."""

    @property
    def dim(self) -> int:
        """Width of every vector."""

    @property
    def forwards(self) -> int:
        """How many calls of `forward` at once it has use for."""

    @property
    def prompts(self) -> Mapping[str, str]:
        """What is put before the texts of each side."""

    def cut(self, texts: Sequence[str]) -> list[Cut]:
        """Texts as the model gets them, to its longest input at most."""

    def forward(self, ids: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """A vector a text, `(texts, dim)`, and, padded, one a token, `(texts, tokens, dim)`."""


class TransformerEncoder:
    """Of models for the two sides, their vectors centred; `runtime` tells what they run on.

    That for documents is made when the first of them comes: a server that only answers questions
    may never have any.
    """

    def __init__(
        self, queries: Model, documents: Callable[[], Model], identity: str, runtime: str
    ) -> None:
        self.dim, self.forwards = queries.dim, queries.forwards
        self.name = name_of(identity, runtime, queries.prompts)
        self._queries = _Centred(queries, "query", list(QUESTIONS.values()))
        self._make = documents
        self._made: _Centred | None = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Vectors of the texts in Simplified characters, the mean of their side taken off."""
        if side == "query":
            return self._queries.encode(texts)
        with CROWD.joined():
            return self._documents().encode(texts)

    def _documents(self) -> _Centred:
        with self._lock:
            if self._made is None:
                # stored are tokens that have read a paragraph, and tokens that have read a clause
                self._made = _Centred(self._make(), "document", [SENTENCES], [PARAGRAPHS])
            return self._made


class _Centred:
    """One side's model, and the means of what it gives for texts of all kinds.

    That of vectors is over groups of `short` texts, that of tokens over those of `long` ones too.
    """

    def __init__(
        self,
        model: Model,
        side: Side,
        short: Sequence[Sequence[str]],
        long: Sequence[Sequence[str]] = (),
    ) -> None:
        self._model, self._side = model, side
        self._prompt = model.prompts[side]
        found = [self._raw(texts) for texts in short]
        self._vector = _mean_vector(found)
        self._token = _mean_token([*found, *(self._raw(texts) for texts in long)])

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        folded = [simplified(text) for text in texts]
        found = []
        for text, raw in zip(folded, self._raw(folded), strict=True):
            kept = _telling(raw.spans, text) if self._side == "query" else slice(None)
            tokens = unit(raw.tokens[kept] - self._token)
            found.append(Encoded(unit(raw.vector - self._vector), tokens, raw.spans[kept]))
        return found

    def _raw(self, texts: Sequence[str]) -> list[Encoded]:
        """Sorted by tokens into batches of a bounded number of padded ones; order restored."""
        inputs = self._model.cut([self._prompt + text for text in texts])
        order = sorted(range(len(texts)), key=lambda i: -len(inputs[i].ids))
        encoded: dict[int, Encoded] = {}
        batches = list(_batches(order, inputs))
        outputs = self._forwards([[inputs[i].ids for i in rows] for rows in batches])
        for rows, (vectors, tokens) in zip(batches, outputs, strict=True):
            for place, i in enumerate(rows):
                spans = np.array(inputs[i].offsets, np.int32).reshape(-1, 2) - len(self._prompt)
                kept = _content(spans, texts[i])
                own = unit(tokens[place][kept])
                encoded[i] = Encoded(unit(vectors[place]), own, spans[kept].clip(0))
        return [encoded[i] for i in range(len(texts))]

    def _forwards(
        self, batches: Sequence[Sequence[Sequence[int]]]
    ) -> Iterable[tuple[Vectors, Vectors]]:
        """As many at once as there is use for, in their order."""
        if min(self._model.forwards, len(batches)) <= 1:
            return map(self._model.forward, batches)
        with ThreadPoolExecutor(self._model.forwards) as pool:
            return list(pool.map(self._model.forward, batches))


def _mean_vector(groups: Sequence[Sequence[Encoded]]) -> Vectors:
    """Each group, such as a language, counts the same."""
    means = [np.mean([e.vector for e in group], axis=0) for group in groups]
    return np.asarray(np.mean(means, axis=0), np.float32)


def _mean_token(groups: Sequence[Sequence[Encoded]]) -> Vectors:
    """Each group counts the same; zeros for a model without token vectors."""
    tokens = [np.concatenate([e.tokens for e in group]) for group in groups]
    means = [t.mean(axis=0) if len(t) else np.zeros(t.shape[1], np.float32) for t in tokens]
    return np.asarray(np.mean(means, axis=0), np.float32)


def _batches(order: Sequence[int], inputs: Sequence[Cut]) -> Iterator[Sequence[int]]:
    """Runs of `order`, which has the longest first, of a bounded padded size."""
    start = 0
    while start < len(order):
        size = max(1, _BATCH_TOKENS // len(inputs[order[start]].ids))
        yield order[start : start + size]
        start += size


def _content(spans: npt.NDArray[np.int32], text: str) -> npt.NDArray[np.intp]:
    """Rows of the tokens that stand for visible characters of the text itself.

    Special tokens and padding have the span (0, 0) before the prompt's length is taken off;
    those of the prompt end at or before 0.
    """
    return np.array(
        [i for i, (a, b) in enumerate(spans.tolist()) if b > 0 and text[max(a, 0) : b].strip()],
        dtype=np.intp,
    )


def _telling(spans: npt.NDArray[np.int32], text: str) -> npt.NDArray[np.intp] | slice:
    """Rows of the tokens that hold a letter or a digit: a question mark finds nothing.

    All rows where none does, so that a query of signs alone still asks.
    """
    rows = [i for i, (a, b) in enumerate(spans.tolist()) if any(map(str.isalnum, text[a:b]))]
    return np.array(rows, np.intp) if rows else slice(None)
