"""Every error as a problem document (RFC 9457), or as a page for a reader; never a traceback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from flask import Flask, Response, g, json, render_template, request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from kb.errors import (
    DocumentExists,
    DocumentUnreadable,
    KBError,
    LastDocument,
    LibraryReadOnly,
    NotReady,
    Overloaded,
    RebuildRunning,
    SearchTooSlow,
    StorageFailed,
    StoreUnavailable,
    UnknownDocument,
    UnknownSection,
)
from web.security import for_the_asker
from web.shapes import ProblemShape

log = structlog.get_logger("kb.web")

MEDIA_TYPE = "application/problem+json"
API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")
RETRY_SECONDS = 2


class BadParameters(BadRequest):
    """Parameters that do not fit, each with its name and what is wrong with it."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for a program and for a reader; `title` is the status in words."""

    status: int
    title: str
    detail: str
    request_id: str
    faults: tuple[tuple[str, str], ...] = ()
    cause: str = ""
    """The name of the finding, "" where there is none: for some the page has words of its own."""

    def as_json(self) -> ProblemShape:
        """The members of RFC 9457, plus `request_id` and, for parameters, `errors`."""
        members: ProblemShape = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": self.request_id,
        }
        if self.faults:
            members["errors"] = [{"parameter": n, "reason": r} for n, r in self.faults]
        return members


def register(app: Flask) -> None:
    """Answer every error of `app` with a problem."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(KBError, _finding)
    app.register_error_handler(Exception, _mistake)


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect of the router's
    faults = error.faults if isinstance(error, BadParameters) else ()
    detail = error.description or ""
    if isinstance(error, RequestEntityTooLarge):
        detail = _too_large()
    response = _answer(error.code, detail, faults)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def _too_large() -> str:
    most = request.max_content_length
    if (request.content_length or 0) <= (most or 0):  # only a form has further limits
        parts, memory = request.max_form_parts, request.max_form_memory_size
        return f"the form has more than {parts} parts, or a text of more than {memory} bytes"
    return f"the body is larger than {most} bytes"


def log_storage(error: StorageFailed) -> None:
    """Tell whoever runs the server, with the path that other machines do not learn."""
    log.error("storage failed", reason=str(error), request_id=g.get("request_id"))


def _finding(error: KBError) -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    match error:
        case UnknownDocument() | UnknownSection():
            status, detail = HTTPStatus.NOT_FOUND, str(error)
        case DocumentUnreadable():
            status, detail = HTTPStatus.UNPROCESSABLE_ENTITY, str(error)
        case DocumentExists() | LastDocument():
            status, detail = HTTPStatus.CONFLICT, str(error)
        case LibraryReadOnly():
            status, detail = HTTPStatus.FORBIDDEN, "the documents of this server are only read"
        case RebuildRunning():
            status, detail = HTTPStatus.CONFLICT, "a rebuild is already running: wait for its end"
        case StorageFailed():
            log_storage(error)
            status = HTTPStatus.INSUFFICIENT_STORAGE
            detail = f"the server's disk failed: {for_the_asker(str(error))}"
        case NotReady() | Overloaded() | SearchTooSlow():
            detail = str(error)
        case StoreUnavailable():
            # its address is for the log alone
            log.warning("store unavailable", reason=str(error), request_id=g.get("request_id"))
            detail = "the store of the index does not answer: try again shortly"
        case _:
            # Its message may hold a path of this machine: that is for the log.
            log.error("cannot answer", reason=str(error), request_id=g.get("request_id"))
            detail = "the index cannot answer now: see the server's log"
    response = _answer(status, detail, cause=type(error).__name__)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _mistake(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error, request_id=g.get("request_id"))
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected error: see the server's log")


def _answer(
    status: int, detail: str, faults: tuple[tuple[str, str], ...] = (), cause: str = ""
) -> Response:
    title = HTTPStatus(status).phrase
    problem = Problem(status, title, detail, g.get("request_id", ""), faults, cause)
    if request.path.startswith(API_PATHS) or not request.accept_mimetypes.accept_html:
        return Response(json.dumps(problem.as_json()), status, content_type=MEDIA_TYPE)
    return Response(render_template("error.html", problem=problem), status)
