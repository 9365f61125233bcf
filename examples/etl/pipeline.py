"""The pipeline itself: the part to read. Each step is one call, and each is all or nothing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from examples.etl.files import CHANGED, NEW, REPEATED, WRONG
from sqlspec.etl import copy_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from examples.etl.files import Delivery
    from sqlspec import SQLSpec
    from sqlspec.driver import AsyncConfig

FIRST_DAY = date(2013, 1, 1)


class Step(NamedTuple):
    """What one step has done.

    Attributes:
        name: What it is.
        rows: Rows that it moved.
        seconds: Time that it took.
        note: What is worth knowing.
        right: It did what was expected.
    """

    name: str
    rows: int
    seconds: float
    note: str
    right: bool


async def run(
    warehouse: AsyncConfig[Any],
    reporting: AsyncConfig[Any],
    delivery: Delivery,
    sql: SQLSpec,
    folder: Path,
    report: Callable[[Step], None],
) -> pa.Table:
    """Run all steps.

    Args:
        warehouse: The database that the files go to.
        reporting: The second database, through another driver.
        delivery: The files.
        sql: The statements of schema.sql.
        folder: Where the mended rows and the aggregate are written.
        report: Called after each step.

    Returns:
        The rejected rows.
    """
    async with warehouse.provide_session() as session:
        await session.execute_script(sql.get_sql("create-tables"))
        await session.load_from_storage("airlines", delivery.airlines)

        job = await session.load_from_storage("flights", delivery.flights)
        report(Step("load", job.rows, job.seconds, f"Parquet, {job.technique}", job.rows == delivery.rows))

        job = await session.load_from_storage("flights", delivery.changes, mode="upsert", key=["id"])
        found = (job.inserted, job.updated, job.unchanged)
        note = "{} inserted, {} updated, {} unchanged".format(*found)
        report(Step("upsert", job.rows, job.seconds, note, found == (NEW, CHANGED, REPEATED)))

        job = await session.load_from_storage("flights", delivery.late, on_error="quarantine", max_rejected=50)
        rejected = job.rejected
        assert rejected is not None
        right = (job.rows, rejected.num_rows) == (delivery.good, len(WRONG))
        report(Step("quarantine", job.rows, job.seconds, f"CSV, {rejected.num_rows} rows rejected", right))

        mended = folder / "mended.csv"
        csv.write_csv(mend(rejected), mended)
        job = await session.load_from_storage("flights", mended)
        report(Step("mend", job.rows, job.seconds, "the rejected rows, corrected", job.rows == len(WRONG)))

        path = folder / "delays.parquet"
        written = await session.select_to_storage(sql.get_sql("delays-by-month"), path, first=FIRST_DAY)
        total = pc.sum(pq.read_table(path)["flights"]).as_py()
        expected = delivery.rows + NEW + delivery.good + len(WRONG)
        report(Step("aggregate", written.rows, written.seconds, f"Parquet, of {total:,} flights", total == expected))

    async with reporting.provide_session() as session:
        await session.execute_script(sql.get_sql("create-copy"))
    copied = await copy_table(warehouse, reporting, "flights", "flights", partitions=2, verify="checksum")
    note = f"{copied.technique}, {copied.partitions} partitions, verified by {copied.verified}"
    report(Step("copy", copied.rows, copied.seconds, note, copied.rows == expected))

    sums = [await checksum(config, sql) for config in (warehouse, reporting)]
    report(Step("compare", sums[0][0], 0.0, f"checksum {sums[0][1]:x}", sums[0] == sums[1]))
    return rejected


def mend(rejected: pa.Table) -> pa.Table:
    """Return the rejected rows with something that is right in the place of each mistake."""
    right = {"carrier": "UA", "distance": "100", "day": "2013-02-28", "dest": "ORD"}
    rows = []
    for row in rejected["record"].to_pylist():
        wrong = {column: right[column] for column, (_, text) in WRONG.items() if (row[column] or "") == text}
        rows.append({**row, **wrong})
    return pa.Table.from_pylist(rows, pa.schema(rejected.schema.field("record").type.fields))


async def checksum(config: AsyncConfig[Any], sql: SQLSpec) -> tuple[int, int]:
    """Return how many flights there are, and a number that depends on all of their values."""
    async with config.provide_session() as session:
        rows, total = await session.select_one(sql.get_sql("checksum"), schema_type=tuple)
        return rows, int(total) % 2**64
