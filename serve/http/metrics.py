"""What the service counts, for Prometheus at `/metrics`.

With one worker the numbers live in its memory. Several workers keep theirs in files that any of
them adds up, in the folder that PROMETHEUS_MULTIPROC_DIR names; `__main__` sets it before the
workers start, because prometheus_client reads it once, when it is imported.
"""

from __future__ import annotations

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# A third of all lines, and of use to nobody who keeps the counters.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        """Make the counters, all at zero, in a registry of their own."""
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "respun_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._latency = Histogram(
            "respun_request_seconds",
            "From the request's head to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._rejected = Counter(
            "respun_rejected", "Requests refused, by kind of error.", ["kind"], registry=registry
        )
        self._waiting_texts = Gauge(
            "respun_queue_texts",
            "Texts that wait or are being scored.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._waiting_characters = Gauge(
            "respun_queue_characters",
            "Characters of the texts that wait or are being scored.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._batches = Histogram(
            "respun_batch_texts", "Texts scored together.", buckets=_TEXTS, registry=registry
        )
        self._scoring = Histogram(
            "respun_scoring_seconds",
            "Time that the scorer took for a batch.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._verdicts = Counter(
            "respun_verdicts", "Texts scored, by verdict.", ["verdict"], registry=registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the template, never the path as it came in."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def rejected(self, kind: str) -> None:
        """Count a refusal by its kind."""
        self._rejected.labels(kind).inc()

    def queue(self, texts: int, characters: int) -> None:
        """Note what the queue holds now."""
        self._waiting_texts.set(texts)
        self._waiting_characters.set(characters)

    def batch(self, texts: int, seconds: float) -> None:
        """Count a batch that was scored."""
        self._batches.observe(texts)
        self._scoring.observe(seconds)

    def verdict(self, verdict: str) -> None:
        """Count a text that was scored."""
        self._verdicts.labels(verdict).inc()

    def exposition(self) -> bytes:
        """All counters in Prometheus's text format, over all workers."""
        if FOLDER_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
