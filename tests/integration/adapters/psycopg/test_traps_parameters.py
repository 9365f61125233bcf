"""Parameters that psycopg stores as other values: on the bare driver, then through the adapter.

The driver takes the type of a parameter from the Python value, and the server casts what it is given to the type of
the column. Each test shows that first. One that fails there tells of a release that has been repaired: look whether
the adapter still needs its way around.
"""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from typing import Any

import numpy as np
import psycopg
import pytest

from sqlspec.exceptions import DataError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

EAST = timezone(timedelta(hours=5))
TYPES = """
    create type mood as enum ('sad'); create domain words as text; create domain posint as int check (value > 0);
    create type inside as (a int, b text)
"""


class Mood(enum.Enum):
    GLOOMY = "sad"


def wrong(kind: str, given: Any, stored: str, words: str) -> Any:
    """A value that is stored as something; the adapter refuses it in these words."""
    return pytest.param(kind, given, stored, words, id=f"{type(given).__name__} as {kind}: {stored}"[:60])


@pytest.fixture
async def twin(raw: Any, session: Any, flavour: Flavour) -> Any:
    """The bare driver in the schema of the session, and in its time zone."""
    await session.execute_script(TYPES)
    await session.execute("set timezone = 'Asia/Kolkata'")
    raw.execute(f"set search_path = {flavour.schema}; set timezone = 'Asia/Kolkata'")
    return raw


NUMBERS = [
    *[
        wrong(kind, given, stored, "was given")
        for kind in ("int2", "int4", "int8", "posint")
        for given, stored in ((2.5, "2"), (Decimal("2.5"), "3"), (np.float64(1.9), "2"), (" 5 ", "5"))
    ],
    wrong("oid", -1, "4294967295", "outside 0 to 4294967295"),
    wrong("regclass", -1, "4294967295", "an int was given"),
    wrong("float8", Decimal("sNaN"), "NaN", "signaling NaN"),
    wrong("numeric", Decimal("sNaN"), "NaN", "signaling NaN"),
    wrong("float8", "infinity", "Infinity", "a str was given"),
    wrong("money", Decimal("1E-30"), "$0.00", "money"),
    wrong("money", (1, 2), "-$12.00", "a tuple was given"),
    wrong("money", "", "$0.00", "a str was given"),
    wrong("bool", "t", "true", "a str was given"),
    wrong("xid8", " 5 ", "5", "a str was given"),
]

TEXTS = [
    *[
        wrong(kind, given, stored, "was given")
        for kind in ("text", "varchar", "words")
        for given, stored in (
            (True, "true"),
            (5, "5"),
            (1e22, "1e+22"),
            (Decimal("1E+5"), "100000"),
            (Decimal("sNaN"), "NaN"),
            (b"ab", "\\x6162"),
            (date(2024, 1, 2), "2024-01-02"),
            (datetime(2024, 1, 2, 23, tzinfo=UTC), "2024-01-03 04:30:00+05:30"),
            (timedelta(1), "1 day"),
            (IPv4Address("10.0.0.1"), "10.0.0.1/32"),
            (np.float32(0.1), "0.1"),
            (Mood.GLOOMY, "GLOOMY"),
        )
    ],
    wrong("name", True, "t", "a bool was given"),
    wrong("char(3)", 5, "5", "an int was given"),
    wrong('"char"', "sad", "s", "longer than the single byte"),
    wrong('"char"', [], "{", "a list was given"),
    wrong("bytea", "a", "\\x61", "a str was given"),
    wrong("bytea", "\\x6162", "\\x6162", "a str was given"),
    wrong("bytea", [], "\\x7b7d", "a list was given"),
    wrong("bytea", (1, 2), "\\x28312c3229", "a tuple was given"),
    wrong("tsvector", [], "'{}'", "a list was given"),
    wrong("tsvector", (1, "x"), "'(1,x)'", "a tuple was given"),
    wrong("tsquery", ["a"], "'{a}'", "a list was given"),
    wrong("jsonpath", (1,), "1", "a tuple was given"),
]

