"""`index.store.Store` in Milvus: published by switching one alias, built under one lease."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from index import generation, sealed
from index.encoder import Encoder
from index.home import Home
from index.milvus import lease, manifest
from index.milvus.client import Client
from index.milvus.layout import CURRENT, MANIFEST, collection, generation_of
from index.milvus.lease import Lease
from index.milvus.reader import MilvusReader
from index.milvus.writing import write
from index.snapshot import Snapshot
from index.store import Contents, Identity, Reader, check_version
from kb.errors import IndexDamaged, IndexMissing, StoreUnavailable


class MilvusStore:
    """`home` keeps what a build writes before it is sent, and the lock of this machine."""

    def __init__(self, home: Home, uri: str, token: str) -> None:
        self._home = home
        self._client = Client(uri, token)
        self._lease = Lease(self._client)

    @property
    def place(self) -> str:
        """Its address."""
        return self._client.place

    @property
    def remote(self) -> bool:
        """It may be anywhere."""
        return True

    def health(self) -> str:
        """What answers, and its version."""
        return f"Milvus {self._client.version()} at {self.place}"

    def current(self) -> str | None:
        """What the alias stands for. Raises `IndexDamaged`, `StoreUnavailable`."""
        target = self._client.target(CURRENT)
        if target is None:
            return None
        name = generation_of(target)
        if name is None:
            raise IndexDamaged(Path(CURRENT), "it does not name a generation")
        return name

    def names(self) -> list[str]:
        """The sealed generations, newest first."""
        return manifest.sealed(self._client)

    def others(self) -> list[str]:
        """Those that could serve in place of the current one, the best first."""
        return generation.fallbacks(self.names(), self._readable_current())

    def _by_worth(self) -> list[str]:
        return generation.by_worth(self.names(), self._readable_current())

    def _readable_current(self) -> str | None:
        with suppress(IndexDamaged):
            return self.current()
        return None

    def facts(self, name: str) -> Mapping[str, Any]:
        """The manifest, once every collection has the rows that it tells."""
        facts = manifest.verify(self._client, name)
        check_version(facts, Path(collection(name, MANIFEST)))
        return facts

    def contents(self, name: str) -> Contents:
        """Out of the manifest alone."""
        return manifest.contents(self._client, name, manifest.read(self._client, name))

    def size(self, name: str) -> None:
        """Milvus does not tell."""

    def open(self, name: str, encoder: Encoder | Identity) -> MilvusReader:
        """Check, then open."""
        return MilvusReader.open(self._client, name, encoder)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The lock of this machine's home, then the lease of the store."""
        with generation.alone(self._home), self._lease.hold():
            yield

    def sweep(self) -> None:
        """Remove what builds that died left behind, and generations beyond two."""
        self._keep(self._by_worth()[: generation.KEPT])
        sealed.clear_drafts(self._home.generations)

    def _keep(self, kept: Iterable[str]) -> None:
        wanted = set(kept)
        present = self._client.collections()
        for each in present:
            if each.startswith(lease.PREFIX) and each != self._lease.own:
                self._client.drop(each)
        for name in {generation_of(each) for each in present} - wanted - {None}:
            self._drop(str(name), present)

    def _drop(self, name: str, present: Iterable[str]) -> None:
        """The manifest first: without it a generation is not there."""
        own = [each for each in present if generation_of(each) == name]
        for each in sorted(own, key=lambda each: each != collection(name, MANIFEST)):
            self._client.drop(each)

    def publish(self, draft: Path, name: str) -> None:
        """Send what the sealed folder `draft` holds, compare it, and switch the alias."""
        identity = Identity.of(sealed.read(draft))
        with closing(Snapshot.open(draft, identity)) as source:
            self.take(source, name)

    def take(self, source: Reader, name: str) -> None:
        """The same for any reader; nothing is left where it fails."""
        before = self._by_worth()
        try:
            write(self._client, source, name)
            self._lease.check()
            self._client.point(CURRENT, collection(name, MANIFEST))
        except BaseException:
            self._discard(name)
            raise
        whole = next((each for each in before if self._is_whole(each)), name)
        self._keep([name, whole])

    def _discard(self, name: str) -> None:
        with suppress(StoreUnavailable, IndexDamaged):  # in doubt it stays, for the next sweep
            if self.current() != name:
                self._drop(name, self._client.collections())

    def _is_whole(self, name: str) -> bool:
        try:
            manifest.verify(self._client, name)
        except IndexDamaged:
            return False
        return True

    def rollback(self) -> str:
        """Switch the alias to the best of the other generations, once it is verified."""
        if not self.names():
            raise IndexMissing(self.place)
        with self.alone():
            name = generation.first_whole(self.others(), self.facts, self.place)
            self._client.point(CURRENT, collection(name, MANIFEST))
            return name
