# Generated from _async_stack.py by tools/unasync.py. Do not edit.
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
    from collections.abc import Callable

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.adapters.psycopg._sync_statements import SyncStatements, Prepared
    from sqlspec.driver._sync_driver import SyncDriver
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
    driver: SyncDriver, statements: SyncStatements, entries: Entries
) -> Callable[[], list[RawResult]] | None:
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


def run_stack(
    driver: SyncDriver,
    statements: SyncStatements,
    entries: Entries,
    one_by_one: Callable[[Entries], list[RawResult]],
) -> list[RawResult]:
    """Run the statements in the caller's transaction, in one round trip if all are known."""
    steps = _known_steps(statements, entries)
    if steps is None:
        return one_by_one(entries)
    return _send_together(driver, statements, entries, steps)


def _known_steps(statements: SyncStatements, entries: Entries) -> list[_Step] | None:
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


def _send_together(
    driver: SyncDriver, statements: SyncStatements, entries: Entries, steps: list[_Step], nested: bool = False
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
        statements.pipeline((step.sender(pgconn) for step in steps), receive)
    except BaseException as error:
        index = len(results) - nested
        if 0 <= index < len(entries):  # else a constraint was checked at the end
            plan = entries[index][0]
            name_statement(error, index, plan)
            statements.discard_stale(plan, error)
        if nested:
            _undo(driver)
        raise
    for at, prepared, result in late:
        try:
            results[at] = statements.late_rows(prepared, result)
        except Exception as error:
            name_statement(error, at, entries[at][0])
            raise
    return results[1:-1] if nested else results


def _undo(driver: SyncDriver) -> None:
    if driver.status() in ("active", "failed"):
        try:
            driver.execute_script(_UNDO)
        except protocol.Error:
            pass  # the transaction had been aborted before, so there is no savepoint
