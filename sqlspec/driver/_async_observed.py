# The synchronous twin is generated from this file by tools/unasync.py.
"""A session, and the ways in and out of a pool, that report to observers. Chosen when a config has any."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.core.observe import (
    Checkin,
    Checkout,
    Connect,
    Database,
    LoadProgress,
    PoolWait,
    Retry,
    StatementEnd,
    StatementStart,
    TransactionEnd,
    TransactionStart,
)
from sqlspec.core.parameters import RowsError
from sqlspec.core.result import LoadJob, RawResult
from sqlspec.driver._async_session import AsyncSession
from sqlspec.driver._listeners import listeners
from sqlspec.exceptions import OperationalError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlspec.core.observe import Event, Operation, Outcome, Watch
    from sqlspec.core.plan import Compiler, Plan
    from sqlspec.driver._async_base import OpenTransaction
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._async_pool import AsyncPool, Pooled

__all__ = ("AsyncObservedSession", "AsyncPoolWatch", "database_of", "observe")

T = TypeVar("T")

EXPLAIN_LIMIT = 5.0
"""Seconds for the plan of a statement that an observer asks for."""

EXPLAINED = "sqlspec_explained"
"""The statement that is prepared for its plan."""

_OPERATIONS: dict[str, Operation] = {
    "copy_table": "load",
    "execute_many": "execute_many",
    "execute_script": "execute_script",
    "execute_stack": "execute_stack",
    "load_from_arrow": "load",
    "load_from_records": "load",
    "load_from_storage": "load",
    "select_stream": "stream",
    "select_to_arrow": "stream",
    "select_to_storage": "stream",
}

_numbers = itertools.count(1)


class Call:
    """A call that has been reported as started and not yet as ended."""

    __slots__ = ("kind", "number", "sql", "started")

    def __init__(self, kind: Operation, sql: str) -> None:
        self.kind: Operation = kind
        self.sql = sql
        self.number = next(_numbers)
        self.started = time.perf_counter()


class AsyncObservedSession(AsyncSession):
    """A session whose statements, loads and transactions are reported."""

    __slots__ = ()  # those of `AsyncSessionBase` have to do, see `observe`

    def __init__(self, driver: AsyncDriver, compiler: Compiler, limit: float | None, watch: Watch) -> None:
        super().__init__(driver, compiler, limit)
        self._report_to(watch)

    def _report_to(self, watch: Watch | None) -> None:
        self._watch = watch
        self._taken = time.perf_counter()
        # What runs now. It is set, and ended, by who has the session's turn.
        self._call: Call | None = None
        self._number = 0  # of the last transaction
        self._run = self._run_observed
        if self._limit is None:
            self._run_limited = self._run_observed

    def _tell(self, event: Event) -> None:
        if self._watch is not None:
            self._watch(event)
        for listener in tuple(listeners):
            listener(self, event)

    # -- statements -------------------------------------------------------------------------------

    async def _run_observed(self, plan: Plan, args: Any) -> RawResult:
        return await self._observed("execute", plan.source, self._driver.execute, plan, args)

    async def _exclusive(
        self,
        method: str,
        sql: str | None,
        timeout: float | None,
        operation: Callable[..., Awaitable[T]],
        *args: Any,
    ) -> T:
        kind = _OPERATIONS.get(method)
        if kind is None or sql is None:
            return await super()._exclusive(method, sql, timeout, operation, *args)
        result: T = await super()._exclusive(method, sql, timeout, self._observed, kind, sql, operation, *args)
        return result

    async def _atomically(
        self,
        method: str,
        sql: str,
        timeout: float | None,
        operation: Callable[..., Awaitable[T]],
        *args: Any,
        alone: Callable[..., Callable[[], Awaitable[T]] | None] | None = None,
        undoes: bool = False,
    ) -> T:
        kind = _OPERATIONS.get(method)
        if kind is None:
            return await super()._atomically(method, sql, timeout, operation, *args, alone=alone, undoes=undoes)

        def observed_alone(*_: Any) -> Callable[[], Awaitable[T]] | None:
            by_itself = None if alone is None else alone(*args)
            return None if by_itself is None else partial(self._observed, kind, sql, by_itself)

        call = (self._observed, kind, sql, operation, *args)
        result: T = await super()._atomically(method, sql, timeout, *call, alone=observed_alone, undoes=undoes)
        return result

    async def _observed(self, kind: Operation, sql: str, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        call = self._call = Call(kind, sql)
        self._tell(StatementStart(self._driver.spec.name, kind, sql, call.number))
        result = await operation(*args)
        self._ended(call, _count(result), None)
        return result

    def _ended(self, call: Call, rows: int | None, error: BaseException | None) -> None:
        self._call = None
        if isinstance(error, RowsError):
            error = error.error
        seconds = time.perf_counter() - call.started
        self._tell(StatementEnd(self._driver.spec.name, call.kind, call.sql, seconds, rows, error, call.number))

    # What fails is reported where it becomes the error that the caller gets.

    async def _fail(self, error: BaseException, sql: str | None) -> None:
        await self._failed(super()._fail, error, sql)

    async def _fail_alone(self, error: BaseException, sql: str | None, stores: bool | None = None) -> None:
        await self._failed(partial(super()._fail_alone, stores=stores), error, sql)

    async def _failed(
        self, fail: Callable[[BaseException, str | None], Awaitable[None]], error: BaseException, sql: str | None
    ) -> None:
        call, self._call = self._call, None
        try:
            await fail(error, sql)
        except BaseException as translated:
            error = translated
            raise
        finally:
            if call is not None:
                self._ended(call, None, error)

    # -- loads ------------------------------------------------------------------------------------

    async def _load(
        self, method: str, table: str, source: Any, records: Any, timeout: float | None, **options: Any
    ) -> LoadJob:
        given = options["progress"]

        def progress(job: LoadJob) -> None:
            self._load_progressed(job.telemetry["rows_processed"], job.bytes)
            if given is not None:
                given(job)

        if given is None or callable(given):  # anything else is refused
            options["progress"] = progress
        return await super()._load(method, table, source, records, timeout, **options)

    def _load_progressed(self, rows: int, nbytes: int) -> None:
        call = self._call
        if call is not None:
            self._tell(LoadProgress(self._driver.spec.name, call.sql, rows, nbytes, call.number))

    # -- transactions and the session's end -------------------------------------------------------

    async def _begin(self, method: str, text: str, purpose: str = "") -> None:
        await super()._begin(method, text, purpose)
        self._transaction_started()

    async def _in_own_transaction(
        self, begin: str, sql: str, timeout: float | None, operation: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        self._transaction_started()
        return await super()._in_own_transaction(begin, sql, timeout, operation, *args)

    def _transaction_started(self) -> None:
        self._number = next(_numbers)
        self._tell(TransactionStart(self._driver.spec.name, self._number))

    def _forget(self, transaction: OpenTransaction, outcome: Outcome) -> None:
        known = not transaction.ended
        super()._forget(transaction, outcome)
        if known:
            seconds = time.monotonic() - transaction.started
            self._tell(TransactionEnd(self._driver.spec.name, outcome, seconds, self._number))

    def _retrying(self, error: BaseException, left: int) -> None:
        self._tell(Retry(self._driver.spec.name, error, left))

    def _try_give_back(self, pooled: Pooled) -> bool:
        return False  # so that there is one way to report

    async def _give_back(self, pooled: Pooled) -> None:
        try:
            await super()._give_back(pooled)
        finally:
            self._tell(Checkin(self._driver.spec.name, time.perf_counter() - self._taken))


def observe(session: Any) -> None:
    """Let a session that is open report from now on, if it does not yet."""
    if not isinstance(session, AsyncObservedSession):
        session.__class__ = AsyncObservedSession
        session._report_to(None)


class AsyncPoolWatch:
    """Reports what a pool does for its callers."""

    __slots__ = ("_connect", "_watch")

    def __init__(self, watch: Watch, connect: Callable[[], Awaitable[AsyncDriver]]) -> None:
        self._watch = watch
        self._connect = connect

    async def connect(self) -> AsyncDriver:
        """Open a connection for the pool."""
        start = time.perf_counter()
        try:
            driver = await self._connect()
        except BaseException as error:
            self._watch(Connect(self._watch.adapter, time.perf_counter() - start, error))
            raise
        self._watch(Connect(self._watch.adapter, time.perf_counter() - start))
        return driver

    def wait(self) -> None:
        """Note that a caller begins to wait."""
        self._watch(PoolWait(self._watch.adapter))

    async def acquire(self, pool: AsyncPool) -> Pooled:
        """Take a connection."""
        start = time.perf_counter()
        try:
            pooled = await pool.acquire()
        except BaseException as error:
            self._watch(Checkout(self._watch.adapter, time.perf_counter() - start, error))
            raise
        self._watch(Checkout(self._watch.adapter, time.perf_counter() - start))
        return pooled

    def give_back(self, taken: float) -> None:
        """Note the return of a connection that was taken at a reading of the clock."""
        self._watch(Checkin(self._watch.adapter, time.perf_counter() - taken))


def database_of(config: AsyncConfig[Any]) -> Database:
    """Return what a config tells of itself to observers."""
    settings, pool = config.settings, config.pool_settings
    path = settings.session_settings.get("search_path", "").split(",")[0].strip().strip('"')
    return Database(
        adapter=config.spec.name,
        name=settings.database,
        schema=path if path and path != "$user" else None,
        hosts=settings.hosts,
        ports=settings.ports,
        min_size=pool.min_size,
        max_size=pool.max_size,
        stats=config.stats,
        explain=lambda sql, deliver: _explain_later(config, sql, deliver),
    )


def _explain_later(config: AsyncConfig[Any], sql: str, deliver: Callable[[str | BaseException], None]) -> None:
    config._opened_pool()._background.start(_explain, config, sql, deliver)


async def _explain(config: AsyncConfig[Any], sql: str, deliver: Callable[[str | BaseException], None]) -> None:
    """Ask for a plan on a connection that nobody needs, without running anything."""
    pool, stats = config._opened_pool(), config.stats()
    try:
        if not stats.idle and stats.size >= config.pool_settings.max_size:
            raise OperationalError("cannot explain a statement: no connection is free; ask again later")
        plan = config._compiler.plan(sql)
        if not plan.reads_or_writes:
            raise ParameterError(f"cannot explain a statement: {plan.verb} has no plan; ask for that of a query")
        pooled = await pool.acquire()
        session = pooled.session = AsyncSession(pooled.driver, config._compiler, EXPLAIN_LIMIT)
        try:
            rows = await _generic_plan(session, plan)
        finally:
            await session._give_back(pooled)
    except BaseException as error:
        deliver(error)  # who closes the pool cancels this, and somebody may wait for it
        if not isinstance(error, Exception):
            raise
    else:
        deliver("\n".join(row[0] or "" for row in rows))


async def _generic_plan(session: AsyncSession, plan: Plan) -> Sequence[Sequence[str | None]]:
    """Return the plan for no values in particular.

    Prepared in SQL: a NULL that is bound by protocol would be planned for, and all of a condition be false.
    """
    driver = session._driver
    nulls = f"({', '.join(['null'] * plan.arity)})" if plan.arity else ""
    prepare = f"set local plan_cache_mode = force_generic_plan;\nprepare {EXPLAINED} as {plan.body}"
    # Planning calls functions that are declared as stable or immutable, whatever they do. Behind a pooler, all of it
    # must reach one connection.
    async with session.transaction(readonly=True):
        await session._exclusive("explain", None, None, driver.execute_script, prepare)
        try:
            text = f"explain execute {EXPLAINED}{nulls}"
            rows = await session._exclusive("explain", None, None, driver.fetch_text, text)
            await session._exclusive("explain", None, None, driver.execute_script, f"deallocate {EXPLAINED}")
        except BaseException:
            session._set_broken()  # the prepared statement would stay
            raise
    return rows


def _count(result: Any) -> int | None:
    """Return the number of rows in whatever an operation gave: rows, a job, a table, or a list of batches."""
    if isinstance(result, RawResult):
        return len(result.rows)
    if isinstance(result, LoadJob):
        return result.rows
    counts: list[Any] = [getattr(part, "num_rows", None) for part in (result if isinstance(result, list) else [result])]
    return None if None in counts or not counts else sum(counts)
