"""OpenTelemetry's in-memory exporters and a registry of Prometheus' client, for tests of what is told to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from sqlspec.observability.opentelemetry import OpenTelemetryObserver
from tests.secrets import searched

__all__ = ("Telemetry",)


class _Searched(InMemorySpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            searched(f"a span of OpenTelemetry, {span.name}, ", span.to_json())
        return super().export(spans)


class Telemetry:
    """What was exported to memory, in the shape that leaves a program; all of it is searched for planted secrets."""

    def __init__(self) -> None:
        self.exporter = _Searched()
        self.spans_of = TracerProvider()
        self.spans_of.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])
        self.tracer = self.spans_of.get_tracer("test")
        self.observer = self.make()
        self.registry = CollectorRegistry()

    def make(self, **options: Any) -> OpenTelemetryObserver:
        return OpenTelemetryObserver(tracer_provider=self.spans_of, meter_provider=self.meters, **options)

    def spans(self) -> list[Any]:
        """Return the spans that have ended, and forget them."""
        found = list(self.exporter.get_finished_spans())
        self.exporter.clear()
        return found

    def metrics(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        searched("a metric of OpenTelemetry", data.to_json())
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def shutdown(self) -> None:
        self.metrics()
        searched("a metric of Prometheus", generate_latest(self.registry).decode())
        self.meters.shutdown()
        self.spans_of.shutdown()
