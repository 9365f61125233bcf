"""A record of slow statements, with their plans where that is wanted."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlspec.core.observe import StatementEnd
from sqlspec.core.redact import redact_plan
from sqlspec.exceptions import ParameterError
from sqlspec.observability._texts import Texts, error_attributes
from sqlspec.observability.logs import correlation_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.core.observe import Database, Event
    from sqlspec.observability._texts import QueryText

__all__ = ("SlowStatement", "SlowStatements")

_SINGLE = frozenset({"execute", "execute_many", "stream"})
_EXPLAINED = frozenset({"SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"})
_MAX_TEXTS = 1024


@dataclass(slots=True)
class SlowStatement:
    """A statement that took long.

    Attributes:
        adapter: Name of the adapter.
        operation: Which kind of call.
        sql: Its text, with `?` for literals unless they were asked for.
        seconds: How long it took.
        rows: Rows returned, if counted.
        error: Class of its error, if any.
        correlation_id: Identifier of the `correlation` it ran in.
        plan: Its plan, once that has been asked for and has come; where there is none, why.
    """

    adapter: str
    operation: str
    sql: str
    seconds: float
    rows: int | None = None
    error: str | None = None
    correlation_id: str | None = None
    plan: str | None = None
    _explain: Callable[[Callable[[str | BaseException], None]], None] | None = field(
        default=None, repr=False, compare=False
    )


class SlowStatements:
    """Logs statements that take long, and keeps the last of them.

    A plan comes from EXPLAIN without ANALYZE, so nothing is run again; and from another connection of the pool, after
    the statement, so its transaction is not touched and sees nothing of it. It is the generic plan, without the values
    of parameters, as seen by a connection of its own: without temporary tables, and what the transaction has not yet
    committed. When no connection is free, there is none.

    Attributes:
        entries: The last slow statements, the newest at the end.
    """

    def __init__(
        self,
        seconds: float = 0.5,
        *,
        explain: bool = False,
        explain_every: float = 300.0,
        logger: str | logging.Logger = "sqlspec.slow",
        level: int = logging.WARNING,
        query_text: QueryText = "redacted",
        keep: int = 100,
    ) -> None:
        """Choose what is slow.

        Args:
            seconds: From how long on.
            explain: Ask for plans at once; `explain` asks for one at any time.
            explain_every: Seconds before the plan of the same text is asked for again.
            logger: A logger or its name.
            level: Of its records.
            query_text: `"redacted"`, `"verbatim"` or `"none"`; of plans, too.
            keep: How many statements to keep.

        Raises:
            ParameterError: A number is negative, or `query_text` has no such choice.
        """
        if seconds < 0 or explain_every < 0 or keep < 0:
            raise ParameterError("seconds, explain_every and keep must not be negative: give 0 or more")
        self.entries: deque[SlowStatement] = deque(maxlen=keep)
        self._seconds = seconds
        self._explains = explain and query_text != "none"
        self._every = explain_every
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self._level = level
        self._texts = Texts(query_text)
        self._redacted = query_text != "verbatim"
        self._asked: dict[str, float] = {}
        self._mutex = Lock()

    def for_database(self, database: Database) -> Callable[[Event], None]:
        """Return the observer of one config."""
        return partial(self._note, database)

    def __call__(self, event: Event, /) -> None:
        """Do nothing: events go to what `for_database` returns."""

    def _note(self, database: Database, event: Event) -> None:
        if not isinstance(event, StatementEnd) or event.seconds < self._seconds:
            return
        entry = SlowStatement(
            event.adapter,
            event.operation,
            self._texts.text(event),
            event.seconds,
            event.rows,
            error_attributes(event.error).get("error.type"),
            correlation_id(),
        )
        # What the server plans: a single statement, for one or many rows of parameters.
        if event.operation in _SINGLE and self._texts.of(event).name.removeprefix("BATCH ") in _EXPLAINED:
            entry._explain = partial(database.explain, event.sql)
        self.entries.append(entry)
        self._log(entry, "slow statement: %.3f s, %s", entry.seconds, entry.sql)
        if self._explains and entry._explain is not None and event.error is None and self._is_due(event.sql):
            self.explain(entry)

    def explain(self, entry: SlowStatement) -> None:
        """Ask for the plan of a statement. It comes a little later, to `entry.plan` and to the log.

        Call it where sessions of the config could be opened: in its event loop.
        """
        if entry._explain is None:
            entry.plan = f"no plan: {entry.operation} has none"
        else:
            entry._explain(partial(self._deliver, entry))

    def _is_due(self, sql: str) -> bool:
        now = time.monotonic()
        with self._mutex:
            asked = self._asked.pop(sql, None)
            due = asked is None or now - asked >= self._every
            self._asked[sql] = now if due or asked is None else asked
            if len(self._asked) > _MAX_TEXTS:
                del self._asked[next(iter(self._asked))]
        return due

    def _deliver(self, entry: SlowStatement, plan: str | BaseException) -> None:
        if isinstance(plan, BaseException):
            entry.plan = f"no plan: {type(plan).__qualname__}"
        else:
            entry.plan = redact_plan(plan) if self._redacted else plan
        self._log(entry, "plan of a slow statement: %s\n%s", entry.sql, entry.plan)

    def _log(self, entry: SlowStatement, message: str, *args: Any) -> None:
        if self._logger.isEnabledFor(self._level):
            names = ("adapter", "operation", "sql", "seconds", "rows", "error", "plan")
            fields = {name: value for name in names if (value := getattr(entry, name)) is not None}
            extra = {"sqlspec": {"event": "statement.slow", **fields}, "correlation_id": entry.correlation_id}
            self._logger.log(self._level, message, *args, extra=extra)
