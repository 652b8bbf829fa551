"""The connection to Milvus: calls that end in time, and errors that say what to do.

The one module that imports pymilvus, which comes with the extra `report-kb[milvus]`.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from index.milvus.deadline import Deadline
from index.milvus.layout import DENSE, SPARSE, DenseRule, Field, Row, index_of
from kb.errors import StoreUnavailable

if TYPE_CHECKING:
    from pymilvus import MilvusClient

READ_SECONDS = 4.0  # for one call, and for all calls of one search together
WRITE_SECONDS = 60.0
CONNECT_SECONDS = 2.0
# A link that was cut is tried anew at least every two seconds, not after minutes; and one that
# nobody uses is left in peace, for Milvus Lite hangs up on whoever pings it too often.
_OPTIONS = {
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.initial_reconnect_backoff_ms": 500,
    "grpc.min_reconnect_backoff_ms": 2000,
    "grpc.max_reconnect_backoff_ms": 2000,
}
_NOT_FOUND = {100, 1600}  # a collection, an alias; also one of another database
_NOT_LOADED = 101

T = TypeVar("T")


class NotThere(Exception):  # noqa: N818 - a finding; whoever asks knows what it means
    """There is no collection or alias of this name."""


class Client:
    """One connection, made at the first call and shared by all threads.

    Every method raises `StoreUnavailable` where the store is gone, too slow or refuses, and
    `NotThere` where what is named does not exist.
    """

    def __init__(self, uri: str, token: str) -> None:
        self.place = uri
        self._token = token
        self._lock = threading.Lock()
        self._made: MilvusClient | None = None
        self._deadline = Deadline(uri, READ_SECONDS)

    def answering(self) -> AbstractContextManager[None]:
        """All calls of this thread within end in `READ_SECONDS` from now, together."""
        return self._deadline.shared()

    def _client(self) -> MilvusClient:
        with self._lock:
            if self._made is None:
                self._made = _connected(self.place, self._token)
                weakref.finalize(self, self._made.close)  # pymilvus would keep it for good
            return self._made

    @contextmanager
    def _told(self) -> Iterator[MilvusClient]:
        """What pymilvus raises becomes a finding of ours."""
        try:
            yield self._client()
        except StoreUnavailable:
            raise
        except Exception as error:  # MilvusException, grpc.RpcError, and what these let through
            if getattr(error, "code", None) in _NOT_FOUND:
                raise NotThere(str(error)) from error
            raise StoreUnavailable(self.place, _reason(error)) from error

    def version(self) -> str:
        """What answers, and its version."""
        with self._told() as client:
            return str(client.get_server_version(timeout=self._deadline.left()))

    def collections(self) -> list[str]:
        """The names of all collections."""
        with self._told() as client:
            return list(client.list_collections(timeout=self._deadline.left()))

    def target(self, alias: str) -> str | None:
        """The collection that an alias stands for."""
        try:
            with self._told() as client:
                found = client.describe_alias(alias, timeout=self._deadline.left())
        except NotThere:
            return None
        return str(found["collection_name"]) if found else None

    def claim(self, alias: str, collection: str) -> bool:
        """Make a new alias; false where there is one already."""
        try:
            with self._told() as client:
                client.create_alias(collection, alias, timeout=WRITE_SECONDS)
        except StoreUnavailable:
            if self.target(alias) is None:
                raise
        return self.target(alias) == collection

    def point(self, alias: str, collection: str) -> None:
        """Let an alias stand for a collection from now on, in one step."""
        with self._told() as client:
            if self.target(alias) is None:
                client.create_alias(collection, alias, timeout=WRITE_SECONDS)
            else:
                client.alter_alias(collection, alias, timeout=WRITE_SECONDS)

    def unpoint(self, alias: str) -> None:
        """Remove an alias."""
        with self._told() as client:
            client.drop_alias(alias, timeout=WRITE_SECONDS)

    def create(self, collection: str, fields: Sequence[Field], dense: DenseRule) -> None:
        """Make an empty collection that can be searched at once."""
        with self._told() as client:
            schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
            for field in fields:
                schema.add_field(field.name, **_declared(field))
            indexes = client.prepare_index_params()
            for field in fields:
                if index := index_of(field, dense):
                    indexes.add_index(field_name=field.name, **index)
            client.create_collection(
                collection,
                schema=schema,
                num_shards=1,
                consistency_level="Bounded",
                timeout=WRITE_SECONDS,
            )
            # over nothing an index is made at once: waiting for each would take half a second
            client.create_index(collection, indexes, timeout=WRITE_SECONDS, sync=False)
            client.load_collection(collection, timeout=WRITE_SECONDS)

    def drop(self, collection: str) -> None:
        """Remove a collection and what it holds."""
        with self._told() as client:
            client.drop_collection(collection, timeout=WRITE_SECONDS)

    def insert(self, collection: str, rows: Sequence[Row]) -> None:
        """Add rows."""
        with self._told() as client:
            client.insert(collection, list(rows), timeout=WRITE_SECONDS)

    def upsert(self, collection: str, row: Row) -> None:
        """Put a row in place of the one of its key."""
        with self._told() as client:
            client.upsert(collection, [row], timeout=READ_SECONDS)

    def flush(self, collection: str) -> None:
        """Have everything on disk."""
        with self._told() as client:
            client.flush(collection, timeout=WRITE_SECONDS)

    def load(self, collection: str) -> None:
        """Make ready for searches; nothing happens where it is."""
        with self._told() as client:
            client.load_collection(collection, timeout=WRITE_SECONDS)

    def count(self, collection: str) -> int:
        """How many rows there are, the last that were written included."""
        [row] = self.query(collection, "", ["count(*)"], strong=True)
        return int(row["count(*)"])

    def query(
        self, collection: str, where: str, fields: Sequence[str], *, strong: bool = False
    ) -> list[Row]:
        """Rows that fulfil an expression, in no order; `strong` waits for the last writes."""

        def ask(client: MilvusClient) -> list[Row]:
            level = {"consistency_level": "Strong"} if strong else {}
            found = client.query(
                collection, where, list(fields), timeout=self._deadline.left(), **level
            )
            return [dict(row) for row in found]

        return self._asked(collection, ask)

    def search(
        self,
        collection: str,
        field: str,
        vector: Any,
        limit: int,
        where: str,
        output: str,
        params: Mapping[str, Any],
    ) -> list[tuple[int, float]]:
        """The whole number `output` of the rows with the greatest products, and these."""

        def ask(client: MilvusClient) -> list[tuple[int, float]]:
            [found] = client.search(
                collection,
                data=[vector],
                anns_field=field,
                limit=limit,
                filter=where,
                output_fields=[output],
                search_params={"metric_type": "IP", "params": dict(params)},
                timeout=self._deadline.left(),
            )
            return [(int(hit["entity"][output]), float(hit["distance"])) for hit in found]

        return self._asked(collection, ask)

    def _asked(self, collection: str, ask: Callable[[MilvusClient], list[T]]) -> list[T]:
        """Ask; a store that was started again may have to load the collection first."""
        try:
            with self._told() as client:
                return ask(client)
        except StoreUnavailable as error:
            if getattr(error.__cause__, "code", None) != _NOT_LOADED:
                raise
        self.load(collection)
        with self._told() as client:
            return ask(client)


def _connected(uri: str, token: str) -> MilvusClient:
    try:
        from pymilvus import MilvusClient  # noqa: PLC0415 - half a second
    except ImportError as error:
        raise StoreUnavailable(
            uri, "pymilvus is not installed: pip install 'report-kb[milvus]'"
        ) from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # every error with its traceback
    # a connection of its own: pymilvus would lend out one that somebody else may close
    return MilvusClient(
        uri, token=token, timeout=CONNECT_SECONDS, dedicated=True, grpc_options=_OPTIONS
    )


def _declared(field: Field) -> Mapping[str, Any]:
    from pymilvus import DataType  # noqa: PLC0415

    kinds = {
        "int": {"datatype": DataType.INT64},
        "text": {"datatype": DataType.VARCHAR, "max_length": field.size},
        "ints": {
            "datatype": DataType.ARRAY,
            "element_type": DataType.INT64,
            "max_capacity": field.size,
        },
        DENSE: {"datatype": DataType.FLOAT_VECTOR, "dim": field.size},
        SPARSE: {"datatype": DataType.SPARSE_FLOAT_VECTOR},
    }
    key = {"is_primary": True} if field.key else {}
    cold = {"mmap_enabled": True} if field.cold else {}
    return {**kinds[field.kind], **key, **cold}


def _reason(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).strip().partition("\n")[0][:200]
