# The synchronous twin is generated from this file by tools/unasync.py.
"""The pool, one for all adapters: raw connections in, clean connections out."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from contextlib import suppress
from sys import getrefcount
from threading import Lock
from typing import TYPE_CHECKING

from sqlspec.driver._aio import (
    Background,
    Expired,
    Timer,
    Waiter,
    call_with_timeout,
    current_runner,
    is_gone,
    later,
)
from sqlspec.driver._forks import keep_for_ever, tell_after_fork
from sqlspec.driver._types import PoolStats
from sqlspec.exceptions import OperationalError, PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from sqlspec.driver._async_base import AsyncSessionBase
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.postgres.settings import PoolSettings

__all__ = ("AsyncPool", "Pooled")

_log = logging.getLogger("sqlspec")

TRUSTED_IDLE = 0.5
"""Seconds during which an idle connection is taken to be alive without asking the server."""


PING_LIMIT = 2.0
"""Seconds within which an idle connection must answer."""
RESET_LIMIT = 30.0
"""Seconds within which a connection must be clean."""

CLOSING = object()
"""Given to callers that still wait when the pool is closed."""


def _references(items: Collection[object]) -> list[int]:
    """Return how many references there are to each of some objects, theirs among `items` included."""
    return [getrefcount(item) for item in items]


ALONE = _references([object()])[0]
"""What that is of an object in one place. Versions of Python count the variables through which it is seen otherwise."""


class Pooled:
    """A connection in a pool, with its times of expiry and of return, and the session that has it now.

    Attributes:
        lent: The user has the driver's own connection, which says nothing of who has it.
    """

    __slots__ = ("driver", "dropped", "expires", "lent", "pool", "returned", "session")

    def __init__(self, pool: AsyncPool, driver: AsyncDriver, now: float, expires: float = math.inf) -> None:
        self.pool = pool
        self.driver = driver
        self.expires = expires
        self.returned = now
        self.dropped = self.lent = False
        self.session: AsyncSessionBase | None = None


class AsyncPool:
    """Hands out connections, last in first out, never more than `max_size`.

    A connection goes back only when it is known to be idle, outside a transaction and in protocol sync;
    otherwise it is reset first, away from the caller, or closed. Callers that wait are served in order: what
    becomes free is given to the first of them, so that nobody who comes later can take it. A place counts until
    its connection is closed, so the server never sees more than `max_size` either.

    State changes under a lock that is never held while waiting: the synchronous flavour is used by many threads.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncDriver]], settings: PoolSettings) -> None:
        self._connect = connect
        self._settings = settings
        # Seconds of idleness after which the server is asked before a connection is handed out.
        self._trusted = {"always": -math.inf, "when_idle": TRUSTED_IDLE, "never": math.inf}[settings.validate]
        self._mutex = Lock()
        self._idle: list[Pooled] = []
        self._used: set[Pooled] = set()
        self._waiters: deque[Waiter] = deque()
        self._background = Background()
        self._size = 0
        self._resetting = 0
        self._opened = 0
        self._closed_count = 0
        self._timeouts = 0
        self._closed = False
        self._closers: list[Waiter] = []
        self._runner: object | None = current_runner()
        self._housekeeping: Timer | None = None
        # Called when somebody begins to wait; for observers.
        self.on_wait: Callable[[], None] | None = None
        tell_after_fork(self)

    # -- taking -----------------------------------------------------------------------------------

    def try_acquire(self) -> Pooled | None:
        """Return an idle connection that need not be looked at first; without one, `None`: then `acquire` is meant."""
        with self._mutex:
            if not self._idle or self._closed or self._runner is None or self._runner != current_runner():
                return None
            pooled, now = self._idle[-1], time.monotonic()
            if now - pooled.returned >= self._trusted or now >= pooled.expires or pooled.driver.is_closed():
                return None
            # In this order: who is interrupted here, by a signal, may leave it in both, but not in neither.
            self._used.add(pooled)
            self._idle.pop()
        return pooled

    async def acquire(self) -> Pooled:
        """Return a live connection.

        Raises:
            PoolTimeoutError: None became free within `acquire_timeout`.
            OperationalError: The pool is closed, or belongs to another event loop or process.
            DatabaseConnectionError: A new one could not be opened.
        """
        waiter: Waiter | None = None
        pooled: Pooled | None = None
        forsaken: Pooled | None = None
        with self._mutex:
            self._check_usable()
            if self._idle:  # then nobody waits: what comes back goes to a waiter first
                pooled = self._idle.pop()
                self._used.add(pooled)
            elif self._size < self._settings.max_size:
                self._size += 1
            else:
                waiter = Waiter()
                self._waiters.append(waiter)
                forsaken = self._forsaken()
        if forsaken is not None:
            self._background.start(self._drop, forsaken)  # which gives its place to who waits first
        if waiter is not None:
            pooled = await self._wait(waiter)
        if pooled is not None:
            now = time.monotonic()
            living = now < pooled.expires and not pooled.driver.is_closed()
            if living and (now - pooled.returned < self._trusted or await self._answers(pooled)):
                return pooled
            # Its place is kept for a new one: this caller must not queue a second time.
            await self._drop(pooled, keep_place=True)
        return await self._open()

    def _forsaken(self) -> Pooled | None:
        """Return a connection that counts as used although nobody has it, nor its session.

        A signal's handler that raises can end a checkout where no code of it runs yet, or any more.
        """
        for pooled, references in zip(self._used, _references(self._used), strict=True):
            if references <= ALONE and not pooled.lent:
                owns = 0 if pooled.session is None else pooled.session.own_references()
                if pooled.session is None or _references((pooled.session,))[0] <= ALONE + 1 + owns:
                    return pooled
        return None

    def _check_usable(self) -> None:
        if self._closed and self._runner is not None:
            raise OperationalError("cannot take a connection: the pool is closed; make a new config")
        if self._runner is None or self._runner != current_runner():  # no event loop may run in a forked process
            raise OperationalError(
                "cannot take a connection: the pool was opened in another event loop or process; "
                "close it there, and use one config per loop and process"
            )

    async def _wait(self, waiter: Waiter) -> Pooled | None:
        """Return a connection, or `None` for the right to open one."""
        limit = self._settings.acquire_timeout
        try:
            if self.on_wait is not None:
                self.on_wait()
            woken = await waiter.wait(limit)
        except BaseException:
            await self._leave_queue(waiter)
            raise
        if not woken:
            with self._mutex:
                with suppress(ValueError):
                    self._waiters.remove(waiter)
                self._timeouts += 1
                used, waiting = len(self._used), len(self._waiters)
            raise PoolTimeoutError(
                f"no connection became free within {limit:g} s: {used} in use, {waiting} others "
                f"waiting, max_size={self._settings.max_size}; raise max_size or give connections back sooner"
            )
        if self._closed:
            await self._leave_queue(waiter)
            self._check_usable()
        gift: Pooled | None = waiter.gift
        return gift

    async def _leave_queue(self, waiter: Waiter) -> None:
        """Withdraw a waiter; what it was given meanwhile goes to the next one."""
        waiter.abandon()
        with self._mutex, suppress(ValueError):
            self._waiters.remove(waiter)
        if not waiter.woken or waiter.gift is CLOSING:
            return
        if waiter.gift is None:
            self._free_place()
        else:
            await self._put_back(waiter.gift)

    async def _answers(self, pooled: Pooled) -> bool:
        """Tell whether the server still answers on a connection that is about to be handed out."""
        driver = pooled.driver
        try:
            await call_with_timeout(PING_LIMIT, driver, driver.ping)
        except Expired:
            return False  # silent
        except driver.native_errors:
            return False  # dead
        except BaseException:
            await self._drop(pooled)
            raise
        return True

    async def _open(self) -> Pooled:
        """Open a connection in a place that is already counted."""
        try:
            driver = await self._connect()
        except BaseException:
            self._free_place()
            raise
        now, lifetime = time.monotonic(), self._settings.max_lifetime
        pooled = Pooled(self, driver, now, math.inf if lifetime is None else now + lifetime)
        with self._mutex:
            self._opened += 1
            self._used.add(pooled)
        if self._closed:
            await self._drop(pooled)
            self._check_usable()
        return pooled

    # -- giving back ------------------------------------------------------------------------------

    def try_release(self, pooled: Pooled, *, dirty: bool, broken: bool) -> bool:
        """Take a connection back that is clean; otherwise return `False`: then `release` is meant."""
        driver, policy = pooled.driver, self._settings.reset
        if broken or driver.retired or pooled not in self._used:
            return False
        if policy == "always" or (dirty and policy == "when_dirty"):
            return False
        status = driver.status()
        if status != "idle" and (status != "unknown" or dirty or driver.is_closed()):
            return False
        pooled.session = None
        return self._take_back(pooled)

    async def release(self, pooled: Pooled, *, dirty: bool, broken: bool) -> None:
        """Take a connection back.

        Args:
            pooled: What `acquire` returned.
            dirty: Session state may have been changed.
            broken: It must not be used again.
        """
        driver = pooled.driver
        if self.try_release(pooled, dirty=dirty, broken=broken):
            return
        if pooled not in self._used:  # given back already, cut by `close`, or the parent's
            return
        pooled.session = None
        if broken or self._closed or driver.retired or driver.is_closed():
            await self._drop(pooled)
        else:
            with self._mutex:
                self._resetting += 1
            self._background.start(self._reset, pooled, self._settings.reset)

    async def _reset(self, pooled: Pooled, policy: str) -> None:
        clean = False
        try:
            if policy == "never":
                await call_with_timeout(RESET_LIMIT, pooled.driver, pooled.driver.rollback)
            else:
                await call_with_timeout(RESET_LIMIT, pooled.driver, pooled.driver.reset)
            clean = pooled.driver.status() in ("idle", "unknown")
        except Exception:
            pass
        finally:
            with self._mutex:
                self._resetting -= 1
            await (self._put_back(pooled) if clean else self._drop(pooled))

    async def _put_back(self, pooled: Pooled) -> None:
        if not self._take_back(pooled):
            await self._drop(pooled)

    def _take_back(self, pooled: Pooled) -> bool:
        """Give a clean connection to who waits first, or keep it; `False` when it is not wanted any more."""
        pooled.returned = time.monotonic()
        with self._mutex:
            kept = not self._closed and not pooled.dropped
            while kept and self._waiters:
                if self._waiters.popleft().wake(pooled):
                    return True
            if kept:
                self._idle.append(pooled)
                self._used.discard(pooled)
        if kept and self._housekeeping is None and self._settings.max_idle is not None:
            self._housekeeping = later(self._settings.max_idle, self._start_trimming)
        return kept

    def _free_place(self) -> None:
        with self._mutex:
            while self._waiters:
                if self._waiters.popleft().wake(None):
                    return
            self._size -= 1
            closers = self._closers if self._size == 0 else []
        for closer in closers:
            closer.wake()

    async def _drop(self, pooled: Pooled, *, keep_place: bool = False) -> None:
        """Close a connection, then free its place. Who keeps the place opens another connection in it."""
        with self._mutex:
            known = not pooled.dropped
            if known:
                pooled.dropped = True
                self._used.discard(pooled)
                self._closed_count += 1
        if not known:
            if keep_place:
                self._check_usable()  # only `close` takes a connection from its user
            return
        try:
            await pooled.driver.close()
        except BaseException:
            self._free_place()
            raise
        if not keep_place:
            self._free_place()

    # -- housekeeping -----------------------------------------------------------------------------

    def _start_trimming(self) -> None:
        self._housekeeping = None
        if not self._closed:
            self._background.start(self._trim)

    async def _trim(self) -> None:
        """Close connections that have been idle for too long, down to `min_size`."""
        max_idle = self._settings.max_idle
        while max_idle is not None and not self._closed:
            with self._mutex:
                if not self._idle or self._size <= self._settings.min_size:
                    return
                age = time.monotonic() - self._idle[0].returned
                oldest = self._idle.pop(0) if age >= max_idle else None
            if oldest is None:
                self._housekeeping = later(max_idle - age + 0.01, self._start_trimming)
                return
            await self._drop(oldest)

    async def fill(self) -> None:
        """Open connections up to `min_size`.

        Raises:
            DatabaseConnectionError: One could not be opened.
        """
        while True:
            with self._mutex:
                self._check_usable()
                if self._size >= self._settings.min_size:
                    return
                self._size += 1
            await self._put_back(await self._open())

    async def close(self, timeout: float | None = 10.0) -> None:
        """Close the pool for good: refuse new callers, wait for connections in use, then cut them.

        Args:
            timeout: Seconds to wait for connections in use; `None` waits for ever.

        Raises:
            OperationalError: The pool belongs to another event loop, which is not closed.
        """
        if self._runner is None:
            self._closed = True
            return
        if self._runner != current_runner():
            await self._abandon()
            return
        with self._mutex:
            self._closed = True
            waiters = list(self._waiters)
            self._waiters.clear()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for waiter in waiters:
            waiter.wake(CLOSING)
        # One at a time, so that what a cancelled call leaves behind is found by the next one.
        while True:
            with self._mutex:
                pooled = self._idle.pop() if self._idle else None
            if pooled is None:
                break
            await self._drop(pooled)
        deadline = None if timeout is None else time.monotonic() + timeout
        await self._background.drain(timeout)
        closer = Waiter()
        with self._mutex:
            emptied = self._size == 0
            self._closers.append(closer)
        if not emptied:
            await closer.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        cut = tuple(self._used)
        if len(cut) > self._resetting:
            _log.warning(
                "closing the pool cut connections: %d still in use after %s s; leave their `with` blocks first%s",
                len(cut) - self._resetting,
                timeout,
                self._whose(cut),
            )
        for pooled in cut:
            if pooled.session is not None:
                pooled.session.leave_to_pool()
            await self._drop(pooled)

    def _whose(self, connections: Iterable[Pooled]) -> str:
        """Return who has connections, or how to find out, for the end of a message."""
        return ", leak_after=seconds tells whose they are"

    async def _abandon(self) -> None:
        """Cut every connection of an event loop that is gone: without it nothing can be said to the server."""
        if not is_gone(self._runner):
            raise OperationalError(
                "cannot close the pool: it was opened in another event loop, which is not closed; close it there"
            )
        self._closed = True
        for pooled in self._forget_all():
            with suppress(Exception):
                pooled.driver.abort()
            with suppress(Exception):
                await pooled.driver.close()

    def leave_to_parent(self) -> None:
        """Forget every connection without touching it: it belongs to the process that this one was forked from."""
        self._mutex = Lock()  # the other one may be held by a thread that is not here
        # An event loop that is let go takes its own sockets out of a list that the system keeps for both processes.
        keep_for_ever(self._runner)
        self._runner = None
        for pooled in self._forget_all():
            if pooled.session is not None:
                pooled.session.leave_to_parent()

    def _forget_all(self) -> list[Pooled]:
        with self._mutex:
            forgotten = [*self._idle, *self._used]
            self._idle.clear()
            self._used.clear()
            self._waiters.clear()
            self._size = self._resetting = 0
            self._closed_count += len(forgotten)
        self._housekeeping = None
        return forgotten

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def stats(self) -> PoolStats:
        """Return the counters as of now."""
        return PoolStats(
            size=self._size,
            idle=len(self._idle),
            in_use=len(self._used) - self._resetting,
            resetting=self._resetting,
            waiting=len(self._waiters),
            opened=self._opened,
            closed=self._closed_count,
            timeouts=self._timeouts,
        )

    def state(self) -> str:
        """Tell in a few words how busy the pool is."""
        stats = self.stats()
        busy = "closed" if self._closed else f"{stats.in_use} in use, {stats.idle} idle, {stats.waiting} waiting"
        return f"{busy}, max_size={self._settings.max_size}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.state()}>"
