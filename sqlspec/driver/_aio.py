"""Waiting, asynchronous flavour. `_sio` has the same names for threads; generated code differs in nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
    from types import TracebackType
    from typing import Self

    from sqlspec.core.result import SQLResult
    from sqlspec.driver._async_driver import AsyncDriver

__all__ = (
    "GRACE",
    "WHO_BELONGS",
    "AsyncExecution",
    "AsyncReaderData",
    "Background",
    "Expired",
    "Owner",
    "Timer",
    "Turn",
    "Waiter",
    "begin_execution",
    "blocking",
    "call_with_timeout",
    "closing",
    "current_name",
    "current_runner",
    "finished",
    "is_gone",
    "later",
    "sleep",
    "uninterrupted",
)

P = ParamSpec("P")
T = TypeVar("T")

WHO_BELONGS = "tasks started inside the transaction"

blocking = asyncio.to_thread
sleep = asyncio.sleep
Timer = asyncio.TimerHandle

GRACE = 3.0
"""Seconds between the attempt to stop a statement and cutting the connection."""

_STOPPING = 1.0


def closing(items: AsyncIterator[T]) -> contextlib.AbstractAsyncContextManager[AsyncIterator[T]]:
    """Close a generator at the end of a `with` block."""
    return contextlib.aclosing(cast("AsyncGenerator[T, None]", items))


class Expired(Exception):
    """A time limit passed, and the operation has ended because of it."""


def current_name() -> str:
    """Return the name of the running task, for messages."""
    task = asyncio.current_task()
    return f"task {task.get_name()!r}" if task is not None else "no task"


def current_runner() -> object:
    """Return what a pool's connections are bound to: the running event loop."""
    return asyncio.get_running_loop()


def is_gone(runner: object) -> bool:
    """Tell whether an event loop is closed, so that nothing can wait in it any more."""
    return isinstance(runner, asyncio.AbstractEventLoop) and runner.is_closed()


def later(seconds: float, callback: Callable[[], object]) -> Timer:
    """Call `callback` after `seconds`; the handle's `cancel()` prevents it."""
    return asyncio.get_running_loop().call_later(seconds, callback)


async def call_with_timeout(
    seconds: float, driver: AsyncDriver, operation: Callable[..., Awaitable[T]], *args: Any
) -> T:
    """Await `operation(*args)`; cancel the wait after `seconds`, cut the connection when that does not help.

    A driver stops the server's work when its wait is cancelled, so `driver.cancel()` is not called here.

    Raises:
        Expired: The limit passed.
    """
    scope = asyncio.timeout(seconds)
    last_resort = later(seconds + GRACE, driver.abort)
    try:
        async with scope:
            return await operation(*args)
    except Exception as error:
        if scope.expired():  # also when the connection had to be cut, which fails in the driver's own way
            raise Expired from (None if isinstance(error, TimeoutError) else error)
        raise
    finally:
        last_resort.cancel()


async def uninterrupted(
    operation: Callable[[], Coroutine[Any, Any, T]],
    grace: float = 5.0,
    give_up: Callable[[], object] | None = None,
) -> T:
    """Await `operation()` to its end even if this task is cancelled meanwhile, then let the cancellation go on.

    After `grace` seconds beyond the cancellation it is cancelled too: a silent server must not hold the task. When that
    does not end it within a second, `give_up()` is called, which must.
    """
    task = asyncio.get_running_loop().create_task(operation())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        if not task.done():
            await asyncio.wait((task,), timeout=grace)
        if not task.done():
            task.cancel()
            if give_up is not None:
                await asyncio.wait((task,), timeout=_STOPPING)
                give_up()
            await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()) is not None:
            raise cancelled from error  # whoever cancelled must see it end, so the failure is only the cause
        raise


