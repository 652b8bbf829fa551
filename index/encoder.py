"""Text to vectors, one a text and one a token: what an encoder gives, and which one there is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from index import hub
from index import model as packaged
from index.calibration import digest
from index.home import Home
from kb.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

RUNTIME = f"onnxruntime int8:{packaged.FOLDER_VERSION}"

Side = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]


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

    @property
    def forwards(self) -> int:
        """How many calls of `encode` at once it has use for; any number is safe."""

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Encode the texts, in their order; queries and documents may have prefixes."""


def load_encoder(home: Home, announce: Callable[[str], None] = lambda _line: None) -> Encoder:
    """The model named by `KB_MODEL` (a hub id or a folder), else the packaged one.

    Another loads torch, which takes seconds; the packaged one does so when the first document is
    to be encoded, and never touches a network. Raises `ModelUnavailable` with what to do.
    """
    name = named_model()
    return _named(name) if name else _packaged(home, announce)


def named_model() -> str:
    """The model that `KB_MODEL` names, a hub id or a folder; "" for the packaged one."""
    return os.environ.get("KB_MODEL", "").strip()


def name_of(identity: str, runtime: str, prompts: Mapping[str, str]) -> str:
    """An encoder's name: whatever its vectors depend on."""
    prefixes = "|".join(prompts[side] for side in ("query", "document"))
    return f"{identity} {runtime} centred:{digest()} simplified [{prefixes}]"


def name_to_be(home: Home) -> str:
    """How the name of the encoder begins that `load_encoder` would give; loads nothing.

    Of the packaged one it is the whole name. Raises `ModelUnavailable`.
    """
    name = named_model()
    if name:
        state = _state(name)
        return f"{name}@{state} torch " if state else f"{name}@"  # yet to be fetched
    weights = packaged.weights_to_be(home.model / packaged.NAME)
    return name_of(_identity(weights), RUNTIME, packaged.PROMPTS)


def _identity(weights: str) -> str:
    return f"{packaged.NAME}@{weights[:12]}"


def _packaged(home: Home, announce: Callable[[str], None]) -> Encoder:
    # read when huggingface_hub is first imported; without it a missing file is asked for online
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    folder = packaged.packaged_folder(home.model, announce)
    from index.runtime import OnnxModel  # noqa: PLC0415
    from index.transformer import Model, TransformerEncoder  # noqa: PLC0415

    model = OnnxModel(folder)

    def for_documents() -> Model:
        from index.sentence_model import SentenceModel, sentence_transformer  # noqa: PLC0415

        return SentenceModel(sentence_transformer(model), packaged.NAME)

    identity = _identity(packaged.weights_digest(folder))
    return TransformerEncoder(model, for_documents, identity, RUNTIME)


def _named(name: str) -> Encoder:
    local = hub.is_here(name)
    if not local:
        hub.ask(name)
    from index.sentence_model import SentenceModel  # noqa: PLC0415
    from index.transformer import TransformerEncoder  # noqa: PLC0415

    precision = _precision()
    loaded = _load(name, precision, local=local)
    identity = f"{name}@{_state(name)}"
    model = SentenceModel(loaded, identity)
    return TransformerEncoder(model, lambda: model, identity, f"torch {precision}")


def _state(name: str) -> str:
    """Which state of the model it is: the folder's, or that which was fetched from the hub."""
    return _folder_digest(Path(name)) if Path(name).is_dir() else hub.commit(name)[:12]


def _precision() -> str:
    """bfloat16 is twice as fast where the processor has it, and slower elsewhere."""
    import torch  # noqa: PLC0415

    return "bfloat16" if torch.cpu._is_avx512_bf16_supported() else "float32"


def _load(name: str, precision: str, *, local: bool) -> SentenceTransformer:
    try:
        return _loaded(name, precision, local=local)
    except ModelUnavailable:
        raise
    except Exception as error:  # the libraries below raise whatever they meet
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelUnavailable(name, f"{reason}; check KB_MODEL") from error


def _loaded(name: str, precision: str, *, local: bool) -> SentenceTransformer:
    """From this machine if it is `local`, else from the hub; raises whatever the libraries do."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    load = partial(SentenceTransformer, name, device="cpu", model_kwargs={"dtype": precision})
    try:
        return load(local_files_only=local)
    except Exception:
        if not local or Path(name).is_dir():
            raise
    hub.ask(name)  # it was fetched in part
    return load()


def _folder_digest(folder: Path) -> str:
    """Tells apart two states of a local model folder by names, sizes and times of its files."""
    facts = [
        (str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def unit(vectors: npt.NDArray[np.float32]) -> Vectors:
    """Rows scaled to length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
