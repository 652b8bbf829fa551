"""Why files were left out and why a build failed, in the reader's language.

`kb` and `index` give their reasons in plain English.
"""

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
    # why there is no index, or no newer one; the first that fits is taken
    N_(
        "no readable document in %(folder)s (%(files)s): "
        "put a .docx, .pdf, .html, .md or .txt file there"
    ),
    N_("no readable document in %(folder)s: put a .docx, .pdf, .html, .md or .txt file there"),
    N_("and %(count)s more"),
    N_("cannot load the model %(name)s: %(cause)s"),
    N_(
        "storage failed at %(path)s (%(cause)s): see to that disk, "
        "or choose another folder with --home"
    ),
    N_("the index store %(place)s cannot answer (%(cause)s): see to it, or wait"),
    N_("a build is already running in %(folder)s: wait for it to end"),
    N_("no index in %(folder)s: run 'kb build'"),
    N_("index file %(file)s is damaged (%(cause)s): run 'kb build --force'"),
    N_("it is missing"),
    N_("its bytes are not those that were written"),
    N_("the index was built by %(encoder)s, the encoder here is %(other)s: run 'kb build'"),
    N_("cannot write the index: %(cause)s"),
    N_("stopped: the server is shutting down"),
    N_("internal error: see the server's log"),
    N_("see the server's log"),
)


def _pattern(message: str) -> re.Pattern[str]:
    literal = re.escape(message)
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", literal), re.DOTALL)


_PATTERNS = tuple((_pattern(message), message) for message in _KNOWN)


def reason(given: str) -> str:
    """`given` in the reader's language; a reason that is not known here stays as it is."""
    for pattern, message in _PATTERNS:
        if found := pattern.fullmatch(given):
            return gettext(message, **{k: _part(k, v) for k, v in found.groupdict().items()})
    return given


def _part(name: str, value: str) -> str:
    """What stands for a name in a message: itself a reason, or files with one each."""
    if name == "cause":
        return reason(value)
    if name == "files":
        return "; ".join(map(_file, value.split("; ")))
    return value


def _file(told: str) -> str:
    name, colon, why = told.partition(": ")
    return f"{name}{colon}{reason(why)}" if colon else reason(told)
