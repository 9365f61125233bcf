"""Values that psqlpy loses or bends on their way, one trap a test: on the bare driver, then through the adapter.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around. What ends the process, or writes a backtrace, is shown in a
process of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Interface, IPv4Network, ip_interface
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psqlpy import Error
from psqlpy.extra_types import BigInt

from sqlspec.exceptions import DataError, ParameterError
from sqlspec.values import Interval, Json, Path, Range

pytestmark = pytest.mark.only("psqlpy")

EAST = timezone(timedelta(hours=5))
PARIS = ZoneInfo("Europe/Paris")
ID = UUID("550e8400-e29b-41d4-a716-446655440000")
TYPES = """
    create type mood as enum ('sad'); create domain words as text; create domain posint as int check (value > 0);
    create type inside as (a int, b text); create type outside as (a int, b inside)
"""


async def value(raw: Any, sql: str, *args: Any) -> Any:
    return (await raw.fetch(sql, list(args))).result(None, True)[0][0]


async def make_types(raw: Any, session: Any) -> None:
    """Make the user's types, and let both connections see them."""
    await session.execute_script(TYPES)
    path = await session.select_value("show search_path")
    await raw.execute_batch(f"set search_path = {path}")


# -- results that are wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "bent", "canonical"),
    [
        pytest.param("1e-30::numeric", Decimal("0E-28"), Decimal("1E-30"), id="numeric of 30 places is zero"),
        pytest.param(
            "0.12345678901234567890123456789012345",
            Decimal("0.1234567890123456789012345679"),
            Decimal("0.12345678901234567890123456789012345"),
            id="numeric of 35 places is rounded",
        ),
        pytest.param(
            "interval '1 year 2 mons 3 days'",
            timedelta(423),
            Interval(months=14, days=3),
            id="interval of months is days",
        ),
        pytest.param(
            "array[interval '1 mon']", [timedelta(30)], [Interval(months=1)], id="interval in an array is days"
        ),
        pytest.param(f"'{ID}'::uuid", str(ID), ID, id="uuid is a str"),
        pytest.param(f"array['{ID}'::uuid]", [str(ID)], [ID], id="uuid in an array is a str"),
        pytest.param(
            "'123456789012345678901234567890'::jsonb", 1.2345678901234568e29, 123456789012345678901234567890, id="json"
        ),
        pytest.param("'10.0.0.1/8'::inet", "10.0.0.1", IPv4Interface("10.0.0.1/8"), id="inet loses its prefix"),
        pytest.param(
            "'08:00:2b:ab:cd:ef'::macaddr", "08:00:2B:AB:CD:EF", "08:00:2b:ab:cd:ef", id="macaddr is upper case"
        ),
        pytest.param(
            "'08:00:2b:01:02:03:04:ab'::macaddr8",
            "08:00:2B:01:02:03:04:AB",
            "08:00:2b:01:02:03:04:ab",
            id="macaddr8 is upper case",
        ),
        pytest.param("12.34::money", 1234, Decimal("12.34"), id="money is cents"),
        pytest.param("array[4294967295::oid]", [-1], [4294967295], id="oid in an array is signed"),
        pytest.param(
            "path '((1,2),(3,4))'",
            [(1.0, 2.0), (3.0, 4.0)],
            Path(points=((1.0, 2.0), (3.0, 4.0)), closed=True),
            id="closed path is a list",
        ),
        pytest.param(
            "path '[(1,2),(3,4)]'",
            [(1.0, 2.0), (3.0, 4.0)],
            Path(points=((1.0, 2.0), (3.0, 4.0)), closed=False),
            id="open path is the same list",
        ),
        pytest.param("""''::"char" """, "\0", "", id="empty char is a NUL"),
    ],
)
async def test_a_value_is_read_as_another(raw: Any, session: Any, literal: str, bent: Any, canonical: Any) -> None:
    found = await value(raw, f"select {literal}")
    found = str(found) if isinstance(bent, str) else found
    assert (type(found), found) == (type(bent), bent)
    right = await session.select_value(f"select {literal}")
    assert (type(right), right) == (type(canonical), canonical)
    if isinstance(canonical, Interval):
        assert (right.months, right.days_part) == (canonical.months, canonical.days_part)


