"""Values that pyro-postgres reads or stores wrongly without a word: on the bare driver, and through the adapter.

A test that fails in its first half tells of a release that has changed the driver: the adapter's way around may go.
"""

from __future__ import annotations

import importlib.metadata
import ipaddress
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pyro_postgres.error import PostgresError
from pyro_postgres.sync import Conn

from sqlspec.exceptions import DataError, ParameterError
from sqlspec.values import Interval
from tests.integration.adapters.pyro_postgres.raw_driver import raw_url
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only("pyro", "pyro-sync")

PLUS_FIVE = timezone(timedelta(hours=5))
NOON = datetime(2024, 1, 1, 12)
DAY, CLOCK, SPAN = date(2024, 1, 1), time(12), timedelta(days=3, hours=1)
MILLENNIUM = datetime(2000, 1, 1)
FOREVER = datetime(2000, 1, 1, 4, 0, 54, 775807)
"""What the driver makes of the largest number of microseconds."""


@pytest.fixture
def raw(dsn: str) -> Iterator[Any]:
    connection: Any = Conn(raw_url(dsn))  # the driver's stubs are written for a later Python
    yield connection
    connection.close()


def read(raw: Any, sql: str, *args: Any) -> Any:
    return raw.exec_first(sql, args)[0]


def refusal(raw: Any, sql: str) -> str:
    with pytest.raises(PostgresError) as caught:
        raw.exec_first(sql, ())
    return str(caught.value)


async def test_the_release_is_one_the_adapter_was_written_for() -> None:
    low, high = re.findall(r"\d+\.\d+\.\d+", FLAVOURS["pyro"].spec.tested_with)
    release = importlib.metadata.version("pyro-postgres")
    assert release.startswith(low)
    assert not release.startswith(high)


# -- results -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "wrong", "canonical"),
    [
        pytest.param("4000000000::oid", -294967296, 4000000000, id="oid"),
        pytest.param("'infinity'::numeric", Decimal("0E-32"), Decimal("Infinity"), id="numeric-infinity"),
        pytest.param("'-infinity'::numeric", Decimal("0E-32"), Decimal("-Infinity"), id="numeric-minus-infinity"),
        pytest.param(
            "interval '1 year 2 mons 3 days'", timedelta(days=3), Interval(months=14, days=3), id="interval-months"
        ),
        pytest.param(
            "timestamptz '2020-06-01 12:00+02'",
            datetime(2020, 6, 1, 10),
            datetime(2020, 6, 1, 10, tzinfo=UTC),
            id="timestamptz-naive",
        ),
        pytest.param("array[0.1::float4, 2]", ..., [0.10000000149011612, 2.0], id="float4[]"),
    ],
)
async def test_read_wrongly(raw: Any, session: Any, literal: str, wrong: Any, canonical: Any) -> None:
    found = read(raw, f"select {literal}")
    assert type(found) is bytes if wrong is ... else found == wrong
    found = await session.select_value(f"select {literal}")
    assert (found, type(found)) == (canonical, type(canonical))


