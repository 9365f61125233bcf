"""A server that stops, dies, comes back, stands still or has no room: what callers see, and that the pool recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.driver import _async_pool, _sync_pool
from sqlspec.exceptions import (
    CommitUnknownError,
    DatabaseConnectionError,
    OperationCancelledError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.faults.conftest import ADAPTERS, Server, until
from tests.integration.faults.own_server import PID, admin, assert_whole, config_of, dsn, sessions_of, table
from tests.integration.harness import Flavour, needs

__all__ = ("admin", "dsn", "table")  # fixtures

pytestmark = pytest.mark.only(*ADAPTERS)

LOST = (DatabaseConnectionError, CommitUnknownError)


def end_a_backend(server: Server) -> None:
    """Kill the server process of another client: the server then throws all clients out, as memory may be damaged."""
    with server.connect() as other:
        pid = other.info.backend_pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
        with pytest.raises(psycopg.OperationalError):
            other.execute("select 1")

    def accepts() -> bool:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    until(accepts)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


ENDS: dict[str, Callable[[Server], None]] = {
    "fast": lambda server: server.stop("fast"),
    "immediate": lambda server: server.stop("immediate"),
    "kill": lambda server: server.stop("kill"),
    "kill of a backend": end_a_backend,
}


# -- a server that goes and comes back ----------------------------------------------------------------------------


@pytest.mark.promise("server: the pool recovers by itself when a server that was stopped or killed is back")
@pytest.mark.promise("server: a write that was acknowledged outlives a crash, and one in an open transaction does not")
@pytest.mark.parametrize("how", ENDS)
async def test_a_server_that_ends_and_comes_back(
    flavour: Flavour, server: Server, table: str, trusted_never: None, how: str
) -> None:
    config = config_of(flavour, max_size=3)
    async with sessions_of(config, 3) as (idle, open_one, used):
        for session in (idle, open_one, used):
            await session.select_value("select 1")
        await used.execute("insert into t values (1)")
        await open_one.begin()
        await open_one.execute("insert into t values (2)")
        await asyncio.to_thread(ENDS[how], server)
        for session in (open_one, used):
            with pytest.raises(DatabaseConnectionError):
                await session.select_value("select 1")
    if how != "kill of a backend":
        for _ in range(4):  # more often than the pool has places
            with pytest.raises(DatabaseConnectionError):
                async with config.provide_session() as session:
                    await session.select_value("select 1")
        assert config.stats().size == 0
    await asyncio.to_thread(server.start)
    await assert_whole(config, 3)
    async with config.provide_session() as session:
        assert await session.select("select n from t", schema_type=int) == [1]


@pytest.mark.promise("server: sessions go on while a server waits for them to end, and new ones are refused")
async def test_a_server_that_waits_for_its_sessions(
    flavour: Flavour, server: Server, admin: psycopg.Connection[Any]
) -> None:
    admin.close()
    config = config_of(flavour, max_size=2)
    async with config.provide_session() as session:
        await session.select_value("select 1")
        server.stop("smart", wait=False)
        refused = server.refusal()
        assert await session.select_value("select 2") == 2
        with pytest.raises(DatabaseConnectionError, match=refused):
            async with config.provide_session():
                pass
        assert await session.select_value("select 3") == 3
    assert config.stats().size == 1
    await config.close()
    await asyncio.to_thread(server.wait)


# -- sessions that are ended, calls that are cancelled ------------------------------------------------------------

END = "pg_terminate_backend(pg_backend_pid())"


async def _stream(session: Any) -> None:
    rows = f"select n, case when n = 500 then {END} end from generate_series(1, 1000) n"
    async with session.select_stream(rows, chunk_size=100) as stream:
        async for _ in stream:
            pass


async def _transaction(session: Any) -> None:
    async with session.transaction():
        await session.execute("insert into t values (1)")
        await session.select(f"select {END}")


# Calls whose own session ends in the middle, so that no other thread has to end it.
ENDED: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "select": lambda s: s.select(f"select {END}"),
    "arrow": lambda s: s.select_to_arrow(f"select n, {END} from generate_series(1, 10) n"),
    "stream": _stream,
    "execute": lambda s: s.execute(f"insert into t select 1 from (select {END}) x"),
    "execute_many": lambda s: s.execute_many(
        f"insert into t select $1::int from (select case when $1::int = 50 then {END} end) x", list(range(100))
    ),
    "script": lambda s: s.execute_script(f"insert into t values (1); select {END}; insert into t values (2)"),
    "stack": lambda s: s.execute_stack(["insert into t values (1)", f"select {END}", "insert into t values (2)"]),
    "transaction": _transaction,
}


@pytest.mark.promise("server: a session that is terminated in the middle of a call is an error, and nothing is stored")
async def test_a_session_that_is_terminated(flavour: Flavour, table: str) -> None:
    config = config_of(flavour, max_size=1)
    for name, call in ENDED.items():
        async with config.provide_session() as session:
            await session.select_value("select 1")
            with pytest.raises(LOST) as caught:
                pytest.fail(f"{name}: no error, but {await call(session)!r}")
            with pytest.raises(DatabaseConnectionError, match="the connection was lost"):
                await session.select_value("select 1")
        if name == "select":  # inside a COPY some drivers do not read why the server goes
            assert "terminating connection due to administrator command" in str(caught.value), name
        assert config.stats().size == 0, name
    async with config.provide_session() as session:
        assert await session.select("select n from t") == []


@pytest.mark.promise("server: sessions terminated at random lose no acknowledged write and store none twice")
async def test_sessions_terminated_at_random(
    flavour: Flavour, admin: psycopg.Connection[Any], table: str, trusted_never: None
) -> None:
    config = config_of(flavour, max_size=4)
    ends = await _store_while(config, admin, "pg_terminate_backend(pid)", "true")
    stored = [n for (n,) in admin.execute(f"select n from {table}".encode())]
    assert len(stored) == len(set(stored)), "a write was made twice"
    assert {n for n, end in ends.items() if end is None} <= set(stored), "an acknowledged write was lost"
    failed = {n for n, end in ends.items() if type(end) is DatabaseConnectionError}
    assert not failed & set(stored), "a write is there that is told not to be"
    assert {type(end) for end in ends.values()} <= {type(None), DatabaseConnectionError, CommitUnknownError}
    await assert_whole(config, 4)


@pytest.mark.promise("server: a call that an administrator cancels says so, stores nothing, and the session goes on")
async def test_calls_cancelled_at_random(flavour: Flavour, admin: psycopg.Connection[Any], table: str) -> None:
    config = config_of(flavour, max_size=4)
    ends = await _store_while(config, admin, "pg_cancel_backend(pid)", "state = 'active'")
    stored = [n for (n,) in admin.execute(f"select n from {table}".encode())]
    assert sorted(stored) == sorted(n for n, end in ends.items() if end is None)
    assert {type(end) for end in ends.values()} <= {type(None), OperationCancelledError}
    await assert_whole(config, 4)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        with pytest.raises(OperationCancelledError):
            await session.select("select pg_cancel_backend(pg_backend_pid()), pg_sleep(30)")
        assert await session.select_value(PID) == pid


# By the server itself: the hand that holds a driver's lock on the interpreter would never strike during its calls.
HUNT = """
do $$ begin
    loop
        perform pg_sleep(0.001 + 0.009 * random());
        perform pg_stat_clear_snapshot();
        perform {call} from pg_stat_activity where application_name like 'server of%' and {where}
            order by random() limit 1;
    end loop;
