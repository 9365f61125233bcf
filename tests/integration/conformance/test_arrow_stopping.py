"""Loads and reads of Arrow data that wait for others, take too long, or are interrupted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.exceptions import (
    DatabaseConnectionError,
    OperationalError,
    OperationCancelledError,
    QueryTimeoutError,
    TransactionError,
)
from tests.integration.backends import is_waiting, until_waiting
from tests.integration.harness import FLAVOURS, Flavour, needs

REAL = tuple(name for name in FLAVOURS if name != "stub")
pytestmark = pytest.mark.only(*REAL)

COUNT = "select count(*) from t"
NUMBERS = "select n from generate_series(1, $1::int) n"
FORMATS = ("table", "reader", "batches")


def numbers(count: int, first: int = 0) -> pa.Table:
    return pa.table({"n": pa.array(range(first, first + count), pa.int32())})


# -- loads -------------------------------------------------------------------------------------


async def test_loads_of_many_tasks_queue(session: Any) -> None:
    await session.execute("create table t (n int)")
    tasks = [session.load_from_arrow("t", numbers(5000, first * 5000), batch_rows=1000) for first in range(6)]
    jobs = await asyncio.gather(*tasks, session.select_value("select 1"))
    assert [job.rows for job in jobs[:-1]] == [5000] * 6
    assert await session.select("select count(*), count(distinct n) from t", schema_type=tuple) == [(30_000, 30_000)]


async def test_a_transaction_of_another_task_keeps_a_load_out(session: Any) -> None:
    await session.execute("create table t (n int)")
    opened, done = asyncio.Event(), asyncio.Event()

    async def owner() -> None:
        async with session.transaction():
            opened.set()
            await done.wait()

    task = asyncio.create_task(owner())
    await opened.wait()
    with pytest.raises(TransactionError, match="in progress"):
        await session.load_from_arrow("t", numbers(3))
    done.set()
    await task


async def make_slow(session: Any) -> None:
    await session.execute_script("""
        create table t (n int);
        create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$;
        create trigger slow before insert on t for each row when (new.n = 5) execute function slow();
    """)


@pytest.mark.parametrize("inside", [False, True])
async def test_a_limit_stops_the_load_on_the_server(session: Any, admin: psycopg.Connection[Any], inside: bool) -> None:
    await make_slow(session)
    pid = await session.select_value("select pg_backend_pid()")
    if inside:
        await session.begin()
    with pytest.raises(QueryTimeoutError):
        await session.load_from_arrow("t", numbers(100_000), timeout=0.2)
    assert not is_waiting(admin, pid)
    assert session.in_transaction is inside
    assert await session.select_value(COUNT) == 0
    if inside:
        await session.commit()


@needs("concurrent_calls")
@pytest.mark.parametrize("inside", [False, True])
async def test_an_interrupted_load_leaves_nothing(
    flavour: Flavour, admin: psycopg.Connection[Any], inside: bool
) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await make_slow(session)
        pid = await session.select_value("select pg_backend_pid()")

        async def run() -> None:
            if inside:
                await session.begin()
            await session.load_from_arrow("t", numbers(100_000))

        load = asyncio.ensure_future(run())
        await until_waiting(admin, pid, call=load)
        if flavour.is_sync:
            await session.cancel()
        else:
            load.cancel()
        with pytest.raises((asyncio.CancelledError, OperationCancelledError)):
            await load
        assert not is_waiting(admin, pid)
        if not inside:
            assert await session.select_value(COUNT) == 0
    async with config.provide_session() as session:
        assert await session.select_value(COUNT) == 0
    assert config.stats().size == 1


@needs("concurrent_calls")
async def test_a_connection_lost_in_the_middle_of_a_load(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await make_slow(session)
        pid = await session.select_value("select pg_backend_pid()")
        load = asyncio.ensure_future(session.load_from_arrow("t", numbers(10)))
        await until_waiting(admin, pid, call=load)
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(DatabaseConnectionError):
            await load
        assert not session.in_transaction
    async with config.provide_session() as session:
        assert await session.select_value(COUNT) == 0


@pytest.mark.only("psycopg-sync", "pyro-sync")
async def test_a_source_that_uses_the_session_is_refused(session: Any) -> None:
    await session.execute("create table t (n int)")

    def reentrant() -> Iterator[pa.RecordBatch]:
        yield numbers(5).to_batches()[0]
        session._target.select("select 1")

    with pytest.raises(OperationalError, match="in the middle of its own"):
        await session.load_from_arrow("t", reentrant())
    assert await session.select_value(COUNT) == 0


async def test_a_closed_session_names_load_from_arrow(config: Any) -> None:
    async with config.provide_session() as session:
        await session.execute("create table t (n int)")
        await session.load_from_arrow("t", numbers(3))
    with pytest.raises(OperationalError, match=r"cannot call load_from_arrow\(\): the session was closed"):
        await session.load_from_arrow("t", numbers(3))


# -- reads -------------------------------------------------------------------------------------


async def test_results_of_many_tasks_queue(session: Any) -> None:
    results = await asyncio.gather(*(session.select_to_arrow(NUMBERS, 1000 * n) for n in range(1, 9)))
    assert [len(result) for result in results] == [1000 * n for n in range(1, 9)]


@pytest.mark.parametrize("return_format", FORMATS)
@pytest.mark.parametrize("inside", [False, True])
async def test_a_limit_stops_the_read_on_the_server(
    session: Any, admin: psycopg.Connection[Any], return_format: str, inside: bool
) -> None:
    pid = await session.select_value("select pg_backend_pid()")
    if inside:
        await session.begin()
    with pytest.raises(QueryTimeoutError):
        result = await session.select_to_arrow(
            "select n, pg_sleep(case n when 50 then 30 else 0 end)::text from generate_series(1, 60) n",
            return_format=return_format,
            timeout=0.2,
        )
        async with result as reader:
            await reader.read_all()
    query = "select 1 from pg_stat_activity where pid = %s and state = 'active'"
    assert admin.execute(query, [pid]).fetchone() is None
    assert session.in_transaction is inside
    assert await session.select_value("select 1") == 1


@needs("concurrent_calls")
@pytest.mark.parametrize("return_format", FORMATS)
@pytest.mark.parametrize("inside", [False, True])
async def test_an_interrupted_read(
    flavour: Flavour, admin: psycopg.Connection[Any], return_format: str, inside: bool
) -> None:
    config = flavour.make_config(max_size=1)

    async def read(session: Any) -> None:
        if inside:
            await session.begin()
        result = await session.select_to_arrow(
            "select n, pg_sleep(case n when 50000 then 30 else 0 end)::text from generate_series(1, 60000) n",
            return_format=return_format,
            batch_size=100,
        )
        async with result as reader:
            await reader.read_all()

    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        task = asyncio.ensure_future(read(session))
        await until_waiting(admin, pid, call=task)
        if flavour.is_sync:
            await session.cancel()
        else:
            task.cancel()
        with pytest.raises((asyncio.CancelledError, OperationCancelledError)):
            await task
        assert not is_waiting(admin, pid)
        if not inside:
            assert await session.select_value("select 1") == 1
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    assert config.stats().size == 1


@needs("concurrent_calls")
@pytest.mark.parametrize("return_format", FORMATS)
async def test_a_connection_lost_in_the_middle_of_a_read(
    flavour: Flavour, admin: psycopg.Connection[Any], return_format: str
) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        with pytest.raises(DatabaseConnectionError):
            if return_format == "table":
                await session.select_to_arrow("select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)::text")
            async with await session.select_to_arrow(NUMBERS, 2_000_000, return_format=return_format) as reader:
                async for _ in reader:
                    admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        assert not session.in_transaction
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


async def test_a_closed_session_names_select_to_arrow(config: Any) -> None:
    async with config.provide_session() as session:
        await session.select_to_arrow("select 1")
    with pytest.raises(OperationalError, match=r"cannot call select_to_arrow\(\): the session was closed"):
        await session.select_to_arrow("select 1")


@needs("cancel")
@pytest.mark.parametrize("inside", [False, True])
async def test_a_cancel_between_two_reads_is_not_lost(session: Any, inside: bool) -> None:
    async def read() -> None:
        async with await session.select_to_arrow(NUMBERS, 100_000, return_format="reader", batch_size=1000) as reader:
            assert (await reader.read_batch()).num_rows == 1000
            await session.cancel()
            with pytest.raises(OperationCancelledError):
                await reader.read_all()
            with pytest.raises(OperationalError, match="has failed"):
                await reader.read_all()
        assert await session.select_value("select 1") == 1

    async with session.transaction() if inside else contextlib.nullcontext():
        await read()
    assert not session.in_transaction
    assert await session.select_value("select 1") == 1
