# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""Stacks whose statements all give rows, in one round trip by the driver's pipeline. It tells no count of rows."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlspec.adapters.pyro_postgres._async_batch import MOST_BYTES, MOST_READ
from sqlspec.adapters.pyro_postgres._errors import in_usual_words
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.adapters.pyro_postgres._swap import text_of
from sqlspec.driver._statements import can_commit_unread, name_statement
from sqlspec.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlspec.adapters.pyro_postgres._async_driver import AsyncPyroPostgresDriver
    from sqlspec.adapters.pyro_postgres._async_prepare import Prepared
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import RawResult
    from sqlspec.driver._types import Entries

__all__ = ("run_stack", "stack_alone")


_Step: TypeAlias = "tuple[Plan, Prepared, Sequence[Any]]"
"""One statement of a stack, with its parameters encoded."""


def stack_alone(driver: AsyncPyroPostgresDriver, entries: Entries) -> Callable[[], Awaitable[list[RawResult]]] | None:
    """Return what runs the statements in a transaction of their own, if they can be sent together.

    They cannot where the server would have stored what a result undoes that cannot be read.
    """
    steps = _ready(driver, entries) if driver.status() == "idle" else None
    if steps is None or not can_commit_unread(prepared for _, prepared, _ in steps):
        return None
    return partial(_send_together, driver, steps)


async def run_stack(
    driver: AsyncPyroPostgresDriver, entries: Entries, one_by_one: Callable[[Entries], Awaitable[list[RawResult]]]
) -> list[RawResult]:
    """Run the statements in the caller's transaction, together if they can be sent so."""
    steps = _ready(driver, entries)
    if steps is not None:
        return await _send_together(driver, steps)
    stopper = driver.wire.stopper
    stopper.heeding = True
    try:
        return await one_by_one(entries)
    finally:
        stopper.heeding = False


def _ready(driver: AsyncPyroPostgresDriver, entries: Entries) -> list[_Step] | None:
    """Return what can be sent as it is, all at once; `None` where one statement has to be run before the next.

    That is so for statements that are not prepared yet, for which the driver gives no rows, which change what others
    mean, or have values that do not fit; for more than may be under way; and under a limit of time that the server
    keeps for each by itself.
    """
    statements = driver.statements
    if len(entries) > MOST_READ or driver.wire.unsettled or statements.unsettled:
        return None
    if driver.limits.deadline < math.inf:
        return None
    known = statements.known
    steps: list[_Step] = []
    try:
        for plan, args in entries:
            prepared = known(text_of(plan))
            if prepared is None or prepared.columns is None or plan.changes_session or not plan.reads_or_writes:
                return None
            prepared.used = True
            steps.append((plan, prepared, prepared.encode(args)))
    except DataError:
        return None
    size = sum([8 if value is None else len(value) + 8 for _, _, values in steps for value in values])
    return steps if size <= MOST_BYTES else None


_END: tuple[Any, Sequence[Any]] = ("", ())
"""A statement that does nothing. What fails as the server commits, such as a deferred constraint, is its failure."""


async def _send_together(driver: AsyncPyroPostgresDriver, steps: Sequence[_Step]) -> list[RawResult]:
    """Run statements in one round trip. Outside a transaction they are one of their own."""
    answers: list[list[Any]] = []
    runs = [(prepared.statement, values) for _, prepared, values in steps]
    if driver.wire.state == "idle":
        runs.append(_END)
    try:
        await driver.wire.each_rows(runs, answers.append)
    except NATIVE_ERRORS as error:
        failure = in_usual_words(error)
        if len(answers) < len(steps):
            plan, prepared, _ = steps[len(answers)]
            driver.forget_stale(text_of(plan), prepared, error)
            name_statement(failure, len(answers), plan)
        raise failure from None
    results = []
    for index, (plan, prepared, _) in enumerate(steps):
        try:
            results.append(await driver.result(plan, prepared, answers[index]))
        except Exception as error:
            name_statement(error, index, plan)
            raise
    return results
