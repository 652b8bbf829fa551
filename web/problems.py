"""Every error as a problem document (RFC 9457), or as a page for a reader."""

from __future__ import annotations

from flask import Flask


def register(app: Flask) -> None:
    """Turn every error of `app` into a problem."""
