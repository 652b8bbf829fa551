"""The HTTP endpoint: thin views over the index."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, jsonify, url_for

from web import answers, live, query, shapes
from web.security import authorize_rebuild
from web.settings import Settings

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.route("/search", methods=["GET", "POST"])
def search() -> shapes.SearchShape:
    """The passages that answer."""
    settings: Settings = current_app.extensions["kb_settings"]
    asked = query.from_request(settings.max_url)
    g.query = asked.q
    return answers.results(asked.ask(live.searcher()))


@blueprint.get("/documents")
def documents() -> shapes.LibraryShape:
    """The documents of the serving generation."""
    return answers.library(live.searcher())


@blueprint.get("/documents/<document_id>")
def document(document_id: str) -> shapes.DocumentShape:
    """One document: text and outline."""
    searcher = live.searcher()
    return answers.document(searcher.document(document_id), searcher.generation)


@blueprint.post("/rebuild")
def start_rebuild() -> Response:
    """Build a new generation in the background."""
    authorize_rebuild()
    response = jsonify(answers.rebuild(live.current().rebuild()))
    response.status_code = 202
    response.headers["Location"] = url_for("api.rebuild_state")
    return response


@blueprint.get("/rebuild")
def rebuild_state() -> shapes.RebuildShape:
    """How the newest rebuild stands."""
    return answers.rebuild(live.current().state)
