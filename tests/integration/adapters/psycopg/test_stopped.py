"""A request to stop a call that meets it between two of its round trips."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sqlspec.exceptions import OperationCancelledError
from tests.integration.faults.proxy import DOWN, Proxy
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

# What they send first, a BEGIN or a statement to be prepared, has run when the server is asked to stop it.
CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "select": lambda s: s.select("select pg_sleep(20)"),
    "execute_many": lambda s: s.execute_many("insert into t select $1 from pg_sleep(20)", [1, 2]),
    "execute_stack": lambda s: s.execute_stack(["insert into t values (1)", "select pg_sleep(20)"]),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_call_whose_own_statement_is_not_sent_yet_ends_there(flavour: Flavour, proxy: Proxy, name: str) -> None:
    config = flavour.make_config(dsn=proxy.dsn, max_size=1)
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        before = proxy.stats.struck
        proxy.hold(DOWN, after=0, once=True)
        call = asyncio.ensure_future(CALLS[name](session))
        deadline = time.monotonic() + 10
        while proxy.stats.struck == before:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.002)
        await session.cancel()
        proxy.heal()
        async with asyncio.timeout(10):
            with pytest.raises(OperationCancelledError, match="user request") as caught:
                await call
            assert caught.value.sqlstate == "57014"
            assert not session.in_transaction
            assert await session.select("select a from t") == []
    assert config.stats().opened == 1
