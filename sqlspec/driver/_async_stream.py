# The synchronous twin is generated from this file by tools/unasync.py.
"""Results that arrive over time: row streams and notifications."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlspec.driver._aio import sleep
from sqlspec.driver._async_driver import AsyncCursor, AsyncDriver
from sqlspec.driver._forks import tell_after_fork
from sqlspec.driver._types import Notification
from sqlspec.exceptions import NotSupportedError, OperationalError, SQLSpecError, TransactionError, server_error
from sqlspec.postgres.sql import BEGIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import RawResult
    from sqlspec.driver._async_transaction import AsyncTransactions

__all__ = ("AsyncListener", "AsyncStream")

T = TypeVar("T")

BUSY = "a stream of rows; wrap both in session.transaction(), or use a second session"

FIRST_RECONNECT = 0.1
MAX_RECONNECT = 10.0


class AsyncStream(Generic[T]):
    """Rows of a query, fetched in chunks from a cursor on the server; see `select_stream`.

    Iterate over it for rows, or over `chunks()` for lists of rows. Leaving the scope early is fine.
    """

    __slots__ = (
        "_args",
        "_chunk_size",
        "_cursor",
        "_failed",
        "_own_transaction",
        "_plan",
        "_schema_type",
        "_session",
        "_timeout",
    )

    def __init__(
        self,
        session: AsyncTransactions,
        plan: Plan,
        args: Sequence[Any],
        chunk_size: int,
        schema_type: Any,
        timeout: float | None,
    ) -> None:
        self._session = session
        self._plan = plan
        self._args = args
        self._chunk_size = chunk_size
        self._schema_type = schema_type
        self._timeout = timeout
        self._cursor: AsyncCursor | None = None
        self._own_transaction = False
        self._failed = False

    async def __aenter__(self) -> Self:
        session = self._session
        if not session.in_transaction:
            await session._begin("select_stream", BEGIN, BUSY)
            self._own_transaction = True
        try:
            self._cursor = await self._call(session._driver.open_cursor, self._plan, self._args)
        except BaseException:
            await self._end(commit=False)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cursor, self._cursor = self._cursor, None
        # Remembered here, because not every driver can tell that a transaction was aborted.
        usable = not self._failed and self._session._transaction is not None and not self._session._broken
        try:
            if cursor is not None and usable:
                await self._call(cursor.close)
        except SQLSpecError:
            if error is None:
                raise
            # What left the body is told. It may have aborted the transaction, and then CLOSE says that alone.
        finally:
            # The query may have written through a function or a data-modifying CTE: success must keep that. Closing
            # the cursor may have failed, too.
            await self._end(commit=error is None and usable and not self._failed)

    async def __aiter__(self) -> AsyncIterator[T]:
        async for chunk in self.chunks():
            for row in chunk:
                yield row

    async def chunks(self) -> AsyncIterator[list[T]]:
        """Yield lists of at most `chunk_size` rows, none of them empty.

        Raises:
            OperationalError: The stream is not open.
            MappingError: The columns do not fit the schema type.
        """
        while True:
            cursor = self._cursor
            if cursor is None:
                raise OperationalError("cannot read from the stream: it is not open; use it inside its `with` block")
            raw: RawResult = await self._call(cursor.fetch, self._chunk_size)
            if raw.rows:
                yield self._plan.map_rows(raw, self._schema_type)
            if len(raw.rows) < self._chunk_size:
                return

    async def _call(self, operation: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        session = self._session
        transaction = session._transaction
        if transaction is None:
            session._check("select_stream")
            raise OperationalError("cannot read from the stream: its transaction has ended; read it before the end")
        # The stream's own transaction keeps other calls out; its own calls must pass.
        purpose, transaction.purpose = transaction.purpose, ""
        try:
            return await session._exclusive("select_stream", self._plan.source, self._timeout, operation, *args)
        except BaseException:
            self._failed = True
            raise
        finally:
            transaction.purpose = purpose

    async def _end(self, *, commit: bool) -> None:
        transaction = self._session._transaction
        if not self._own_transaction or transaction is None:
            return
        self._own_transaction = False
        transaction.purpose = ""
        try:
            await (self._session.commit() if commit else self._session.rollback())
        except TransactionError:
            # A stream that was left unfinished is closed some time later, when the session may have been given back.
            if commit or self._session._transaction is transaction:
                raise
        finally:
            if self._session._transaction is transaction:  # interrupted while it waited for its turn
                self._session._abandon(transaction)


class AsyncListener:
    """Notifications of some channels, on a connection of its own that reconnects; see `listen`.

    Attributes:
        gaps: How often the connection was lost and made anew. What was sent in between is lost: read the state
            that the notifications are about again whenever this number has grown, or pass `on_gap`.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncDriver]],
        channels: tuple[str, ...],
        on_gap: Callable[[], object] | None,
    ) -> None:
        self._connect = connect
        self._channels = channels
        self._on_gap = on_gap
        self._driver: AsyncDriver | None = None
        self._closed = False
        self.gaps = 0
        tell_after_fork(self)

    def leave_to_parent(self) -> None:
        """End, in a process forked from the one that listens."""
        self._closed, self._driver = True, None

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def _open(self) -> None:
        driver = await self._connect()
        try:
            if driver.pooled:
                raise NotSupportedError(
                    "cannot listen: the connection leads to a pooler, which passes no notifications on; "
                    "use a config that leads to the server itself",
                    adapter=driver.spec.name,
                )
            await driver.subscribe(self._channels)
        except driver.native_errors as error:
            await driver.close()
            raise server_error(driver.error_info(error), sql=None, adapter=driver.spec.name) from error
        except BaseException:
            await driver.close()
            raise
        self._driver = driver
        if self._closed:  # meanwhile, by another task
            await self.close()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; a running iteration ends. Closing twice is fine."""
        self._closed = True
        driver, self._driver = self._driver, None
        if driver is not None:
            await driver.close()

    async def __aiter__(self) -> AsyncIterator[Notification]:
        while not self._closed:
            driver = self._driver
            if driver is None:
                raise OperationalError("cannot listen: the listener is not open; use it inside its `with` block")
            try:
                async for notification in driver.notifications():
                    yield notification
                    if self._closed:
                        return
            except driver.native_errors as error:
                if not driver.is_broken(error):
                    raise server_error(driver.error_info(error), sql=None, adapter=driver.spec.name) from error
            if not self._closed:
                await self._reconnect(driver)

    async def _reconnect(self, lost: AsyncDriver) -> None:
        await lost.close()
        pause = FIRST_RECONNECT
        while not self._closed:
            try:
                await self._open()
            except SQLSpecError:
                await sleep(pause * (0.5 + random.random() / 2))
                pause = min(pause * 2, MAX_RECONNECT)
                continue
            if self._closed:
                return
            self.gaps += 1
            if self._on_gap is not None:
                self._on_gap()
            return
