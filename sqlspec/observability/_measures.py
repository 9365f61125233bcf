"""What is measured, once for OpenTelemetry and Prometheus: names, units and attributes of the semantic conventions."""

from __future__ import annotations

import weakref
from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from sqlspec.core.observe import (
    Checkin,
    Checkout,
    Connect,
    LoadProgress,
    Retry,
    StatementEnd,
    TransactionEnd,
)
from sqlspec.exceptions import PoolTimeoutError
from sqlspec.observability._texts import base_attributes, error_attributes, pool_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlspec.core.observe import Database, Event
    from sqlspec.observability._texts import Texts

__all__ = ("EVENTS", "LEVELS", "Instrument", "Pools", "Recorder", "Sink")


class Instrument(NamedTuple):
    """One thing that is measured.

    Attributes:
        name: As the conventions have it; those of our own begin with `sqlspec.`.
        kind: A level is read when it is asked for, the others are recorded.
        unit: In UCUM.
        description: In words.
        attributes: All names of attributes that its values may have.
        buckets: Borders of a histogram.
    """

    name: str
    kind: Literal["histogram", "counter", "level"]
    unit: str
    description: str
    attributes: tuple[str, ...]
    buckets: tuple[float, ...] = ()


# The borders that the conventions give.
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
_ROWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)

_BASE = ("db.system.name", "db.namespace", "server.address", "server.port")
_ERROR = ("error.type", "db.response.status_code")
_POOL = ("db.client.connection.pool.name",)

DURATION = Instrument(
    "db.client.operation.duration",
    "histogram",
    "s",
    "Duration of database client operations.",
    (*_BASE, "db.operation.name", *_ERROR),
    _SECONDS,
)
RETURNED_ROWS = Instrument(
    "db.client.response.returned_rows",
    "histogram",
    "{row}",
    "The actual number of records returned by the database operation.",
    (*_BASE, "db.operation.name"),
    _ROWS,
)
CREATE_TIME = Instrument(
    "db.client.connection.create_time",
    "histogram",
    "s",
    "The time it took to create a new connection.",
    _POOL,
    _SECONDS,
)
WAIT_TIME = Instrument(
    "db.client.connection.wait_time",
    "histogram",
    "s",
    "The time it took to obtain an open connection from the pool.",
    _POOL,
    _SECONDS,
)
USE_TIME = Instrument(
    "db.client.connection.use_time",
    "histogram",
    "s",
    "The time between borrowing a connection and returning it to the pool.",
    _POOL,
    _SECONDS,
)
TIMEOUTS = Instrument(
    "db.client.connection.timeouts",
    "counter",
    "{timeout}",
    "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
    _POOL,
)
TRANSACTIONS = Instrument(
    "sqlspec.transaction.duration",
    "histogram",
    "s",
    "Time from BEGIN to the end of a transaction.",
    (*_BASE, "sqlspec.transaction.outcome"),
    _SECONDS,
)
RETRIES = Instrument(
    "sqlspec.transaction.retries",
    "counter",
    "{retry}",
    "Transactions that were run again.",
    (*_BASE, *_ERROR),
)
LOADED_ROWS = Instrument("sqlspec.load.rows", "counter", "{row}", "Rows that loads have sent.", _BASE)
LOADED_BYTES = Instrument("sqlspec.load.size", "counter", "By", "Bytes that loads have sent.", _BASE)

EVENTS = (
    DURATION,
    RETURNED_ROWS,
    CREATE_TIME,
    WAIT_TIME,
    USE_TIME,
    TIMEOUTS,
    TRANSACTIONS,
    RETRIES,
    LOADED_ROWS,
    LOADED_BYTES,
)
"""What is recorded as it happens."""

COUNT = Instrument(
    "db.client.connection.count",
    "level",
    "{connection}",
    "The number of connections that are currently in state described by the state attribute.",
    (*_POOL, "db.client.connection.state"),
)
PENDING = Instrument(
    "db.client.connection.pending_requests",
    "level",
    "{request}",
    "The number of current pending requests for an open connection.",
    _POOL,
)
MAX = Instrument(
    "db.client.connection.max",
    "level",
    "{connection}",
    "The maximum number of open connections allowed.",
    _POOL,
)
IDLE_MAX = Instrument(
    "db.client.connection.idle.max",
    "level",
    "{connection}",
    "The maximum number of idle open connections allowed.",
    _POOL,
)
IDLE_MIN = Instrument(
    "db.client.connection.idle.min",
    "level",
    "{connection}",
    "The minimum number of idle open connections allowed.",
    _POOL,
)