TIMES = [
    wrong("date", datetime(2024, 1, 2, 23, tzinfo=UTC), "2024-01-03", "a datetime was given"),
    wrong("date", "01/02/2024", "2024-01-02", "not an ISO 8601 date"),
    wrong("date", "infinity", "infinity", "not an ISO 8601 date"),
    wrong("date", ((1, 2), 3), "2003-01-02", "a tuple was given"),
    wrong("time", time(12, tzinfo=EAST), "12:00:00", "an aware time was given"),
    wrong("time", datetime(2024, 1, 2, 23, tzinfo=UTC), "04:30:00", "a datetime was given"),
    wrong("time", timedelta(days=400, seconds=2), "00:00:02", "a timedelta was given"),
    wrong("time", timedelta(microseconds=-1), "23:59:59.999999", "a timedelta was given"),
    wrong("timetz", time(12), "12:00:00+05:30", "a naive time was given"),
    wrong("timetz", datetime(2024, 1, 2, 23, tzinfo=UTC), "04:30:00+05:30", "a datetime was given"),
    wrong("timestamp", datetime(2024, 1, 2, 23, tzinfo=UTC), "2024-01-03 04:30:00", "an aware datetime was given"),
    wrong("timestamp", date(2024, 1, 2), "2024-01-02 00:00:00", "a date was given"),
    wrong("timestamptz", date(2024, 1, 2), "2024-01-02 00:00:00+05:30", "a date was given"),
    wrong("timestamptz", "2024-01-02 03:04:05", "2024-01-02 03:04:05+05:30", "naive"),
    wrong("interval", time(12), "12:00:00", "a time was given"),
    wrong("interval", "5", "00:00:05", "not an ISO 8601 duration"),
    wrong("interval", (1,), "00:00:01", "a tuple was given"),
]

OTHERS = [
    wrong("inet", IPv6Address("fe80::1%eth0"), "fe80::1/128", "scope"),
    wrong("cidr", IPv4Interface("10.0.0.1/8"), "10.0.0.0/8", "an IPv4Interface was given"),
    wrong("cidr", IPv4Address("10.0.0.1"), "10.0.0.1/32", "an IPv4Address was given"),
    wrong("cidr", "5", "5.0.0.0/8", "the str is not"),
    wrong("path", (1, 2), "((1,2))", "path"),
    wrong("polygon", (1, 2), "((1,2))", "polygon"),
    wrong("int4range", (1, 5), "[2,5)", "a tuple was given"),
    wrong("int4range", (1, 2), "empty", "a tuple was given"),
    wrong("numrange", (1, 5), "(1,5)", "a tuple was given"),
    wrong("int4[]", [1.5], "{2}", "element .1.: a float was given"),
    wrong("int4[]", ["1", " 2"], "{1,2}", "element .1.: a str was given"),
    wrong("int4[]", "{1,2}", "{1,2}", "a str was given"),
    *[wrong(f"{kind}[]", [[]], "{}", "a nested list is empty") for kind in ("int4", "text", "date", "mood")],
    wrong("text[]", [1, None], "{1,NULL}", "element .1.: an int was given"),
    wrong("text[]", [b"a"], '{"\\\\x61"}', "element .1.: a bytes was given"),
    wrong("text[]", [Mood.GLOOMY], "{GLOOMY}", "element .1.: a Mood was given"),
    wrong("timestamp[]", [date.max], '{"9999-12-31 00:00:00"}', "element .1.: a date was given"),
    wrong("time[]", [timedelta(1)], "{00:00:00}", "element .1.: a timedelta was given"),
    wrong("inside", ("5", "x"), "(5,x)", 'field "a": a str was given'),
]