async def test_midnight_at_the_end_of_a_day_is_read_as_its_beginning(raw: Any, session: Any) -> None:
    assert await value(raw, "select '24:00'::time") == time(0)
    with pytest.raises(DataError, match="24:00 has no counterpart"):
        await session.select("select '24:00'::time as t")


@pytest.mark.parametrize("kind", ["json", "jsonb"])
async def test_the_keys_of_a_document_are_sorted_when_it_is_read(raw: Any, session: Any, kind: str) -> None:
    sql = f"""select '{{"bb": 1, "aaa": 2}}'::{kind}"""
    assert list(await value(raw, sql)) == ["aaa", "bb"]
    assert list(await session.select_value(sql)) == ["bb", "aaa"]


async def test_columns_of_one_name_collapse(raw: Any, session: Any) -> None:
    result = await raw.fetch("select 1 as a, 2 as a", [])
    assert result.result() == [{"a": 2}]
    with pytest.raises(Exception, match="Duplicate column name"):
        result.records()
    found = await session.execute("select 1 as a, 2 as a")
    assert [column.name for column in found.columns] == ["a", "a"]
    assert await session.select("select 1 as a, 2 as a", schema_type=tuple) == [(1, 2)]


async def test_a_null_inside_a_composite_cannot_be_read(raw: Any, session: Any) -> None:
    await make_types(raw, session)
    sql = "select row(1, null)::outside"
    with pytest.raises(Exception, match="invalid buffer size"):
        await value(raw, sql)
    assert await session.select_value(sql) == {"a": 1, "b": None}


# -- results that cannot be read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        ("'x'::char(4)", "x   "),
        ("'12:34:56+05'::timetz", time(12, 34, 56, tzinfo=EAST)),
        ("8e28::numeric", Decimal(8 * 10**28)),
        ("'1e400'::jsonb", 10**400),
        ("b'101'", "101"),
        ("b'101'::varbit", "101"),
        ("'10.0.0.0/8'::cidr", IPv4Network("10.0.0.0/8")),
        ("'$.a'::jsonpath", '$."a"'),
        ("'pg_class'::regclass", "pg_class"),
        ("'16/B374D848'::pg_lsn", "16/B374D848"),
        ("'1'::xid", 1),
        ("'18446744073709551615'::xid8", 2**64 - 1),
        ("'(0,1)'::tid", "(0,1)"),
        ("'refc'::refcursor", "refc"),
        ("'1 2'::int2vector", "1 2"),
        ("'1 2'::oidvector", "1 2"),
        ("'a b'::tsvector", "'a' 'b'"),
        ("'a & b'::tsquery", "'a' & 'b'"),
        ("polygon '((1,2),(3,4))'", ((1.0, 2.0), (3.0, 4.0))),
        ("int4range(1, 5)", Range(1, 5)),
        ("'empty'::int4range", Range(None, None, "empty")),
        ("numrange(1.5, null)", Range(Decimal("1.5"), None)),
        ("int4multirange(int4range(1, 3))", (Range(1, 3),)),
        ("pg_sleep(0)", None),
        ("row(1, 'a')", (1, "a")),
        ("array['a']::name[]", ["a"]),
        ("array['a']::char(3)[]", ["a  "]),
        ("array['ab']::bytea[]", [b"ab"]),
        ("array['a', null]::text[]", ["a", None]),
        ("array[true, null]", [True, None]),
        ("array[1.5, null]", [Decimal("1.5"), None]),
        ("array['08:00:2b:01:02:03']::macaddr[]", ["08:00:2b:01:02:03"]),
        ("array['12:00+05']::timetz[]", [time(12, tzinfo=EAST)]),
        ("array['10.0.0.0/8']::cidr[]", [IPv4Network("10.0.0.0/8")]),
        ("array[int4range(1, 5)]", [Range(1, 5)]),
        ("array['sad']::mood[]", ["sad"]),
        ("array[1]::posint[]", [1]),
        ("array[row(1, 'x')]::inside[]", [{"a": 1, "b": "x"}]),
    ],
)
async def test_a_type_cannot_be_read(raw: Any, session: Any, literal: str, canonical: Any) -> None:
    await make_types(raw, session)
    with pytest.raises(Exception, match="Can't convert value from driver to python type"):
        await value(raw, f"select {literal}")
    found = await session.select_value(f"select {literal}")
    assert (type(found), found) == (type(canonical), canonical)


