"""`execute_many` of plain INSERTs where storing rows all at once could be told: limits, large rows, odd values."""

from __future__ import annotations

import asyncio
import itertools
import time as clock
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from random import Random
from typing import Any
from uuid import UUID

import pytest

from sqlspec.exceptions import CheckViolationError, QueryTimeoutError, SQLSpecError, UniqueViolationError
from sqlspec.values import Json, Range
from tests.integration.conformance.test_many_at_once import INSERT, MANY, check_technique, notes, pairs
from tests.integration.harness import Flavour, needs

COUNT = "select count(*) from t"
SKIPPING = INSERT + " on conflict do nothing"

# -- limits -------------------------------------------------------------------------------------------------


async def test_rows_may_come_slowly_under_a_time_limit_of_statements(session: Any) -> None:
    await session.execute("create table t (a int, b text)")
    await session.execute("set statement_timeout = '200ms'")

    def slow() -> Iterator[tuple[int, str]]:
        for number, pair in enumerate(pairs(4500)):
            if number % 150 == 0:
                clock.sleep(0.015)
            yield pair

    for limit in ("200ms", "0"):  # without one, what is known of the table may be used by the next
        await session.execute(f"set statement_timeout = '{limit}'")
        await session.execute_many(INSERT, slow())
    await session.execute("set statement_timeout = '11s'")
    await session.execute_many(INSERT, slow())
    assert await session.select_value(COUNT) == 3 * 4500


async def test_a_time_limit_of_statements_is_one_of_single_rows(session: Any) -> None:
    # About a third of a millisecond per row.
    await session.execute("create table t (a int, b text check (md5(repeat(b, 20000)) <> ''))")
    await session.execute_many(INSERT, pairs(MANY))
    await session.execute("set statement_timeout = '250ms'")
    for _ in range(2):
        await session.execute_many(INSERT, pairs(1800))
    assert await session.select_value(COUNT) == 3600 + MANY


async def test_the_limit_of_a_call_outlives_what_is_undone(session: Any, flavour: Flavour) -> None:
    await session.execute("create table t (a int, b text, c text default current_setting('statement_timeout'))")
    await session.execute_many(INSERT, pairs(MANY), timeout=30)
    await session.execute("truncate t")
    async with flavour.make_config().provide_session() as other:
        await other.execute("alter table t alter a type bigint")
    await session.execute_many(INSERT, pairs(MANY), timeout=30)
    limits = await session.select("select distinct c from t", schema_type=str)
    assert "0" not in limits or not session.driver.limits_itself


async def test_rows_without_end_stop_at_the_limit(session: Any, flavour: Flavour) -> None:
    await session.execute("create table t (a int, b text)")
    config = flavour.make_config()
    for _ in range(2):
        async with config.provide_session() as other:  # which may be given up
            with pytest.raises(SQLSpecError, match="timed out"):
                await other.execute_many(INSERT, ((n, "x") for n in itertools.count()), timeout=0.3)
            assert not other.in_transaction
        async with config.provide_session() as other:
            await other.execute_many(INSERT, pairs(MANY))  # known now
        assert await session.select_value(COUNT) == MANY
        await session.execute("truncate t")


@pytest.mark.parametrize("sql", [INSERT, SKIPPING])
@pytest.mark.parametrize("nested", [False, True])
async def test_a_limit_that_passes_while_rows_are_made(session: Any, sql: str, nested: bool) -> None:
    # No statement runs then that could be stopped; and those behind it are quick.
    await session.execute("create table t (a int, b text)")

    def slow() -> Iterator[tuple[int, str]]:
        end = clock.monotonic() + 0.3
        for number, pair in enumerate(pairs(3000)):
            if number == 2900:
                clock.sleep(max(0.0, end - clock.monotonic()))
            yield pair

    await session.execute_many(sql, pairs(MANY))
    if nested:
        await session.begin()
    with pytest.raises(QueryTimeoutError):
        await session.execute_many(sql, slow(), timeout=0.2)
    assert session.in_transaction is nested
    assert await session.select_value(COUNT) == MANY
    await session.execute_many(sql, pairs(MANY), timeout=30)
    if nested:
        await session.commit()
    assert await session.select_value(COUNT) == 2 * MANY


