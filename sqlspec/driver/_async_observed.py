# The synchronous twin is generated from this file by tools/unasync.py.
"""A session that reports to observers. Chosen when a config has any, so that others pay nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.core.observe import Observer, StatementEnd, StatementStart, TransactionEnd, notify_all
from sqlspec.core.result import LoadJob, RawResult
from sqlspec.driver._async_session import AsyncSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlspec.core.observe import Operation
    from sqlspec.core.plan import Compiler, Plan
    from sqlspec.driver._async_base import OpenTransaction
    from sqlspec.driver._async_driver import AsyncDriver

__all__ = ("AsyncObservedSession",)

T = TypeVar("T")

_OPERATIONS: dict[str, Operation] = {
    "copy_table": "load",
    "execute_many": "execute_many",
    "execute_script": "execute_script",
    "execute_stack": "execute_stack",
    "load_from_arrow": "load",
    "load_from_records": "load",
    "select_stream": "stream",
    "select_to_arrow": "stream",
}


class AsyncObservedSession(AsyncSession):
    """A session whose statements and transactions are reported."""

    __slots__ = ("_observers",)

    def __init__(
        self, driver: AsyncDriver, compiler: Compiler, limit: float | None, observers: tuple[Observer, ...]
    ) -> None:
        super().__init__(driver, compiler, limit)
        self._observers = observers
        self._run = self._run_observed
        if limit is None:
            self._run_limited = self._run_observed

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
        together: Callable[..., bool] | None = None,
        undoes: bool = False,
    ) -> T:
        def observed_together(*_: Any) -> bool:
            return together is not None and together(*args)

        kind = _OPERATIONS[method]
        call = (self._observed, kind, sql, operation, *args)
        result: T = await super()._atomically(method, sql, timeout, *call, together=observed_together, undoes=undoes)
        return result

    async def _observed(self, kind: Operation, sql: str, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        adapter = self._driver.spec.name
        notify_all(self._observers, StatementStart(adapter, kind, sql))
        start = time.perf_counter()
        try:
            result = await operation(*args)
        except BaseException as error:
            seen: BaseException = error
            if isinstance(error, self._driver.native_errors):
                seen = self._translated(error, sql)
            notify_all(self._observers, StatementEnd(adapter, kind, sql, time.perf_counter() - start, None, seen))
            raise
        rows = _count(result)
        notify_all(self._observers, StatementEnd(adapter, kind, sql, time.perf_counter() - start, rows, None))
        return result

    def _transaction_ended(self, transaction: OpenTransaction, outcome: str) -> None:
        seconds = time.monotonic() - transaction.started
        notify_all(self._observers, TransactionEnd(self._driver.spec.name, outcome, seconds))  # type: ignore[arg-type]


def _count(result: Any) -> int | None:
    """Return the number of rows in whatever an operation gave: rows, a job, a table, or a list of batches."""
    if isinstance(result, RawResult):
        return len(result.rows)
    if isinstance(result, LoadJob):
        return result.rows
    counts: list[Any] = [getattr(part, "num_rows", None) for part in (result if isinstance(result, list) else [result])]
    return None if None in counts or not counts else sum(counts)
