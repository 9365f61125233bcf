"""Waiting, asynchronous flavour. `_sio` has the same names for threads; generated code differs in nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from contextvars import ContextVar
from functools import partial
from threading import Lock
from types import coroutine
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
    from contextvars import Context
    from types import TracebackType
    from typing import Self

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from sqlspec.core.result import SQLResult
    from sqlspec.driver._async_driver import AsyncDriver

__all__ = (
    "GRACE",
    "PREEMPTIVE",
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
    "begun",
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
S = TypeVar("S")

WHO_BELONGS = "tasks started inside the transaction"

PREEMPTIVE = False
"""Whether another call can come in between at any point: only where this one waits."""

blocking = asyncio.to_thread
sleep = asyncio.sleep
Timer = asyncio.TimerHandle

current_runner: Callable[[], object] = asyncio.get_running_loop
"""Returns what a pool's connections are bound to: the running event loop."""

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
    return _name_of(asyncio.current_task())


def _name_of(task: asyncio.Task[Any] | None) -> str:
    return f"task {task.get_name()!r}" if task is not None else "no task"


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


class Shielded(Generic[T]):
    """Wait for a future that a cancellation of the waiting task does not reach.

    `asyncio.shield` does the same with a second future, which costs a turn of the event loop. A task waits for any
    object that has these methods, and asks that object to cancel.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_error", "_future", "_wake", "get_loop")

    def __init__(self, future: asyncio.Future[T]) -> None:
        self._future = future
        self.get_loop = future.get_loop
        self._asyncio_future_blocking = False
        self._wake: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self._error: BaseException | None = None

    def __await__(self) -> Generator[Any, None, T]:
        if not self._future.done():
            self._asyncio_future_blocking = True
            yield self
            if self._error is not None and not self._future.done():
                raise self._error  # whoever runs these steps has sent the task on without throwing what woke it
        return self._future.result()

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context | None = None) -> None:
        self._wake, self._context = wake, context
        self._future.add_done_callback(wake, context=context)

    def cancel(self, msg: object = None) -> bool:
        """Wake the task instead of cancelling the future. `False` when the task is about to wake already."""
        error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        woken = self.interrupt(error)
        self._error = self._error or error  # noted in any case: the future may have been cancelled too
        return woken

    def interrupt(self, error: BaseException) -> bool:
        """Let the wait raise an error. `False` when it is about to end already."""
        wake, future = self._wake, self._future
        if wake is None or future.done():
            return False
        self._wake = None  # a second wake would reach the task wherever it waits by then
        self._error = error
        future.remove_done_callback(wake)
        future.get_loop().call_soon(wake, self, context=self._context)
        return True

    def cancelled(self) -> bool:
        return self._future.cancelled()

    def result(self) -> NoReturn:
        """Answer a task that was woken by `cancel` or `interrupt`."""
        raise self._error or asyncio.CancelledError


def begun(call: Coroutine[Any, Any, T]) -> Callable[[], Awaitable[T]]:
    """Run a call up to where it waits first. What this task does from then on, it does while the server works.

    Returns:
        What waits for its end. To be called soon, and awaited at once.
    """
    try:
        future = call.send(None)
    except StopIteration as end:
        return partial(_answered, end.value)
    return partial(_further_steps, call, future)


async def _answered(answer: T) -> T:
    return answer


def uninterrupted(
    operation: Callable[[], Coroutine[Any, Any, T]],
    grace: float = 5.0,
    give_up: Callable[[], object] | None = None,
    *,
    movable: bool = False,
    after: Callable[[T], object] | None = None,
) -> Awaitable[T]:
    """Await `operation()` to its end even if this task is cancelled meanwhile, then let the cancellation go on.

    After `grace` seconds beyond the cancellation it is cancelled too: a silent server must not hold the task. When that
    does not end it within a second, `give_up()` is called, which must.

    Args:
        operation: What to await.
        grace: Seconds.
        give_up: Called from the event loop.
        movable: It does not matter to the operation in which task it runs, nor when that changes: it waits for futures
            alone, and uses no `asyncio.timeout`. Then it gets a task of its own only if this one is cancelled.
        after: Called with what the operation returns when this task was cancelled, and so gets only that to know.
    """
    return (_in_place if movable else _apart)(operation(), grace, give_up, after)


async def _apart(
    call: Coroutine[Any, Any, T],
    grace: float,
    give_up: Callable[[], object] | None,
    after: Callable[[T], object] | None,
) -> T:
    """Run a coroutine in a task of its own."""
    task = asyncio.get_running_loop().create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        await _end(task, cancelled, grace, give_up, after)


@coroutine
def _in_place(
    call: Coroutine[Any, Any, T],
    grace: float,
    give_up: Callable[[], object] | None,
    after: Callable[[T], object] | None,
) -> Generator[Any, None, T]:
    """Run a coroutine in this task; a cancellation does not reach what it waits for, and moves it to another."""
    try:
        while True:
            future = call.send(None)  # a failure of what it waited for is found there by the coroutine itself
            shield: Any = future
            if future is not None and not isinstance(future, Shielded):
                future._asyncio_future_blocking = False
                shield = Shielded(future)
                shield._asyncio_future_blocking = True
            try:
                yield shield
            except asyncio.CancelledError as cancelled:
                if future is None or shield._error is not None or not future.cancelled():
                    task = asyncio.get_running_loop().create_task(_moved(call, future))
                    yield from _end(task, cancelled, grace, give_up, after).__await__()
            except GeneratorExit:
                call.close()
                raise
            except BaseException:
                continue
    except StopIteration as end:
        answer: T = end.value
        return answer


async def _moved(call: Coroutine[Any, Any, T], future: Any) -> T:
    return await _further_steps(call, future)  # a task takes no generator


@coroutine
def _further_steps(call: Coroutine[Any, Any, T], future: Any) -> Generator[Any, None, T]:
    """Go on with a coroutine that waits for `future`."""
    try:
        while True:
            if future is not None:
                future._asyncio_future_blocking = True
            try:
                yield future
            except GeneratorExit:
                call.close()
                raise
            except BaseException as error:
                future = call.throw(error)
            else:
                future = call.send(None)
    except StopIteration as end:
        answer: T = end.value
        return answer


async def _end(
    task: asyncio.Task[T],
    cancelled: asyncio.CancelledError,
    grace: float,
    give_up: Callable[[], object] | None,
    after: Callable[[T], object] | None,
) -> NoReturn:
    """Wait for a task on behalf of one that was cancelled, then go on with the cancellation."""
    await _last_wait(task, grace, give_up)
    if task.cancelled():
        raise cancelled
    failure = task.exception()
    if failure is not None:
        raise cancelled from failure  # whoever cancelled must see it end, so the failure is only the cause
    if after is not None:
        after(task.result())
    raise cancelled


async def _last_wait(task: asyncio.Task[Any], grace: float, give_up: Callable[[], object] | None) -> None:
    """Wait until a task has ended, and end it when that takes too long."""
    task.add_done_callback(look_at)  # for who is cancelled here once more, and does not look
    if not task.done():
        await asyncio.wait((task,), timeout=grace)
    if not task.done():
        task.cancel()
        if give_up is not None:
            await asyncio.wait((task,), timeout=_STOPPING)
            give_up()
        await asyncio.wait((task,))


def look_at(future: asyncio.Future[Any]) -> None:
    """Take note of a failure that nobody may wait for, which asyncio would report otherwise."""
    if not future.cancelled():
        future.exception()


def has_failed(future: asyncio.Future[Any]) -> bool:
    """Tell whether a future has ended with an error."""
    return future.done() and not future.cancelled() and future.exception() is not None


async def finished(function: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """Call a function that may block, in a worker thread; a cancellation goes on when it has ended."""
    return await uninterrupted(lambda: asyncio.to_thread(function, *args, **named))


_innermost: ContextVar[Owner | None] = ContextVar("sqlspec_owner", default=None)


class Owner:
    """The context that something belongs to: its task, and the tasks started inside, which inherit its variables."""

    __slots__ = ("_gone", "_outer", "_task")

    def __init__(self) -> None:
        self._gone = False
        self._task = asyncio.current_task()
        self._outer = _innermost.get()
        _innermost.set(self)
        inner = self
        while (outer := inner._outer) is not None:  # without those that have left, so that the chain cannot grow
            if outer._gone:
                inner._outer = outer._outer
            else:
                inner = outer

    @property
    def name(self) -> str:
        """The name of the task, for messages."""
        return _name_of(self._task)

    def is_here(self) -> bool:
        """Tell whether the running code is in the context."""
        entered = _innermost.get()
        while entered is not None and entered is not self:
            entered = entered._outer
        return entered is not None and not self._gone

    def leave(self) -> None:
        """Give up the ownership, in this context and in those that inherited it."""
        self._gone = True
        self._task = None


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


_NOBODY: deque[Waiter] = deque(maxlen=0)


class Turn:
    """First come, first served. To set and unset `taken` costs no call; only a loser calls `wait`.

    A turn is handed over while it stays taken, so nobody can overtake a waiter.
    """

    __slots__ = ("taken", "waiters")

    lock: Lock  # where threads take turns

    def __init__(self) -> None:
        self.taken = False
        self.waiters = _NOBODY  # few sessions are shared by tasks

    async def wait(self) -> None:
        if self.waiters is _NOBODY:
            self.waiters = deque()
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

    def is_taken(self) -> bool:
        """Tell whether a call runs."""
        return self.taken

    def check(self) -> None:
        """Do nothing."""

    def enter(self, method: str) -> None:
        """Do nothing: what reads rows for a batch cannot await a session."""

    def leave(self) -> None:
        """Do nothing."""

    def pass_on(self) -> None:
        """Give the turn to the next waiter, if there is one."""
        waiters = self.waiters
        while waiters:
            if waiters.popleft().wake():
                return
        self.taken = False


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

    @overload
    async def get_data(self, *, schema_type: type[S]) -> list[S]: ...
    @overload
    async def get_data(self, *, schema_type: None = None) -> list[T]: ...
    async def get_data(self, *, schema_type: Any = None) -> Any:
        """Run the statement and return every row, converted to `schema_type` if one is given."""
        return (await self._call).get_data(schema_type=schema_type)

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

    async def to_arrow(self) -> pa.Table:
        """Run the statement and return its rows as a `pyarrow.Table`."""
        return (await self._call).to_arrow()

    async def to_pandas(self) -> pd.DataFrame:
        """Run the statement and return its rows as a pandas DataFrame."""
        return (await self._call).to_pandas()

    async def to_polars(self) -> pl.DataFrame:
        """Run the statement and return its rows as a polars DataFrame."""
        return (await self._call).to_polars()


begin_execution = AsyncExecution
