"""Which generation to serve where the current one is damaged."""

from __future__ import annotations

from index.encoder import Encoder
from index.search import Searcher
from index.store import Store
from index.stores import open_current
from kb.errors import EncoderMismatch, IndexDamaged


def open_whole(store: Store, encoder: Encoder) -> tuple[Searcher, IndexDamaged | None]:
    """The current generation; or the best other that is whole, and what is wrong with the current.

    Raises IndexMissing, EncoderMismatch, or IndexDamaged where none is whole.
    """
    try:
        return Searcher(open_current(store, encoder), encoder), None
    except IndexDamaged as damage:
        for name in store.others():
            try:
                return Searcher(store.open(name, encoder), encoder), damage
            except (IndexDamaged, EncoderMismatch):
                continue
        raise
