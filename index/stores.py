"""Which store a home has, and the way into the generation that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from index.home import Home, store_uri
from index.local import LocalStore
from index.store import Reader, Store
from kb import changing
from kb.errors import IndexDamaged, IndexMissing

if TYPE_CHECKING:
    from index.encoder import Encoder


def store_of(home: Home) -> Store:
    """The Milvus that the home names, else its own folder of generations."""
    if home.store is None:
        return LocalStore(home)
    from index.milvus.store import MilvusStore  # noqa: PLC0415 - loads faiss and tantivy

    return MilvusStore(home, store_uri(home.store), home.token)


def open_current(store: Store, encoder: Encoder) -> Reader:
    """The published generation. Raises `IndexMissing`, `IndexDamaged`, `EncoderMismatch`."""
    name = store.current()
    if name is None:
        raise IndexMissing(store.place)
    try:
        return store.open(name, encoder)
    except IndexDamaged:
        if store.current() == name:
            raise
        return open_current(store, encoder)  # builds took its place while it was being opened


def begin_library(home: Home) -> None:
    """Put the shipped report into a home that has neither documents nor an index yet.

    Where there is an index, its documents were taken away since: one of the shipped report alone
    must not take its place.
    """
    if home.owns_documents and not home.documents.exists() and not store_of(home).names():
        changing.install_shipped(home.documents)
