"""Waiting for the driver, asynchronous flavour. `_sio` has the same names; generated code differs in nothing else."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.pyro_postgres._errors import lost, stopped
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS, AsyncNative
from sqlspec.adapters.pyro_postgres.spec import ASYNC_SPEC as SPEC
from sqlspec.driver._aio import GRACE, Shielded, has_failed, look_at, uninterrupted
from sqlspec.exceptions import ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlspec.adapters.pyro_postgres._async_wire import AsyncWire
    from sqlspec.adapters.pyro_postgres._connect import Target

__all__ = (
    "LIMITS_ITSELF",
    "SPEC",
    "TASKS",
    "Stopper",
    "close_connection",
    "finish",
    "in_time",
    "open_connection",
    "start",
)

T = TypeVar("T")

LIMITS_ITSELF = False

TASKS = True
"""Whether waiting is done by tasks of an event loop."""

_REACH = 1.0
"""Seconds in which the server must be told to stop a statement."""

_PATIENCE = 3.0
"""Seconds in which a request of `cancel` has to reach the server."""

_CLOSING = 2.0

_FAILURES: tuple[type[Exception], ...] = (TimeoutError, *NATIVE_ERRORS)

_at_exit: list[float] = []


def _settle_at_exit() -> None:
    # The driver's own thread may still hold an object of a connection that was closed just now; letting it go while
    # the interpreter ends aborts the process.
    if not _at_exit:
        _at_exit.append(0.05)
        atexit.register(time.sleep, _at_exit[0])


async def in_time(target: Target, seconds: float | None, step: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Await all that opening a connection takes, within a limit.

    Raises:
        ConnectionTimeoutError: The server did not answer in time.
    """
    try:
        async with asyncio.timeout(seconds):
            return await step()
    except TimeoutError:
        raise ConnectionTimeoutError("the server did not answer within connect_timeout; check host and port") from None


async def open_connection(target: Target) -> tuple[Any, int]:
    """Open a connection of the driver; return it with the process ID of its backend."""
    _settle_at_exit()
    future = start(_open(target))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_let_go)
        raise


async def _open(target: Target) -> tuple[Any, int]:
    connection: Any = await AsyncNative.new(target.opts)
    return connection, await connection.id()


def _let_go(future: asyncio.Future[tuple[Any, int]]) -> None:
    """Close a connection that came too late."""
    if not future.cancelled() and future.exception() is None:
        future.result()[0].close().add_done_callback(look_at)


async def close_connection(connection: Any) -> None:
    """Close a connection of the driver; a silent server is not waited for."""
    future = connection.close()
    future.add_done_callback(look_at)
    try:
        async with asyncio.timeout(_CLOSING):
            await asyncio.shield(future)
    except _FAILURES:
        pass


def start(call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start several steps of the driver that must not be parted by a cancellation."""
    return asyncio.get_running_loop().create_task(call)


async def finish(future: asyncio.Future[T], wire: AsyncWire) -> T:
    """Wait for a call of the driver. Cancelled, stop it on the server and wait for its end all the same."""
    stopper = wire.stopper
    shield: Shielded[T] = Shielded(future)
    stopper.waits = shield
    try:
        answer = await shield
        if stopper.request is not None:
            stopper.waits = None  # it has ended: another request would be left for whoever uses the connection next
            await wire.settle()
            if stopper.heeding:
                stopper.failure = asyncio.CancelledError()  # the server knows nothing of it
                raise stopped()
        return answer
    except BaseException as error:
        future.add_done_callback(look_at)
        if isinstance(error, asyncio.CancelledError):
            await uninterrupted(lambda: stopper.stop(future), GRACE + _REACH)
        raise
    finally:
        stopper.waits = None  # it would keep the answer as long as the connection is idle


class Stopper:
    """Stops what a connection runs, by another connection that is opened for it.

    Attributes:
        failure: How the call ended that was stopped last.
        abandoned: It did not end, so the connection is of no use any more.
        asked: How often `cancel` was called.
        heeding: The running call has more statements to come: one that ended before it was stopped ends it too.
        request: Of `cancel`, under way. The call that it is meant for waits for it, also when it has ended by itself.
        waits: The wait for what the connection runs.
    """

    __slots__ = ("_given_up", "_pid", "_target", "abandoned", "asked", "failure", "heeding", "request", "waits")

    def __init__(self, target: Target, pid: int) -> None:
        self._target = target
        self._pid = pid
        self._given_up: asyncio.Future[None] | None = None
        self.waits: Shielded[Any] | None = None
        self.failure: BaseException | None = None
        self.abandoned = False
        self.asked = 0
        self.heeding = False
        self.request: asyncio.Task[None] | None = None

    async def cancel(self) -> None:
        """Cancel what the connection runs, whoever waits for it."""
        self.asked += 1
        if self.waits is None or (self.request is not None and not has_failed(self.request)):
            return
        request = self.request = start(self.tell_server("pg_cancel_backend"))
        request.add_done_callback(look_at)
        await asyncio.wait((request,), timeout=_PATIENCE)
        if request.done() and not request.cancelled():
            request.result()
        elif request is self.request:
            self.give_up()  # the server is out of reach

    async def let_request_pass(self) -> bool:
        """Wait until a request of `cancel` has reached the server, or failed; `False` when that takes too long."""
        request = self.request
        if request is None:
            return True
        await asyncio.wait((request,), timeout=_PATIENCE)
        passed = request.done()
        request.cancel()
        self.request = None
        return passed

    async def stop(self, future: asyncio.Future[Any]) -> None:
        """Cancel the statement on the server; return when the call has ended or is given up."""
        self._given_up = asyncio.get_running_loop().create_future()
        self.abandoned, on_its_way = True, False
        if not future.done():
            try:
                async with asyncio.timeout(_REACH):
                    await self.tell_server("pg_cancel_backend")
            except TimeoutError:
                on_its_way = True  # it could hit a later statement
            except NATIVE_ERRORS:
                pass
            await asyncio.wait((future, self._given_up), timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        self._given_up.cancel()
        self._given_up = None
        if future.done():
            self.abandoned = on_its_way
            self.failure = None if future.cancelled() else future.exception()

    def give_up(self) -> None:
        """Let nobody wait any longer for what the connection runs. It must not be used again."""
        if self._given_up is not None and not self._given_up.done():
            self._given_up.set_result(None)
        elif self.waits is not None:
            self.waits.interrupt(lost("the connection was given up in the middle of a call"))

    async def tell_server(self, function: str) -> None:
        """Call an administrative function for the backend of the connection."""
        opening = start(_open(self._target))
        try:
            control, _ = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_let_go)
            raise
        telling = control.query_drop(f"select pg_catalog.{function}({self._pid})")
        try:
            await asyncio.shield(telling)
        finally:
            telling.add_done_callback(look_at)
            await close_connection(control)

    async def cut(self) -> None:
        """Let the server end the connection, in the middle of a call."""
        with contextlib.suppress(*_FAILURES):
            async with asyncio.timeout(_REACH):
                await self.tell_server("pg_terminate_backend")
