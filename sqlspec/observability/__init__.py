"""Observers for what applications are watched with: OpenTelemetry, Prometheus, logs.

`opentelemetry` and `prometheus` need the extras of these names. Nothing that they write down holds a parameter value,
and literals in texts of statements are replaced by `?` unless asked for.
"""

from __future__ import annotations

from sqlspec.observability.logs import CorrelationFilter, JSONFormatter, LoggingObserver, correlation, correlation_id
from sqlspec.observability.slow import SlowStatement, SlowStatements

__all__ = (
    "CorrelationFilter",
    "JSONFormatter",
    "LoggingObserver",
    "SlowStatement",
    "SlowStatements",
    "correlation",
    "correlation_id",
)
