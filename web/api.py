"""The HTTP endpoint: thin views over the index."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("api", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Alive: the process answers."""
    return {"status": "ok"}
