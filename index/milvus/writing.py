"""A generation into Milvus: every part written, read back and compared, then sealed."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import astuple

from index.milvus.client import Client
from index.milvus.layout import (
    FORMAT,
    MANIFEST,
    MANIFEST_FIELDS,
    NOTHING,
    PARTS,
    Part,
    Row,
    between,
    collection,
    dense_rule,
    fields,
    manifest_row,
    packed,
)
from index.milvus.lexicon import Lexicon
from index.milvus.rows import Seal, clause_rows, document_rows, passage_row, token_rows
from index.store import COMMON_FACTS, PassageVectors, Reader
from kb.errors import StoreUnavailable
from kb.types import Passage

SEAL, CONTENTS = 0, 16  # ids in the manifest: the seal, and the first piece of the contents
_BATCH = 32  # passages of one call: some 8 MB of tokens, where Milvus takes 64
_PIECES = 64  # of a document in one call: 4 MB at most
_MANY = 4096  # small rows of one call
# By which number rows are read back in their order, and which orders those of one number.
_ORDER: dict[Part, tuple[str, str]] = {
    "documents": ("document", "id"),
    "passages": ("row", "row"),
    "clauses": ("passage", "row"),
    "tokens": ("passage", "id"),
    "terms": ("number", "number"),
}


def write(client: Client, source: Reader, name: str) -> None:
    """Copy what `source` reads into the collections of generation `name`, sealed at the end.

    Raises `StoreUnavailable`, also where what is read back is not what was written.
    """
    dim = int(source.facts["encoder"]["dim"])
    rule = dense_rule(int(source.facts["counts"]["clauses"]))
    client.create(collection(name, MANIFEST), MANIFEST_FIELDS, rule)
    for part in PARTS:
        client.create(collection(name, part), fields(part, dim), rule)
    seals = {part: Seal(fields(part, dim)) for part in PARTS}
    titles = {each.id: each.title for each in source.contents.documents}
    every = (passage for _, passages in _batches(source) for passage in passages)
    lexicon = Lexicon((passage, titles[passage.document_id]) for passage in every)
    for part, rows in _rows(source, lexicon):
        seals[part].add(rows)
        client.insert(collection(name, part), rows)
    for part in PARTS:
        client.flush(collection(name, part))
        _compare(client, name, part, seals[part], dim)
    _seal(client, source, name, lexicon, seals)


def _rows(source: Reader, lexicon: Lexicon) -> Iterator[tuple[Part, list[Row]]]:
    """Everything, in calls of bounded size; the rows of one part in their order."""
    for number, summary in enumerate(source.contents.documents):
        for rows in _cut(document_rows(number, source.document(summary.id)), _PIECES):
            yield "documents", rows
    summaries = {each.id: (i, each.title) for i, each in enumerate(source.contents.documents)}
    clause = 0
    for first, passages in _batches(source):
        vectors = source.vectors(range(first, first + len(passages)))
        batch = _Batch(first, clause, passages, vectors)
        yield "passages", batch.passages(summaries, lexicon)
        yield "clauses", batch.clauses()
        yield "tokens", batch.tokens()
        clause = batch.end
    terms = (
        {"term": term, "number": entry.number, **entry.frequencies._asdict(), "unused": NOTHING}
        for term, entry in lexicon.entries()
    )
    for rows in _cut(terms, _MANY):
        yield "terms", rows


def _batches(source: Reader) -> Iterator[tuple[int, list[Passage]]]:
    first = 0
    while passages := source.passages(first, first + _BATCH):
        yield first, passages
        first += len(passages)


def _cut(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(itertools.islice(rows, size)):
        yield batch


class _Batch:
    """Some passages from row `first` on, their clauses from row `clause` on."""

    def __init__(
        self, first: int, clause: int, passages: list[Passage], vectors: list[PassageVectors]
    ) -> None:
        starts = list(itertools.accumulate((len(p.clauses) for p in passages), initial=clause))
        self.end = starts[-1]
        self._all = list(zip(itertools.count(first), starts, passages, vectors, strict=False))

    def passages(self, summaries: dict[str, tuple[int, str]], lexicon: Lexicon) -> list[Row]:
        return [
            passage_row(row, *summaries[passage.document_id], start, passage, lexicon)
            for row, start, passage, _ in self._all
        ]

    def clauses(self) -> list[Row]:
        return [each for row, start, _, own in self._all for each in clause_rows(row, start, own)]

    def tokens(self) -> list[Row]:
        return [each for row, _, _, own in self._all for each in token_rows(row, own)]


def _compare(client: Client, name: str, part: Part, written: Seal, dim: int) -> None:
    """Read a part back. Raises `StoreUnavailable`."""
    found = Seal(fields(part, dim))
    for rows in read_back(client, name, part, dim, written.rows):
        found.add(rows)
    if found.facts != written.facts:
        raise StoreUnavailable(
            client.place, f"{collection(name, part)} holds {found.rows} rows, not as written"
        )


def read_back(client: Client, name: str, part: Part, dim: int, rows: int) -> Iterator[list[Row]]:
    """All `rows` rows of a part, in the order in which they were written."""
    number, key = _ORDER[part]
    names = [field.name for field in fields(part, dim)]
    step = _MANY if part == "terms" else _BATCH
    seen = first = 0
    while seen < rows:
        where = between(number, first, first + step)
        found = client.query(collection(name, part), where, names, strong=True)
        if not found:
            return
        yield sorted(found, key=lambda row: int(row[key]))
        seen += len(found)
        first += step


def _seal(
    client: Client, source: Reader, name: str, lexicon: Lexicon, seals: dict[Part, Seal]
) -> None:
    """Write the manifest, its seal last: a generation without one is not there."""
    place = collection(name, MANIFEST)
    documents = [astuple(each) for each in source.contents.documents]
    skipped = [astuple(each) for each in source.contents.skipped]
    contents = packed([documents, skipped])
    client.insert(place, [manifest_row(CONTENTS + i, data) for i, data in enumerate(contents)])
    facts = {
        **{key: source.facts[key] for key in COMMON_FACTS},
        "format": FORMAT,
        "lengths": lexicon.lengths,
        "contents": len(contents),
        "parts": {part: seal.facts for part, seal in seals.items()},
    }
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    client.insert(place, [manifest_row(SEAL, f"{seal_of(text)}\n{text}")])
    client.flush(place)


def seal_of(text: str) -> str:
    """SHA-256 of a manifest's text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()
