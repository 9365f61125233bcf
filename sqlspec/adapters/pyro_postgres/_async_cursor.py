# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""Rows that are fetched piecewise, by a cursor that is declared in SQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._swap import statement_of
from sqlspec.adapters.pyro_postgres._types import is_misread, send_items
from sqlspec.core.result import RawResult
from sqlspec.driver._async_driver import AsyncCursor
from sqlspec.exceptions import NotSupportedError
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.pyro_postgres._async_driver import AsyncPyroPostgresDriver
    from sqlspec.adapters.pyro_postgres._async_prepare import Prepared
    from sqlspec.core.plan import Plan

__all__ = ("open_cursor",)

_numbers = itertools.count(1)
_ATTEMPTS = 3


async def open_cursor(driver: AsyncPyroPostgresDriver, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
    """Declare a cursor in the open transaction.

    FETCH is no statement that the driver could be given a stub for, so the cursor's query sends bytes by itself.
    """
    statements, wire = driver.statements, driver.wire
    for _ in range(_ATTEMPTS):
        prepared = await statements.ready(plan.sql)
        if any(map(statements.is_odd, prepared.oids)):
            raise NotSupportedError("cannot stream with a parameter that has no binary format; cast it to text")
        name = f"sqlspec_{next(_numbers)}"
        declared = await wire.prepare(f"declare {name} no scroll cursor for {_readable(plan, prepared)}")
        statements.note(declared)
        await wire.count(declared, prepared.encode(args))
        # From now on the tables are locked: what is described now is what the cursor gives.
        real = await wire.prepare(plan.sql)
        types = await statements.types_of(statements.note(real))
        if list(types.results or ()) == [column.oid for column in prepared.columns or ()]:
            return AsyncPyroPostgresCursor(driver, prepared, name)
        await wire.script(f"close {name}")
        statements.forget(plan.sql)
    raise NotSupportedError("cannot stream: the tables are altered all the time")


def _readable(plan: Plan, prepared: Prepared) -> str:
    columns = prepared.columns or ()
    if prepared.wire is columns and not any(is_misread(column.oid) for column in columns):
        return statement_of(plan.sql)
    text = enclose(plan.sql, len(columns), send_items(columns, prepared.wire))
    return statement_of(plan.sql) if text is None else text  # the server refuses what is no query


class AsyncPyroPostgresCursor(AsyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: AsyncPyroPostgresDriver, prepared: Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    async def fetch(self, count: int) -> RawResult:
        driver, prepared = self._driver, self._prepared
        statement = await driver.statements.command(f"fetch forward {count} from {self._name}")
        rows = await driver.decoded(prepared, await driver.wire.rows(statement))
        return RawResult(rows, prepared.columns or (), "tuple", len(rows))

    async def close(self) -> None:
        await self._driver.execute_script(f"close {self._name}")
