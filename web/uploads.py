"""Files that come over HTTP into the library: who may send them, how large, how they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from index.home import Home
from kb.disk import writing
from kb.errors import DocumentExists, DocumentUnreadable, StorageFailed
from kb.library import Source
from web import security, shelf
from web.problems import BadParameters, log_storage
from web.settings import current_settings

FIELD = "file"


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken into the library, by the name it came with, and why.

    `status` is the HTTP status that says the same.
    """

    name: str
    reason: str
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY


def received() -> list[FileStorage]:
    """The files of the present request, if its sender may change the library.

    More bytes than a document may have are refused before any is read, and large files are
    kept on disk, never in memory. Raises Unauthorized or Forbidden, RequestEntityTooLarge,
    UnsupportedMediaType, BadParameters or StorageFailed.
    """
    request.max_content_length = current_settings().max_upload
    with writing(Path(gettempdir())):
        security.authorize_change()  # which reads the form
        if request.mimetype != "multipart/form-data":
            raise UnsupportedMediaType("send the file as multipart/form-data")
        files = [each for each in request.files.getlist(FIELD) if each.filename]
    if not files:
        raise BadParameters([(FIELD, "is missing: choose a file")])
    return files


def keep(home: Home, file: FileStorage) -> Source:
    """Take a file into the library under its own name; nothing is written over.

    Raises DocumentUnreadable, DocumentExists, LibraryReadOnly or StorageFailed.
    """
    with writing(Path(gettempdir())), TemporaryDirectory(prefix="kb-") as folder:
        aside = Path(folder) / "upload"
        file.save(aside)
        return shelf.add(home, aside, file.filename)


def keep_all(home: Home, files: Sequence[FileStorage]) -> tuple[list[Source], list[Refused]]:
    """Take what can be taken, whatever is wrong with the others."""
    kept, refused = [], []
    for each in files:
        try:
            kept.append(keep(home, each))
        except (DocumentExists, DocumentUnreadable) as error:
            refused.append(Refused(each.filename or "", error.reason))
        except StorageFailed as error:
            log_storage(error)
            reason = f"the disk does not take it: {error.reason}"
            refused.append(Refused(each.filename or "", reason, HTTPStatus.INSUFFICIENT_STORAGE))
    return kept, refused
