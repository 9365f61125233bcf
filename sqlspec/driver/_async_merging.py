# The synchronous twin is generated from this file by tools/unasync.py.
"""Upsert, update and delete: rows that wait in a temporary table, and the statement that they are for.

Imports pyarrow, so it is imported by the first load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import CONDITIONS
from sqlspec.postgres.arrow.merging import Merged, bad_keys, refusal
from sqlspec.postgres.sql import release, rollback_to, savepoint

if TYPE_CHECKING:
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.postgres.arrow.merging import MergeSQL

__all__ = ("check_keys", "merge", "stage")

SAVEPOINT = "sqlspec_merge"

REFUSALS = {
    CONDITIONS[name] for name in ("unique_violation", "syntax_error", "feature_not_supported", "wrong_object_type")
}
"""Errors of the quick statement that say nothing of the other one."""


async def stage(driver: AsyncDriver, sql: MergeSQL) -> None:
    """Make the temporary table, and let the server plan what is to come: it refuses that before rows are sent.

    Raises:
        SQLParsingError: There is no unique index for the key, or its values cannot be compared.
    """
    try:
        await driver.execute_script(f"{sql.create};\n{sql.check}")
    except driver.native_errors as error:
        refused = refusal(sql.target, driver.error_info(error))
        if refused is None:
            raise
        raise refused from error


async def check_keys(driver: AsyncDriver, sql: MergeSQL) -> None:
    """See to it that each row in the temporary table has a key of its own, without NULL.

    Raises:
        DataError: Lists the rows that have not.
    """
    ((count,),) = await driver.fetch_text(sql.count_bad_keys)
    if count != "0":
        raise bad_keys(sql.target, int(count or 0), await driver.fetch_text(sql.show_bad_keys))


async def merge(driver: AsyncDriver, sql: MergeSQL) -> Merged:
    """Change the target by the rows in the temporary table."""
    if sql.mode != "upsert":
        return Merged.of(await driver.fetch_text(sql.apply()))
    await driver.execute_script(savepoint(SAVEPOINT))
    try:
        counts = await driver.fetch_text(sql.quick)
    except driver.native_errors as error:
        if driver.error_info(error).sqlstate not in REFUSALS:
            raise
        await driver.execute_script(rollback_to(SAVEPOINT))
        counts = await driver.fetch_text(sql.apply())
    await driver.execute_script(release(SAVEPOINT))
    return Merged.of(counts)
