# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""One statement for many rows of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.pyro_postgres._errors import in_usual_words, is_canceled, stopped
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.core.result import RawResult
from sqlspec.driver._statements import COUNTED_VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlspec.adapters.pyro_postgres._async_driver import AsyncPyroPostgresDriver
    from sqlspec.adapters.pyro_postgres._async_prepare import Prepared
    from sqlspec.core.plan import Plan

__all__ = ("MOST_BYTES", "MOST_READ", "counting", "run_batch")

MOST_BYTES = 65_536
"""Parameters sent before answers are read. More could fill the buffers on both ways, and both sides would wait."""

MOST_READ = 100
"""Statements that give rows sent before their answers are read."""

_MOST_DROPPED = 1000
"""The same, without rows."""

_COUNT = "sqlspec.rows"
_COUNTING = (
    f"returning pg_catalog.set_config('{_COUNT}', "
    f"(pg_catalog.current_setting('{_COUNT}')::pg_catalog.int8 + 1)::pg_catalog.text, true)"
)
"""Counts rows in a setting of the transaction: the driver's batches are fast, and tell no count."""


async def run_batch(driver: AsyncPyroPostgresDriver, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
    """Run a statement for each row of values, in the caller's transaction."""
    if not plan.reads_or_writes:
        return await _one_by_one(driver, plan, rows)
    sql = plan.sql
    counted = False
    if plan.verb in COUNTED_VERBS and not plan.returns_rows:
        counted = await _can_count(driver, plan)
        if counted:
            sql = counting(plan)
    prepared, encoded = await driver.statements.bound_rows(sql, rows)
    try:
        if counted:
            return RawResult((), (), "tuple", await _count(driver, prepared, encoded))
        if prepared.columns is None:
            return RawResult((), (), "tuple", await _count_tags(driver, prepared, encoded))
        found: list[Any] = []
        for chunk in _chunks(driver, encoded, MOST_READ):
            for answer in await driver.wire.many_rows(prepared.statement, chunk):
                found += answer
    except NATIVE_ERRORS as error:
        driver.forget_stale(sql, prepared, error)
        raise in_usual_words(error) from None
    return RawResult(await driver.decoded(prepared, found), prepared.columns, "tuple", len(found))


def counting(plan: Plan) -> str:
    """Return the text of a data change that counts the rows which it changes."""
    return f"{plan.body}\n{_COUNTING}"


async def _can_count(driver: AsyncPyroPostgresDriver, plan: Plan) -> bool:
    """Prepare a batch with RETURNING; `False` when a rule of the table forbids that.

    The refusal would abort the caller's transaction, so the first attempt is made in a savepoint.
    """
    sql = counting(plan)
    if driver.statements.get(sql) is not None:
        return True
    await driver.execute_script("savepoint sqlspec_count")
    try:
        await driver.statements.prepare(sql)
    except NATIVE_ERRORS as error:
        if driver.wire.broken or is_canceled(error):
            raise
        await driver.execute_script("rollback to sqlspec_count; release sqlspec_count")
        return False
    await driver.execute_script("release sqlspec_count")
    return True


async def _count(driver: AsyncPyroPostgresDriver, prepared: Prepared, encoded: Iterator[Any]) -> int:
    await driver.wire.script(f"set local {_COUNT} = '0'")
    for chunk in _chunks(driver, encoded, _MOST_DROPPED):
        await driver.wire.batch(prepared.statement, chunk)
    ((count,),) = await driver.wire.query(f"show {_COUNT}")
    return int(count)


async def _count_tags(driver: AsyncPyroPostgresDriver, prepared: Prepared, encoded: Iterator[Any]) -> int:
    count = 0
    for chunk in _chunks(driver, encoded, 1):
        count += await driver.wire.count(prepared.statement, chunk[0])
    return count


async def _one_by_one(driver: AsyncPyroPostgresDriver, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
    found: list[Any] = []
    columns: Any = ()
    count: int | None = 0
    for row in rows:
        answer = await driver.execute(plan, row)
        found += answer.rows
        columns = answer.columns
        count = None if count is None or answer.rows_affected is None else count + answer.rows_affected
    return RawResult(found, columns, "tuple", count)


def _chunks(
    driver: AsyncPyroPostgresDriver, encoded: Iterator[list[bytes | None]], most: int
) -> Iterator[list[list[bytes | None]]]:
    """Yield encoded rows in pieces that may be sent at once.

    Raises:
        PostgresError: The time limit of the whole batch has passed, or it was cancelled between two pieces.
    """
    stopper = driver.wire.stopper
    asked = stopper.asked
    chunk: list[list[bytes | None]] = []
    size = 0
    for values in encoded:
        chunk.append(values)
        size += sum([8 if value is None else len(value) + 8 for value in values])
        if len(chunk) >= most or size >= MOST_BYTES:
            driver.limits.check()
            yield chunk
            if stopper.asked != asked:
                raise stopped()
            chunk, size = [], 0
    if chunk:
        yield chunk