@pytest.mark.parametrize(
    ("literal", "wrong"),
    [
        pytest.param("date 'infinity'", date(2000, 1, 1), id="date-infinity"),
        pytest.param("date '-infinity'", date(2000, 1, 1), id="date-minus-infinity"),
        pytest.param("date '20000-01-01'", date(2000, 1, 1), id="date-late"),
        pytest.param("timestamp 'infinity'", FOREVER, id="timestamp-infinity"),
        pytest.param("timestamp '10000-01-01'", MILLENNIUM, id="timestamp-late"),
        pytest.param("timestamptz 'infinity'", FOREVER, id="timestamptz-infinity"),
        pytest.param("timestamptz '10000-01-01 00:00+00'", MILLENNIUM, id="timestamptz-late"),
    ],
)
async def test_what_python_cannot_hold_becomes_a_date_in_2000(raw: Any, session: Any, literal: str, wrong: Any) -> None:
    assert read(raw, f"select {literal}") == wrong
    with pytest.raises(DataError, match='cannot read column "w"'):
        await session.select(f"select {literal} as w")
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        pytest.param("timestamp '1999-12-31 23:59:59.5'", datetime(1999, 12, 31, 23, 59, 59, 500000), id="timestamp"),
        pytest.param(
            "timestamptz '1999-12-31 23:59:59.5+00'",
            datetime(1999, 12, 31, 23, 59, 59, 500000, tzinfo=UTC),
            id="timestamptz",
        ),
        pytest.param("timestamp '-infinity'", None, id="minus-infinity"),
        pytest.param("timestamp '0044-03-15 BC'", None, id="timestamp-bc"),
        pytest.param("date '0044-03-15 BC'", None, id="date-bc"),
        pytest.param("time '24:00'", None, id="midnight"),
        pytest.param("interval 'infinity'", None, id="interval-infinity"),
    ],
)
async def test_what_cannot_be_decoded_costs_the_answers_after_it(
    raw: Any, session: Any, literal: str, canonical: Any
) -> None:
    assert refusal(raw, f"select {literal}").startswith("Protocol error: ")
    assert [raw.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    if canonical is None:
        with pytest.raises(DataError, match='cannot read column "w"'):
            await session.select(f"select {literal} as w")
    else:
        assert await session.select_value(f"select {literal} as w") == canonical
    assert [await session.select_value(f"select {number}") for number in (41, 42)] == [41, 42]


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        pytest.param("timetz '12:00+05'", time(12, tzinfo=PLUS_FIVE), id="timetz"),
        pytest.param("inet '10.0.0.1'", ipaddress.ip_address("10.0.0.1"), id="inet"),
        pytest.param("cidr '10.0.0.0/8'", ipaddress.ip_network("10.0.0.0/8"), id="cidr"),
        pytest.param("macaddr '08:00:2b:01:02:03'", "08:00:2b:01:02:03", id="macaddr"),
        pytest.param("macaddr8 '08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05", id="macaddr8"),
        pytest.param("money '12.34'", Decimal("12.34"), id="money"),
        pytest.param("b'101'", "101", id="bit"),
        pytest.param("b'101'::varbit", "101", id="varbit"),
        pytest.param("tsvector 'a b'", "'a' 'b'", id="tsvector"),
        pytest.param("tsquery 'a & b'", "'a' & 'b'", id="tsquery"),
        pytest.param("jsonpath '$.a'", '$."a"', id="jsonpath"),
        pytest.param("'{1,2,null}'::int4[]", [1, 2, None], id="array"),
        pytest.param("row(1, 'a'::text)", (1, "a"), id="record"),
        pytest.param("'pg_class'::regclass", "pg_class", id="regclass"),
        pytest.param("pg_lsn '16/B374D848'", "16/B374D848", id="pg_lsn"),
        pytest.param("point '(1,2)'", (1.0, 2.0), id="point"),
        pytest.param("xid '5'", 5, id="xid"),
        pytest.param("tid '(0,1)'", "(0,1)", id="tid"),
        pytest.param("pg_snapshot '10:20:10'", "10:20:10", id="pg_snapshot"),
    ],
)
async def test_types_the_driver_does_not_know_are_raw_bytes(
    raw: Any, session: Any, literal: str, canonical: Any
) -> None:
    assert type(read(raw, f"select {literal}")) is bytes
    found = await session.select_value(f"select {literal}")
    assert type(found) is type(canonical)
    assert found == canonical


async def test_ranges_and_enums_are_raw_bytes(raw: Any, flavour: Any) -> None:
    assert type(read(raw, "select int4range(1, 5)")) is bytes
    raw.query_drop(f"create type {flavour.schema}.mood as enum ('sad')")
    assert read(raw, f"select 'sad'::{flavour.schema}.mood") == b"sad"
    config = flavour.make_config()
    async with config.provide_session() as session:
        found = await session.select_value("select int4range(1, 5)")
        assert (found.lower, found.upper, found.bounds) == (1, 5, "[)")
        assert (await session.select_value("select int4multirange(int4range(1, 5))"))[0] == found
        assert await session.select_value("select 'sad'::mood") == "sad"


