"""An address's share of requests, counted where strangers can reach the server."""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from web.health import blueprint as health
from web.settings import Settings


def register(app: Flask, settings: Settings) -> None:
    """Refuse an address with 429 once it has used its share; off on loopback.

    Counted in memory: there is one process. Health checks are left out, so that a
    supervisor that asks often is never told the server is down.
    """
    limiter = Limiter(
        get_remote_address,
        application_limits=[settings.rate_limit],
        storage_uri="memory://",
        headers_enabled=True,  # Retry-After
        enabled=not settings.loopback,
    )
    limiter.exempt(health)
    limiter.init_app(app)