@pytest.mark.parametrize(("kind", "given", "stored", "words"), [*NUMBERS, *TEXTS, *TIMES, *OTHERS])
async def test_a_wrong_value_is_stored_as_something(
    twin: Any, session: Any, kind: str, given: Any, stored: str, words: str
) -> None:
    await session.execute(f"create table t (a {kind})")
    twin.execute("insert into t values ($1)", (given,))
    assert twin.execute("delete from t returning a::text").fetchone() == (stored,)
    with pytest.raises(DataError, match=words):
        await session.execute("insert into t values ($1)", (given,))
    assert await session.select("select a from t") == []


@pytest.mark.parametrize(
    ("kind", "given", "read", "words"),
    [
        pytest.param("varchar(2)", True, "tr", "a bool was given", id="bool as varchar is cut"),
        pytest.param("varchar(2)", date(2024, 1, 2), "20", "a date was given", id="date as varchar is cut"),
        pytest.param("char(3)", Decimal(12345), "123", "a Decimal was given", id="Decimal as char is cut"),
        pytest.param("int4", b"5", "53", "a bytes was given", id="bytes as int4 are its bytes"),
        pytest.param("int4", True, "1", "a bool was given", id="bool as int4"),
        pytest.param("int8", memoryview(b"ab"), "24930", "a memoryview was given", id="memoryview as int8"),
        pytest.param("bytea", 5, "\\x0005", "an int was given", id="int as bytea: its bytes"),
        pytest.param("bytea", 70_000, "\\x00011170", "an int was given", id="int as bytea: more bytes"),
        pytest.param("bit(3)", 2**31 - 1, "111", "an int was given", id="int as bit is cut"),
        pytest.param("bool", 70_000, "true", "an int was given", id="int as bool"),
        pytest.param("int4[]", [b"a", b""], "{97,0}", "element .1.: a bytes was given", id="bytes in an array"),
        pytest.param("bytea[]", [1, None], '{"\\\\x0001",NULL}', "element .1.: an int was given", id="ints as bytes"),
    ],
)
async def test_a_cast_makes_something_of_a_wrong_value(
    twin: Any, session: Any, kind: str, given: Any, read: str, words: str
) -> None:
    sql = f"select ($1::{kind})::text"
    assert twin.execute(sql, (given,)).fetchone() == (read,)
    with pytest.raises(DataError, match=words):
        await session.select_value(sql, (given,))


@pytest.mark.parametrize(
    ("kind", "given", "stored", "canonical"),
    [
        pytest.param("json", [], "{}", "[]", id="empty list as json is an object"),
        pytest.param("jsonb", [], "{}", "[]", id="empty list as jsonb is an object"),
        pytest.param("float8", Decimal("-0.00"), "0", "-0", id="Decimal as float8 loses its sign"),
        pytest.param("numeric", 5.0, "5", "5.0", id="float as numeric loses its scale"),
        pytest.param("numeric", 5e-324, f"0.{'0' * 323}494065645841247", f"0.{'0' * 323}5", id="small float: noise"),
    ],
)
async def test_a_value_is_stored_as_another(
    twin: Any, session: Any, kind: str, given: Any, stored: str, canonical: str
) -> None:
    await session.execute(f"create table t (a {kind})")
    twin.execute("insert into t values ($1)", (given,))
    found = twin.execute("delete from t returning a::text").fetchone()[0]
    assert found[: len(stored)] == stored
    assert found != canonical
    await session.execute("insert into t values ($1)", (given,))
    assert await session.select_value("select a::text from t") == canonical


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("xid", 5, "5"),
        ("xid8", 2**64 - 1, "18446744073709551615"),
        ("money", 5, "$5.00"),
        ("float4", 1e-46, "0"),
        ("numeric", Decimal("-NaN"), "NaN"),
        ("bytea", memoryview(b"abcdef")[::2], "\\x616365"),
        ("jsonb", {"a": 1}, '{"a": 1}'),
        ("jsonb", [1, 2], "[1, 2]"),
        ("jsonb", [1, "x"], '[1, "x"]'),
        ("json", [None], "[null]"),
        ("float8[]", [1, 2.5], "{1,2.5}"),
        ("numeric[]", [Decimal("1.5"), 1], "{1.5,1}"),
        ("int4[]", (1, 2), "{1,2}"),
        ("int4[]", np.array([[1, 2], [3, 4]]), "{{1,2},{3,4}}"),
        ("circle", ((1, 2), 3), "<(1,2),3>"),
        ("mood", Mood.GLOOMY, "sad"),
        ("inside", {"a": 1, "b": "x"}, "(1,x)"),
    ],
)
async def test_a_good_value_cannot_be_sent(twin: Any, session: Any, kind: str, given: Any, stored: str) -> None:
    await session.execute(f"create table t (a {kind})")
    with pytest.raises((psycopg.Error, BufferError)):
        twin.execute("insert into t values ($1)", (given,))
    await session.execute("insert into t values ($1)", (given,))
    assert await session.select_value("select a::text from t") == stored


