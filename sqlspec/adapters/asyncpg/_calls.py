"""Awaiting asyncpg: what can be stopped from outside, and how. Written for asyncpg 0.32."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import current_task
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.asyncpg._connect import cut
from sqlspec.adapters.asyncpg._errors import NATIVE_ERRORS, connect_error_info, ends_connection, error_info
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.driver._async_driver import AsyncDriver
from sqlspec.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlspec.core.result import RawResult
    from sqlspec.driver._types import DriverStatus, Entries
    from sqlspec.exceptions import ErrorInfo

__all__ = ("Calling", "refusal")

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds in which a request to stop a statement has to reach the server."""


class Calling(AsyncDriver):
    """The part of the adapter that every call goes through."""

    __slots__ = ("_caller", "_connection", "_heeding", "_request", "_running", "_stopped")

    native_errors = NATIVE_ERRORS
    movable = True

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._running = False  # a call that a request can be meant for
        self._heeding = False  # a call that has more statements to come
        self._request: asyncio.Future[None] | None = None  # of `cancel`, done when the server has been told
        self._caller: asyncio.Task[Any] | None = None  # of what goes on piece by piece
        self._stopped = False  # that task, by `cancel`

    def is_closed(self) -> bool:
        return bool(self._connection.is_closed())

    def status(self) -> DriverStatus:
        if self._connection.is_closed():
            return "unknown"
        # A connection that may still be hit is not to be handed on as it is.
        return "active" if self._connection.is_in_transaction() or self._request is not None else "idle"

    def error_info(self, error: BaseException) -> ErrorInfo:
        return error_info(error, self.is_broken(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return self._connection.is_closed() or ends_connection(error)

    def abort(self) -> None:
        cut(self._connection)

    # -- stopping ---------------------------------------------------------------------------------

    async def cancel(self) -> None:
        caller = self._caller
        if caller is not None:
            if not self._stopped:
                self._stopped = True
                caller.cancel()
        elif self._running and self._request is None:
            # The call itself goes on waiting: the server may have finished it by then, and must be believed.
            request = self._request = asyncio.get_running_loop().create_future()
            self._connection._cancel_current_command(request)
            await asyncio.wait((request,), timeout=PATIENCE)
            if not request.done():
                self.abort()  # the server is out of reach

    async def run(self, operation: Awaitable[T]) -> T:
        """Await an exchange with the server so that `cancel` can stop it; `execute` does the same in place."""
        self._running = True
        try:
            answer = await operation
            if self._request is not None:
                await self.let_request_pass()
            return answer
        except BaseException as error:
            await self.failed(error)
            raise
        finally:
            self._running = False

    async def let_request_pass(self) -> None:
        """Wait until a request of `cancel` can hit nothing that is sent from now on.

        Raises:
            PostgresError: It came too late for the statement, and has aborted the transaction; or the call has more
                statements to come.
        """
        request = self._request
        assert request is not None
        await asyncio.wait((request,), timeout=PATIENCE)
        if not request.done():
            self.abort()
        if not self._connection.is_closed():
            try:
                await self._connection.execute("select")
            except asyncpg.PostgresError:
                if self._connection.is_in_transaction():
                    self._request = None
                    raise
        self._request = None
        if self._heeding:
            raise refusal()

    async def run_stack(self, entries: Entries) -> list[RawResult]:
        self._heeding = True
        try:
            return await super().run_stack(entries)
        finally:
            self._heeding = False

    async def failed(self, error: BaseException) -> None:
        """Leave nothing behind a call that failed: neither what it has prepared, nor a request to stop it."""
        self._running = False
        if self._request is None:
            if isinstance(error, DataError):
                await self.end_preparing()
        elif not isinstance(error, asyncio.CancelledError):  # whoever gets that settles
            with contextlib.suppress(*NATIVE_ERRORS):
                await self.let_request_pass()

    async def end_preparing(self) -> None:
        """Let the server end what a statement began that was prepared and is not going to run.

        The driver sends Parse without Sync: until the next statement a transaction stays open, with snapshot and locks.
        """
        if not self._connection.is_in_transaction():
            await self._connection.execute("select")

    async def stoppable(self, operation: Awaitable[T]) -> T:
        """Await what goes on piece by piece in a transaction, so that `cancel` ends it between two of them.

        That cancels the calling task, and takes the cancellation back here: in whatever way the operation ends.
        """
        caller = self._caller = current_task()
        before = caller.cancelling() if caller is not None else 0
        try:
            return await operation
        except asyncio.CancelledError:
            if not self._take_back(caller, before):
                raise
            # Until the server has answered, the driver's view of the transaction is that from before the statement.
            await self.settle()
            raise refusal() from None
        finally:
            self._take_back(caller, before)

    def _take_back(self, caller: asyncio.Task[Any] | None, before: int) -> bool:
        """Forget the caller, and that `cancel` has stopped it; tell whether nobody else cancelled it."""
        self._caller = None
        stopped, self._stopped = self._stopped, False
        return stopped and caller is not None and caller.uncancel() == before


def refusal() -> asyncpg.QueryCanceledError:
    """Return the error for a call that is stopped from here, in the server's words."""
    return asyncpg.QueryCanceledError("canceling statement due to user request")
