"""The generation a server answers from: taken over when the store has another, told when not."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from kb.errors import IndexDamaged, KBError, NotReady, StoreUnavailable
from web.lending import Lender

if TYPE_CHECKING:
    from index.encoder import Encoder
    from index.home import Home
    from index.search import Searcher
    from index.store import Store

log = structlog.get_logger("kb.live")

# A generation that was refused is looked at again, for a disk may come back and a file be put
# right: so long after, and longer where the look took long, so that it costs little.
RETRY_SECONDS, RETRY_SHARE = 10.0, 0.05


class Follower(Lender):
    """The current searcher of one home, for many threads.

    A request takes the searcher once and answers wholly from it; a new generation, whoever
    built it, takes its place between requests, and the old one is closed when nobody holds
    it any more. A new generation that cannot be opened leaves the old one serving and shows
    in `fault`; it is tried again now and then. `away` is set while a store at the other end
    of a network does not answer.
    """

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.fault: str | None = None
        self.away: StoreUnavailable | None = None
        self._encoder: Encoder | None = None
        self._follow_lock = threading.Lock()
        self._refused: str | None = None
        self._retry_at = 0.0

    @cached_property
    def store(self) -> Store:
        """Where its generations are."""
        from index.stores import store_of

        return store_of(self.home)

    def follow(self) -> None:
        """Serve the generation that is current, if it can be opened."""
        from index.search import Searcher
        from index.stores import open_current

        with self._follow_lock:
            named, began = None, time.monotonic()
            try:
                named = self.store.current()
                if named is not None and named == self._refused and began < self._retry_at:
                    self.away = None
                    return
                serving = self.searcher
                if serving is None or serving.generation != named:
                    encoder = self._loaded()
                    self._serve(Searcher(open_current(self.store, encoder), encoder))
                else:
                    self.fault = self._refused = self.away = None
            except StoreUnavailable as error:
                self._note(error)
            except Exception as error:  # whatever it is, what serves goes on, and so do we
                took = time.monotonic() - began
                self._retry_at = began + max(RETRY_SECONDS, took / RETRY_SHARE)
                self._refused, self.away = named, None
                reason = str(error) or type(error).__name__
                if self.fault != reason:
                    log.warning("new generation refused", generation=named, reason=reason)
                self.fault = reason

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            raise NotReady
        return self._encoder

    def _serve(self, searcher: Searcher, damage: IndexDamaged | None = None) -> None:
        """Adopt a searcher once it has answered: the first query is slow, and it must work.

        What is wrong is told or taken back before: who sees a generation sees its own faults.
        """
        searcher.search("?", k=1)
        self.away = None
        if damage is None:
            self.fault = self._refused = None
        else:
            self._note_damage(damage)
        self.adopt(searcher)
        log.info("serving", generation=searcher.generation)

    def _note(self, error: KBError) -> None:
        self.away = error if isinstance(error, StoreUnavailable) else None
        if self.fault != str(error):
            log.warning("cannot follow the index", reason=str(error))
        self.fault = str(error)

    def _note_damage(self, damage: IndexDamaged) -> None:
        with suppress(IndexDamaged):
            self._refused = self.store.current()
        self.fault = str(damage)
        log.warning("serving an earlier generation", reason=self.fault)
