"""A generation from one store to another: every document, passage and vector, compared."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from index import sealed
from index.build import write_lexical
from index.encoder import Encoded, Side
from index.late import Tokens
from index.snapshot import LEXICAL, TEXTS, Snapshot
from index.store import COMMON_FACTS, Identity, PassageVectors, Reader, Store
from index.texts import TextStore
from index.textwriter import TextWriter
from index.vectors import GenerationBefore, write_vectors
from index.workers import Here
from kb.errors import GenerationExists, IndexDamaged, IndexMissing

_BATCH = 64


def copy(source: Store, target: Store) -> str:
    """Make the current generation of `source` that of `target`, under its own name; return it.

    Raises `IndexMissing`, `GenerationExists`, `RebuildRunning`, or what either store finds wrong.
    """
    name = source.current()
    if name is None:
        raise IndexMissing(source.place)
    with target.alone():
        target.sweep()
        if name in target.names():
            raise GenerationExists(name, target.place)
        with closing(source.open(name, Identity.of(source.facts(name)))) as reader:
            target.take(reader, name)
    return name


def write_draft(draft: Path, source: Reader) -> None:
    """Fill and seal a folder with what `source` reads. Raises `IndexDamaged` where it differs."""
    with TextWriter(draft / TEXTS) as writer:
        for each in source.contents.documents:
            _, first, last = source.rows(each.id)
            writer.add(source.document(each.id), source.passages(first, last))
        writer.skip(source.contents.skipped)
    identity = Identity.of(source.facts)
    encoder = _Encodings(identity)
    with closing(TextStore(draft / TEXTS)) as texts:
        before = [GenerationBefore(source)]
        write_vectors(draft, texts, encoder, Here(encoder), before, lambda _done: None)
        write_lexical(draft / LEXICAL, texts, lambda _done: None)
    sealed.seal(draft, {key: source.facts[key] for key in COMMON_FACTS})
    with closing(Snapshot.open(draft, identity)) as copied:
        compare(source, copied)


class _Encodings:
    """An encoder that is never asked: the source has every vector."""

    def __init__(self, identity: Identity) -> None:
        self.name, self.dim, self.forwards = identity.name, identity.dim, 1

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Raises `IndexDamaged`."""
        raise IndexDamaged(Path(self.name), f"{len(texts)} {side} texts have no vectors")


def compare(one: Reader, other: Reader) -> None:
    """Raise `IndexDamaged` unless both hold the same, to the last bit."""
    if one.contents != other.contents:
        raise IndexDamaged(Path(other.name), "its documents are not those that were copied")
    first = 0
    while passages := one.passages(first, first + _BATCH):
        last = first + len(passages)
        rows = range(first, last)
        pairs = zip(one.vectors(rows), other.vectors(rows), strict=True)
        if passages != other.passages(first, last) or not all(_same(a, b) for a, b in pairs):
            raise IndexDamaged(Path(other.name), f"passages {first}-{last} differ")
        first = last


def _same(one: PassageVectors, other: PassageVectors) -> bool:
    mine, others = _tokens(one), _tokens(other)
    return (
        np.array_equal(one.clauses, other.clauses)
        and len(mine) == len(others)
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for a, b in zip(mine, others, strict=True)
            for name in ("codes", "scales", "spans")
        )
    )


def _tokens(vectors: PassageVectors) -> tuple[Tokens, ...]:
    return (vectors.tokens, *vectors.clause_tokens)
