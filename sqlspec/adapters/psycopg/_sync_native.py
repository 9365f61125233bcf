# Generated from _async_native.py by tools/unasync.py. Do not edit.
"""The driver's connection, kept from what others do to it while a call is under way."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import pq
from psycopg.generators import execute
from psycopg.rows import Row

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._protocol import SyncBare
from sqlspec.driver._sio import Waiter, current_runner, is_gone, uninterrupted
from sqlspec.driver._types import Notification

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Generator

    from psycopg.pq.abc import PGresult
    from psycopg.waiting import Ready, Wait

__all__ = ("SyncNative",)

T = TypeVar("T")

CANCEL_LIMIT = 1.0
"""Seconds in which the server must be told to stop a statement."""

PATIENCE = 3.0
"""Seconds for which a call that has ended waits for a request to stop it."""

ACTIVE = pq.TransactionStatus.ACTIVE
IN_STEP = (pq.TransactionStatus.IDLE, pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class SyncNative(SyncBare[Row]):
    """A connection of psycopg. What others do to it while a call is under way, the call does when it ends.

    A call marks itself before it looks at what others want, and they say it before they look at the mark. So either
    the call heeds it, or there is none.

    Attributes:
        busy: A call is under way: libpq must not be freed under its feet, nor its descriptor given to another.
        closing: It is to be closed.
        request: Woken when the server has taken the request to stop a call. It may still hit what is sent next.
        absorbed: Number of requests that can hit nothing any more.
    """

    busy = False
    closing = False
    request: Waiter | None = None
    absorbed = 0

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._runner = current_runner()
        self._mutex = Lock()  # held where a descriptor is used or closed that belongs to another connection afterwards

    def run(self, send: Callable[..., object], *args: Any) -> list[PGresult]:
        """Send a query and return its results; the driver's `execute` does the same in place."""
        try:
            self.busy = True
            if self.closing:
                raise protocol.closed()
            send(*args)
            return super().wait(execute(self.pgconn))
        finally:
            self.busy = False
            if self.closing or self.request is not None:
                self.calm()

    def wait(self, gen: Generator[Wait, Ready | int, T], *args: Any, **named: Any) -> T:
        """Run a generator of libpq calls."""
        try:
            self.busy = True
            if self.closing:
                raise protocol.closed()
            return super().wait(gen, *args, **named)
        finally:
            self.busy = False
            if self.closing or self.request is not None:
                self.calm()

    def calm(self) -> None:
        """Do what others wanted while the call that has just ended was under way."""
        # A COPY that is open takes no round trip: what belongs to it waits for its end.
        while (request := self.request) is not None and self.is_in_step():
            if not request.wait(PATIENCE):
                self.cut()
            self._absorb(request)
        if self.closing:
            self._finish()

    def _absorb(self, request: Waiter) -> None:
        """Make a round trip behind a request to cancel. Without any statement, it has nothing to abort."""
        try:
            self.busy = True
            if not self.closing:
                with suppress(psycopg.Error):  # it is lost, which the next call will find
                    super().wait(protocol.pipeline(self.pgconn, iter(()), lambda _, result: None))
        finally:
            self.busy = False
        with self._mutex:
            if self.request is request:
                self.request = None
                self.absorbed += 1

    def stop(self) -> None:
        """Ask the server to stop the call that is under way, if there is one. That does not end before this has."""
        request = Waiter()
        with self._mutex:
            before = self.request
            if not self._is_under_way() or self.closing or (before is not None and not before.woken):
                return
            self.request = request
            if not self._is_under_way():  # it has ended meanwhile, and need not have seen the request
                self.request = before
                request.wake()
                return
        uninterrupted(partial(self._ask_to_stop, request), PATIENCE)

    def _ask_to_stop(self, request: Waiter) -> None:
        try:
            self.cancel_safe(timeout=CANCEL_LIMIT)
        except psycopg.errors.CancellationTimeout:
            self.cut()  # the request may arrive at any time
            raise
        finally:
            request.wake()

    def close(self) -> None:
        """Close the connection. A call that is under way fails and does it then."""
        self.closing = True
        if self.busy and not is_gone(self._runner):
            self.cut()
        else:
            self._finish()

    def _finish(self) -> None:
        with self._mutex:
            super().close()

    def cut(self) -> None:
        """Shut the socket down, which ends a call that is under way."""
        with self._mutex:
            protocol.cut(self.pgconn)

    def _try_cancel(self, *, timeout: float = CANCEL_LIMIT) -> None:
        """Give up sooner than psycopg 3.3 does: it waits twice five seconds on a silent network, whatever the limit."""
        try:
            self.cancel_safe(timeout=min(timeout, CANCEL_LIMIT))
        except psycopg.Error:
            self.cut()  # nobody will answer

    def hear(self, inbox: deque[Notification]) -> None:
        """Wait for notifications, or for `close`."""
        # Nothing is yielded in here: a reader who stops early must not keep the connection from being closed.
        try:
            for note in self.notifies(stop_after=1):
                inbox.append(Notification(note.channel, note.payload, note.pid))
        except psycopg.Error:
            if not self.closing:
                raise

    def _is_under_way(self) -> bool:
        """Tell whether there is a call to stop. During a COPY there is one between two pieces, too."""
        return self.busy or self.pgconn.transaction_status == ACTIVE

    def is_in_step(self) -> bool:
        """Tell whether the next query will be taken, and answered by itself."""
        pgconn = self.pgconn
        return pgconn.transaction_status in IN_STEP and pgconn.pipeline_status == pq.PipelineStatus.OFF
