"""Rows that are fetched piecewise from asyncpg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.result import RawResult
from sqlspec.driver._async_driver import AsyncCursor

if TYPE_CHECKING:
    from sqlspec.adapters.asyncpg.driver import AsyncpgDriver
    from sqlspec.core.result import Column

__all__ = ("Cursor",)


class Cursor(AsyncCursor):
    """A portal of the extended query protocol."""

    __slots__ = ("_columns", "_cursor", "_driver")

    def __init__(self, driver: AsyncpgDriver, cursor: Any, columns: tuple[Column, ...]) -> None:
        self._driver = driver
        self._cursor: Any = cursor
        self._columns = columns

    async def fetch(self, count: int) -> RawResult:
        driver = self._driver
        rows = await driver.run(self._cursor.fetch(count))
        if driver._codecs.met:
            rows = await driver._codecs.read_again(rows, self._columns, driver.learn_types)
        return RawResult(rows, self._columns, "tuple", None)

    async def close(self) -> None:
        # The driver has no public way. An open portal would keep its snapshot and locks until the transaction ends.
        cursor, self._cursor = self._cursor, None
        if cursor is not None and cursor._portal_name:
            await cursor._close_portal(None)
