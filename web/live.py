"""The index a server answers from: loaded, followed when it changes, rebuilt on request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from flask import Flask, current_app, g

from kb.errors import IndexDamaged, IndexMissing, KBError, RebuildRunning

if TYPE_CHECKING:
    from index.build import Progress
    from index.encoder import Encoder
    from index.home import Home
    from index.search import Searcher

POLL_SECONDS = 0.5  # a stat and one short read; a rebuild elsewhere shows within this time


class NotReady(KBError):
    """No index serves yet: the model is being loaded or the first index built."""

    def __init__(self, reason: str = "the index is being prepared: try again shortly") -> None:
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class RebuildState:
    """How the newest rebuild of this server stands; times are ISO 8601, UTC."""

    state: Literal["idle", "running", "done", "failed"] = "idle"
    stage: str | None = None
    done: int = 0
    total: int = 0
    error: str | None = None
    generation: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class _Serving:
    """One open searcher and how many requests hold it; closed by whoever leaves last."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.users = 0
        self.retired = False


class Live:
    """The current searcher of one home, for many threads.

    A request takes the searcher once and answers wholly from it; a new generation, whoever
    built it, takes its place between requests, and the old one is closed when nobody holds
    it any more. A new generation that cannot be opened leaves the old one serving and shows
    in `fault`.
    """

    def __init__(self, home: Home, load_encoder: Callable[[], Encoder]) -> None:
        self.home = home
        self._load_encoder = load_encoder
        self._encoder: Encoder | None = None
        self._serving: _Serving | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._refused: str | None = None
        self._builder: threading.Thread | None = None
        self._follower: threading.Thread | None = None
        self.state = RebuildState()
        self.fault: str | None = None
        self.failure: KBError | None = None

    @property
    def searcher(self) -> Searcher | None:
        """The searcher that serves now, or None; hold it with `hold` while you use it."""
        serving = self._serving
        return serving.searcher if serving else None

    @contextmanager
    def hold(self) -> Iterator[Searcher]:
        """Keep the present searcher open for the length of a `with` block."""
        serving = self._acquire()
        try:
            yield serving.searcher
        finally:
            self._release(serving)

    def adopt(self, searcher: Searcher) -> None:
        """Serve from `searcher` from now on; requests under way end on the old one."""
        with self._lock:
            old, self._serving = self._serving, _Serving(searcher)
            if old:
                old.retired = True
            idle = old is not None and old.users == 0
        if old and idle:
            old.searcher.close()

    def _acquire(self) -> _Serving:
        with self._lock:
            if self._serving is None:
                raise NotReady if self.fault is None else NotReady(self.fault)
            self._serving.users += 1
            return self._serving

    def _release(self, serving: _Serving) -> None:
        with self._lock:
            serving.users -= 1
            last = serving.retired and serving.users == 0
        if last:
            serving.searcher.close()


def attach(app: Flask, live: Live) -> None:
    """Give `app` its index; every request lets go of its searcher when it ends."""
    app.extensions["kb_live"] = live
    app.teardown_request(_let_go)


def current() -> Live:
    """The `Live` of the running application."""
    live: Live = current_app.extensions["kb_live"]
    return live


def searcher() -> Searcher:
    """The one searcher of this request, the same at every call; raises NotReady."""
    if "kb_serving" not in g:
        g.kb_serving = current()._acquire()
    serving: _Serving = g.kb_serving
    return serving.searcher


def _let_go(_error: BaseException | None) -> None:
    serving = g.pop("kb_serving", None)
    if serving is not None:
        current()._release(serving)
