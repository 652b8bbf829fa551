"""The seam behind which generations are kept: what a store does, and what a reader answers.

Searcher, ranking, evidence, endpoint and page know these two protocols alone. A store may be at
the other end of a network, so whatever is asked for many rows is asked in one call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from index.hits import DocumentSummary
from kb.errors import EncoderMismatch, IndexDamaged
from kb.library import Skipped

if TYPE_CHECKING:  # whoever only lists a library loads none of the libraries behind these
    from index.encoder import Encoder, Vectors
    from index.late import Matches, Tokens
    from index.texts import Rows
    from kb.types import Document, Passage, Section

VERSION = 7  # raise it when what is written changes; an index of another version is built anew

# What a manifest says of a generation wherever it is kept.
COMMON_FACTS = ("version", "encoder", "built_at", "counts")

RowNumbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """`clauses` is `(n, dim)`, a row a clause; the token spans are into the passage or clause."""

    clauses: Vectors
    tokens: Tokens
    clause_tokens: tuple[Tokens, ...]


@dataclass(frozen=True, slots=True)
class LexicalScores:
    """Passage rows, best first, and their BM25 scores; `ceiling` is what no passage can reach."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    ceiling: float


class LateMatches(NamedTuple):
    """How a passage's tokens meet a query's, their MaxSim, and that of each clause, `(n,)`."""

    passage: Matches
    maxsim: float
    clauses: Vectors


@dataclass(frozen=True, slots=True)
class Contents:
    """What a generation is made of: its documents, by name, and the files it left out."""

    documents: tuple[DocumentSummary, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """What of an encoder has to fit an index: where nothing is asked, as when it is copied."""

    name: str
    dim: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Identity:
        """The encoder that built an index, by its manifest."""
        return cls(facts["encoder"]["name"], facts["encoder"]["dim"])


def check_version(facts: Mapping[str, Any], place: Path) -> None:
    """Raise `IndexDamaged` for a manifest of another version, which is at `place`."""
    if facts.get("version") != VERSION:
        raise IndexDamaged(place, f"it is of version {facts.get('version')}, not {VERSION}")


def check(facts: Mapping[str, Any], place: Path, encoder: Encoder | Identity) -> None:
    """Raise as `check_version`, and `EncoderMismatch` for a manifest of another encoder."""
    check_version(facts, place)
    built_by = Identity.of(facts)
    if built_by != Identity(encoder.name, encoder.dim):
        raise EncoderMismatch(built_by.name, encoder.name)


class Reader(Protocol):
    """One opened generation; safe for many threads. A row is a passage's place among all.

    `within` keeps to the passages of a document or a section; None stands for all of them.
    """

    @property
    def name(self) -> str:
        """The generation."""

    @property
    def remote(self) -> bool:
        """Whether answers come over a network, so that several are better asked for at once."""

    def answering(self) -> AbstractContextManager[None]:
        """Whatever is asked within is one search, and ends in the time that a search may take."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its manifest, `COMMON_FACTS` and more."""

    @property
    def contents(self) -> Contents:
        """What the library held when it was built."""

    def summary(self, document_id: str) -> DocumentSummary:
        """What is known of a document without its text. Raises `UnknownDocument`."""

    def rows(self, document_id: str) -> Rows:
        """Where a document's passages are. Raises `UnknownDocument`."""

    def section(self, document_id: str, number: int) -> tuple[Section, Rows]:
        """Section `number` of a document's outline, from 0, and where its passages are.

        Raises `UnknownDocument` or `UnknownSection`.
        """

    def document(self, document_id: str) -> Document:
        """The whole document. Raises `UnknownDocument`."""

    def passages(self, first: int, last: int) -> list[Passage]:
        """Passages by row, half-open."""

    def passages_at(self, rows: RowNumbers) -> list[Passage]:
        """The passages of some rows, in their order."""

    def clauses(self, within: Rows | None) -> int:
        """How many clauses a search looks through."""

    def nearest(self, vector: Vectors, limit: int, within: Rows | None) -> RowNumbers:
        """The passages of the `limit` clauses nearest to `vector`, a row a clause."""

    def matching(self, query: str, limit: int, within: Rows | None) -> LexicalScores:
        """The `limit` best passages by BM25, of those that share a term with the query."""

    def holding(
        self, terms: Collection[str], query: str, limit: int, within: Rows | None
    ) -> RowNumbers:
        """Up to `limit` passages that have every one of the terms, best first by BM25 of `query`.

        The query has these terms; none has them all where there are none.
        """

    def cosines(self, rows: RowNumbers, vector: Vectors) -> list[Vectors]:
        """For each row the cosines of its clauses with `vector`."""

    def bm25(self, query: str, rows: RowNumbers) -> LexicalScores:
        """BM25 of just these passages, those without a common term left out."""

    def weights(self, query: str) -> Mapping[str, float]:
        """How much each term of the query tells, the rarest 1."""

    def matches(self, rows: RowNumbers, tokens: Vectors) -> list[LateMatches]:
        """For each row how its tokens meet those of a query, `(n, dim)`."""

    def find(self, digests: Sequence[str]) -> list[int | None]:
        """The row of a passage of each `texts.digest`, None where there is none."""

    def vectors(self, rows: Sequence[int]) -> list[PassageVectors]:
        """Everything that was encoded for each of these passages."""

    def close(self) -> None:
        """Let go of it."""


class Store(Protocol):
    """Keeps whole generations, of which one is current. A name is one of `generation.new_name`."""

    @property
    def place(self) -> Path | str:
        """Where it is, as a person knows it."""

    @property
    def remote(self) -> bool:
        """Whether it is at the other end of a network, where others may build into it."""

    def health(self) -> str:
        """What it is and that it answers, in a line. Raises `StoreUnavailable`."""

    def current(self) -> str | None:
        """The generation that serves, None before the first; a cheap read.

        Raises `IndexDamaged`.
        """

    def names(self) -> list[str]:
        """All generations present, newest first."""

    def others(self) -> list[str]:
        """Those that could serve in place of the current one, the best first."""

    def facts(self, name: str) -> Mapping[str, Any]:
        """The manifest of a generation once it is verified. Raises `IndexDamaged`.

        That is also one of another version, which nothing here opens.
        """

    def contents(self, name: str) -> Contents:
        """What a verified generation is made of; needs no encoder. Raises `IndexDamaged`."""

    def size(self, name: str) -> int | None:
        """Bytes of a generation, None where the store does not tell."""

    def open(self, name: str, encoder: Encoder | Identity) -> Reader:
        """Verify, then open. Raises `IndexDamaged`, or `EncoderMismatch` before reading vectors."""

    def alone(self) -> AbstractContextManager[None]:
        """Hold what nothing is changed without. Raises `RebuildRunning` where another holds it."""

    def sweep(self) -> None:
        """Remove what builds that died left behind, and generations beyond two."""

    def publish(self, draft: Path, name: str) -> None:
        """Take in a sealed folder as generation `name` and make it current; all or nothing."""

    def take(self, source: Reader, name: str) -> None:
        """Copy what `source` reads, check it, and make it current as generation `name`."""

    def rollback(self) -> str:
        """Make the best of the other generations current and return its name.

        Raises `IndexMissing`, `NoEarlierGeneration`, `RebuildRunning`, or `IndexDamaged` where
        none is whole.
        """
