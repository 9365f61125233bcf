"""A silent network holds nobody up for long: calls of several round trips, and a COMMIT that nobody waits for."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sqlspec.driver import _async_transaction
from sqlspec.exceptions import DatabaseConnectionError, QueryTimeoutError
from tests.integration.faults.conftest import ADAPTERS
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import Flavour, needs

# A driver whose calls cannot be stopped while they wait has its limits from the server, which is out of reach here.
pytestmark = [pytest.mark.only(*ADAPTERS), needs("concurrent_calls")]

BEYOND = 5.0
"""Seconds that a call may take beyond its limit."""

INSERT = "insert into t values ($1)"

CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "execute_many": lambda s: s.execute_many(INSERT, [1, 2], timeout=0.3),
    "load_from_records": lambda s: s.load_from_records("t", [(1,), (2,)], timeout=0.3),
}


@pytest.mark.promise("network: a call of several round trips ends soon after its limit when the network is silent")
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_of_several_round_trips(flavour: Flavour, proxy: Proxy, short_grace: None, name: str) -> None:
    config = flavour.make_config(dsn=proxy.dsn)
    async with config.provide_session() as session:
        await session.execute_script("create table t (n int)")
        began = time.monotonic()
        proxy.hold()
        with pytest.raises(QueryTimeoutError):
            await CALLS[name](session)
        assert time.monotonic() - began < 0.3 + BEYOND
        with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
            await session.select("select 1")
    proxy.heal()
    async with config.provide_session() as session:
        assert await session.select("select n from t") == []


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")  # a thread is not cancelled
@pytest.mark.promise("cancellation: a task that is cancelled while it commits ends soon when the network is silent")
async def test_a_commit_that_is_cancelled(
    flavour: Flavour, proxy: Proxy, short_grace: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_async_transaction, "GRACE", 0.2)
    config = flavour.make_config(dsn=proxy.dsn)
    async with config.provide_session() as session:
        await session.begin()
        await session.execute("select 1")
        proxy.hold()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.commit()
        assert time.monotonic() - began < 0.1 + BEYOND
        with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
            await session.select("select 1")


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_what_fails_when_nobody_waits_for_it_is_not_reported(
    flavour: Flavour, proxy: Proxy, short_grace: None
) -> None:
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    config = flavour.make_config(dsn=proxy.dsn)
    async with config.provide_session() as session:
        await session.select("select 1")
        proxy.hold()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.select("select 2")
    proxy.reset()
    async with asyncio.timeout(10):
        while proxy.stats.connections:
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)  # until the driver has noticed
    gc.collect()
    assert reported == []
