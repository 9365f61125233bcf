# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""COPY in both directions: rows from an iterator, and a feed of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._copy import CopyIn, Rows
from sqlspec.driver._async_driver import AsyncRowFeed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from sqlspec.adapters.psycopg._async_driver import AsyncPsycopgDriver
    from sqlspec.adapters.psycopg._async_native import AsyncNative
    from sqlspec.driver._types import CopyTarget
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("AsyncPsycopgFeed", "copy_in")

PATIENCE = 2.0
"""Seconds in which the server has to take a request to cancel."""


async def copy_in(
    connection: AsyncNative[Any], target: CopyTarget, pieces: AsyncIterator[bytes], is_stopped: Callable[[], bool]
) -> int:
    """Store rows; see `AsyncDriver.copy_in`.

    Args:
        connection: The connection, in no query.
        target: As there.
        pieces: As there.
        is_stopped: Tells that the server was asked to cancel. libpq does not look at the answer before the end.
    """
    copy = CopyIn(connection.pgconn)
    await connection.wait(copy.start(target))
    try:
        async for piece in pieces:
            await connection.wait(copy.send(piece))
            if is_stopped():
                break
    except BaseException as error:
        if copy.is_open and not connection.closed:
            if not isinstance(error, Exception):  # nobody is going to wait for what the server may be busy with
                await connection.cancel_safe(timeout=PATIENCE)
            await connection.wait(copy.end(b"the rows could not be had"))
        raise
    stopped = b"canceled" if is_stopped() else None
    return protocol.checked(await connection.wait(copy.end(stopped))).command_tuples or 0


class AsyncPsycopgFeed(AsyncRowFeed):
    """A COPY in the open transaction."""

    __slots__ = ("_driver", "_rows")

    def __init__(self, driver: AsyncPsycopgDriver) -> None:
        self._driver = driver
        self._rows = Rows(driver.connection.pgconn)

    async def open(self, query: str) -> None:
        """Start the COPY of a query that has no parameters."""
        await self._driver.connection.wait(self._rows.start(query))

    async def feed(self, sink: Sink, size: int) -> bool:
        return await self._driver.connection.wait(self._rows.read(sink, size))

    async def close(self) -> None:
        if self._rows.is_open:
            connection = self._driver.connection
            await connection.cancel_safe(timeout=PATIENCE)
            await connection.wait(self._rows.drop())
            await self._driver.settle()
