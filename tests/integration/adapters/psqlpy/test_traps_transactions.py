"""Transactions, batches, errors and statements that psqlpy spoils, one trap a test: on the bare driver, then adapted.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around. What stops a process for good is shown in one of its own, which
is killed after a while.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psqlpy
import psycopg
import pytest

from sqlspec.exceptions import (
    NotSupportedError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")

# A COPY of no rows, in the binary format.
EMPTY_COPY = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"
COUNT = "select count(*) from t"


async def rows_of(raw: Any, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = (await raw.fetch(sql, list(args))).result(None, True)
    return rows


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Any]:
    made = psqlpy.ConnectionPool(dsn=dsn, max_db_pool_size=2)
    yield made
    made.close()


# -- copying -----------------------------------------------------------------------------------------------------

_COPIES = """
import asyncio, sys, psqlpy

async def main():
    connection = await psqlpy.connect(dsn=sys.argv[1])
    await connection.execute_batch("create temp table t (a int, b text)")
    rows = [[number, "x" * 200] for number in range(20_000)]
    print("ready", flush=True)
    for _ in range(10):
        await connection.copy_records_to_table("t", rows)

asyncio.run(main())
"""


async def test_a_large_copy_stops_the_whole_process(dsn: str, session: Any) -> None:
    """Two threads wait for each other, one of them holding the interpreter: no limit of ours could end that."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _COPIES, dsn, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(process.wait(), 4)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await session.execute("create table t (a int, b text)")
    stored = await session.execute_many("insert into t values ($1, $2)", [(n, "x" * 200) for n in range(20_000)])
    assert stored.rows_affected == await session.select_value(COUNT) == 20_000


@pytest.mark.parametrize("missing", ["table", "column"])
async def test_a_copy_to_what_does_not_exist_breaks_the_connection(raw: Any, session: Any, missing: str) -> None:
    await raw.execute_batch("create temp table t (a int)")
    table, columns = ("nowhere", ["a"]) if missing == "table" else ("t", ["nothing"])
    with pytest.raises(psqlpy.Error, match="does not exist"):
        await raw.binary_copy_to_table(EMPTY_COPY, table, columns=columns)
    with pytest.raises(psqlpy.Error, match="unexpected message|connection closed"):
        await raw.fetch("select 1", [])

    await session.execute("create table t (a int)")
    pid = await session.select_value("select pg_backend_pid()")
    for _ in range(2):
        with pytest.raises(SQLSpecError, match="does not exist"):
            await session.execute_many(f"insert into {table} ({columns[0]}) values ($1)", range(500))
    assert await session.select_value("select pg_backend_pid()") == pid


async def test_a_copy_names_columns_unquoted(raw: Any, session: Any) -> None:
    await raw.execute_batch('create temp table t ("Mixed" int)')
    with pytest.raises(psqlpy.Error, match='column "mixed"'):
        await raw.binary_copy_to_table(EMPTY_COPY, "t", columns=["Mixed"])
    await session.execute('create table t ("Mixed" int)')
    assert (await session.execute_many('insert into t ("Mixed") values ($1)', range(500))).rows_affected == 500


@pytest.mark.parametrize("method", ["fetch", "execute_batch"])
async def test_a_copy_from_the_client_as_a_statement_kills_the_connection(raw: Any, session: Any, method: str) -> None:
    await raw.execute_batch("create temp table t (a int)")
    with pytest.raises(psqlpy.Error, match="unexpected message"):
        await getattr(raw, method)("copy t from stdin")
    with pytest.raises(psqlpy.Error, match="connection closed"):
        await raw.fetch("select 1", [])

    await session.execute("create table t (a int)")
    for call in (session.execute, session.execute_script):
        with pytest.raises(NotSupportedError, match="COPY from or to the client"):
            await call("copy t from stdin")
    assert await session.select_value("select 1") == 1


async def test_a_copy_to_the_client_is_not_understood(raw: Any, session: Any) -> None:
    with pytest.raises(psqlpy.Error, match="unexpected message"):
        await raw.fetch("copy (select 1) to stdout", [])
    with pytest.raises(NotSupportedError, match="COPY from or to the client"):
        await session.execute("copy (select 1) to stdout")


