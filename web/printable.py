"""JSON of printable characters alone, for a log or a terminal; what it says stays the same."""

from __future__ import annotations

import json
import re
from typing import Any

# What a terminal or a reader of logs may take for an order: beyond ASCII, JSON lets it stand.
_DOUBTFUL = re.compile(r"[^\x20-\x7e]")


def printable_json(value: object, **options: Any) -> str:
    r"""`value` on one line, what cannot be printed as `\uXXXX`, half a surrogate pair too."""
    text = json.dumps(value, ensure_ascii=False, **options)
    return _DOUBTFUL.sub(lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)
