"""One build at a time, whichever server runs it: an alias that only one can hold.

Milvus has no locks, but of two that make one alias the second is refused. The holder counts up a
row while it lives; whoever sees that row stand still for `LEASE_SECONDS` takes the alias over.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from index.milvus.client import Client, NotThere
from index.milvus.layout import MANIFEST_FIELDS, dense_rule, manifest_row
from kb.errors import RebuildRunning, StoreUnavailable

ALIAS = "kb_build"
PREFIX = "kb_lock_"
LEASE_SECONDS = 10.0
_BEAT_SECONDS = 1.0


class Lease:
    """The right to change the store, from one process at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._held: str | None = None

    @property
    def own(self) -> str | None:
        """The collection by which this process holds it."""
        return self._held

    def check(self) -> None:
        """Raise `StoreUnavailable` where another took it over, as after a long stillness."""
        if self._client.target(ALIAS) != self._held:
            raise StoreUnavailable(self._client.place, "another build took this one's place")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Raises `RebuildRunning` where another holds it."""
        name = f"{PREFIX}{secrets.token_hex(6)}"
        stop = threading.Event()
        beating = threading.Thread(target=self._beat, args=(name, stop), daemon=True)
        try:
            self._enter(name, beating)
            yield
        finally:
            stop.set()
            if beating.ident is not None:
                beating.join()
            self._let_go(name)

    def _enter(self, name: str, beating: threading.Thread) -> None:
        try:
            self._client.create(name, MANIFEST_FIELDS, dense_rule(0))
            beating.start()
            self._take(name)
        except NotThere as error:  # the holder's sweep takes away what it does not know
            raise RebuildRunning(self._client.place) from error
        self._held = name

    def _beat(self, name: str, stop: threading.Event) -> None:
        beats = 0
        while True:
            with suppress(StoreUnavailable, NotThere):  # the next call of the build says so
                self._client.upsert(name, manifest_row(0, str(beats)))
            beats += 1
            if stop.wait(_BEAT_SECONDS):
                return

    def _take(self, name: str) -> None:
        if self._client.claim(ALIAS, name):
            return
        held_by = self._client.target(ALIAS)
        if held_by is not None and self._lives(held_by):
            raise RebuildRunning(self._client.place)
        self._client.point(ALIAS, name)
        time.sleep(2 * _BEAT_SECONDS)  # of several that saw it stand still the last one has it
        if self._client.target(ALIAS) != name:
            raise RebuildRunning(self._client.place)

    def _lives(self, name: str) -> bool:
        first = self._pulse(name)
        end = time.monotonic() + LEASE_SECONDS
        while time.monotonic() < end:
            time.sleep(_BEAT_SECONDS / 2)
            if self._pulse(name) != first or self._client.target(ALIAS) != name:
                return True
        return False

    def _pulse(self, name: str) -> str:
        try:
            rows = self._client.query(name, "id == 0", ["data"], strong=True)
        except NotThere:
            return ""
        return str(rows[0]["data"]) if rows else ""

    def _let_go(self, name: str) -> None:
        self._held = None
        with suppress(StoreUnavailable, NotThere):  # the next build takes over what is left
            if self._client.target(ALIAS) == name:
                self._client.unpoint(ALIAS)
            self._client.drop(name)
