"""Canonical values: selected, bound, in arrays, in batches; and what is refused instead of stored wrongly."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import attrs
import msgspec
import numpy
import pytest

from sqlspec.exceptions import DataError
from sqlspec.values import INFINITY, NEG_INFINITY, Json


class Case(NamedTuple):
    """A value of a type: its SQL literal, the canonical Python value, and other parameters that mean the same."""

    type: str
    literal: str
    value: Any
    also: tuple[Any, ...] = ()


class Refused(NamedTuple):
    """A parameter that a type does not take."""

    type: str
    value: Any


class Number(IntEnum):
    SEVEN = 7


class Word(StrEnum):
    GREEN = "green"


class Mood(Enum):
    SAD = "sad"


class Text(str):
    __slots__ = ()


class Amount(Decimal):
    __slots__ = ()


class Doc(msgspec.Struct):
    a: int


@attrs.define
class Private:
    a: int
    _b: Decimal


@dataclass
class Data:
    a: int


NAN, INF = float("nan"), float("inf")
BERLIN = ZoneInfo("Europe/Berlin")
UUID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
BIG = 10**40

CASES: dict[str, list[Case]] = {
    "bool": [
        Case("bool", "true", True, (numpy.True_,)),
        Case("bool", "false", False, (numpy.False_,)),
    ],
    "int2": [
        Case("int2", "32767", 32767, (numpy.int16(32767), numpy.uint64(32767))),
        Case("int2", "-32768", -32768),
        Case("int2", "7", 7, (Number.SEVEN,)),
    ],
    "int4": [
        Case("int4", "2147483647", 2**31 - 1, (numpy.int64(2**31 - 1),)),
        Case("int4", "-2147483648", -(2**31)),
        Case("int4", "0", 0),
    ],
    "int8": [
        Case("int8", "9223372036854775807", 2**63 - 1, (numpy.uint64(2**63 - 1),)),
        Case("int8", "-9223372036854775808", -(2**63), (numpy.int64(-(2**63)),)),
    ],
    "oid": [Case("oid", "4294967295", 2**32 - 1), Case("oid", "0", 0)],
    "xid8": [Case("xid8", "18446744073709551615", 2**64 - 1)],
    "float8": [
        Case("float8", "1.5", 1.5, (Decimal("1.5"), numpy.float32(1.5), numpy.float64(1.5))),
        Case("float8", "0.1", 0.1, (Decimal("0.1"),)),
        Case("float8", "3", 3.0, (3, numpy.int8(3))),
        Case("float8", "-0", -0.0),
        Case("float8", "NaN", NAN, (Decimal("NaN"),)),
        Case("float8", "Infinity", INF, (Decimal("Infinity"),)),
        Case("float8", "-Infinity", -INF),
        Case("float8", "1.7976931348623157e308", 1.7976931348623157e308),
        Case("float8", "5e-324", 5e-324),
        Case("float8", "9007199254740993", 9007199254740992.0, (2**53 + 1,)),
    ],
    "float4": [
        Case("float4", "1.5", 1.5),
        Case("float4", "0.1", float(numpy.float32(0.1)), (0.1, Decimal("0.1"))),
        Case("float4", "-0", -0.0),
        Case("float4", "NaN", NAN),
        Case("float4", "-Infinity", -INF),
        Case("float4", "16777217", 16777216.0, (16777217,)),
    ],
    "numeric": [
        Case("numeric", "1.50", Decimal("1.50"), (Amount("1.50"),)),
        Case("numeric", "0", Decimal(0), (0, Decimal("0E+200000"))),
        Case("numeric", "0.000", Decimal("0.000")),
        Case("numeric", "-12345.678901", Decimal("-12345.678901")),
        Case("numeric", "1e10", Decimal(10**10), (10**10, Decimal("1E+10"))),
        Case("numeric", "1e40", Decimal(BIG), (BIG, Decimal("1E+40"))),
        Case("numeric", "1e-30", Decimal("0." + "0" * 29 + "1"), (Decimal("1E-30"),)),
        Case("numeric", "0.1", Decimal("0.1"), (0.1,)),
        Case("numeric", "99999999999999999999999999999999999999.9999", Decimal("9" * 38 + ".9999")),
        Case("numeric", "10000", Decimal(10000)),
        Case("numeric", "0.00010000", Decimal("0.00010000")),
        Case("numeric", "NaN", Decimal("NaN"), (NAN, Decimal("-NaN"))),
        Case("numeric", "Infinity", Decimal("Infinity"), (INF,)),
        Case("numeric", "-Infinity", Decimal("-Infinity")),
        Case("numeric(10, 2)", "1.5", Decimal("1.50")),
    ],
    "text": [
        Case("text", "abc", "abc", (Text("abc"),)),
        Case("text", "", ""),
        Case("text", "ünï ☃ 𝄞 \U0001f600", "ünï ☃ 𝄞 \U0001f600"),
        Case("text", "a\nb\tc\\d\"e", "a\nb\tc\\d\"e"),
        Case("text", "green", "green", (Word.GREEN,)),
        Case("text", "NULL", "NULL"),
        Case("varchar(5)", "abc", "abc"),
        Case("name", "abc", "abc"),
        Case("char(5)", "ab", "ab   "),
        Case('"char"', "x", "x"),
    ],
    "bytea": [
        Case("bytea", "\\x00ff5c27", b"\x00\xff\\'", (bytearray(b"\x00\xff\\'"), memoryview(b"\x00\xff\\'"))),
        Case("bytea", "", b""),
    ],
    "uuid": [
        Case("uuid", str(UUID), UUID, (str(UUID), str(UUID).upper(), UUID.hex)),
        Case("uuid", "00000000-0000-0000-0000-000000000000", uuid.UUID(int=0)),
        Case("uuid", "ffffffff-ffff-ffff-ffff-ffffffffffff", uuid.UUID(int=2**128 - 1)),
    ],
    "date": [
        Case("date", "2024-02-29", date(2024, 2, 29), ("2024-02-29",)),
        Case("date", "0001-01-01", date.min),
        Case("date", "9999-12-31", date.max),
        Case("date", "2000-01-01", date(2000, 1, 1)),
    ],
    "time": [
        Case("time", "00:00", time()),
        Case("time", "23:59:59.999999", time.max, ("23:59:59.999999",)),
        Case("time", "12:34:56.000001", time(12, 34, 56, 1)),
    ],
    "timetz": [
        Case("timetz", "12:34:56.5+02", time(12, 34, 56, 500000, timezone(timedelta(hours=2)))),
        Case("timetz", "00:00-15:59:59", time(tzinfo=timezone(-timedelta(hours=15, minutes=59, seconds=59)))),
        Case("timetz", "01:00+00", time(1, tzinfo=UTC)),
    ],
    "timestamp": [
        Case(
            "timestamp",
            "2024-02-29 12:34:56.000001",
            datetime(2024, 2, 29, 12, 34, 56, 1),
            ("2024-02-29T12:34:56.000001",),
        ),
        Case("timestamp", "0001-01-01", datetime.min),
        Case("timestamp", "9999-12-31 23:59:59.999999", datetime.max),
        Case("timestamp", "1999-12-31 23:59:59.999999", datetime(1999, 12, 31, 23, 59, 59, 999999)),
    ],
    "timestamptz": [
        Case(
            "timestamptz",
            "2024-07-01 12:00+02",
            datetime(2024, 7, 1, 10, tzinfo=UTC),
            (
                datetime(2024, 7, 1, 12, tzinfo=BERLIN),
                datetime(2024, 7, 1, 5, tzinfo=timezone(-timedelta(hours=5))),
                "2024-07-01T12:00:00+02:00",
            ),
        ),
        Case(
            "timestamptz",
            "2024-10-27 02:30+01",
            datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
            (datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),),
        ),
        Case(
            "timestamptz",
            "2024-10-27 02:30+02",
            datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
            (datetime(2024, 10, 27, 2, 30, fold=0, tzinfo=BERLIN),),
        ),
        Case("timestamptz", "0001-01-01 00:00+00", datetime.min.replace(tzinfo=UTC)),
        Case("timestamptz", "9999-12-31 23:59:59.999999+00", datetime.max.replace(tzinfo=UTC)),
    ],
    "jsonb": [
        Case("jsonb", '{"b": [1, 2.5, null, true, "x"], "a": {}}', {"a": {}, "b": [1, 2.5, None, True, "x"]}),
        Case("jsonb", "[]", [], (Json([]), "[]")),
        Case("jsonb", '"x"', "x", (Json("x"), '"x"')),
        Case("jsonb", "123456789012345678901234567890", 123456789012345678901234567890),
        Case("jsonb", "null", None, (Json(None), "null")),
        Case("jsonb", "true", True, (Json(True),)),
        Case("jsonb", '{"a": 1}', {"a": 1}, (Doc(1), Data(1), '{"a":1}', Json({"a": 1}))),
        Case("jsonb", '{"a": 1, "_b": 1.5}', {"a": 1, "_b": 1.5}, (Private(1, Decimal("1.5")),)),
        Case("jsonb", '{"k": "\\u00fc \\" \\\\ / ☃"}', {"k": 'ü " \\ / ☃'}),
    ],
    "json": [
        Case("json", '{"b":1,"a":[]}', {"b": 1, "a": []}, (Json({"b": 1, "a": []}),)),
        Case("json", "1.5", 1.5, (Json(1.5),)),
    ],
    "mood": [
        Case("mood", "sad", "sad", (Mood.SAD, "sad", Text("sad"))),
        Case("mood", "ünï ☃", "ünï ☃"),
    ],
    "arrays": [
        Case("int4[]", "{1,NULL,3}", [1, None, 3], ((1, None, 3),)),
        Case("int4[]", "{}", [], ((), numpy.array([], dtype="int32"))),
        Case("int4[]", "{{1,2},{3,4}}", [[1, 2], [3, 4]], (numpy.array([[1, 2], [3, 4]]), ((1, 2), (3, 4)))),
        Case("int4[]", "[5:6]={7,8}", [7, 8]),
        Case("int8[]", "{{{1}}}", [[[1]]]),
        Case("float8[]", "{1,0.5,-0}", [1.0, 0.5, -0.0], (numpy.array([1.0, 0.5, -0.0]),)),
        Case("bool[]", "{t,f,NULL}", [True, False, None]),
        Case("text[]", '{"a b","{}","","NULL",NULL,"q\\"\\\\"}', ["a b", "{}", "", "NULL", None, 'q"\\']),
        Case("numeric[]", "{1.50,NaN}", [Decimal("1.50"), Decimal("NaN")]),
        Case("uuid[]", f"{{{UUID}}}", [UUID]),
        Case("date[]", "{2024-02-29,NULL}", [date(2024, 2, 29), None], (["2024-02-29", None],)),
        Case("timestamptz[]", '{"2024-01-01 00:00+00"}', [datetime(2024, 1, 1, tzinfo=UTC)]),
        Case("jsonb[]", '{"[1]",NULL,"{\\"a\\": 1}"}', [[1], None, {"a": 1}], ([Json([1]), None, {"a": 1}],)),
        Case("bytea[]", '{"\\\\x00ff"}', [b"\x00\xff"]),
        Case("mood[]", '{sad,NULL}', ["sad", None], ([Mood.SAD, None],)),
    ],
}  # fmt: skip

REFUSED: dict[str, list[Any]] = {
    "bool": [1, 0, "true", 1.0, b"\1", Decimal(1)],
    "int2": [32768, -32769, 1.0, "1", True, Decimal(1), numpy.int64(40000)],
    "int4": [2**31, -(2**31) - 1, 1.9, Decimal("1.9"), Decimal(1), "1", True, b"1", NAN, [1]],
    "int8": [2**63, -(2**63) - 1, 10**30, 1.0, "1", False, numpy.uint64(2**63), numpy.float64(1)],
    "oid": [-1, 2**32, 1.0, "1"],
    "float8": ["1.5", 10**400, True, Decimal("1e400"), b"x", None.__class__],
    "float4": [1e39, "1.5", Decimal("1e39"), 10**39, True],
    "numeric": ["one", Decimal("sNaN"), True, b"1", date(2024, 1, 1)],
    "text": [1, 1.5, b"abc", True, "a\0b", "\ud800", date(2024, 1, 1), UUID, ["a"]],
    "varchar(5)": [12345, b"abc"],
    "name": ["x" * 64],
    "bytea": ["abc", 5, [1, 2]],
    "uuid": ["not-a-uuid", 5, b"x" * 16, "12345678-9abc-def0-1234-56789abcdef"],
    "date": [datetime(2024, 1, 1, 12), datetime(2024, 1, 1), "2024-02-30", "yesterday", 20240101, time()],
    "time": [time(tzinfo=UTC), "24:30", "25:00", datetime(2024, 1, 1), timedelta(hours=1), 5],
    "timetz": [time(12), "12:00", datetime(2024, 1, 1, tzinfo=UTC)],
    "timestamp": [datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 1), "2024-13-01", 0, "2024-01-01T00:00:00Z"],
    "timestamptz": [datetime(2024, 1, 1), date(2024, 1, 1), "2024-01-01T00:00:00", 1704067200],
    "jsonb": [1, 1.5, True, {"a": NAN}, [INF], Json(NAN), {"a": object()}, b"{}", [b""], {1: 1, "1": 2}],
    "json": [1, {"a": NAN}],
    "mood": [1, b"sad", "a\0b"],
    "int4[]": [[1.5], [2**31], ["1"], [[1], [2, 3]], [[1], 2], 5, {"a": 1}, [True]],
    "text[]": [[1], ["a\0"], [b"x"], "abc"],
    "date[]": [[datetime(2024, 1, 1)], ["x"]],
}

groups = pytest.mark.parametrize("group", CASES)


@pytest.fixture
async def values(session: Any) -> Any:
    await session.execute("create type mood as enum ('sad', 'happy', 'ünï ☃')")
    return session


def same(found: Any, wanted: Any) -> bool:
    """Compare type, value, scale, sign of zero and NaN."""
    if isinstance(wanted, list):
        return type(found) is list and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float):
        return type(found) is float and repr(found) == repr(wanted)
    if isinstance(wanted, Decimal):
        return type(found) is Decimal and str(found) == str(wanted)
    if isinstance(wanted, uuid.UUID):
        return isinstance(found, uuid.UUID) and found == wanted
    if isinstance(wanted, (datetime, time)):
        offset = found.utcoffset() if isinstance(found, type(wanted)) else ...
        return type(found) is type(wanted) and found == wanted and offset == wanted.utcoffset()
    return type(found) is type(wanted) and found == wanted


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def given(group: str) -> Iterator[tuple[Case, Any]]:
    """Yield each case with each parameter that means its value.

    A decoded JSON scalar is none by itself, and neither is a list of documents with a list among them.
    """
    for case in CASES[group]:
        plain = not case.type.startswith("json") or (isinstance(case.value, (dict, list)) and "[]" not in case.type)
        if plain:
            yield case, case.value
        for other in case.also:
            yield case, other


# -- what is read and written -------------------------------------------------------------------------------


@groups
async def test_selected_and_null(values: Any, group: str) -> None:
    for case in CASES[group]:
        found = await values.select_value(f"select {quoted(case.literal)}::{case.type}")
        assert same(found, case.value), (case, found)
        row = await values.select_one(f"select 1 as a, {quoted(case.literal)}::{case.type} as b, 'c' as c")
        assert same(row["b"], case.value), (case, row)
    for kind in dict.fromkeys(case.type for case in CASES[group]):
        row = await values.select_one(f"select null::{kind} as a, $1::{kind} as b, $1::{kind} is null as c", (None,))
        assert row == {"a": None, "b": None, "c": True}, kind


@groups
async def test_bound(values: Any, group: str) -> None:
    for case, value in given(group):
        # One list is the sequence of one placeholder's value only where that is the sole one: hence the tuple.
        found = await values.select_one(
            f"""select $1::{case.type} as value, $1::{case.type}::text as text,
                {quoted(case.literal)}::{case.type}::text as wanted""",
            (value,),
        )
        assert same(found["value"], case.value), (case, value, found)
        if not (case.type == "int4[]" and case.literal.startswith("[")):
            assert found["text"] == found["wanted"], (case, value)


@groups
async def test_in_arrays(values: Any, group: str) -> None:
    if group == "arrays":
        return
    for case, value in given(group):
        array = f"{case.type}[]"
        found = await values.select_value(f"select array[null, {quoted(case.literal)}]::{array}")
        assert same(found, [None, case.value]), (case, found)
        if case.type.startswith("json") and isinstance(value, list):
            continue  # inside an array of documents a bare list would be a dimension
        found = await values.select_value(f"select $1::{array}", ([value, None, value],))
        assert same(found, [case.value, None, case.value]), (case, value, found)


@groups
async def test_through_a_table_and_execute_many(values: Any, group: str) -> None:
    by_type: dict[str, list[tuple[Case, Any]]] = {}
    for case, value in given(group):
        by_type.setdefault(case.type, []).append((case, value))
    for number, (kind, pairs) in enumerate(by_type.items()):
        table = f"stored_{number}"
        await values.execute(f"create table {table} (n int, v {kind})")
        rows = [(n, value) for n, (_, value) in enumerate(pairs)]
        await values.execute_many(f"insert into {table} values ($1, $2)", [*rows, (len(rows), None)])
        found = await values.select(f"select v from {table} order by n", schema_type=tuple)
        for (case, value), (stored,) in zip(pairs, found, strict=False):
            assert same(stored, case.value), (case, value, stored)
        assert found[-1] == (None,)


# -- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_value_that_does_not_fit_is_refused(values: Any, kind: str) -> None:
    await values.execute(f"create table refusing (v {kind})")
    sql = "insert into refusing values ($1)"
    for value in REFUSED[kind]:
        for call in (lambda v: values.execute(sql, (v,)), lambda v: values.execute_many(sql, [(None,), (v,)])):
            with pytest.raises(DataError, match=r"cannot bind parameter \$1 as ") as caught:
                await call(value)
            error = caught.value
            assert error.sqlstate is None, (value, error)
            assert not hasattr(value, "__len__") or len(str(value)) < 4 or str(value) not in str(error), (value, error)
    assert await values.select_value("select count(*) from refusing") == 0


async def test_a_refused_value_is_not_sent(values: Any) -> None:
    # The server may be asked what the types are by now. But nothing is executed: no rollback takes nextval() back.
    await values.execute_script("create sequence drawn; create table refusing (n int8, a int4, b date)")
    sql = "insert into refusing values (nextval('drawn'), $1::int4, $2::date) returning n"
    assert await values.select_value(sql, 1, None) == 1
    calls = (
        lambda args: values.select(sql, *args),
        lambda args: values.execute_many(sql, [args]),
        lambda args: values.execute_stack([(sql, args)]),
    )
    for args in [(1.5, None), (2**31, None), ("1", None), (1, datetime(2024, 1, 1)), (1, "x")]:
        for call in calls:
            with pytest.raises(DataError, match="cannot bind parameter") as caught:
                await call(args)
            assert caught.value.sql == sql
            async with values.transaction():
                with pytest.raises(DataError, match="cannot bind parameter"):
                    await call(args)
                assert await values.select_value("select last_value from drawn") == 1
    assert await values.select_one("select count(*) as n from refusing") == {"n": 1}
    assert await values.select_value(sql, 1, None) == 2


async def test_a_refusal_of_text_says_how_to_cast(values: Any) -> None:
    with pytest.raises(DataError, match=r"write \$2::text::int4"):
        await values.select("select $1::text, $2::int4", "x", "5")
    assert await values.select_value("select $1::text::int4", "5") == 5
    with pytest.raises(DataError, match=r"write \$1::text::bool"):
        await values.select("select $1::bool", "t")


UNREADABLE = [
    "'infinity'::date",
    "'-infinity'::date",
    "'infinity'::timestamp",
    "'-infinity'::timestamptz",
    "'0044-03-15 BC'::date",
    "'10000-01-01'::date",
    "'4713-01-01 BC'::timestamp",
    "'20000-01-01'::timestamptz",
    "'24:00'::time",
    "'24:00+00'::timetz",
    "'178000000 years'::interval",
    "'[1.5e400]'::json",
    "array['2024-01-01', 'infinity']::date[]",
    "array[['24:00'::time]]",
]


async def test_what_python_cannot_hold_is_refused_by_column(values: Any) -> None:
    for literal in UNREADABLE:
        sql = f"select 1 as a, {literal} as wrong, 'x' as c"
        for call in (values.select, values.execute, values.select_one):
            with pytest.raises(DataError, match='cannot read column "wrong"') as caught:
                await call(sql)
            assert caught.value.column == "wrong"
        assert await values.select_value(f"select ({literal})::text is not null")
        assert await values.select("select 1 as a") == [{"a": 1}]


async def test_a_refused_row_among_many(values: Any) -> None:
    sql = (
        "select n, case when n = 500 then 'infinity' else '2024-01-01' end::date as d from generate_series(0, 999) as n"
    )
    with pytest.raises(DataError, match='column "d"'):
        await values.select(sql)
    assert len(await values.select(f"{sql} where n <> 500")) == 999


# -- choices of the config ----------------------------------------------------------------------------------


async def test_infinity_is_written_and_clamped(flavour: Any) -> None:
    config = flavour.make_config(driver_features={"infinity": "clamp"})
    async with config.provide_session() as session:
        for kind, last, first in (
            ("date", date.max, date.min),
            ("timestamp", datetime.max, datetime.min),
            ("timestamptz", datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)),
        ):
            for value, text, clamped in ((INFINITY, "infinity", last), (NEG_INFINITY, "-infinity", first)):
                sql = f"select $1::{kind} as v, $1::{kind}::text as t, array[$1::{kind}] as a"
                assert await session.select_one(sql, value) == {"v": clamped, "t": text, "a": [clamped]}
        with pytest.raises(DataError):
            await session.select("select '10000-01-01'::date")


async def test_the_last_day_is_not_infinity(values: Any) -> None:
    assert await values.select_value("select $1::date::text", date.max) == "9999-12-31"
    assert await values.select_value("select $1::timestamp::text", datetime.max) == "9999-12-31 23:59:59.999999"
    assert await values.select_value("select isfinite($1::date)", date.max)


async def test_naive_datetimes_as_the_config_says(flavour: Any) -> None:
    naive = datetime(2024, 7, 1, 12)
    sql = "select $1::timestamptz"
    async with flavour.make_config(driver_features={"naive_datetimes": "utc"}).provide_session() as session:
        assert await session.select_value(sql, naive) == naive.replace(tzinfo=UTC)
    async with flavour.make_config(driver_features={"naive_datetimes": "local"}).provide_session() as session:
        assert await session.select_value(sql, naive) == naive.astimezone(UTC)


async def test_json_by_the_functions_of_the_config(flavour: Any) -> None:
    features = {
        "json_serializer": lambda value: msgspec.json.encode({"wrapped": value}),
        "json_deserializer": lambda text: ["read", msgspec.json.decode(text)],
    }
    config = flavour.make_config(driver_features=features)
    async with config.provide_session() as session:
        for kind in ("json", "jsonb"):
            assert await session.select_value(f"select $1::{kind}", {"a": 1}) == ["read", {"wrapped": {"a": 1}}]
            found = await session.select_value(f"select array[$1::{kind}]", Json(5))
            assert found == [["read", {"wrapped": 5}]]


# -- independent of settings --------------------------------------------------------------------------------


async def test_settings_of_the_server_do_not_change_values(flavour: Any) -> None:
    config = flavour.make_config(
        session_settings={
            "TimeZone": "America/New_York",
            "DateStyle": "German, DMY",
            "IntervalStyle": "iso_8601",
            "extra_float_digits": "-3",
            "bytea_output": "escape",
        }
    )
    async with config.provide_session() as session:
        row = await session.select_one(
            """select timestamptz '2024-07-01 12:00+00' as tz, date '2024-02-01' as d, 0.1::float8 as f,
                      '\\x00ff'::bytea as b, interval '1 day' as i, array[timestamptz '2024-07-01 12:00+00'] as a"""
        )
        moment = datetime(2024, 7, 1, 12, tzinfo=UTC)
        assert row["tz"] == moment
        assert row["tz"].utcoffset() == row["a"][0].utcoffset() == timedelta(0)
        assert (row["d"], row["f"], row["b"], row["i"]) == (date(2024, 2, 1), 0.1, b"\x00\xff", timedelta(days=1))
        sql = """select $1::timestamptz = '2024-07-01 12:00+00' and $2::date = to_date('2024-02-01', 'YYYY-MM-DD')
                 and $3::float8 = 0.1::float8"""
        assert await session.select_value(sql, moment, "2024-02-01", 0.1) is True


# -- types of the user --------------------------------------------------------------------------------------


async def test_enums_and_domains_without_registration(values: Any) -> None:
    await values.execute_script(
        """
        create domain positive as int check (value > 0);
        create domain feeling as mood not null;
        create table uses (p positive, f feeling, l mood[]);
        """
    )
    await values.execute("insert into uses values ($1, $2, $3)", 5, Mood.SAD, ["sad", None])
    assert await values.select_one("select * from uses") == {"p": 5, "f": "sad", "l": ["sad", None]}
    with pytest.raises(DataError):
        await values.execute("insert into uses values ($1)", "5")


async def test_composites_without_registration(values: Any) -> None:
    await values.execute_script("create type pair as (a int, m mood); create table pairs (c pair, q pair[])")
    await values.execute("insert into pairs values ($1, $2)", {"a": 1, "m": "happy"}, [{"a": 2, "m": None}, None])
    assert await values.select_one("select * from pairs") == {
        "c": {"a": 1, "m": "happy"},
        "q": [{"a": 2, "m": None}, None],
    }
    assert await values.select_value("select row(1, 'x', null)") == (1, "x", None)


async def test_an_enum_that_gains_a_label_or_is_made_anew(values: Any) -> None:
    sql = "select $1::mood as m"
    assert await values.select_value(sql, "sad") == "sad"
    await values.execute("alter type mood add value 'late'")
    assert await values.select_value(sql, "late") == "late"
    await values.execute_script("drop type mood; create type mood as enum ('other')")
    assert await values.select_value(sql, "other") == "other"


async def test_a_type_made_after_the_connection(config: Any) -> None:
    async with config.provide_session() as first, config.provide_session() as second:
        await first.select("select 1")
        await second.execute("create type colour as enum ('red')")
        await second.execute("create table painted (c colour, cs colour[])")
        await first.execute("insert into painted values ($1, $2)", "red", ["red"])
        assert await first.select("select * from painted") == [{"c": "red", "cs": ["red"]}]


async def test_large_values(values: Any) -> None:
    data = bytes(range(256)) * 8_000
    assert await values.select_value("select $1::bytea", data) == data
    numbers = list(range(20_000))
    assert await values.select_value("select $1::int8[]", (numbers,)) == numbers
    document = {"n": numbers[:10_000], "t": "x" * 100_000}
    assert await values.select_value("select $1::jsonb", document) == document
    assert math.isclose(await values.select_value("select sum(n) from unnest($1::float8[]) as n", ([0.1] * 1000,)), 100)
