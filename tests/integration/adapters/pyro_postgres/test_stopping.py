"""Requests to stop that come too late for the call that they are meant for."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import psycopg
import pytest

from sqlspec.adapters.pyro_postgres._aio import Stopper
from sqlspec.exceptions import DatabaseConnectionError, OperationCancelledError
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("pyro")


async def test_a_request_to_stop_never_hits_a_later_borrower(flavour: Flavour) -> None:
    """The request goes over a connection of its own, which is opened while the call may end."""
    config = flavour.make_config(max_size=1)
    for _ in range(30):
        async with config.provide_session() as session:
            task = asyncio.create_task(session.select("select 1 as a"))
            await asyncio.sleep(0)
            stopping = asyncio.create_task(session.cancel())
            await asyncio.gather(task, return_exceptions=True)
        async with config.provide_session() as later:
            assert await later.select("select 1 as a from pg_sleep(0.02)") == [{"a": 1}]
        await stopping


async def test_a_request_to_stop_never_hits_who_waits_for_the_connection(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    chance = random.Random(3)
    for _ in range(20):
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def first(opened: asyncio.Future[Any] = opened) -> None:
            async with config.provide_session() as session:
                await session.select("select 1")
                opened.set_result(session)
                await session.select("select pg_sleep($1::float8)", chance.uniform(0, 0.01))

        async def second() -> None:
            async with config.provide_session() as session:
                await session.select("select pg_sleep(0.03)")

        stopped = asyncio.create_task(first())
        session = await opened
        innocent = asyncio.create_task(second())
        await asyncio.sleep(0.001)
        await session.cancel()
        await asyncio.gather(stopped, return_exceptions=True)
        await innocent


async def test_a_request_to_stop_reaches_what_is_still_prepared(session: Any) -> None:
    """Preparing takes several steps, between which the server has nothing to stop."""
    for number in range(20):
        task = asyncio.create_task(session.select(f"select pg_sleep(30), {number} as n"))
        for _ in range(number + 1):
            await asyncio.sleep(0)
        await session.cancel()
        with pytest.raises(OperationCancelledError):
            await asyncio.wait_for(task, 10)


async def test_a_request_to_stop_ends_a_batch_that_counts(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any], dsn: str
) -> None:
    """It would be taken for a rule that forbids RETURNING, and the batch run in spite of it."""
    await session.execute("create table t (a int)")
    pid = await session.select_value("select pg_backend_pid()")
    with psycopg.connect(dsn) as other:
        other.execute(f"lock table {flavour.schema}.t".encode())
        task = asyncio.create_task(session.execute_many("insert into t values ($1)", [1, 2, 3]))
        await until_waiting(admin, pid, "Lock")
        await session.cancel()
        with pytest.raises(OperationCancelledError):
            await asyncio.wait_for(task, 10)
    assert await session.select("select a from t") == []


async def test_a_request_to_stop_ends_the_call_where_the_server_is_out_of_reach(
    session: Any, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Stopper, "tell_server", silent)
    monkeypatch.setattr("sqlspec.adapters.pyro_postgres._aio._PATIENCE", 0.1)
    pid = await session.select_value("select pg_backend_pid()")
    task = asyncio.create_task(session.select("select pg_sleep(30)"))
    await until_waiting(admin, pid, "Timeout")
    await asyncio.wait_for(session.cancel(), 5)
    with pytest.raises(DatabaseConnectionError):
        await asyncio.wait_for(task, 10)
    admin.execute("select pg_terminate_backend(%s)", [pid])
