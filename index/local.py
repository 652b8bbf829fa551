"""The store of one machine: generations as sealed folders of a home."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index import generation, sealed
from index.home import Home
from index.store import Contents
from index.texts import FILE, TextStore

if TYPE_CHECKING:
    from index.encoder import Encoder
    from index.snapshot import Snapshot
    from index.store import Identity, Reader


class LocalStore:
    """`index.store.Store` over a folder; the rules are those of `index.generation`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def place(self) -> Path:
        """The home."""
        return self._home.root

    @property
    def remote(self) -> bool:
        """It is here."""
        return False

    def health(self) -> str:
        """A folder answers by being there, which other checks look at."""
        return f"in {self._home.generations}"

    def current(self) -> str | None:
        """What `CURRENT` names."""
        return generation.current(self._home)

    def names(self) -> list[str]:
        """The folders present, newest first."""
        return generation.names(self._home)

    def others(self) -> list[str]:
        """Those that could serve in place of the current one, the best first."""
        return generation.others(self._home)

    def facts(self, name: str) -> Mapping[str, Any]:
        """The manifest, once every file is as it says and of today's version."""
        return generation.facts(self._home, name)

    def contents(self, name: str) -> Contents:
        """Out of the verified texts alone."""
        self.facts(name)
        with closing(TextStore(self._folder(name) / FILE)) as texts:
            return Contents(texts.documents, texts.skipped)

    def size(self, name: str) -> int | None:
        """Bytes of all its files; None where builds elsewhere have removed it meanwhile."""
        try:
            files = [file for file in self._folder(name).rglob("*") if file.is_file()]
            return sum(file.stat().st_size for file in files) or None
        except FileNotFoundError:
            return None

    def open(self, name: str, encoder: Encoder | Identity) -> Snapshot:
        """Verify, then open."""
        from index.snapshot import Snapshot  # noqa: PLC0415 - loads faiss and tantivy

        return Snapshot.open(self._folder(name), encoder)

    def alone(self) -> AbstractContextManager[None]:
        """Hold the lock of the home."""
        return generation.alone(self._home)

    def sweep(self) -> None:
        """Remove drafts, and generations beyond two."""
        generation.sweep(self._home)

    def publish(self, draft: Path, name: str) -> None:
        """Move the draft to its name and make it current."""
        generation.publish(self._home, draft, name)

    def take(self, source: Reader, name: str) -> None:
        """Write a draft of what `source` reads, compare, and publish it."""
        from index.copying import write_draft  # noqa: PLC0415 - loads faiss and tantivy

        draft = sealed.draft(self._folder(name))
        try:
            write_draft(draft, source)
            self.publish(draft, name)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def rollback(self) -> str:
        """Make the best of the other generations current."""
        return generation.rollback(self._home)

    def _folder(self, name: str) -> Path:
        return generation.folder(self._home, name)
