# The synchronous twin is generated from this file by tools/unasync.py.
"""A load, from the table's description to the last row, inside a transaction of the session's.

Imports pyarrow, so it is imported by the first load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlspec.driver._aio import blocking, closing
from sqlspec.driver._async_learning import with_types
from sqlspec.driver._async_merging import check_keys, merge, stage
from sqlspec.driver._async_quarantine import merge_sifted, store_sifted
from sqlspec.driver._loading import Load, altered, held_types, missing, present
from sqlspec.postgres.arrow._wire import Encoder
from sqlspec.postgres.arrow.merging import merge_target
from sqlspec.postgres.arrow.target import parse_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pyarrow as pa

    from sqlspec.core.result import LoadJob
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._loading import LoadRequest
    from sqlspec.postgres.arrow.target import Target

__all__ = ("load_now", "may_store_others", "prepared_target", "target_of")


async def load_now(driver: AsyncDriver, request: LoadRequest, loads: list[Load]) -> LoadJob:
    """Load rows as they were asked for, inside the caller's transaction.

    Args:
        driver: The connection.
        request: What was asked for.
        loads: Gets the load as soon as it is planned, for who looks into its failure.
    """
    target = await prepared_target(driver, request, request.label, request.create_sql)
    if request.key:
        target = merge_target(target, request.mode, request.key)
    # Before a record is taken, which could not be put back.
    codecs = await with_types(driver.learn_types, held_types, target, driver.derived.codecs)
    load = Load(request, target, codecs, copies=bool(driver.spec.capabilities.copy_in))
    loads.append(load)
    if load.merge is not None:
        await stage(driver, load.merge)
    if request.clear:
        await driver.execute_script(request.clear_sql)
    stored = await store(driver, load)
    # A binary COPY takes whatever has the right length, and an INSERT casts; now that the table is locked, its
    # columns stay.
    if not load.still_has(await driver.fetch_text(load.columns_query)):
        raise altered(request.label)
    await check_count(driver, load, stored)
    if load.merge is None:
        return load.job(stored, {"inserted": stored}, load.rejected)
    if load.rejects is None:
        await check_keys(driver, load.merge)
        merged = await merge(driver, load.merge)
    else:
        merged = await merge_sifted(driver, load, load.merge, load.rejects)
    await driver.execute_script(load.merge.drop)
    return load.job(merged.rows, merged.counts(request.mode), load.rejected)


async def prepared_target(
    driver: AsyncDriver, request: LoadRequest, label: str, create_sql: Callable[[], str]
) -> Target:
    """Return the table of a load; make it first where that was asked for.

    Args:
        driver: The connection.
        request: What was asked for.
        label: The same in words, for errors.
        create_sql: Gives the statement that makes the table.

    Raises:
        SQLParsingError: There is no such table.
        ParameterError: It should be made and is there.
    """
    target = await target_of(driver, request)
    if request.create:
        if target is not None:
            raise present(request.name)
        await driver.execute_script(create_sql())
        target = await target_of(driver, request)
    if target is None:
        raise missing(label)
    return target


async def target_of(driver: AsyncDriver, request: LoadRequest) -> Target | None:
    """Return what the server knows of a table."""
    return parse_target(await driver.fetch_text(request.target_query))


async def store(driver: AsyncDriver, load: Load) -> int:
    """Send all rows of a load; return how many the server has stored."""
    if load.rejects is not None:
        return await store_sifted(driver, load, load.rejects)
    if load.plan.technique == "copy":
        async with closing(stream_of(load)) as stream:
            return await driver.copy_in(load.copy_target, stream)
    stored = 0
    while (batch := await load_batch(load)) is not None:
        parameters = load.arrays(batch)
        stored += await driver.execute_binary(load.plan.insert_sql, parameters)
        load.sent(batch.num_rows, sum(len(value) for _, value in parameters if value is not None))
    return stored


async def load_batch(load: Load) -> pa.RecordBatch | None:
    """Return the source's next batch in the layouts of the plan; `None` at the end."""
    batch = await blocking(load.take) if load.source.blocks else load.take()
    return None if batch is None else load.convert(batch)


async def stream_of(load: Load) -> AsyncIterator[bytes]:
    """Yield the stream of a binary COPY.

    Raises:
        DataError: A value does not fit.
        RowsError: The source, or the progress function, raised an error of its own.
    """
    head = Encoder.header()
    while (batch := await load_batch(load)) is not None:
        piece = load.encode(batch, head)
        yield piece
        head = b""
        load.sent(batch.num_rows, len(piece))
    yield head + Encoder.trailer()


async def check_count(driver: AsyncDriver, load: Load, stored: int) -> None:
    """Refuse a number of stored rows that nothing explains.

    Raises:
        OperationalError: The server has stored another number than was sent.
    """
    if stored == load.rows:
        return
    if load.merge is not None:  # the temporary table stores what it gets
        raise load.miscounted(stored)
    if not await may_store_others(driver, load.target):
        raise load.miscounted(stored)


async def may_store_others(driver: AsyncDriver, target: Target) -> bool:
    """Tell whether a table may store other rows than those that are sent."""
    # What becomes of the rows of a view, the triggers and rules of the tables behind it decide.
    if target.has_rules or target.kind == "v":
        return True
    ((triggers,),) = await driver.fetch_text(target.triggers_query)
    return triggers != "0"
