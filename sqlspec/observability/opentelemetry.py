"""Spans and metrics of OpenTelemetry, by its semantic conventions for databases; needs the extra `opentelemetry`.

Conventions: https://opentelemetry.io/docs/specs/semconv/db/postgresql/
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlspec.core.observe import Retry, StatementEnd, StatementStart, TransactionEnd, TransactionStart
from sqlspec.exceptions import MissingDependencyError
from sqlspec.observability._measures import EVENTS, LEVELS, Pools, Recorder
from sqlspec.observability._texts import Texts, base_attributes, error_attributes, namespace_of

try:
    from opentelemetry import metrics, trace
    from opentelemetry.metrics import Observation
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as error:
    raise MissingDependencyError("opentelemetry", "opentelemetry") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.metrics import CallbackOptions, MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from sqlspec.core.observe import Database, Event
    from sqlspec.observability._measures import Instrument
    from sqlspec.observability._texts import QueryText

__all__ = ("OpenTelemetryObserver",)

SCHEMA = "https://opentelemetry.io/schemas/1.33.0"
"""Version of the conventions since which those for databases are stable."""


class OpenTelemetryObserver:
    """Makes spans of statements and transactions, and measures them and the pools.

    One object may be given to any number of configs. A span is a child of the span that is current where the session is
    called. It holds the statement's text with `?` for literals, and no parameter, row or message of the server.
    `error.type` is the class of the error, as the caller gets it. `db.namespace` is the database, and the first schema
    of the search path, as they were configured.

    Example:
        `AsyncpgConfig(connection_config, observers=[OpenTelemetryObserver()])`
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        query_text: QueryText = "redacted",
        transactions: bool = True,
    ) -> None:
        """Make the instruments.

        Args:
            tracer_provider: Where spans go; the global one by default.
            meter_provider: Where measurements go; the global one by default.
            query_text: `"redacted"`: `db.query.text` has `?` for literals and no comments. `"verbatim"`: as the user
                wrote it. `"none"`: there is none.
            transactions: Make a span of each transaction, too.

        Raises:
            ParameterError: `query_text` has no such choice.
        """
        self._texts = Texts(query_text)
        self._transactions = transactions
        self._tracer = trace.get_tracer("sqlspec", None, tracer_provider, SCHEMA)
        meter = metrics.get_meter("sqlspec", "", meter_provider, SCHEMA)
        self._recording = {each.name: _instrument(meter, each) for each in EVENTS}
        self._pools = Pools()
        for each in LEVELS:
            meter.create_observable_up_down_counter(
                each.name, [partial(self._observations, each)], each.unit, each.description
            )

    def for_database(self, database: Database) -> _OfDatabase:
        """Return the observer of one config."""
        recorder = Recorder(database, self, self._texts)
        self._pools.add(recorder)
        return _OfDatabase(self, recorder)

    def __call__(self, event: Event, /) -> None:
        """Do nothing: events go to what `for_database` returns."""

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, Any]) -> None:
        """Add a value to a counter or a histogram."""
        recording = self._recording[instrument.name]
        (recording.record if instrument.kind == "histogram" else recording.add)(value, attributes)

    def _observations(self, instrument: Instrument, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, attributes) for value, attributes in self._pools.readings(instrument)]


class _OfDatabase:
    """What reports one config's events."""

    def __init__(self, owner: OpenTelemetryObserver, recorder: Recorder) -> None:
        self._tracer = owner._tracer
        self._texts = owner._texts
        self._transactions = owner._transactions
        self._record = recorder
        self._base = base_attributes(recorder.database)
        self._target = namespace_of(recorder.database) or self._base["server.address"]
        self._spans: dict[int, Span] = {}

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, StatementStart):
            self._start(event)
            return
        if isinstance(event, StatementEnd):
            self._end(event)
        elif isinstance(event, TransactionStart):
            if self._transactions:
                self._begin(event)
        elif isinstance(event, TransactionEnd):
            self._close(event)
        elif isinstance(event, Retry):
            trace.get_current_span().add_event("sqlspec.retry", error_attributes(event.error))
        self._record(event)

    def _start(self, event: StatementStart) -> None:
        statement = self._texts.of(event)
        attributes = {
            **self._base,
            "db.operation.name": statement.name or None,
            "db.collection.name": statement.table,
            "db.query.text": statement.text,
            "db.operation.batch.size": statement.size,
        }
        name = f"{statement.name or event.operation} {statement.table or self._target}"
        self._spans[event.call] = self._tracer.start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={key: value for key, value in attributes.items() if value is not None},
        )

    def _end(self, event: StatementEnd) -> None:
        span = self._spans.pop(event.call, None)
        if span is None:
            return
        if event.error is not None:
            attributes = error_attributes(event.error)
            span.set_attributes(attributes)
            span.set_status(Status(StatusCode.ERROR, attributes["error.type"]))
        span.end()

    def _begin(self, event: TransactionStart) -> None:
        # Beside the spans of its statements, not around them: these belong to whatever is current for their callers.
        self._spans[event.transaction] = self._tracer.start_span(
            f"TRANSACTION {self._target}", kind=SpanKind.INTERNAL, attributes=self._base
        )

    def _close(self, event: TransactionEnd) -> None:
        span = self._spans.pop(event.transaction, None)
        if span is not None:
            span.set_attribute("sqlspec.transaction.outcome", event.outcome)
            span.end()


def _instrument(meter: metrics.Meter, instrument: Instrument) -> Any:
    if instrument.kind == "counter":
        return meter.create_counter(instrument.name, instrument.unit, instrument.description)
    return meter.create_histogram(
        instrument.name,
        instrument.unit,
        instrument.description,
        explicit_bucket_boundaries_advisory=instrument.buckets,
    )