async def finished(function: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """Call a function that may block, in a worker thread; a cancellation goes on when it has ended."""
    return await uninterrupted(lambda: asyncio.to_thread(function, *args, **named))


_entered: ContextVar[tuple[Owner, ...]] = ContextVar("sqlspec_owners", default=())


class Owner:
    """The context that something belongs to: its task, and the tasks started inside, which inherit its variables."""

    __slots__ = ("_gone",)

    def __init__(self) -> None:
        self._gone = False
        # Those that ended in other contexts are dropped here, so that the tuple cannot grow.
        _entered.set((*(owner for owner in _entered.get() if not owner._gone), self))

    def is_here(self) -> bool:
        """Tell whether the running code is in the context."""
        return self in _entered.get()

    def leave(self) -> None:
        """Give up the ownership, in this context and, sooner or later, in those that inherited it."""
        self._gone = True
        _entered.set(tuple(owner for owner in _entered.get() if owner is not self))


class Waiter:
    """A one-shot signal that one task waits for.

    Attributes:
        gift: What came with the signal.
    """

    __slots__ = ("_future", "gift")

    def __init__(self) -> None:
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gift: Any = None

    @property
    def woken(self) -> bool:
        return self._future.done() and not self._future.cancelled()

    def wake(self, gift: Any = None) -> bool:
        """Wake the waiting task; tell whether somebody was there to be woken."""
        if self._future.done():
            return False
        self.gift = gift
        self._future.set_result(None)
        return True

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the signal; `False` when `seconds` passed first."""
        if seconds is None:
            await self._future
            return True
        await asyncio.wait((self._future,), timeout=seconds)
        if self._future.done():
            return True
        self._future.cancel()
        return False

    def abandon(self) -> None:
        """Refuse the signal from now on."""
        self._future.cancel()


class Turn:
    """First come, first served. `lock.acquire(False)` costs no frame of ours; only a loser calls `wait`.

    A turn is handed over while the lock stays taken, so nobody can overtake a waiter.
    """

    __slots__ = ("lock", "waiters")

    def __init__(self) -> None:
        self.lock = Lock()
        self.waiters: deque[Waiter] = deque()

    async def wait(self) -> None:
        waiter = Waiter()
        self.waiters.append(waiter)
        try:
            await waiter.wait()
        except BaseException:
            if waiter.woken:
                self.pass_on()
            else:
                waiter.abandon()
                with contextlib.suppress(ValueError):
                    self.waiters.remove(waiter)
            raise

    def taken(self) -> bool:
        """Tell whether a call runs."""
        return self.lock.locked()

    def check(self) -> None:
        """Do nothing."""

    def enter(self, method: str) -> None:
        """Do nothing: what reads rows for a batch cannot await a session."""

    def leave(self) -> None:
        """Do nothing."""

    def pass_on(self) -> None:
        """Give the turn to the next waiter, or free the lock."""
        waiters = self.waiters
        while waiters:
            if waiters.popleft().wake():
                return
        self.lock.release()


class Background:
    """Work that nobody waits for, such as resetting a connection after its return."""

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, operation: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        task = asyncio.get_running_loop().create_task(operation(*args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float | None) -> None:
        """Wait until all work is done, at most `seconds`; then cancel what is left."""
        if not self._tasks:
            return
        _, pending = await asyncio.wait(tuple(self._tasks), timeout=seconds)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)


class AsyncReaderData:
    """How the batches of an Arrow reader are had: by iterating over it."""

    __slots__ = ()

    def get_data(self) -> Self:
        """Return the reader itself; there is no object of pyarrow that can wait for its batches without blocking."""
        return self


class AsyncExecution(Coroutine[Any, Any, "SQLResult[T]"], Generic[T]):
    """A statement about to run: await it for its `SQLResult`, or await one of its result methods.

    Example:
        `rows = await session.execute("select 1 as n").all()`
    """

    __slots__ = ("_call",)

    def __init__(self, call: Coroutine[Any, Any, SQLResult[T]]) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, Any, SQLResult[T]]:
        return self._call.__await__()

    def send(self, value: Any, /) -> Any:
        return self._call.send(value)

    def throw(self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None, /) -> Any:
        return self._call.throw(typ) if val is None and tb is None else self._call.throw(typ, val, tb)

    def close(self) -> None:
        self._call.close()

    async def all(self) -> list[T]:
        """Run the statement and return every row."""
        return (await self._call).all()

    async def one(self) -> T:
        """Run the statement and return its only row."""
        return (await self._call).one()

    async def one_or_none(self) -> T | None:
        """Run the statement and return its only row, or `None`."""
        return (await self._call).one_or_none()

    async def first(self) -> T | None:
        """Run the statement and return its first row, or `None`."""
        return (await self._call).first()

    async def scalar(self) -> Any:
        """Run the statement and return the first column of its only row."""
        return (await self._call).scalar()

    async def scalar_or_none(self) -> Any:
        """Run the statement and return the first column of its only row, or `None`."""
        return (await self._call).scalar_or_none()


begin_execution = AsyncExecution
