"""Stacks of statements that are known: sent one behind the other, without waiting for what the first one gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.adapters.psqlpy._batch import AHEAD, together
from sqlspec.adapters.psqlpy._native import Error
from sqlspec.adapters.psqlpy._results import read_rows
from sqlspec.adapters.psqlpy._statements import staleness_of
from sqlspec.core.result import RawResult
from sqlspec.driver._statements import ROW_COUNT_VERBS, name_statement
from sqlspec.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlspec.adapters.psqlpy._batch import Values
    from sqlspec.adapters.psqlpy._statements import Prepared
    from sqlspec.adapters.psqlpy.driver import PsqlpyDriver
    from sqlspec.core.plan import Plan
    from sqlspec.driver._types import Entries

__all__ = ("run_stack",)


class _Step(NamedTuple):
    """One statement of a stack, with its parameters as they are sent."""

    plan: Plan
    prepared: Prepared
    values: Values


async def run_stack(
    driver: PsqlpyDriver, entries: Entries, one_by_one: Callable[[Entries], Awaitable[list[RawResult]]]
) -> list[RawResult]:
    """Run the statements in the caller's transaction, together if they can be sent so."""
    steps = _ready(driver, entries)
    if steps is None:
        return await one_by_one(entries)
    answers = await _answers(driver, steps)
    results = []
    for index, (step, answer) in enumerate(zip(steps, answers, strict=True)):
        try:
            results.append(await _result(driver, step, answer))
        except Exception as error:
            name_statement(error, index, step.plan)
            raise
    return results


def _ready(driver: PsqlpyDriver, entries: Entries) -> list[_Step] | None:
    """Return what can be sent as it is, all at once; `None` where one statement has to be run before the next.

    That is so outside of a transaction, where each is committed by itself; for statements that are not prepared yet,
    change what others mean, or have values that do not fit.
    """
    if driver.status() != "active" or len(entries) > AHEAD:
        return None
    steps: list[_Step] = []
    try:
        for plan, args in entries:
            prepared = driver._statements.get(plan.sql)
            if prepared is None or prepared.once or prepared.learnt not in (None, driver.derived.codecs.generation):
                return None
            if plan.changes_session or not plan.reads_or_writes:
                return None
            if prepared.reader is None and not prepared.counted:  # it may make a table
                return None
            prepared.used = True
            steps.append(_Step(plan, prepared, prepared.bind(args) if args else []))
    except DataError:
        return None
    return steps


async def _answers(driver: PsqlpyDriver, steps: list[_Step]) -> list[Any]:
    """Send all, in their order. What was sent behind one that fails does nothing: the transaction has failed."""
    fetch = driver._fetch
    calls = [
        fetch(prepared.text, values, True) if prepared.execute is None else prepared.execute()
        for _, prepared, values in steps
    ]
    ended: list[Any] = []
    try:
        return await driver.run(together(calls, ended))
    except Error as error:
        # None has, where a request to stop came behind the last of them.
        failed = next((index for index, end in enumerate(ended) if isinstance(end, BaseException)), None)
        if failed is not None:
            step = steps[failed]
            driver._forget_stale(step.plan, staleness_of(step.plan, step.prepared, driver.error_info(error)))
            name_statement(error, failed, step.plan)
        raise


async def _result(driver: PsqlpyDriver, step: _Step, answer: Any) -> RawResult:
    plan, prepared, _ = step
    if prepared.reader is None:
        return RawResult((), (), "tuple", len(answer.result(None, True)))
    rows = await read_rows(driver, prepared, answer)
    return RawResult(rows, prepared.columns, "tuple", len(rows) if plan.verb in ROW_COUNT_VERBS else None)
