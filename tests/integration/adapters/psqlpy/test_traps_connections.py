"""Connections and listeners that psqlpy misjudges or loses, one trap a test: on the bare driver, then adapted.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around. What stops a process for good is shown in one of its own, which
is killed after a while.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import psqlpy
import psycopg
import pytest

from sqlspec.exceptions import ConnectionTimeoutError, DatabaseConnectionError, ImproperConfigurationError, SQLSpecError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")


async def rows_of(raw: Any, sql: str, *args: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = (await raw.fetch(sql, list(args))).result(None, True)
    return rows


async def until_gone(admin: psycopg.Connection[Any], pid: int) -> None:
    async with asyncio.timeout(10):
        while admin.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone():
            await asyncio.sleep(0.002)


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Any]:
    made = psqlpy.ConnectionPool(dsn=dsn, max_db_pool_size=2)
    yield made
    made.close()


# -- connections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("where", ["argument", "dsn"])
async def test_a_verified_connection_is_made_in_plain_text(dsn: str, flavour: Flavour, mode: str, where: str) -> None:
    member = getattr(psqlpy.SslMode, "VerifyCa" if mode == "verify-ca" else "VerifyFull")
    keys: dict[str, Any] = {"dsn": f"{dsn}?sslmode={mode}"} if where == "dsn" else {"dsn": dsn, "ssl_mode": member}
    raw = await psqlpy.connect(**keys)
    assert await rows_of(raw, "select ssl from pg_stat_ssl where pid = pg_backend_pid()") == [(False,)]
    raw.close()
    with pytest.raises(ImproperConfigurationError, match="would connect without TLS"):
        flavour.config_class(connection_config=keys)


async def test_a_pool_of_one_is_refused(dsn: str, flavour: Flavour) -> None:
    with pytest.raises(psqlpy.Error, match="must be more than 1"):
        psqlpy.ConnectionPool(dsn=dsn, max_db_pool_size=1)
    config = flavour.make_config(max_db_pool_size=1)
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1
        assert config.stats().size == 1


async def test_a_closed_connection_is_told_to_be_open(raw: Any, session: Any, admin: psycopg.Connection[Any]) -> None:
    assert raw.is_closed() is True  # it is open
    ((pid,),) = await rows_of(raw, "select pg_backend_pid()")
    admin.execute("select pg_terminate_backend(%s, 10000)", [pid])
    assert raw.is_closed() is True
    raw.close()
    assert raw.is_closed() is False

    pid = await session.select_value("select pg_backend_pid()")
    admin.execute("select pg_terminate_backend(%s, 10000)", [pid])
    with pytest.raises(DatabaseConnectionError):
        await session.select("select 1")


async def test_a_transaction_begun_by_a_statement_is_not_noticed(raw: Any, session: Any) -> None:
    await raw.execute_batch("begin")
    assert await raw.in_transaction() is False
    await raw.execute_batch("rollback")
    await session.begin()
    assert (session.in_transaction, session.driver.status()) == (True, "active")
    await session.rollback()
    assert (session.in_transaction, session.driver.status()) == (False, "idle")


async def test_settings_and_tables_stay_on_a_pooled_connection(pool: Any, flavour: Flavour) -> None:
    leave = "set work_mem = '5MB'; create temp table left_behind (); listen left_behind"
    look = """select current_setting('work_mem') as mem, to_regclass('pg_temp.left_behind') is null as gone,
        (select count(*) from pg_listening_channels()) as heard"""
    async with pool.acquire() as first:
        await first.execute_batch(leave)
    async with pool.acquire() as second:
        assert await rows_of(second, look) == [("5MB", False, 1)]
    config = flavour.make_config(max_size=1, reset="always")
    async with config.provide_connection() as connection:
        await connection.execute_batch(leave)
    async with config.provide_session() as session:
        usual = await session.select_value("select reset_val || 'kB' from pg_settings where name = 'work_mem'")
        await session.execute(f"set work_mem = '{usual}'")  # as the server writes it
        usual = await session.select_value("show work_mem")
        await session.execute("reset work_mem")
        assert await session.select_one(look) == {"mem": usual, "gone": True, "heard": 0}
    assert config.stats().opened == 1


async def test_a_silent_server_is_waited_for_in_spite_of_the_limit(flavour: Flavour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        keys: dict[str, Any] = {"host": "127.0.0.1", "port": port, "username": "u"}
        waiting = psqlpy.connect(**keys, connect_timeout_nanosec=200_000_000, connect_timeout_sec=0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 1)
        config = flavour.config_class(connection_config={**keys, "connect_timeout": 0.2})
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionTimeoutError):
                async with config.provide_session():
                    pass
        await config.close()


_FORKS = """
import asyncio, os, signal, sys, psqlpy

async def use():
    connection = await psqlpy.connect(dsn=sys.argv[1])
    await connection.fetch("select 1", [])

asyncio.run(use())
if (child := os.fork()) == 0:
    signal.alarm(3)  # ends it, whatever it waits for
    asyncio.run(use())
    os._exit(0)
