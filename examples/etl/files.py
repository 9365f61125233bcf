"""The files that arrive: the flights of the year, what has changed in some of them, and some that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from examples.flights.data import read_data
from examples.flights.tables import arrow_tables

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = 2000
REPEATED = 500
NEW = 300
"""Rows of the second delivery that are there with other values, with the same values, and not at all."""

WRONG = {
    "carrier": ("an airline that does not exist", "??"),
    "distance": ("a distance that cannot be", "-1"),
    "day": ("a day that is none", "2013-02-30"),
    "dest": ("no destination", ""),
}
"""By column: what is wrong with a row of the third delivery, and the text that stands there."""


class Delivery(NamedTuple):
    """Files, and what is known of them.

    Attributes:
        airlines: Parquet, all airlines.
        flights: Parquet, the flights of the year.
        changes: Parquet, flights that were corrected, that were sent again, and new ones.
        late: CSV, flights that were handed in late; a few of them are wrong.
        rows: Rows of `flights`.
        good: Rows of `late` that are right.
    """

    airlines: Path
    flights: Path
    changes: Path
    late: Path
    rows: int
    good: int


def write_files(folder: Path, limit: int | None = None) -> Delivery:
    """Write the files that the pipeline reads.

    Args:
        folder: Where to write them.
        limit: Take only so many flights.
    """
    tables = arrow_tables(read_data(limit))
    flights = tables["flights"]
    delivery = Delivery(
        folder / "airlines.parquet",
        folder / "flights.parquet",
        folder / "changes.parquet",
        folder / "late.csv",
        flights.num_rows,
        200 - len(WRONG),
    )
    pq.write_table(tables["airlines"], delivery.airlines)
    pq.write_table(flights, delivery.flights)
    pq.write_table(_changes(flights), delivery.changes)
    pa.csv.write_csv(_late(flights), delivery.late)
    return delivery


def _changes(flights: pa.Table) -> pa.Table:
    """Return flights whose delay was corrected, some that are as they were, and some with new numbers."""
    changed = flights.slice(0, CHANGED)
    place = flights.column_names.index("arr_delay")
    corrected = pc.if_else(changed["arr_delay"].is_null(), 0, pc.add(changed["arr_delay"], 1)).cast(pa.int16())
    changed = changed.set_column(place, "arr_delay", corrected)
    return pa.concat_tables([changed, flights.slice(CHANGED, REPEATED), _renumbered(flights, NEW, 1)])


def _late(flights: pa.Table) -> pa.Table:
    """Return texts, as a CSV file holds them; every fiftieth row has a mistake."""
    rows = _renumbered(flights, 200, 1 + NEW)
    columns = {name: rows[name].cast(pa.string()).to_pylist() for name in rows.column_names}
    for number, (column, (_, text)) in enumerate(WRONG.items()):
        columns[column][number * 50] = text or None
    return pa.table(columns)


def _renumbered(flights: pa.Table, count: int, first: int) -> pa.Table:
    """Return the last flights once more, with numbers behind all others."""
    rows = flights.slice(flights.num_rows - count)
    numbers = pa.array(range(flights.num_rows + first, flights.num_rows + first + count), pa.int32())
    return rows.set_column(0, "id", numbers)
