"""Passages and vectors to the rows of collections, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from index import texts
from index.late import Tokens
from index.milvus.layout import NOTHING, Field, Row, joined, numbered, packed, pieces
from index.milvus.lexicon import Counted, Lexicon
from index.store import PassageVectors
from kb.types import Document, Passage


def document_rows(number: int, document: Document) -> Iterator[Row]:
    """A document in pieces, packed."""
    outline = [astuple(section) for section in document.outline]
    own = (document.id, document.name, document.title, document.text, document.fingerprint)
    value = [*own, document.author, document.date, document.pages, outline]
    for key, data in numbered(number, packed(value)):
        yield {"id": key, "document": number, "data": data, "unused": NOTHING}


def document_from(value: Any) -> Document:
    """What `document_rows` was given, once it is unpacked."""
    *own, author, date, pages, outline = value
    identity, name, title, text, fingerprint = own
    sections = tuple(texts.section_from(*fields) for fields in outline)
    return Document(identity, name, title, text, sections, fingerprint, author, date, tuple(pages))


PASSAGE = ("row", "document", "id", "kind", "headings", "text", "start", "end", "cuts", "page",
           "paragraph")  # fmt: skip


def passage_row(
    row: int, document: int, title: str, first: int, passage: Passage, lexicon: Lexicon
) -> Row:
    """A passage and what its terms weigh; `first` is the row of its first clause."""
    counts = Counted.of(passage, title)
    return {
        "row": row,
        "document": document,
        "first": first,
        "last": first + len(passage.clauses),
        "start": passage.start,
        "end": passage.end,
        "page": passage.page or 0,
        "paragraph": passage.paragraph,
        "id": passage.id,
        "kind": passage.kind,
        "headings": json.dumps(passage.headings, ensure_ascii=False),
        "text": passage.text,
        "cuts": json.dumps(texts.cuts(passage)),
        "digest": texts.digest(passage),
        "terms": lexicon.numbers(counts),
        "words": lexicon.vector(counts),
    }


def passage_from(row: Mapping[str, Any], document_id: str) -> Passage:
    """The passage of a row with the fields `PASSAGE`."""
    return texts.passage_from(
        row["id"],
        document_id,
        row["kind"],
        row["headings"],
        row["text"],
        row["start"],
        row["end"],
        row["cuts"],
        row["page"] or None,
        row["paragraph"],
    )


def clause_rows(row: int, first: int, vectors: PassageVectors) -> Iterator[Row]:
    """A row a clause."""
    for number, vector in enumerate(vectors.clauses, first):
        yield {"row": number, "passage": row, "vector": np.asarray(vector, np.float32)}


def token_rows(row: int, vectors: PassageVectors) -> Iterator[Row]:
    """The tokens of a passage and of its clauses, in pieces."""
    for key, data in numbered(row, pieces(_token_bytes(vectors))):
        yield {"id": key, "passage": row, "data": data, "unused": NOTHING}


def _token_bytes(vectors: PassageVectors) -> bytes:
    """How many texts and tokens of each (int32), then all scales, all spans and all codes."""
    all_tokens = [vectors.tokens, *vectors.clause_tokens]
    head = np.array([len(all_tokens), *map(len, all_tokens)], "<i4")
    arrays = [head]
    for name, kind in (("scales", "<f4"), ("spans", "<i4"), ("codes", "i1")):
        arrays += [np.ascontiguousarray(getattr(each, name), kind) for each in all_tokens]
    return b"".join(array.tobytes() for array in arrays)


def tokens_from(rows: Iterable[Mapping[str, Any]], dim: int) -> list[Tokens]:
    """The tokens of a passage and of each of its clauses; views of one buffer."""
    data = joined(rows)
    many = int(np.frombuffer(data, "<i4", 1)[0])
    lengths = np.frombuffer(data, "<i4", many, 4)
    total, at = int(lengths.sum()), 4 + 4 * many
    scales = np.frombuffer(data, "<f4", total, at)
    spans = np.frombuffer(data, "<i4", 2 * total, at + 4 * total).reshape(total, 2)
    codes = np.frombuffer(data, "i1", total * dim, at + 12 * total).reshape(total, dim)
    ends = np.cumsum(lengths).tolist()
    cuts = zip([0, *ends], ends, strict=False)
    return [Tokens(codes[a:b], scales[a:b], spans[a:b]) for a, b in cuts]


class Seal:
    """Rows counted and digested in their order, the same when written and when read back."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._digest = hashlib.sha256()
        self.rows = 0

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take note of rows."""
        for row in rows:
            self.rows += 1
            for field in self._fields:
                data = _canonical(field, row[field.name])
                self._digest.update(len(data).to_bytes(8, "little") + data)

    @property
    def facts(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return {"rows": self.rows, "sha256": self._digest.hexdigest()}


def _canonical(field: Field, value: Any) -> bytes:
    match field.kind:
        case "text":
            return str(value).encode("utf-8", "surrogatepass")
        case "sparse":
            return b"".join(
                int(key).to_bytes(4, "little") + np.float32(value[key]).tobytes()
                for key in sorted(value)
            )
        case "dense":
            return np.asarray(value, "<f4").tobytes()
        case _:
            return np.asarray(value, "<i8").tobytes()
