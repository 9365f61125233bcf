"""Where asyncpg is silently wrong: each trap shown on the bare driver, and closed by the adapter.

A test that fails in its first half tells of a release that has repaired the driver.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import asyncpg
import psycopg
import pytest

from sqlspec.exceptions import DataError, SQLSpecError
from tests.integration.harness import FLAVOURS, Flavour

pytestmark = pytest.mark.only("asyncpg")


@pytest.fixture
async def raw(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_the_release_is_one_the_adapter_was_written_for() -> None:
    low, high = re.findall(r"\d+\.\d+", FLAVOURS["asyncpg"].spec.tested_with)
    assert low in asyncpg.__version__
    assert high not in asyncpg.__version__


# -- parameters that are changed silently --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int4", "int8"])
@pytest.mark.parametrize("value", [1.9, Decimal("1.9")])
async def test_fractions_bound_to_integers_are_cut(raw: Any, session: Any, kind: str, value: Any) -> None:
    assert await raw.fetchval(f"select $1::{kind}", value) == 1
    with pytest.raises(DataError, match=f"as {kind}"):
        await session.select_value(f"select $1::{kind}", value)


async def test_a_datetime_bound_to_a_date_loses_its_time(raw: Any, session: Any) -> None:
    value = datetime(2024, 1, 1, 23, 59)
    assert await raw.fetchval("select $1::date", value) == date(2024, 1, 1)
    with pytest.raises(DataError, match="as date: a datetime was given"):
        await session.select_value("select $1::date", value)


async def test_an_aware_time_bound_to_time_loses_its_zone(raw: Any, session: Any) -> None:
    value = time(12, tzinfo=timezone(timedelta(hours=5)))
    assert await raw.fetchval("select $1::time", value) == time(12)
    with pytest.raises(DataError, match="as time: an aware time was given"):
        await session.select_value("select $1::time", value)


async def test_a_naive_datetime_is_taken_to_be_in_the_zone_of_the_machine(raw: Any, session: Any) -> None:
    value = datetime(2024, 7, 1, 12)
    assert await raw.fetchval("select $1::timestamptz", value) == value.astimezone()
    with pytest.raises(DataError, match="a naive datetime was given"):
        await session.select_value("select $1::timestamptz", value)


async def test_the_last_day_is_written_as_infinity(raw: Any, session: Any) -> None:
    for kind, value, text in (
        ("date", date.max, "9999-12-31"),
        ("timestamp", datetime.max, "9999-12-31 23:59:59.999999"),
    ):
        sql = f"select $1::{kind}::text"
        assert await raw.fetchval(sql, value) == "infinity"
        assert await session.select_value(sql, value) == text


async def test_a_parameter_inferred_as_int4_is_cut_in_an_expression(raw: Any, session: Any) -> None:
    assert await raw.fetchval("select 1 + $1", 1.5) == 2
    with pytest.raises(DataError, match=r"\$1 as int4: a float was given"):
        await session.select_value("select 1 + $1", 1.5)


# -- results that are changed silently -----------------------------------------------------------------------


async def test_infinity_is_read_as_the_last_day(raw: Any, session: Any) -> None:
    assert await raw.fetchval("select 'infinity'::date") == date.max
    for kind in ("timestamp", "timestamptz"):
        assert await raw.fetchval(f"select 'infinity'::{kind}") == datetime.max  # naive, for timestamptz too
    for kind in ("date", "timestamp", "timestamptz"):
        with pytest.raises(DataError, match='cannot read column "x"'):
            await session.select_value(f"select 'infinity'::{kind} as x")


async def test_the_scale_of_numeric_is_lost_in_an_exponent(raw: Any, session: Any) -> None:
    assert str(await raw.fetchval("select 1e10::numeric")) == "1.00E+10"
    assert str(await session.select_value("select 1e10::numeric")) == "10000000000"


@pytest.mark.parametrize(
    ("literal", "native", "canonical"),
    [
        ("'12.34'::money", "$12.34", Decimal("12.34")),
        ("b'101'", asyncpg.BitString("101"), "101"),
        ("b'101'::varbit", asyncpg.BitString("101"), "101"),
        ("'x'::\"char\"", b"x", "x"),
        ("'(1,2)'::point", asyncpg.Point(1, 2), (1.0, 2.0)),
        ("'16/B374D848'::pg_lsn", 0x16B374D848, "16/B374D848"),
        ("'{\"a\": 1}'::jsonb", '{"a": 1}', {"a": 1}),
        ("'[1]'::json", "[1]", [1]),
    ],
)
async def test_types_have_other_values(raw: Any, session: Any, literal: str, native: Any, canonical: Any) -> None:
    found = await raw.fetchval(f"select {literal}")
    assert (type(found), found) == (type(native), native)
    ours = await session.select_value(f"select {literal}")
    assert (type(ours), ours) == (type(canonical), canonical)
    assert await session.select_value(f"select array[{literal}, null]") == [canonical, None]


async def test_a_uuid_is_of_a_subclass(raw: Any, session: Any) -> None:
    found = await raw.fetchval("select gen_random_uuid()")
    assert type(found) is not uuid.UUID
    assert isinstance(found, uuid.UUID)
    assert isinstance(await session.select_value("select gen_random_uuid()"), uuid.UUID)


async def test_the_name_char_means_character(raw: Any, session: Any) -> None:
    def decode(wire: bytes) -> str:
        return f"decoded {wire!r}"

    await raw.set_type_codec("char", schema="pg_catalog", encoder=bytes, decoder=decode, format="binary")
    assert await raw.fetchval("select 'ab'::char(3)") == "decoded b'ab '"
    assert await raw.fetchval("select 'x'::\"char\"") == b"x"
    row = await session.select_one("select 'ab'::char(3) as padded, 'x'::\"char\" as single")
    assert row == {"padded": "ab ", "single": "x"}
    assert await session.select_value('select $1::char(3)::text || $2::"char"::text', "ab", "x") == "abx"


async def test_columns_of_an_empty_fetch_are_unknown(raw: Any, session: Any) -> None:
    assert await raw.fetch("select 1 as a where false") == []
    result = await session.execute("select 1 as a where false")
    assert [column.name for column in result.columns] == ["a"]


async def test_a_batch_has_no_count(raw: Any, session: Any) -> None:
    for connection in (raw, session):
        await connection.execute("create temp table counted (a int)")
    assert await raw.executemany("insert into counted values ($1)", [(1,), (2,)]) is None
    assert (await session.execute_many("insert into counted values ($1)", [1, 2])).rows_affected == 2


# -- connections ---------------------------------------------------------------------------------------------


async def test_a_stale_plan_is_reported_in_words_of_its_own(raw: Any, session: Any) -> None:
    for connection, name in ((raw, "stale_raw"), (session, "stale_ours")):
        await connection.execute(f"create temp table {name} (a int)")
    statement = await raw.prepare("select * from stale_raw")
    await statement.fetch()
    await raw.execute("alter table stale_raw add b int")
    with pytest.raises(asyncpg.InvalidCachedStatementError, match="cached statement plan is invalid"):
        await statement.fetch()
    assert await session.select("select * from stale_ours") == []
    await session.execute("alter table stale_ours add b int")
    assert [column.name for column in (await session.execute("select * from stale_ours")).columns] == ["a", "b"]


async def test_a_stale_plan_fails_a_stream_once(session: Any, admin: psycopg.Connection[Any], flavour: Flavour) -> None:
    async def call() -> list[Any]:
        async with session.select_stream("select * from stale") as rows:
            return [row async for row in rows]

    await session.execute("create table stale (a int)")
    await session.execute("insert into stale values (1)")
    assert await call() == [{"a": 1}]
    # It runs in a transaction, which the server's refusal aborts: the call cannot be repeated here.
    admin.execute(f"alter table {flavour.schema}.stale add column b int default 2".encode())
    with pytest.raises(SQLSpecError, match="cached plan must not change result type"):
        await call()
    assert (await call())[0] == {"a": 1, "b": 2}


async def test_a_batch_with_a_stale_plan_goes_back_to_its_savepoint(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour
) -> None:
    async def call() -> list[Any]:
        return (await session.execute_many("insert into stale (a) values ($1) returning *", [1])).get_data()

    await session.execute("create table stale (a int)")
    assert await call() == [{"a": 1}]
    admin.execute(f"alter table {flavour.schema}.stale add column b int default 2".encode())
    assert await call() == [{"a": 1, "b": 2}]
    assert await session.select_value("select count(*) from stale") == 2


async def test_its_reset_leaves_the_role_in_force(raw: Any, flavour: Flavour) -> None:
    await raw.execute("set role pg_monitor")
    await raw.reset()
    assert await raw.fetchval("select current_user") == "pg_monitor"
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        owner = await session.select_value("select current_user")
        await session.execute("set role pg_monitor")
    async with config.provide_session() as session:
        assert await session.select_value("select current_user") == owner


async def test_its_pool_talks_to_the_server_at_every_return(
    dsn: str, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    asked = "select query from pg_stat_activity where pid = %s"
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection:
            pid = await connection.fetchval("select pg_backend_pid()")
        row = admin.execute(asked, (pid,)).fetchone()
        assert row is not None
        assert "RESET ALL" in row[0]
    async with flavour.make_config().provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
    assert admin.execute(asked, (pid,)).fetchone() == ("select pg_backend_pid()",)


async def test_infinite_values_deep_in_a_result_are_found(session: Any) -> None:
    for expression in (
        "array[null, 'infinity']::date[]",
        "array[['infinity', 'infinity']]::timestamptz[]",
        "row(1, row('infinity'::date))",
    ):
        with pytest.raises(DataError, match='cannot read column "x" '):
            await session.select(f"select 1 as n, {expression} as x")
    assert await session.select_value("select 1") == 1


async def test_utc_is_the_zone_of_every_timestamptz(raw: Any, session: Any) -> None:
    await session.execute("set timezone = 'Asia/Kolkata'")
    found = await session.select_value("select timestamptz '2024-01-01 00:00+00'")
    assert (found, found.tzinfo) == (datetime(2024, 1, 1, tzinfo=UTC), UTC)
