# Generated from _async_driver.py by tools/unasync.py. Do not edit.
"""The contract that an adapter implements: one connection of one driver."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from sqlspec.core.result import Described, RawResult
from sqlspec.driver._forks import keep_for_ever
from sqlspec.driver._statements import name_statement
from sqlspec.exceptions import ErrorInfo, SQLSpecError, TransactionError
from sqlspec.postgres.catalog import MONEY_SCALE_QUERY, parse_type_rows, type_query
from sqlspec.postgres.codec import MONEY
from sqlspec.postgres.sql import reset_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Callable, Iterable, Sequence
    from typing import Self

    from sqlspec.core.capabilities import AdapterSpec
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import CopyTarget, DriverStatus, Entries, Notification
    from sqlspec.postgres.arrow._wire import Sink
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("SyncCursor", "SyncDriver", "SyncRowFeed")


class SyncCursor(ABC):
    """Rows of one statement that are fetched piecewise, inside the transaction that opened it."""

    __slots__ = ()

    @abstractmethod
    def fetch(self, count: int) -> RawResult:
        """Return the next rows, at most `count`; none at the end. `columns` are known in every answer."""

    @abstractmethod
    def close(self) -> None:
        """Free the cursor on the server. The connection stays usable, also before the last row."""


class SyncRowFeed(ABC):
    """Rows of one query in the server's binary format, on their way into a sink.

    Opened inside a transaction or savepoint of the caller, which is rolled back when reading fails.
    """

    __slots__ = ()

    @abstractmethod
    def feed(self, sink: Sink, size: int) -> bool:
        """Give the sink about `size` bytes of rows.

        Returns:
            Whether more may follow.

        Raises:
            WireError: From the sink. The feed can still be closed.
        """

    @abstractmethod
    def close(self) -> None:
        """End reading, also before the last row. The connection stays usable, though its transaction may be aborted."""


class SyncDriver(ABC):
    """One connection. A session serialises its calls, so an adapter needs no lock of its own.

    A cancelled call must stop the server's work and leave the connection in protocol sync, or closed.
    Exceptions of `native_errors` are translated by the session; an adapter never decides on classes.

    Attributes:
        spec: Name and capabilities.
        native_errors: Exceptions of the driver that `error_info` understands.
        has_threads: The driver works by threads of its own, which a forked process does not have.
        movable: It does not matter to `commit` in which task it runs, nor when that changes: it waits for futures
            alone, and uses no `asyncio.timeout`.
        limits_itself: A call cannot be stopped from outside: time limits are set with `limit`, before it.
        numbers_rows: An error of the server in `execute_many` has the row's number (`set_row`), too.
        bulk_from: Number of rows from which a batch is worth being stored all at once: by `copy_in`, or else by
            `execute_binary`; 0 for never.
        derived: Codecs and columns that all connections of the config share.
        retired: The connection works, but is not worth being kept in a pool.
        pooled: The other end is a pooler in transaction mode: each transaction may run in another session of the
            server, and no session is ours to be cleaned.
    """

    __slots__ = ("__weakref__", "derived")

    spec: ClassVar[AdapterSpec]
    native_errors: ClassVar[tuple[type[BaseException], ...]]
    has_threads: ClassVar[bool] = False
    movable: ClassVar[bool] = False
    limits_itself: ClassVar[bool] = False
    numbers_rows: ClassVar[bool] = False
    bulk_from: ClassVar[int] = 0
    derived: Derived
    retired: bool = False
    pooled: bool = False

    def __repr__(self) -> str:
        state = "closed" if self.is_closed() else self.status()
        return f"<{type(self).__name__}: {state}>"

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        """Open a connection in autocommit mode, encoding UTF8, standard_conforming_strings on.

        Raises:
            SQLSpecError: Or one of `native_errors`, which the config translates.
        """

    @property
    @abstractmethod
    def connection(self) -> Any:
        """The driver's own connection object."""

    @property
    @abstractmethod
    def backend_pid(self) -> int | None:
        """Process ID of the server's backend; `None` when the driver does not tell."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection. Never raises; closing twice is fine."""

    @abstractmethod
    def is_closed(self) -> bool:
        """Tell, without a round trip, whether the connection is known to be gone."""

    @abstractmethod
    def status(self) -> DriverStatus:
        """Return the transaction status as the driver knows it, without a round trip; "unknown" once it is closed."""

    # -- statements -------------------------------------------------------------------------------

    @abstractmethod
    def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        """Run one statement with bound values, outside or inside a transaction."""

    @abstractmethod
    def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        """Run one statement for each row of values, all or nothing.

        The caller has opened a transaction or savepoint. `rows` is lazy and may raise in the middle. A `DataError` for
        a row has its number (`set_row`).
        """

    @abstractmethod
    def execute_script(self, text: str) -> None:
        """Run several statements without parameters (simple query protocol). Results are discarded."""

    @abstractmethod
    def describe(self, plan: Plan) -> Described:
        """Return parameter types and columns of a statement without running it."""

    def forget(self, plan: Plan) -> None:  # noqa: B027 - for an adapter that keeps what it was told
        """Forget what an earlier call was told of a statement, so that `describe` asks the server."""

    @abstractmethod
    def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        """Run one of the package's own catalog queries; every value comes as the server's text."""

    # -- errors and cancellation ------------------------------------------------------------------

    @abstractmethod
    def error_info(self, error: BaseException) -> ErrorInfo:
        """Extract facts from one of `native_errors`."""

    @classmethod
    @abstractmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        """Extract facts from a failure of `connect`; `fallback` is a `DatabaseConnectionError`.

        The message is the reason alone; the config says in front of it where the connection should have led.
        """

    @abstractmethod
    def is_broken(self, error: BaseException) -> bool:
        """Tell whether the connection must not be used again after this error."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the server to stop what this connection runs now. Callable from another task or thread."""

    def abort(self) -> None:  # noqa: B027 - optional: an adapter whose driver offers no way leaves it
        """Cut the connection at once, without a word to the server; a call that waits on it fails.

        The last resort when the server cannot be reached to cancel a statement. Callable from another thread, never
        raises. Without it, as here, such a call waits until the operating system gives the connection up.
        """

    def limit(self, seconds: float | None) -> None:  # noqa: B027 - asked only where `limits_itself`
        """Let the server end every statement that takes longer; `None` takes the limit back.

        In an aborted transaction, where nothing can be set and nothing runs, it does nothing.
        """

    def renew_limit(self) -> None:  # noqa: B027 - asked only where `limits_itself`
        """Limit the next statement of a call to what is left of its time; without a limit, do nothing.

        Raises:
            BaseException: One of `native_errors`: nothing is left.
        """

    def leave_to_parent(self) -> None:
        """Leave the connection alone, in a process forked from the one that it belongs to.

        When a driver's object is let go, some drivers end the session of the parent, or stop listening for its answers.
        """
        keep_for_ever(self)

    # -- defaults that need nothing but the above ---------------------------------------------------

    def ping(self) -> None:
        """Make one round trip; raise when the connection is dead."""
        self.execute_script("select 1")

    def settle(self) -> None:
        """Absorb a cancel request that may still be on its way, so that it cannot hit the next statement."""
        try:
            self.ping()
        except self.native_errors as error:
            if self.is_broken(error):
                raise

    def names_changed(self) -> None:  # noqa: B027 - an adapter may keep none
        """Forget prepared statements: what they name may be something else from now on, until the transaction ends."""

    def begin(self, text: str) -> None:
        """Open a transaction with the given BEGIN statement. May defer it to the first statement."""
        self.execute_script(text)

    def commit(self) -> None:
        """Commit, and notice when the server could only roll back.

        A plain COMMIT of an aborted transaction succeeds and stores nothing. Put behind another statement, it
        is not reached in an aborted transaction; that needs neither a command tag nor a status.

        Raises:
            TransactionError: The transaction was aborted; it has been rolled back.
        """
        if self.status() == "failed":
            self.rollback()
            raise aborted_commit(self.spec.name)
        self.execute_script("select 1;\ncommit")

    def rollback(self) -> None:
        """Roll the transaction back."""
        self.execute_script("rollback")

    def reset(self) -> None:
        """Bring a connection into the state of a new one: no transaction, no settings, locks or temporary tables."""
        if self.status() != "idle":
            self.rollback()
        if not self.pooled:
            self.execute_script(reset_script())

    def stack_alone(self, entries: Entries) -> Callable[[], list[RawResult]] | None:
        """Return what runs statements in order, called next, all or nothing by itself.

        It is so outside and inside a transaction. `None` where it takes one of the caller's, or a savepoint.
        """
        return None

    def run_stack(self, entries: Entries) -> list[RawResult]:
        """Run statements in order, inside the caller's transaction. One round trip each, unless overridden."""
        results = []
        for index, (plan, args) in enumerate(entries):
            try:
                if index and self.limits_itself:
                    self.renew_limit()
                results.append(self.execute(plan, args))
            except Exception as error:
                name_statement(error, index, plan)
                raise
        return results

    def learn_types(self, oids: Iterable[int], *, anew: bool = False) -> None:
        """Load what the catalog says of types that no codec is known for.

        Args:
            oids: The types.
            anew: Also of those that were learnt before and may have been altered by now.
        """
        codecs = self.derived.codecs
        missing = codecs.learnable(oids) if anew else codecs.missing(oids)
        if missing:
            types = parse_type_rows(self.fetch_text(type_query(missing)))
            if any(found.oid == MONEY for found in types) and codecs.get(MONEY) is None:
                ((scale,),) = self.fetch_text(MONEY_SCALE_QUERY)
                codecs.learn_money(int(scale or 2))
            codecs.learn(types)

    # -- optional: an adapter that can, overrides -------------------------------------------------

    def open_cursor(self, plan: Plan, args: Sequence[Any]) -> SyncCursor:
        """Open a cursor on the server for a statement that returns rows, inside a transaction."""
        raise self.spec.refusal("stream")

    def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> SyncRowFeed:
        """Open the rows of a statement for reading in bulk, inside a transaction.

        Args:
            plan: A statement that returns rows and can be part of another, each column with a binary format.
            args: Its parameters.
            width: Number of its columns.
        """
        raise self.spec.refusal("arrow_out")

    def copy_in(self, target: CopyTarget, pieces: Iterator[bytes]) -> int:
        """Store rows by binary COPY, inside a transaction.

        Args:
            target: Where; it exists and has these columns.
            pieces: The stream from header to trailer, read one by one as the server takes them; a piece may be waited
                for. When it raises, or the wait is cancelled, the COPY ends without rows, the connection is usable but
                for its transaction, and the error is passed on.

        Returns:
            Number of rows.
        """
        raise self.spec.refusal("copy_in")

    def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        """Run a statement of ours that gives no rows, with parameters in the server's binary format.

        Args:
            sql: With a cast at each placeholder (`$1::pg_catalog.int4[]`), so that the server infers these types.
            parameters: Type and bytes of each.
            rows: Number of rows, where it is known before; it need not be found out then.

        Returns:
            Number of rows of the command tag.
        """
        raise self.spec.refusal("arrow_in")

    def execute_binary_then(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], rows: int, plan: Plan, args: Sequence[Any]
    ) -> tuple[int, RawResult]:
        """Run `execute_binary`, and then a query; a driver that can sends both at once."""
        count = self.execute_binary(sql, parameters, rows=rows)
        return count, self.execute(plan, args)

    def subscribe(self, channels: Sequence[str]) -> None:
        """LISTEN to channels. Notifications that arrive from now on are kept for `notifications`."""
        raise self.spec.refusal("listen")

    def notifications(self) -> Iterator[Notification]:
        """Yield notifications until the connection is lost (one of `native_errors`) or closed here (a plain end)."""
        raise self.spec.refusal("listen")


def aborted_commit(adapter: str) -> SQLSpecError:
    """Return the error for a COMMIT that the server turned into a rollback."""
    return TransactionError(
        "commit failed: the transaction was aborted by an earlier error; nothing was stored, run it again",
        adapter=adapter,
    )
