"""One exception root for all three packages; every message says what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_TOLD = 3  # files in a message that is one line


class KBError(Exception):
    """Something the person at the keyboard can act on. The message is one line."""


class DocumentUnreadable(KBError):
    """A file of the library could not be turned into text; the others are not affected."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read {path.name}: {reason}")
        self.path = path
        self.reason = reason


class DocumentExists(KBError):
    """A file to be added is in the library already, by its name or by its content."""

    def __init__(self, name: str, existing: str) -> None:
        same = "a document of that name" if name == existing else f"it as {existing}"
        self.reason = f"the library has {same}"
        super().__init__(f"cannot add {name}: {self.reason}")
        self.name = name
        self.existing = existing


class LibraryEmpty(KBError):
    """No file of the documents folder could be read, so there is nothing to index.

    `unreadable` has a line for each file that is there; the first few are told.
    """

    def __init__(self, folder: Path, unreadable: Sequence[str] = ()) -> None:
        told = "; ".join(unreadable[:_TOLD])
        more = f"; and {len(unreadable) - _TOLD} more" if len(unreadable) > _TOLD else ""
        super().__init__(
            f"no readable document in {folder}{told and f' ({told}{more})'}:"
            " put a .docx, .pdf, .html, .md or .txt file there"
        )
        self.folder = folder


class LastDocument(KBError):
    """Without its only document a library has nothing to index, and the index would stay.

    There may be `others`, none of which can be read.
    """

    def __init__(self, name: str, others: int = 0) -> None:
        which = "as no other document can be read" if others else "the only document"
        super().__init__(f"cannot remove {name}, {which}: add another first")
        self.name = name
        self.others = others


class LibraryReadOnly(KBError):
    """The documents are in a folder that was named with `--documents`, which is only read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the documents in {folder} are only read, as --documents or KB_DOCUMENTS asks:"
            " change that folder yourself, then run 'kb build'"
        )
        self.folder = folder


class ModelUnavailable(KBError):
    """The embedding model is missing, broken, or not one that sentence-transformers loads."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot load the model {name}: {reason}")
        self.name = name
        self.reason = reason


class IndexMissing(KBError):
    """There is no published generation yet."""

    def __init__(self, home: Path | str) -> None:
        super().__init__(f"no index in {home}: run 'kb build'")
        self.home = home


class IndexDamaged(KBError):
    """A file of a generation is missing, or is not what the manifest says."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"index file {file} is damaged ({reason}): run 'kb build --force'")
        self.file = file
        self.reason = reason


class NoEarlierGeneration(KBError):
    """There is an index, and nothing that could take its place."""

    def __init__(self, home: Path | str) -> None:
        super().__init__(
            f"only one generation is kept in {home}: change the documents and run 'kb build'"
        )
        self.home = home


class StorageFailed(KBError):
    """The disk did not take what had to be written; what was published before still serves."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"storage failed at {path} ({reason}): see to that disk,"
            " or choose another folder with --home"
        )
        self.path = path
        self.reason = reason


class StoreUnavailable(KBError):
    """The store of the index does not answer, not in time, or refuses what is asked of it."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the index store {place} cannot answer ({reason}): see to it, or wait")
        self.place = place
        self.reason = reason


class GenerationExists(KBError):
    """A generation that was to be copied is where it was to go."""

    def __init__(self, name: str, place: Path | str) -> None:
        super().__init__(f"{place} has generation {name} already: nothing was copied")
        self.name = name
        self.place = place


class EncoderMismatch(KBError):
    """The index was built by another encoder than the one that would answer."""

    def __init__(self, built_by: str, present: str) -> None:
        super().__init__(
            f"the index was built by {built_by}, the encoder here is {present}: run 'kb build'"
        )
        self.built_by = built_by
        self.present = present


class RebuildRunning(KBError):
    """Another build holds the lock of this home."""

    def __init__(self, home: Path | str) -> None:
        super().__init__(f"a build is already running in {home}: wait for it to end")
        self.home = home


class RayFailed(KBError):
    """A build could not be spread over Ray; what it encoded until then is gone on from."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"cannot build on Ray: {reason}")
        self.reason = reason


class UnknownDocument(KBError):
    """No document of the serving generation, or of the library to be changed, has this id."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"no document {document_id!r} in the index: see the list of documents")
        self.document_id = document_id


class UnknownSection(KBError):
    """The outline of a document has no section of this number."""

    def __init__(self, document_id: str, number: int) -> None:
        super().__init__(
            f"document {document_id!r} has no section {number}: see the outline of the document"
        )
        self.document_id = document_id
        self.number = number


class NotReady(KBError):
    """No index serves yet: the model is being loaded or the first index built."""

    def __init__(self) -> None:
        super().__init__("the index is being prepared: try again shortly")


class Overloaded(KBError):
    """More requests wait than can be answered in time."""

    def __init__(self) -> None:
        super().__init__("too many requests wait for an answer: try again shortly")


class SearchTooSlow(KBError):
    """A search was given up where it stood: its time was over."""

    def __init__(self) -> None:
        super().__init__("the search took too long: ask for less, or try again shortly")


class BadSetting(KBError):
    """An environment variable holds a value that makes no sense."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r} is not {wanted}")
        self.name = name
        self.value = value
        self.wanted = wanted


class QuestionsUnreadable(KBError):
    """A file of judged questions is missing or not of the form that `kb eval` reads."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot read the questions in {path}: {reason}")
        self.path = path
        self.reason = reason