@pytest.mark.parametrize("literal", ["'NaN'::numeric", "'Infinity'::numeric"])
async def test_a_special_number_cannot_be_read(raw: Any, session: Any, literal: str) -> None:
    with pytest.raises(Exception, match="Can't convert value"):
        await value(raw, f"select {literal}")
    assert str(await session.select_value(f"select {literal}")) == literal.split("'")[1]


@pytest.mark.parametrize(
    "literal",
    [
        "'infinity'::date",
        "'-infinity'::date",
        "'infinity'::timestamp",
        "'infinity'::timestamptz",
        "'10000-01-01'::date",
        "'0001-01-01 00:00+14'::timestamptz",
    ],
)
async def test_what_python_cannot_hold_is_refused_without_the_column(raw: Any, session: Any, literal: str) -> None:
    with pytest.raises(Exception, match="too large|out of range") as caught:
        await value(raw, f"select {literal} as wrong")
    assert "wrong" not in str(caught.value)
    with pytest.raises(DataError, match='cannot read column "wrong"'):
        await session.select(f"select 1 as right, {literal} as wrong")


# -- parameters that are stored as something else ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "stored", "words"),
    [
        pytest.param("float4", 1e300, "Infinity", "too large for a float4", id="float4 overflows"),
        pytest.param("numeric", BigInt(5), "0.00000", "a BigInt was given", id="wrapper as numeric"),
        pytest.param("char(4)", 0x61626364, "abcd", "an int was given", id="int as char(n)"),
        pytest.param("name", 0x61626364, "abcd", "an int was given", id="int as name"),
        pytest.param("words", True, "\x01", "a bool was given", id="bool as a domain over text"),
        pytest.param('"char"', True, "\x01", "a bool was given", id="bool as char"),
        pytest.param("date", datetime(2024, 1, 2, 23), "2024-01-02", "a datetime was given", id="datetime as date"),
        pytest.param(
            "date",
            datetime(2024, 1, 2, 2, tzinfo=EAST),
            "2024-01-02",
            "a datetime was given",
            id="aware datetime as date: not the day in UTC",
        ),
        pytest.param("time", time(12, tzinfo=EAST), "12:00:00", "an aware time was given", id="aware time as time"),
        pytest.param(
            "timestamp",
            datetime(2024, 1, 2, 3, tzinfo=EAST),
            "2024-01-01 22:00:00",
            "an aware datetime was given",
            id="aware datetime as timestamp: the clock of UTC",
        ),
        pytest.param("interval", UUID(int=5), "5 mons", "a UUID was given", id="uuid as interval"),
        pytest.param(
            "uuid",
            timedelta(1),
            "00000000-0000-0000-0000-000100000000",
            "a timedelta was given",
            id="timedelta as uuid",
        ),
        pytest.param("jsonb", {"a": float("nan")}, '{"a": null}', "NaN or infinity", id="NaN in json"),
        pytest.param("json", {"a": float("-inf")}, '{"a":null}', "NaN or infinity", id="infinity in json"),
        pytest.param("oid", -1, "4294967295", "outside 0 to 4294967295", id="negative oid"),
        pytest.param("pg_lsn", "abcdefgh", "61626364/65666768", "the str is not a pg_lsn", id="str of 8 as pg_lsn"),
        pytest.param("pg_lsn", 1.5, "3FF80000/0", "a float was given", id="float as pg_lsn"),
        pytest.param("xid8", "abcdefgh", "7017280452245743464", "a str was given", id="str of 8 as xid8"),
        pytest.param("xid8", 1.5, "4609434218613702656", "a float was given", id="float as xid8"),
        pytest.param("int4[]", [[]], "{}", "a nested list is empty", id="nested empty list"),
        pytest.param("int4[]", [[], []], "{}", "a nested list is empty", id="nested empty lists"),
        pytest.param(
            "uuid[]",
            ["0123456789abcdef"],
            "{30313233-3435-3637-3839-616263646566}",
            "the str is not a UUID",
            id="str of 16 in uuid[]",
        ),
    ],
)
async def test_a_wrong_value_is_stored_as_something(
    raw: Any, session: Any, kind: str, given: Any, stored: str, words: str
) -> None:
    await make_types(raw, session)
    sql = f"select ($1::{kind})::text"
    assert await value(raw, sql, given) == stored
    with pytest.raises(DataError, match=words):
        await session.select_value(sql, (given,))


