"""Awaiting psqlpy: what an error means for the connection, and stopping on the server what nobody waits for.

The driver tells neither the transaction status nor whether a connection is alive: both are kept here, by what was sent
and how it ended. Nor does it stop a statement whose waiting task is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import current_task
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.psqlpy import _errors as errors
from sqlspec.adapters.psqlpy._native import Error, psqlpy
from sqlspec.adapters.psqlpy._wait import Wait
from sqlspec.driver._aio import has_failed, look_at
from sqlspec.driver._async_driver import AsyncDriver
from sqlspec.exceptions import is_stale_statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlspec.adapters.psqlpy._connect import Link
    from sqlspec.driver._types import DriverStatus
    from sqlspec.exceptions import ErrorInfo

__all__ = ("Calling",)

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds in which an interrupted statement has to end on the server."""

CLOSING = 1.0
"""Seconds for stopping what a connection still runs when it is closed."""

SHORT = 0.005
"""Seconds that a statement may take to end by itself, before a connection is opened to stop it."""

AGAIN = 0.1
"""Seconds until a request to stop is made again: one that comes between two statements of a batch stops neither."""


class Calling(AsyncDriver):
    """The part of the adapter that every call goes through."""

    __slots__ = (
        "_asking",
        "_before",
        "_caller",
        "_closed",
        "_cut",
        "_fetch",
        "_flawless",
        "_link",
        "_request",
        "_status",
        "_stop",
        "_unsettled",
    )

    native_errors = (Error,)
    has_threads = True
    movable = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._fetch: Callable[..., Awaitable[Any]] = link.connection.fetch
        self._status: DriverStatus = "idle"
        # No call has failed since BEGIN, so the server cannot have aborted the transaction.
        self._flawless = False
        self._closed = False
        self._caller: asyncio.Task[Any] | Wait[Any] | None = None
        self._before = 0  # cancellations of that task that are older than its call
        self._cut = False  # by `abort`, not by whoever cancels the calling task
        self._unsettled = False  # the server may still be running what was given up
        self._stop: asyncio.Task[None] | None = None  # of what was given up
        self._asking: Wait[None] | None = None  # what a failure has left behind
        self._request: asyncio.Task[None] | None = None  # of `cancel`, to stop what is still waited for

    def is_closed(self) -> bool:
        return self._closed

    def status(self) -> DriverStatus:
        return "unknown" if self._closed else self._status

    def error_info(self, error: BaseException) -> ErrorInfo:
        return errors.error_info(error, self._closed)

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return errors.connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return self._closed or errors.is_lost(error)

    async def close(self) -> None:
        if self._caller is not None and not self._closed:
            # The driver would keep the connection until the server has answered.
            with contextlib.suppress(Error, TimeoutError):
                async with asyncio.timeout(CLOSING):
                    await _cancel_backend(self._link.arguments, self._link.pid)
        self.abort()

    # -- stopping ---------------------------------------------------------------------------------

    async def cancel(self) -> None:
        # The call itself goes on waiting: the server may have finished it by then, and must be believed.
        if self._caller is not None and (self._request is None or has_failed(self._request)):
            request = asyncio.ensure_future(_cancel_backend(self._link.arguments, self._link.pid))
            request.add_done_callback(look_at)
            self._request = request
            await asyncio.wait((request,), timeout=PATIENCE)
            if request.done() and not request.cancelled():
                request.result()
            elif request is self._request:
                request.cancel()
                self.abort()  # the server is out of reach

    async def _let_request_pass(self) -> None:
        """Wait until a request of `cancel` can hit nothing that is sent from now on.

        Raises:
            Error: It came too late for the statement, and has aborted the transaction.
        """
        self._flawless = False
        while (request := self._request) is not None:
            await asyncio.wait((request,), timeout=PATIENCE)
            request.cancel()
            if self._closed:
                raise errors.lost()
            behind = self._caller = Wait(self._link.connection.execute_batch("select 1"))
            try:
                await behind
            except Error as error:
                if self._status == "active" or errors.is_lost(error):
                    raise
            finally:
                if self._request is request:  # else it had failed, and there is another one
                    self._request = None

    def heed_request(self) -> None:
        """End a call of several statements that `cancel` wants to stop: its request may come between two of them.

        Raises:
            DatabaseError: As the server says it of a statement.
        """
        if self._request is not None:
            raise errors.refusal("canceling statement due to user request")

    def abort(self) -> None:
        # The socket itself is out of reach: the driver drops it once the server has answered what it was asked.
        self._shut()
        aside = self._stop or self._asking
        if aside is not None:
            aside.cancel()
        elif self._caller is not None and not self._cut:
            self._cut = True
            self._caller.cancel()

    def _shut(self) -> None:
        self._closed = True
        if self._caller is None:  # else the call does it when it ends: closed while it prepares, the driver panics
            self._link.connection.close()

    async def ping(self) -> None:
        await self.run(self._link.connection.execute_batch("select 1"))

    async def settle(self) -> None:
        if self._unsettled and not self._closed:
            await self._stop_server()
        if self._unsettled or self._closed:
            raise errors.lost()
        await super().settle()

    async def run(self, operation: Awaitable[T]) -> T:
        """Await an operation of the driver so that it can be stopped; `execute` does the same in place.

        Args:
            operation: What to await: a `Wait` where it may change over to another task meanwhile, as a COMMIT does.
        """
        if isinstance(operation, Wait):
            self._caller = operation
        else:
            caller = self._caller = current_task()
            self._before = caller.cancelling() if caller is not None else 0
        try:
            answer = await operation
            if self._request is not None:
                await self._let_request_pass()
            return answer
        except asyncio.CancelledError:
            await self._absorb_stop()
            raise
        except BaseException as error:
            failure = await self.failed(error)
            raise failure from error.__cause__
        finally:
            self._caller = None
            if self._cut:  # the answer was faster than `abort`
                self._cut = False
                self._shut()

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        rows: list[tuple[str | None, ...]] = (await self.run(self._fetch(text, None, False))).result(None, True)
        return rows

    async def failed(self, error: BaseException) -> BaseException:
        """Note what a failure means for the connection; return the one to raise."""
        self._caller = None
        self._flawless = False
        failure = self.note(error)
        if isinstance(failure, Error) and not self._closed and (self._request or self._status == "unknown"):
            asking = self._asking = Wait(self._find_out())
            try:
                await asking
            except asyncio.CancelledError:
                if self._closed:  # by `abort`
                    raise errors.lost() from error
                raise
            finally:
                self._asking = None
        return failure

    async def _find_out(self) -> None:
        """Find out what a failure has left behind."""
        if self._request is not None:
            self._unsettled = True  # should this be interrupted
            with contextlib.suppress(Error):
                await self._let_request_pass()
            self._unsettled, self._caller = False, None
        if self._status == "unknown":
            await self.find_status()

    async def is_refused(self, probe: str) -> bool:
        """Tell whether the server refuses a prepared statement before anything of it runs, as one that is stale."""
        try:
            await self.run(self._link.connection.execute_batch(probe))
        except Error as error:
            return is_stale_statement(None, self.error_info(error).message)
        return False

    async def find_status(self) -> None:
        """Ask the server for the transaction status: by what it refuses, in whatever language."""
        probe = self._link.connection.execute_batch
        try:
            await probe("select 1")
        except Error as error:
            if errors.is_lost(error):
                self._closed = True
                raise
            self._status = "failed"
            return
        try:
            await probe("savepoint sqlspec_probe")
        except Error:
            self._status = "idle"
            return
        await probe("release sqlspec_probe")
        self._status = "active"

    def note(self, error: BaseException) -> BaseException:
        """Note what an error means for the connection; return the one to raise."""
        if errors.is_panic(error):
            self._shut()
            return errors.panicked(error)
        if isinstance(error, Error):
            if errors.is_lost(error):
                self._closed = True
            elif self._status == "active" and errors.read(error).severity:
                self._status = "failed"  # what the driver refuses by itself never reaches the server
        return error

    async def _absorb_stop(self) -> None:
        """Stop on the server what nobody waits for any more. The driver itself leaves it running.

        Raises:
            DatabaseError: It was `abort` that stopped it, and not a cancellation of the task.
        """
        caller, self._caller = self._caller, None
        cut, self._cut = self._cut, False
        self._unsettled = True
        self._flawless = False
        if not self._closed:
            await self._stop_server()
        if self._unsettled:
            self.abort()
        if cut and caller is not None and (isinstance(caller, Wait) or caller.uncancel() == self._before):
            raise errors.lost()

    async def _stop_server(self) -> None:
        """Stop the statement and wait until its answer is out of the way, if that can be had."""
        # One that was interrupted itself is still under way: its request must not come behind our back.
        task = self._stop = self._stop or asyncio.get_running_loop().create_task(self._drain())
        await asyncio.wait((task,), timeout=PATIENCE)
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        self._stop = None

    async def _drain(self) -> None:
        # What is sent behind the statement is answered after it.
        behind = asyncio.ensure_future(self._probe())
        request, self._request = self._request, None
        try:
            await asyncio.wait((behind,), timeout=SHORT)
            while not behind.done():
                await _cancel_backend(self._link.arguments, self._link.pid)
                await asyncio.wait((behind,), timeout=AGAIN)
            await behind
            if request is not None:
                await asyncio.wait((request,))
            await self._probe()  # for a request that came too late for the statement and has hit what was behind it
            if self._status == "unknown":
                await self.find_status()
        except Error:
            return  # without a second connection, or with the first one lost: it stays unsettled
        finally:
            self._stop = None  # whoever waits for it may be gone, and the next one must not take it for his own
            behind.cancel()
            if request is not None:
                request.cancel()
        self._unsettled = False

    async def _probe(self) -> None:
        try:
            await self._link.connection.execute_batch("select 1")
        except Error as error:
            if errors.is_lost(error):
                self._closed = True
                raise
            if self._status == "active":
                self._status = "failed"


async def _cancel_backend(arguments: dict[str, Any], pid: int) -> None:
    """Ask the server, over a connection that is opened for it, to stop what a backend runs.

    When this returns, the signal has been sent: it can hit the next statement that is under way, but none after it.
    """
    helper = await psqlpy.connect(**arguments)
    try:
        await helper.fetch(f"select pg_catalog.pg_cancel_backend({pid:d})", None, False)
    finally:
        helper.close()
