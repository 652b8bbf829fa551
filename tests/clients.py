"""Clients of an application over a live index, set up otherwise than the fixture's."""

from __future__ import annotations

from flask.testing import FlaskClient

from web import create_app, security
from web.live import Live
from web.settings import Settings


def client_of(live: Live, **settings: object) -> FlaskClient:
    """Asks an application with these settings."""
    return create_app(live, settings=Settings(**settings)).test_client()  # type: ignore[arg-type]


def csrf(client: FlaskClient) -> str:
    """The token that the pages of its application send."""
    with client.application.test_request_context():
        return security.csrf_token()
