# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""A cursor on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.driver._async_driver import AsyncCursor

if TYPE_CHECKING:
    from sqlspec.adapters.psycopg._async_driver import AsyncPsycopgDriver
    from sqlspec.adapters.psycopg._async_statements import Prepared
    from sqlspec.core.result import RawResult

__all__ = ("AsyncPsycopgCursor",)


class AsyncPsycopgCursor(AsyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: AsyncPsycopgDriver, prepared: Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    async def fetch(self, count: int) -> RawResult:
        return await self._driver.fetch_from(self._prepared, self._name, count)

    async def close(self) -> None:
        await self._driver.execute_script(f"close {self._name}")
