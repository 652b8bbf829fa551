"""The application on a free port, as `kb serve` runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import wait_for
from web import create_app
from web.live import Live
from web.server import Server
from web.settings import Settings


@contextmanager
def serving(
    live: Live, *, settings: Settings | None = None, ready: bool = True, seconds: float = 20.0
) -> Iterator[str]:
    """Serve `live` and give the address, once it is ready unless told otherwise."""
    live.start()
    if ready:
        wait_for(lambda: live.searcher or live.failure, seconds)
        assert live.failure is None, live.failure
    server = Server(create_app(live, settings=settings or Settings()), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        thread.join(15)
        wait_for(live.stop)
