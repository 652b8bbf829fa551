"""The parts of one generation as they are asked: rows by value, or by the greatest product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index.encoder import Vectors
from index.milvus.client import Client, NotThere
from index.milvus.layout import Part, Row, among, collection
from kb.errors import IndexDamaged, StoreUnavailable

Numbers = npt.NDArray[np.int64]


class Parts:
    """Asks the collections of one generation by their own names, never by the alias."""

    def __init__(self, client: Client, generation: str) -> None:
        self._client = client
        self._generation = generation

    def rows(self, part: Part, where: str, fields: Sequence[str]) -> list[Row]:
        """Rows that fulfil an expression, in no order."""
        with self._present() as client:
            return client.query(collection(self._generation, part), where, fields)

    def by_value(
        self, part: Part, field: str, values: Sequence[int], fields: Sequence[str]
    ) -> dict[int, list[Row]]:
        """The rows of each of the values of a field. Raises `IndexDamaged` where one has none."""
        if not values:
            return {}
        found: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows(part, among(field, values), fields):
            found[int(row[field])].append(row)
        if len(found) != len(set(values)):
            place = Path(collection(self._generation, part))
            raise IndexDamaged(place, f"{len(found)} of {len(set(values))} are there")
        return found

    def best(
        self,
        part: Part,
        field: str,
        vector: Any,
        limit: int,
        output: str,
        where: str,
        params: Mapping[str, int],
    ) -> tuple[Numbers, Vectors]:
        """The number `output` of the `limit` rows with the greatest products, and the products."""
        found: list[tuple[int, float]] = []
        if limit > 0 and len(vector):
            with self._present() as client:
                place = collection(self._generation, part)
                found = client.search(place, field, vector, limit, where, output, params)
        numbers, products = zip(*found, strict=True) if found else ((), ())
        return np.array(numbers, np.int64), np.array(products, np.float32)

    @contextmanager
    def _present(self) -> Iterator[Client]:
        try:
            yield self._client
        except NotThere as error:  # two others were published since it was opened
            raise StoreUnavailable(
                self._client.place, f"generation {self._generation} is gone"
            ) from error
