# The synchronous twin is generated from this file by tools/unasync.py.
"""Results as Arrow data: read whole in one turn, or batch by batch."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from sqlspec.core.result import ArrowResult
from sqlspec.driver._aio import AsyncReaderData
from sqlspec.driver._async_learning import with_types
from sqlspec.driver._reading import ARRAY_NULLS, ENCODING, BatchReader, read_plan
from sqlspec.driver._types import OWN_SAVEPOINT
from sqlspec.exceptions import (
    DatabaseConnectionError,
    NotSupportedError,
    OperationalError,
    OperationCancelledError,
    SQLSpecError,
)
from sqlspec.postgres.arrow._wire import WireError
from sqlspec.postgres.arrow.typmods import TYPMODS_QUERY, find_probes, read_typmods, typmod_script
from sqlspec.postgres.sql import BEGIN, release, savepoint, undo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    import pandas as pd
    import polars as pl

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Described
    from sqlspec.driver._async_base import OpenTransaction
    from sqlspec.driver._async_driver import AsyncDriver, AsyncRowFeed
    from sqlspec.driver._async_transaction import AsyncTransactions
    from sqlspec.driver._reading import ReadPlan, ReadRequest

__all__ = ("AsyncArrowReader", "read_table")

T = TypeVar("T")

METHOD = "select_to_arrow"
BUSY = "an Arrow reader; read it to its end or close it, best by a `with` block, or use a second session"


class AsyncArrowReader(AsyncReaderData):
    """Record batches of one statement, read from the server as they are asked for; see `select_to_arrow`.

    Iterate over it, inside its `with` block. Until its end, or until it is closed, the session takes no other call.
    Read to the end, what the statement wrote is kept; closed before, it is undone.

    Attributes:
        schema: Names and types of the columns.
        return_format: As it was asked for.
        transaction: The one that it reads in.
    """

    __slots__ = (
        "_ended",
        "_entered",
        "_feed",
        "_own",
        "_plan",
        "_ready",
        "_rows",
        "_saved",
        "_session",
        "_stopped",
        "_timeout",
        "return_format",
        "schema",
        "transaction",
    )

    schema: pa.Schema
    transaction: OpenTransaction

    def __init__(self, session: AsyncTransactions, plan: Plan, return_format: str, timeout: float | None) -> None:
        self._session = session
        self._plan = plan
        self._timeout = session._limit if timeout is None else timeout
        self._own = self._saved = self._entered = self._stopped = False
        self._feed: AsyncRowFeed | None = None
        self._rows: BatchReader | None = None
        # Batches that have come and were not asked for yet, the next one last.
        self._ready: list[pa.RecordBatch] = []
        self._ended = "it was never opened"
        self.return_format = return_format

    @property
    def is_inside(self) -> bool:
        """Whether the transaction is one that the caller has opened."""
        return not self._own

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close(keep=error is None)

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        while (batch := await self.read_batch()) is not None:
            yield batch

    async def read_batch(self) -> pa.RecordBatch | None:
        """Return the next batch, none of them empty; `None` at the end.

        Raises:
            OperationalError: The reader was closed, or its transaction has ended, before the end.
            OperationCancelledError: `session.cancel()` was called.
            DataError: A value has no place in its Arrow type.
        """
        while self._stopped or not self._ready:
            rows = self._rows
            if rows is None:
                return self._ready.pop() if self._ready else None
            if self._ended:
                raise OperationalError(f"cannot read from the Arrow reader: {self._ended}")
            if not rows.more and not self._stopped:
                self._rows = None
                await self._end("", keep=True)
                return None
            try:
                self._ready = await self._call(self._next, rows, self._feed)
            except BaseException:
                await self._end("reading it has failed", keep=False)
                raise
            self._ready.reverse()
        return self._ready.pop()

    async def read_all(self) -> pa.Table:
        """Return what is left as a table."""
        batches = []
        while (batch := await self.read_batch()) is not None:
            batches.append(batch)
        return pa.Table.from_batches(batches, self.schema)

    async def to_pandas(self, **options: Any) -> pd.DataFrame:
        """Return what is left as a pandas DataFrame.

        Args:
            **options: As for `pyarrow.Table.to_pandas`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        return ArrowResult(await self.read_all()).to_pandas(**options)

    async def to_polars(self) -> pl.DataFrame:
        """Return what is left as a polars DataFrame.

        Raises:
            MissingDependencyError: polars is not installed.
        """
        return ArrowResult(await self.read_all()).to_polars()

    async def close(self) -> None:
        """End reading. If there are rows left, what the statement wrote is undone. Closing twice is fine."""
        await self._close(keep=True)

    async def abandon(self) -> None:
        """Close what its owner has forgotten; the session is about to end."""
        warnings.warn("an Arrow reader was not closed: use it in a `with` block", ResourceWarning, stacklevel=2)
        with contextlib.suppress(SQLSpecError):
            await self.close()

    def __del__(self) -> None:
        if not self._ended:
            warnings.warn("an Arrow reader was not closed: use it in a `with` block", ResourceWarning, stacklevel=2)

    # -- inside -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Have the next read fail: between two of them nothing runs that the server could be asked to cancel."""
        self._stopped = True

    async def _next(self, rows: BatchReader, feed: AsyncRowFeed) -> list[pa.RecordBatch]:
        if self._stopped:
            raise OperationCancelledError("cannot read on from the Arrow reader: it was stopped by cancel()")
        return await next_batches(self._session._driver, rows, feed)

    def give(self, table: pa.Table, rows: int) -> None:
        """Take the rows of a statement that has none to read piecewise."""
        self.schema = table.schema
        self._ready = table.to_batches(max_chunksize=rows)[::-1]
        self._ended = "it is at its end"

    async def open(self, args: Sequence[Any], request: ReadRequest, check_encoding: bool) -> None:
        """Begin a transaction, or a savepoint inside the open one, and run the statement."""
        session = self._session
        if session._transaction is None:
            await session._begin(METHOD, BEGIN, BUSY)
            self._own = True
        else:
            await session._take_turn(METHOD)
            session._transaction.purpose = BUSY
            session._end_turn()
        assert session._transaction is not None
        self.transaction = session._transaction
        session._reader = self
        self._ended = ""
        try:
            await self._call(self._start, args, request, check_encoding)
        except BaseException:
            await self._end("opening it has failed", keep=False)
            raise

    async def _start(self, args: Sequence[Any], request: ReadRequest, check_encoding: bool) -> None:
        driver = self._session._driver
        if not self._own:
            await driver.execute_script(savepoint(OWN_SAVEPOINT))
            self._saved = True
        reading = await plan_reading(driver, self._plan, request, check_encoding)
        self._rows = BatchReader(reading, request.rows, bool(driver.spec.capabilities.copy_out))
        self.schema = self._rows.schema
        self._feed = await driver.open_feed(reading.plan, args, len(reading.columns))

    async def _call(self, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run an operation in a turn of its own. Whoever has the reader may use it, also another task or thread."""
        session = self._session
        if not session._try_turn():
            await session._turn.wait()
        try:
            if session._broken:
                raise DatabaseConnectionError("cannot read from the Arrow reader: the connection was lost")
            call, source = session._observed, self._plan.source
            if self._timeout is None:
                return await call("stream", source, operation, *args)
            limited: T = await session._timed(self._timeout, call, "stream", source, operation, *args)
            return limited
        except BaseException as error:
            await self._drop_feed()  # first: until then the connection takes nothing else
            await session._fail(error, self._plan.source)
            raise
        finally:
            session._end_turn()

    async def _drop_feed(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await close_quietly(self._session._driver, feed)

    async def _close(self, *, keep: bool) -> None:
        left, self._ready = bool(self._ready), []
        if not self._ended:
            left = left or self._rows is None or self._rows.more
            await self._end("it was closed", keep=keep and not left)

    async def _end(self, reason: str, *, keep: bool) -> None:
        """Let go of the feed, end the transaction or savepoint, and at last let other calls in."""
        session, transaction = self._session, self.transaction
        self._ended = reason or "it is at its end"
        closed = False
        try:
            if self._feed is not None and not session._broken:
                await self._call(self._drop_feed)
            closed = True
        finally:
            try:
                await self._end_scope(keep=keep and closed)
            finally:
                transaction.purpose = ""
                session._reader = None
                if self._own and session._transaction is transaction:  # interrupted while it waited for its turn
                    session._abandon(transaction)

    async def _end_scope(self, *, keep: bool) -> None:
        """End the reader's own transaction, or its savepoint in that of the caller."""
        session = self._session
        if self._own:
            await session._end_transaction("commit" if keep else "rollback", self.transaction)
        elif self._saved and not session._broken:
            text = release(OWN_SAVEPOINT) if keep else undo(OWN_SAVEPOINT)
            try:
                await self._call(session._driver.execute_script, text)
            except SQLSpecError:
                raise
            except BaseException:
                session._set_broken()  # interrupted: what was written may be neither kept nor undone
                raise


async def read_table(
    driver: AsyncDriver, plan: Plan, args: Sequence[Any], request: ReadRequest, check_encoding: bool
) -> pa.Table:
    """Read all rows of a statement, inside the caller's transaction."""
    reading = await plan_reading(driver, plan, request, check_encoding)
    rows = BatchReader(reading, request.rows, bool(driver.spec.capabilities.copy_out))
    feed = await driver.open_feed(reading.plan, args, len(reading.columns))
    batches: list[pa.RecordBatch] = []
    while rows.more:
        batches += await next_batches(driver, rows, feed)
    return pa.Table.from_batches(batches, rows.schema)


async def next_batches(driver: AsyncDriver, rows: BatchReader, feed: AsyncRowFeed) -> list[pa.RecordBatch]:
    """Read until there is a batch, or until the end. A feed that ends or fails is closed at once, in the same turn.

    Raises:
        DataError: A value has no place in its Arrow type.
    """
    decoder = rows.decoder
    try:
        while rows.more and not rows.full:
            rows.more = await feed.feed(decoder, rows.step)
        batches = rows.take()
        if not rows.more:
            await feed.close()
        return batches
    except BaseException as error:
        await close_quietly(driver, feed)
        if isinstance(error, WireError):
            raise rows.data_error(error) from error
        raise


async def close_quietly(driver: AsyncDriver, feed: AsyncRowFeed) -> None:
    """Close a feed behind a failure, which is what the caller is to hear of."""
    with contextlib.suppress(*driver.native_errors):
        await feed.close()


async def plan_reading(driver: AsyncDriver, plan: Plan, request: ReadRequest, check_encoding: bool) -> ReadPlan:
    """Ask the server for the columns of a statement and plan how to read them.

    Inside a transaction, so that the locks of having asked keep the columns as they are: the rows do not tell types.

    Raises:
        NotSupportedError: The session's encoding is not UTF8, or its arrays could not be read as they are.
    """
    if check_encoding:
        ((encoding,),) = await driver.fetch_text(ENCODING)
        if encoding != "UTF8":
            raise NotSupportedError(
                "cannot read as Arrow: client_encoding is not UTF8, so text would be wrong; reset it"
            )
    driver.forget(plan)
    described = await driver.describe(plan)
    columns, codecs = described.columns, driver.derived.codecs
    # Another session may have altered them. Values would be read under old names, or not at all.
    oids = [column.oid for column in columns]
    await driver.learn_types(oids, anew=True)
    if any(codec.depends for codec in map(codecs.get, (*oids, *described.parameter_oids)) if codec is not None):
        ((nulls,),) = await driver.fetch_text(ARRAY_NULLS)
        if nulls != "on":
            raise NotSupportedError(
                "cannot read as Arrow: array_nulls is off, so NULL in an array's text would be a word; set it to on"
            )
    typmods = await declared_typmods(driver, plan, described)
    return await with_types(driver.learn_types, read_plan, plan, columns, codecs, typmods, request.options)


async def declared_typmods(driver: AsyncDriver, plan: Plan, described: Described) -> list[int]:
    """Ask the server for the modifiers of a statement's columns, inside a transaction; -1 where there is none.

    Only those are asked for that decide on the Arrow type. The types of the columns were learnt.
    """
    columns = described.columns
    probes = find_probes(columns, driver.derived.codecs)
    script = typmod_script(plan.sql, described.parameter_oids, len(columns), probes) if probes else None
    rows: Sequence[Sequence[str | None]] = ()
    if script is not None:
        await driver.execute_script(script)
        rows = await driver.fetch_text(TYPMODS_QUERY)
    return read_typmods(len(columns), probes, rows)
