"""Transactions, cancellation, notifications and the end of the process, of which psqlpy tells and does too little."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import OperationCancelledError, QueryTimeoutError, SQLSpecError, TransactionError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")


async def until(admin: psycopg.Connection[Any], state: str, pid: int) -> None:
    async with asyncio.timeout(10):
        while admin.execute("select state from pg_stat_activity where pid = %s", [pid]).fetchone() != (state,):
            await asyncio.sleep(0.002)


# -- transactions ----------------------------------------------------------------------------------------------


async def test_a_commit_of_an_aborted_transaction_is_told(raw: Any, session: Any) -> None:
    await raw.execute_batch("begin")
    with pytest.raises(Exception, match="division by zero"):
        await raw.fetch("select 1/0", [])
    await raw.execute_batch("commit")  # nothing is stored, and nothing is said
    await session.begin()
    with pytest.raises(SQLSpecError):
        await session.select("select 1/0")
    with pytest.raises(TransactionError, match="nothing was stored"):
        await session.commit()
    assert await session.select_value("select 1") == 1


async def test_a_commit_after_any_failure_asks_the_server(session: Any) -> None:
    """Where an error came from is read out of the driver's words; a commit does not trust that alone."""
    await session.begin()
    driver = session._driver
    with pytest.raises(driver.native_errors, match="division by zero"):
        await driver.execute_script("select 1 / 0")
    driver._status = "active"
    with pytest.raises(driver.native_errors, match="aborted"):
        await driver.commit()


async def test_a_transaction_left_open_on_the_raw_connection_is_rolled_back(flavour: Flavour) -> None:
    for policy in ("always", "when_dirty", "never"):
        config = flavour.make_config(max_size=1, reset=policy)
        async with config.provide_session() as session:
            await session.execute("create table if not exists t (a int)")
        async with config.provide_connection() as connection:
            await connection.execute_batch("begin; insert into t values (1)")
        async with config.provide_session() as session:
            assert await session.select("select * from t") == []
            assert session.driver.status() == "unknown" or session.driver.status() == "idle"
        assert config.stats().opened == 1


async def test_the_status_is_kept(session: Any) -> None:
    driver = session.driver
    assert driver.status() == "idle"
    await session.begin()
    assert driver.status() == "active"
    with pytest.raises(SQLSpecError):
        async with session.savepoint():
            with pytest.raises(SQLSpecError):
                await session.select("select 1/0")
            assert driver.status() == "failed"
            await session.select("select 1")
    assert driver.status() == "active"
    await session.rollback()
    assert driver.status() == "idle"
    with pytest.raises(SQLSpecError):
        await session.execute_script("begin; select 1; commit; select 1/0")
    assert driver.status() == "idle"
    with pytest.raises(TransactionError):
        await session.execute_script("select 1; begin")
    assert driver.status() == "idle"


async def test_a_commit_that_a_constraint_forbids(session: Any) -> None:
    await session.execute("create table t (a int unique deferrable initially deferred)")
    for size in (2, 500):  # a large batch ends by the driver's own transaction object
        with pytest.raises(SQLSpecError, match="duplicate key"):
            async with session.transaction():
                await session.execute_many("insert into t values ($1)", [1] * size)
        assert session.driver.status() == "idle"
        assert await session.select("select * from t") == []


# -- stopping --------------------------------------------------------------------------------------------------


async def test_the_driver_leaves_a_cancelled_statement_running(
    dsn: str, raw: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    pid = (await raw.fetch("select pg_backend_pid()", [])).result(None, True)[0][0]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.fetch("select pg_sleep(0.5) is null", []), 0.05)
    await until(admin, "active", pid)

    name = f"app of {flavour.schema}"
    async with flavour.make_config(application_name=name).provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.select("select pg_sleep(30)"), 0.05)
        await until(admin, "idle", pid)
        task = asyncio.create_task(session.select("select pg_sleep(30)"))
        await until(admin, "active", pid)
        await session.cancel()
        with pytest.raises(OperationCancelledError):
            await task
        assert await session.select_value("select pg_backend_pid()") == pid
        async with asyncio.timeout(10):  # what was opened to stop them is closed again
            query = "select count(*) from pg_stat_activity where application_name = %s"
            while admin.execute(query, [name]).fetchone() != (1,):
                await asyncio.sleep(0.002)


