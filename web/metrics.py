"""Counters and gauges for Prometheus, one registry an application."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from web.gate import Gate
from web.live import Live

METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
# Seconds. A search takes milliseconds, a wait in line at most ten seconds.
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class _Now(Collector):
    """Gauges read from the application at the moment they are asked for."""

    def __init__(self, live: Live, gate: Gate) -> None:
        self._live = live
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        serving = self._live.searcher
        state = self._live.state.state
        yield _gauge("kb_queue_waiting", "Requests that wait for a turn", self._gate.waiting)
        yield _gauge("kb_ready", "1 while an index serves", int(serving is not None))
        yield _gauge("kb_rebuild_running", "1 while a rebuild runs", int(state == "running"))
        kind = "remote" if self._live.store.remote else "local"
        up = GaugeMetricFamily("kb_store_up", "1 while the store answers", labels=["kind"])
        up.add_metric([kind], int(self._live.away is None))
        yield up
        rebuilds = CounterMetricFamily("kb_rebuilds", "Rebuilds ended", labels=["outcome"])
        for outcome, count in self._live.rebuilds_ended.items():
            rebuilds.add_metric([outcome], count)
        yield rebuilds
        if serving is None:
            return
        generation = InfoMetricFamily("kb_generation", "The generation that serves")
        generation.add_metric([], {"generation": serving.generation})
        yield generation
        documents = serving.documents
        yield _gauge("kb_index_documents", "Documents in the index", len(documents))
        yield _gauge("kb_index_passages", "Passages", sum(d.passages for d in documents))
        yield _gauge("kb_index_clauses", "Clauses", sum(d.clauses for d in documents))
        size = self._live.store.size(serving.generation)
        if size is not None:
            yield _gauge("kb_index_bytes", "Size of the generation on disk", size)


def register(app: Flask, live: Live, gate: Gate) -> None:
    """Count every request of `app` by route, never by path: labels stay few."""
    registry = CollectorRegistry()
    requests = Counter(
        "kb_requests", "Requests answered", ["route", "method", "status"], registry=registry
    )
    seconds = Histogram(
        "kb_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=registry
    )
    registry.register(_Now(live, gate))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    app.extensions["kb_metrics"] = registry

    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        requests.labels(route, method, response.status_code).inc()
        seconds.labels(route).observe(time.perf_counter() - g.started)
        return response

    app.after_request(count)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)
