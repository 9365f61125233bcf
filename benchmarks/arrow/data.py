"""The data sets: what is loaded and read. Each is made from a seed, so every run has the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ("DATA_SETS", "STREAM", "DataSet", "Stream")

SEED = 2013
START = 1_356_998_400_000_000
"""2013-01-01 in microseconds."""
YEAR = 365 * 86_400_000_000
NULLS = 0.1

# Most of these hold something that a text format has to quote.
PLAIN = ("plain", "two words", "NULL", "")
WORDS = (*PLAIN, 'a "quoted" one', "it's", "new\nline", "tab\tand\\", "a,b;c", "Ünïcödé", "日本語")
Columns: TypeAlias = "dict[str, tuple[str, pa.Array]]"
"""Name of each column: its PostgreSQL type and its values."""


class DataSet(NamedTuple):
    """A table to measure with.

    Attributes:
        name: What the tables of the report call it.
        rows: Number of rows of a full run.
        make: Returns that many rows.
    """

    name: str
    rows: int
    make: Callable[[np.random.Generator, int], Columns]

    def table(self, rows: int) -> tuple[pa.Table, dict[str, str]]:
        """Return the table, in one chunk as `pa.table` gives it, and the PostgreSQL type of each column."""
        columns = self.make(np.random.default_rng(SEED), rows)
        return pa.table({name: values for name, (_, values) in columns.items()}), {
            name: sql for name, (sql, _) in columns.items()
        }


def narrow(random: np.random.Generator, rows: int) -> Columns:
    """Numbers and a time: little data per row."""
    return {
        "id": ("int8", _numbers(rows)),
        "value": ("float8", pa.array(random.normal(size=rows))),
        "moment": ("timestamptz", _times(START + np.arange(rows) * 1_000_003, "UTC")),
    }


def mixed(random: np.random.Generator, rows: int) -> Columns:
    """Six columns, as a table of events has them."""
    return {
        "id": ("int8", _numbers(rows)),
        "kind": ("int4", pa.array(random.integers(-1000, 1000, rows, dtype=np.int32))),
        "value": ("float8", pa.array(random.normal(size=rows))),
        "active": ("bool", pa.array(random.integers(0, 2, rows).astype(bool))),
        "moment": ("timestamptz", _times(START + random.integers(0, YEAR, rows), "UTC")),
        "name": ("text", _texts(random, rows, 4)),
    }


def wide(random: np.random.Generator, rows: int) -> Columns:
    """Twenty columns, a tenth of the values NULL, with numerics, bytes, and times from before 2000."""

    def whole(kind: type[np.signedinteger[Any]]) -> pa.Array:
        limits = np.iinfo(kind)
        return pa.array(random.integers(limits.min, limits.max, rows, dtype=kind))

    moments = random.integers(-30 * YEAR, 30 * YEAR, rows)
    data = pa.py_buffer(random.bytes(16 * rows))
    columns = {
        "small": ("int2", whole(np.int16)),
        "whole": ("int4", whole(np.int32)),
        "large": ("int8", whole(np.int64)),
        "larger": ("int8", whole(np.int64)),
        "half": ("float4", pa.array(random.normal(size=rows).astype(np.float32))),
        "x": ("float8", pa.array(random.normal(size=rows))),
        "y": ("float8", pa.array(random.normal(size=rows))),
        "z": ("float8", pa.array(random.normal(size=rows))),
        "active": ("bool", pa.array(random.integers(0, 2, rows).astype(bool))),
        "day": ("date", pa.array(random.integers(-10_000, 20_000, rows, dtype=np.int32)).cast(pa.date32())),
        "hour": ("timestamp", _times(moments, None)),
        "moment": ("timestamptz", _times(moments[::-1].copy(), "UTC")),
        "price": ("numeric(12,2)", _decimals(random.integers(-(10**9), 10**9, rows), 12, 2)),
        "rate": ("numeric(20,6)", _decimals(random.integers(-(10**15), 10**15, rows), 20, 6)),
        "data": ("bytea", pa.Array.from_buffers(pa.binary(16), rows, [None, data]).cast(pa.binary())),
        **{name: ("text", _texts(random, rows, 2)) for name in ("first", "second", "third", "fourth")},
    }
    return {"id": ("int8", _numbers(rows))} | {
        name: (sql, _with_nulls(random, values)) for name, (sql, values) in columns.items()
    }


def text(random: np.random.Generator, rows: int) -> Columns:
    """Five texts of about 79 bytes, with line breaks, quotes and characters of several bytes."""
    names = ("title", "author", "summary", "body", "comment")
    return {"id": ("int8", _numbers(rows))} | {name: ("text", _texts(random, rows, 10)) for name in names}


class Stream(NamedTuple):
    """Rows that are made while they are loaded: more than a client wants to hold.

    Attributes:
        rows: Number of rows of a full run.
        batch_rows: Rows per batch.
        types: PostgreSQL type of each column.
        query: SQL that gives the same rows; `{rows}` is their number.
    """

    rows: int
    batch_rows: int
    types: dict[str, str]
    query: str

    @property
    def schema(self) -> pa.Schema:
        """Return the types of the batches."""
        names = ("id", "name", "value", "moment")
        kinds = (pa.int64(), pa.string(), pa.float64(), pa.timestamp("us", "UTC"))
        return pa.schema(list(zip(names, kinds, strict=True)))

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield so many rows."""
        for begin in range(0, rows, self.batch_rows):
            numbers = np.arange(begin, min(rows, begin + self.batch_rows))
            ids = pa.array(numbers)
            names = pc.binary_join_element_wise(pa.scalar("name"), ids.cast(pa.string()), " ")
            columns = [ids, names, pa.array(numbers / 4), _times(START + numbers * 1_000_000, "UTC")]
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)


DATA_SETS = (
    DataSet("narrow", 1_000_000, narrow),
    DataSet("mixed", 500_000, mixed),
    DataSet("wide", 200_000, wide),
    DataSet("text", 200_000, text),
)
STREAM = Stream(
    10_000_000,
    65_536,
    {"id": "int8", "name": "text", "value": "float8", "moment": "timestamptz"},
    "select i as id, 'name ' || i as name, i / 4.0::float8 as value, "
    "timestamptz '2013-01-01 00:00Z' + i * interval '1 second' as moment from generate_series(0::int8, {rows} - 1) i",
)


def _numbers(rows: int) -> pa.Array:
    return pa.array(np.arange(rows, dtype=np.int64))


def _times(values: np.ndarray[Any, Any], zone: str | None) -> pa.Array:
    return pa.array(values).cast(pa.timestamp("us", zone))


def _decimals(unscaled: np.ndarray[Any, Any], precision: int, scale: int) -> pa.Array:
    """Return decimals of these digits: each is an integer of 128 bits, and the upper half is the sign."""
    halves = np.stack([unscaled, unscaled >> 63], axis=1)
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(unscaled), [None, pa.py_buffer(halves.tobytes())])


def _texts(random: np.random.Generator, rows: int, words: int) -> pa.Array:
    vocabulary = pa.array(WORDS)
    picks = (vocabulary.take(pa.array(random.integers(0, len(WORDS), rows))) for _ in range(words))
    return pc.binary_join_element_wise(*picks, "-")


def _with_nulls(random: np.random.Generator, values: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(random.random(len(values)) >= NULLS), values, pa.scalar(None, values.type))
