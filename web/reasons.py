"""Why files were left out, in the reader's language: `kb` gives its reasons in plain English."""

from __future__ import annotations

import re
from collections.abc import Callable

from web.wording import gettext

_Wording = Callable[[dict[str, str]], str]

# Every wording stands in a call of its own, where the extraction of messages finds it.
_KNOWN: tuple[tuple[str, _Wording], ...] = (
    ("it holds no text", lambda _: gettext("it holds no text")),
    ("it is binary, not text", lambda _: gettext("it is binary, not text")),
    (
        "its encoding is unknown: save it as UTF-8",
        lambda _: gettext("its encoding is unknown: save it as UTF-8"),
    ),
    (
        "its name is not valid Unicode: rename it",
        lambda _: gettext("its name is not valid Unicode: rename it"),
    ),
    (
        "it cannot be opened, or is a link to nothing",
        lambda _: gettext("it cannot be opened, or is a link to nothing"),
    ),
    (
        "it is a link that leads out of the folder",
        lambda _: gettext("it is a link that leads out of the folder"),
    ),
    ("it is not a file", lambda _: gettext("it is not a file")),
    ("it cannot be opened", lambda _: gettext("it cannot be opened")),
    ("permission denied", lambda _: gettext("permission denied")),
    (
        "it changed while it was being read: try again",
        lambda _: gettext("it changed while it was being read: try again"),
    ),
    (
        r"it has the same content as (?P<name>.+)",
        lambda found: gettext("it has the same content as %(name)s", **found),
    ),
    (
        r"its type (?P<type>\S+) is not supported, only (?P<known>.+)",
        lambda found: gettext("its type %(type)s is not supported, only %(known)s", **found),
    ),
    (
        r"it is larger than (?P<size>\d+) MB",
        lambda found: gettext("it is larger than %(size)s MB", **found),
    ),
    (
        r"it is not the (?P<encoding>\S+) it claims to be",
        lambda found: gettext("it is not the %(encoding)s it claims to be", **found),
    ),
)


def reason(given: str) -> str:
    """`given` in the reader's language; a reason that is not known here stays as it is."""
    for pattern, wording in _KNOWN:
        if found := re.fullmatch(pattern, given, re.DOTALL):
            return wording(found.groupdict())
    return given
