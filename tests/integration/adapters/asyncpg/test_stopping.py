"""Requests to stop that come at an awkward moment."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import DatabaseConnectionError, DataError, OperationCancelledError
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg")


async def test_a_request_to_stop_cancels_nobody_while_a_refused_statement_is_ended(flavour: Flavour) -> None:
    """The task would end with a cancellation that nobody sent, and one of a later borrower would be swallowed."""
    config = flavour.make_config(max_size=1)
    for number in range(300):
        async with config.provide_session() as session:
            task = asyncio.create_task(session.select("select $1::int as a", "no int"))
            for _ in range(number % 40):
                await asyncio.sleep(0)
            await session.cancel()
            with pytest.raises((DataError, OperationCancelledError)):
                await task
            assert task.cancelling() == 0
    async with config.provide_session() as session:
        waiting = asyncio.create_task(session.select("select pg_sleep(30)"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert config.stats().opened == 1


async def test_a_request_to_stop_between_preparing_and_running_stops_the_call(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ignores one that comes while it waits for the next message."""
    statements = session.driver._statements
    prepare = statements.prepare

    async def prepare_and_stop(sql: str) -> Any:
        prepared = await prepare(sql)
        await session.cancel()
        return prepared

    await session.execute("create table t (a int)")
    monkeypatch.setattr(type(statements), "prepare", staticmethod(prepare_and_stop))
    with pytest.raises(OperationCancelledError):
        await session.execute("insert into t values ($1)", 1)
    monkeypatch.undo()
    assert await session.select("select a from t") == []


async def test_a_request_to_stop_ends_the_call_where_the_server_is_out_of_reach(
    session: Any, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlspec.adapters.asyncpg._calls.PATIENCE", 0.1)
    pid = await session.select_value("select pg_backend_pid()")
    monkeypatch.setattr("asyncpg.connect_utils._cancel", lambda **_: asyncio.Event().wait())
    task = asyncio.create_task(session.select("select pg_sleep(30)"))
    await until_waiting(admin, pid, "Timeout")
    await asyncio.wait_for(session.cancel(), 5)
    with pytest.raises(DatabaseConnectionError):
        await asyncio.wait_for(task, 5)
    admin.execute("select pg_terminate_backend(%s)", [pid])
