# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""Stacks: all statements in one round trip, by libpq's pipeline mode, and all or nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import pq

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.core.result import RawResult
from sqlspec.driver._statements import can_commit_unread, changed_by, name_statement
from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.adapters.psycopg._async_statements import AsyncStatements, Prepared
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._types import Entries

__all__ = ("run_stack", "stack_alone")

BINARY = pq.Format.BINARY

_SAVEPOINT = "savepoint sqlspec_stack"
_RELEASE = "release sqlspec_stack"
_UNDO = "rollback to sqlspec_stack; release sqlspec_stack"


class _Step(NamedTuple):
    """One statement of a pipeline: prepared, or a command without parameters and rows."""

    sql: str
    prepared: Prepared | None
    values: list[bytes | None]

    def sender(self, pgconn: PGconn) -> Callable[[], Any]:
        prepared = self.prepared
        if prepared is None:
            return partial(pgconn.send_query_params, self.sql.encode(), None, result_format=BINARY)
        return partial(prepared.send, prepared.name, self.values, prepared.formats, BINARY)


def stack_alone(
    driver: AsyncDriver, statements: AsyncStatements, entries: Entries
) -> Callable[[], Awaitable[list[RawResult]]] | None:
    """Return what runs the statements all or nothing, in one round trip, if that can be done.

    It cannot where anything has to be prepared or done before; nor where the server would have stored, or released,
    what a value undoes that cannot be read. Outside of a transaction it cannot for procedures and commands either: the
    server takes the first statement of a pipeline for one that may commit by itself.
    """
    nested = driver.status() != "idle"
    if not nested and (statements.unsettled or not all(plan.reads_or_writes for plan, _ in entries)):
        return None
    steps = _known_steps(statements, entries)
    if steps is None or not can_commit_unread(step.prepared for step in steps if step.prepared is not None):
        return None
    return partial(_send_together, driver, statements, entries, steps, nested)


async def run_stack(
    driver: AsyncDriver,
    statements: AsyncStatements,
    entries: Entries,
    one_by_one: Callable[[Entries], Awaitable[list[RawResult]]],
) -> list[RawResult]:
    """Run the statements in the caller's transaction, in one round trip if all are known."""
    steps = _known_steps(statements, entries)
    if steps is None:
        return await one_by_one(entries)
    return await _send_together(driver, statements, entries, steps)


def _known_steps(statements: AsyncStatements, entries: Entries) -> list[_Step] | None:
    """Return what can be sent as it is; `None` where one statement has to be run before the next.

    That is so for statements that are not prepared yet, change what others mean, or have values that do not fit.
    """
    steps: list[_Step] = []
    try:
        for plan, args in entries:
            if not plan.reads_or_writes and any(changed_by(plan.sql)):
                return None
            if not plan.prepared:
                steps.append(_Step(plan.sql, None, []))
                continue
            prepared = statements.known(plan.sql)
            if prepared is None:
                return None
            prepared.used = True
            steps.append(_Step(plan.sql, prepared, prepared.encode(args)))
    except DataError:
        return None
    return steps


async def _send_together(
    driver: AsyncDriver, statements: AsyncStatements, entries: Entries, steps: list[_Step], nested: bool = False
) -> list[RawResult]:
    """Run statements in one round trip; `nested` in a savepoint of their own."""
    if nested:
        steps = [_Step(_SAVEPOINT, None, []), *steps, _Step(_RELEASE, None, [])]
    results: list[RawResult] = []
    late: list[tuple[int, Prepared, PGresult]] = []

    def receive(index: int, result: PGresult) -> None:
        prepared = steps[index].prepared
        if prepared is None:
            results.append(RawResult((), (), "tuple", result.command_tuples))
            return
        try:
            results.append(statements.rows(prepared, result))
        except MissingTypesError:
            late.append((len(results), prepared, result))
            results.append(RawResult((), (), "tuple", None))

    pgconn = driver.connection.pgconn
    try:
        await statements.pipeline((step.sender(pgconn) for step in steps), receive)
    except BaseException as error:
        index = len(results) - nested
        if 0 <= index < len(entries):  # else a constraint was checked at the end
            plan = entries[index][0]
            name_statement(error, index, plan)
            statements.discard_stale(plan, error)
        if nested:
            await _undo(driver)
        raise
    for at, prepared, result in late:
        try:
            results[at] = await statements.late_rows(prepared, result)
        except Exception as error:
            name_statement(error, at, entries[at][0])
            raise
    return results[1:-1] if nested else results


async def _undo(driver: AsyncDriver) -> None:
    if driver.status() in ("active", "failed"):
        try:
            await driver.execute_script(_UNDO)
        except protocol.Error:
            pass  # the transaction had been aborted before, so there is no savepoint