async def test_a_naive_datetime_is_taken_to_be_in_utc(raw: Any, session: Any) -> None:
    """Not in the zone of the session, in which the server would take it."""
    sql = "select $1::timestamptz = timestamptz '2024-01-02 12:00+00'"
    noon = datetime(2024, 1, 2, 12)
    await raw.execute_batch("set timezone = 'Asia/Kolkata'")
    assert await value(raw, sql, noon) is True
    with pytest.raises(DataError, match="a naive datetime was given"):
        await session.select_value(sql, noon)


@pytest.mark.parametrize(
    ("kind", "given", "stored", "canonical"),
    [
        pytest.param("numeric", 0.0, "0", "0.0", id="float zero as numeric"),
        pytest.param("numeric", 5e-324, "0.0", f"{Decimal('5e-324'):f}", id="small float as numeric is zero"),
        pytest.param("numeric", Decimal(f"0.{'1' * 33}"), f"0.{'1' * 28}", f"0.{'1' * 33}", id="numeric is rounded"),
        pytest.param("numeric", Decimal("-0.00"), "0", "0.00", id="zero loses its scale"),
        pytest.param("json", {"b": 1, "a": 2}, '{"a":2,"b":1}', '{"b":1,"a":2}', id="keys of json are sorted"),
        pytest.param("inet", ip_interface("10.0.0.1/8"), "10.0.0.1/32", "10.0.0.1/8", id="inet loses its prefix"),
        pytest.param("bytea[]", [b""], "{}", '{"\\\\x"}', id="empty bytes leave an array"),
        pytest.param("bytea[]", [b"a"], '{{"\\\\x00000061"}}', '{"\\\\x61"}', id="bytes in an array are numbers"),
    ],
)
async def test_a_value_is_stored_as_another(
    raw: Any, session: Any, kind: str, given: Any, stored: str, canonical: str
) -> None:
    sql = f"select ($1::{kind})::text"
    assert await value(raw, sql, given) == stored
    assert await session.select_value(sql, (given,)) == canonical


async def test_an_int_bound_to_money_is_taken_for_cents(raw: Any, session: Any) -> None:
    sql = "select $1::money = 12::money"
    assert await value(raw, sql, 12) is False
    assert await value(raw, "select $1::money = 0.12::money", 12) is True
    assert await session.select_value(sql, 12) is True


# A float has 53 bits: the adapter takes the nearest one too, as the documented values say. Shown to be the same.
async def test_a_large_int_bound_to_a_float_is_rounded(raw: Any, session: Any) -> None:
    assert await value(raw, "select $1::float8", 2**53 + 1) == 2.0**53
    assert await session.select_value("select $1::float8", 2**53 + 1) == 2.0**53


