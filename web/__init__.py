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
    to load it at once, so that any WSGI server can run `web:create_app()`. Imports wait
    until here: `kb --help` imports this package too.
    """
    from flask import Flask

    from web import api, gate, health, limits, logs, metrics, pages, problems, security
    from web.live import attach, from_environment
    from web.settings import Settings

    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    settings = settings or Settings.from_environment()
    live = live or from_environment()
    turns = gate.Gate()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.config["MAX_UPLOAD"] = settings.max_upload if settings.changeable else settings.max_body
    app.extensions["kb_settings"] = settings
    attach(app, live)
    problems.register(app)
    # The order matters: what is registered first sees a request first and its answer last.
    logs.register(app, settings)
    metrics.register(app, live, turns)
    security.register(app, settings)
    limits.register(app, settings)
    gate.register(app, turns)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(health.blueprint)
    pages.register(app)
    return app
