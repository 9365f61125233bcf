"""What a reader may choose: infinite dates, NaN, the type of numeric, arrays of several dimensions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, ParameterError
from tests.integration.harness import FLAVOURS

pytestmark = [
    pytest.mark.only(*(name for name in FLAVOURS if name != "stub")),
    pytest.mark.asyncio(loop_scope="module"),
]


async def column(session: Any, sql: str, *params: Any, **options: Any) -> pa.ChunkedArray:
    table = (await session.select_to_arrow(sql, *params, **options)).get_data()
    table.validate(full=True)
    return table.column("v")


async def refused(session: Any, row: int, sql: str, *params: Any, **options: Any) -> None:
    with pytest.raises(DataError, match=rf'column "v", row {row} of the result') as caught:
        await session.select_to_arrow(sql, *params, **options)
    assert caught.value.column == "v"
    assert await session.select_value("select 1") == 1


# -- infinity ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["date", "timestamp", "timestamptz"])
async def test_infinite_dates(session: Any, name: str) -> None:
    sql = f"select '2024-02-29'::{name} as v union all select 'infinity' union all select '-infinity'"
    await refused(session, 1, sql)
    await refused(session, 1, sql, infinity="error")
    nulls = await column(session, sql, infinity="null")
    assert [scalar.is_valid for scalar in nulls] == [True, False, False]
    bits = 32 if name == "date" else 64
    clamped = await column(session, sql, infinity="clamp")
    assert [scalar.value for scalar in clamped][1:] == [(1 << (bits - 1)) - 1, -(1 << (bits - 1))]
    assert nulls[0] == clamped[0]


@pytest.mark.parametrize("name", ["date", "timestamp", "timestamptz"])
async def test_infinite_dates_in_arrays_and_composites(session: Any, name: str) -> None:
    lists = f"select array[null]::{name}[] as v union all select array['2024-02-29', 'infinity']::{name}[]"
    await refused(session, 1, lists)
    found = await column(session, lists, infinity="null")
    assert [[scalar.is_valid for scalar in items.values] for items in found] == [[False], [True, False]]
    clamped = await column(session, lists, infinity="clamp")
    assert clamped[1].values[1].value == (1 << (31 if name == "date" else 63)) - 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("date", ["4714-11-24 BC", "5874897-12-31"]),
        ("timestamp", ["4714-11-24 00:00:00 BC", "290000-01-01 00:00:00.000001"]),
        ("timestamptz", ["4714-11-24 00:00:00+00 BC", "290000-01-01 00:00:00.000001+00"]),
    ],
)
async def test_dates_that_python_has_not(session: Any, server: Any, name: str, values: list[str]) -> None:
    by = "/ 86400" if name == "date" else "* 1000000"
    for value in values:
        (found,) = await column(session, f"select '{value}'::{name} as v")
        ((wanted,),) = server.rows(f"select trunc(extract(epoch from '{value}'::{name}) {by})::int8")
        assert found.value == wanted


async def test_times_beyond_the_epoch_of_arrow(session: Any) -> None:
    await refused(session, 0, "select '294276-12-31 23:59:59'::timestamp as v")
    await refused(session, 0, "select '24:00'::time as v")


# -- numeric ----------------------------------------------------------------------------------------------------


async def test_nan(session: Any) -> None:
    sql = "select 1.25::numeric(5,2) as v union all select 'NaN'::numeric(5,2)"
    await refused(session, 1, sql)
    assert (await column(session, sql, nan="null")).to_pylist() == [Decimal("1.25"), None]
    assert (await column(session, sql, numeric="string")).to_pylist() == ["1.25", "NaN"]
    assert str((await column(session, sql, numeric="float64")).to_pylist()) == "[1.25, nan]"
    await refused(session, 0, "select array[1, 'NaN']::numeric(5,2)[] as v")
    assert (await column(session, "select array[1, 'NaN']::numeric(5,2)[] as v", nan="null")).to_pylist() == [
        [Decimal("1.00"), None]
    ]


async def test_infinite_numbers(session: Any) -> None:
    sql = "select 1.5::numeric as v union all select 'Infinity' union all select '-Infinity'"
    assert (await column(session, sql)).to_pylist() == ["1.5", "Infinity", "-Infinity"]
    await refused(session, 1, sql, numeric=pa.decimal128(10, 2))
    found = await column(session, sql, numeric=pa.decimal128(10, 2), nan="null")
    assert found.to_pylist() == [Decimal("1.50"), None, None]
    assert (await column(session, sql, numeric="float64")).to_pylist() == [1.5, float("inf"), float("-inf")]


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("numeric(1)", pa.decimal128(1, 0)),
        ("numeric(38,38)", pa.decimal128(38, 38)),
        ("numeric(39)", pa.decimal256(39, 0)),
        ("numeric(76,30)", pa.decimal256(76, 30)),
        ("numeric(77,30)", pa.string()),
        ("numeric(1000,1000)", pa.string()),
        ("numeric(3,5)", pa.decimal128(5, 5)),
        ("numeric(3,-5)", pa.decimal128(8, 0)),
        ("numeric", pa.string()),
    ],
)
async def test_the_declared_precision(session: Any, declared: str, kind: pa.DataType) -> None:
    value = "0.00123" if declared == "numeric(3,5)" else "0"
    found = await column(session, f"select '{value}'::{declared} as v union all select null::{declared}")
    assert found.type == kind
    assert [None if item is None else Decimal(item) for item in found.to_pylist()] == [Decimal(value), None]
    assert (await column(session, f"select '{value}'::{declared} as v where false")).type == kind
    assert (await column(session, f"select array[{value}]::{declared}[] as v")).type == pa.list_(kind)


@pytest.mark.parametrize("precision", [1, 4, 5, 17, 18, 19, 37, 38, 39, 75, 76])
async def test_the_greatest_numbers_of_a_precision(session: Any, precision: int) -> None:
    for scale in {0, 1, precision // 2, precision}:
        digits = "9" * precision
        number = f"{digits[: precision - scale]}.{digits[precision - scale :]}"
        values = [number, f"-{number}", "0"]
        rows = " union all ".join(f"select '{value}'::numeric({precision},{scale}) as v" for value in values)
        found = await column(session, rows)
        assert found.type == (pa.decimal128 if precision <= 38 else pa.decimal256)(precision, scale)
        assert found.to_pylist() == [Decimal(value) for value in values]


async def test_a_decimal_type_of_ones_own(session: Any) -> None:
    sql = "select 1.25::numeric as v union all select 1000"
    found = await column(session, sql, numeric=pa.decimal128(6, 2))
    assert found.type == pa.decimal128(6, 2)
    assert found.to_pylist() == [Decimal("1.25"), Decimal("1000.00")]
    await refused(session, 0, sql, numeric=pa.decimal128(6, 1))
    await refused(session, 1, sql, numeric=pa.decimal128(5, 2))
    assert (await column(session, sql, numeric=pa.decimal256(50, 2))).to_pylist() == found.to_pylist()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("select v from money_table where false", pa.decimal128(7, 3)),
        ("select max(v) as v from money_table", pa.string()),
        ("select v from money_table union all select v from money_table", pa.decimal128(7, 3)),
        ("select v from money_table union all select 1.5", pa.string()),
        ("with q as (select v from money_table) select v from q where v = $1", pa.decimal128(7, 3)),
        ("select case when v > $1 then v end as v from money_table limit 0", pa.string()),
        ("insert into money_table values ($1) returning v", pa.decimal128(7, 3)),
        ("with gone as (delete from money_table returning v) select v from gone where v <> $1", pa.decimal128(7, 3)),
        ("update money_table set v = v + $1 returning v + 1 as v", pa.string()),
        ("select v from money_table where v is distinct from $1 for update", pa.decimal128(7, 3)),
        ("select v from money_table where $1::numeric is null or '$1' = 'x' -- $1", pa.decimal128(7, 3)),
    ],
)
async def test_the_precision_in_any_statement(session: Any, statement: str, kind: pa.DataType) -> None:
    params = (Decimal("1.5"),) if "$1" in statement else ()
    await session.execute("create table money_table (v numeric(7,3))")
    try:
        await session.execute("insert into money_table values (1.5), (null)")
        writes = any(word in statement for word in ("insert", "delete", "update"))
        async with session.transaction(readonly=not writes):
            assert (await column(session, statement, *params)).type == kind
    finally:
        await session.execute("drop table money_table")


# -- arrays of several dimensions ---------------------------------------------------------------------------------


async def test_arrays_of_several_dimensions(session: Any) -> None:
    sql = "select array[1, 2] as v union all select array[[1, 2], [3, null]]"
    await refused(session, 1, sql)
    found = await column(session, sql, nested="text")
    assert found.type == pa.string()
    assert found.to_pylist() == ["{1,2}", "{{1,2},{3,NULL}}"]
    await refused(session, 0, "select '{{a},{b}}'::text[] as v")
    assert (await column(session, "select '{}'::int4[] as v")).to_pylist() == [[]]
    assert (await column(session, "select '[5:6]={1,2}'::int4[] as v")).to_pylist() == [[1, 2]]


# -- what a refusal says to do ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "options", "advice"),
    [
        ("'infinity'::date", {}, 'infinity="null" or "clamp"'),
        ("'NaN'::numeric(4, 2)", {}, 'nan="null" or numeric="string"'),
        ("'{{1},{2}}'::int[]", {}, 'nested="text"'),
        ("'24:00'::time", {}, "select it with ::text"),
        ("1.25", {"numeric": pa.decimal128(9, 1)}, 'numeric="string"'),
        ("1000.0", {"numeric": pa.decimal128(2, 0)}, "select it with ::text"),
    ],
)
async def test_a_refusal_says_what_to_do(session: Any, value: str, options: Any, advice: str) -> None:
    sql = f"select {value} as v"
    with pytest.raises(DataError, match=f"row 0 of the result: .*; .*{advice}"):
        await session.select_to_arrow(sql, **options)
    assert (await column(session, f"select ({value})::text as v")).null_count == 0


async def test_a_result_of_rows_advises_what_it_can_do(session: Any) -> None:
    result = await session.execute("select '{{1},{2}}'::int[] as v")
    advice = r'select it with ::text, or use select_to_arrow\(nested="text"\)$'
    with pytest.raises(DataError, match=f"row 0 of the result does not fit: the array has several dim.*; {advice}"):
        result.to_arrow()


# -- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"numeric": "decimal"},
        {"numeric": pa.int64()},
        {"numeric": pa.decimal32(5, 2)},
        {"numeric": None},
        {"infinity": "max"},
        {"nan": "clamp"},
        {"nested": "list"},
        {"return_format": "pandas"},
        {"batch_size": 0},
        {"batch_size": True},
    ],
)
async def test_options_that_there_are_not(session: Any, untouched: Any, option: dict[str, Any]) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match=next(iter(option))):
            await session.select_to_arrow("select 1.5::numeric as v", **option)


async def test_choices_hold_in_batches_too(session: Any) -> None:
    sql = (
        "select n, case when n = 3 then 'infinity' else '2024-02-29'::timestamptz end as v from generate_series(1, 5) n"
    )
    async with session.transaction():
        result = await session.select_to_arrow(sql, return_format="batches", infinity="null", batch_size=2)
        async with result as batches:
            rows = [row for batch in [batch async for batch in batches] for row in batch.to_pylist()]
    day = datetime(2024, 2, 29, tzinfo=UTC)
    assert [row["v"] for row in rows] == [day, day, None, day, day]
