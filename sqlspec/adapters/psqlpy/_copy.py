"""Rows in bulk into psqlpy, whose COPY takes a whole stream at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._batch import together
from sqlspec.adapters.psqlpy._dollars import hide_placeholders
from sqlspec.adapters.psqlpy._errors import refusal
from sqlspec.adapters.psqlpy._native import CustomType, Error
from sqlspec.adapters.psqlpy._results import read_rows
from sqlspec.core.result import RawResult
from sqlspec.driver._statements import with_returning
from sqlspec.postgres.enclose import enclose
from sqlspec.postgres.sql import quote_identifier, quote_literal, quote_qualified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlspec.adapters.psqlpy._statements import Prepared
    from sqlspec.adapters.psqlpy.driver import PsqlpyDriver
    from sqlspec.core.plan import Plan
    from sqlspec.driver._types import CopyTarget

    Call = tuple[str, list[Any], bool]
    """Text, parameters, and whether the driver keeps it prepared."""

__all__ = ("copy_in", "execute_binary", "execute_binary_then")

BLOCK = 4 << 20
"""Bytes for one COPY, which the driver copies as a whole; several are faster than one."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


async def copy_in(driver: PsqlpyDriver, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
    """Store rows; see `AsyncDriver.copy_in`."""
    if not target.proven:
        await _check(driver, target)
    return await driver.run(_store(driver, target, pieces))


async def _check(driver: PsqlpyDriver, target: CopyTarget) -> None:
    """Wait for the table's lock, and let the server refuse what it would refuse at the start of a COPY.

    There the driver loses the connection: it expects the server to be ready for rows. EXPLAIN checks names and
    privileges like COPY and runs nothing, no trigger either.
    """
    table = quote_qualified((target.schema, target.table))
    columns, nulls = ", ".join(map(quote_identifier, target.columns)), ", ".join(["null"] * len(target.columns))
    filling = f"insert into {table} ({columns}) overriding system value"  # like COPY
    await driver.fetch_text(hide_placeholders(f"explain {filling} select {nulls} where false"))
    sql = (
        "select pg_catalog.current_setting('transaction_read_only'), relpersistence::pg_catalog.text "
        f"from pg_catalog.pg_class where oid = {quote_literal(table)}::pg_catalog.regclass"
    )
    ((read_only, persistence),) = await driver.fetch_text(hide_placeholders(sql))
    if read_only == "on" and persistence != "t":
        raise refusal("cannot execute COPY FROM in a read-only transaction")


async def _store(driver: PsqlpyDriver, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
    """Store the rows of a stream as several whole streams."""
    columns = list(map(quote_identifier, target.columns))  # the driver quotes the other names, and not these

    async def copy(block: bytes) -> int:
        count: int = await driver._link.connection.binary_copy_to_table(block, target.table, columns, target.schema)
        driver.heed_request()
        return count

    held: list[bytes] = []  # the first begins with the stream's own header, the last ends with its trailer
    size = count = 0
    async for piece in pieces:
        driver.heed_request()  # it may have been waited for
        if size >= BLOCK:
            count += await copy(b"".join([*held, _TRAILER]))
            held, size = [_HEADER], 0
        held.append(piece)
        size += len(piece)
    return count + await copy(b"".join(held))


async def execute_binary(
    driver: PsqlpyDriver, sql: str, parameters: Sequence[tuple[int, bytes | None]], rows: int | None
) -> int:
    """Run a data change of ours; see `AsyncDriver.execute_binary`."""
    values = [None if value is None else CustomType(value) for _, value in parameters]
    if rows is not None:
        await _store_kept(driver, sql, values)
        return rows
    sql = hide_placeholders(sql)
    counting = enclose(with_returning(sql), 1, ["pg_catalog.count(*)"])
    if counting is not None and await driver._can_be_prepared(counting):
        ((count,),) = (await driver.run(driver._fetch(counting, values, False))).result(None, True)
        return int(count)
    # A rule of the table forbids RETURNING, so what it has done with the rows is not told.
    await driver.run(driver._fetch(sql, values, False))
    return max((_length(value) for _, value in parameters), default=0)


async def execute_binary_then(
    driver: PsqlpyDriver,
    sql: str,
    parameters: Sequence[tuple[int, bytes | None]],
    rows: int,
    plan: Plan,
    args: Sequence[Any],
) -> tuple[int, RawResult]:
    """Run a data change of ours and a query, both sent at once; see `AsyncDriver.execute_binary_then`."""
    values = [None if value is None else CustomType(value) for _, value in parameters]
    query, bound = await driver._bound(plan, args)
    answer = await _store_kept(driver, sql, values, (query.text, bound, not query.once))
    return rows, RawResult(await read_rows(driver, query, answer), query.columns, "tuple", None)


async def _store_kept(driver: PsqlpyDriver, sql: str, values: list[Any], *further: Call) -> Any:
    """Run a statement of ours that is kept, and others behind it; return the last answer."""
    prepared = await _prepared(driver, sql, len(values))
    first: Call = (prepared.text, values, True)
    try:
        return (await driver.run(together([driver._fetch(*call) for call in (first, *further)])))[-1]
    except Error as error:
        driver._statements.discard(sql)
        driver._forgotten.append(prepared.name)
        if driver.error_info(error).message == f'prepared statement "{prepared.name}" does not exist':
            driver._forget_all()  # then the others are gone, too
        raise


async def _prepared(driver: PsqlpyDriver, sql: str, arity: int) -> Prepared:
    """Return a statement of ours without rows, which is kept."""
    prepared = driver._statements.get(sql)
    if prepared is None:
        prepared, _ = await driver._describe(sql, sql, arity)
        prepared.learnt = prepared.reader = None
        evicted = driver._statements.add(sql, prepared)
        if evicted is not None:
            driver._drop(evicted)
    prepared.used = True
    return prepared


def _length(array: bytes | None) -> int:
    """Return the length of an array in the binary format; 0 for an empty one, which has no dimension."""
    return int.from_bytes(array[12:16]) if array is not None else 0
