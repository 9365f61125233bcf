# Generated from _async_copy.py by tools/unasync.py. Do not edit.
"""A COPY to the client, as a feed of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.adapters.psycopg._copy import Rows
from sqlspec.driver._sync_driver import SyncRowFeed

if TYPE_CHECKING:
    from sqlspec.adapters.psycopg._sync_driver import SyncPsycopgDriver
    from sqlspec.postgres.arrow._wire import Decoder

__all__ = ("SyncPsycopgFeed",)

PATIENCE = 2.0
"""Seconds in which the server has to take a request to cancel."""


class SyncPsycopgFeed(SyncRowFeed):
    """A COPY in the open transaction."""

    __slots__ = ("_driver", "_rows")

    def __init__(self, driver: SyncPsycopgDriver) -> None:
        self._driver = driver
        self._rows = Rows(driver.connection.pgconn)

    def open(self, query: str) -> None:
        """Start the COPY of a query that has no parameters."""
        self._driver.connection.wait(self._rows.start(query))

    def feed(self, decoder: Decoder, size: int) -> bool:
        return self._driver.connection.wait(self._rows.read(decoder, size))

    def close(self) -> None:
        if self._rows.is_open:
            connection = self._driver.connection
            connection.cancel_safe(timeout=PATIENCE)
            connection.wait(self._rows.drop())
            self._driver.settle()
