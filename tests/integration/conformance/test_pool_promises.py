"""What the pool promises to those who wait, who borrow and who close, on every driver."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import (
    DataError,
    OperationalError,
    OperationCancelledError,
    PoolTimeoutError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.harness import FLAVOURS, Flavour, needs

PID = "select pg_backend_pid()"

every_flavour = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens elsewhere."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)


def backends(admin: psycopg.Connection[Any], name: str) -> set[int]:
    """Return the process IDs of the server for connections of that application name."""
    found = admin.execute("select pid from pg_stat_activity where application_name = %s", [name]).fetchall()
    return {pid for (pid,) in found}


def is_waiting(config: Any, count: int) -> bool:
    return bool(config.stats().waiting == count)


async def pid_of(config: Any) -> int:
    async with config.provide_session() as session:
        pid: int = await session.select_value(PID)
        return pid


class Torn(BaseException):
    """Thrown into a thread by a signal, as a keyboard interrupt is."""


def wait_and_be_torn_out(config: Any) -> None:
    """Wait for a connection in the main thread, until a signal ends that."""

    def tear(*_: object) -> None:
        raise Torn

    def send_signal() -> None:
        while not config.stats().waiting:
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, tear)
    try:
        threading.Thread(target=send_signal, daemon=True).start()
        with pytest.raises(Torn):
            config.provide_session().__enter__()
    finally:
        signal.signal(signal.SIGUSR1, before)


# -- waiting --------------------------------------------------------------------------------------------------


@every_flavour
@pytest.mark.promise("pool: those who wait are served in the order in which they came")
async def test_waiters_are_served_in_order(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    served: list[int] = []

    async def wait(number: int) -> None:
        async with config.provide_session() as session:
            served.append(await session.select_value("select $1::int", number))

    tasks = []
    async with config.provide_session():
        for number in range(8):
            tasks.append(asyncio.create_task(wait(number)))
            await until(partial(is_waiting, config, number + 1))
    await asyncio.gather(*tasks)
    assert served == list(range(8))


@every_flavour
@pytest.mark.promise("pool: waiting for a connection ends in time, and says how long it was and how many wait")
async def test_waiting_in_vain_ends_in_time(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1, acquire_timeout=0.2)

    async def wait() -> str:
        with pytest.raises(PoolTimeoutError) as caught:
            await pid_of(config)
        return str(caught.value)

    async with config.provide_session() as session:
        start = time.monotonic()
        texts = await asyncio.gather(*(asyncio.create_task(wait()) for _ in range(3)))
        assert 0.2 <= time.monotonic() - start < 3
        assert await session.select_value("select 1") == 1
    said = [
        re.match(r"no connection became free within 0\.2 s: 1 in use, (\d) others waiting, max_size=1;", text)
        for text in texts
    ]
    assert sorted(found[1] for found in said if found) == ["0", "1", "2"]
    assert (config.stats().timeouts, config.stats().waiting) == (3, 0)


@every_flavour
@pytest.mark.promise("pool: a cancelled waiter takes nothing with it")
async def test_a_cancelled_waiter_takes_nothing_with_it(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        if flavour.is_sync:
            wait_and_be_torn_out(config._target)
        else:
            waiting = asyncio.create_task(pid_of(config))
            await until(lambda: config.stats().waiting == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert config.stats().waiting == 0
    assert await pid_of(config) == pid
    assert (config.stats().opened, config.stats().size) == (1, 1)


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.promise("pool: a cancelled waiter takes nothing with it")
async def test_a_waiter_cancelled_with_a_connection_in_hand_passes_it_on(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        cancelled, patient = (asyncio.create_task(pid_of(config)) for _ in range(2))
        await until(lambda: config.stats().waiting == 2)
    assert config.stats().waiting == 1, "the first has been given the connection, and has not run yet"
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await patient == pid
    assert config.stats().opened == 1


# -- borrowing ------------------------------------------------------------------------------------------------


@every_flavour
@pytest.mark.promise("pool: a cancelled borrower leaves nothing behind and takes nothing with it")
@pytest.mark.parametrize("how", ["session", "transaction", "connection"])
async def test_a_cancelled_borrower(flavour: Flavour, admin: psycopg.Connection[Any], how: str) -> None:
    admin.execute(f"create table {flavour.schema}.t (n int)".encode())
    config = flavour.make_config(max_size=1)
    pid = await pid_of(config)
    borrowed = asyncio.Event()

    async def borrow() -> None:
        if how == "connection":
            async with config.provide_connection():
                borrowed.set()
                await asyncio.Event().wait()
        async with config.provide_session() as session:
            await session.execute("set work_mem = '77MB'")
            async with session.transaction() if how == "transaction" else contextlib.nullcontext():
                await session.execute("insert into t values (1)")
                borrowed.set()
                await asyncio.Event().wait()

    for _ in range(3):
        borrowed.clear()
        task = asyncio.create_task(borrow())
        await borrowed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with config.provide_session() as session:
        assert await session.select_value(PID) == pid
        assert await session.select_value("select current_setting('work_mem') <> '77MB'")
        assert await session.select_value("select count(*) from t") == (3 if how == "session" else 0)
    assert (config.stats().opened, config.stats().size) == (1, 1)


LEFT = "select coalesce(current_setting('app.mark', true), '')"


async def end(flavour: Flavour, session: Any, how: str) -> None:
    """Set something for the rest of the session by a call that does not end well."""
    last = "select 1 / 0" if how == "an error" else "select pg_sleep(5)"
    text = f"begin; set app.mark = 'x'; commit; {last}"
    if how in ("an error", "a limit"):
        with pytest.raises(DataError if how == "an error" else QueryTimeoutError):
            await session.execute_script(text, timeout=None if how == "an error" else 0.1)
        return
    task = asyncio.create_task(session.execute_script(text))
    await asyncio.sleep(0.05)
    if flavour.is_sync:  # nothing cancels a thread
        await session.cancel()
    else:
        task.cancel()
    with pytest.raises((asyncio.CancelledError, OperationCancelledError)):
        await task


@every_flavour
@pytest.mark.parametrize("how", ["an error", "a limit", pytest.param("an interruption", marks=needs("cancel"))])
@pytest.mark.promise("pool: no setting, role, lock, table or transaction passes from one borrower to the next")
async def test_what_a_call_has_left_that_was_stopped_does_not_pass_on(flavour: Flavour, how: str) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        await end(flavour, session, how)
        assert await session.select_value(LEFT) == "x", "it is there for the session that has set it"
    async with config.provide_session() as session:
        assert await session.select_value(LEFT) == ""
        assert await session.select_value(PID) == pid, "a new connection is clean by itself"


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.promise("pool: no setting, role, lock, table or transaction passes from one borrower to the next")
async def test_a_setting_that_is_given_up_at_any_moment_does_not_pass_on(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    given_up = 0
    for ticks in range(20):
        async with config.provide_session() as session:
            assert await session.select_value(LEFT) == "", ticks
            task = asyncio.create_task(session.execute("set app.mark = 'x'"))
            for _ in range(ticks // 2):
                await asyncio.sleep(0.0001 * (ticks % 2))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            given_up += task.cancelled()
    assert given_up > 0


# Calls that must say that the session is not theirs any more; the name in front is in the message.
CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "select": lambda s: s.select("select 1"),
    "select_value": lambda s: s.select_value("select 1"),
    "execute": lambda s: s.execute("select 1"),
    "execute_many": lambda s: s.execute_many("select $1::int", [1]),
    "execute_script": lambda s: s.execute_script("select 1; select 2"),
    "execute_stack": lambda s: s.execute_stack(["select 1"]),
    "begin": lambda s: s.begin(),
    "transaction": lambda s: s.transaction().__aenter__(),
}


@every_flavour
@pytest.mark.promise("pool: a session that was given back says so, and sends nothing")
async def test_use_after_the_return(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as gone:
        pid = await gone.select_value(PID)
    async with config.provide_session() as session:
        await session.execute("create temp table mine as select 1 as n")
        for name, call in CALLS.items():
            with pytest.raises(OperationalError, match=rf"cannot call {name}\(\): the session was closed"):
                await call(gone)
        assert await session.select_value(f"select n from mine where {pid} = pg_backend_pid()") == 1


@every_flavour
@pytest.mark.promise("pool: a config that was closed says so")
async def test_use_after_the_close(flavour: Flavour) -> None:
    config = flavour.make_config()
    await pid_of(config)
    await config.close()
    await config.close()
    for scope in (config.provide_session(), config.provide_connection(), config):
        with pytest.raises(OperationalError, match="cannot take a connection: the pool is closed; make a new config"):
            await scope.__aenter__()
    assert config.stats().size == 0


# -- age ------------------------------------------------------------------------------------------------------


@every_flavour
@pytest.mark.promise("pool: a connection that nobody needs is closed after max_idle, down to min_size")
async def test_idle_connections_are_closed(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"pool of {flavour.schema}"
    config = flavour.make_config(max_size=4, min_size=1, max_idle=0.1, application_name=name)
    async with config.provide_session(), config.provide_session(), config.provide_session():
        assert len(backends(admin, name)) == 3
    await until(lambda: len(backends(admin, name)) == 1)
    await until(lambda: config.stats() == (1, 1, 0, 0, 0, 3, 2, 0))
    assert {await pid_of(config)} == backends(admin, name)


# -- the end --------------------------------------------------------------------------------------------------


@every_flavour
@pytest.mark.promise("pool: closing refuses new callers, waits for borrowers and leaves no connection")
async def test_closing_waits_for_borrowers(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"pool of {flavour.schema}"
    config = flavour.make_config(max_size=2, application_name=name)
    await asyncio.gather(*(asyncio.create_task(pid_of(config)) for _ in range(2)))
    async with config.provide_session() as session:
        await session.begin()
        closing = asyncio.create_task(config.close(60.0))
        await until(lambda: config.stats().size == 1)
        with pytest.raises(OperationalError, match="the pool is closed"):
            await pid_of(config)
        assert await session.select_value("select 1") == 1
        await session.commit()
        assert not closing.done()
    await closing
    assert config.stats().size == 0
    await until(lambda: not backends(admin, name))


@every_flavour
@pytest.mark.promise("pool: those who wait for a connection are told when the pool is closed")
async def test_closing_tells_those_who_wait(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1, acquire_timeout=60.0)
    async with config.provide_session():
        waiting = asyncio.create_task(pid_of(config))
        await until(lambda: config.stats().waiting == 1)
        closing = asyncio.create_task(config.close(60.0))
        with pytest.raises(OperationalError, match="the pool is closed"):
            await waiting
    await closing


# -- event loops ----------------------------------------------------------------------------------------------

TAKING = (
    "cannot take a connection: the pool was opened in another event loop or process; close it there, and use one "
    "config per loop and process"
)
CLOSING = "cannot close the pool: it was opened in another event loop, which is not closed; close it there"


async def outcome(call: Awaitable[Any]) -> str:
    try:
        return str(await call)
    except SQLSpecError as error:
        return str(error)


@every_flavour
@pytest.mark.promise(
    "pool: a change of the event loop mixes nothing up: a sync config works on, an async one says where it belongs"
)
async def test_another_event_loop_beside_the_first(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=2)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)

        async def elsewhere() -> list[str]:
            said = [await outcome(pid_of(config))]
            if not flavour.is_sync:
                said.append(await outcome(config.close()))
            return said

        said = await asyncio.to_thread(asyncio.run, elsewhere())
        if flavour.is_sync:
            assert said[0].isdigit()
        else:
            assert said == [TAKING, CLOSING]
        assert await session.select_value(PID) == pid
    assert await pid_of(config) > 0


@every_flavour
@pytest.mark.promise(
    "pool: a change of the event loop mixes nothing up: a sync config works on, an async one says where it belongs"
)
async def test_a_session_in_another_event_loop(flavour: Flavour) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        calls: dict[str, Callable[[], Any]] = {
            "select": lambda: session.select("select 1 as a"),
            "execute": lambda: session.execute("select 1 as a"),
            "execute_many": lambda: session.execute_many("select $1::int4", [(1,)]),
            "execute_script": lambda: session.execute_script("select 1"),
            "execute_stack": lambda: session.execute_stack(["select 1 as a"]),
        }
        if not flavour.is_sync:  # whose transactions belong to a thread, and not to an event loop
            calls["begin"] = session.begin

        async def elsewhere() -> dict[str, str]:
            said = {}
            for method, call in calls.items():
                try:
                    said[method] = str(await call())
                except OperationalError as error:
                    said[method] = str(error)
            return said

        said = await asyncio.to_thread(asyncio.run, elsewhere())
        if flavour.is_sync:
            assert not any("event loop" in answer for answer in said.values())
        else:
            where = "the session was opened in another event loop; use one config per loop"
            assert said == {method: f"cannot call {method}(): {where}" for method in calls}
        assert await session.select("select 1 as a") == [{"a": 1}]


@every_flavour
@pytest.mark.promise("pool: what an event loop that is gone has left open can be closed from the next one")
async def test_an_event_loop_that_is_gone(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"pool of {flavour.schema}"
    config = flavour.make_config(max_size=2, application_name=name)
    scopes: list[Any] = []

    async def use() -> None:
        await asyncio.gather(*(asyncio.create_task(pid_of(config)) for _ in range(2)))
        scopes.append(config.provide_session())
        await (await scopes[0].__aenter__()).select("select 1")

    await asyncio.to_thread(asyncio.run, use())
    assert backends(admin, name)
    if not flavour.is_sync:
        assert await outcome(pid_of(config)) == TAKING
    await config.close(0.1)
    await until(lambda: not backends(admin, name))
    assert config.stats().size == 0
    assert await outcome(pid_of(config)) == "cannot take a connection: the pool is closed; make a new config"