async def test_a_copy_remembers_the_types_of_a_table(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    await raw.copy_records_to_table("t", [[1]])
    await raw.execute_batch("alter table t alter a type bigint")
    with pytest.raises(psqlpy.Error, match="insufficient data left"):
        await raw.copy_records_to_table("t", [[1]])
    await session.execute("create table t (a int)")
    for number in (1, 2**40):
        assert (await session.execute_many("insert into t values ($1)", [number] * 500)).rows_affected == 500
        await session.execute("alter table t alter a type bigint")


# -- batches -----------------------------------------------------------------------------------------------------


async def test_a_cancelled_batch_leaves_a_transaction_open(
    raw: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    await raw.execute_batch("create temp table t (a int)")
    slow = "insert into t select $1::int from pg_sleep(0.02)"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.execute_many(slow, [[number] for number in range(20)]), 0.1)
    ((stored,),) = await rows_of(raw, COUNT)  # it waits for what was sent, and joins its transaction
    assert stored > 0
    assert await raw.in_transaction() is False
    await raw.execute_batch("rollback")
    assert await rows_of(raw, COUNT) == [(0,)]

    await session.execute("create table t (a int)")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(session.execute_many(slow, range(500)), 0.1)
    assert await session.select_value(COUNT) == 0
    assert session.driver.status() == "idle"
    await session.execute("insert into t values (1)")
    assert admin.execute(f"select count(*) from {flavour.schema}.t".encode()).fetchone() == (1,)  # stored at once


async def test_a_batch_that_fails_rolls_the_callers_transaction_back(raw: Any, session: Any) -> None:
    """And what follows is stored at once."""
    await raw.execute_batch("create temp table t (a int primary key)")
    await raw.execute_batch("begin; insert into t values (1)")
    with pytest.raises(psqlpy.Error, match="duplicate key"):
        await raw.execute_many("insert into t values ($1)", [[2], [2]])
    await raw.fetch("insert into t values (3)", [])
    await raw.execute_batch("rollback")
    assert await rows_of(raw, "select a from t") == [(3,)]

    await session.execute("create table t (a int primary key)")
    async with session.transaction():
        await session.execute("insert into t values (5)")
        with pytest.raises(UniqueViolationError):
            await session.execute_many("insert into t values ($1)", [6, 6])
    assert await session.select("select a from t") == [{"a": 5}]


async def test_a_batch_gives_no_rows(raw: Any, session: Any) -> None:
    assert await raw.execute_many("select $1::int", [[1], [2]]) is None
    result = await session.execute_many("select $1::int as a", [1, 2])
    assert result.all() == [{"a": 1}, {"a": 2}]


async def test_a_forgotten_transaction_forbids_batches_for_ever(raw: Any, session: Any) -> None:
    transaction = raw.transaction()
    await transaction.begin()
    del transaction
    await raw.execute_batch("rollback")
    assert await raw.in_transaction() is True
    with pytest.raises(psqlpy.Error, match="SAVEPOINT can only be used in transaction blocks"):
        await raw.execute_many("select $1::int", [[1]])

    await session.execute("create table t (a int)")
    await session.begin()
    await session.execute_many("insert into t values ($1)", range(500))
    await session.rollback()
    assert session.driver.status() == "idle"
    assert (await session.execute_many("insert into t values ($1)", range(500))).rows_affected == 500


# -- transactions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["Fast", "Verified", "Clean", None])
async def test_an_open_transaction_survives_the_return_to_the_pool(
    dsn: str, flavour: Flavour, method: str | None
) -> None:
    keys = {"conn_recycling_method": getattr(psqlpy.ConnRecyclingMethod, method)} if method else {}
    pool = psqlpy.ConnectionPool(dsn=dsn, max_db_pool_size=2, **keys)
    async with pool.acquire() as first:
        await first.execute_batch(f"begin; create table {flavour.schema}.t (a int)")
    second: Any
    async with pool.acquire() as second:
        assert await rows_of(second, f"select count(*) from {flavour.schema}.t") == [(0,)]
        assert await second.in_transaction() is False
        await second.execute_batch("rollback")
    pool.close()

    config = flavour.make_config(max_size=1, **keys)
    async with config.provide_connection() as connection:
        await connection.execute_batch("begin; create table t (a int)")
    async with config.provide_session() as session:
        assert await session.select_value("select to_regclass('t')") is None
        assert await session.select_value("select 1") == 1


async def test_an_aborted_transaction_survives_the_return_to_the_pool(pool: Any, flavour: Flavour) -> None:
    broken = "begin; select 1/0"
    async with pool.acquire() as first:
        with pytest.raises(psqlpy.Error):
            await first.execute_batch(broken)
    async with pool.acquire() as second:
        with pytest.raises(psqlpy.Error, match="current transaction is aborted"):
            await second.fetch("select 1", [])
    config = flavour.make_config(max_size=1)
    async with config.provide_connection() as connection:
        with pytest.raises(psqlpy.Error):
            await connection.execute_batch(broken)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


async def test_a_scope_with_a_swallowed_error_commits_nothing_silently(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    async with raw.transaction() as transaction:
        await transaction.fetch("insert into t values (1)", [])
        with pytest.raises(psqlpy.Error):
            await transaction.fetch("select 1/0", [])
    by_hand = raw.transaction()
    await by_hand.begin()
    with pytest.raises(psqlpy.Error):
        await by_hand.fetch("select 1/0", [])
    await by_hand.commit()
    assert await rows_of(raw, COUNT) == [(0,)]

    await session.execute("create table t (a int)")
    with pytest.raises(TransactionError, match="nothing was stored"):
        async with session.transaction():
            await session.execute("insert into t values (1)")
            with pytest.raises(SQLSpecError):
                await session.select("select 1/0")
    assert await session.select_value(COUNT) == 0


async def test_a_cursor_rolls_the_transaction_around_it_back(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    async with raw.transaction():
        await raw.fetch("insert into t values (1)", [])
        cursor = raw.cursor("select 1", [])
        await cursor.start()
        cursor.close()
        del cursor
        await raw.fetch("insert into t values (2)", [])
    assert await rows_of(raw, "select a from t") == [(2,)]

    await session.execute("create table t (a int)")
    with pytest.raises(ZeroDivisionError):
        async with session.transaction():
            await session.execute("insert into t values (1)")
            async with session.select_stream("select a from t") as rows:
                assert [row async for row in rows] == [{"a": 1}]
            await session.execute("insert into t values (2)")
            assert await session.select_value(COUNT) == 2
            raise ZeroDivisionError
    assert await session.select_value(COUNT) == 0


async def test_what_is_written_beside_an_open_cursor_is_rolled_back(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    cursor = raw.cursor("select 1", [])
    await cursor.start()
    await raw.fetch("insert into t values (1)", [])
    cursor.close()
    del cursor
    assert await rows_of(raw, COUNT) == [(0,)]

    await session.execute("create table t (a int)")
    async with session.select_stream("select 1 as a") as rows:
        with pytest.raises(SQLSpecError, match="stream"):
            await session.execute("insert into t values (1)")
        assert [row async for row in rows] == [{"a": 1}]
    async with session.transaction(), session.select_stream("select 1 as a") as rows:
        await session.execute("insert into t values (1)")
        assert [row async for row in rows] == [{"a": 1}]
    assert await session.select_value(COUNT) == 1


async def test_a_nested_transaction_ends_the_outer_one(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    outer, inner = raw.transaction(), raw.transaction()
    await outer.begin()
    await raw.fetch("insert into t values (1)", [])
    await inner.begin()
    await inner.rollback()
    await raw.fetch("insert into t values (2)", [])  # stored at once
    await outer.rollback()
    assert await rows_of(raw, "select a from t") == [(2,)]

    await session.execute("create table t (a int)")
    async with session.transaction():
        await session.execute("insert into t values (1)")
        with pytest.raises(ZeroDivisionError):
            async with session.transaction():
                await session.execute("insert into t values (2)")
                raise ZeroDivisionError
    assert await session.select("select a from t") == [{"a": 1}]


async def test_a_second_begin_is_accepted(raw: Any, session: Any) -> None:
    transaction = raw.transaction()
    await transaction.begin()
    await transaction.begin()
    await transaction.rollback()
    await session.begin()
    with pytest.raises(TransactionError, match="a transaction is open already"):
        await session.begin()
    await session.rollback()


async def test_statements_before_the_begin_are_stored_at_once(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    await raw.transaction().fetch("insert into t values (1)", [])
    assert await rows_of(raw, COUNT) == [(1,)]
    scope = session.transaction()
    assert not hasattr(scope, "execute")  # it is the session that executes, and it knows whether a transaction is open
    with pytest.raises(TransactionError):
        await session.commit()


async def test_the_name_of_a_savepoint_is_run_as_sql(raw: Any, session: Any) -> None:
    name = "x; create temp table smuggled ()"
    async with raw.transaction() as transaction:
        await transaction.create_savepoint(name)
    assert await rows_of(raw, "select to_regclass('smuggled') is null") == [(False,)]
    async with session.transaction(), session.savepoint(name):
        assert await session.select_value("select to_regclass('pg_temp.smuggled')") is None


# -- errors ------------------------------------------------------------------------------------------------------


async def test_one_error_has_several_classes_and_nothing_but_a_text(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int constraint only_one primary key); insert into t values (1)")
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: raw.execute("insert into t values ($1)", [1]),
        lambda: raw.execute_batch("insert into t values (1)"),
        lambda: raw.execute_many("insert into t values ($1)", [[1]]),
    ]
    told: list[psqlpy.Error] = []
    for call in calls:
        with pytest.raises(psqlpy.Error) as bare:
            await call()
        told.append(bare.value)
        assert not any(hasattr(bare.value, name) for name in ("sqlstate", "constraint", "detail", "code"))
    assert len({type(error) for error in told}) == 2
    assert len({str(error) for error in told}) == 3

    await session.execute("create table t (a int constraint only_one primary key)")
    await session.execute("insert into t values (1)")
    calls = [
        lambda: session.execute("insert into t values ($1)", 1),
        lambda: session.execute_script("insert into t values (1)"),
        lambda: session.execute_many("insert into t values ($1)", [1]),
    ]
    texts = set()
    for call in calls:
        with pytest.raises(UniqueViolationError) as caught:
            await call()
        assert (caught.value.constraint, caught.value.detail) == ("only_one", "Key (a)=(1) already exists.")
        texts.add(str(caught.value))
    assert len(texts) == 1


async def test_an_answer_without_rows_tells_nothing(raw: Any, session: Any) -> None:
    await raw.execute_batch("create temp table t (a int)")
    assert (await raw.fetch("select a from t", [])).result() == []
    changed = await raw.execute("insert into t values (1), (2)", [])
    assert {name for name in dir(changed) if not name.startswith("_")} == {
        "as_class",
        "records",
        "result",
        "row_factory",
    }
    await session.execute("create table t (a int)")
    assert [(column.name, column.oid) for column in (await session.execute("select a from t")).columns] == [("a", 23)]
    assert (await session.execute("insert into t values (1), (2)")).rows_affected == 2


# -- prepared statements -----------------------------------------------------------------------------------------


async def test_a_statement_on_a_changed_table_fails_for_ever(
    raw: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"{flavour.schema}.t"
    admin.execute(f"create table {name} (a int)".encode())
    read, write = f"select * from {name}", f"insert into {name} values ($1)"
    for connection in (raw.fetch(read, []), raw.fetch(write, [1]), session.select(read), session.execute(write, 1)):
        await connection
    admin.execute(f"alter table {name} alter a type bigint".encode())
    for _ in range(3):
        with pytest.raises(psqlpy.Error, match="cached plan must not change result type"):
            await raw.fetch(read, [])
        with pytest.raises(OverflowError):
            await raw.fetch(write, [2**40])
    await session.execute(write, 2**40)
    assert [row["a"] for row in await session.select(read)] == [1, 1, 2**40]