async def test_an_enum_is_stored_by_its_name(twin: Any, session: Any) -> None:
    """Among text nothing tells that apart from the value, until it is read."""
    await session.execute("create table t (a text, m mood)")
    twin.execute("insert into t (a) values ($1)", (Mood.GLOOMY,))
    assert twin.execute("select a from t").fetchone() == ("GLOOMY",)
    with pytest.raises(psycopg.DataError, match="GLOOMY"):
        twin.execute("insert into t (m) values ($1)", (Mood.GLOOMY,))
    with pytest.raises(DataError, match="a Mood was given"):
        await session.execute("insert into t (a) values ($1)", Mood.GLOOMY)
    await session.execute("insert into t (m) values ($1)", Mood.GLOOMY)
    assert await session.select_value("select m from t where m is not null") == "sad"


async def test_arithmetic_depends_on_the_size_of_the_values(twin: Any, session: Any) -> None:
    assert twin.execute("select $1 / 2", (5,)).fetchone() == (2,)
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        twin.execute("select $1 * $2", (300, 300))
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        twin.execute("select $1 + $1", (20_000,))
    assert twin.execute("select $1 + $1", (40_000,)).fetchone() == (80_000,)
    for number in (300, 20_000, 40_000):
        assert await session.select_value("select $1 * 1 + $1", number) == 2 * number
        assert await session.select_value("select $1::int8 * $2::int8", number, number) == number * number


async def test_functions_of_any_type_take_no_text(twin: Any, session: Any) -> None:
    with pytest.raises(psycopg.errors.IndeterminateDatatype):
        twin.execute("select jsonb_build_object('a', $1)", ("x",))
    with pytest.raises(psycopg.errors.UndefinedFunction):
        twin.execute("select 1 where '5'::text = $1", (5,))
    assert await session.select_value("select jsonb_build_object('a', $1::text)", "x") == {"a": "x"}
    with pytest.raises(DataError, match="as text: an int was given"):
        await session.select("select 1 where '5'::text = $1", 5)


async def test_an_integer_column_is_compared_with_a_fraction(twin: Any, session: Any) -> None:
    """No row can ever be found; ours says so."""
    await session.execute("create table t (i int4)")
    await session.execute("insert into t values (1), (2)")
    assert twin.execute("select i from t where i = $1", (1.5,)).fetchall() == []
    with pytest.raises(DataError, match="as int4: a float was given"):
        await session.select("select i from t where i = $1", 1.5)


async def test_one_naive_datetime_takes_the_zones_from_all_others(twin: Any, session: Any) -> None:
    sql = "select ($1::timestamptz[])[1] = timestamptz '2024-01-02 03:00+05'"
    aware, naive = datetime(2024, 1, 2, 3, tzinfo=EAST), datetime(2024, 1, 2, 3)
    assert twin.execute(sql, ([aware],)).fetchone() == (True,)
    assert twin.execute(sql, ([aware, naive],)).fetchone() == (False,)
    assert await session.select_value(sql, ([aware],)) is True
    with pytest.raises(DataError, match="element .2.: a naive datetime was given"):
        await session.select_value(sql, ([aware, naive],))
