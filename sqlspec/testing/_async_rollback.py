# The synchronous twin is generated from this file by tools/unasync.py.
"""A transaction below the sessions of a test: what they store is gone when it ends.

The sessions do not know of it. Their transactions are savepoints on the one connection that they share, and whatever
they run outside of a transaction is a savepoint of its own, so that an error undoes what it undoes in production.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlspec.core._verbs import CONTROL
from sqlspec.core.scan import scan
from sqlspec.driver._aio import Owner, Waiter, current_name
from sqlspec.driver._async_pool import AsyncPool, Pooled
from sqlspec.driver._forks import tell_after_fork
from sqlspec.driver._types import PoolStats
from sqlspec.exceptions import (
    DatabaseConnectionError,
    NotSupportedError,
    OperationalError,
    PoolTimeoutError,
    TransactionError,
    error_class,
    is_stale_statement,
)
from sqlspec.postgres.sql import begin as begin_sql
from sqlspec.postgres.sql import quote_literal, release, rollback_to, savepoint, undo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

    from sqlspec.driver._async_config import AsyncConfig, AsyncSessionContext
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._async_session import AsyncSession
    from sqlspec.driver._types import Entries

__all__ = ("AsyncRolledBack",)

T = TypeVar("T")

_TRANSACTION = "sqlspec_test_transaction"
_CALL = "sqlspec_test_call"
_CHECK = "sqlspec_test_check"

# What a COMMIT would do beside storing: constraints that were deferred are looked at. Undone, because it also ends the
# deferring, which the next transaction must have again; the server then looks once more at its end.
_COMMIT = ";\n".join(
    (
        savepoint(_CHECK),
        "set constraints all immediate",
        undo(_CHECK),
        release(_TRANSACTION),
    )
)
_UNDO_TRANSACTION = undo(_TRANSACTION)
_UNDO_CALL = undo(_CALL)

# What a session asks of a driver outside of a transaction that reaches the server. The rest needs a transaction.
_CALLS = frozenset({"describe", "execute", "execute_many", "fetch_text", "learn_types", "run_stack"})

# Settings that end with the transaction. A savepoint that is released leaves them in force.
_SET_LOCAL = re.compile(r"\bset\s+local\s+(session\s+authorization\b|time\s+zone\b|[\w.]+)", re.IGNORECASE)
_SET_CONFIG = re.compile(r"\bset_config\s*\(\s*(?:\$(\d+)|'([\w.]+)')[^()]*,\s*true\s*\)", re.IGNORECASE)
_SPELT = {"sessionauthorization": "session_authorization", "timezone": "timezone"}

_REMEDY = "give this test a database of its own instead (`EmbeddedPostgres.database`)"


class _AsyncShared:
    """The connection of a test, and whose turn it is.

    Attributes:
        driver: The connection, in its transaction.
        holder: The session that has it: for a call, or for a transaction.
        failed: A call has failed, and what it did has not been undone yet.
        gone: The connection was lost.
        ended: The test has ended.
    """

    __slots__ = ("_limit", "_mutex", "_waiters", "driver", "ended", "failed", "gone", "holder")

    def __init__(self, driver: AsyncDriver, limit: float | None) -> None:
        self.driver = driver
        self.holder: _AsyncView | None = None
        self.failed = False
        self.gone = False
        self.ended = False
        self._limit = limit
        self._mutex = Lock()
        self._waiters: deque[Waiter] = deque()

    def check(self) -> None:
        """Refuse a call that cannot reach the connection.

        Raises:
            OperationalError: The test has ended.
            DatabaseConnectionError: The connection was lost.
        """
        if self.ended:
            raise OperationalError("cannot use the session: the scope that rolls back has ended; leave sessions in it")
        if self.gone:
            raise DatabaseConnectionError("cannot use the connection of this test: it was lost, and all that it had")

    async def take(self, view: _AsyncView) -> None:
        """Wait for the turn.

        Raises:
            TransactionError: The caller itself has a transaction open in another session, which it would wait for.
            PoolTimeoutError: The turn did not come in time.
        """
        self.check()
        waiter: Waiter | None = None
        with self._mutex:
            holder = self.holder
            if holder is None:
                self.holder = view
            elif holder.owner is not None and holder.owner.is_here():
                raise TransactionError(
                    "cannot use a second session here: the first has a transaction open, and both share the connection "
                    f"of this test, which cannot keep them apart; {_REMEDY}"
                )
            else:
                waiter = Waiter()
                self._waiters.append(waiter)
        if waiter is not None and holder is not None:
            await self._wait(waiter, view, holder)

    async def _wait(self, waiter: Waiter, view: _AsyncView, holder: _AsyncView) -> None:
        try:
            woken = await waiter.wait(self._limit)
        except BaseException:
            waiter.abandon()
            if waiter.woken:
                self.give()
            raise
        if not woken:
            raise PoolTimeoutError(
                f"the connection of this test did not become free within {self._limit:g} s: a session of "
                f"{holder.opener} has it, in a transaction; end that first, or {_REMEDY}"
            )
        self.holder = view
        try:
            self.check()
        except BaseException:
            self.give()
            raise

    async def recover(self) -> None:
        """Undo the call that has failed, if there was one."""
        if self.failed:
            await self.driver.execute_script(_UNDO_CALL)
            self.failed = False

    def give(self) -> None:
        """Give the turn to the next one who waits."""
        with self._mutex:
            while self._waiters:
                if self._waiters.popleft().wake():
                    return
            self.holder = None


class _AsyncView:
    """The shared connection as one session sees it: its own, outside of a transaction.

    All that is not said here is the connection's own.
    """

    def __init__(self, shared: _AsyncShared) -> None:
        self._shared = shared
        self._driver = shared.driver
        self._inside = False
        self._depth = 0
        self._before: dict[str, str] = {}
        self.opener = current_name()
        self.owner: Owner | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        return partial(self._call, found) if name in _CALLS else found

    def status(self) -> str:
        return self._driver.status() if self._inside else "idle"

    def stack_alone(self, entries: Entries) -> None:
        """Leave it to `run_stack`, which waits for the turn as every call does."""

    def is_closed(self) -> bool:
        return self._shared.gone or self._driver.is_closed()

    async def _take(self) -> None:
        if not self._depth:
            await self._shared.take(self)
        self._depth += 1

    def _give(self) -> None:
        self._depth -= 1
        if not self._depth:
            self._shared.give()

    async def _call(self, operation: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T:
        """Run one call; outside of a transaction an error undoes it and nothing else."""
        if self._inside:
            self._shared.check()
            await self._note_settings(*args)
            return await operation(*args, **named)
        await self._take()
        try:
            await self._shared.recover()
            await self._driver.execute_script(savepoint(_CALL))
            self._shared.failed = True
            try:
                result = await operation(*args, **named)
            except self._driver.native_errors as error:
                if not self._is_stale(error):
                    raise
                # Outside of a transaction the adapter would have prepared it anew by itself.
                await self._driver.execute_script(rollback_to(_CALL))
                result = await operation(*args, **named)
            await self._driver.execute_script(release(_CALL))
            self._shared.failed = False
        finally:
            self._give()
        return result

    async def _note_settings(self, what: Any = "", args: Any = (), *_: Any) -> None:
        """Note the values of settings that a statement will change until its transaction ends."""
        for name in _local_settings(getattr(what, "sql", what), args):
            if name not in self._before:
                query = f"select current_setting({quote_literal(name)}, true)"
                ((value,),) = await self._driver.fetch_text(query)
                self._before[name] = value or ""

    def _is_stale(self, error: BaseException) -> bool:
        if self._driver.is_broken(error):
            return False
        info = self._driver.error_info(error)
        # A driver may have put words of its own in place of the server's: then the class of the error has to do.
        return is_stale_statement(info.sqlstate, info.message) or error_class(info.sqlstate) is NotSupportedError

    async def execute_script(self, text: str) -> None:
        if not self._inside and any(scan(text[start:end]).verb in CONTROL for start, end in scan(text).statements):
            raise NotSupportedError(
                "cannot run a script with BEGIN, COMMIT or ROLLBACK here: it would end the transaction that is to be "
                f"rolled back; use transaction(), or {_REMEDY}",
                sql=text,
            )
        await self._call(self._driver.execute_script, text)

    # -- transactions -----------------------------------------------------------------------------

    async def begin(self, text: str) -> None:
        """Open a savepoint in place of a transaction. Its isolation is that of the transaction around it."""
        if self._inside:
            await self.rollback()
        opening, _, rest = text.partition(";")
        # A savepoint can be read-only, and what is released is so no longer.
        mode = ["set transaction read only"] if "READ ONLY" in opening else []
        await self._take()
        try:
            await self._shared.recover()
            await self._driver.execute_script(";\n".join((savepoint(_TRANSACTION), *mode, *filter(None, (rest,)))))
        except BaseException:
            self._give()
            raise
        self._inside = True
        self.opener, self.owner = current_name(), Owner()

    async def commit(self) -> None:
        self._shared.check()
        restored = (
            f"select set_config({quote_literal(name)}, {quote_literal(value)}, true)"
            for name, value in self._before.items()
        )
        await self._driver.execute_script(";\n".join((_COMMIT, *restored)))
        self._end()

    async def rollback(self) -> None:
        if self._inside:
            self._shared.check()
            await self._driver.execute_script(_UNDO_TRANSACTION)
            self._end()

    def _end(self) -> None:
        owner, self.owner = self.owner, None
        self._inside = False
        self._before.clear()
        if owner is not None:
            owner.leave()
        self._give()

    async def limit(self, seconds: float | None) -> None:
        """Set a limit for the call that follows: until it is taken back, the connection is this session's."""
        if seconds is not None:
            await self._take()
        try:
            await self._shared.recover()  # in an aborted transaction no limit can be taken back
            await self._driver.limit(seconds)
        finally:
            if seconds is None:
                self._give()

    async def settle(self) -> None:
        await self._take()
        try:
            await self._driver.settle()
        finally:
            self._give()

    async def leave(self) -> None:
        """End what the session has left open."""
        with suppress(*self._driver.native_errors):
            await self.rollback()


