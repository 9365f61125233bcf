"""A server without room, and one that ends what takes too long: what callers see, and that the pool recovers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    DatabaseConnectionError,
    OperationalError,
    QueryTimeoutError,
    TransactionError,
)
from tests.integration.faults.conftest import ADAPTERS, MAX_CONNECTIONS, Server
from tests.integration.faults.own_server import PID, admin, assert_whole, config_of, dsn, table
from tests.integration.harness import Flavour

__all__ = ("admin", "dsn", "table")  # fixtures

pytestmark = pytest.mark.only(*ADAPTERS)


# -- no room ------------------------------------------------------------------------------------------------------


@pytest.fixture
def others(server: Server, admin: psycopg.Connection[Any]) -> Iterator[list[psycopg.Connection[Any]]]:
    """Connections that take up all that the server has."""
    with contextlib.ExitStack() as stack:
        taken: list[psycopg.Connection[Any]] = []
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(stack.enter_context(server.connect()))
        assert len(taken) > MAX_CONNECTIONS // 2
        yield taken


@pytest.mark.promise("server: when it has no connection left, callers get a clear error and the pool goes on")
async def test_a_server_without_connections(
    flavour: Flavour, others: list[psycopg.Connection[Any]], admin: psycopg.Connection[Any]
) -> None:
    config = config_of(flavour, max_size=3, acquire_timeout=30)

    async def use(_: int) -> int:
        async with config.provide_session() as session:
            value: int = await session.select_value("select 1 from pg_sleep(0.001)")
            return value

    async def use_at_once(count: int) -> list[int | BaseException]:
        tasks = [asyncio.create_task(use(number)) for number in range(count)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(60):
        for end in await use_at_once(9):
            assert type(end) is DatabaseConnectionError
            assert "too many clients already" in str(end)
        assert (config.stats().size, config.stats().waiting) == (0, 0)
        _leave(others, admin)
        for _ in range(5):  # the pool has room for more, the server has not
            assert await use(0) == 1
        ends = await use_at_once(9)
        assert 1 in ends
        assert {type(end) for end in ends} <= {int, DatabaseConnectionError}
        assert config.stats().size == 1
        for _ in range(4):
            _leave(others, admin)
        assert await use_at_once(9) == [1] * 9
    await assert_whole(config, 3)


def _leave(others: list[psycopg.Connection[Any]], admin: psycopg.Connection[Any]) -> None:
    """Close one of the connections, and wait until the server has noticed."""
    pid = others[-1].info.backend_pid
    others.pop().close()
    while admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
        pass


# What the server lacks: settings, a statement that fails then, and the server's words.
SHORTAGES: dict[str, tuple[dict[str, str], str, str]] = {
    # The same error that a full disk gives.
    "disk": ({}, "select no_space()", "No space left on device"),
    "temporary files": (
        {"temp_file_limit": "64kB", "work_mem": "64kB"},
        "select n from generate_series(1, 10000) n order by md5(n::text)",
        "temp_file_limit",
    ),
    "locks": ({}, "select count(pg_advisory_xact_lock(n)) from generate_series(1, 20000) n", "out of shared memory"),
}


@pytest.mark.promise("server: a shortage of disk, temporary files or locks is an OperationalError; the session goes on")
@pytest.mark.parametrize("name", SHORTAGES)
async def test_a_shortage(flavour: Flavour, table: str, admin: psycopg.Connection[Any], name: str) -> None:
    admin.execute(
        f"""create function {flavour.schema}.no_space() returns int language plpgsql as $$ begin
            raise exception using errcode = 'disk_full',
                message = 'could not extend file "base/5/1": No space left on device';
        end $$""".encode()
    )
    settings, statement, words = SHORTAGES[name]
    config = config_of(flavour, max_size=1, session_settings=settings)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        with pytest.raises(OperationalError, match=words) as caught:
            await session.select(statement)
        assert type(caught.value) is OperationalError
        with pytest.raises(OperationalError, match=words):
            async with session.transaction():
                await session.execute("insert into t values (1)")
                await session.select(statement)
        async with session.transaction():
            await session.execute("insert into t values (2)")
            with pytest.raises(OperationalError):
                async with session.savepoint():
                    await session.select(statement)
        assert await session.select("select n from t", schema_type=int) == [2]
        assert await session.select_value(PID) == pid
    await assert_whole(config, 1)


# -- limits of the server -----------------------------------------------------------------------------------------


@pytest.mark.promise("server: its statement_timeout and lock_timeout are told apart, and the session goes on")
async def test_limits_that_end_a_statement(flavour: Flavour, table: str, admin: psycopg.Connection[Any]) -> None:
    config = config_of(flavour, max_size=1, session_settings={"statement_timeout": "200", "lock_timeout": "20"})
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        with admin.transaction():
            admin.execute(f"lock table {table}".encode())
            with pytest.raises(OperationalError, match="lock timeout") as caught:
                await session.execute("insert into t values (1)")
        assert type(caught.value) is OperationalError
        with pytest.raises(QueryTimeoutError):
            await session.select("select pg_sleep(30)")
        await session.execute("insert into t values (2)")
        assert await session.select("select n from t", schema_type=int) == [2]
        assert await session.select_value(PID) == pid


@pytest.mark.promise("server: a session that its limits for transactions have ended is an error, and is replaced")
@pytest.mark.parametrize("setting", ["idle_in_transaction_session_timeout", "transaction_timeout"])
async def test_limits_that_end_a_session(
    flavour: Flavour, table: str, admin: psycopg.Connection[Any], setting: str
) -> None:
    config = config_of(flavour, max_size=1)
    async with config.provide_session() as session:
        await session.execute(f"set {setting} = '100ms'")
        await session.begin()
        await session.execute("insert into t values (1)")
        pid = await session.select_value(PID)
        await _until_gone(admin, pid)
        with pytest.raises(DatabaseConnectionError):
            await session.select_value("select 1")
        with pytest.raises((DatabaseConnectionError, TransactionError)):
            await session.commit()
    async with config.provide_session() as session:
        assert await session.select("select n from t") == []
        assert await session.select_value(PID) != pid
    await assert_whole(config, 1)


@pytest.mark.promise("server: an idle session that idle_session_timeout ended is replaced before it is used")
async def test_a_limit_for_idle_sessions(flavour: Flavour, admin: psycopg.Connection[Any], trusted_never: None) -> None:
    config = config_of(flavour, max_size=1, session_settings={"idle_session_timeout": "100"})
    for _ in range(2):
        async with config.provide_session() as session:
            pid = await session.select_value(PID)
        await _until_gone(admin, pid)
    assert config.stats().opened == 2


async def _until_gone(admin: psycopg.Connection[Any], pid: int) -> None:
    async with asyncio.timeout(10):
        while admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
            await asyncio.sleep(0.005)