# -- parameters that the driver cannot send, or breaks -----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("numeric", 5, "5"),
        ("numeric", 1.5, "1.5"),
        ("numeric", Decimal("1E+5"), "100000"),
        ("numeric", Decimal("NaN"), "NaN"),
        ("timetz", time(12, tzinfo=EAST), "12:00:00+05"),
        ("timestamptz", datetime(2024, 10, 27, 2, 30, tzinfo=PARIS, fold=1), "2024-10-27 01:30:00+00"),
        ("timestamptz", datetime(2024, 3, 31, 2, 30, tzinfo=PARIS), "2024-03-31 01:30:00+00"),
        ("uuid", str(ID), str(ID)),
        ("jsonb", {"a": 2**40}, '{"a": 1099511627776}'),
        ("jsonb", Json(None), "null"),
        ("cidr", IPv4Network("10.0.0.0/8"), "10.0.0.0/8"),
        ("macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
        ("money", Decimal("12.34"), None),
        ("oid", 2**32 - 1, "4294967295"),
        ("varbit", "101", "101"),
        ("int4range", Range(1, 5), "[1,5)"),
        ("tsvector", "a b", "'a' 'b'"),
        ("float8", Decimal("1.5"), "1.5"),
        ("inside", {"a": 1, "b": "x"}, "(1,x)"),
    ],
)
async def test_a_good_value_cannot_be_sent(raw: Any, session: Any, kind: str, given: Any, stored: str | None) -> None:
    await make_types(raw, session)
    await session.execute("set timezone = 'UTC'")
    sql = f"select ($1::{kind})::text"
    with pytest.raises((Error, TypeError, OverflowError)):
        await value(raw, sql, given)
    found = await session.select_value(sql, (given,))
    assert found == stored or (stored is None and found.endswith("12.34"))


async def test_superfluous_parameters_are_ignored(raw: Any, session: Any) -> None:
    assert await value(raw, "select $1::int", 1, 2, 3) == 1
    with pytest.raises(ParameterError, match="1 parameter expected: 3 given"):
        await session.select_value("select $1::int", 1, 2, 3)


async def test_superfluous_values_of_a_batch_are_ignored(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    await raw.execute_many("insert into t values ($1)", [[1, 2], [3, 4]])
    assert (await raw.fetch("select a from t", [])).result(None, True) == [(1,), (3,)]
    await session.execute("create table t (a int)")
    for size in (2, 500):
        with pytest.raises(ParameterError, match="1 parameter expected: 2 given"):
            await session.execute_many("insert into t values ($1)", [(1, 2)] * size)
    assert await session.select("select a from t") == []


# -- panics ------------------------------------------------------------------------------------------------------

_PANICS = """
import asyncio, json, os, sys, psqlpy
from psqlpy.extra_types import Float32Array

async def panics(connection, sql, args):
    try:
        (await connection.fetch(sql, args)).result(None, True)
    except Exception:
        return "error"
    except BaseException as error:
        return type(error).__name__
    return "none"

async def alive(connection):
    try:
        await connection.fetch("select 1", [])
    except psqlpy.Error:
        return False
    return True

async def main():
    lists = [(f"select $1::{kind} is null", [[1]]) for kind in ("int4", "text", "bytea", "point", "int4range")]
    lists.append(("select $1::float4[]", [Float32Array([1.0])]))
    for sql, args in [*lists, ("select 10::numeric ^ 40", []), ("select interval 'infinity'", [])]:
        connection = await psqlpy.connect(dsn=sys.argv[1])
        print(json.dumps([sql, await panics(connection, sql, args), await alive(connection)]))

asyncio.run(main())
sys.stdout.flush()
os._exit(0)  # or the driver's threads abort about one exit in six
"""


async def seen_in_a_process(dsn: str) -> list[Any]:
    command = [sys.executable, "-c", _PANICS, dsn]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


async def test_a_list_makes_the_driver_panic(dsn: str, session: Any) -> None:
    """And a wrapper of the driver's own; the connection is gone after either."""
    *sent, number, interval = await seen_in_a_process(dsn)
    assert {(outcome, alive) for _, outcome, alive in sent} == {("PanicException", False)}
    assert [(outcome, alive) for _, outcome, alive in (number, interval)] == [("PanicException", True)] * 2

    pid = await session.select_value("select pg_backend_pid()")
    for kind in ("int4", "text", "bytea", "point", "int4range"):
        with pytest.raises(DataError, match="cannot bind parameter"):
            await session.select(f"select $1::{kind} is null", ([1],))
    assert await session.select_value("select 10::numeric ^ 40") == Decimal(10) ** 40
    with pytest.raises(DataError, match='cannot read column "i" as interval'):
        await session.select("select interval 'infinity' as i")
    assert await session.select_value("select pg_backend_pid()") == pid
