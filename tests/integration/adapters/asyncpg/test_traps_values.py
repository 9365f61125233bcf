"""Values that asyncpg stores as others, or reads as others: on the bare driver, then through the adapter.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around. What ends the process is shown in one of its own.
"""

from __future__ import annotations

import array
import asyncio
import subprocess
import sys
from collections import deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import asyncpg
import numpy as np
import pytest

from sqlspec.exceptions import DataError, MappingError
from sqlspec.values import Interval, Path, Range

pytestmark = pytest.mark.only("asyncpg")

EAST = timezone(timedelta(hours=5))
TYPES = """
    create type mood as enum ('sad'); create domain posint as int check (value > 0);
    create type inside as (a int, b text)
"""


def wrong(kind: str, given: Any, stored: str, words: str) -> Any:
    """A value that is stored as something; the adapter refuses it in these words."""
    return pytest.param(kind, given, stored, words, id=f"{type(given).__name__} as {kind}: {stored}"[:60])


async def make_types(raw: Any, session: Any) -> None:
    """Make the user's types, and let both connections see them."""
    await session.execute_script(TYPES)
    path = await session.select_value("show search_path")
    await raw.execute(f"set search_path = {path}")


# -- parameters that are stored as something ---------------------------------------------------------------------


NUMBERS = [
    *[
        wrong(kind, given, stored, "was given")
        for kind in ("int2", "int4", "int8", "oid", "xid", "xid8", "posint")
        for given, stored in ((True, "1"), (2.5, "2"), (Decimal("1.1"), "1"), (Fraction(7, 4), "1"))
    ],
    *[
        wrong(kind, IPv4Address("10.0.0.1"), "167772161", "an IPv4Address was given")
        for kind in ("int4", "int8", "oid", "xid", "xid8", "posint")
    ],
    *[wrong(kind, np.float64(1.9), "1", "a float64 was given") for kind in ("int2", "int4", "int8", "oid")],
    *[wrong(kind, np.bool_(True), "1", "was given") for kind in ("int4", "int8", "float8")],
    wrong("float4", True, "1", "a bool was given"),
    wrong("float8", True, "1", "a bool was given"),
    wrong("float4", Decimal("1E+400"), "Infinity", "too large"),
    wrong("float8", Decimal("-1E+400"), "-Infinity", "too large"),
    wrong("float8", Fraction(1, 3), "0.3333333333333333", "a Fraction was given"),
    wrong("numeric", True, "1", "a bool was given"),
    wrong("numeric", Decimal("sNaN"), "NaN", "signaling NaN"),
    wrong("numeric", Decimal("NaN123"), "NaN", "NaN with a payload"),
    wrong("money", "", "$0.00", "a str was given"),
    wrong("pg_lsn", -1, "FFFFFFFF/FFFFFFFF", "an int was given"),
    wrong("pg_lsn", 1.9, "0/1", "a float was given"),
    wrong("pg_lsn", Decimal("1.9"), "0/1", "a Decimal was given"),
]

TIMES = [
    wrong("date", datetime(2024, 1, 2, 3, tzinfo=EAST), "2024-01-02", "a datetime was given"),
    wrong("date", datetime.max, "infinity", "a datetime was given"),
    wrong("time", datetime(2024, 1, 2, 23, 4), "23:04:00", "a datetime was given"),
    wrong("time", datetime(2024, 1, 2, 3, tzinfo=EAST), "03:00:00", "a datetime was given"),
    wrong("timetz", datetime(2024, 1, 2, 3, tzinfo=EAST), "03:00:00+05", "a datetime was given"),
    wrong("timestamp", date(2024, 1, 2), "2024-01-02 00:00:00", "a date was given"),
    wrong("timestamp", date.min, "-infinity", "a date was given"),
    wrong("timestamptz", datetime.max, "infinity", "a naive datetime was given"),
    wrong("timestamptz", datetime.min, "-infinity", "a naive datetime was given"),
    wrong("date[]", [datetime(2024, 1, 2, 3)], "{2024-01-02}", "element .1.: a datetime was given"),
    wrong("time[]", [time(1, tzinfo=EAST)], "{01:00:00}", "element .1.: an aware time was given"),
    wrong("timestamp[]", [date(2024, 1, 2)], '{"2024-01-02 00:00:00"}', "element .1.: a date was given"),
]