async def test_json_is_not_decoded(raw: Any, session: Any) -> None:
    for kind in ("json", "jsonb"):
        assert read(raw, f"select '[1]'::{kind}") == "[1]"
        assert await session.select_value(f"select '[1]'::{kind}") == [1]


@pytest.mark.parametrize(
    ("literal", "wrong", "canonical"),
    [
        pytest.param("timetz '12:00+05'", time(12), time(12, tzinfo=PLUS_FIVE), id="timetz-without-offset"),
        pytest.param(
            "timestamptz '2020-06-01 12:00+02'",
            datetime(2020, 6, 1, 15, 30),
            datetime(2020, 6, 1, 10, tzinfo=UTC),
            id="timestamptz-in-the-zone-of-the-session",
        ),
        pytest.param("interval '3 days'", timedelta(0), timedelta(days=3), id="interval-always-zero"),
        pytest.param("timestamp '0044-03-15 BC'", datetime(44, 3, 15), None, id="bc-as-ad"),
    ],
)
async def test_read_wrongly_from_text(raw: Any, session: Any, literal: str, wrong: Any, canonical: Any) -> None:
    raw.query_drop("set timezone = 'Asia/Kolkata'")
    assert raw.query_first(f"select {literal}") == (wrong,)
    await session.execute("set timezone = 'Asia/Kolkata'")
    if canonical is None:
        with pytest.raises(DataError, match='cannot read column "w"'):
            await session.select(f"select {literal} as w")
    else:
        found = await session.select_value(f"select {literal}")
        assert (found, getattr(found, "tzinfo", None)) == (canonical, getattr(canonical, "tzinfo", None))


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        pytest.param("4000000000::oid", 4000000000, id="oid"),
        pytest.param("date 'infinity'", None, id="date"),
        pytest.param("time '24:00'", None, id="midnight"),
    ],
)
async def test_read_from_text_they_fail_and_cost_the_answers_after(
    raw: Any, session: Any, literal: str, canonical: Any
) -> None:
    with pytest.raises(PostgresError, match="Protocol error: ValueError"):
        raw.query(f"select {literal}")
    assert [raw.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    if canonical is None:
        with pytest.raises(DataError, match='cannot read column "w"'):
            await session.select(f"select {literal} as w")
    else:
        assert await session.select_value(f"select {literal}") == canonical
    assert await session.select_value("select 42") == 42


# -- parameters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        pytest.param("timestamp", NOON.replace(tzinfo=PLUS_FIVE), "2024-01-01 12:00:00", id="datetime-zone-dropped"),
        pytest.param("timestamptz", NOON, "2024-01-01 12:00:00+00", id="datetime-naive-as-utc"),
        pytest.param("time", CLOCK.replace(tzinfo=PLUS_FIVE), "12:00:00", id="time-zone-dropped"),
        pytest.param("int4", DAY, "8766", id="date-int4"),
        pytest.param("float4", DAY, "1.2284e-41", id="date-float4"),
        pytest.param("oid", DAY, "8766", id="date-oid"),
        pytest.param("int8", CLOCK, "43200000000", id="time-int8"),
        pytest.param("float8", CLOCK, "2.13436359003e-313", id="time-float8"),
        pytest.param("money", CLOCK, ..., id="time-money"),
        pytest.param("timestamp", CLOCK, "2000-01-01 12:00:00", id="time-timestamp"),
        pytest.param("timestamptz", CLOCK, "2000-01-01 12:00:00+00", id="time-timestamptz"),
        pytest.param("xid8", CLOCK, "43200000000", id="time-xid8"),
        pytest.param("int8", NOON, "757425600000000", id="datetime-int8"),
        pytest.param("float8", NOON, "3.742179682406937e-309", id="datetime-float8"),
        pytest.param("money", NOON, ..., id="datetime-money"),
        pytest.param("xid8", NOON, "757425600000000", id="datetime-xid8"),
        pytest.param("uuid", SPAN, "00000000-d693-a400-0000-000300000000", id="timedelta-uuid"),
        pytest.param("bytea", DAY, "\\x0000223e", id="date-bytea"),
        pytest.param("bytea", CLOCK, "\\x0000000a0eebb000", id="time-bytea"),
        pytest.param("bytea", NOON, "\\x0002b0dfe3d4f000", id="datetime-bytea"),
        pytest.param("bytea", SPAN, "\\x00000000d693a4000000000300000000", id="timedelta-bytea"),
        pytest.param("int4", b"abcd", "1633837924", id="bytes-int4"),
        pytest.param("float4", b"abcd", "2.6100788e+20", id="bytes-float4"),
        pytest.param("date", b"abcd", "4475296-04-19", id="bytes-date"),
        pytest.param("float8", b"abcdefgh", "1.2926117907728089e+161", id="bytes-float8"),
        pytest.param("uuid", b"0123456789abcdef", "30313233-3435-3637-3839-616263646566", id="bytes-uuid"),
        pytest.param("numeric", b"5", "5", id="bytes-numeric"),
        pytest.param("text", [1, 2], "[1, 2]", id="list-text"),
        pytest.param("text", (1, 2), "[1, 2]", id="tuple-text"),
        pytest.param("text", {"a": 1}, '{"a": 1}', id="dict-text"),
        pytest.param("int4", True, "1", id="bool-int4"),
    ],
)
async def test_stored_as_something_else(raw: Any, session: Any, kind: str, value: Any, stored: Any) -> None:
    raw.query_drop("set timezone = 'UTC'")
    found = read(raw, f"select $1::{kind}::text", value)
    assert found == stored or (stored is ... and "000" in found)
    with pytest.raises(DataError, match=rf"cannot bind parameter \$1 as {kind}"):
        await session.execute(f"select $1::{kind}::text", [value])


