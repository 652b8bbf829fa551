"""Zip containers looked at before anything in them is unpacked."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

from kb.errors import DocumentUnreadable

# The largest report among those measured unpacks to 2 MB in 20 members.
_MAX_MEMBERS = 4_000
_MAX_UNPACKED = 256 * 2**20
_MAX_XML = 48 * 2**20
# Text packs about tenfold, a bomb a thousandfold; small members may pack better by chance.
_MAX_RATIO, _RATIO_FROM = 200, 2**20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_archive(path: Path, data: bytes) -> None:
    """Refuse what is no zip, encrypted, broken or a bomb; raises `DocumentUnreadable`."""
    if data.startswith(_OLE):
        raise DocumentUnreadable(path, "it is encrypted, or an old .doc: save it as plain .docx")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            reason = _bomb(members) or _entities(archive, members)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise DocumentUnreadable(path, "it is broken: it is not a whole zip container") from error
    if reason:
        raise DocumentUnreadable(path, reason)


def _bomb(members: list[zipfile.ZipInfo]) -> str | None:
    unpacked = sum(member.file_size for member in members)
    faults = (
        (any(member.flag_bits & 1 for member in members), "it is encrypted"),
        (len(members) > _MAX_MEMBERS, f"it holds {len(members)} members, a bomb perhaps"),
        (unpacked > _MAX_UNPACKED, f"it unpacks to {unpacked // 2**20} MB, a bomb perhaps"),
        (
            any(
                member.file_size > _RATIO_FROM
                and member.file_size > _MAX_RATIO * max(1, member.compress_size)
                for member in members
            ),
            "it is packed too tightly to be a document, a bomb perhaps",
        ),
        (
            any(m.file_size > _MAX_XML for m in members if m.filename.endswith((".xml", ".rels"))),
            f"its text part is over {_MAX_XML // 2**20} MB",
        ),
    )
    return next((reason for found, reason in faults if found), None)


def _entities(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> str | None:
    """Office files declare no entities; one that does wants them expanded."""
    for member in members:
        if member.filename.endswith((".xml", ".rels")):
            with archive.open(member) as part:
                head = part.read(4096).replace(b"\0", b"")
            if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                return "it declares XML entities, which documents do not, a bomb perhaps"
    return None
