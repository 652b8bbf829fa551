"""What a generation is in Milvus: six collections named for it, their fields, how bytes are kept.

Milvus wants a vector in every collection and keeps no bytes: where there is nothing to search
`unused` stands in, and bytes are base64 in pieces that fit into one text.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from index.bm25 import FIELDS
from index.generation import NAME
from index.sizing import EXACT

FORMAT = 1
DENSE: Literal["dense"] = "dense"
SPARSE: Literal["sparse"] = "sparse"
Kind = Literal["int", "text", "ints", "dense", "sparse"]
Part = Literal["documents", "passages", "clauses", "tokens", "terms"]
PARTS: tuple[Part, ...] = ("documents", "passages", "clauses", "tokens", "terms")
Row = dict[str, Any]  # by the names of fields
MANIFEST = "manifest"
CURRENT = "kb_current"  # the alias: the manifest of the generation that serves

TEXT = 65_535  # bytes of one text field, Milvus's most
PIECE = 65_532  # the same in whole groups of base64
TERMS = 4096  # elements of one array field, Milvus's most
LONGEST_TERM = 128
BITS = 16  # a row's pieces are numbered below this many bits

_COLLECTION = re.compile(r"kb_(\d{8}T\d{6}Z)_([0-9a-f]{6})_([a-z]+)")


class Field(NamedTuple):
    """`size` is bytes of a text, elements of `ints`, dimensions of a dense vector.

    `indexed` ones are asked for by value; `cold` ones are read from disk when they are wanted.
    """

    name: str
    kind: Kind
    size: int = 0
    key: bool = False
    indexed: bool = False
    cold: bool = False


class DenseRule(NamedTuple):
    """How the nearest clauses are found: Milvus's index type, how it is built and asked."""

    kind: str
    build: Mapping[str, int]

    def ask(self, limit: int) -> Mapping[str, int]:
        """The parameters of a search."""
        return {"ef": max(2 * limit, 400)} if self.kind == "HNSW" else {}


def dense_rule(clauses: int) -> DenseRule:
    """All vectors while these are few, a graph over them beyond (see `docs/cluster.md`)."""
    if clauses <= EXACT:
        return DenseRule("FLAT", {})
    return DenseRule("HNSW", {"M": 16, "efConstruction": 200})


def index_of(field: Field, dense: DenseRule) -> dict[str, Any]:
    """How a field is indexed, in Milvus's words; empty where it is not."""
    if field.kind == DENSE:
        return {"index_type": dense.kind, "metric_type": "IP", "params": dict(dense.build)}
    if field.kind == SPARSE:
        return {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"}
    return {"index_type": "INVERTED"} if field.indexed else {}


_UNUSED = Field("unused", DENSE, 2)
NOTHING = [0.0, 0.0]

MANIFEST_FIELDS = (Field("id", "int", key=True), Field("data", "text", TEXT), _UNUSED)


def manifest_row(number: int, data: str) -> Row:
    """A row with the fields `MANIFEST_FIELDS`."""
    return {"id": number, "data": data, "unused": NOTHING}


def fields(part: Part, dim: int) -> tuple[Field, ...]:
    """The fields of a collection; `dim` is the width of the clause vectors."""
    match part:
        case "documents":
            number = Field("document", "int", indexed=True)
            return Field("id", "int", key=True), number, Field("data", "text", TEXT), _UNUSED
        case "passages":
            return (
                Field("row", "int", key=True),
                Field("document", "int", indexed=True),
                *(Field(name, "int") for name in ("first", "last", "start", "end", "page")),
                Field("paragraph", "int"),
                Field("id", "text", 512),
                Field("kind", "text", 32),
                Field("headings", "text", TEXT),
                Field("text", "text", TEXT),
                Field("cuts", "text", TEXT),
                Field("digest", "text", 64, indexed=True),
                Field("terms", "ints", TERMS),
                Field("words", SPARSE),
            )
        case "clauses":
            passage = Field("passage", "int", indexed=True)
            return Field("row", "int", key=True), passage, Field("vector", DENSE, dim)
        case "tokens":
            passage = Field("passage", "int", indexed=True)
            data = Field("data", "text", TEXT, cold=True)
            return Field("id", "int", key=True), passage, data, _UNUSED
        case "terms":
            counts = (Field(field, "int") for field in FIELDS)
            number = Field("number", "int", indexed=True)
            return Field("term", "text", 4 * LONGEST_TERM, key=True), number, *counts, _UNUSED


def collection(generation: str, part: str) -> str:
    """Where a part of a generation is."""
    return f"kb_{generation.replace('-', '_')}_{part}"


def generation_of(name: str) -> str | None:
    """The generation that a collection belongs to, None for one of somebody else."""
    found = _COLLECTION.fullmatch(name)
    generation = f"{found[1]}-{found[2]}" if found else ""
    return generation if NAME.fullmatch(generation) else None


def pieces(data: bytes) -> list[str]:
    """Bytes as texts that fit into a field; at least one."""
    text = base64.b64encode(data).decode("ascii")
    return [text[i : i + PIECE] for i in range(0, max(len(text), 1), PIECE)]


def joined(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The bytes of pieces, by their `id`."""
    ordered = sorted(rows, key=lambda row: row["id"])
    return base64.b64decode("".join(row["data"] for row in ordered))


def packed(value: object) -> list[str]:
    """A value as compressed JSON, in pieces."""
    return pieces(zlib.compress(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")))


def unpacked(rows: Iterable[Mapping[str, Any]]) -> Any:
    """What `packed` was given."""
    return json.loads(zlib.decompress(joined(rows)))


def term_key(term: str) -> str:
    """A term as it is looked up: a longer one is cut, which costs it what tells it apart."""
    return term[:LONGEST_TERM]


def among(field: str, values: Sequence[int] | Sequence[str]) -> str:
    """The expression for a field that has one of the values; terms hold letters and digits only."""
    return f"{field} in {json.dumps(list(values), ensure_ascii=False)}"


def between(field: str, first: int, last: int) -> str:
    """The expression for a half-open range."""
    return f"{field} >= {first} and {field} < {last}"


def numbered(row: int, texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Keys for the pieces of a row."""
    for number, text in enumerate(texts):
        yield (row << BITS) | number, text