@pytest.mark.only("asyncpg", "psycopg", "psqlpy")  # a thread cannot be cancelled, nor what blocks the loop
async def test_a_cancelled_batch_leaves_nothing(session: Any) -> None:
    await session.execute("create table t (a int, b text)")
    for _ in range(2):
        task = asyncio.create_task(session.execute_many(INSERT, ((n, "x") for n in range(10_000_000))))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await session.select_value(COUNT) == 0
        await session.execute_many(INSERT, pairs(MANY))
        await session.execute("truncate t")


# -- large rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sql"),
    [("text", INSERT), ("jsonb", INSERT), ("text", SKIPPING), ("bytea", SKIPPING)],
)
async def test_few_large_rows_are_held_at_a_time(session: Any, sql: str, kind: str) -> None:
    await session.execute(f"create table t (a int, b {kind})")

    def generated() -> Iterator[tuple[int, Any]]:
        for n in range(900):
            text = str(n % 10) * (100_000 if n > 150 else 1)  # small ones first
            yield n, {"text": text} if kind == "jsonb" else text.encode() if kind == "bytea" else text

    tracemalloc.start()
    try:
        await session.execute_many(sql, generated())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50_000_000
    assert await session.select_value(COUNT) == 900


# -- what is evaluated for a row ----------------------------------------------------------------------------

READS_THE_TABLE = {
    "a cast to json": """
        create type pt as enum ('x');
        create function as_json(pt) returns json language plpgsql stable as $$
        begin return to_json((select count(*) from t)); end $$;
        create cast (pt as json) with function as_json(pt);
        create table t (a int, b text, c text default to_json('x'::pt)::text);
    """,
    "a domain inside a type": """
        create function counted(int) returns bool language plpgsql stable as $$
        begin insert into log select count(*) from t; return true; end $$;
        create table log (n int);
        create domain seen as int check (counted(value)); create type pt as (x seen);
        create table t (a int, b text, c text default concat('(', 1, ')')::pt::text);
        alter function counted(int) volatile;
    """,
}


@pytest.mark.parametrize("made", sorted(READS_THE_TABLE))
async def test_casts_of_the_user_see_the_rows_before(session: Any, made: str) -> None:
    await session.execute_script(READS_THE_TABLE[made])
    await session.execute_many(INSERT, pairs(MANY))
    await check_technique(session, MANY, bulk=False)
    query = "select c::int from t order by a" if made == "a cast to json" else "select n from log order by n"
    assert await session.select(query, schema_type=int) == list(range(MANY))


async def test_a_trigger_made_meanwhile_may_raise_anything(session: Any, flavour: Flavour) -> None:
    await session.execute("create table t (a int, b text)")
    await session.execute_many(INSERT, pairs(MANY))
    async with flavour.make_config().provide_session() as other:
        await other.execute_script("""
            create function single() returns trigger language plpgsql as $$ begin
            if (select count(*) from made) > 1 then raise exception 'too many' using errcode = 'ZZ001'; end if;
            return null; end $$;
            create trigger single after insert on t referencing new table as made
            for each statement execute function single()
        """)
    await session.execute_many(INSERT, pairs(MANY))
    assert await session.select_value(COUNT) == 2 * MANY


async def test_a_temporary_table_that_hides_another(session: Any) -> None:
    await session.execute("create table t (a int, b text)")
    await session.execute_many(INSERT, pairs(MANY))
    await session.execute("create temporary table t (a int, b text, c int default 5)")
    await session.execute_many(INSERT, pairs(MANY))
    assert await session.select_value("select sum(c) from t") == 5 * MANY
    await session.execute("drop table pg_temp.t")
    await session.execute_many(INSERT, pairs(MANY))
    assert await session.select_value(COUNT) == 2 * MANY


async def test_a_batch_that_is_undone_is_forgotten(session: Any) -> None:
    await session.begin()
    await session.execute("create table t (a int, b text)")
    await session.execute_many(INSERT, pairs(MANY))
    await session.rollback()
    await session.execute("create table t (b text, a int)")
    with pytest.raises(SQLSpecError):
        await session.execute_many(INSERT, pairs(MANY))
    await session.execute("drop table t")
    await session.execute("create table t (a bigint, b varchar(20))")
    await session.execute_many(INSERT, pairs(MANY))
    assert await session.select_value(COUNT) == MANY


# -- the row that is refused --------------------------------------------------------------------------------


