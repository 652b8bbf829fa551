"""Text to vectors, by a sentence-transformers model: one vector a text, and one a token."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from index import model as packaged
from index.calibration import PARAGRAPHS, QUESTIONS, SENTENCES, digest
from index.folding import simplified
from index.home import Home
from kb.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Side = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]

# Texts of one forward: padded tokens, about 1 GB of activations at the packaged model's width.
_BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as the model sees it.

    `vector` is `(dim,)` float32 of unit length. `tokens` is `(n, dim)` float32, rows of unit
    length, prefix, special and white-space tokens left out; `spans` is `(n, 2)` int32, each
    token's half-open code-point offsets into the text. `n` is 0 for a model that gives no
    token vectors. What lies beyond the model's longest input has no tokens.
    """

    vector: Vectors
    tokens: Vectors
    spans: npt.NDArray[np.int32]


class Encoder(Protocol):
    """What the index needs of a model. Vectors of two encoders of one `name` are comparable."""

    @property
    def name(self) -> str:
        """Model, weights, runtime, precision and prefixes: stands in every manifest."""

    @property
    def dim(self) -> int:
        """Width of every vector."""

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Encode the texts, in their order; queries and documents may have prefixes."""


def load_encoder(home: Home, announce: Callable[[str], None] = lambda _line: None) -> Encoder:
    """The model named by `KB_MODEL` (a hub id or a folder), else the packaged one.

    Loads torch: seconds. The packaged model never touches a network. Raises
    `ModelUnavailable` with what to do.
    """
    name = os.environ.get("KB_MODEL", "").strip()
    if name:
        precision = _precision()
        identity = f"{name}{_folder_digest(Path(name))}"
        return TransformerEncoder(_load(name, precision), identity, f"torch {precision}")
    # read when huggingface_hub is first imported; without it a missing file is asked for online
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder = packaged.packaged_folder(home.model, announce)
    identity = f"{packaged.NAME}@{packaged.weights_digest(folder)[:12]}"
    runtime = f"onnxruntime int8:{packaged.FOLDER_VERSION}"
    return TransformerEncoder(_packaged(folder), identity, runtime)


def _packaged(folder: Path) -> SentenceTransformer:
    from index.runtime import sentence_transformer  # noqa: PLC0415

    return sentence_transformer(folder)


def _precision() -> str:
    """bfloat16 is twice as fast where the processor has it, and slower elsewhere."""
    import torch  # noqa: PLC0415

    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def _load(name: str, precision: str) -> SentenceTransformer:
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415
        from transformers.utils import logging  # noqa: PLC0415

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        return SentenceTransformer(name, device="cpu", model_kwargs={"dtype": precision})
    except Exception as error:  # the libraries below raise whatever they meet
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelUnavailable(name, f"{reason}; check KB_MODEL") from error


def _folder_digest(folder: Path) -> str:
    """Tells apart two states of a local model folder by names, sizes and times of its files."""
    if not folder.is_dir():
        return ""
    facts = [
        (str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    ]
    return "@" + hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


class TransformerEncoder:
    """A sentence-transformers model, its vectors centred; `runtime` tells what it runs on."""

    def __init__(self, model: SentenceTransformer, identity: str, runtime: str) -> None:
        dim = model.get_embedding_dimension()
        if not dim:
            raise ModelUnavailable(identity, "it gives no sentence vectors; check KB_MODEL")
        self._model = model
        self._tokenise = _tokeniser(model)
        self._prompts: dict[Side, str] = {
            "query": model.prompts.get("query") or "",
            "document": model.prompts.get("document") or model.prompts.get("passage") or "",
        }
        self.dim: int = dim
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
        """Sorted by length into batches of a bounded number of padded tokens; order restored."""
        prompt = self._prompts[side]
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        encoded: dict[int, Encoded] = {}
        for batch in _batches([texts[i] for i in order]):
            rows = order[len(encoded) : len(encoded) + len(batch)]
            encoded.update(zip(rows, self._forward(batch, prompt), strict=True))
        return [encoded[i] for i in range(len(texts))]

    def _forward(self, texts: Sequence[str], prompt: str) -> Iterator[Encoded]:
        import torch  # noqa: PLC0415

        inputs = self._tokenise([prompt + text for text in texts])
        spans = inputs.pop("offset_mapping").numpy().astype(np.int32) - len(prompt)
        with torch.inference_mode():
            outputs = self._model(dict(inputs))
        vectors = outputs["sentence_embedding"].float().numpy()
        tokens = outputs["token_embeddings"].float().numpy()
        for i, text in enumerate(texts):
            kept = _content(spans[i], text)
            yield Encoded(unit(vectors[i]), unit(tokens[i][kept]), spans[i][kept].clip(0))


def _tokeniser(model: SentenceTransformer) -> Callable[[list[str]], dict[str, Any]]:
    """Texts to the model's inputs and an `offset_mapping`."""
    from transformers import PreTrainedTokenizerBase  # noqa: PLC0415

    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        return model.preprocess
    return partial(
        model.tokenizer.__call__,
        padding=True,
        truncation=True,
        max_length=model.max_seq_length,
        return_offsets_mapping=True,
        return_tensors="pt",
    )


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


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Runs of texts, longest first, whose padded size stays bounded (a character: one token)."""
    start = 0
    while start < len(texts):
        size = max(1, _BATCH_TOKENS // (len(texts[start]) + 8))
        yield texts[start : start + size]
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


def unit(vectors: npt.NDArray[np.float32]) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
