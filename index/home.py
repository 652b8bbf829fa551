"""Where everything the program writes lives, and where the documents are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Home:
    """The layout of `KB_HOME`. `documents` may be a folder elsewhere, which is only read."""

    root: Path
    documents: Path

    @classmethod
    def resolve(cls, root: Path | None = None, documents: Path | None = None) -> Home:
        """From the arguments, else `KB_HOME` and `KB_DOCUMENTS`, else the user's data folder."""
        root = root or _from_environment("KB_HOME") or Path(platformdirs.user_data_dir("report-kb"))
        root = root.expanduser().absolute()
        documents = documents or _from_environment("KB_DOCUMENTS") or root / "documents"
        return cls(root, documents.expanduser().absolute())

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
    def lock(self) -> Path:
        """Held by the one build that may run."""
        return self.root / "build.lock"


def _from_environment(name: str) -> Path | None:
    value = os.environ.get(name, "").strip()
    return Path(value) if value else None
