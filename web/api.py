"""The HTTP endpoint: thin views over the index."""

from __future__ import annotations

from flask import Blueprint, Response, g, jsonify, url_for

from kb.library import Source
from web import answers, gate, live, query, shapes, shelf, uploads
from web.problems import BadParameters
from web.security import authorize_change
from web.settings import current_settings

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.route("/search", methods=["GET", "POST"])
def search() -> shapes.SearchShape:
    """The passages that answer."""
    asked = query.from_request(current_settings().max_url)
    g.query = asked.q
    return answers.results(asked.ask(live.searcher(), gate.deadline()))


@blueprint.get("/documents")
def documents() -> shapes.LibraryShape:
    """The documents of the serving generation."""
    return answers.library(live.searcher())


@blueprint.get("/documents/<document_id>")
def document(document_id: str) -> shapes.DocumentShape:
    """One document: text and outline."""
    searcher = live.searcher()
    return answers.document(searcher.document(document_id), searcher.generation)


@blueprint.post("/documents")
def add_document() -> Response:
    """Take a file into the library and index it in the background."""
    files = uploads.received()
    if len(files) > 1:
        raise BadParameters([(uploads.FIELD, "must be given once")])
    return _changed(uploads.keep(live.ready().home, files[0]))


@blueprint.delete("/documents/<document_id>")
def remove_document(document_id: str) -> Response:
    """Delete a document from the library and index what is left in the background."""
    authorize_change()
    return _changed(shelf.remove(live.ready().home, document_id))


def _changed(source: Source) -> Response:
    return _begun(answers.change(source, live.current().rebuild_soon()))


@blueprint.post("/rebuild")
def start_rebuild() -> Response:
    """Build a new generation in the background."""
    authorize_change()
    return _begun(answers.rebuild(live.current().rebuild()))


def _begun(answer: shapes.RebuildShape | shapes.ChangeShape) -> Response:
    response = jsonify(answer)
    response.status_code = 202
    response.headers["Location"] = url_for("api.rebuild_state")
    return response


@blueprint.get("/rebuild")
def rebuild_state() -> shapes.RebuildShape:
    """How the newest rebuild stands."""
    return answers.rebuild(live.current().state)
