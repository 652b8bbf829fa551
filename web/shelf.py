"""The library by hand: what is put on the shelf, taken off it, and what the index has of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index import sealed
from index.hits import DocumentSummary
from index.home import Home
from index.stores import store_of
from kb import changing, library
from kb.errors import LibraryReadOnly
from kb.library import Skipped, Source

State = Literal["indexed", "changed", "new", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Holding:
    """A file of the library or of the index, and whether the two agree.

    `summary` is what the index has of it, `reason` why it is left out.
    """

    id: str
    name: str
    state: State
    summary: DocumentSummary | None = None
    reason: str | None = None


def add(home: Home, file: Path, name: str | None = None) -> Source:
    """Copy `file` into the library; it is searched once the library is indexed again.

    Raises LibraryReadOnly, DocumentUnreadable, DocumentExists or StorageFailed.
    """
    _require_own(home)
    with sealed.writing(home.documents):
        changing.install_shipped(home.documents)
        return changing.add(home.documents, file, name)


def remove(home: Home, wanted: str) -> Source:
    """Delete the document of the id or file name `wanted` from the library.

    Raises LibraryReadOnly, UnknownDocument, LastDocument or StorageFailed.
    """
    _require_own(home)
    names = {source.name: source.id for source in library.find(home.documents).sources}
    with sealed.writing(home.documents):
        return changing.remove(home.documents, names.get(wanted, wanted))


def holdings(home: Home) -> tuple[Holding, ...]:
    """Everything that is in the library or in the index, by name; loads no model."""
    indexed, left_out = _index(home)
    findings = library.find(home.documents)
    reasons = {each.name: each.reason for each in (*left_out, *findings.skipped)}
    present = {source.name: source for source in findings.sources}
    names = sorted({*indexed, *present, *(each.name for each in findings.skipped)})
    return tuple(_holding(name, present.get(name), indexed.get(name), reasons) for name in names)


def _require_own(home: Home) -> None:
    if not home.owns_documents:
        raise LibraryReadOnly(home.documents)


def _index(home: Home) -> tuple[dict[str, DocumentSummary], tuple[Skipped, ...]]:
    store = store_of(home)
    name = store.current()
    if name is None:
        return {}, ()
    contents = store.contents(name)
    return {each.name: each for each in contents.documents}, contents.skipped


def _holding(
    name: str, source: Source | None, summary: DocumentSummary | None, reasons: dict[str, str]
) -> Holding:
    document_id = library.document_id(name)
    reason = reasons.get(name)
    if reason is not None:
        return Holding(document_id, name, "left out", reason=reason)
    if source is None:
        return Holding(document_id, name, "removed", summary)
    if summary is None:
        return Holding(document_id, name, "new")
    same = library.fingerprint(source.path) == summary.fingerprint
    return Holding(document_id, name, "indexed" if same else "changed", summary)
