"""The library by hand: what is put on the shelf, taken off it, and what the index has of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index.hits import DocumentSummary
from index.home import Home
from index.stores import begin_library, store_of
from kb import changing, library
from kb.disk import writing
from kb.errors import LibraryReadOnly
from kb.library import Skipped, Source

State = Literal["indexed", "changed", "new", "removed", "left out"]


@dataclass(frozen=True, slots=True)
class Holding:
    """A file of the library or of the index, and whether the two agree.

    `summary` is what the index has of it, `reason` why it is left out, or would be from now on.
    """

    id: str
    name: str
    state: State
    summary: DocumentSummary | None = None
    reason: str | None = None


def add(home: Home, file: Path, name: str | None = None) -> Source:
    """Copy `file` into the library; it is searched once the library is indexed again.

    Raises LibraryReadOnly, DocumentUnreadable, DocumentExists, StorageFailed or, where
    there is no library yet, StoreUnavailable.
    """
    _require_own(home)
    with writing(home.documents):
        begin_library(home)
        home.documents.mkdir(parents=True, exist_ok=True)
        return changing.add(home.documents, file, name)


def remove(home: Home, wanted: str) -> Source:
    """Delete the document of the id or file name `wanted` from the library.

    Raises LibraryReadOnly, UnknownDocument, LastDocument or StorageFailed.
    """
    _require_own(home)
    found = library.find(home.documents)
    names = [*(each.name for each in found.sources), *(each.name for each in found.skipped)]
    identity = library.document_id(wanted) if wanted in names else wanted
    with writing(home.documents):
        return changing.remove(home.documents, identity)


def holdings(home: Home) -> tuple[Holding, ...]:
    """Everything that is in the library or in the index, by name; loads no model."""
    indexed, left_out = _index(home)
    findings = library.find(home.documents)
    unfit = {each.name: each.reason for each in findings.skipped}
    present = {source.name: source for source in findings.sources}

    def holding(name: str) -> Holding:
        state = _state(present.get(name), indexed.get(name), left_out.get(name), name in unfit)
        reason = unfit.get(name)
        if state == "left out" and reason is None:
            reason = left_out[name].reason
        return Holding(library.document_id(name), name, state, indexed.get(name), reason)

    return tuple(holding(name) for name in sorted({*indexed, *present, *unfit}))


def _require_own(home: Home) -> None:
    if not home.owns_documents:
        raise LibraryReadOnly(home.documents)


def _index(home: Home) -> tuple[dict[str, DocumentSummary], dict[str, Skipped]]:
    """What the index has and what it left out, by name."""
    store = store_of(home)
    name = store.current()
    if name is None:
        return {}, {}
    contents = store.contents(name)
    documents = {each.name: each for each in contents.documents}
    return documents, {each.name: each for each in contents.skipped}


def _state(
    source: Source | None,
    summary: DocumentSummary | None,
    left_out: Skipped | None,
    is_unfit: bool,
) -> State:
    """How a file stands: as a document that may be one, in the index, and as one left out of it."""
    if is_unfit:
        return "changed" if summary else "left out"
    if source is None:
        return "removed"
    known = summary or left_out
    if known is None:
        return "new"
    if library.fingerprint(source.path) != known.fingerprint:
        return "changed"
    return "indexed" if summary else "left out"
