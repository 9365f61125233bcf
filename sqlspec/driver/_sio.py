"""Waiting, thread flavour: the same names as `_aio`, used by the generated synchronous code."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import os
import threading
import time
from _thread import RLock  # what `threading.RLock` calls, one function deeper
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from sqlspec.core.result import SQLResult
from sqlspec.driver._forks import after_fork
from sqlspec.exceptions import OperationalError, OperationCancelledError, error_class, is_statement_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import pyarrow as pa

    from sqlspec.driver._sync_driver import SyncDriver

__all__ = (
    "GRACE",
    "PREEMPTIVE",
    "WHO_BELONGS",
    "Background",
    "Expired",
    "Owner",
    "SyncExecution",
    "SyncReaderData",
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

WHO_BELONGS = "the thread that opened it"

PREEMPTIVE = True
"""Whether another call can come in between at any point: that of another thread."""

_log = logging.getLogger("sqlspec")

current_runner: Callable[[], object] = os.getpid
"""Returns what a pool's connections are bound to: the process, because sockets do not survive a fork."""

_LONGEST_WAIT = 3600.0
_SWEEP_AT = 1024
"""Timers in the heap at which cancelled ones are looked for: most are cancelled long before their time."""

GRACE = 3.0
"""Seconds between the attempt to stop a statement and cutting the connection."""

sleep = time.sleep
SyncExecution = SQLResult


def blocking(function: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """Call a function that may block, here: this thread waits anyway."""
    return function(*args, **named)


finished = blocking


def begin_execution(result: SQLResult[T]) -> SQLResult[T]:
    """Return the result as it is: a synchronous statement has already run."""
    return result


def closing(items: Iterator[T]) -> contextlib.AbstractContextManager[Iterator[T]]:
    """Close a generator at the end of a `with` block."""
    return contextlib.closing(cast("Generator[T, None, None]", items))


class Expired(Exception):
    """A time limit passed, and the operation has ended because of it."""


def current_name() -> str:
    """Return the name of the running thread, for messages."""
    return _name_of(threading.current_thread())


def _name_of(thread: threading.Thread) -> str:
    return f"thread {thread.name!r}"


def is_gone(runner: object) -> bool:
    """Tell that a process is there: it does not outlive itself."""
    return False


class Timer:
    """A callback that will run at a time, unless it is cancelled first."""

    __slots__ = ("_callback", "_done", "_lock", "fired")

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self._lock = threading.Lock()
        self._done = False
        self.fired = False

    @property
    def done(self) -> bool:
        """Whether it was cancelled or has fired."""
        return self._done

    def cancel(self) -> None:
        """Prevent the callback; when it is running now, wait until it has ended."""
        with self._lock:
            self._done = True

    def fire(self) -> None:
        with self._lock:
            if not self._done:
                self._done = self.fired = True
                self._callback()


class _Clock:
    """One daemon thread per process that fires timers; started by the first one."""

    def __init__(self) -> None:
        self._sweep_at = _SWEEP_AT
        self._reset()
        after_fork(self._reset)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = Timer(callback)
        self.start(seconds, timer)
        return timer

    def start(self, seconds: float, timer: Timer) -> None:
        due = time.monotonic() + seconds
        with self._changed:
            if len(self._heap) >= self._sweep_at:
                self._heap = [entry for entry in self._heap if not entry[2].done]
                heapq.heapify(self._heap)
                self._sweep_at = max(_SWEEP_AT, 2 * len(self._heap))
            # The heap comes last: a signal may end this anywhere, and what is first there must be waited for.
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="sqlspec-clock", daemon=True)
                thread.start()
                self._thread = thread
            elif not self._heap or due < self._heap[0][0]:
                self._changed.notify()
            heapq.heappush(self._heap, (due, next(self._order), timer))

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._heap or self._heap[0][0] > time.monotonic():
                    # Cut off, because a wait of more than TIMEOUT_MAX raises.
                    pause = min(self._heap[0][0] - time.monotonic(), _LONGEST_WAIT) if self._heap else None
                    self._changed.wait(pause)
                timer = heapq.heappop(self._heap)[2]
            # In a thread of its own: telling a server that does not answer must not delay the other timers.
            threading.Thread(target=_fire, args=(timer,), name="sqlspec-timer", daemon=True).start()


def _fire(timer: Timer) -> None:
    try:
        timer.fire()
    except Exception:
        _log.exception("a timer callback failed")


_clock = _Clock()
later = _clock.add


def call_with_timeout(seconds: float, driver: SyncDriver, operation: Callable[..., T], *args: Any) -> T:
    """Call `operation(*args)`; after `seconds` another thread calls `driver.cancel()`, which makes it fail.

    When the server cannot be told, or does not stop, the connection is cut. A driver whose calls cannot be stopped
    from another thread gets the limit before the call, for each of its statements.

    Raises:
        Expired: The limit passed and the operation failed because of it.
    """
    if driver.limits_itself:
        return _call_limited(seconds, driver, operation, *args)

    ended = False

    def stop() -> None:
        if ended:
            return
        try:
            driver.cancel()
        except Exception:
            driver.abort()
        else:
            timers.append(_clock.add(GRACE, cut))

    def cut() -> None:
        if not ended:
            driver.abort()

    timer = Timer(stop)
    timers = [timer]
    try:
        _clock.start(seconds, timer)
        result = operation(*args)
    except Exception as error:
        timer.cancel()
        if timer.fired:
            raise Expired from error
        raise
    finally:
        ended = True  # before anything that a signal can end: others use the connection afterwards
        for each in timers:  # the first waits for `stop`, so the list is complete when the second is looked for
            each.cancel()
    if timer.fired:
        try:
            driver.settle()  # it finished just before the cancel arrived, which must not hit the next statement
        except driver.native_errors as error:  # what it has left running, to read from, is hit
            raise Expired from error
    return result


