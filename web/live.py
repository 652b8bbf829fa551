"""The index a server answers from: loaded, followed when it changes, rebuilt on request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from flask import Flask, current_app, g

from kb.errors import (
    IndexDamaged,
    IndexMissing,
    KBError,
    RebuildRunning,
    StoreUnavailable,
)
from web.following import Follower
from web.lending import Loan
from web.rebuild import Rebuilder, RebuildState

if TYPE_CHECKING:
    from index.build import Progress
    from index.encoder import Encoder
    from index.home import Home
    from index.search import Searcher

log = structlog.get_logger("kb.live")

POLL_SECONDS = 0.5  # one short read; a rebuild made elsewhere shows within this time


class Live(Follower):
    """Follows the index of one home from a thread of its own, and rebuilds it.

    `failure` is set where nothing can ever serve, such as a missing model.

    `load_encoder` is called once, in the background thread that `start` begins;
    `on_first_build` hears of the build that a first start needs, as a terminal wants to.
    """

    def __init__(
        self,
        home: Home,
        load_encoder: Callable[[], Encoder],
        *,
        on_first_build: Callable[[Progress], None] | None = None,
    ) -> None:
        super().__init__(home)
        self.failure: KBError | None = None
        self._load_encoder = load_encoder
        self._on_first_build = on_first_build
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self._rebuilder = Rebuilder(home.root, self._build)

    @property
    def state(self) -> RebuildState:
        """How the newest rebuild stands, the one of a first start included."""
        return self._rebuilder.state

    @property
    def rebuilds_ended(self) -> dict[str, int]:
        """How many rebuilds of this server ended, by outcome."""
        return dict(self._rebuilder.ended)

    def start(self) -> None:
        """Load, open or build, then follow; returns at once."""
        self._thread = threading.Thread(target=self._run, name="kb-live", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop following, building and lending; false if a build did not unwind in `timeout` s."""
        self._stopping.set()
        stopped = self._rebuilder.stop(timeout)
        if self._thread is not None:
            # Loading the model cannot be told to stop, and loses nothing when it ends with us.
            self._thread.join(timeout if self.state.state == "running" else POLL_SECONDS)
            stopped = stopped and not self._thread.is_alive()
        self.put_away()
        return stopped

    def rebuild(self) -> RebuildState:
        """Start a rebuild in the background; raises RebuildRunning or, too early, NotReady."""
        self._loaded()
        return self._rebuilder.start()

    def rebuild_soon(self) -> RebuildState:
        """Index the library as it is from now on: at once, or after the build that runs now.

        Or when a server starts again, where this one is killed before. Raises NotReady.
        """
        self._loaded()
        self._changed.set()
        with suppress(OSError):  # a disk that is full: what was asked for is done all the same
            self.home.changed.touch()
        self._rebuild_if_changed()
        return self.state

    def _rebuild_if_changed(self) -> None:
        if self._changed.is_set():
            self._changed.clear()
            try:
                self._rebuilder.start(again=self._changed.set)
            except RebuildRunning:  # it may have read the folder before the change
                self._changed.set()

    def _run(self) -> None:
        try:
            self._begin()
        except KBError as error:
            self.failure = error
            return
        except Exception as error:
            log.exception("cannot start")
            self.failure = KBError(f"cannot start: {error}")
            return
        if self.home.changed.exists():  # left by a server that was stopped
            self._changed.set()
        while not self._stopping.wait(POLL_SECONDS):
            self.follow()
            self._rebuild_if_changed()

    def _begin(self) -> None:
        from index.sharing import SharingEncoder

        self._encoder = SharingEncoder(self._load_encoder())
        while self.searcher is None and not self._stopping.is_set():
            try:
                self._open_or_build(self._encoder)
            except StoreUnavailable as error:
                self._wait(error)

    def _open_or_build(self, encoder: Encoder) -> None:
        from web.opening import open_whole

        try:
            searcher, damage = open_whole(self.store, encoder)
        except IndexMissing as error:
            self._first_build(str(error))
        except IndexDamaged as error:
            if self.store.remote:  # shared: from other documents, or by a newer program
                self._wait(error)
            else:
                self._first_build(str(error))
        else:
            self._serve(searcher, damage)

    def _wait(self, error: KBError) -> None:
        """For what others may put right at any moment."""
        self._note(error)
        self._stopping.wait(POLL_SECONDS)

    def _first_build(self, reason: str) -> None:
        """The documents are the truth and the index is made from them: make it (again)."""
        log.warning("building the index", reason=reason)
        self.away = None
        try:
            state = self._rebuilder.run()
        except RebuildRunning:  # another process is at it: take what it makes
            self._stopping.wait(POLL_SECONDS)
        else:
            if state.state == "failed" and not self._stopping.is_set():
                raise self.away or KBError(state.error or "the first build failed")

    def _build(self, progress: Callable[[Progress], None]) -> str:
        from index.build import build

        def tell(step: Progress) -> None:
            progress(step)
            if self._on_first_build is not None and self.searcher is None:
                self._on_first_build(step)

        try:
            report = build(self.home, self._loaded(), progress=tell)
        except StoreUnavailable as error:
            if self.searcher is None:
                self.away = error
            raise
        if not self._changed.is_set():
            with suppress(OSError):
                self.home.changed.unlink(missing_ok=True)
        self.follow()
        return report.generation


def attach(app: Flask, live: Live) -> None:
    """Give `app` its index; every request lets go of its searcher when it ends."""
    app.extensions["kb_live"] = live
    app.teardown_request(_let_go)


def current() -> Live:
    """The `Live` of the running application."""
    live: Live = current_app.extensions["kb_live"]
    return live


def ready() -> Live:
    """The `Live` of the running application, once it serves; raises NotReady."""
    searcher()
    return current()


def searcher() -> Searcher:
    """The one searcher of this request, the same at every call; raises NotReady."""
    if "kb_loan" not in g:
        g.kb_loan = current().acquire()
    loan: Loan = g.kb_loan
    return loan.searcher


def answering() -> Searcher | None:
    """The searcher that this request was answered from; what serves now where it asked for none."""
    loan: Loan | None = g.get("kb_loan")
    return loan.searcher if loan else current().searcher


def _let_go(_error: BaseException | None) -> None:
    loan = g.pop("kb_loan", None)
    if loan is not None:
        current().release(loan)


def from_environment() -> Live:
    """The `Live` of `KB_HOME` and the packaged or named model, begun at once."""
    from index.encoder import load_encoder
    from index.home import Home

    home = Home.resolve()
    live = Live(home, lambda: load_encoder(home))
    live.start()
    return live
