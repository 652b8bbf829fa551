"""Why files were left out, in the reader's language: `kb` gives its reasons in plain English."""

from __future__ import annotations

import re

from web.wording import gettext


def N_(message: str) -> str:  # noqa: N802 - the name by which messages are found and collected
    """Mark a message for translation and leave it as it is."""
    return message


# What stands for `%(name)s` differs from file to file.
_KNOWN = (
    N_("a page of it is broken"),
    N_("it cannot be opened"),
    N_("it cannot be opened, or is a link to nothing"),
    N_("it changed while it was being read: try again"),
    N_("it declares XML entities, which documents do not, a bomb perhaps"),
    N_("it has %(count)s pages, more than %(limit)s"),
    N_("it has no text layer (a scan?): run OCR on it first"),
    N_("it has the same content as %(name)s"),
    N_("it holds %(count)s members, a bomb perhaps"),
    N_("it holds no text"),
    N_("it is a broken PDF"),
    N_("it is a link that leads out of the folder"),
    N_("it is binary, not text"),
    N_("it is broken (%(kind)s)"),
    N_("it is broken: Word's parts are not as they should be"),
    N_("it is broken: it is not a whole zip container"),
    N_("it is empty"),
    N_("it is encrypted"),
    N_("it is encrypted, or an old .doc: save it as plain .docx"),
    N_("it is encrypted: save it without a password"),
    N_("it is larger than %(size)s MB"),
    N_("it is not a file"),
    N_("it is not the %(encoding)s it claims to be"),
    N_("it is packed too tightly to be a document, a bomb perhaps"),
    N_("it unpacks to %(size)s MB, a bomb perhaps"),
    N_("it unpacks without end, a bomb perhaps"),
    N_("its elements are nested too deep to be read whole"),
    N_("its encoding is unknown: save it as UTF-8"),
    N_("its name cannot be used: rename it"),
    N_("its name is that of %(name)s, spelled in other bytes"),
    N_("its name is not valid Unicode: rename it"),
    N_("its text part is over %(size)s MB"),
    N_("its type %(type)s is not supported: only %(known)s are"),
    N_("its type %(type)s is not supported: save it as .docx or .pdf"),
    N_("only %(known)s can be added"),
    N_("permission denied"),
    N_("the disk does not take it: %(cause)s"),
    N_("the library has a document of that name"),
    N_("the library has it as %(name)s"),
)


def _pattern(message: str) -> re.Pattern[str]:
    literal = re.escape(message)
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", literal), re.DOTALL)


_PATTERNS = tuple((_pattern(message), message) for message in _KNOWN)


def reason(given: str) -> str:
    """`given` in the reader's language; a reason that is not known here stays as it is."""
    for pattern, message in _PATTERNS:
        if found := pattern.fullmatch(given):
            return gettext(message, **found.groupdict())
    return given
