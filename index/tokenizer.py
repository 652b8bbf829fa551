"""The packaged model's tokenizer: SentencePiece over the vocabulary that came with the weights.

That of the tokenizers library finds the same pieces, in 280 MB of memory where this one takes 60.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sentencepiece
from sentencepiece import SentencePieceNormalizer, SentencePieceProcessor, sentencepiece_model_pb2

from index.e5s1 import Pieces

_MESSAGES: Any = sentencepiece_model_pb2  # types that are made on import, which mypy cannot see


class Cut(NamedTuple):
    """A text as a model gets it: its `ids`, and the half-open code points of each in the text.

    Special tokens are among them, and stand for no characters: theirs are (0, 0).
    """

    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]


class Unigram:
    """Opened from a file of `write`. Safe for many threads."""

    def __init__(self, file: Path, limit: int) -> None:
        """`limit` is the longest that a text may become, in tokens: what follows is left out."""
        self._processor = known = SentencePieceProcessor(model_file=str(file))
        self._limit = limit
        self._begin, self._end, self._space = known.bos_id(), known.eos_id(), known.piece_to_id("▁")
        self.pad = int(known.pad_id())

    def cut(self, texts: Sequence[str]) -> list[Cut]:
        """The likeliest pieces of each text, between the marks of its beginning and its end.

        A text of nothing that is kept, as of spaces, is one space: so the model has learned it.
        """
        return [self._cut(text) for text in texts]

    def _cut(self, text: str) -> Cut:
        # not all texts in one call, which starts threads for them: .3 ms where a query takes .02
        found = self._processor.encode(text, return_type="offset_mapping")
        ids, offsets = found["ids"], found["offsets"]
        if text and not ids:
            ids, offsets = [self._space], [(0, len(text))]
        for i in range(len(ids) - 2, -1, -1):
            # of a character that became several pieces, as ㎡, only the last is told its place
            if offsets[i][0] == offsets[i][1] and ids[i] != self._space:
                offsets[i] = offsets[i + 1]
        room = slice(self._limit - 2)
        return Cut([self._begin, *ids[room], self._end], [(0, 0), *offsets[room], (0, 0)])


def write(pieces: Pieces, file: Path) -> None:
    """Save as a SentencePiece model: composed, mapped, spaces folded, then cut into pieces."""
    model = _MESSAGES.ModelProto()
    kinds = model.SentencePiece.Type
    special = dict.fromkeys((pieces.bos, pieces.eos, pieces.pad), kinds.CONTROL)
    special[pieces.unk] = kinds.UNKNOWN
    for i, (piece, score) in enumerate(pieces.scores):
        model.pieces.add(piece=piece, score=score, type=special.get(i, kinds.NORMAL))
    told = model.trainer_spec
    told.model_type, told.vocab_size = told.UNIGRAM, len(pieces.scores)
    told.bos_id, told.eos_id, told.pad_id = pieces.bos, pieces.eos, pieces.pad
    told.unk_id = pieces.unk
    model.normalizer_spec.precompiled_charsmap = charsmap(pieces.normalisation)
    file.write_bytes(model.SerializeToString())


def charsmap(table: Mapping[str, str]) -> bytes:
    """The packaged map of single code points, and the sequences that become one, as with accents.

    These are those of SentencePiece's own `nmt_nfkc`, whose code points are of a later Unicode.
    """
    sentencepiece.set_min_log_level(_ERRORS)
    own = SentencePieceNormalizer(rule_name="nmt_nfkc").decompile()
    sequences = {source: target for source, target in own if len(source) > 1}
    made = SentencePieceNormalizer(norm_map=list({**sequences, **table}.items()))
    specification = _MESSAGES.NormalizerSpec()
    specification.ParseFromString(made.serialized_normalizer_spec())
    return bytes(specification.precompiled_charsmap)


_ERRORS = 2  # it tells of its progress on standard error
