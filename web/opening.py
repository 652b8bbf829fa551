"""Which generation to serve where the current one is damaged."""

from __future__ import annotations

from index import generation
from index.encoder import Encoder
from index.home import Home
from index.search import Searcher
from index.snapshot import Snapshot
from kb.errors import EncoderMismatch, IndexDamaged


def open_whole(home: Home, encoder: Encoder) -> tuple[Searcher, IndexDamaged | None]:
    """The current generation; or the best other that is whole, and what is wrong with the current.

    Raises IndexMissing, EncoderMismatch, or IndexDamaged where none is whole.
    """
    try:
        return Searcher.open(home, encoder), None
    except IndexDamaged as damage:
        for name in generation.others(home):
            try:
                snapshot = Snapshot.open(generation.folder(home, name), encoder)
            except (IndexDamaged, EncoderMismatch):
                continue
            return Searcher(snapshot, encoder), damage
        raise
