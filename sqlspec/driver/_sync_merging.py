# Generated from _async_merging.py by tools/unasync.py. Do not edit.
"""Upsert, update and delete: rows that wait in a temporary table, and the statement that they are for.

Imports pyarrow, so it is imported by the first load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.exceptions import CONDITIONS
from sqlspec.postgres.arrow.merging import Merged, bad_keys, refusal
from sqlspec.postgres.sql import release, rollback_to, savepoint

if TYPE_CHECKING:
    from sqlspec.driver._sync_driver import SyncDriver
    from sqlspec.postgres.arrow.merging import MergeSQL

__all__ = ("check_keys", "merge", "stage")

SAVEPOINT = "sqlspec_merge"

REFUSALS = {
    CONDITIONS[name] for name in ("unique_violation", "syntax_error", "feature_not_supported", "wrong_object_type")
}
"""Errors of the quick statement that say nothing of the other one."""


def stage(driver: SyncDriver, sql: MergeSQL) -> None:
    """Make the temporary table, and let the server plan what is to come: it refuses that before rows are sent.

    Raises:
        SQLParsingError: There is no unique index for the key, or its values cannot be compared.
    """
    try:
        driver.execute_script(f"{sql.create};\n{sql.check}")
    except driver.native_errors as error:
        refused = refusal(sql.target, driver.error_info(error))
        if refused is None:
            raise
        raise refused from error


def check_keys(driver: SyncDriver, sql: MergeSQL) -> None:
    """See to it that each row in the temporary table has a key of its own, without NULL.

    Raises:
        DataError: Lists the rows that have not.
    """
    ((count,),) = driver.fetch_text(sql.count_bad_keys)
    if count != "0":
        raise bad_keys(sql.target, int(count or 0), driver.fetch_text(sql.show_bad_keys))


def merge(driver: SyncDriver, sql: MergeSQL) -> Merged:
    """Change the target by the rows in the temporary table."""
    if sql.mode != "upsert":
        return Merged.of(driver.fetch_text(sql.apply()))
    driver.execute_script(savepoint(SAVEPOINT))
    try:
        counts = driver.fetch_text(sql.quick)
    except driver.native_errors as error:
        if driver.error_info(error).sqlstate not in REFUSALS:
            raise
        driver.execute_script(rollback_to(SAVEPOINT))
        counts = driver.fetch_text(sql.apply())
    driver.execute_script(release(SAVEPOINT))
    return Merged.of(counts)