@pytest.mark.parametrize("value", ["$1", "$1::int"])  # stored all at once; by the driver's own batches
async def test_a_large_batch_can_be_stopped(session: Any, value: str) -> None:
    await session.execute("create table t (a int)")
    pid = await session.select_value("select pg_backend_pid()")
    rows = ((number,) for number in range(10_000_000))
    with pytest.raises(QueryTimeoutError):
        await session.execute_many(f"insert into t values ({value})", rows, timeout=0.3)
    assert await session.select_value("select pg_backend_pid()") == pid
    async with session.transaction():
        await session.execute("insert into t values (1)")
        with pytest.raises(QueryTimeoutError):
            slow = "insert into t select $1 from pg_sleep(0.05)"
            await session.execute_many(slow, range(1000), timeout=0.3)
        await session.execute("insert into t values (2)")
    assert [row["a"] for row in await session.select("select a from t order by a")] == [1, 2]


async def test_statements_under_way_when_a_batch_fails_change_nothing(session: Any) -> None:
    await session.execute("create table t (a int primary key)")
    async with session.transaction():
        await session.execute("insert into t values (12)")
        with pytest.raises(SQLSpecError):
            await session.execute_many("insert into t values ($1) returning a", range(100))
    assert await session.select("select a from t") == [{"a": 12}]


async def test_where_no_second_connection_can_be_had_the_first_is_given_up(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    role = f"{flavour.schema}_alone"
    admin.execute(f"create role {role} login connection limit 1".encode())
    try:
        config = flavour.make_config(user=role)
        async with config.provide_session() as session:
            with pytest.raises(QueryTimeoutError, match="the server may still be working"):
                await session.select("select pg_sleep(1)", timeout=0.05)
        assert config.stats().size == 0
        await config.close()
    finally:
        async with asyncio.timeout(10):
            while admin.execute("select 1 from pg_stat_activity where usename = %s", [role]).fetchone():
                await asyncio.sleep(0.01)
        admin.execute(f"drop role {role}".encode())


async def test_closing_the_pool_stops_what_still_runs(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        task = asyncio.create_task(session.select("select pg_sleep(30)"))
        await until(admin, "active", pid)
        await config.close(0.05)
        with pytest.raises(SQLSpecError):
            await asyncio.wait_for(task, 5)
        async with asyncio.timeout(10):
            while admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
                await asyncio.sleep(0.002)


async def test_a_count_after_a_look_at_the_raw_connection(session: Any) -> None:
    await session.execute("create table t (a int)")
    assert await session.driver.connection.in_transaction() is False
    assert session.driver.status() == "unknown"
    assert (await session.execute("insert into t values (1)")).rows_affected == 1
    await session.begin()
    assert await session.driver.connection.in_transaction() is False
    assert (await session.execute("insert into t values (1), (2)")).rows_affected == 2
    await session.commit()
    assert await session.select_value("select count(*) from t") == 3


# -- notifications ---------------------------------------------------------------------------------------------


async def test_a_notice_does_not_end_a_listener(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"listener of {flavour.schema}"
    config = flavour.make_config(application_name=name)
    async with config.listen("t") as notes:
        heard = aiter(notes)
        admin.execute("select pg_notify('t', 'one')")
        assert (await asyncio.wait_for(anext(heard), 10)).payload == "one"
        waiting = asyncio.create_task(anext(heard))
        await notes._driver._listening.connection.execute_batch("do $$ begin raise warning 'noise'; end $$")
        admin.execute("select pg_notify('t', 'two')")
        assert (await asyncio.wait_for(waiting, 10)).payload == "two"
        assert notes.gaps == 0
        count = admin.execute("select count(*) from pg_stat_activity where application_name = %s", [name]).fetchone()
        assert count == (1,)
        await heard.aclose()


# -- the end of the process ------------------------------------------------------------------------------------

_USES_AND_ENDS = """
import asyncio, sys
from sqlspec.adapters.psqlpy import PsqlpyConfig

async def main():
    async with PsqlpyConfig(connection_config={"dsn": sys.argv[1]}) as config:
        async with config.listen("a") as notes, config.provide_session() as session:
            await session.notify("a", "x")
            async for _ in notes:
                break

asyncio.run(main())
"""


async def test_the_process_ends_without_an_abort(dsn: str) -> None:
    """The bare driver aborts about one exit in six: its threads hold the interpreter while that shuts down."""
    for _ in range(6):
        command = [sys.executable, "-c", _USES_AND_ENDS, dsn]
        ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr.decode()
