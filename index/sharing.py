"""Queries that arrive together share a forward of the model, and known ones need none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future

from index.encoder import Encoded, Encoder, Side

_REMEMBERED = 250  # queries: some 7 MB of token vectors
_TOGETHER = 16  # queries of one forward; more would only make the first of them wait


class SharingEncoder:
    """An encoder for many threads; documents go straight to the one it wraps.

    A query that comes alone is encoded at once. Those that come while as many forwards run as
    the encoder has use for wait for one to end and go into the next together. The same text is
    encoded once, and remembered under this encoder's name alone, since the memory is part of it.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.dim, self.forwards = encoder.name, encoder.dim, encoder.forwards
        self._known: OrderedDict[str, Encoded] = OrderedDict()
        self._asked: dict[str, Future[Encoded]] = {}  # what waits and what is being encoded
        self._waiting: list[str] = []
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(encoder.forwards)

    def encode(self, texts: Sequence[str], side: Side) -> list[Encoded]:
        """Encode the texts, in their order."""
        if side == "document":
            return self._encoder.encode(texts, side)
        return [self._query(text) for text in texts]

    def _query(self, text: str) -> Encoded:
        with self._lock:
            if text in self._known:
                self._known.move_to_end(text)
                return self._known[text]
            if text not in self._asked:
                self._asked[text] = Future()
                self._waiting.append(text)
            asked = self._asked[text]
        with self._turns:  # whoever has one encodes what waits; all who wait come to have one
            self._forward()
        return asked.result()

    def _forward(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        if not batch:
            return
        try:
            found = self._encoder.encode(batch, "query")
        except BaseException as error:
            for asked in self._end(batch):
                asked.set_exception(error)
            return
        for asked, encoded in zip(self._end(batch, found), found, strict=True):
            asked.set_result(encoded)

    def _end(self, batch: list[str], found: Sequence[Encoded] = ()) -> list[Future[Encoded]]:
        with self._lock:
            self._known.update(zip(batch, found, strict=False))
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            return [self._asked.pop(text) for text in batch]
