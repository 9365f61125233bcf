"""Rows of Python values as Arrow tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core.result import Column, RawResult
from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow.rows import rows_table
from sqlspec.postgres.arrow.types import ReadOptions, read_columns
from sqlspec.values import Infinity, Interval, Range
from tests.unit.postgres.arrow.tables import HSTORE, MOOD, PAIR, PAIRS, PLACE, VECTOR, numeric, registry
from tests.unit.postgres.codec_cases import CASES


def arrow(oid: int, values: list[Any], typmod: int | None = None, **options: Any) -> pa.Array:
    raw = RawResult([(value,) for value in values], (Column("x", oid),), "tuple", None)
    made = rows_table(raw, registry(), None if typmod is None else [typmod], ReadOptions(**options))
    made.validate(full=True)
    (column,) = read_columns(raw.columns, registry(), [-1 if typmod is None else typmod], ReadOptions(**options))
    assert made.schema == pa.schema([column.field])
    return made.column(0)


@given(st.data(), st.sampled_from(sorted(CASES.values(), key=lambda case: case.oid)))
def test_every_type(data: st.DataObject, case: Any) -> None:
    values = [v for v in data.draw(st.lists(case.values, max_size=4)) if not isinstance(v, Infinity)]
    try:
        made = arrow(case.oid, [*values, None])
    except DataError as error:
        assert "row" in str(error)  # an interval beyond Arrow's range, an infinity inside a range or the like
        return
    assert made.null_count == 1
    assert len(made) == len(values) + 1


@pytest.mark.parametrize(
    ("oid", "values", "expected"),
    [
        (23, [1, None], [1, None]),
        (26, [(1 << 32) - 1], [(1 << 32) - 1]),
        (1700, [Decimal("1.50"), Decimal("1E+3"), Decimal("NaN"), None], ["1.50", "1000", "NaN", None]),
        (2950, [UUID(int=1)], [UUID(int=1).bytes]),
        (3802, [{"a": 1}, "x", None], ['{"a": 1}', '"x"', None]),
        (1184, [datetime(2024, 1, 1, tzinfo=UTC)], [datetime(2024, 1, 1, tzinfo=UTC)]),
        (1186, [Interval(1, -2, 3), None], [(1, -2, 3000), None]),
        (3904, [Range(1, 5), None], ["[1,5)", None]),
        (1007, [[1, None], [], None], [[1, None], [], None]),
        (3905, [[Range(1, 5), None]], [["[1,5)", None]]),
        (2249, [(1, "x")], ["(1,x)"]),
        (2278, [None], [None]),
        (MOOD, ["ok", None, "sad"], ["ok", None, "sad"]),
        (PAIR, [{"a": 1, "b": "x"}, None], [{"a": 1, "b": "x"}, None]),
        (PAIRS, [[{"a": 1, "b": None}, None], None], [[{"a": 1, "b": None}, None], None]),
        (PLACE, [{"net": None, "price": Decimal(1)}], [{"net": None, "price": "1"}]),
        (HSTORE, [{"a": "1", "b": None}, {}, None], [[("a", "1"), ("b", None)], [], None]),
        (VECTOR, [[1.5, 2.0], None], [[1.5, 2.0], None]),
    ],
)
def test_values(oid: int, values: list[Any], expected: list[Any]) -> None:
    made = arrow(oid, values).to_pylist()
    assert [tuple(value) if isinstance(value, pa.MonthDayNano) else value for value in made] == expected


def test_numeric_by_choice() -> None:
    assert arrow(1700, [Decimal("1.5")], numeric(5, 2)).to_pylist() == [Decimal("1.50")]
    assert arrow(1700, [Decimal("1.5")], numeric="float64").to_pylist() == [1.5]
    assert arrow(1700, [Decimal("NaN"), None], numeric(5, 2), nan="null").to_pylist() == [None, None]
    assert arrow(1231, [[Decimal("1.5")]], numeric(5, 2)).to_pylist() == [[Decimal("1.50")]]
    for bad, options in [("NaN", {}), ("1.555", {}), ("1E+400", {"numeric": "float64"})]:
        with pytest.raises(DataError, match="column 'x' .*row 1 of the result"):
            arrow(1700, [None, Decimal(bad)], numeric(5, 2), **options)


def test_arrays_of_several_dimensions() -> None:
    with pytest.raises(DataError, match="row 1 .*dimensions"):
        arrow(1007, [[1], [[1], [2]]])
    assert arrow(1007, [[1], [[1], [2]]], nested="text").to_pylist() == ["{1}", "{{1},{2}}"]


def test_a_value_deep_inside() -> None:
    with pytest.raises(DataError, match="row 2 of the result"):
        arrow(1187, [[], None, [Interval(0, 0, 1), Interval(0, 0, 1 << 62)]])


def test_rows_as_dicts_and_no_rows() -> None:
    columns = (Column("a", 23), Column("b", 25))
    raw = RawResult([{"a": 1, "b": "x"}], columns, "mapping", None)
    assert rows_table(raw, registry()).to_pylist() == [{"a": 1, "b": "x"}]
    twice = RawResult([(1, 2)], (Column("a", 23), Column("a", 20)), "tuple", None)
    assert rows_table(twice, registry()).schema.types == [pa.int32(), pa.int64()]
    empty = RawResult([], columns, "tuple", None)
    assert rows_table(empty, registry()).schema == pa.schema([("a", pa.int32()), ("b", pa.string())])
    assert rows_table(RawResult([], (), "tuple", 0), registry()).num_columns == 0
