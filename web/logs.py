"""One structured line a request, on stderr; a question is logged only where that was asked for."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid

import structlog
from flask import Flask, Response, g, request
from structlog.typing import Processor

from web import live
from web.printable import printable_json
from web.settings import Settings

log = structlog.get_logger("kb.request")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def configure() -> None:
    """Write the log of this process as JSON lines to stderr, other libraries' warnings too."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer(serializer=printable_json)
    structlog.configure(
        processors=[*shared, render],
        # a line and its end at once: what other threads write to stderr comes not in between
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # One line for every request that waits a moment would drown the requests' own lines.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def register(app: Flask, settings: Settings) -> None:
    """Number every request of `app` and log it when it ends."""

    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()

    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        answered = live.answering()
        # The route, not the path: whoever asks cannot write into the log through it.
        fields: dict[str, object] = {
            "request_id": g.request_id,
            "method": request.method[:16],
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.started) * 1000, 1),
            "generation": answered.generation if answered else None,
        }
        if settings.log_queries and "query" in g:
            fields["query"] = g.query
        log.info("request", **fields)
        return response

    app.before_request(begin)
    app.after_request(end)
