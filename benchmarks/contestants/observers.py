"""Observers, each as a program would have it, whose reports go nowhere."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ("observers",)


def _logging(level: int) -> Any:
    from sqlspec.observability import JSONFormatter, LoggingObserver

    class Nowhere(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            self.format(record)

    handler = Nowhere()
    handler.setFormatter(JSONFormatter())
    logger = logging.getLogger(f"benchmark.{level}")
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    return LoggingObserver(logger)


def _prometheus() -> Any:
    from prometheus_client import CollectorRegistry

    from sqlspec.observability.prometheus import PrometheusObserver

    return PrometheusObserver(CollectorRegistry())


def _opentelemetry() -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    from sqlspec.observability.opentelemetry import OpenTelemetryObserver

    tracers = TracerProvider()
    tracers.add_span_processor(SpanProcessor())
    return OpenTelemetryObserver(tracer_provider=tracers, meter_provider=MeterProvider([InMemoryMetricReader()]))


MAKERS = {
    "a function": lambda: lambda _: None,
    "LoggingObserver, off": lambda: _logging(logging.WARNING),
    "LoggingObserver": lambda: _logging(logging.DEBUG),
    "PrometheusObserver": _prometheus,
    "OpenTelemetryObserver": _opentelemetry,
}


def observers(by: str) -> list[Any]:
    """Return the observers of this name; none for `none`."""
    return [] if by == "none" else [MAKERS[by]()]