async def test_the_offset_of_a_moment_is_dropped(raw: Any, session: Any) -> None:
    moment, sql = NOON.replace(tzinfo=PLUS_FIVE), "select $1::timestamptz = '2024-01-01 12:00+05'"
    assert read(raw, sql, moment) is False
    assert await session.select_value(sql, moment) is True


async def test_a_naive_moment_is_in_utc_whatever_the_zone_of_the_session(raw: Any, session: Any) -> None:
    sql = "select ($1::timestamptz at time zone 'UTC')::text"
    raw.query_drop("set timezone = 'Asia/Kolkata'")
    assert read(raw, sql, NOON) == "2024-01-01 12:00:00"  # the server would say 06:30
    await session.execute("set timezone = 'Asia/Kolkata'")
    with pytest.raises(DataError, match="a naive datetime was given"):
        await session.select_value(sql, NOON)


async def test_a_time_with_a_zone_cannot_be_sent_at_all(raw: Any, session: Any) -> None:
    value, sql = CLOCK.replace(tzinfo=PLUS_FIVE), "select $1::timetz::text"
    with pytest.raises(PostgresError, match="insufficient data left in message"):
        read(raw, sql, value)
    assert await session.select_value(sql, value) == "12:00:00+05"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param((1,), "bind message supplies 1 parameters", id="too-few"),
        pytest.param((1, 2, 3), "3 parameter formats but 0 parameters", id="too-many"),
    ],
)
async def test_a_wrong_number_of_parameters_is_found_by_the_server(
    raw: Any, session: Any, args: Any, words: str
) -> None:
    sql = "select $1::int4, $2::int4"
    with pytest.raises(PostgresError, match=words):
        raw.exec(sql, args)
    assert [raw.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    with pytest.raises(ParameterError, match=rf"2 parameters expected: {len(args)} given"):
        await session.execute(sql, *args)
    assert await session.select_value("select 1") == 1


async def test_types_of_a_batch_in_plain_sql_come_from_the_first_row(raw: Any, session: Any) -> None:
    raw.query_drop("create temp table typed (a text)")
    raw.exec_batch("insert into typed values (pg_typeof($1)::text)", [(1,)])
    assert raw.query("select a from typed") == [("bigint",)]
    with pytest.raises(DataError, match=r"\$1 as text: an int was given"):
        await session.execute_many("select $1::text", [(1,)])
