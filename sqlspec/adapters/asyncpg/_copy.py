"""COPY in both directions. Written for asyncpg 0.32."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlspec.adapters.asyncpg._errors import NATIVE_ERRORS
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg._writing import Writing
from sqlspec.driver._async_driver import AsyncRowFeed
from sqlspec.postgres.errors import affected_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlspec.adapters.asyncpg.driver import AsyncpgDriver
    from sqlspec.driver._types import CopyTarget
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("CopyFeed", "copy_in")

PATIENCE = 2.0
"""Seconds in which the server has to answer a request to cancel."""

NO_ROW = b"\x7f\xff"
"""A number of fields that no row has: the server refuses the stream."""


async def copy_in(connection: asyncpg.Connection, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
    """Store rows; see `AsyncDriver.copy_in`."""
    failure: BaseException | None = None
    last_resort: asyncio.TimerHandle | None = None

    async def source() -> AsyncIterator[bytes]:
        nonlocal failure, last_resort
        try:
            async for piece in pieces:
                yield piece
                await asyncio.sleep(0)  # asyncpg lets others run only when the socket is full
                if connection.is_closed():
                    return  # asyncpg has the error
        except (Exception, asyncio.CancelledError) as error:
            # Must not get through. asyncpg would have the statement cancelled, and wait for the answer for ever where
            # the server has refused an earlier row: it does not look at that before the end.
            failure = error
            if isinstance(error, asyncio.CancelledError):
                # The server may be busy with the rows before, for longer than anybody is going to wait.
                loop = asyncio.get_running_loop()
                last_resort = loop.call_later(2 * PATIENCE, connection.terminate)
                asked: asyncio.Future[None] = loop.create_future()
                connection._cancel_current_command(asked)
                await asyncio.wait((asked,), timeout=PATIENCE)
            yield NO_ROW

    tag: str | None = None
    try:
        with Writing(connection):
            tag = await connection.copy_to_table(
                target.table, schema_name=target.schema, columns=target.columns, source=source(), format="binary"
            )
    except Exception as error:
        if failure is None:
            if connection.is_closed() and not isinstance(error, NATIVE_ERRORS):
                # Closed from here, it has no transport, which asyncpg uses before it looks at the error that it has.
                raise asyncpg.ConnectionDoesNotExistError("the connection was closed in the middle of COPY") from error
            raise
    finally:
        if last_resort is not None:
            last_resort.cancel()
    if failure is not None:
        raise failure
    return affected_rows(tag) or 0


class CopyFeed(AsyncRowFeed):
    """A COPY that runs in a task of its own, and goes on only while somebody feeds a sink.

    The task is not cancelled, and nothing is raised into it: asyncpg then asks the server to cancel, but not when data
    has just arrived, which loses the connection, and even when the last word was said, which blocks it for ever. So
    the server is asked from here, and what it still sends is dropped.
    """

    __slots__ = ("_driver", "_dropping", "_fed", "_more", "_query", "_sink", "_task", "_wanted")

    def __init__(self, driver: AsyncpgDriver, query: str) -> None:
        """Prepare to read.

        Args:
            driver: The connection, in a transaction.
            query: A statement that COPY takes, without parameters.
        """
        self._driver = driver
        self._query = query
        self._task: asyncio.Task[str] | None = None
        self._more = asyncio.Event()
        self._dropping = False

    async def feed(self, sink: Sink, size: int) -> bool:
        return await self._driver.stoppable(self._feed(sink, size))

    async def _feed(self, sink: Sink, size: int) -> bool:
        loop = asyncio.get_running_loop()
        self._sink, self._wanted = sink, size
        self._fed: asyncio.Future[None] = loop.create_future()
        task = self._task
        if task is None:
            copy = self._driver.connection.copy_from_query(self._query, output=self._take, format="binary")
            task = self._task = loop.create_task(copy)
            task.add_done_callback(self._end)
        if not task.done():
            self._more.set()
            try:
                await self._fed
            except asyncio.CancelledError:
                await self._stop(task)
                raise
        if task.done():
            task.result()
        return not task.done()

    async def _take(self, data: bytes) -> None:
        """Take what has arrived. asyncpg awaits it and reads nothing meanwhile, so this is where the server waits."""
        if self._dropping:
            return
        try:
            self._sink.feed(data)
        except Exception as error:
            self._answer(error)
        else:
            self._wanted -= len(data)
            if self._wanted > 0:
                return
            self._answer()
        self._more.clear()
        await self._more.wait()

    def _answer(self, error: Exception | None = None) -> None:
        if self._fed.done():
            return  # who waited was cancelled a moment ago
        if error is None:
            self._fed.set_result(None)
        else:
            self._fed.set_exception(error)

    def _end(self, task: asyncio.Task[str]) -> None:
        if not task.cancelled():
            task.exception()  # seen: whoever reads on gets it
        self._answer()

    async def _stop(self, task: asyncio.Task[str]) -> None:
        connection = self._driver.connection
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._dropping = True
        self._more.set()
        connection._cancel_current_command(asked)
        _, pending = await asyncio.wait((task, asked), timeout=PATIENCE)
        if pending:
            connection.terminate()
            await asyncio.wait((task,), timeout=PATIENCE)

    async def close(self) -> None:
        if self._task is not None and not self._task.done():
            await self._stop(self._task)
            await self._driver.settle()
