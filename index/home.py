"""Where everything the program writes lives, and where the documents are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from kb.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of `KB_HOME`. `documents` may be a folder elsewhere, which is only read.

    `store` is the address of the Milvus that holds the index in place of `generations`, and
    `token` what it asks for.
    """

    root: Path
    documents: Path
    store: str | None = None
    token: str = field(default="", repr=False)

    @classmethod
    def resolve(cls, root: Path | None = None, documents: Path | None = None) -> Home:
        """From the arguments, else `KB_HOME` and `KB_DOCUMENTS`, else the user's data folder.

        The store is always `KB_STORE`, its token `KB_STORE_TOKEN`. Raises `BadSetting`.
        """
        root = root or _from_environment("KB_HOME") or Path(platformdirs.user_data_dir("report-kb"))
        root = root.expanduser().absolute()
        documents = documents or _from_environment("KB_DOCUMENTS") or root / "documents"
        store = os.environ.get("KB_STORE", "").strip() or None
        token = os.environ.get("KB_STORE_TOKEN", "").strip()
        home = cls(root, documents.expanduser().absolute(), token=token)
        return home.stored_in(store)

    def stored_in(self, store: str | None) -> Home:
        """The same home with its index in another place. Raises `BadSetting`."""
        if store is not None:
            store_uri(store)
        return replace(self, store=store)

    @property
    def owns_documents(self) -> bool:
        """True where the library is the home's own folder, which the program may write to."""
        return self.documents == self.root / "documents"

    @property
    def model(self) -> Path:
        """Folder of prepared models."""
        return self.root / "model"

    @property
    def generations(self) -> Path:
        """Folder of generations, each a sealed folder."""
        return self.root / "generations"

    @property
    def current(self) -> Path:
        """One line: the name of the generation that serves."""
        return self.root / "CURRENT"

    @property
    def leftover(self) -> Path:
        """What a build that died had encoded; there while the next one goes on from it."""
        return self.root / "leftover"

    @property
    def changed(self) -> Path:
        """There while a server has changed the library and not yet indexed that."""
        return self.root / "changed"

    @property
    def lock(self) -> Path:
        """Held by the one build that may run."""
        return self.root / "build.lock"


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name, "").strip()
    return Path(value) if value else None


_STORE = re.compile(r"milvus\+(https?://[^/\s@]+:\d+(?:/\w+)?)/?")


def store_uri(address: str) -> str:
    """The URL of a Milvus out of its address as a store; a path names one of its databases.

    Raises `BadSetting`.
    """
    found = _STORE.fullmatch(address)
    if found is None:
        raise BadSetting("KB_STORE", address, "an address such as milvus+http://127.0.0.1:19530")
    return found[1]
