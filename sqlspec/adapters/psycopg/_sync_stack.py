# Generated from _async_stack.py by tools/unasync.py. Do not edit.
"""Stacks: all statements in one round trip, by libpq's pipeline mode, and all or nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import pq

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.core.result import RawResult
from sqlspec.driver._outcome import can_commit_unread
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.adapters.psycopg._sync_statements import SyncStatements, Prepared
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column
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

    It cannot where the server would have stored what a result undoes that cannot be read; where a statement has to be
    run before another one can be prepared; and where preparing could abort the caller's transaction, as there is no
    savepoint yet.
    """
    nested = driver.status() != "idle"
    if statements.unsettled and not nested:
        statements.settle()
    given = [(plan, _columns(statements, plan)) for plan, _ in entries]
    if not (_can_prepare(statements, entries, nested) and can_commit_unread(given)):
        return None
    return partial(_send_together, driver, statements, entries, nested)


def run_stack(
    driver: SyncDriver,
    statements: SyncStatements,
    entries: Entries,
    one_by_one: Callable[[Entries], list[RawResult]],
) -> list[RawResult]:
    """Run the statements in the caller's transaction, in one round trip if all can be prepared first."""
    if _can_prepare(statements, entries, False):
        return _send_together(driver, statements, entries)
    return one_by_one(entries)


def _columns(statements: SyncStatements, plan: Plan) -> Sequence[Column] | None:
    prepared = statements.get(plan.sql)
    return prepared.columns if prepared is not None else None if plan.returns_rows else ()


def _can_prepare(statements: SyncStatements, entries: Entries, known: bool) -> bool:
    """Tell whether all statements that are not prepared can be, before any is run; there are none if all are `known`.

    They cannot behind a command that may create what they need.
    """
    ahead = not known
    for plan, _ in entries:
        if not ahead and plan.prepared and statements.get(plan.sql) is None:
            return False
        ahead = ahead and plan.reads_or_writes and not plan.changes_session
    return True


def _send_together(
    driver: SyncDriver, statements: SyncStatements, entries: Entries, nested: bool = False
) -> list[RawResult]:
    """Run statements in one round trip; `nested` in a savepoint of their own."""
    steps = _prepared_steps(statements, entries)
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
            error.add_note(f"statement {index} of the stack: {plan.source}")
            statements.discard_stale(plan, error)
        if nested:
            _undo(driver)
        raise
    for at, prepared, result in late:
        results[at] = statements.late_rows(prepared, result)
    return results[1:-1] if nested else results


def _prepared_steps(statements: SyncStatements, entries: Entries) -> list[_Step]:
    steps = []
    statements.keep_forgotten = True  # a stack larger than the cache must not close its own statements
    try:
        for index, (plan, args) in enumerate(entries):
            try:
                if plan.prepared:
                    steps.append(_Step(plan.sql, *statements.bound(plan.sql, args)))
                else:
                    steps.append(_Step(plan.sql, None, []))
            except Exception as error:
                error.add_note(f"statement {index} of the stack: {plan.source}")
                raise
    finally:
        statements.keep_forgotten = False
    return steps


def _undo(driver: SyncDriver) -> None:
    if driver.status() in ("active", "failed"):
        try:
            driver.execute_script(_UNDO)
        except protocol.Error:
            pass  # the transaction had been aborted before, so there is no savepoint
