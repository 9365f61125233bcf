# Generated from _async_copy.py by tools/unasync.py. Do not edit.
"""COPY in both directions: rows from an iterator, and a feed of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._copy import CopyIn, Rows
from sqlspec.driver._sync_driver import SyncRowFeed

if TYPE_CHECKING:
    from collections.abc import Iterator, Callable
    from typing import Any

    from sqlspec.adapters.psycopg._sync_driver import SyncPsycopgDriver
    from sqlspec.adapters.psycopg._sync_native import SyncNative
    from sqlspec.driver._types import CopyTarget
    from sqlspec.postgres.arrow._wire import Sink

__all__ = ("SyncPsycopgFeed", "copy_in")

PATIENCE = 2.0
"""Seconds in which the server has to take a request to cancel."""


def copy_in(
    connection: SyncNative[Any], target: CopyTarget, pieces: Iterator[bytes], is_stopped: Callable[[], bool]
) -> int:
    """Store rows; see `SyncDriver.copy_in`.

    Args:
        connection: The connection, in no query.
        target: As there.
        pieces: As there.
        is_stopped: Tells that the server was asked to cancel. libpq does not look at the answer before the end.
    """
    copy = CopyIn(connection.pgconn)
    connection.wait(copy.start(target))
    try:
        for piece in pieces:
            connection.wait(copy.send(piece))
            if is_stopped():
                break
    except BaseException as error:
        if copy.is_open and not connection.closed:
            if not isinstance(error, Exception):  # nobody is going to wait for what the server may be busy with
                connection.cancel_safe(timeout=PATIENCE)
            connection.wait(copy.end(b"the rows could not be had"))
        raise
    stopped = b"canceled" if is_stopped() else None
    return protocol.checked(connection.wait(copy.end(stopped))).command_tuples or 0


class SyncPsycopgFeed(SyncRowFeed):
    """A COPY in the open transaction."""

    __slots__ = ("_driver", "_rows")

    def __init__(self, driver: SyncPsycopgDriver) -> None:
        self._driver = driver
        self._rows = Rows(driver.connection.pgconn)

    def open(self, query: str) -> None:
        """Start the COPY of a query that has no parameters."""
        self._driver.connection.wait(self._rows.start(query))

    def feed(self, sink: Sink, size: int) -> bool:
        return self._driver.connection.wait(self._rows.read(sink, size))

    def close(self) -> None:
        if self._rows.is_open:
            connection = self._driver.connection
            connection.cancel_safe(timeout=PATIENCE)
            connection.wait(self._rows.drop())
            self._driver.settle()
