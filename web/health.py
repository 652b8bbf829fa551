"""What a supervisor asks: alive, ready, how busy, and which questions may be put."""

from __future__ import annotations

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from kb.errors import NotReady
from web import live, openapi, shapes
from web.security import for_the_asker
from web.settings import current_settings

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> shapes.AliveShape:
    """Alive: the process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def readyz() -> shapes.ReadyShape:
    """Ready: an index is serving, and its store answers; else 503."""
    now = live.current()
    if now.away is not None:
        raise now.away
    serving = now.searcher
    if serving is None:
        raise NotReady
    fault = for_the_asker(now.fault)
    return {"status": "ready", "generation": serving.generation, "fault": fault}


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counters and gauges for Prometheus."""
    registry: CollectorRegistry = current_app.extensions["kb_metrics"]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/openapi.json")
def description() -> dict[str, object]:
    """The description of this endpoint, OpenAPI 3.1."""
    return openapi.document(current_settings())