end $$
"""


async def _store_while(
    config: Any, admin: psycopg.Connection[Any], call: str, where: str
) -> dict[int, BaseException | None]:
    """Store numbers while a function is called for the config's sessions; return how each attempt ended.

    It goes on until some were hit and some were not.
    """
    ends: dict[int, BaseException | None] = {}

    async def work(first: int) -> None:
        number = first
        while number < first + 12 or len({end is None for end in ends.values()}) < 2:
            try:
                async with config.provide_session() as session:
                    if number % 2:
                        await session.execute("insert into t select $1::int from pg_sleep(0.002)", number)
                    else:
                        async with session.transaction():
                            await session.execute("insert into t select $1::int from pg_sleep(0.002)", number)
                            await session.select_value("select count(*) from t")
                ends[number] = None
            except SQLSpecError as error:
                ends[number] = error
            number += 1

    hunt = asyncio.create_task(asyncio.to_thread(admin.execute, HUNT.format(call=call, where=where).encode()))
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(work(10_000 * number) for number in range(1, 9)))
    finally:
        while not hunt.done():
            admin.cancel_safe()
            await asyncio.wait((hunt,), timeout=0.1)
    with pytest.raises(psycopg.errors.QueryCanceled):
        await hunt
    return ends


# -- a server that stands still -----------------------------------------------------------------------------------


@pytest.fixture
def stopped() -> Iterator[Callable[[int], None]]:
    """Stop processes of the server; they go on when the test ends."""
    pids: list[int] = []

    def stop(pid: int) -> None:
        pids.append(pid)
        os.kill(pid, signal.SIGSTOP)

    yield stop
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    until(lambda: not any(map(alive, pids)))


@needs("concurrent_calls")
@pytest.mark.promise("server: a session whose process stands still holds nobody up beyond the limit, and is replaced")
async def test_a_session_that_stands_still(flavour: Flavour, stopped: Callable[[int], None], short_grace: None) -> None:
    config = config_of(flavour, max_size=1)
    async with config.provide_session() as session:
        stopped(await session.select_value(PID))
        async with asyncio.timeout(10):
            with pytest.raises(QueryTimeoutError, match="the server may still be working"):
                await session.select_value("select 1", timeout=0.2)
    await assert_whole(config, 1)


@needs("concurrent_calls")
@pytest.mark.promise("server: an idle session whose process stands still is replaced before it is used")
async def test_an_idle_session_that_stands_still(
    flavour: Flavour,
    stopped: Callable[[int], None],
    trusted_never: None,
    short_grace: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (_async_pool, _sync_pool):
        monkeypatch.setattr(module, "PING_LIMIT", 0.2)
    config = config_of(flavour, max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
    stopped(pid)
    async with asyncio.timeout(10), config.provide_session() as session:
        assert await session.select_value(PID) != pid
    await assert_whole(config, 1)