def _local_settings(sql: Any, args: Any) -> Iterator[str]:
    """Yield the names of the settings that a text changes until the transaction ends."""
    if isinstance(sql, str):
        for found in _SET_LOCAL.finditer(sql):
            name = "".join(found[1].lower().split())
            yield _SPELT.get(name, name)
        for found in _SET_CONFIG.finditer(sql):
            given = list(args)[int(found[1]) - 1 :][:1] if found[1] and isinstance(args, (list, tuple)) else [found[2]]
            yield from (name for name in given if isinstance(name, str))


class _AsyncSharedPool:
    """Stands for the pool of a config: every connection that it hands out is the one of the test.

    All that is not said here is the pool's own.
    """

    def __init__(self, pool: AsyncPool, shared: _AsyncShared) -> None:
        self._pool = pool
        self._shared = shared
        self._used: set[Pooled] = set()
        self._opened = 0
        self.closed = False
        tell_after_fork(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def try_acquire(self) -> None:
        """Leave it to `acquire`."""

    async def acquire(self) -> Pooled:
        self._shared.check()
        pool, driver = cast("AsyncPool", self), cast("AsyncDriver", _AsyncView(self._shared))
        pooled = Pooled(pool, driver, time.monotonic(), math.inf)
        self._used.add(pooled)
        self._opened += 1
        return pooled

    def try_release(self, pooled: Pooled, *, dirty: bool, broken: bool) -> bool:
        return False

    async def release(self, pooled: Pooled, *, dirty: bool, broken: bool) -> None:
        self._used.discard(pooled)
        pooled.session = None
        shared = self._shared
        shared.gone = shared.gone or shared.driver.is_closed() or broken
        if not shared.gone and not shared.ended:
            view: Any = pooled.driver
            await view.leave()

    async def fill(self) -> None:
        self._shared.check()

    async def close(self, timeout: float | None = 10.0) -> None:
        """Do nothing: the connection is needed until the test ends, and the config may be used again."""

    def stats(self) -> PoolStats:
        used = len(self._used)
        return PoolStats(1, int(not used), used, 0, 0, self._opened, 0, 0)

    def state(self) -> str:
        return f"{len(self._used)} in use, on one connection that is rolled back"

    def leave_to_parent(self) -> None:
        """End the sessions, in a process forked from the one that has the connection."""
        self._shared.ended = True
        for pooled in self._used:
            if pooled.session is not None:
                pooled.session.leave_to_parent()


class AsyncRolledBack:
    """A scope in which the sessions of a config share one connection; see `sqlspec.testing.rolled_back`."""

    def __init__(self, config: AsyncConfig[Any], isolation: str | None = None) -> None:
        self._config = config
        self._begin = begin_sql(isolation)
        self._context: AsyncSessionContext | None = None

    async def __aenter__(self) -> AsyncSession:
        if self._context is not None:
            raise OperationalError("cannot enter the scope of rolled_back() twice: call it once for each use")
        config = self._config
        self._pool: AsyncPool = config._opened_pool()
        pooled = self._pooled = await self._pool.acquire()
        try:
            await pooled.driver.begin(self._begin)
            self._shared = _AsyncShared(pooled.driver, config.pool_settings.acquire_timeout)
            self._stand_in = _AsyncSharedPool(self._pool, self._shared)
            config._pool = cast("AsyncPool", self._stand_in)
            self._context = config.provide_session()
            return await self._context.__aenter__()
        except BaseException:
            config._pool = self._pool
            await self._pool.release(pooled, dirty=True, broken=True)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        context, self._context = self._context, None
        if context is None:
            return
        broken = True
        try:
            try:
                await context.__aexit__(kind, error, trace)
            finally:
                self._shared.ended = True
                self._restore()
            if not self._shared.gone:
                await self._pooled.driver.rollback()
                broken = False
        finally:
            await self._pool.release(self._pooled, dirty=True, broken=broken)

    def _restore(self) -> None:
        """Give the config its pool back; of scopes that overlap, any may end first."""
        config = self._config
        while isinstance(config._pool, _AsyncSharedPool) and config._pool._shared.ended:
            config._pool = config._pool._pool
