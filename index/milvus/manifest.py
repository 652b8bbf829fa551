"""The manifest of a generation in Milvus: read, checked, and what the library held."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from index.hits import DocumentSummary
from index.milvus.client import Client, NotThere
from index.milvus.layout import FORMAT, MANIFEST, PARTS, collection, generation_of, unpacked
from index.milvus.writing import CONTENTS, SEAL, seal_of
from index.store import Contents, check_version
from kb.errors import IndexDamaged
from kb.library import Skipped


def sealed(client: Client) -> list[str]:
    """The generations that are whole by their seal, newest first."""
    names = {
        name
        for each in client.collections()
        if (name := generation_of(each)) and each == collection(name, MANIFEST)
    }
    return sorted((name for name in names if _text(client, name) is not None), reverse=True)


def read(client: Client, name: str) -> Mapping[str, Any]:
    """The manifest, as it was written. Raises `IndexDamaged`."""
    place = Path(collection(name, MANIFEST))
    text = _text(client, name)
    if text is None:
        raise IndexDamaged(place, "it is missing")
    seal, _, text = text.partition("\n")
    if seal != seal_of(text):
        raise IndexDamaged(place, "its bytes are not those that were written")
    facts: dict[str, Any] = json.loads(text)
    if facts["format"] != FORMAT:
        raise IndexDamaged(place, f"its format is {facts['format']}, not {FORMAT}")
    return facts


def verify(client: Client, name: str) -> Mapping[str, Any]:
    """The manifest, once every part has the rows that it tells. Raises `IndexDamaged`."""
    facts = read(client, name)
    for part in PARTS:
        place, rows = collection(name, part), facts["parts"][part]["rows"]
        try:
            found = client.count(place)
        except NotThere:
            raise IndexDamaged(Path(place), "it is missing") from None
        if found != rows:
            raise IndexDamaged(Path(place), f"{found} rows, not {rows}")
    return facts


def contents(client: Client, name: str, facts: Mapping[str, Any]) -> Contents:
    """What the library held when the generation was built. Raises `IndexDamaged`."""
    place = collection(name, MANIFEST)
    check_version(facts, Path(place))
    rows = client.query(place, f"id >= {CONTENTS}", ["id", "data"])
    if len(rows) != facts["contents"]:
        raise IndexDamaged(Path(place), f"{len(rows)} pieces of contents, not {facts['contents']}")
    documents, skipped = unpacked(rows)
    return Contents(
        tuple(DocumentSummary(*each) for each in documents),
        tuple(Skipped(*each) for each in skipped),
    )


def _text(client: Client, name: str) -> str | None:
    try:
        rows = client.query(collection(name, MANIFEST), f"id == {SEAL}", ["data"], strong=True)
    except NotThere:
        return None
    return str(rows[0]["data"]) if rows else None
