"""The same data as Arrow tables, and the comparison of a table that was read with the one that was loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from examples.flights.data import Data, Row

TEXT, SMALL, WHOLE, REAL = pa.string(), pa.int16(), pa.int32(), pa.float64()
MOMENT = pa.timestamp("us", "UTC")

# The types of the tables in flights.sql.
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "airlines": {"carrier": TEXT, "name": TEXT},
    "airports": {
        "faa": TEXT,
        "name": TEXT,
        "lat": REAL,
        "lon": REAL,
        "alt": WHOLE,
        "tz": SMALL,
        "dst": TEXT,
        "tzone": TEXT,
    },
    "planes": {
        "tailnum": TEXT,
        "year": SMALL,
        "type": TEXT,
        "manufacturer": TEXT,
        "model": TEXT,
        "engines": SMALL,
        "seats": SMALL,
        "speed": SMALL,
        "engine": TEXT,
    },
    "weather": {
        "origin": TEXT,
        "time_hour": MOMENT,
        "temp": pa.decimal128(5, 2),
        "dewp": pa.decimal128(5, 2),
        "humid": pa.decimal128(5, 2),
        "wind_dir": SMALL,
        "wind_speed": REAL,
        "wind_gust": REAL,
        "precip": pa.decimal128(4, 2),
        "pressure": pa.decimal128(5, 1),
        "visib": pa.decimal128(4, 2),
    },
    "flights": {
        "id": WHOLE,
        "day": pa.date32(),
        "time_hour": MOMENT,
        "carrier": TEXT,
        "flight": SMALL,
        "tailnum": TEXT,
        "origin": TEXT,
        "dest": TEXT,
        "sched_dep_time": SMALL,
        "dep_time": SMALL,
        "dep_delay": SMALL,
        "sched_arr_time": SMALL,
        "arr_time": SMALL,
        "arr_delay": SMALL,
        "air_time": SMALL,
        "distance": WHOLE,
    },
}


def arrow_tables(data: Data) -> dict[str, pa.Table]:
    """Return a table for each list of rows."""
    return {name: _table(rows, pa.schema(COLUMNS[name])) for name, rows in data._asdict().items()}


def differences(name: str, found: pa.Table, source: pa.Table) -> list[str]:
    """Return what differs, by column. Rows come in any order; the first two columns of each table tell them apart."""
    if found.schema != source.schema:
        return [f"types of {name}"]
    if found.num_rows != source.num_rows:
        return [f"{found.num_rows} rows of {name}"]
    keys = [(column, "ascending") for column in source.column_names[:2]]
    found, source = found.sort_by(keys), source.sort_by(keys)
    return [f"{name}.{column}" for column in source.column_names if not found[column].equals(source[column])]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(values, kind) for values, kind in zip(columns, schema.types, strict=True)], schema)
