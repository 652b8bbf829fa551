"""The page: search, reading, library; every view works without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from kb.library import MAX_BYTES, Source
from kb.reading import SUFFIXES
from web import apidocs, i18n, layout, live, openapi, security, shelf, standing, uploads
from web.asking import Question, answer, section_of
from web.examples import questions
from web.query import MAX_QUERY
from web.reading import locate, trail
from web.settings import current_settings
from web.shown import show, unnamed

if TYPE_CHECKING:
    from index.search import Searcher

blueprint = Blueprint("pages", __name__)

OUTLINES = 3  # documents whose outline the empty page shows in full
TITLES = 15  # documents that it names at all
CHOICES = 60  # documents that the box offers by name; of more, one is chosen in the library


def register(app: Flask) -> None:
    """Add the pages, their languages and what every template may use."""
    i18n.init_app(app)
    app.jinja_env.globals.update(
        unnamed=unnamed,
        max_query=MAX_QUERY,
        most_choices=CHOICES,
        preparing=lambda: standing.of(live.current()),
    )
    app.register_blueprint(blueprint)


@blueprint.app_context_processor
def _for_templates() -> dict[str, object]:
    return {"preferences": i18n.preferences(), "local": live.current().home.store is None}


@blueprint.after_request
def _depends_on_reader(response: Response) -> Response:
    response.vary.update(("Cookie", "Accept-Language"))
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/")
def search() -> Response:
    """The box, and under it either the answer or what the library holds."""
    return _answer_with("search.html")


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """The seal, for browsers that ask here when they show the API's answers."""
    return current_app.send_static_file("seal.svg")


@blueprint.get("/results")
def results() -> Response:
    """The part of `/` below the box, for the script that puts it there."""
    return _answer_with("_frame.html")


def _answer_with(template: str) -> Response:
    searcher = live.searcher()
    found = answer(Question.from_args(request.args), searcher)
    page = render_template(
        template,
        answer=found,
        question=found.question,
        section=section_of(found.question, searcher),
        hits=show(found),
        searcher=searcher,
        library=_library(searcher) if found.outcome == "blank" else None,
        standing=standing.of(live.current(), searcher.generation),
    )
    return make_response(page, found.status)


def _library(searcher: Searcher) -> dict[str, object]:
    documents = [searcher.document(summary.id) for summary in searcher.documents[:OUTLINES]]
    return {
        "outlines": [(document, layout.outline(document)) for document in documents],
        "titles": searcher.documents[OUTLINES:TITLES],
        "examples": questions(documents),
    }


@blueprint.get("/documents/<document_id>")
def document(document_id: str) -> str:
    """One document to read, with the passage that was asked for in view."""
    searcher = live.searcher()
    document = searcher.document(document_id)
    question = Question.from_args(request.args)
    place = locate(request.args, len(document.text))
    matches = trail(question, searcher, document_id, place.span)
    focus = layout.focus(place.span, matches.here)
    return render_template(
        "document.html",
        document=document,
        question=question,
        outline=layout.outline(document),
        unsaid=layout.unsaid(document),
        page=layout.page(document, searcher.passages(document_id), focus),
        place=place,
        matches=matches,
        searcher=searcher,
    )


@blueprint.get("/library")
def library() -> str:
    """What is indexed, what was left out, and how to change both."""
    return _library_page()


def _library_page(kept: Sequence[Source] = (), refused: Sequence[uploads.Refused] = ()) -> str:
    searcher = live.searcher()
    return render_template(
        "library.html",
        searcher=searcher,
        kept=kept,
        refused=refused,
        types=sorted(SUFFIXES),
        max_bytes=MAX_BYTES,
        writable=live.current().home.owns_documents,
        standing=standing.of(live.current(), searcher.generation),
    )


@blueprint.post("/library/documents")
def add_documents() -> BaseResponse:
    """Take files into the library, begin to index them, and go back to the library.

    Where a file is refused the library page says so, with the reason.
    """
    files = uploads.received()
    kept, refused = uploads.keep_all(live.ready().home, files)
    if kept:
        live.current().rebuild_soon()
    if refused:
        status = max(each.status for each in refused)
        return make_response(_library_page(kept, refused), status)
    return redirect(url_for("pages.library") + "#rebuild", 303)


@blueprint.post("/library/documents/<document_id>/remove")
def remove_document(document_id: str) -> BaseResponse:
    """Delete a document, begin to index what is left, and go back to the library."""
    security.authorize_change()
    shelf.remove(live.ready().home, document_id)
    live.current().rebuild_soon()
    return redirect(url_for("pages.library") + "#rebuild", 303)


@blueprint.post("/library/rebuild")
def rebuild() -> BaseResponse:
    """Begin a rebuild and go back to the library; raises RebuildRunning."""
    security.authorize_change()
    live.current().rebuild()
    return redirect(url_for("pages.library") + "#rebuild", 303)


@blueprint.get("/library/documents")
@blueprint.get("/library/documents/<_document_id>/remove")
@blueprint.get("/library/rebuild")
def changed(_document_id: str = "") -> BaseResponse:
    """The library, for who opens the address of a change: a refusal leaves it in the browser.

    The switches of language and theme lead back to it as well.
    """
    return redirect(url_for("pages.library"), 303)


@blueprint.get("/standing/<any(notice, rebuild, preparing):part>")
def now(part: str) -> str:
    """How the index stands, in the words of the part of an open page that follows it.

    `generation` is the one that the open page was answered from.
    """
    seen = request.args.get("generation", "")
    return render_template(f"_{part}.html", standing=standing.of(live.current(), seen))


@blueprint.post("/preferences")
def prefer() -> BaseResponse:
    """Remember a language or a theme, and return to the page the reader was on."""
    response = redirect(i18n.local_path(request.form.get("next", "/")), 303)
    return i18n.remember(response, request.form)


@blueprint.get("/api/docs")
def api_docs() -> str:
    """The API for people, from the same document that programs read."""
    spec = openapi.document(current_settings())
    serving = live.current().searcher
    documents = serving.documents if serving else ()
    samples = {"q": "暖心驿站有多少家？", "k": 3}
    if documents:
        samples["id"] = documents[0].id
    manual = apidocs.read(spec, base=request.host_url.rstrip("/"), samples=samples)
    return render_template("api_docs.html", manual=manual)
