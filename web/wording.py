"""Flask-Babel's translation with types: what a message becomes in the reader's language."""

from __future__ import annotations

import flask_babel


def gettext(message: str, **values: object) -> str:
    """`message` in the language of this request, with `%(name)s` filled in from `values`."""
    return str(flask_babel.gettext(message, **values))
