"""The packaged model's tokenizer, rebuilt from its vocabulary as one of `tokenizers`."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from index.charsmap import compile_charsmap
from index.e5s1 import Pieces


def special_tokens(pieces: Pieces) -> dict[str, str]:
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


def unigram(pieces: Pieces) -> Tokenizer:
    """SentencePiece's tokenizer: composed, mapped, spaces folded, then the likeliest pieces.

    NFC stands in front because the file's map is by single code points, while SentencePiece's
    also composes a letter with the accents that follow it.
    """
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
