# Generated from _async_cursor.py by tools/unasync.py. Do not edit.
"""A cursor on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.driver._sync_driver import SyncCursor

if TYPE_CHECKING:
    from sqlspec.adapters.psycopg._sync_driver import SyncPsycopgDriver
    from sqlspec.adapters.psycopg._sync_statements import Prepared
    from sqlspec.core.result import RawResult

__all__ = ("SyncPsycopgCursor",)


class SyncPsycopgCursor(SyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: SyncPsycopgDriver, prepared: Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    def fetch(self, count: int) -> RawResult:
        return self._driver.fetch_from(self._prepared, self._name, count)

    def close(self) -> None:
        self._driver.execute_script(f"close {self._name}")
