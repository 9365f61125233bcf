# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""A COPY to the client, as a feed of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.adapters.psycopg._copy import Rows
from sqlspec.driver._async_driver import AsyncRowFeed

if TYPE_CHECKING:
    from sqlspec.adapters.psycopg._async_driver import AsyncPsycopgDriver
    from sqlspec.postgres.arrow._wire import Decoder

__all__ = ("AsyncPsycopgFeed",)

PATIENCE = 2.0
"""Seconds in which the server has to take a request to cancel."""


class AsyncPsycopgFeed(AsyncRowFeed):
    """A COPY in the open transaction."""

    __slots__ = ("_driver", "_rows")

    def __init__(self, driver: AsyncPsycopgDriver) -> None:
        self._driver = driver
        self._rows = Rows(driver.connection.pgconn)

    async def open(self, query: str) -> None:
        """Start the COPY of a query that has no parameters."""
        await self._driver.connection.wait(self._rows.start(query))

    async def feed(self, decoder: Decoder, size: int) -> bool:
        return await self._driver.connection.wait(self._rows.read(decoder, size))

    async def close(self) -> None:
        if self._rows.is_open:
            connection = self._driver.connection
            await connection.cancel_safe(timeout=PATIENCE)
            await connection.wait(self._rows.drop())
            await self._driver.settle()