BYTES = [
    wrong("bytea", array.array("i", [1]), "\\x01000000", "an array was given"),
    wrong("bytea", np.int64(5), "\\x0500000000000000", "an int64 was given"),
    wrong("bytea", np.array([1.5]), "\\x000000000000f83f", "a ndarray was given"),
    wrong("bytea", np.str_("a"), "\\x61000000", "a str_ was given"),
    wrong("varbit", b"ab", "0110000101100010", "a bytes was given"),
    wrong("varbit", np.int8(-5), "11111011", "an int8 was given"),
    wrong("bit(3)", b"", "000", "a bytes was given"),
    wrong("bit(3)", b"ab", "011", "a bytes was given"),
    wrong('"char"', np.int8(-5), "\\373", "an int8 was given"),
    wrong("point", b"ab", "(97,98)", "a bytes was given"),
    wrong("line", range(3), "{0,1,2}", "a range was given"),
    wrong("inet", b"ab\0\xff", "97.98.0.255/32", "a bytes was given"),
    wrong("int4multirange", b"", "{}", "a bytes was given"),
    wrong("int4multirange", "", "{}", "a str was given"),
]

NETWORKS = [
    wrong("inet", 5, "0.0.0.5/32", "an int was given"),
    wrong("inet", True, "0.0.0.1/32", "a bool was given"),
    wrong("inet", 2**53, "::20:0:0:0/128", "an int was given"),
    wrong("inet", (1, 5), "0.0.0.1/5", "a tuple was given"),
    wrong("inet", IPv6Address("fe80::1%eth0"), "fe80::1/128", "scope"),
    wrong("cidr", 5, "0.0.0.5/32", "an int was given"),
    wrong("cidr", IPv4Address("10.0.0.1"), "10.0.0.1/32", "an IPv4Address was given"),
    wrong("inet[]", [1, None], "{0.0.0.1,NULL}", "element .1.: an int was given"),
]

CONTAINERS = [
    wrong("int4[]", [1, 2.7], "{1,2}", "element .2.: a float was given"),
    wrong("int4[]", [True, 2], "{1,2}", "element .1.: a bool was given"),
    wrong("int4[]", {1, 2}, "{1,2}", "a set was given"),
    wrong("int4[]", {7: 8}.keys(), "{7}", "a dict_keys was given"),
    wrong("int4[]", range(3), "{0,1,2}", "a range was given"),
    wrong("int4[]", deque([1, 2]), "{1,2}", "a deque was given"),
    wrong("int4[]", array.array("i", [1, 2]), "{1,2}", "an array was given"),
    wrong("int4[]", np.array([1.5]), "{1}", "element .1.: a float was given"),
    wrong("float8[]", [True, 2], "{1,2}", "element .1.: a bool was given"),
    *[
        wrong(f"{kind}[]", [[]], "{}", "a nested list is empty")
        for kind in ("int4", "text", "bytea", "date", "uuid", "bool", "mood")
    ],
    wrong("int4range", (1, 5), "[1,6)", "a tuple was given"),
    wrong("int4range", [1.5, 2.7], "[1,3)", "a list was given"),
    wrong("int4range", (), "empty", "a tuple was given"),
    wrong("int4range", [1, None], "[1,)", "a list was given"),
    wrong("numrange", ["1", "2"], "[1,2]", "a list was given"),
    wrong("daterange", [date.max], "[infinity,)", "a list was given"),
    wrong("int4multirange", [[1], [2]], "{[1,)}", "a list was given"),
    wrong("inside", {"a": 1}, "(1,)", 'no key "b"'),
    wrong("inside", {}, "(,)", 'no key "a"'),
    wrong("inside", [1, "x"], "(1,x)", "a list was given"),
    wrong("inside", (1.7, "x"), "(1,x)", 'field "a": a float was given'),
]


