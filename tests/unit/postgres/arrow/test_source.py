"""Sources of loads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, ParameterError
from sqlspec.postgres.arrow._wire import Encoder
from sqlspec.postgres.arrow.convert import PackedType
from sqlspec.postgres.arrow.plan import LoadOptions, plan_load
from sqlspec.postgres.arrow.source import open_source, records_source
from sqlspec.postgres.arrow.target import Target
from sqlspec.postgres.codec import MissingTypesError
from sqlspec.values import INFINITY, Json, Range
from tests.unit.postgres.arrow.tables import MOOD, PAIR, PAIRS, column, registry, table

TABLE = pa.table({"a": list(range(10)), "b": ["x"] * 10})


# --- Arrow data --------------------------------------------------------------------------------------------


class Stream:
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return TABLE.__arrow_c_stream__(requested_schema)


class Array:
    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return TABLE.to_batches()[0].__arrow_c_array__(requested_schema)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TABLE,
        lambda: TABLE.to_batches()[0],
        lambda: TABLE.to_reader(3),
        Stream,
        Array,
        lambda: [TABLE.slice(0, 4), TABLE.slice(4)],
        lambda: iter(TABLE.to_batches(3)),
        lambda: pa.concat_tables([TABLE.slice(0, 4), TABLE.slice(4)]),
    ],
)
def test_all_sources(make: Any) -> None:
    source = open_source(make(), 4)
    batches = list(source)
    assert source.schema == TABLE.schema
    assert all(0 < batch.num_rows <= 4 for batch in batches)
    assert pa.Table.from_batches(batches) == TABLE


def test_data_frames() -> None:
    import pandas as pd
    import polars as pl

    assert pa.Table.from_batches(open_source(pl.DataFrame({"a": [1, 2]}))).to_pydict() == {"a": [1, 2]}
    assert pa.Table.from_batches(open_source(pd.DataFrame({"a": [1, 2]}))).to_pydict() == {"a": [1, 2]}


def test_an_index_that_is_not_in_the_data() -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": [1, 2], "a": ["x", "y"]})
    named = frame.set_index(pd.RangeIndex(1, 3, name="id")).drop(columns="id")
    for source in (named, pa.Table.from_pandas(named), pa.RecordBatch.from_pandas(named), [pa.table(named)]):
        with pytest.raises(ParameterError, match=r"index 'id' is a range, .*; call reset_index\(\) to"):
            open_source(source)
    expected = frame.to_dict("list")
    for source in (frame, named.reset_index(), frame.set_index("id", drop=False).set_index(frame["id"] * 1)):
        assert pa.Table.from_batches(open_source(source)).select(["id", "a"]).to_pydict() == expected
    assert open_source(named.reset_index(drop=True)).schema.names == ["a"]
    assert open_source(pa.table({"a": [1]}).replace_schema_metadata({"pandas": "[]"})).schema.names == ["a"]
    assert open_source(pa.table({"a": [1]}).replace_schema_metadata({"pandas": "{"})).schema.names == ["a"]


def test_slices_by_size() -> None:
    small = pa.table({"a": pa.array(range(200_000))})
    sizes = [batch.num_rows for batch in open_source(small)]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 1 << 15
    large = pa.table({"a": ["x" * 300_000] * 10})
    assert all(batch.nbytes < 2 << 20 for batch in open_source(large))
    # The mean says nothing of a row that is larger than all others.
    skewed = pa.table({"a": ["x" * 8_000_000, *["x"] * 1000, "y" * 8_000_000]})
    assert all(batch.nbytes < 9_000_000 for batch in open_source(skewed))


def test_nothing_is_read_ahead() -> None:
    read: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(3):
            read.append(number)
            yield pa.record_batch({"a": [number]})

    source = iter(open_source(batches()))
    assert read == [0]
    next(source)
    assert read == [0]


def test_empty_sources() -> None:
    assert list(open_source(TABLE.slice(0, 0))) == []
    with pytest.raises(ParameterError, match="no schema"):
        open_source([])


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ({"a": [1]}, "pyarrow.table"),
        ("file.parquet", "read the file"),
        (Path("x"), "read the file"),
        (5, "no Arrow data"),
        ([{"a": 1}], "load_from_records"),
    ],
)
def test_what_is_no_source(source: Any, advice: str) -> None:
    with pytest.raises(ParameterError, match=advice):
        open_source(source)


def test_batches_of_another_schema() -> None:
    source = open_source([TABLE, TABLE.select(["a"])])
    with pytest.raises(DataError, match="batch 1"):
        list(source)
    with pytest.raises(ParameterError, match="item 1"):
        list(open_source([TABLE, 5]))


# --- records -----------------------------------------------------------------------------------------------

TARGET = table(column("a", 23), column("b", 25), column("c", 1007))


@dataclass
class Plain:
    a: int
    b: str | None


class Struct(msgspec.Struct):
    a: int
    b: str | None


class Named(NamedTuple):
    a: int
    b: str | None


def rows_of(records: Any, target: Target = TARGET, copies: bool = True, **options: Any) -> list[Any]:
    source = records_source(records, target, registry(), copies=copies, **options)
    plan = plan_load(target, source.schema, registry(), LoadOptions(), copies)
    rows: list[Any] = []
    for batch in source:
        made = plan.convert(batch, 0)
        Encoder(plan.wires).encode(made)
        rows += zip(*made.to_pydict().values(), strict=True)
    return rows


@pytest.mark.parametrize(
    "records",
    [
        [{"a": 1, "b": "x"}, {"b": None, "a": 2}],
        [Plain(1, "x"), Plain(2, None)],
        [Struct(1, "x"), Struct(2, None)],
        [Named(1, "x"), Named(2, None)],
    ],
)
def test_all_kinds_of_records(records: Any) -> None:
    one, two = (1).to_bytes(4, "big"), (2).to_bytes(4, "big")
    assert rows_of(records) == [(one, b"x"), (two, None)]
    assert rows_of(iter(records), columns=["b"]) == [(b"x",), (None,)]


def test_tuples_need_names_or_all_columns() -> None:
    assert len(rows_of([(1, "x", [1]), [2, None, None]])) == 2
    assert len(rows_of([(1, "x")], columns=["a", "b"])) == 1
    with pytest.raises(ParameterError, match="columns="):
        rows_of([(1, "x")])
    with pytest.raises(ParameterError, match="no named fields"):
        rows_of([5])


def test_values_follow_the_rules_of_parameters() -> None:
    types = [20, 701, 1700, 1082, 1083, 1114, 1184, 1186, 2950, 3802, 869, 3904, 17, 16, MOOD, PAIR, 1009, 790]
    target = table(*(column(f"c{number}", oid) for number, oid in enumerate(types)))
    record = (
        1,
        1.5,
        Decimal("NaN"),
        INFINITY,
        time(1),
        "2024-01-01T00:00:00",
        datetime(2024, 1, 1, tzinfo=UTC),
        timedelta(1),
        str(UUID(int=1)),
        Json([1]),
        ip_address("::1"),
        Range(1, 2),
        b"x",
        True,
        "sad",
        {"a": 1, "b": "x"},
        [["a"], ["b"]],
        Decimal("1.50"),
    )
    codecs = registry()
    (made,) = rows_of([record], target)
    for oid, value, data in zip(types, record, made, strict=True):
        codec = codecs.get(oid)
        assert codec is not None
        assert data == codec.encode(value)


def test_lists_inside_an_insert() -> None:
    target = table(column("l", 1231), column("p", PAIRS), column("j", 3807), column("d", 1182))
    record = ([Decimal("1.50"), None], [{"a": 1, "b": 'x"'}], [Json([1]), '{"a": 2}'], [date(2024, 1, 1)])
    assert rows_of([record, (None,) * 4], target, copies=False) == [
        ('{"1.50",NULL}', r'{"(\"1\",\"x\\\"\")"}', '{"[1]","{\\"a\\": 2}"}', '{"J2460311"}'),
        (None, None, None, None),
    ]
    with pytest.raises(DataError, match="column 'l': record 1 .*dimensions"):
        rows_of([record, ([[1], [2]], None, None, None)], target, copies=False)


def test_types_that_only_the_server_parses() -> None:
    target = table(column("r", 2205), column("l", 1009))
    source = records_source([("pg_class", ["a"])], target, registry())
    plan = plan_load(target, source.schema, registry(), LoadOptions(), True)
    assert plan.technique == "unnest"
    assert [plan.convert(batch, 0).to_pylist() for batch in source] == [[{"r": "pg_class", "l": '{"a"}'}]]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([{"a": 1}, {"a": "x"}], "column 'a': record 1 .*a str was given"),
        ([{"a": 1}, {"a": 1 << 40}], "column 'a': record 1 .*outside"),
        ([{"a": 1}, {"b": 1}], "record 1: it has no 'a'"),
        ([{"a": 1}, {"a": 1, "b": "x"}], "record 1: it has 'b'"),
        ([{"a": 1}, (1,)], "record 1: a tuple was given"),
        ([(1, "x", None), (1,)], "record 1: it has 1 values"),
        ([Plain(1, "x"), Named], "record 1"),
        ([Plain(1, "x"), {"a": 1, "b": "x"}], "record 1: a dict was given, not a Plain; all records"),
        ([{"x": 1}], "no column 'x'"),
    ],
)
def test_records_that_do_not_fit(records: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        rows_of(records)


def test_records_are_read_piecewise() -> None:
    read: list[int] = []

    def records() -> Iterator[dict[str, Any]]:
        for number in range(100_000):
            read.append(number)
            yield {"a": number, "b": "x"}

    batches = iter(records_source(records(), TARGET, registry()))
    first = next(batches)
    assert first.num_rows == len(read) < 100_000
    large = ({"b": "x" * 300_000} for _ in range(20))
    assert max(batch.num_rows for batch in records_source(large, TARGET, registry())) < 6
    assert [b.num_rows for b in records_source([(1, "", None)] * 5, TARGET, registry(), batch_rows=2)] == [2, 2, 1]


def test_no_record_is_lost_when_a_type_is_unknown() -> None:
    records = iter([{"a": 1}])
    with pytest.raises(MissingTypesError):
        records_source(records, table(column("a", 23), column("u", 23)._replace(oid=91234)), registry())
    assert next(records) == {"a": 1}


def test_no_records() -> None:
    source = records_source([], TARGET, registry(), columns=["a"])
    assert source.schema.names == ["a"]
    assert list(source) == []
    assert isinstance(source.schema.field("a").type, PackedType)
