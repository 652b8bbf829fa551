"""The packaged model as everyone runs it: a sentence-transformers folder in float32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from index.e5s1 import Checkpoint, Pieces
from index.model import PROMPTS, packaged_checkpoint
from index.tokenizer import charsmap

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


def write_packaged(folder: Path) -> Path:
    """Make `folder` from the weights of the package; returns it."""
    folder.mkdir(parents=True)
    write(packaged_checkpoint()[0], folder)
    return folder


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Save the checkpoint so that `SentenceTransformer(folder)` loads it, without a network."""
    from safetensors.numpy import save_file

    state = {_bert_name(name): weight for name, weight in checkpoint.weights.items()}
    # the checkpoint has no pooler and nobody reads one, but BertModel misses it at every load
    hidden = checkpoint.shape.hidden
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), np.float32)
    state["pooler.dense.bias"] = np.zeros(hidden, np.float32)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer = _tokenizer(checkpoint.pieces).to_str(pretty=True)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    for name, content in _small_files(checkpoint).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _tokenizer(pieces: Pieces) -> Tokenizer:
    """As transformers would make it of the SentencePiece model."""
    unigram = models.Unigram(list(pieces.scores), unk_id=pieces.unk, byte_fallback=False)
    tokenizer = Tokenizer(unigram)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(charsmap(pieces.normalisation)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    bos, eos = pieces.scores[pieces.bos][0], pieces.scores[pieces.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}", special_tokens=[(bos, pieces.bos), (eos, pieces.eos)]
    )
    return tokenizer


def _special_tokens(pieces: Pieces) -> dict[str, str]:
    """The names that transformers gives them."""
    bos, eos, pad, unk = (
        pieces.scores[i][0] for i in (pieces.bos, pieces.eos, pieces.pad, pieces.unk)
    )
    return {
        "bos_token": bos,
        "cls_token": bos,
        "eos_token": eos,
        "sep_token": eos,
        "pad_token": pad,
        "unk_token": unk,
    }


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
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": checkpoint.shape.positions,
            **_special_tokens(checkpoint.pieces),
        },
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


def _bert_name(name: str) -> str:
    group, *rest = name.split(".")
    ending = {"w": "weight", "b": "bias"}.get(rest[-1])
    if group == "emb":
        if rest[0] == "ln":
            return f"embeddings.LayerNorm.{ending}"
        return f"embeddings.{_EMBEDDING[rest[0]]}_embeddings.weight"
    return f"encoder.layer.{group[1:]}.{_LAYER[rest[0]]}.{ending}"
