"""A value does not fit a type that was described by an earlier call: the column may have another type by now."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import DataError, SQLSpecError
from tests.integration.harness import FLAVOURS, Flavour

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

BIG = 2**40
INSERT = "insert into t values ($1)"
FIND = "select v from t where v >= $1"


async def read_stream(session: Any, value: Any) -> list[Any]:
    async with session.select_stream(FIND, value, schema_type=tuple) as rows:
        return [row[0] async for row in rows]


async def select(session: Any, value: Any) -> list[Any]:
    return [row for (row,) in await session.select(FIND, value, schema_type=tuple)]


WAYS: dict[str, Callable[[Any, Any], Awaitable[Any]]] = {
    "execute": lambda session, value: session.execute(INSERT, value),
    "execute_many": lambda session, value: session.execute_many(INSERT, [value, value]),
    "execute_many returning": lambda session, value: session.execute_many(f"{INSERT} returning v", [value]),
    "execute_stack": lambda session, value: session.execute_stack([(INSERT, value), ("select 1",)]),
    "select": select,
    "select_stream": read_stream,
}
ways = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def alter(admin: psycopg.Connection[Any], flavour: Flavour) -> Callable[[], None]:
    """Let another program make the column wider, and store one big value."""

    def run() -> None:
        table = f"{flavour.schema}.t"
        admin.execute(f"alter table {table} alter column v type int8; insert into {table} values ({BIG})".encode())

    return run


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
@ways
async def test_a_value_of_the_new_type_is_taken(
    session: Any, alter: Callable[[], None], way: str, inside: bool
) -> None:
    call = WAYS[way]
    await session.execute("create table t (v int4)")
    for _ in range(2):
        await call(session, 5)
        with pytest.raises(DataError, match=r"\$1 as int4"):
            await call(session, BIG)
        await call(session, 5)
    alter()
    async with AsyncExitStack() as stack:
        if inside:
            await stack.enter_async_context(session.transaction())
        found = await call(session, BIG)
        if way.startswith("select"):
            assert found == [BIG]
        with pytest.raises(DataError, match=r"\$1 as int8"):
            await call(session, 1.5)
        with pytest.raises(DataError, match=r"\$1 as int8"):
            await call(session, "x")
    written = {"execute": 1, "execute_many": 2, "execute_many returning": 1, "execute_stack": 1}
    stored = await session.select_value("select count(*) from t where v = $1", BIG)
    assert stored == 1 + written.get(way, 0)


async def test_a_later_row_of_a_batch_fails_once(session: Any, alter: Callable[[], None]) -> None:
    await session.execute("create table t (v int4)")
    await session.execute_many(INSERT, [1, 2])
    alter()
    with pytest.raises(DataError, match=r"\$1 as int4"):
        await session.execute_many(INSERT, [3, BIG])
    assert await session.select_value("select count(*) from t") == 3
    await session.execute_many(INSERT, [3, BIG])
    assert await session.select_value("select count(*) from t") == 5


async def test_rows_of_a_batch_are_taken_once(session: Any, alter: Callable[[], None]) -> None:
    await session.execute("create table t (v int4)")
    await session.execute_many(INSERT, [1])
    alter()
    taken = []

    def rows() -> Any:
        for value in (BIG + 1, BIG + 2, BIG + 3):
            taken.append(value)
            yield (value,)

    await session.execute_many(INSERT, rows())
    assert taken == [BIG + 1, BIG + 2, BIG + 3]
    assert await session.select_value("select count(*) from t where v > $1", BIG) == 3


# A batch and a stack begin with a savepoint, which an aborted transaction refuses before any value is looked at.
@pytest.mark.parametrize("way", ["execute", "select", "select_stream"])
async def test_the_refusal_is_told_in_an_aborted_transaction(session: Any, alter: Callable[[], None], way: str) -> None:
    call = WAYS[way]
    await session.execute("create table t (v int4)")
    await call(session, 5)
    alter()
    async with session.transaction():
        with pytest.raises(SQLSpecError):
            await session.execute("select 1 / 0")
        with pytest.raises(DataError, match=r"\$1 as int4"):
            await call(session, BIG)
        await session.rollback()
    await call(session, BIG)


@ways
async def test_refusals_leave_nothing_behind(session: Any, way: str) -> None:
    await session.execute("create table t (v int4)")
    await WAYS[way](session, 5)
    count = "select count(*) from pg_prepared_statements where not from_sql"
    gc.collect()
    before = await session.select_value(count)
    for _ in range(50):
        with pytest.raises(DataError):
            await WAYS[way](session, "x")
    gc.collect()
    await session.select("select 'closes what is forgotten'")
    assert await session.select_value(count) <= before + 2


async def test_a_table_that_is_gone_is_reported(session: Any, admin: psycopg.Connection[Any], flavour: Flavour) -> None:
    await session.execute("create table t (v int4)")
    await session.execute(INSERT, 5)
    admin.execute(f"drop table {flavour.schema}.t".encode())
    with pytest.raises(SQLSpecError, match='relation "t" does not exist'):
        await session.execute(INSERT, "x")
    assert await session.select_value("select 1") == 1
