# Generated from _async_cursor.py by tools/unasync.py. Do not edit.
"""Rows that are fetched piecewise, by a cursor that is declared in SQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._sync_utility import with_text_parameters
from sqlspec.adapters.pyro_postgres._swap import statement_of
from sqlspec.adapters.pyro_postgres._types import is_misread, send_items
from sqlspec.core.result import RawResult
from sqlspec.driver._sync_driver import SyncCursor
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.pyro_postgres._sync_driver import SyncPyroPostgresDriver
    from sqlspec.adapters.pyro_postgres._sync_prepare import SyncStatements, Prepared
    from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
    from sqlspec.core.plan import Plan

__all__ = ("declare", "open_cursor")

_numbers = itertools.count(1)


def open_cursor(driver: SyncPyroPostgresDriver, plan: Plan, args: Sequence[Any]) -> SyncCursor:
    """Declare a cursor in the open transaction.

    FETCH is no statement that the driver could be given a stub for, so the cursor's query sends bytes by itself.
    """
    statements, wire = driver.statements, driver.wire
    known = statements.get(plan.sql)
    if known is not None and wire.state == "failed":
        known.encode(args)  # a value that does not fit is told before what the server would say
    prepared = _up_to_date(statements, wire, plan.sql)
    name = declare(driver, _readable(plan, prepared), prepared, args)
    return SyncPyroPostgresCursor(driver, prepared, name)


def declare(driver: SyncPyroPostgresDriver, query: str, prepared: Prepared, args: Sequence[Any]) -> str:
    """Declare a cursor in the open transaction; return its name.

    Args:
        driver: The connection.
        query: The query, or one that encloses it.
        prepared: The query itself, prepared.
        args: Its parameters.
    """
    name = f"sqlspec_{next(_numbers)}"
    text = with_text_parameters(driver, query, prepared.oids)
    declared = driver.wire.prepare(f"declare {name} no scroll cursor for {text}")
    driver.statements.note(declared)
    driver.wire.count(declared, prepared.encode(args))
    return name


def _up_to_date(statements: SyncStatements, wire: SyncWire, sql: str) -> Prepared:
    """Return a statement prepared as its tables are now. It is not run itself, so the server would not complain."""
    known = statements.get(sql)
    prepared = statements.ready(sql)
    if prepared is not known:
        return prepared  # in this transaction, which has locked the tables
    real = wire.prepare(sql)
    types = statements.types_of(statements.note(real))
    names = statements.names_of(real, types)
    if (types.parameters, statements.columns(names, types.results or ())) != (prepared.oids, prepared.columns):
        statements.discard(sql)
        prepared = statements.prepare(sql)
    return prepared


def _readable(plan: Plan, prepared: Prepared) -> str:
    oids = [column.oid for column in prepared.columns or ()]
    sent = [column.oid for column in prepared.wire]
    if oids == sent and not any(map(is_misread, oids)):
        return statement_of(plan.sql)
    text = enclose(plan.sql, len(oids), send_items(oids, sent))
    return statement_of(plan.sql) if text is None else text  # the server refuses what is no query


class SyncPyroPostgresCursor(SyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: SyncPyroPostgresDriver, prepared: Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    def fetch(self, count: int) -> RawResult:
        driver, prepared = self._driver, self._prepared
        statement = driver.statements.command(f"fetch forward {count} from {self._name}")
        rows = driver.decoded(prepared, driver.wire.rows(statement))
        return RawResult(rows, prepared.columns or (), "tuple", len(rows))

    def close(self) -> None:
        self._driver.execute_script(f"close {self._name}")
