"""What a test has not given back: sessions, transactions, connections that the server still has."""

from __future__ import annotations

from typing import Any

import pytest

from sqlspec.driver._listeners import connections
from sqlspec.testing import LeakError, no_leaks, rolled_back
from tests.integration.harness import AsAsync, needs

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")


def scope_of(config: Any) -> Any:
    return AsAsync(no_leaks(config._target)) if isinstance(config, AsAsync) else no_leaks(config)


async def test_what_is_given_back_is_no_leak(config: Any) -> None:
    async with scope_of(config):
        async with config.provide_session() as session:
            await session.execute("set work_mem = '5MB'")  # to be cleaned afterwards
            async with session.transaction():
                await session.select_value("select 1")
            await session.begin()
            await session.rollback()
        async with config.provide_connection():
            pass
        driver = await config.connect()
        await driver.close()


async def test_a_session_that_is_not_given_back(config: Any) -> None:
    context = config.provide_session()
    with pytest.raises(LeakError, match=r"1 left behind:\na session: in use for .* s, taken by .* at:") as caught:
        async with scope_of(config):
            await context.__aenter__()
    assert __file__ in str(caught.value) or isinstance(config, AsAsync)
    await context.__aexit__(None, None, None)


async def test_a_bare_connection_that_is_not_given_back(config: Any) -> None:
    context = config.provide_connection()
    with pytest.raises(LeakError, match="1 left behind:\na connection of the pool: in use"):
        async with scope_of(config):
            await context.__aenter__()
    await context.__aexit__(None, None, None)


async def test_a_transaction_in_a_session_that_is_not_given_back(config: Any) -> None:
    context = config.provide_session()
    with pytest.raises(LeakError, match="1 left behind:\na session with a transaction open: in use"):
        async with scope_of(config):
            session = await context.__aenter__()
            await session.begin()
    await session.rollback()
    await context.__aexit__(None, None, None)


async def test_a_transaction_that_was_left_open(config: Any) -> None:
    with pytest.raises(
        LeakError, match="1 left behind:\na transaction that was open when its session was given back: in"
    ):
        async with scope_of(config), config.provide_session() as session:
            await session.begin()


async def test_a_connection_beside_the_pool(config: Any) -> None:
    with pytest.raises(LeakError, match=r"1 left behind:\na connection beside the pool: in use"):
        async with scope_of(config):
            driver = await config.connect()
    await driver.close()


@needs("listen")
async def test_a_listener_that_is_not_closed(config: Any) -> None:
    with pytest.raises(LeakError, match="1 left behind:\na connection beside the pool: in use"):
        async with scope_of(config):
            listener = config.listen("news")
            await listener.__aenter__()
    await listener.close()


async def test_a_process_that_the_server_still_has(config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = config._target if isinstance(config, AsAsync) else config
    with pytest.raises(LeakError, match=r"1 left behind:\na process of the server, (\d+), behind a closed") as caught:
        async with scope_of(config):
            driver = await config.connect()
            pid = driver.backend_pid
            monkeypatch.setattr(plain.driver_class, "is_closed", lambda self: True)
    monkeypatch.undo()
    assert f"the server, {pid}," in str(caught.value)
    await driver.close()


async def test_what_was_out_before_is_no_leak(config: Any) -> None:
    async with config.provide_session() as outer:
        async with scope_of(config), config.provide_session() as session:
            await session.select_value("select 1")
        assert await outer.select_value("select 1") == 1
    assert connections == []


async def test_scopes_nest(config: Any) -> None:
    with pytest.raises(LeakError, match=r"1 left behind:\na connection beside the pool: in use"):
        async with scope_of(config):
            async with scope_of(config), config.provide_session() as session:
                await session.select_value("select 1")
            driver = await config.connect()
    await driver.close()


async def test_an_error_is_not_hidden_by_a_leak(config: Any) -> None:
    context = config.provide_session()
    with pytest.raises(RuntimeError, match="own words"):
        async with scope_of(config):
            await context.__aenter__()
            raise RuntimeError("own words")
    await context.__aexit__(None, None, None)


async def test_a_scope_that_rolls_back_is_looked_into(config: Any) -> None:
    async with scope_of(config):
        scope = rolled_back(config._target if isinstance(config, AsAsync) else config)
        async with AsAsync(scope) if isinstance(config, AsAsync) else scope as session:
            await session.select_value("select 1")
            async with config.provide_session() as other:
                await other.select_value("select 1")
