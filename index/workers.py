"""Who does what a build can share out: documents to passages, passages to vectors."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from index.encoder import Encoder
from index.late import quantised
from index.store import PassageVectors, RowNumbers
from index.texts import TextStore
from kb import library
from kb.errors import DocumentUnreadable
from kb.library import Skipped, Source
from kb.passages import cut
from kb.reading import blamed_on
from kb.types import Document, Passage

BATCH = 16  # passages that are encoded together, and between two reports of progress


class Cut(NamedTuple):
    """A document and its passages."""

    document: Document
    passages: tuple[Passage, ...]


class Workers(Protocol):
    """Both answer in the order of what they are given, one by one, and are closed when left."""

    def read(self, sources: Sequence[Source]) -> Generator[Cut | Skipped]:
        """Each source cut into passages, or why it is left out."""

    def encode(self, texts: TextStore, rows: RowNumbers) -> Generator[PassageVectors]:
        """The vectors of the passages of `rows`."""


class Here:
    """This process."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def read(self, sources: Sequence[Source]) -> Generator[Cut | Skipped]:
        """One after the other."""
        for source in sources:
            data = None
            try:
                data = library.content(source)
                found: Cut | Skipped = cut_up(source, data)
            except DocumentUnreadable as error:
                found = library.left_out(source, error.reason, data)
            yield found

    def encode(self, texts: TextStore, rows: RowNumbers) -> Generator[PassageVectors]:
        """Batch by batch."""
        for first in range(0, len(rows), BATCH):
            passages = texts.passages_at(rows[first : first + BATCH].tolist())
            yield from encode_passages(passages, self._encoder)


def cut_up(source: Source, data: bytes) -> Cut:
    """The document of a file's bytes and its passages. Raises `DocumentUnreadable`."""
    document = library.load(source, data)
    with blamed_on(source.path):
        return Cut(document, cut(document))


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