@pytest.mark.parametrize(("kind", "given", "stored", "words"), [*NUMBERS, *TIMES, *BYTES, *NETWORKS, *CONTAINERS])
async def test_a_wrong_value_is_stored_as_something(
    raw: Any, session: Any, kind: str, given: Any, stored: str, words: str
) -> None:
    await make_types(raw, session)
    sql = f"select ($1::{kind})::text"
    assert await raw.fetchval(sql, given) == stored
    with pytest.raises(DataError, match=words):
        await session.select_value(sql, (given,))


@pytest.mark.parametrize(
    ("kind", "given", "stored", "canonical"),
    [
        pytest.param(
            "numeric",
            0.1,
            "0.1000000000000000055511151231257827021181583404541015625",
            "0.1",
            id="float as numeric: all its binary digits",
        ),
        pytest.param("numeric", 5.0, "5", "5.0", id="float as numeric: no scale"),
        pytest.param(
            "numeric", 3.4028236e38, "340282359999999991113723490719674400768", f"34028236{'0' * 31}", id="big"
        ),
        pytest.param("numeric[]", [2.7], "{2.70000000000000017763568394002504646778106689453125}", "{2.7}", id="list"),
        pytest.param("date", date.min, "-infinity", "0001-01-01", id="first day"),
        pytest.param("timestamp", datetime.min, "-infinity", "0001-01-01 00:00:00", id="first moment"),
        pytest.param(
            "timestamptz",
            datetime.max.replace(tzinfo=UTC),
            "infinity",
            "9999-12-31 23:59:59.999999+00",
            id="last moment in UTC",
        ),
        pytest.param(
            "timestamptz",
            datetime.min.replace(tzinfo=UTC),
            "-infinity",
            "0001-01-01 00:00:00+00",
            id="first moment in UTC",
        ),
        pytest.param("date[]", [date.max], "{infinity}", "{9999-12-31}", id="last day in an array"),
    ],
)
async def test_a_value_is_stored_as_another(
    raw: Any, session: Any, kind: str, given: Any, stored: str, canonical: str
) -> None:
    sql = f"select ($1::{kind})::text"
    for connection in (raw, session):
        await connection.execute("set timezone = 'UTC'")
    assert await raw.fetchval(sql, given) == stored
    assert await session.select_value(sql, (given,)) == canonical


async def test_a_naive_datetime_in_the_hour_that_comes_twice_is_one_of_them_by_chance(raw: Any, session: Any) -> None:
    """Which one is decided by the zone of the machine, which neither the statement nor the session tells."""
    given = datetime(2024, 11, 3, 1, 30, fold=1)
    assert await raw.fetchval("select $1::timestamptz", given) == given.astimezone()
    with pytest.raises(DataError, match="a naive datetime was given"):
        await session.select_value("select $1::timestamptz", given)


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("money", Decimal("12.34"), "$12.34"),
        ("money", 5, "$5.00"),
        ('"char"', "a", "a"),
        ("bytea", memoryview(b"abcdef")[::2], "\\x616365"),
        ("jsonb", {"a": [1, None]}, '{"a": [1, null]}'),
        ("jsonb", [], "[]"),
        ("date", "2024-01-02", "2024-01-02"),
        ("interval", "P1M", "1 mon"),
        ("varbit", "101", "101"),
        ("numeric", np.int64(5), "5"),
        ("bool", np.bool_(True), "true"),
        ("int4[]", [(1, 2), (3, 4)], "{{1,2},{3,4}}"),
        ("numeric[]", np.array([1, 2]), "{1,2}"),
    ],
)
async def test_a_good_value_cannot_be_sent(raw: Any, session: Any, kind: str, given: Any, stored: str) -> None:
    sql = f"select ($1::{kind})::text"
    with pytest.raises(asyncpg.DataError, match="invalid input for query argument"):
        await raw.fetchval(sql, given)
    assert await session.select_value(sql, (given,)) == stored