def _call_limited(seconds: float, driver: SyncDriver, operation: Callable[..., T], *args: Any) -> T:
    until = time.monotonic() + seconds
    try:
        driver.limit(seconds)
        try:
            return operation(*args)
        finally:
            if not driver.is_closed():
                driver.limit(None)
    except driver.native_errors as error:
        info = driver.error_info(error)
        # Between two statements of a script the server forgets whose wish it is that it is about to fulfil.
        stopped = error_class(info.sqlstate) is OperationCancelledError and time.monotonic() >= until
        if stopped or is_statement_timeout(info):
            raise Expired from error
        raise


def begun(answer: T) -> Callable[[], T]:
    """Return what gives the answer of a call, which has ended already."""
    return lambda: answer


def uninterrupted(
    operation: Callable[[], T],
    grace: float = 5.0,
    give_up: Callable[[], object] | None = None,
    *,
    movable: bool = False,
    after: Callable[[T], object] | None = None,
) -> T:
    """Call `operation()`: a thread is not cancelled from outside."""
    return operation()


class Owner:
    """The thread that something belongs to."""

    __slots__ = ("_number", "_thread")

    def __init__(self) -> None:
        self._thread = threading.current_thread()
        self._number = threading.get_ident()

    @property
    def name(self) -> str:
        """The name of the thread, for messages."""
        return _name_of(self._thread)

    def is_here(self) -> bool:
        """Tell whether the running code is in the thread."""
        return threading.get_ident() == self._number

    def leave(self) -> None:
        """Give up the ownership."""
        self._number = -1


class SyncReaderData:
    """How the batches of an Arrow reader are had: by iterating over it, or through an object of pyarrow."""

    __slots__ = ()

    if TYPE_CHECKING:
        schema: pa.Schema
        return_format: str
        _entered: bool

        def __iter__(self) -> Iterator[pa.RecordBatch]: ...
        def abandon(self) -> None: ...

    def get_data(self) -> pa.RecordBatchReader | Iterator[pa.RecordBatch]:
        """Return a `pyarrow.RecordBatchReader`, or for `"batches"` an iterator."""
        return self._each() if self.return_format == "batches" else self._reader()

    def _reader(self) -> pa.RecordBatchReader:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self._each())

    def _each(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self
        except GeneratorExit:
            if not self._entered:  # else the `with` block closes it
                self.abandon()
            raise

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._reader().__arrow_c_stream__(requested_schema)


class Waiter:
    """A one-shot signal that one thread waits for.

    Attributes:
        gift: What came with the signal.
    """

    __slots__ = ("_abandoned", "_event", "_lock", "gift")

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._abandoned = False
        self.gift: Any = None

    @property
    def woken(self) -> bool:
        return self._event.is_set()

    def wake(self, gift: Any = None) -> bool:
        """Wake the waiting thread; tell whether somebody was there to be woken."""
        with self._lock:
            if self._abandoned or self._event.is_set():
                return False
            self.gift = gift
            self._event.set()
            return True

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the signal; `False` when `seconds` passed first."""
        if self._event.wait(seconds):
            return True
        with self._lock:
            if self._event.is_set():
                return True
            self._abandoned = True
            return False

    def abandon(self) -> None:
        """Refuse the signal from now on."""
        with self._lock:
            self._abandoned = True


class Turn:
    """First come, first served, by the lock itself: there is never a list of waiters to serve.

    The lock knows its thread: one that a signal has torn out of a call, just behind taking the turn or just before
    ending it, must not wait for itself.
    """

    __slots__ = ("_inside", "lock", "taken", "waiters")

    taken: bool  # tells something where tasks take turns

    def __init__(self) -> None:
        self.lock = RLock()
        self.waiters: tuple[()] = ()
        self._inside: tuple[int, str] = (0, "")

    def wait(self) -> None:
        self.lock.acquire()

    def is_taken(self) -> bool:
        """Tell whether another thread has the turn."""
        if self.lock.acquire(False):
            self.lock.release()
            return False
        return True

    def check(self) -> None:
        """Refuse a call that code of the user makes while the session runs it."""
        thread, method = self._inside
        if thread == threading.get_ident():
            raise OperationalError(
                f"cannot use the session in the middle of its own {method}(): the rows that are being read call it; "
                "read them first, or use a second session for them"
            )

    def enter(self, method: str) -> None:
        """Note that this thread, with the turn taken, is about to run code of the user."""
        self._inside = (threading.get_ident(), method)

    def leave(self) -> None:
        """Note that it is not any more."""
        self._inside = (0, "")

    def pass_on(self) -> None:
        """Free the lock."""
        self.lock.release()


class Background:
    """Work that nobody waits for, done by one daemon thread that lives while there is work."""

    __slots__ = ("_busy", "_lock", "_queue")

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._busy: threading.Thread | None = None

    def start(self, operation: Callable[..., None], *args: Any) -> None:
        with self._lock:
            self._queue.put((operation, args))
            if self._busy is None:
                self._busy = threading.Thread(target=self._run, name="sqlspec-background", daemon=True)
                self._busy.start()

    def _run(self) -> None:
        while True:
            try:
                operation, args = self._queue.get(timeout=1.0)
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._busy = None
                        return
                continue
            try:
                operation(*args)
            except Exception:  # one failing piece of work must not stop the rest
                _log.exception("background work failed")

    def drain(self, seconds: float | None) -> None:
        """Wait until the work queued so far is done, at most `seconds`."""
        if self._busy is None:
            return
        done = threading.Event()
        self.start(done.set)
        done.wait(seconds)
