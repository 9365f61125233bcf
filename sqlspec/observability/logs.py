"""Events as structured log records, with an identifier that ties them to what they were done for."""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import contextmanager
from contextvars import ContextVar
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

from sqlspec.core.observe import (
    Checkin,
    Checkout,
    Connect,
    LoadProgress,
    PoolWait,
    Retry,
    StatementEnd,
    StatementStart,
    TransactionEnd,
    TransactionStart,
)
from sqlspec.exceptions import SQLSpecError
from sqlspec.observability._texts import Texts, error_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlspec.core.observe import Event
    from sqlspec.observability._texts import QueryText

__all__ = ("CorrelationFilter", "JSONFormatter", "LoggingObserver", "correlation", "correlation_id")

_current: ContextVar[str | None] = ContextVar("sqlspec_correlation", default=None)

_UNSAID = frozenset({"event", "adapter", "call", "transaction"})
"""Fields that are not repeated in the words of a message."""

_NAMES: dict[type, str] = {
    StatementStart: "statement.start",
    StatementEnd: "statement.end",
    LoadProgress: "load.progress",
    TransactionStart: "transaction.start",
    TransactionEnd: "transaction.end",
    Retry: "transaction.retry",
    PoolWait: "pool.wait",
    Checkout: "pool.checkout",
    Checkin: "pool.checkin",
    Connect: "pool.connect",
}


@contextmanager
def correlation(identifier: str | None = None) -> Iterator[str]:
    """Give everything that is logged inside an identifier, such as that of a request.

    Tasks that are started inside have it too; threads do not, unless they are given a copy of the context.

    Args:
        identifier: A new one by default.
    """
    chosen = uuid.uuid4().hex if identifier is None else identifier
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def correlation_id() -> str | None:
    """Return the identifier of the surrounding `correlation`, if any."""
    return _current.get()


class CorrelationFilter(logging.Filter):
    """Gives every record that passes a field `correlation_id`, `None` outside of a `correlation`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if not hasattr(record, "correlation_id"):
            record.correlation_id = _current.get()
        return True


class JSONFormatter(logging.Formatter):
    """Writes a record as a line of JSON: time, level, logger, message, `correlation_id`, and the fields of an event.

    Of a traceback, the driver's exceptions behind those of this package are left out: they quote stored values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "correlation_id": getattr(record, "correlation_id", _current.get()),
            **getattr(record, "sqlspec", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in entry.items() if value is not None}, default=str)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - a method of `logging.Formatter`
        """Return the traceback."""
        if ei[1] is None:  # `exc_info=True` where nothing was raised
            return super().formatException(ei)
        told = TracebackException(*ei)
        _leave_out_drivers(told, ei[1])
        return "".join(told.format()).rstrip("\n")


def _leave_out_drivers(told: TracebackException, error: BaseException) -> None:
    for link in ("__cause__", "__context__"):
        part, behind = getattr(told, link), getattr(error, link)
        if part is not None and isinstance(error, SQLSpecError) and not isinstance(behind, SQLSpecError):
            setattr(told, link, None)
        elif part is not None:
            _leave_out_drivers(part, behind)
    for part, each in zip(told.exceptions or (), getattr(error, "exceptions", ()), strict=False):
        _leave_out_drivers(part, each)


class LoggingObserver:
    """Logs every event. Its fields are the record's attribute `sqlspec`, a dict; `correlation_id` is another one.

    Texts of statements have `?` for literals, and of an error only class and SQLSTATE are told, unless `query_text`
    says otherwise.
    """

    def __init__(
        self,
        logger: str | logging.Logger = "sqlspec.events",
        *,
        level: int = logging.DEBUG,
        error_level: int = logging.WARNING,
        query_text: QueryText = "redacted",
    ) -> None:
        """Choose where events go.

        Args:
            logger: A logger or its name.
            level: For what succeeds.
            error_level: For what fails, and for retries.
            query_text: `"redacted"`, `"verbatim"` or `"none"`.

        Raises:
            ParameterError: `query_text` has no such choice.
        """
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._level = level
        self._error_level = error_level
        self._texts = Texts(query_text)

    def __call__(self, event: Event, /) -> None:
        """Log an event."""
        error = getattr(event, "error", None)
        level = self._level if error is None else self._error_level
        if not self._logger.isEnabledFor(level):
            return
        name = _NAMES[type(event)]
        fields = {"event": name, **self._fields(event), **error_attributes(error)}
        words = " ".join(f"{key}={value}" for key, value in fields.items() if key not in _UNSAID)
        extra = {"sqlspec": fields, "correlation_id": _current.get()}
        self._logger.log(level, "%s %s", name, words, extra=extra)

    def _fields(self, event: Event) -> dict[str, Any]:
        """Return what is told of an event. Of the error, class and SQLSTATE are added by the caller."""
        fields: dict[str, Any] = {}
        for name in type(event).__slots__:
            value = getattr(event, name)
            if value is None or name == "error":
                continue
            if name == "sql":
                assert isinstance(event, StatementStart | StatementEnd | LoadProgress)
                value = self._texts.text(event)
            elif name == "seconds":
                value = round(value, 6)
            if value != "":
                fields[name] = value
        return fields
