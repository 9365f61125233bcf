"""Requests to stop, limits and refusals that come at an awkward moment."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import psqlpy
import psycopg
import pytest

from sqlspec.adapters.psqlpy import _calls
from sqlspec.adapters.psqlpy._wait import Wait
from sqlspec.exceptions import (
    DatabaseConnectionError,
    OperationalError,
    OperationCancelledError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")


@pytest.mark.parametrize("size", [1, 500])
async def test_a_request_to_stop_during_a_commit(
    session: Any, admin: psycopg.Connection[Any], flavour: Flavour, size: int
) -> None:
    await session.execute_script(
        "create table t (a int); create function slow() returns trigger language plpgsql as "
        "$$ begin perform pg_sleep(new.a); return null; end $$;"
        "create constraint trigger slow after insert on t initially deferred for each row execute function slow()"
    )
    driver = session.driver
    pid = await session.select_value("select pg_backend_pid()")

    async def store(seconds: float) -> None:
        async with session.transaction():
            await session.execute_many("insert into t values ($1)", [0] * size)
            await session.execute("insert into t values ($1::float8)", seconds)

    for _ in range(5):  # too fast to be stopped
        task = asyncio.create_task(store(0))
        while not task.done():
            if driver.status() == "unknown":
                await session.cancel()
            await asyncio.sleep(0)
        failed = isinstance(task.exception(), OperationCancelledError)
        assert await session.select_value("select count(*) from t") == (0 if failed else size + 1)
        await session.execute("truncate t")
    task = asyncio.create_task(store(30))
    await until_waiting(admin, pid, "Timeout")
    await session.cancel()
    with pytest.raises(OperationCancelledError):
        await task
    assert await session.select("select * from t") == []
    assert await session.select_value("select pg_backend_pid()") == pid


async def test_a_limit_that_passes_while_preparing_does_not_end_the_counting(
    session: Any, flavour: Flavour, dsn: str
) -> None:
    await session.execute_script("create table t (a int); set lock_timeout = '200ms'")
    with psycopg.connect(dsn) as other:
        other.execute(f"lock table {flavour.schema}.t".encode())
        asyncio.get_running_loop().call_later(0.3, other.rollback)
        with pytest.raises(OperationalError, match="lock timeout"):
            await session.execute("insert into t values (1)")
        for _ in range(2):
            assert (await session.execute("insert into t values (1)")).rows_affected == 1
        async with asyncio.timeout(5):
            while other.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                await asyncio.sleep(0.01)


async def test_what_the_driver_refuses_does_not_abort_the_transaction(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise psqlpy.Error("error encoding message to server: value too large to transmit")

    await session.execute("create table t (a int)")
    driver = session.driver
    async with session.transaction():
        await session.execute("insert into t values (1)")
        with monkeypatch.context() as patch, pytest.raises(SQLSpecError, match="too large"):
            patch.setattr(driver, "_fetch", refuse)
            await session.select("select 1")
    assert await session.select_value("select count(*) from t") == 1


async def test_a_transaction_that_was_aborted_unseen_frees_the_driver_too(flavour: Flavour) -> None:
    """The driver would believe for ever that a transaction is open, once it was told for a large batch."""
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        await session.begin()
        await session.execute_many("insert into t values ($1::int)", range(500))
        with pytest.raises(Exception, match="division by zero"):
            await session.driver.connection.execute_batch("select 1/0")
        with pytest.raises(SQLSpecError):
            await session.commit()
        assert await session.driver.connection.in_transaction() is False
        assert await session.select_value("select count(*) from t") == 0


async def test_a_connection_that_is_cut_while_it_is_stopped_leaves_no_loose_end(session: Any) -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    driver = session.driver
    stopping = asyncio.create_task(driver._stop_server())
    while driver._stop is None:
        await asyncio.sleep(0)
    driver._shut()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    if driver._stop is not None:
        await asyncio.wait((driver._stop,))
        driver._stop = None
    gc.collect()
    await asyncio.sleep(0)
    assert told == []


async def test_a_call_that_is_cut_while_it_prepares_ends_without_a_panic(
    raw: Any, flavour: Flavour, admin: psycopg.Connection[Any], dsn: str
) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        query = f"select * from {flavour.schema}.t"
        pids = [(await raw.fetch("select pg_backend_pid()", [])).result(None, True)[0][0]]
        pids.append(await session.select_value("select pg_backend_pid()"))
        with psycopg.connect(dsn) as other:
            other.execute(f"lock table {flavour.schema}.t".encode())
            bare = asyncio.create_task(asyncio.wait_for(raw.prepare(query, [None]), 10))
            task = asyncio.create_task(session.select(query))
            for pid in pids:
                await until_waiting(admin, pid, "Lock")
            with pytest.raises(BaseException, match="Already borrowed"):
                raw.close()
            session._driver.abort()
            with pytest.raises(DatabaseConnectionError):
                await asyncio.wait_for(task, 5)
        await bare
    assert config.stats().size == 0


async def test_a_request_to_stop_ends_the_call_where_the_server_is_out_of_reach(
    session: Any, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(_calls, "_cancel_backend", silent)
    monkeypatch.setattr(_calls, "PATIENCE", 0.1)
    pid = await session.select_value("select pg_backend_pid()")
    task = asyncio.create_task(session.select("select pg_sleep(30)"))
    await until_waiting(admin, pid, "Timeout")
    await asyncio.wait_for(session.cancel(), 5)
    with pytest.raises(DatabaseConnectionError):
        await asyncio.wait_for(task, 5)
    admin.execute("select pg_terminate_backend(%s)", [pid])


async def test_a_request_that_comes_between_two_statements_of_a_batch_is_made_again(
    session: Any, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    await session.execute("create table t (a int)")
    pid = await session.select_value("select pg_backend_pid()")
    cancel_backend, asked = _calls._cancel_backend, 0

    async def too_early(*args: Any) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            await cancel_backend(*args)

    monkeypatch.setattr(_calls, "_cancel_backend", too_early)
    slow = "insert into t select $1::int from pg_sleep(0.02)"
    task = asyncio.create_task(session.execute_many(slow, range(500)))
    await until_waiting(admin, pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked > 1
    assert await session.select_value("select count(*) from t") == 0
    assert await session.select_value("select pg_backend_pid()") == pid


async def test_a_connection_that_is_cut_behind_a_commit_is_not_used_again(session: Any) -> None:
    """The answer is there, and the task that waits for it has not gone on yet."""
    driver = session._driver

    def answered(caller: Any) -> bool:
        return isinstance(caller, Wait) and caller._future is not None and caller._future.done()

    async def cut() -> bool:
        while not answered(driver._caller):
            if committed.is_set():  # on a busy machine the answer is there before the driver makes a future to wait for
                return False
            await asyncio.sleep(0)
        driver.abort()
        return True

    was_cut = False
    while not was_cut:
        committed = asyncio.Event()
        async with session.transaction():
            await session.select("select 1")
            cutting = asyncio.create_task(cut())
        committed.set()
        was_cut = await cutting
    with pytest.raises(DatabaseConnectionError):
        await session.select("select 1")


async def test_a_call_cancelled_again_as_it_is_stopped_leaves_nothing_to_the_next_one(
    session: Any, admin: psycopg.Connection[Any]
) -> None:
    """What has stopped it has ended, and the task that waits for that has not gone on yet."""
    driver = session._driver
    pid = await session.select_value("select pg_backend_pid()")
    task = asyncio.create_task(session.select("select pg_sleep(30)"))
    await until_waiting(admin, pid)
    task.cancel()
    while driver._stop is None:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    driver._stop.add_done_callback(lambda _: task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 2
    for _ in range(2):
        with pytest.raises(QueryTimeoutError, match="it was cancelled on the server"):
            await session.select("select pg_sleep(30)", timeout=0.1)
    assert await session.select_value("select pg_backend_pid()") == pid
