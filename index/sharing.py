"""Queries that arrive together share a forward of the model, and known ones need none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future

from index.encoder import Encoded, Encoder, Side

_REMEMBERED = 1000  # queries: some 20 MB of token vectors
_TOGETHER = 16  # queries of one forward; more would only make the first of them wait


class SharingEncoder:
    """An encoder for many threads; documents go straight to the one it wraps.

    A query that comes alone is encoded at once. Those that come while a forward runs wait for
    it and go into the next one together. The same text is encoded once, and remembered under
    this encoder's name alone, since the memory is part of it.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.dim = encoder.name, encoder.dim
        self._known: OrderedDict[str, Encoded] = OrderedDict()
        self._waiting: dict[str, Future[Encoded]] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

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
            asked = self._waiting.setdefault(text, Future())
        with self._turn:  # whoever has it encodes for all who wait
            while not asked.done():
                self._forward()
        return asked.result()

    def _forward(self) -> None:
        with self._lock:
            batch = dict(list(self._waiting.items())[:_TOGETHER])
        try:
            found = self._encoder.encode(list(batch), "query")
        except BaseException as error:
            self._end(batch)
            for asked in batch.values():
                asked.set_exception(error)
            return
        self._end(batch, found)
        for asked, encoded in zip(batch.values(), found, strict=True):
            asked.set_result(encoded)

    def _end(self, batch: dict[str, Future[Encoded]], found: Sequence[Encoded] = ()) -> None:
        with self._lock:
            for text in batch:
                del self._waiting[text]
            self._known.update(zip(batch, found, strict=False))
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