LEVELS = (COUNT, PENDING, MAX, IDLE_MAX, IDLE_MIN)
"""What is read from pools when it is asked for."""


class Sink(Protocol):
    """Takes what is recorded."""

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, Any]) -> None:
        """Add a value to a counter or a histogram."""
        ...


class Recorder:
    """Turns the events of one database into values.

    Attributes:
        database: Which one.
    """

    def __init__(self, database: Database, sink: Sink, texts: Texts) -> None:
        self.database = database
        self._base = base_attributes(database)
        self._pool = {"db.client.connection.pool.name": pool_name(database)}
        self._record = sink.record
        self._texts = texts
        # Rows and bytes of the loads that are on their way, by call.
        self._loads: dict[int, tuple[int, int]] = {}

    def __call__(self, event: Event) -> None:
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def _statement(self, event: StatementEnd) -> None:
        attributes = {**self._base}
        name = self._texts.of(event).name
        if name:
            attributes["db.operation.name"] = name
        if event.rows is not None and event.operation != "load":
            self._record(RETURNED_ROWS, event.rows, attributes)
        self._record(DURATION, event.seconds, {**attributes, **error_attributes(event.error)})
        self._loads.pop(event.call, None)

    def _progress(self, event: LoadProgress) -> None:
        rows, nbytes = self._loads.get(event.call, (0, 0))
        self._loads[event.call] = event.rows, event.bytes
        self._record(LOADED_ROWS, event.rows - rows, self._base)
        self._record(LOADED_BYTES, event.bytes - nbytes, self._base)

    def _transaction(self, event: TransactionEnd) -> None:
        self._record(TRANSACTIONS, event.seconds, {**self._base, "sqlspec.transaction.outcome": event.outcome})

    def _retry(self, event: Retry) -> None:
        self._record(RETRIES, 1, {**self._base, **error_attributes(event.error)})

    def _checkout(self, event: Checkout) -> None:
        if event.error is None:
            self._record(WAIT_TIME, event.seconds, self._pool)
        elif isinstance(event.error, PoolTimeoutError):
            self._record(TIMEOUTS, 1, self._pool)

    def _checkin(self, event: Checkin) -> None:
        self._record(USE_TIME, event.seconds, self._pool)

    def _connect(self, event: Connect) -> None:
        if event.error is None:
            self._record(CREATE_TIME, event.seconds, self._pool)


_HANDLERS: dict[type, Callable[[Recorder, Any], None]] = {
    StatementEnd: Recorder._statement,
    LoadProgress: Recorder._progress,
    TransactionEnd: Recorder._transaction,
    Retry: Recorder._retry,
    Checkout: Recorder._checkout,
    Checkin: Recorder._checkin,
    Connect: Recorder._connect,
}


class Pools:
    """The pools whose levels are read: those of configs that are still there, which hold their recorders."""

    def __init__(self) -> None:
        # No database is a value here: it has its config, and thus its recorder, which would be held for ever.
        self._recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
        self._mutex = Lock()  # levels are read in threads of their own

    def add(self, recorder: Recorder) -> None:
        """Read the pool of this recorder's database, too."""
        with self._mutex:
            self._recorders.add(recorder)

    def readings(self, instrument: Instrument) -> list[tuple[int, dict[str, str]]]:
        """Return what a level is now, for each set of attributes. Pools of one name are added up."""
        with self._mutex:
            databases = [recorder.database for recorder in self._recorders]
        totals: Counter[tuple[str, str]] = Counter()
        for database in databases:
            name = pool_name(database)
            for state, value in _level(instrument, database).items():
                totals[name, state] += value
        return [
            (value, dict(zip(instrument.attributes, filter(None, key), strict=True))) for key, value in totals.items()
        ]


def _level(instrument: Instrument, database: Database) -> dict[str, int]:
    stats = database.stats()
    return {
        COUNT: {"idle": stats.idle, "used": stats.in_use},
        PENDING: {"": stats.waiting},
        MAX: {"": database.max_size},
        IDLE_MAX: {"": database.max_size},
        IDLE_MIN: {"": database.min_size},
    }[instrument]
