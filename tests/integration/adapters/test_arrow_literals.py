"""Parameters as literals: the server reads in the text what it reads with the parameters bound."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sqlspec.core.plan import Compiler
from sqlspec.driver._async_literals import with_literals
from sqlspec.exceptions import DataError

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync")

compiler = Compiler()


async def literal(session: Any, sql: str, *args: Any, **named: Any) -> str:
    plan = compiler.plan(sql)
    async with session.transaction():
        return await with_literals(session.driver, plan, plan.bind(args, named))


async def check(session: Any, sql: str, *args: Any, **named: Any) -> None:
    """Compare the rows of a statement with parameters to those of its text with literals."""
    plan = compiler.plan(sql)
    text = await literal(session, sql, *args, **named)
    bound = await session.driver.execute(plan, plan.bind(args, named))
    spliced = await session.driver.execute(replace(plan, sql=text, arity=0, tail=0, mappers={}), ())
    assert list(map(tuple, spliced.rows)) == list(map(tuple, bound.rows))
    assert [column.oid for column in spliced.columns] == [column.oid for column in bound.columns]
    # As a part of another statement, as COPY has it.
    await session.driver.execute_script(f"select from (\n{text}\n) as q")


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("select -$1::int4", (-5,)),
        ("select - $1::float8 ^ 2", (3.0,)),
        ("select 2 ^ $1::float8", (-1.5,)),
        ("select $1::int4 % 3, 7%$1", (-5,)),
        ("select(1)+$1::int4", (5,)),
        ("select ($1::int4[])[2], $1[1]", ([1, 2],)),
        ("select array_length($1::int4[][], 1)", ([[1, None], [3, 4]],)),
        ("select g from generate_series(1, 9) g limit $1 offset $2", (3, 2)),
        ("select g from generate_series(1, 9) g fetch first $1 rows only", (3,)),
        ("select g from generate_series(1, 3) g order by $1::int4, g desc", (1,)),
        ("select interval '1 day' * $1", (2.5,)),
        ("select $1::interval, $2::text || 'x'", (timedelta(days=-3, seconds=5), "a")),
        ("select 5 in ($1, $2), 5 = any($3::int4[]), 5 between $1 and $2", (4, 6, [5])),
        ("select case when $1 then 'yes' else 'no' end", (True,)),
        ("select $1::text is null, coalesce($1, 'none'), $2::int4 is distinct from null", (None, None)),
        ('select \'$1\', $1::text, $$ $1 $$, "$1" from (select 1 as "$1") q -- $1\n /* $1 */', ("x",)),
        ("select $1::text, length($1)", ("quote ' \" back\\slash % %L \n new \t tab $1 é 日本",)),
        ("select octet_length($1::bpchar), $1::varchar", ("ab  ",)),
        ("select $1::bit varying", ("10110",)),
        ("select $1::bytea, $2::uuid, $3::jsonb", (b"\0\xff'\\", uuid.uuid4(), {"a'": ["\\"]})),
        ("select $1::numeric, $2::date", (Decimal("1.50"), date(2024, 2, 29))),
        (
            "select extract(year from $1::timestamp), substring($2::text from $3 for 2)",
            (datetime(2024, 1, 1), "abc", 2),
        ),
        ("select $1::timestamptz at time zone $2", (datetime(2024, 1, 1, 12, tzinfo=UTC), "Asia/Kolkata")),
        ("select $2::text, $1::int4, $2", (1, "b")),
        ("with q as (select $1::int4 as a) select a from q -- the end", (1,)),
        ("/* head */ select $1::int4; -- tail ;", (1,)),
        ("; select $1::int4", (1,)),
        ("values ($1::int4, $2::text)", (1, "it's")),
    ],
)
async def test_a_text_with_literals_gives_what_the_parameters_give(session: Any, sql: str, args: Any) -> None:
    await check(session, sql, *args)


@pytest.mark.parametrize(
    ("sql", "args", "named"),
    [
        ("select :a::int4 as a, :b::text as b, :a as c", (), {"a": 1, "b": ":a"}),
        ("select %(a)s::int4 as a, 5 %% 3 as b, %(b)s::text as c", (), {"a": 1, "b": "%(a)s %%"}),
        ("select %s::int4 as a, %s::text as b", (1, "%s"), {}),
        ("select ?::jsonb ?? 'a' as a, ?::text as b", ({"a": 1}, "?"), {}),
    ],
)
async def test_placeholders_of_every_style_are_replaced(session: Any, sql: str, args: Any, named: Any) -> None:
    await check(session, sql, *args, **named)


async def test_types_of_the_user_are_named_by_the_server(session: Any) -> None:
    await session.execute_script("""
        create type "Odd ""Mood" as enum ('it''s', 'fine');
        create domain short as varchar(3) check (value <> 'no');
        create type pair as (a int4, b text, c "Odd ""Mood"[]);
    """)
    await check(session, 'select $1::"Odd ""Mood" as a, $2::"Odd ""Mood"[] as b', "it's", ["fine", None])
    await check(session, "select $1::short as a, length($1) as b", "abc")
    pair = (1, 'x,"y', ["it's"])
    await check(session, "select ($1::pair).b as a, $1.c[1]::text as b, $2::int4 as c", pair, 1)


@pytest.mark.parametrize(
    ("settings", "sql", "args"),
    [
        ({"extra_float_digits": "-10"}, "select $1::float8 = float8 '0.1' + float8 '0.2' as a", (0.1 + 0.2,)),
        (
            {"datestyle": "Postgres, DMY", "timezone": "Asia/Kolkata"},
            "select extract(epoch from $1::timestamptz) as a, $2::date - date '2024-02-01' as b",
            (datetime(2024, 1, 2, 3, tzinfo=UTC), date(2024, 3, 4)),
        ),
        (
            {"intervalstyle": "sql_standard"},
            "select extract(epoch from $1::interval) as a",
            (timedelta(days=-1, hours=3, microseconds=1),),
        ),
        ({"bytea_output": "escape"}, "select $1::bytea as a", (bytes(range(256)),)),
    ],
)
async def test_settings_of_the_session_do_not_change_a_value(session: Any, settings: Any, sql: str, args: Any) -> None:
    names = list(settings)
    shown = ", ".join(f"current_setting('{name}') as {name}" for name in names)
    async with session.transaction():
        for name, value in settings.items():
            await session.driver.execute_script(f"set local {name} = '{value}'")
        before = await session.select_one(f"select {shown}")
        await check(session, sql, *args)
        assert await session.select_one(f"select {shown}") == before


async def test_a_statement_without_parameters_stays_as_it_is(session: Any, untouched: Callable[..., Any]) -> None:
    async with session.transaction():
        driver = session.driver
        async with untouched(session):
            found = await with_literals(driver, compiler.plan("; /* a */ select '$1' -- b\n; -- c"), ())
    assert found == "/* a */ select '$1'"


async def test_a_value_is_checked_as_everywhere(session: Any) -> None:
    with pytest.raises(DataError, match=r"\$2 as int4: a str was given"):
        await literal(session, "select $1::text, $2::int4", "a", "b")
