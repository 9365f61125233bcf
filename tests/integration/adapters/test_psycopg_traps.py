"""Where psycopg differs from the canonical values: each trap on the bare driver, and closed by the adapter.

A test that fails in its first half tells of a release that has changed the driver.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from sqlspec.exceptions import DataError
from tests.integration.harness import FLAVOURS, Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")


@pytest.fixture
def raw(dsn: str) -> Iterator[Any]:
    with psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
        yield connection


def value(raw: Any, sql: str, *args: Any) -> Any:
    return raw.execute(sql, args, binary=True).fetchone()[0]


async def test_the_release_is_one_the_adapter_was_written_for() -> None:
    low, high = re.findall(r"\d+\.\d+", FLAVOURS["psycopg"].spec.tested_with)
    assert low in psycopg.__version__
    assert high not in psycopg.__version__


# -- parameters ----------------------------------------------------------------------------------------------


async def test_types_of_parameters_are_taken_from_the_values(raw: Any, session: Any) -> None:
    assert value(raw, "select $1", 5) == 5
    assert await session.select_value("select $1", "5") == "5"
    with pytest.raises(DataError, match=r"\$1 as text: an int was given"):
        await session.select_value("select $1", 5)


async def test_a_float_bound_to_an_integer_is_rounded_by_the_server(raw: Any, session: Any) -> None:
    assert value(raw, "select $1::int4", 1.9) == 2
    raw.execute("create temp table rounded (a int)")
    raw.execute("insert into rounded values ($1)", (Decimal("1.5"),))
    assert value(raw, "select a from rounded") == 2
    await session.execute("create temp table rounded (a int)")
    for wrong in (1.9, Decimal("1.5")):
        with pytest.raises(DataError, match="as int4"):
            await session.execute("insert into rounded values ($1)", wrong)


async def test_a_datetime_bound_to_a_date_loses_its_time(raw: Any, session: Any) -> None:
    moment = datetime(2024, 1, 1, 23, 59)
    assert value(raw, "select $1::date", moment) == date(2024, 1, 1)
    with pytest.raises(DataError, match="as date: a datetime was given"):
        await session.select_value("select $1::date", moment)


async def test_a_naive_datetime_is_taken_to_be_in_the_zone_of_the_session(raw: Any, session: Any) -> None:
    raw.execute("set timezone = 'Asia/Kolkata'")
    moment = datetime(2024, 1, 1, 12)
    assert value(raw, "select $1::timestamptz at time zone 'UTC'", moment) == datetime(2024, 1, 1, 6, 30)
    with pytest.raises(DataError, match="a naive datetime was given"):
        await session.select_value("select $1::timestamptz", moment)


async def test_the_same_statement_has_other_types_for_other_values(raw: Any, session: Any) -> None:
    sql = "select pg_typeof($1)::text"
    assert {value(raw, sql, number) for number in (1, 2**20, 2**40)} == {"smallint", "integer", "bigint"}
    sql = "select pg_typeof(a)::text from (select $1::int8 as a) as q"
    assert {await session.select_value(sql, number) for number in (1, 2**20, 2**40)} == {"bigint"}


# -- results -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03"),
        ("'12.34'::money", Decimal("12.34")),
        ("b'101'", "101"),
        ("b'101'::varbit", "101"),
        ("'16/B374D848'::pg_lsn", "16/B374D848"),
        ("'5'::xid", 5),
        ("'$.a'::jsonpath", '$."a"'),
        ("'a b'::tsvector", "'a' 'b'"),
        ("'(1,2)'::point", (1.0, 2.0)),
        ("'<(1,2),3>'::circle", ((1.0, 2.0), 3.0)),
    ],
)
async def test_binary_results_of_some_types_are_raw_bytes(raw: Any, session: Any, literal: str, canonical: Any) -> None:
    assert type(value(raw, f"select {literal}")) is bytes
    found = await session.select_value(f"select {literal}")
    assert type(found) is type(canonical)
    assert found == canonical


@pytest.mark.parametrize(
    "literal", ["'infinity'::date", "'-infinity'::timestamp", "'infinity'::timestamptz", "'0044-03-15 BC'::date"]
)
async def test_what_python_cannot_hold_is_refused_without_the_column(raw: Any, session: Any, literal: str) -> None:
    with pytest.raises(psycopg.DataError) as caught:
        value(raw, f"select {literal} as wrong")
    assert "wrong" not in str(caught.value)
    with pytest.raises(DataError, match='cannot read column "wrong"'):
        await session.select(f"select 1 as right, {literal} as wrong")


async def test_infinity_can_be_clamped(flavour: Flavour) -> None:
    config = flavour.make_config(driver_features={"infinity": "clamp"})
    async with config.provide_session() as session:
        assert await session.select_value("select 'infinity'::date") == date.max
        found = await session.select_value("select array['infinity', '2024-01-01']::date[]")
        assert found == [date.max, date(2024, 1, 1)]


async def test_timestamptz_is_in_the_zone_of_the_session(raw: Any, session: Any) -> None:
    literal = "select timestamptz '2024-01-01 00:00+00'"
    raw.execute("set timezone = 'Asia/Kolkata'")
    assert str(value(raw, literal).tzinfo) == "Asia/Kolkata"
    await session.execute("set timezone = 'Asia/Kolkata'")
    found = await session.select_value(literal)
    assert (found, found.tzinfo) == (datetime(2024, 1, 1, tzinfo=UTC), UTC)


# -- connections ---------------------------------------------------------------------------------------------


async def test_a_connection_begins_a_transaction_unless_told_otherwise(dsn: str, session: Any) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("select 1")
        assert connection.info.transaction_status is TransactionStatus.INTRANS
    await session.execute("select 1")
    assert session.driver.status() == "idle"
    assert session.driver.connection.autocommit


async def test_one_statement_is_prepared_once_and_its_rows_are_not_kept(session: Any) -> None:
    sql = "select repeat($1, 1000) as t, $2::int as n"
    for number in range(10):
        await session.select(sql, "x", number)
    prepared = await session.select_value("select count(*) from pg_prepared_statements where statement = $1", sql)
    assert prepared == 1


async def test_a_lost_connection_is_noticed_at_the_next_query_unless_it_is_checked(
    raw: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    def end(pid: int) -> None:
        admin.execute("select pg_terminate_backend(%s, 10000)", (pid,))

    end(raw.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        value(raw, "select 1")
    config = flavour.make_config(max_size=1, validate="always")
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
    end(pid)
    async with config.provide_session() as session:
        assert await session.select_value("select pg_backend_pid()") != pid


async def test_timestamps_stay_in_utc_whatever_the_session_does_later(raw: Any, flavour: Flavour) -> None:
    sql = "select timestamptz '2020-06-01 12:00+02' as t"
    raw.execute("set timezone to 'Europe/Paris'")
    assert str(value(raw, sql).tzinfo) == "Europe/Paris"
    wanted = datetime(2020, 6, 1, 10, tzinfo=UTC)
    for first, second in (("UTC", "Europe/Paris"), ("Europe/Paris", "UTC")):
        config = flavour.make_config(session_settings={"timezone": first})
        async with config, config.provide_session() as session:
            for number, zone in enumerate((first, second, first)):
                await session.execute(f"set timezone to '{zone}'")
                for text in (sql, f"{sql}, {number} as n"):  # prepared before and after the change
                    read = (await session.select_one(text))["t"]
                    assert (read, read.tzinfo) == (wanted, UTC)
                with pytest.raises(DataError, match='column "t" as timestamptz: infinity'):
                    await session.select("select timestamptz 'infinity' as t")


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [("text", "abcd", "abcd"), ("float4", "1.5", 1.5), ("int8", "7", 7), ("date", "2024-01-01", date(2024, 1, 1))],
)
async def test_a_cursor_gives_other_columns_than_what_was_prepared(
    raw: Any, session: Any, admin: psycopg.Connection[Any], flavour: Flavour, kind: str, text: str, wanted: Any
) -> None:
    async def read(sql: str, *args: Any) -> list[Any]:
        async with session.select_stream(sql, *args) as rows:
            return [row async for row in rows]

    table = f"{flavour.schema}.altered"
    raw.execute(f"create table {table} (v int4); insert into {table} values (5)")
    statements: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("select * from altered", ()),
        ("select v as w, '=r/postgres'::aclitem as a from altered where $1", (True,)),  # sent as text
    )
    for sql, args in statements:
        assert next(iter((await read(sql, *args))[0].values())) == 5
    admin.execute(f"alter table {table} alter column v type {kind} using '{text}'".encode())
    with raw.transaction():
        raw.execute(f"declare c cursor for select * from {table}")
        found = raw.execute("fetch c", binary=True).fetchone()[0]
        assert found == wanted  # not refused, as a prepared statement is: the server plans the cursor's text anew
    for _ in range(2):
        for sql, args in statements:
            (row,) = await read(sql, *args)
            assert next(iter(row.values())) == wanted
            async with session.transaction():
                assert await read(sql, *args) == [row]
    admin.execute(f"alter table {table} rename column v to u; alter table {table} add column n int default 1".encode())
    assert await read("select * from altered") == [{"u": wanted, "n": 1}]


@pytest.mark.only("psycopg")
async def test_an_interrupted_stack_is_stored_as_a_whole_or_not_at_all(session: Any) -> None:
    # psycopg asks the server to cancel, which does nothing between two statements, and goes on with what it was at.
    await session.execute("create table stored (a int, pad text)")
    size, interrupted = 3000, 0
    stack = [("insert into stored values ($1, $2)", (number, "x" * 100)) for number in range(size)]
    await session.execute_stack(stack)
    for moment in range(25):
        task = asyncio.create_task(session.execute_stack(stack))
        await asyncio.sleep(moment / 1000)  # any moment will do: what follows must hold for all of them
        interrupted += task.cancel()
        await asyncio.wait((task,))
        assert await session.select_value("select count(*) from stored") % size == 0
        async with session.transaction():
            assert await session.select_value("select 1") == 1
    assert interrupted


async def test_a_batch_that_is_waited_for_is_not_taken_for_interrupted(session: Any) -> None:
    # psycopg looks up every tenth of a second while it waits.
    result = await session.execute_many("select $1::int as n, pg_sleep(0.25)", range(3))
    assert [row["n"] for row in result] == [0, 1, 2]
    results = await session.execute_stack([("select $1::int, pg_sleep(0.25)", 7), "select pg_sleep(0.25)"])
    assert [result.first() for result in results] == [{"int4": 7, "pg_sleep": None}, {"pg_sleep": None}]
