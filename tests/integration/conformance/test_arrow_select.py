"""Results as Arrow data: how a statement is run, and what reading does to the session, on every adapter alike."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pyarrow as pa
import pytest

from sqlspec import SQL, ArrowResult
from sqlspec.exceptions import (
    DataError,
    NotSupportedError,
    ParameterError,
    SQLParsingError,
    SQLSpecError,
)
from tests.integration.harness import FLAVOURS, Flavour

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

NUMBERS = "select n from generate_series(1, $1::int) n"
READERS = ("reader", "batches")


async def table(session: Any, sql: str, *params: Any, **named: Any) -> pa.Table:
    result: ArrowResult = await session.select_to_arrow(sql, *params, **named)
    found = result.get_data()
    found.validate(full=True)
    return found


async def rows(session: Any, sql: str, *params: Any, **named: Any) -> list[tuple[Any, ...]]:
    found = await table(session, sql, *params, **named)
    return list(zip(*(column.to_pylist() for column in found.columns), strict=True))


# -- statements -------------------------------------------------------------------------------------------------------


async def test_a_table(session: Any) -> None:
    result = await session.select_to_arrow("select n as id, 'x' || n as name from generate_series(1, 3) n")
    assert isinstance(result, ArrowResult)
    found = result.get_data()
    assert found.schema == pa.schema([("id", pa.int32()), ("name", pa.string())])
    assert found.to_pylist() == [{"id": n, "name": f"x{n}"} for n in (1, 2, 3)]
    assert (len(result), result.num_rows, result.num_columns, bool(result)) == (3, 3, 2, True)
    assert result.schema == found.schema
    assert result.to_pandas().to_dict("list") == {"id": [1, 2, 3], "name": ["x1", "x2", "x3"]}
    assert result.to_polars().rows() == [(1, "x1"), (2, "x2"), (3, "x3")]
    assert pl.DataFrame(result).shape == (3, 2)
    assert not session.in_transaction


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("values (1, 'a'), (2, null)", [(1, "a"), (2, None)]),
        ("with x as (select 5 as n) select n, n + 1 from x", [(5, 6)]),
        ("(select 1) union all (select 2) order by 1", [(1,), (2,)]),
        ("select 1;  -- done", [(1,)]),
        ("/* a */ select /* b */ 1 -- c", [(1,)]),
        ("select array[1, 2], null::int[], row(1, 'x') is null", [([1, 2], None, False)]),
        ("select '$1', '?', ':a', '%s', $$ $1 $$", [("$1", "?", ":a", "%s", " $1 ")]),
        ("select '{\"a\": 1}'::jsonb ? 'a'", [(True,)]),
        ("select 10 % 3", [(1,)]),
        ("select inet '10.0.0.1/8', int4range(1, 5), 1.50::money is null", [("10.0.0.1/8", "[1,5)", False)]),
        ("select n from generate_series(1, 3) n order by n desc limit 2", [(3,), (2,)]),
    ],
)
async def test_statements(session: Any, sql: str, expected: list[tuple[Any, ...]]) -> None:
    assert await rows(session, sql) == expected
    async with await session.select_to_arrow(sql, return_format="reader") as reader:
        found = await reader.read_all()
    assert list(zip(*(column.to_pylist() for column in found.columns), strict=True)) == expected


@pytest.mark.parametrize("return_format", ["table", *READERS])
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("show work_mem", "4MB"),
        ("explain (costs off) select 1", "Result"),
        ("execute mine", 5),
        ("call p(null)", 7),
    ],
)
async def test_statements_that_cannot_be_part_of_another(
    session: Any, sql: str, expected: Any, return_format: str
) -> None:
    await session.execute_script(
        "set work_mem = '4MB'; prepare mine as select 5 as n;"
        "create procedure p(inout n int) language plpgsql as $$ begin n := 7; end $$"
    )
    found = await session.select_to_arrow(sql, return_format=return_format)
    data = found.get_data() if return_format == "table" else await found.read_all()
    assert data.columns[0].to_pylist() == [expected]
    assert await session.select_value("select 1") == 1
    await session.execute("deallocate mine")


async def test_returning(session: Any) -> None:
    await session.execute("create table t (id int generated always as identity, n int, at int4range)")
    insert = "insert into t (n, at) select n, '[1,5)' from generate_series($1::int, 3) n returning id, n, at"
    assert await rows(session, insert, 1) == [(1, 1, "[1,5)"), (2, 2, "[1,5)"), (3, 3, "[1,5)")]
    assert await rows(session, "update t set n = n * 10 where id < :top returning n", top=3) == [(10,), (20,)]
    for return_format in READERS:
        sql = "delete from t where id = $1 returning id"
        async with await session.select_to_arrow(sql, 1, return_format=return_format) as reader:
            await reader.read_all()
    cte = "with gone as (delete from t where id = 2 returning n) select n from gone"
    assert await rows(session, cte) == [(20,)]
    assert await rows(session, "merge into t using (values (3)) v(id) on t.id = v.id when matched then delete "
                               "returning t.n") == [(3,)]  # fmt: skip
    assert await session.select_value("select count(*) from t") == 0


async def test_what_a_query_writes_is_stored_once(session: Any) -> None:
    await session.execute_script("""
        create table log (n int);
        create function note(n int) returns int language sql as 'insert into log values (n) returning n';
    """)
    sql = "select note(n) from generate_series(1, 3) n"
    assert await rows(session, sql) == [(1,), (2,), (3,)]
    for return_format in READERS:
        async with await session.select_to_arrow(sql, return_format=return_format) as reader:
            assert (await reader.read_all()).num_rows == 3
    assert await session.select_value("select count(*) from log") == 9


@pytest.mark.parametrize(
    "sql",
    ["insert into t values (1)", "create table x ()", "select 1 into x", "do $$ begin end $$", "set work_mem = 1"],
)
async def test_what_gives_no_rows_is_refused_before_anything_is_sent(session: Any, untouched: Any, sql: str) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match=r"cannot call select_to_arrow\(\): the statement returns no rows"):
            await session.select_to_arrow(sql)


# -- parameters -------------------------------------------------------------------------------------------------------

TRICKY = ["", "'", "''", '"', "\\", "\\'", "$1", "$$", "?", "%s", ":a", "--", "/*", "\n", "ü 𝄞", "x" * 10_000, "'; --"]


async def test_parameters_of_every_form(session: Any) -> None:
    forms: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        ("select $1::int + $2::int", (1, 2), {}),
        ("select $2::int - $1::int + 2", (2, 3), {}),
        ("select ?::int + ?::int", (1, 2), {}),
        ("select %s::int + %s::int", ((1, 2),), {}),
        ("select :a::int + :b::int", ({"a": 1, "b": 2},), {}),
        ("select :a::int + :b::int", (), {"a": 1, "b": 2}),
        ("select %(a)s::int + %(b)s::int", (), {"a": 1, "b": 2}),
        (SQL("select :a::int + :b::int", a=1, b=2), (), {}),
    ]
    for sql, params, named in forms:
        assert await rows(session, sql, *params, **named) == [(3,)]


async def test_tricky_texts_arrive_as_they_are(session: Any) -> None:
    sql = "select $1::text as a, '$1 ? :a %s '' ' || $2 as b, $1 = $3 as c, $tag$ $1 ' $tag$ as d"
    for value in TRICKY:
        found = await rows(session, sql, value, value, value)
        assert found == [(value, "$1 ? :a %s ' " + value, True, " $1 ' ")]


async def test_types_of_parameters(session: Any) -> None:
    moment = datetime.datetime(2026, 3, 1, 12, 30, 5, 123456, tzinfo=datetime.UTC)
    values: dict[str, Any] = {
        "int8": -(2**63),
        "float8": -0.1,
        "bool": True,
        "bytea": bytes(range(256)),
        "timestamptz": moment,
        "date": datetime.date(1, 1, 1),
        "int4[]": [1, None, -3],
        "text[]": ['a"b', "c\\d", "NULL", "", None],
        "numeric(20,5)": Decimal("-12345.67890"),
    }
    for name, value in values.items():
        found = await table(session, f"select $1::{name} as v, $1 is null as gone", value)
        assert found.column("v").to_pylist() == [value], name
        assert found.column("gone").to_pylist() == [False]
        assert (await table(session, f"select $1::{name} as v", None)).column("v").to_pylist() == [None], name
    assert await rows(session, "select -$1::int, 2-$1, 5 - -$1::int", -3) == [(3, 5, 2)]


async def test_wrong_parameters(session: Any, untouched: Any) -> None:
    async with untouched(session):
        for call in (
            lambda: session.select_to_arrow("select $1::int"),
            lambda: session.select_to_arrow("select :a::int", a=1, b=2),
        ):
            with pytest.raises(ParameterError):
                await call()
    with pytest.raises(DataError):
        await session.select_to_arrow("select $1::int", "x")
    assert await rows(session, "select $1::int", 5) == [(5,)]


# -- shapes -----------------------------------------------------------------------------------------------------------


async def test_no_rows_have_a_schema(session: Any) -> None:
    await session.execute("create table t (id int, name text, price numeric(8,2), at timestamptz, tags text[])")
    expected = pa.schema([
        ("id", pa.int32()),
        ("name", pa.string()),
        ("price", pa.decimal128(8, 2)),
        ("at", pa.timestamp("us", tz="UTC")),
        ("tags", pa.list_(pa.string())),
    ])  # fmt: skip
    for sql in ("select * from t", "delete from t returning *"):
        assert (await table(session, sql)).schema.equals(expected)
        async with await session.select_to_arrow(sql, return_format="reader") as reader:
            assert reader.schema.equals(expected)
            assert [batch async for batch in reader] == []


async def test_no_columns(session: Any) -> None:
    await session.execute_script("create table t (); insert into t default values; insert into t default values")
    found = await session.select_to_arrow("select from t")
    assert (found.num_columns, found.num_rows) == (0, 2)
    assert (await session.execute("select from t")).to_arrow().num_rows == 2


async def test_equal_names_are_kept(session: Any) -> None:
    found = await table(session, 'select 1 as a, \'x\' as a, int4range(1, 5) as a, 2 as "a b""c"')
    assert found.column_names == ["a", "a", "a", 'a b"c']
    assert [column.to_pylist() for column in found.columns] == [[1], ["x"], ["[1,5)"], [2]]


async def test_wide_and_long(session: Any) -> None:
    wide = await table(session, "select " + ", ".join(f"{n} as c{n}" for n in range(1000)))
    assert [column.to_pylist() for column in wide.columns] == [[n] for n in range(1000)]
    long = await table(session, "select n, repeat('x', n % 50) as t from generate_series(1, 200000) n")
    assert long.column("n").to_pylist() == list(range(1, 200_001))
    assert long.column("t").to_pylist() == ["x" * (n % 50) for n in range(1, 200_001)]


@pytest.mark.parametrize("size", [1, 3, 10, 1000])
async def test_batch_size(session: Any, size: int) -> None:
    for return_format in READERS:
        async with await session.select_to_arrow(NUMBERS, 10, return_format=return_format, batch_size=size) as reader:
            lengths = [batch.num_rows async for batch in reader]
        assert sum(lengths) == 10
        assert max(lengths) == min(size, 10)
    found = await session.select_to_arrow(NUMBERS, 10, batch_size=size)
    assert found.get_data().column("n").to_pylist() == list(range(1, 11))


async def test_options(session: Any) -> None:
    sql = "select 1.5::numeric(4,2) as d, 2.5::numeric as n"
    types = {
        "declared": [pa.decimal128(4, 2), pa.string()],
        "string": [pa.string(), pa.string()],
        "float64": [pa.float64(), pa.float64()],
        pa.decimal128(20, 6): [pa.decimal128(20, 6)] * 2,
    }
    for numeric, expected in types.items():
        assert (await table(session, sql, numeric=numeric)).schema.types == expected
    for sql, option in (
        ("select 'infinity'::date as v", "infinity"),
        ("select 'NaN'::numeric(4,2) as v", "nan"),
    ):
        with pytest.raises(DataError, match='column "v"'):
            await session.select_to_arrow(sql)
        assert await rows(session, sql, **{option: "null"}) == [(None,)]
    with pytest.raises(DataError, match='column "v"'):
        await session.select_to_arrow("select array[[1,2],[3,4]] as v")
    assert await rows(session, "select array[[1,2],[3,4]] as v", nested="text") == [("{{1,2},{3,4}}",)]
    assert not session.in_transaction


@pytest.mark.parametrize(
    "options",
    [
        {"return_format": "frame"},
        {"batch_size": 0},
        {"batch_size": True},
        {"batch_size": 1.5},
        {"numeric": "exact"},
        {"infinity": "zero"},
        {"nan": "clamp"},
        {"nested": "list"},
        {"timeout": 0},
        {"timeout": "5"},
    ],
)
async def test_impossible_options_are_refused_before_anything_is_sent(
    session: Any, untouched: Any, options: dict[str, Any]
) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError):
            await session.select_to_arrow("select 1", **options)


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("return_format", ["table", *READERS])
@pytest.mark.parametrize("inside", [False, True])
async def test_errors(session: Any, return_format: str, inside: bool) -> None:
    async def read(sql: str) -> None:
        result = await session.select_to_arrow(sql, return_format=return_format)
        if return_format != "table":
            async with result as reader:
                await reader.read_all()

    if inside:
        await session.begin()
        await session.execute("create temp table kept on commit drop as select 1 as n")
    for sql, kind in (
        ("select * from missing", SQLParsingError),
        ("select from from", SQLParsingError),
        ("select 1 / (90000 - n) from generate_series(1, 99999) n", DataError),
        (
            "select case n when 30000 then 'infinity' else date '2020-01-01' end from generate_series(1, 40000) n",
            DataError,
        ),
    ):
        with pytest.raises(kind) as caught:
            await read(sql)
        assert caught.value.sql == sql
        assert session.in_transaction is inside
        if inside:  # it was in a savepoint
            assert await session.select_value("select n from kept") == 1
    if inside:
        await session.commit()
    assert await session.select_value("select 1") == 1


async def test_a_value_without_a_place_is_named(session: Any) -> None:
    sql = "select n, case n when 70000 then 'infinity' else date '2020-01-01' end as d from generate_series(1, 99999) n"
    with pytest.raises(DataError, match='cannot read column "d", row 69999 of the result: infinity') as caught:
        await session.select_to_arrow(sql)
    assert caught.value.column == "d"
    seen = 0
    with pytest.raises(DataError, match='column "d", row 69999 of the result'):
        async with await session.select_to_arrow(sql, return_format="reader", batch_size=1000) as reader:
            async for batch in reader:
                seen += batch.num_rows
    assert seen <= 69_999


async def test_a_table_that_was_altered_since_the_last_call(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour
) -> None:
    table_name = f"{flavour.schema}.t"
    admin.execute(f"create table {table_name} (n int); insert into {table_name} values (5)".encode())
    assert await rows(session, "select * from t") == [(5,)]
    for change, expected in [
        ("alter n type float4", (5.0,)),
        ("alter n type date using '2020-01-01'", (datetime.date(2020, 1, 1),)),
        ("add b numeric(5,2) default 1.5", (datetime.date(2020, 1, 1), Decimal("1.50"))),
        ("alter b type numeric(9,4)", (datetime.date(2020, 1, 1), Decimal("1.5000"))),
        ("drop n", (Decimal("1.5000"),)),
    ]:
        admin.execute(f"alter table {table_name} {change}".encode())
        for _ in range(2):
            assert await rows(session, "select * from t") == [expected]


async def test_a_type_that_was_altered_since_the_last_call(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour
) -> None:
    kind = f"{flavour.schema}.pair"
    admin.execute(f"create type {kind} as (a int, b int)".encode())
    assert await rows(session, "select '(1,2)'::pair") == [({"a": 1, "b": 2},)]
    for change, value, expected in [
        ("add attribute c inet", "(1,2,::1)", {"a": 1, "b": 2, "c": "::1"}),
        ("rename attribute b to d", "(1,2,::1)", {"a": 1, "d": 2, "c": "::1"}),
        ("drop attribute a, add attribute e int", "(2,::1,3)", {"d": 2, "c": "::1", "e": 3}),
        ("alter attribute c type text", "(2,x,3)", {"d": 2, "c": "x", "e": 3}),
    ]:
        admin.execute(f"alter type {kind} {change}".encode())
        assert await rows(session, f"select '{value}'::pair") == [(expected,)]


async def test_arrays_whose_text_would_lose_nulls_are_refused(session: Any) -> None:
    await session.execute("set array_nulls = off")
    for sql, params in [("select $1::text[] as v", (["NULL", None],)), ("select array['::1'::inet, null] as v", ())]:
        with pytest.raises(NotSupportedError, match="array_nulls is off"):
            await session.select_to_arrow(sql, *params)
    assert await rows(session, "select $1::text as v", "NULL") == [("NULL",)]
    await session.execute("set array_nulls = on")
    assert await rows(session, "select $1::text[] as v", ["NULL", None]) == [(["NULL", None],)]


async def test_another_client_encoding_is_refused(session: Any) -> None:
    for name in ("client_encoding", "CLIENT_ENCODING"):
        with pytest.raises(NotSupportedError, match="client_encoding"):
            async with session.transaction():
                await session.execute(f"select set_config('{name}', 'LATIN1', true)")
                await session.select_to_arrow("select 'é'")
    assert await rows(session, "select 'é'") == [("é",)]


# -- results of execute -----------------------------------------------------------------------------------------------


async def test_results_of_execute(session: Any) -> None:
    result = await session.execute("select n as id, 'x' as name, null::date as d from generate_series(1, 2) n")
    expected = pa.table({
        "id": pa.array([1, 2], pa.int32()), "name": ["x", "x"], "d": pa.array([None, None], pa.date32())
    })  # fmt: skip
    assert result.to_arrow().equals(expected)
    chained = session.execute("select 5 as a")
    assert (await chained.to_arrow()).to_pylist() == [{"a": 5}]
    assert result.to_pandas().shape == (2, 3)
    assert result.to_polars().rows() == [(1, "x", None), (2, "x", None)]
    assert (await session.execute("select 1 as a where false")).to_arrow().schema == pa.schema([("a", pa.int32())])
    (stacked,) = await session.execute_stack(["select 5 as a"])
    assert stacked.to_arrow().to_pylist() == [{"a": 5}]


async def test_errors_of_other_kinds_do_not_hide_behind_arrow(session: Any) -> None:
    with pytest.raises(SQLSpecError, match="division by zero"):
        await session.select_to_arrow("select 1 / $1::int", 0)
    assert await rows(session, "select 1 / $1::int", 1) == [(1,)]