print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGALRM, flush=True)
os._exit(0)  # or the driver's threads abort about one exit in six
"""


async def test_a_forked_process_waits_for_ever(dsn: str) -> None:
    """That the adapter says so is shown together with its other errors of connecting."""
    command = [sys.executable, "-c", _FORKS, dsn]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=True)
    assert ended.stdout == b"True\n"


# -- notifications -----------------------------------------------------------------------------------------------


class Heard:
    """What a callback of the driver was called with."""

    def __init__(self) -> None:
        self.payloads: list[str] = []
        self.changed = asyncio.Event()

    async def take(self, _connection: Any, payload: str, _channel: str, _pid: int) -> None:
        self.payloads.append(payload)
        self.changed.set()


async def heard_by(config: Any, admin: psycopg.Connection[Any], channel: str) -> str:
    async with config.listen(channel) as notes:
        admin.execute("select pg_notify(%s, 'ours')", [channel])
        async for note in notes:
            assert note.channel == channel
            return str(note.payload)
    raise AssertionError


async def started(pool: Any, channel: str, callback: Any) -> Any:
    listener = pool.listener()
    await listener.add_callback(channel, callback)
    await listener.startup()
    listener.listen()
    return listener


async def until_listening(admin: psycopg.Connection[Any], words: str) -> int:
    query = """
        select pid from pg_stat_activity
        where datname = current_database() and query ilike %s and state = 'idle' and pid <> pg_backend_pid()
    """
    async with asyncio.timeout(10):
        while (found := admin.execute(query, [f"%listen%{words}%"]).fetchone()) is None:
            await asyncio.sleep(0.01)
    return int(found[0])


async def test_a_channel_in_mixed_case_is_never_heard(pool: Any, config: Any, admin: psycopg.Connection[Any]) -> None:
    heard = Heard()
    listener = await started(pool, "MixedCase", heard.take)
    pid = await until_listening(admin, "MixedCase")
    admin.execute("select pg_notify('MixedCase', 'one'), pg_notify('mixedcase', 'two')")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.changed.wait(), 0.3)
    await listener.shutdown()
    admin.execute("select pg_terminate_backend(%s)", [pid])
    assert await heard_by(config, admin, "MixedCase") == "ours"


async def test_the_name_of_a_channel_is_run_as_sql(
    pool: Any, config: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    bare, ours = (f"x; create table {flavour.schema}.{name} ()" for name in ("bare", "ours"))
    listener = await started(pool, bare, Heard().take)
    await until_listening(admin, "x; create table")
    await listener.shutdown()
    look = "select to_regclass(%s) is null"
    assert admin.execute(look, [f"{flavour.schema}.bare"]).fetchone() == (False,)
    with pytest.raises(SQLSpecError):  # longer than a name may be, or a channel of that name
        assert await heard_by(config, admin, ours * 3)
    assert await heard_by(config, admin, ours[:63]) == "ours"
    assert admin.execute(look, [f"{flavour.schema}.ours"]).fetchone() == (True,)


async def test_a_callback_that_raises_ends_the_listener(pool: Any, config: Any, admin: psycopg.Connection[Any]) -> None:
    heard = Heard()

    async def broken(*args: Any) -> None:
        await heard.take(*args)
        raise ZeroDivisionError

    listener = await started(pool, "fragile", broken)
    await until_listening(admin, "fragile")
    admin.execute("select pg_notify('fragile', 'one')")
    await asyncio.wait_for(heard.changed.wait(), 5)
    heard.changed.clear()
    admin.execute("select pg_notify('fragile', 'two')")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.changed.wait(), 0.3)
    assert heard.payloads == ["one"]
    await listener.shutdown()

    with pytest.raises(ZeroDivisionError):  # ours has no callbacks: the reader sees its own error
        async with config.listen("fragile") as notes:
            admin.execute("select pg_notify('fragile', 'one')")
            async for _ in notes:
                raise ZeroDivisionError
    assert await heard_by(config, admin, "fragile") == "ours"


async def test_a_listener_whose_connection_was_lost_is_silent(
    pool: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    heard = Heard()
    listener = await started(pool, "cut", heard.take)
    pid = await until_listening(admin, "cut")
    admin.execute("select pg_terminate_backend(%s, 10000)", [pid])
    await until_gone(admin, pid)
    admin.execute("select pg_notify('cut', 'one')")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.changed.wait(), 0.3)
    await listener.shutdown()

    gap, name = asyncio.Event(), f"ear of {flavour.schema}"
    async with flavour.make_config(application_name=name).listen("cut", on_gap=gap.set) as notes:
        waiting = asyncio.ensure_future(anext(aiter(notes)))
        (pid,) = admin.execute("select pid from pg_stat_activity where application_name = %s", [name]).fetchone() or (
            0,
        )
        admin.execute("select pg_terminate_backend(%s, 10000)", [pid])
        await asyncio.wait_for(gap.wait(), 10)
        admin.execute("select pg_notify('cut', 'two')")
        assert (await asyncio.wait_for(waiting, 10)).payload == "two"
        assert notes.gaps == 1
