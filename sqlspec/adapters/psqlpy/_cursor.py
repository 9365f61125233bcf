"""Rows of a cursor, piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.adapters.psqlpy._results import read_rows
from sqlspec.core.result import RawResult
from sqlspec.driver._async_driver import AsyncCursor

if TYPE_CHECKING:
    from sqlspec.adapters.psqlpy._statements import Prepared
    from sqlspec.adapters.psqlpy.driver import PsqlpyDriver

__all__ = ("Cursor",)


class Cursor(AsyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: PsqlpyDriver, prepared: Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    async def fetch(self, count: int) -> RawResult:
        driver, prepared = self._driver, self._prepared
        answer = await driver.run(driver._fetch(f"fetch forward {count:d} from {self._name}", None, False))
        return RawResult(await read_rows(driver, prepared, answer), prepared.columns, "tuple", None)

    async def close(self) -> None:
        await self._driver.execute_script(f"close {self._name}")