async def test_a_sequence_at_its_end_blames_no_other_row(session: Any) -> None:
    await session.execute_script("""
        create sequence s maxvalue 100; create table t (a int, b text, c int default nextval('s'))
    """)
    with pytest.raises(SQLSpecError, match="reached maximum value") as failure:
        await session.execute_many(INSERT, pairs(MANY))
    assert notes(failure) in ([], ["row 100 of the batch"])


@needs("sqlstate")
@pytest.mark.parametrize("sql", [INSERT, INSERT + " returning a"])
async def test_one_of_two_wrong_rows_is_named(session: Any, sql: str) -> None:
    await session.execute("create table t (a int primary key, b text)")
    rows: list[Any] = pairs(MANY)
    rows[120], rows[122] = (5, "again"), ("x", "no number")
    with pytest.raises(SQLSpecError) as failure:
        await session.execute_many(sql, rows)
    assert notes(failure) == [f"row {120 if isinstance(failure.value, UniqueViolationError) else 122} of the batch"]
    assert await session.select_value(COUNT) == 0


@needs("sqlstate")
async def test_a_note_counts_rows_of_any_size(session: Any) -> None:
    await session.execute("create table t (a int check (a <> 777), b text)")
    for sql in (INSERT, SKIPPING):
        for size in (1, 30_000):
            with pytest.raises(CheckViolationError) as failure:
                await session.execute_many(sql, ((n, "x" * size) for n in range(1000)))
            assert notes(failure) == ["row 777 of the batch"]


# -- values of every kind -----------------------------------------------------------------------------------


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Number(int):
    pass


VALUES: list[Any] = [
    0, 1, -1, 2**15, 2**31, 2**63, 2**64, True, False, 1.0, 1.5, float("nan"), float("inf"), 1e300,
    Decimal(1), Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+40"),
    "", "1", "abc", "a\0b", "\ud800", "t", "2024-02-29", "101", "é" * 70, "[1,3)", "{1}", "{}", "$1.50", "null",
    "NaN", "<a/>", "12:00", "a" * 300, b"", b"1", b"abc", b"\0", bytearray(b"xyz"), memoryview(b"mem"),
    date(2024, 2, 29), date.min, date.max, time(1, 2, 3), time(1, 2, 3, tzinfo=UTC), datetime(2024, 2, 29),
    datetime(2024, 2, 29, tzinfo=UTC), datetime.max, datetime.min.replace(tzinfo=UTC), timedelta(1, 2, 3),
    timedelta.max, UUID(int=7), [], [1], [1, 2], {}, {"a": 1}, {"a": {1}}, (1, 2), {1}, Json([1]), Json(None),
    Range(1, 3), Range.make_empty(), Colour.RED, Level.LOW, Text("abc"), Number(5), object(), ...,
]  # fmt: skip

KINDS = [
    "bool", "int2", "int4", "int8", "oid", "xid8", "float4", "float8", "numeric", "numeric(4, 1)", "text",
    "varchar(3)", "char(2)", '"char"', "name", "bytea", "uuid", "date", "time", "timetz", "timestamp", "timestamp(0)",
    "timestamptz", "interval", "interval year to month", "json", "jsonb", "inet", "cidr", "macaddr", "int4range",
    "tstzrange", "int4multirange", "bit(3)", "varbit(2)", "money", "xml", "point", "colour", "regclass", "tsvector",
    "pg_lsn", "jsonpath",
]  # fmt: skip


async def outcome(session: Any, sql: str, rows: list[Any]) -> tuple[Any, ...]:
    """Return what a batch stores, as text, or how it is refused; and undo it."""
    await session.begin()
    try:
        await session.execute_many(sql, rows)
        return tuple(await session.select("select a, b::text from t order by a", schema_type=tuple))
    except SQLSpecError as error:
        return type(error), str(error)
    finally:
        await session.rollback()


@pytest.mark.parametrize("kind", KINDS)
async def test_values_of_every_kind_are_taken_or_refused_alike(session: Any, kind: str) -> None:
    await session.execute_script(f"create type colour as enum ('red', 'abc'); create table t (a int, b {kind})")
    differ = []
    await session.execute_many(INSERT, [(n, None) for n in range(160)])
    for value in Random(kind).sample(VALUES, 4):
        rows = [(n, value if n == 150 else None) for n in range(160)]
        found = [await outcome(session, INSERT + more, rows) for more in ("", " returning a")]
        if found[0] != found[1]:
            differ.append((value, *found))
    assert differ == []
