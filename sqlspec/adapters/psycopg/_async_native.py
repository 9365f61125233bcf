# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""The driver's connection, kept from what others do to it while a call is under way."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.generators import execute
from psycopg.rows import Row

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._protocol import AsyncBare
from sqlspec.driver._aio import current_runner, is_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from psycopg.pq.abc import PGresult
    from psycopg.waiting import Ready, Wait

__all__ = ("AsyncNative",)

T = TypeVar("T")

CANCEL_LIMIT = 1.0
"""Seconds in which the server must be told to stop a statement."""

IN_STEP = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class AsyncNative(AsyncBare[Row]):
    """A connection of psycopg. What others do to it while a call is under way, the call does when it ends.

    A call marks itself before it looks at what others want, and they say it before they look at the mark. So either
    the call heeds it, or there is none.

    Attributes:
        busy: A call is under way: libpq must not be freed under its feet, nor its descriptor given to another.
        closing: It is to be closed.
    """

    busy = False
    closing = False

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._runner = current_runner()
        self._mutex = Lock()  # held where a descriptor is used or closed that belongs to another connection afterwards

    async def run(self, send: Callable[..., object], *args: Any) -> list[PGresult]:
        """Send a query and return its results; the driver's `execute` does the same in place."""
        try:
            self.busy = True
            if self.closing:
                raise protocol.closed()
            send(*args)
            return await super().wait(execute(self.pgconn))
        finally:
            self.busy = False
            if self.closing:
                await self.calm()

    async def wait(self, gen: Generator[Wait, Ready | int, T], *args: Any, **named: Any) -> T:
        """Run a generator of libpq calls."""
        try:
            self.busy = True
            if self.closing:
                raise protocol.closed()
            return await super().wait(gen, *args, **named)
        finally:
            self.busy = False
            if self.closing:
                await self.calm()

    async def calm(self) -> None:
        """Do what others wanted while the call that has just ended was under way."""
        await self._finish()

    async def close(self) -> None:
        """Close the connection. A call that is under way fails and does it then."""
        self.closing = True
        if self.busy and not is_gone(self._runner):
            self.cut()
        else:
            await self._finish()

    async def _finish(self) -> None:
        with self._mutex:
            await super().close()

    def cut(self) -> None:
        """Shut the socket down, which ends a call that is under way."""
        with self._mutex:
            protocol.cut(self.pgconn)

    async def _try_cancel(self, *, timeout: float = CANCEL_LIMIT) -> None:
        """Give up sooner than psycopg 3.3 does: it waits twice five seconds on a silent network, whatever the limit."""
        try:
            await self.cancel_safe(timeout=min(timeout, CANCEL_LIMIT))
        except psycopg.Error:
            self.cut()  # nobody will answer

    def is_in_step(self) -> bool:
        """Tell whether the next query will be taken, and answered by itself."""
        pgconn = self.pgconn
        return pgconn.transaction_status in IN_STEP and pgconn.pipeline_status == pq.PipelineStatus.OFF
