"""A page, an endpoint, a command: the ways to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from web.live import Live
    from web.settings import Settings


def create_app(live: Live | None = None, *, settings: Settings | None = None) -> Flask:
    """Make the WSGI application around one `Live` index.

    Without `live` it serves the home of the environment (`KB_HOME` and the like) and starts
    to load it at once, so that `flask --app web` and other WSGI servers work as `kb serve`
    does. Imports wait until here: `kb --help` imports this package too.
    """
    from flask import Flask

    from web import api, live as live_, pages, problems
    from web.settings import Settings

    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    settings = settings or Settings.from_environment()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.extensions["kb_settings"] = settings
    live_.attach(app, live or live_.from_environment())
    problems.register(app)
    app.register_blueprint(api.blueprint)
    pages.register(app)
    return app
