"""A library of any size out of a few real reports: their texts with other numbers, their vectors
mixed with one another, so that a million clauses need a few thousand forwards of the model.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.encoder import Encoded, Encoder, Side, unit
from kb import library
from kb.library import Source
from kb.passages import cut
from kb.types import Passage

_OWN, _OTHER = 0.8, 0.6  # cosines with its own vector and with the one that is mixed in


@dataclass(frozen=True, slots=True)
class Original:
    """A document to make many of; `clauses` is how many each of them has."""

    name: str
    text: str
    clauses: int


def originals(folder: Path, clauses: int) -> Iterator[Original]:
    """Documents of a folder, by name, until they have so many clauses."""
    found = 0
    for source in library.find(folder).sources:
        if source.path.suffix == ".txt" and found < clauses:
            title, end, rest = library.load(source).text.partition("\n")
            text = f"{title}（第00000号）{end}{rest}"
            count = sum(len(p.clauses) for p in _passages(source.path))
            yield Original(source.path.stem, text, count)
            found += count


def multiply(documents: Sequence[Original], folder: Path, clauses: int) -> int:
    """Write so many copies of all of them that they have `clauses`; returns how many of each."""
    copies = -(-clauses // sum(document.clauses for document in documents))
    folder.mkdir()
    for number in range(copies):
        for document in documents:
            path = folder / f"{document.name}-{number:05}.txt"
            path.write_text(_changed(document.text, number), encoding="utf-8")
    return copies


def _changed(text: str, number: int) -> str:
    """Every number of two digits or more made another of as many; the first copy is as it was."""
    if not number:
        return text
    digits = random.Random(number)
    text = text.replace("第00000号", f"第{number:05}号", 1)
    return re.sub(r"[1-9][0-9]+", lambda m: str(digits.randint(1, 9)) + _more(digits, m), text)


def _more(digits: random.Random, number: re.Match[str]) -> str:
    return "".join(str(digits.randint(0, 9)) for _ in number[0][1:])


def _passages(path: Path) -> tuple[Passage, ...]:
    source = Source(path, path.name, library.document_id(path.name), path.stat().st_size)
    return cut(library.load(source))


def masked(text: str) -> str:
    """What copies of a text have in common."""
    return re.sub(r"[0-9]", "0", text)


def texts(folder: Path) -> list[str]:
    """What a build will encode of the copies, each once, numbers aside."""
    found: dict[str, None] = {}
    for source in library.find(folder).sources:
        for passage in cut(library.load(source)):
            pieces = (passage.text, *(clause.text for clause in passage.clauses))
            found.update(dict.fromkeys(map(masked, pieces)))
    return list(found)


class Shelf:
    """Encoded texts in a folder, mapped; a text is found by its words."""

    def __init__(self, folder: Path) -> None:
        names = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        self.places = {name: place for place, name in enumerate(names)}
        arrays = (
            np.load(folder / f"{n}.npy", "r") for n in ("starts", "vectors", "tokens", "spans")
        )
        self._starts, self._vectors, self._tokens, self._spans = arrays

    @classmethod
    def of(cls, folder: Path, names: Sequence[str], encoder: Encoder, side: Side) -> Shelf:
        """Encode the texts and keep what comes out."""
        folder.mkdir()
        found = encoder.encode(names, side)
        (folder / "texts.json").write_text(json.dumps(list(names)), encoding="utf-8")
        starts = np.cumsum([0, *(len(each.tokens) for each in found)])
        np.save(folder / "starts.npy", starts)
        np.save(folder / "vectors.npy", np.stack([each.vector for each in found]))
        np.save(folder / "tokens.npy", np.concatenate([each.tokens for each in found]))
        np.save(folder / "spans.npy", np.concatenate([each.spans for each in found]))
        return cls(folder)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: int) -> Encoded:
        rows = slice(int(self._starts[place]), int(self._starts[place + 1]))
        vector = np.asarray(self._vectors[place])
        return Encoded(vector, np.asarray(self._tokens[rows]), np.asarray(self._spans[rows]))


class Multiplied:
    """The encoder of such a library: no model, but what one made of the originals.

    A text's first copy has the vector of the original, each further one that vector mixed with
    another's. Token vectors stay those of the original. Raises `KeyError` for other texts.
    """

    def __init__(self, documents: Shelf, queries: Shelf) -> None:
        self.name = f"multiplied {len(documents)}"
        self.dim = len(documents[0].vector)
        self.forwards = 1
        self._documents, self._queries = documents, queries
        self._seen: Counter[int] = Counter()

    @classmethod
    def open(cls, folder: Path) -> Multiplied:
        return cls(Shelf(folder / "texts"), Shelf(folder / "queries"))

    @property
    def queries(self) -> list[str]:
        return list(self._queries.places)

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        if side == "query":
            return [self._queries[self._queries.places[text]] for text in texts]
        return [self._copy(self._documents.places[masked(text)]) for text in texts]

    def _copy(self, place: int) -> Encoded:
        own, copy = self._documents[place], self._seen[place]
        self._seen[place] += 1
        if not copy:
            return own
        other = self._documents[(place * 31 + copy * 7919) % len(self._documents)]
        return Encoded(unit(_OWN * own.vector + _OTHER * other.vector), own.tokens, own.spans)
