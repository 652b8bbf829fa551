"""The description of the endpoint, OpenAPI 3.1, made from the same types as its answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from kb.library import MAX_BYTES
from kb.reading import SUFFIXES
from web import shapes
from web.gate import SECONDS
from web.problems import MEDIA_TYPE
from web.query import MAX_K, MAX_QUERY, SearchRequest
from web.settings import Settings

JSON = dict[str, Any]

_ERRORS = {
    400: "A parameter is missing, repeated, unknown, of the wrong type or out of bounds; "
    "or the server does not go by the name in Host.",
    401: "The admin token is needed (Authorization: Bearer), or wrong.",
    403: "Asked for from another site or with a page's token that is too old; changing library and "
    "index over HTTP is off; or the documents are only read.",
    404: "No document has this id, or it has no such section.",
    409: "A rebuild is already running; or the library has this document already, or has no other "
    "that can be read.",
    413: "The body is larger than {max_body} bytes.",
    414: "The query string is longer than {max_url} bytes.",
    415: "The body is not of the media type stated here.",
    422: "The file cannot be read as a document: its type, content or name is at fault.",
    429: "This address has used its share of requests ({rate_limit}; off on loopback).",
    507: "The disk of the server does not take the body, or fails.",
    503: "No index serves yet, or its store does not answer; too many requests wait; or the search "
    f"took more than {SECONDS:.0f} seconds, its wait included.",
}
_ALWAYS = (400,)
_GATED = (429, 503)
_FILE = {
    "type": "object",
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "contentMediaType": "application/octet-stream",
            "description": "The document, with its file name.",
        }
    },
    "required": ["file"],
}
_RETRY_AFTER = {"Retry-After": {"description": "In seconds.", "schema": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class _Operation:
    """One method of one path. `ok` is the status of success, `answer` the type of its body."""

    path: str
    method: str
    name: str
    summary: str
    answer: type
    ok: int = 200
    errors: tuple[int, ...] = ()
    more: JSON | None = None
    uploads: bool = False


@lru_cache(maxsize=4)
def document(settings: Settings) -> JSON:
    """The whole description for a server with these `settings`."""
    paths: JSON = {}
    known = ", ".join(sorted(SUFFIXES))
    for each in _operations():
        paths.setdefault(each.path, {})[each.method] = _operation(each, settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "report-kb",
            "version": "1",
            "summary": "The exact passages of official reports that answer a question.",
            "description": (
                f"Limits: a query of {MAX_QUERY} characters, k of 1 to {MAX_K}, a body of "
                f"{settings.max_body} bytes, a document of {MAX_BYTES} bytes ({known}), "
                f"a query string of {settings.max_url} bytes, {SECONDS:.0f} seconds for a search. "
                "All offsets are half-open and count Unicode code points (not UTF-16 units) "
                "of the document's text. Errors are problem documents (RFC 9457); beside those "
                "listed, any request may be answered with 405, 413, 431 or 500. "
                "To add, remove or rebuild takes the value of KB_ADMIN_TOKEN in the header "
                "Authorization: Bearer; on the server's own machine it takes nothing where no such "
                "token is set."
            ),
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "adminToken": {"type": "http", "scheme": "bearer"},
                "csrfToken": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _operations() -> list[_Operation]:
    body = {"content": {"application/json": {"schema": _ref(SearchRequest)}}, "required": True}
    file = {"content": {"multipart/form-data": {"schema": _FILE}}, "required": True}
    document_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    security: list[JSON] = [{}, {"adminToken": []}, {"csrfToken": []}]
    return [
        _Operation(
            "/api/search", "get", "search", "The passages that answer a question.",
            shapes.SearchShape, errors=(404, 414, *_GATED), more={"parameters": _parameters()},
        ),
        _Operation(
            "/api/search", "post", "searchByBody", "The same, for long questions.",
            shapes.SearchShape, errors=(404, 413, 415, *_GATED), more={"requestBody": body},
        ),
        _Operation(
            "/api/documents", "get", "listDocuments", "The documents of the index.",
            shapes.LibraryShape, errors=_GATED,
        ),
        _Operation(
            "/api/documents", "post", "addDocument",
            "Add a file to the library; it is indexed in the background.",
            shapes.ChangeShape, ok=202, errors=(401, 403, 409, 413, 415, 422, 507, *_GATED),
            more={"requestBody": file, "security": security}, uploads=True,
        ),
        _Operation(
            "/api/documents/{id}", "delete", "removeDocument",
            "Delete a document from the library; the rest is indexed in the background.",
            shapes.ChangeShape, ok=202, errors=(401, 403, 404, 409, 413, 507, *_GATED),
            more={"parameters": [document_id], "security": security},
        ),
        _Operation(
            "/api/documents/{id}", "get", "getDocument", "One document: text and outline.",
            shapes.DocumentShape, errors=(404, *_GATED), more={"parameters": [document_id]},
        ),
        _Operation(
            "/api/rebuild", "post", "startRebuild", "Index the library anew, in the background.",
            shapes.RebuildShape, ok=202, errors=(401, 403, 409, 413, *_GATED),
            more={"security": security},
        ),
        _Operation(
            "/api/rebuild", "get", "getRebuild", "How the newest rebuild stands.",
            shapes.RebuildShape, errors=(429,),
        ),
        _Operation("/healthz", "get", "isAlive", "The process answers.", shapes.AliveShape),
        _Operation(
            "/readyz", "get", "isReady", "An index is serving.", shapes.ReadyShape, errors=(503,)
        ),
        _Operation("/metrics", "get", "getMetrics", "Figures for Prometheus.", str),
        _Operation("/openapi.json", "get", "getDescription", "This document.", object),
    ]  # fmt: skip


def _operation(of: _Operation, settings: Settings) -> JSON:
    ok: JSON = {"description": of.summary, "content": _content(of.answer)}
    if of.ok == HTTPStatus.ACCEPTED:
        ok["headers"] = {
            "Location": {"description": "Where to ask how it stands.", "schema": {"type": "string"}}
        }
    codes = sorted({*_ALWAYS, *of.errors})
    most = settings.max_upload if of.uploads else settings.max_body
    errors = {str(code): _error(code, settings, most) for code in codes}
    return {
        "operationId": of.name,
        "summary": of.summary,
        **(of.more or {}),
        "responses": {str(of.ok): ok, **errors},
    }


def _content(answer: type) -> JSON:
    if answer is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    schema = {"type": "object"} if answer is object else _ref(answer)
    return {"application/json": {"schema": schema}}


def _error(code: int, settings: Settings, max_body: int) -> JSON:
    response: JSON = {
        "description": _ERRORS[code].format(
            max_body=max_body, max_url=settings.max_url, rate_limit=settings.rate_limit
        ),
        "content": {MEDIA_TYPE: {"schema": _ref(shapes.ProblemShape)}},
    }
    if code in _GATED:
        response["headers"] = _RETRY_AFTER
    return response


def _parameters() -> list[JSON]:
    whole = SearchRequest.model_json_schema()
    parameters = []
    for name, said in whole["properties"].items():
        schema = dict(said)
        parameter = {"name": name, "in": "query", "required": name in whole["required"]}
        parameter["description"] = schema.pop("description")
        # Where a body says null, a query string leaves the parameter out.
        if "anyOf" in schema:
            schema = next(kind for kind in schema["anyOf"] if kind["type"] != "null")
        parameters.append({**parameter, "schema": schema})
    return parameters


def _schemas() -> JSON:
    types = [
        shapes.SearchShape, shapes.LibraryShape, shapes.DocumentShape, shapes.ChangeShape,
        shapes.RebuildShape, shapes.AliveShape, shapes.ReadyShape, shapes.ProblemShape,
        SearchRequest,
    ]  # fmt: skip
    _, schemas = TypeAdapter.json_schemas(
        [(each.__name__, "validation", TypeAdapter[object](each)) for each in types],
        ref_template="#/components/schemas/{model}",
    )
    definitions: JSON = schemas["$defs"]
    return definitions


def _ref(of: type) -> JSON:
    return {"$ref": f"#/components/schemas/{of.__name__}"}