async def test_a_refused_value_stands_in_the_message(raw: Any, session: Any) -> None:
    for given in ("my secret", ["my secret"]):
        kind = "int4" if isinstance(given, str) else "int4[]"
        with pytest.raises(asyncpg.DataError, match="my secret"):
            await raw.fetchval(f"select $1::{kind}", given)
        with pytest.raises(DataError, match="was given") as caught:
            await session.select_value(f"select $1::{kind}", (given,))
        assert "secret" not in str(caught.value)


# -- results that are read as others -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "bent", "canonical"),
    [
        pytest.param("'1 mon'::interval", timedelta(30), Interval(months=1), id="month is 30 days"),
        pytest.param("'1 year'::interval", timedelta(365), Interval(months=12), id="year is 365 days"),
        pytest.param("'1 mon -30 days'::interval", timedelta(0), Interval(months=1, days=-30), id="month less 30 days"),
        pytest.param("array['1 mon'::interval]", [timedelta(30)], [Interval(months=1)], id="month in an array"),
        pytest.param("row('1 mon'::interval)", (timedelta(30),), (Interval(months=1),), id="month in a record"),
        pytest.param(
            "timetz '12:00+05:30:15'",
            time(12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            time(12, tzinfo=timezone(timedelta(hours=5, minutes=30, seconds=15))),
            id="zone loses its seconds",
        ),
        pytest.param(
            "array[timetz '12:00-15:59:59']",
            [time(12, tzinfo=timezone(-timedelta(hours=15, minutes=59)))],
            [time(12, tzinfo=timezone(-timedelta(hours=15, minutes=59, seconds=59)))],
            id="zone in an array loses its seconds",
        ),
    ],
)
async def test_a_value_is_read_as_another(raw: Any, session: Any, literal: str, bent: Any, canonical: Any) -> None:
    found = await raw.fetchval(f"select {literal}")
    assert (tuple(found) if isinstance(bent, tuple) else found) == bent
    assert await session.select_value(f"select {literal}") == canonical


async def test_a_month_read_and_written_back_is_30_days(raw: Any, session: Any) -> None:
    sql = "select date '2024-01-31' + $1::interval = date '2024-01-31' + interval '1 mon'"
    assert await raw.fetchval(sql, await raw.fetchval("select interval '1 mon'")) is False
    assert await session.select_value(sql, await session.select_value("select interval '1 mon'")) is True


@pytest.mark.parametrize("years", [178_000_000, -178_000_000])
async def test_a_long_interval_is_read_as_another(raw: Any, session: Any, years: int) -> None:
    """Its days overflow 32 bits."""
    literal = f"interval '{years} years'"
    assert abs((await raw.fetchval(f"select {literal}")).days) < 600_000_000 < abs(years) * 365
    with pytest.raises(DataError, match='cannot read column "x" as interval'):
        await session.select(f"select {literal} as x")


@pytest.mark.parametrize(
    ("literal", "last"),
    [
        pytest.param("'[2024-01-01,infinity)'::daterange", lambda found: found.upper, id="range"),
        pytest.param("'{[2024-01-01,infinity)}'::datemultirange", lambda found: found[0].upper, id="multirange"),
        pytest.param("'{{infinity}}'::date[]", lambda found: found[0][0], id="array"),
        pytest.param("row('infinity'::date)", lambda found: found[0], id="record"),
    ],
)
async def test_infinity_inside_is_the_last_day(raw: Any, session: Any, literal: str, last: Any) -> None:
    assert last(await raw.fetchval(f"select {literal}")) == date.max
    with pytest.raises(DataError, match='cannot read column "x"'):
        await session.select(f"select {literal} as x")


