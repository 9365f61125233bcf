"""Events that a config reports to its observers. Without observers nothing of this is touched.

No event holds a parameter value, a row or a password. Texts of statements are as the user wrote them, and an error may
repeat what the server said: who writes events down elsewhere redacts both, as `sqlspec.observability` does.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = (
    "Checkin",
    "Checkout",
    "Connect",
    "Counters",
    "Database",
    "Event",
    "LoadProgress",
    "Observer",
    "PoolWait",
    "Retry",
    "StatementEnd",
    "StatementStart",
    "TransactionEnd",
    "TransactionStart",
    "Watch",
)

_log = logging.getLogger("sqlspec")

Outcome: TypeAlias = Literal["commit", "rollback", "unknown"]
Operation: TypeAlias = Literal["execute", "execute_many", "execute_script", "execute_stack", "stream", "load"]


@dataclass(frozen=True, slots=True)
class StatementStart:
    """A statement, batch, script, stack or load is about to be sent.

    Attributes:
        adapter: Name of the adapter.
        operation: Which kind of call.
        sql: Text as the user wrote it; for a stack, the texts joined by `;` and a line break; for a load,
            `load into` and the name of the table.
        call: Number of the call, the same in all its events; no other call or transaction of this process has it.
    """

    adapter: str
    operation: Operation
    sql: str
    call: int = 0


@dataclass(frozen=True, slots=True)
class StatementEnd:
    """It has ended.

    Attributes:
        adapter: Name of the adapter.
        operation: Which kind of call.
        sql: Text as in the start event.
        seconds: Time from sending to the complete answer.
        rows: Rows returned, or `None` where there is nothing to count.
        error: The error, as the caller gets it; `None` on success. Of a load, without the place in its source.
        call: Number of the call.
    """

    adapter: str
    operation: Operation
    sql: str
    seconds: float
    rows: int | None
    error: BaseException | None
    call: int = 0


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """A load has sent a piece of its rows.

    Attributes:
        adapter: Name of the adapter.
        sql: Text as in the start event.
        rows: Rows sent so far. None is stored for good before the end.
        bytes: Their bytes.
        call: Number of the call.
    """

    adapter: str
    sql: str
    rows: int
    bytes: int
    call: int = 0


@dataclass(frozen=True, slots=True)
class TransactionStart:
    """A transaction was begun: by the caller, or by a call of several statements for itself alone.

    Attributes:
        adapter: Name of the adapter.
        transaction: Its number, the same at its end; no other transaction or call of this process has it.
    """

    adapter: str
    transaction: int


@dataclass(frozen=True, slots=True)
class TransactionEnd:
    """A transaction was committed or rolled back.

    Attributes:
        adapter: Name of the adapter.
        outcome: How it ended.
        seconds: Time since BEGIN.
        transaction: Its number.
    """

    adapter: str
    outcome: Outcome
    seconds: float
    transaction: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """`run_in_transaction` is about to run its function again.

    Attributes:
        adapter: Name of the adapter.
        error: Why the attempt has failed.
        left: How many attempts are left, this one included.
    """

    adapter: str
    error: BaseException
    left: int


@dataclass(frozen=True, slots=True)
class PoolWait:
    """All connections of the pool are in use, so a caller begins to wait. A `Checkout` follows.

    Attributes:
        adapter: Name of the adapter.
    """

    adapter: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A connection was taken from the pool, or could not be had.

    Attributes:
        adapter: Name of the adapter.
        seconds: Time that the caller waited for it.
        error: Why there was none, such as a `PoolTimeoutError`; `None` on success.
    """

    adapter: str
    seconds: float
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Checkin:
    """A connection was given back to the pool.

    Attributes:
        adapter: Name of the adapter.
        seconds: Time since its checkout.
    """

    adapter: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Connect:
    """The pool has opened a connection, or could not.

    Attributes:
        adapter: Name of the adapter.
        seconds: Time that it took.
        error: Why it failed; `None` on success.
    """

    adapter: str
    seconds: float
    error: BaseException | None = None


Event: TypeAlias = (
    StatementStart
    | StatementEnd
    | LoadProgress
    | TransactionStart
    | TransactionEnd
    | Retry
    | PoolWait
    | Checkout
    | Checkin
    | Connect
)


class Observer(Protocol):
    """Anything callable with an event. It runs in the caller's task and should return at once.

    An observer may have a method `for_database`: a config calls it once with its `Database`, and reports to what it
    returns.
    """

    def __call__(self, event: Event, /) -> None:
        """Take note of an event."""
        ...


class Counters(Protocol):
    """What an observer may ask of a pool; see `PoolStats`."""

    @property
    def idle(self) -> int:
        """Connections ready to be handed out."""
        ...

    @property
    def in_use(self) -> int:
        """Connections handed out."""
        ...

    @property
    def waiting(self) -> int:
        """Callers waiting for a connection."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """What a config tells of itself to observers that ask. Neither user nor password is part of it.

    Attributes:
        adapter: Name of the adapter.
        name: The database.
        schema: The first schema of the configured search path; `None` where none was configured.
        hosts: Names, addresses, or directories of Unix sockets.
        ports: One for each host.
        min_size: Connections that the pool keeps.
        max_size: Most connections that it opens.
        stats: Gives the pool's counters as of now.
        explain: Takes the text of a statement and a function. The function gets the plan, or an error, later: it is
            asked for on another connection of the pool, without running the statement.
    """

    adapter: str
    name: str | None
    schema: str | None
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    min_size: int
    max_size: int
    stats: Callable[[], Counters]
    explain: Callable[[str, Callable[[str | BaseException], None]], None]


class Watch:
    """Tells the observers of a config; false when there are none.

    Attributes:
        adapter: Name of the adapter, for events.
    """

    __slots__ = ("_failed", "_observers", "adapter")

    def __init__(self, observers: Iterable[Observer], database: Database) -> None:
        self.adapter = database.adapter
        self._observers = tuple(_of_database(observer, database) for observer in observers)
        self._failed: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._observers)

    def __call__(self, event: Event) -> None:
        """Hand an event to every observer. One that raises harms nobody; its first failure is logged."""
        for number, observer in enumerate(self._observers):
            try:
                observer(event)
            except Exception as error:
                if number not in self._failed:
                    self._failed.add(number)
                    # It may be, or follow from, the error that it was told of, whose words quote stored values.
                    own = error is not getattr(event, "error", None)
                    if own:
                        error.__cause__ = error.__context__ = None
                    words = "an observer failed on %s; its next failures are not logged"
                    _log.error(words, type(event).__name__, exc_info=error if own else None)


def _of_database(observer: Observer, database: Database) -> Observer:
    bind: Callable[[Database], Observer] | None = getattr(observer, "for_database", None)
    return observer if bind is None else bind(database)
