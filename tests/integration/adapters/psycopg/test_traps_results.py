"""Results that psycopg reads as other values, in text or in binary: on the bare driver, then through the adapter.

Text is what the driver asks for unless it is told otherwise. Each test shows the bare driver misbehaving first. One
that fails there tells of a release that has been repaired: look whether the adapter still needs its way around.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from sqlspec.exceptions import DataError, MappingError
from sqlspec.values import Interval
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

TYPES = """
    create type mood as enum ('sad'); create domain words as text; create domain posint as int;
    create type inside as (a int, b text); create type moodr as range (subtype = mood); create domain ints as int4[]
"""
BOTH = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])


def value(raw: Any, sql: str, binary: bool) -> Any:
    return raw.execute(sql, binary=binary).fetchone()[0]


@pytest.fixture
async def twin(raw: Any, session: Any, flavour: Flavour) -> Any:
    """The bare driver in the schema of the session."""
    await session.execute_script(TYPES)
    raw.execute(f"set search_path = {flavour.schema}")
    return raw


# -- wrong values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("literal", ["interval 'infinity'", "interval '-infinity'", "array[interval 'infinity']"])
async def test_an_infinite_interval_is_read_as_none_at_all(raw: Any, session: Any, literal: str) -> None:
    found = value(raw, f"select {literal}", binary=False)
    assert found == ([timedelta(0)] if literal.startswith("array") else timedelta(0))
    with pytest.raises(DataError, match='cannot read column "x" as interval'):
        await session.select(f"select {literal} as x")


@BOTH
@pytest.mark.parametrize(
    ("literal", "bent", "canonical"),
    [
        ("interval '1 mon'", timedelta(30), Interval(months=1)),
        ("interval '1 year'", timedelta(365), Interval(months=12)),
        ("interval '1 mon -30 days'", timedelta(0), Interval(months=1, days=-30)),
        ("array[interval '1 mon']", [timedelta(30)], [Interval(months=1)]),
    ],
)
async def test_a_month_is_read_as_30_days(
    raw: Any, session: Any, binary: bool, literal: str, bent: Any, canonical: Any
) -> None:
    assert value(raw, f"select {literal}", binary) == bent
    assert await session.select_value(f"select {literal}") == canonical


@BOTH
async def test_a_month_read_and_written_back_is_30_days(raw: Any, session: Any, binary: bool) -> None:
    sql = "select date '2024-01-31' + $1::interval = date '2024-01-31' + interval '1 mon'"
    month = value(raw, "select interval '1 mon'", binary)
    assert raw.execute(sql, (month,)).fetchone() == (False,)
    assert await session.select_value(sql, await session.select_value("select interval '1 mon'")) is True


@BOTH
@pytest.mark.parametrize("years", [178_000_000, -178_000_000])
async def test_a_long_interval_is_read_as_another(raw: Any, session: Any, binary: bool, years: int) -> None:
    """Its days overflow 32 bits."""
    literal = f"interval '{years} years'"
    assert abs(value(raw, f"select {literal}", binary).days) < 600_000_000 < abs(years) * 365
    with pytest.raises(DataError, match='cannot read column "x" as interval'):
        await session.select(f"select {literal} as x")


@pytest.mark.parametrize("literal", ["0.1::float8 + 0.2::float8", "array[0.1::float8 + 0.2::float8]"])
async def test_floats_are_rounded_as_the_session_says(raw: Any, session: Any, literal: str) -> None:
    raw.execute("set extra_float_digits = -5")
    await session.execute("set extra_float_digits = -5")
    assert value(raw, f"select {literal}", binary=False) in (0.3, [0.3])
    assert await session.select_value(f"select {literal}") in (0.1 + 0.2, [0.1 + 0.2])


@BOTH
async def test_a_large_number_in_json_is_infinite(raw: Any, session: Any, binary: bool) -> None:
    assert value(raw, "select '[1e400]'::json", binary) == [math.inf]
    with pytest.raises(DataError, match="too large for a float"):
        await session.select_value("select '[1e400]'::json")


async def test_fields_of_a_record_are_text(raw: Any, session: Any) -> None:
    sql = "select row(1, row(2.50), null, '1 mon'::interval, true)"
    assert value(raw, sql, binary=False) == ("1", "(2.50)", None, "1 mon", "t")
    assert await session.select_value(sql) == (1, (Decimal("2.50"),), None, Interval(months=1), True)


async def test_of_two_columns_of_one_name_one_is_lost(raw: Any, session: Any) -> None:
    assert raw.cursor(row_factory=dict_row).execute("select 1 as a, 2 as a").fetchone() == {"a": 2}
    with pytest.raises(MappingError, match="2 columns are named 'a'"):
        await session.select_one("select 1 as a, 2 as a")


# -- values of other types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "text", "canonical"),
    [
        ("'sad'::mood", "sad", "sad"),
        ("array['sad'::mood]", "{sad}", ["sad"]),
        ("'{}'::mood[]", "{}", []),
        ("array['a'::words]", "{a}", ["a"]),
        ("array[5::posint]", "{5}", [5]),
        ("array['{1,2}'::ints]", '{"{1,2}"}', [[1, 2]]),
        ("row(1, 'x')::inside", "(1,x)", {"a": 1, "b": "x"}),
        ("array[row(1, 'x')::inside]", '{"(1,x)"}', [{"a": 1, "b": "x"}]),
        ("xid '5'", "5", 5),
        ("xid8 '5'", "5", 5),
        ("array[xid8 '5']", ["5"], [5]),
        ("money '12.34'", "$12.34", Decimal("12.34")),
        ("array[money '12.34']", ["$12.34"], [Decimal("12.34")]),
        ("point '(1,2)'", "(1,2)", (1.0, 2.0)),
        ("box '((3,4),(1,2))'", "(3,4),(1,2)", ((3.0, 4.0), (1.0, 2.0))),
        ("pg_sleep(0)", "", None),
    ],
)
async def test_types_are_text_in_text_and_bytes_in_binary(
    twin: Any, session: Any, literal: str, text: Any, canonical: Any
) -> None:
    assert value(twin, f"select {literal}", binary=False) == text
    found = value(twin, f"select {literal}", binary=True)
    assert found == text or type(found[0] if isinstance(found, list) else found) is bytes or found == b""
    assert await session.select_value(f"select {literal}") == canonical


@pytest.mark.parametrize(
    ("literal", "canonical"),
    [
        ("'pg_class'::regclass", "pg_class"),
        ("array['pg_class'::regclass]", ["pg_class"]),
        ("tid '(0,1)'", "(0,1)"),
        ("cid '5'", "5"),
        ("int2vector '1 2'", "1 2"),
        ("pg_snapshot '10:20:10'", "10:20:10"),
        ("tsquery 'a & b'", "'a' & 'b'"),
        ("array[tsvector '', 'a']", ["", "'a'"]),
        ("macaddr8 '08:00:2b:01:02:03:04:05'", "08:00:2b:01:02:03:04:05"),
        ("path '[(1,2)]'", (((1.0, 2.0),), False)),
    ],
)
async def test_more_binary_results_are_raw_bytes(raw: Any, session: Any, literal: str, canonical: Any) -> None:
    found = value(raw, f"select {literal}", binary=True)
    assert type(found[0] if isinstance(found, list) else found) is bytes
    ours = await session.select_value(f"select {literal}")
    assert (tuple(ours) if isinstance(canonical, tuple) else ours) == canonical


async def test_a_single_byte_is_decoded_as_text(raw: Any, session: Any) -> None:
    assert value(raw, """select ''::"char" """, binary=True) == "\0"
    assert await session.select_value("""select ''::"char" """) == ""
    sql = r"""select '\377'::"char" """
    with pytest.raises(UnicodeDecodeError):
        value(raw, sql, binary=True)
    assert await session.select_value(sql) == value(raw, sql, binary=False) == r"\377"


async def test_types_without_a_binary_form_fail_in_binary(raw: Any, session: Any) -> None:
    for literal, canonical in (
        ("aclitem '=r/postgres'", "=r/postgres"),
        ("array[aclitem '=r/postgres']", ["=r/postgres"]),
    ):
        with pytest.raises(psycopg.errors.UndefinedFunction, match="no binary output function"):
            value(raw, f"select {literal}", binary=True)
        assert await session.select_value(f"select {literal}") == canonical


@BOTH
@pytest.mark.parametrize(
    "literal",
    [
        "time '24:00'",
        "timetz '24:00+00'",
        "timestamp '10000-01-01'",
        "timestamptz '0044-03-15 BC'",
        "daterange '[2024-01-01,infinity)'",
        "datemultirange '{[2024-01-01,infinity)}'",
        "row('infinity'::date)",
    ],
)
async def test_what_python_cannot_hold_is_refused_without_the_column(
    raw: Any, session: Any, literal: str, binary: bool
) -> None:
    if literal.startswith("row") and not binary:
        assert value(raw, f"select {literal} as wrong", binary) == ("infinity",)
    else:
        with pytest.raises(psycopg.DataError) as caught:
            value(raw, f"select {literal} as wrong", binary)
        assert "wrong" not in str(caught.value)
    with pytest.raises(DataError, match='cannot read column "wrong"'):
        await session.select(f"select 1 as right, {literal} as wrong")
    assert await session.select_value("select 42") == 42


# -- what the session's settings change --------------------------------------------------------------------------


@BOTH
async def test_a_moment_near_the_end_of_time_is_unreadable_in_the_east(raw: Any, session: Any, binary: bool) -> None:
    raw.execute("set timezone = 'Asia/Kolkata'")
    await session.execute("set timezone = 'Asia/Kolkata'")
    sql = "select timestamptz '9999-12-31 23:59:59.999999+00'"
    with pytest.raises(psycopg.DataError, match="too large"):
        value(raw, sql, binary)
    assert await session.select_value(sql) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("style", ["sql_standard", "iso_8601", "postgres_verbose"])
async def test_intervals_in_another_style_are_unreadable(raw: Any, session: Any, style: str) -> None:
    raw.execute(f"set intervalstyle = {style}")
    await session.execute(f"set intervalstyle = {style}")
    with pytest.raises(NotImplementedError):  # none of the driver's errors
        value(raw, "select interval '1 mon -1 day'", binary=False)
    found = await session.select_value("select interval '1 mon -1 day'")
    assert found == Interval(months=1, days=-1)
    assert await session.select_value("select $1 = interval '1 mon -1 day'", found) is True


@pytest.mark.parametrize("style", ["german", "sql, dmy", "postgres, mdy"])
async def test_moments_in_another_style_are_unreadable(raw: Any, session: Any, style: str) -> None:
    raw.execute(f"set datestyle = {style}")
    await session.execute(f"set datestyle = {style}")
    with pytest.raises(NotImplementedError):
        value(raw, "select timestamptz '2024-02-01 00:00+00'", binary=False)
    assert await session.select_value("select timestamptz '2024-02-01 00:00+00'") == datetime(2024, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("literal", ["array[date 'infinity']", "array[date '0044-03-15 BC']"])
async def test_an_error_shows_more_than_the_element(raw: Any, session: Any, literal: str) -> None:
    """The driver reads on behind an element of an array in text."""
    with pytest.raises(psycopg.DataError, match="}"):
        value(raw, f"select {literal}", binary=False)
    with pytest.raises(DataError, match='cannot read column "x" as date.*element 1') as caught:
        await session.select(f"select {literal} as x")
    assert "}" not in str(caught.value)