@pytest.mark.parametrize(
    "literal",
    [
        "date '0044-03-15 BC'",
        "date '10000-01-01'",
        "timestamp '0044-03-15 BC'",
        "timestamp '10000-01-01'",
        "timestamptz '10000-01-01 00:00+00'",
        "time '24:00'",
        "timetz '24:00+00'",
        "interval 'infinity'",
        "interval '-infinity'",
        "array[date '0044-03-15 BC']",
    ],
)
async def test_what_python_cannot_hold_is_an_error_of_python(raw: Any, session: Any, literal: str) -> None:
    """It is none of the driver's errors, so what catches those does not catch it, and it names no column."""
    with pytest.raises((ValueError, OverflowError)) as caught:
        await raw.fetchval(f"select 1 as ok, {literal} as x")
    assert not isinstance(caught.value, asyncpg.InterfaceError | asyncpg.PostgresError)
    with pytest.raises(DataError, match='cannot read column "x"'):
        await session.select(f"select 1 as ok, {literal} as x")
    assert await session.select_value("select 42") == 42


@pytest.mark.parametrize(
    ("literal", "native", "canonical"),
    [
        pytest.param("tid '(0,1)'", (0, 1), "(0,1)", id="tid"),
        pytest.param("pg_snapshot '10:20:10,15'", (10, 20, (10, 15)), "10:20:10,15", id="pg_snapshot"),
        pytest.param("int2vector '1 2'", [1, 2], "1 2", id="int2vector"),
        pytest.param("oidvector '1 2'", [1, 2], "1 2", id="oidvector"),
        pytest.param("cid '5'", 5, "5", id="cid"),
        pytest.param(
            "int4multirange '{[1,3)}'", [asyncpg.Range(1, 3)], (Range(1, 3, "[)"),), id="multirange is a list"
        ),
        pytest.param(
            "path '((1,2),(3,4))'",
            asyncpg.Path(asyncpg.Point(1, 2), asyncpg.Point(3, 4), is_closed=True),
            Path(points=((1.0, 2.0), (3.0, 4.0)), closed=True),
            id="path",
        ),
        pytest.param("""''::"char" """, b"\0", "", id="empty char is a NUL"),
        pytest.param("1000000::numeric", Decimal("1.00E+6"), Decimal(1000000), id="numeric has an exponent"),
        pytest.param("1e40::numeric", Decimal("1E+40"), Decimal(10**40), id="large numeric has an exponent"),
        pytest.param("""'"x"'::jsonb""", '"x"', "x", id="text in jsonb keeps its quotes"),
        pytest.param("'null'::json", "null", None, id="null in json is a word"),
    ],
)
async def test_more_types_have_other_values(raw: Any, session: Any, literal: str, native: Any, canonical: Any) -> None:
    found = await raw.fetchval(f"select {literal}")
    assert (type(found), found) == (type(native), native)
    assert str(found) == str(native) or not isinstance(native, Decimal)
    ours = await session.select_value(f"select {literal}")
    assert (type(ours), ours, str(ours)) == (type(canonical), canonical, str(canonical))


async def test_a_composite_is_a_record(raw: Any, session: Any) -> None:
    await make_types(raw, session)
    sql = "select row(1, 'x')::inside"
    assert type(await raw.fetchval(sql)) is asyncpg.Record
    assert await session.select_value(sql) == {"a": 1, "b": "x"}


async def test_of_two_columns_of_one_name_one_is_lost(raw: Any, session: Any) -> None:
    row = await raw.fetchrow("select 1 as a, 2 as a")
    assert (dict(row), row["a"]) == ({"a": 2}, 2)
    with pytest.raises(MappingError, match="2 columns are named 'a'"):
        await session.select_one("select 1 as a, 2 as a")


_EMPTY_ELEMENTS = """
import asyncio, sys, asyncpg

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    found = await connection.fetchval("select array[''::tsvector]")
    print("read", flush=True)
    found[0].__class__

asyncio.run(main())
"""


async def test_an_empty_element_of_an_array_ends_the_process(dsn: str, session: Any) -> None:
    """The list holds no object in its place: whatever looks at it crashes."""
    command = [sys.executable, "-c", _EMPTY_ELEMENTS, dsn]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)
    assert ended.stdout == b"read\n"
    assert ended.returncode < 0  # by a signal
    assert await session.select_value("select array[''::tsvector]") == [""]
    assert await session.select_value("select array[''::tsvector, null, 'a']") == ["", None, "'a'"]
