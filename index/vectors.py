"""The encoding stage of a build: passages to clause vectors and token vectors on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from index import dense, texts
from index.encoder import Encoder, Vectors
from index.late import TokenWriter, quantised
from index.snapshot import CLAUSE_TOKENS, CLAUSES, PASSAGE_TOKENS, STARTS
from index.store import PassageVectors, Reader
from kb.types import Passage

_BATCH = 16  # passages between two reports of progress


def write_vectors(
    folder: Path,
    store: texts.TextStore,
    encoder: Encoder,
    before: Reader | None,
    done: Callable[[int], None],
) -> int:
    """Write the vectors of every passage, in row order; return how many had to be encoded."""
    starts = [0]
    vectors: list[Vectors] = []
    encoded = 0
    with (
        TokenWriter(folder / PASSAGE_TOKENS) as passage_tokens,
        TokenWriter(folder / CLAUSE_TOKENS) as clause_tokens,
    ):
        for batch in store.batches(_BATCH):
            passages = [passage for _, passage in batch]
            known = _reused(before, passages)
            new = [p for p, found in zip(passages, known, strict=True) if found is None]
            fresh = iter(encode_passages(new, encoder))
            encoded += len(new)
            for found in known:
                item = found or next(fresh)
                vectors.append(item.clauses)
                starts.append(starts[-1] + len(item.clauses))
                passage_tokens.add(item.tokens)
                for tokens in item.clause_tokens:
                    clause_tokens.add(tokens)
            done(batch[-1][0] + 1)
    np.save(folder / STARTS, np.array(starts, np.int64))
    dense.write(folder / CLAUSES, np.concatenate(vectors))
    return encoded


def encode_passages(passages: Sequence[Passage], encoder: Encoder) -> list[PassageVectors]:
    """Each passage once whole, for its tokens, and once clause by clause.

    Pooling clause vectors out of the whole passage's tokens would save half the work and was
    worse (R@1 .61 against .73): a clause says more about itself alone.
    """
    whole = encoder.encode([p.text for p in passages], "document")
    parts = iter(encoder.encode([c.text for p in passages for c in p.clauses], "document"))
    found = []
    for passage, encoded in zip(passages, whole, strict=True):
        clauses = [next(parts) for _ in passage.clauses]
        found.append(
            PassageVectors(
                np.stack([clause.vector for clause in clauses]),
                quantised(encoded),
                tuple(quantised(clause) for clause in clauses),
            )
        )
    return found


def _reused(before: Reader | None, passages: Sequence[Passage]) -> list[PassageVectors | None]:
    """The vectors of equal passages of the generation before, where it has them."""
    if before is None:
        return [None] * len(passages)
    rows = before.find([texts.digest(passage) for passage in passages])
    found = iter(before.vectors([row for row in rows if row is not None]))
    return [None if row is None else next(found) for row in rows]
