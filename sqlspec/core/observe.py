"""Events that a config reports to its observers. Without observers nothing of this is touched.

No event holds a parameter value, a row or a password.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlspec.exceptions import SQLSpecError

__all__ = ("Checkout", "Event", "Observer", "StatementEnd", "StatementStart", "TransactionEnd", "notify_all")

_log = logging.getLogger("sqlspec")

Operation = Literal["execute", "execute_many", "execute_script", "execute_stack", "stream", "load"]


@dataclass(frozen=True, slots=True)
class StatementStart:
    """A statement, batch, script, stack or load is about to be sent.

    Attributes:
        adapter: Name of the adapter.
        operation: Which kind of call.
        sql: Text as the user wrote it; for a stack, the texts joined by `;` and a line break; for a load,
            words of ours.
    """

    adapter: str
    operation: Operation
    sql: str


@dataclass(frozen=True, slots=True)
class StatementEnd:
    """It has ended.

    Attributes:
        adapter: Name of the adapter.
        operation: Which kind of call.
        sql: Text as in the start event.
        seconds: Time from sending to the complete answer.
        rows: Rows returned, or `None` where there is nothing to count.
        error: The error, as the caller gets it; `None` on success.
    """

    adapter: str
    operation: Operation
    sql: str
    seconds: float
    rows: int | None
    error: SQLSpecError | BaseException | None


@dataclass(frozen=True, slots=True)
class TransactionEnd:
    """A transaction was committed or rolled back.

    Attributes:
        adapter: Name of the adapter.
        outcome: How it ended.
        seconds: Time since BEGIN.
    """

    adapter: str
    outcome: Literal["commit", "rollback", "unknown"]
    seconds: float


@dataclass(frozen=True, slots=True)
class Checkout:
    """A connection was taken from the pool.

    Attributes:
        adapter: Name of the adapter.
        seconds: Time that the caller waited for it.
    """

    adapter: str
    seconds: float


Event = StatementStart | StatementEnd | TransactionEnd | Checkout


class Observer(Protocol):
    """Anything callable with an event. It runs in the caller's task and should return at once."""

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        ...


def notify_all(observers: Iterable[Observer], event: Event) -> None:
    """Hand an event to every observer. One that raises is logged and harms nobody."""
    for observer in observers:
        try:
            observer(event)
        except Exception:
            _log.exception("an observer failed on %s", type(event).__name__)
