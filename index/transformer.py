"""An encoder of any sentence-transformers model: vectors centred, tokens in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from index.calibration import PARAGRAPHS, QUESTIONS, SENTENCES, digest
from index.encoder import Encoded, Side, Vectors, unit
from index.folding import simplified
from index.tokenizer import Cut, Unigram
from kb.errors import ModelUnavailable

# Padded tokens of one forward. What is made between two layers stays in the processor's cache: by
# two threads, each at its own, 256, 384 and 768 tokens at once ran at 11.7, 11.8 and 10.7 thousand
# tokens a second in passages, and at 12.2, 12.2 and 11.1 in clauses.
_BATCH_TOKENS = 256


class TransformerEncoder:
    """A sentence-transformers model, its vectors centred; `runtime` tells what it runs on."""

    def __init__(self, model: SentenceTransformer, identity: str, runtime: str) -> None:
        dim = model.get_embedding_dimension()
        if not dim:
            raise ModelUnavailable(identity, "it gives no sentence vectors; check KB_MODEL")
        self._model = model
        self._tokenise, self._pad = _tokeniser(model)
        self._prompts: dict[Side, str] = {
            "query": model.prompts.get("query") or "",
            "document": model.prompts.get("document") or model.prompts.get("passage") or "",
        }
        self.dim: int = dim
        self.forwards: int = getattr(model[0], "forwards", 1)  # torch has threads of its own
        prefixes = "|".join(self._prompts.values())
        self.name: str = f"{identity} {runtime} centred:{digest()} simplified [{prefixes}]"
        questions = [self._raw(texts, "query") for texts in QUESTIONS.values()]
        sentences = self._raw(SENTENCES, "document")
        # a token of a passage has read a paragraph, one of a clause has not: both are stored
        paragraphs = self._raw(PARAGRAPHS, "document")
        self._means: dict[Side, _Mean] = {
            "query": _Mean(_mean_vector(questions), _mean_token(questions)),
            "document": _Mean(_mean_vector([sentences]), _mean_token([sentences, paragraphs])),
        }

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Vectors of the texts in Simplified characters, the mean of their side taken off."""
        mean = self._means[side]
        folded = [simplified(text) for text in texts]
        found = []
        for text, raw in zip(folded, self._raw(folded, side), strict=True):
            kept = _telling(raw.spans, text) if side == "query" else slice(None)
            tokens = unit(raw.tokens[kept] - mean.token)
            found.append(Encoded(unit(raw.vector - mean.vector), tokens, raw.spans[kept]))
        return found

    def _raw(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Sorted by tokens into batches of a bounded number of padded ones; order restored."""
        prompt = self._prompts[side]
        inputs = self._tokenise([prompt + text for text in texts])
        order = sorted(range(len(texts)), key=lambda i: -len(inputs[i].ids))
        encoded: dict[int, Encoded] = {}
        batches = list(_batches(order, inputs))
        outputs = self._forwards([[inputs[i].ids for i in rows] for rows in batches])
        for rows, (vectors, tokens) in zip(batches, outputs, strict=True):
            for place, i in enumerate(rows):
                spans = np.array(inputs[i].offsets, np.int32).reshape(-1, 2) - len(prompt)
                kept = _content(spans, texts[i])
                own = unit(tokens[place][kept])
                encoded[i] = Encoded(unit(vectors[place]), own, spans[kept].clip(0))
        return [encoded[i] for i in range(len(texts))]

    def _forwards(
        self, batches: Sequence[Sequence[Sequence[int]]]
    ) -> Iterable[tuple[Vectors, Vectors]]:
        """As many at once as there is use for, in their order."""
        if min(self.forwards, len(batches)) <= 1:
            return map(self._forward, batches)
        with ThreadPoolExecutor(self.forwards) as pool:
            return list(pool.map(self._forward, batches))

    def _forward(self, ids: Sequence[Sequence[int]]) -> tuple[Vectors, Vectors]:
        """`(texts, dim)` and, padded, `(texts, tokens, dim)`."""
        with torch.inference_mode():
            outputs = self._model(padded(ids, self._pad))
        vectors, tokens = outputs["sentence_embedding"], outputs["token_embeddings"]
        return vectors.float().numpy(), tokens.float().numpy()


def padded(ids: Sequence[Sequence[int]], pad: int) -> dict[str, torch.Tensor]:
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


class _Mean(NamedTuple):
    vector: Vectors
    token: Vectors


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
