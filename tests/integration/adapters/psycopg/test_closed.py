"""Connections that are closed while somebody waits on them: the call fails, and nothing else is disturbed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import DatabaseConnectionError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

READING_WHILE_CLOSED = """
import sys, threading
from sqlspec.adapters.psycopg import PsycopgSyncConfig
from sqlspec.exceptions import DatabaseConnectionError

def read(config, ready, reading, ended):
    try:
        with config.provide_session() as session:
            ready.wait()
            while True:
                session.select("select repeat('x', 5000) as t from generate_series(1, 1000)")
                reading.release()
    except DatabaseConnectionError:
        ended.append(True)

for number in range(20):
    config = PsycopgSyncConfig({"dsn": sys.argv[1], "application_name": sys.argv[2], "max_size": 2})
    ready, reading, ended = threading.Barrier(3), threading.Semaphore(0), []
    threads = [threading.Thread(target=read, args=(config, ready, reading, ended), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    for _ in range(number):
        reading.acquire()
    config.close(timeout=0.001 * number)
    for thread in threads:
        thread.join(10)
    assert len(ended) == 2, "a thread still waits, or has ended otherwise"
"""


async def asleep(admin: psycopg.Connection[Any], name: str) -> None:
    """Wait until the server sleeps for a connection."""
    query = "select 1 from pg_stat_activity where application_name = %s and wait_event = 'PgSleep'"
    deadline = time.monotonic() + 10
    while admin.execute(query, [name]).fetchone() is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def end_sleep(flavour: Flavour, admin: psycopg.Connection[Any]) -> Iterator[None]:
    """The server does not notice that a client is gone before it has slept, or has more to send."""
    yield
    admin.execute(
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like %s",
        [f"% of {flavour.schema}"],
    )


async def test_a_call_whose_connection_is_closed_fails_and_others_go_on(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    """What is connected next gets the descriptor as soon as it is free; nobody may wait for that any more."""
    others = flavour.make_config(max_size=5)
    for number in range(5):
        name = f"{number} of {flavour.schema}"
        config = flavour.make_config(max_size=1, application_name=name)

        async def borrow(config: Any = config) -> None:
            async with config.provide_session() as session:
                await session.select("select pg_sleep(20)")

        async def use(value: int) -> Any:
            async with others.provide_session() as session:
                return await session.select_value("select $1::int from pg_sleep(0.02)", value)

        call = asyncio.ensure_future(borrow())
        await asleep(admin, name)
        await config.close(0.01)
        async with asyncio.timeout(10):
            assert await asyncio.gather(*map(use, range(5))) == [0, 1, 2, 3, 4]
            with pytest.raises(DatabaseConnectionError):
                await call


@pytest.mark.only("psycopg")
async def test_a_borrower_that_is_cancelled_while_a_call_runs_takes_no_descriptor_away(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"left of {flavour.schema}"
    config = flavour.make_config(max_size=2, application_name=name)
    calls: list[asyncio.Task[Any]] = []
    leaving = asyncio.Event()

    async def borrow() -> None:
        async with config.provide_session() as session:
            calls.append(asyncio.ensure_future(session.select("select pg_sleep(20)")))
            await asleep(admin, name)
            leaving.set()

    borrower = asyncio.ensure_future(borrow())
    await leaving.wait()
    borrower.cancel()
    await asyncio.gather(borrower, return_exceptions=True)
    async with asyncio.timeout(10):
        for number in range(3):
            async with config.provide_session() as session:
                assert await session.select_value("select $1::int from pg_sleep(0.01)", number) == number
        with pytest.raises(DatabaseConnectionError):
            await calls[0]


@pytest.mark.only("psycopg-sync")
async def test_closing_frees_nothing_that_another_thread_reads_from(flavour: Flavour, dsn: str) -> None:
    """It would take the process with it, so another one is used."""
    command = [sys.executable, "-c", READING_WHILE_CLOSED, dsn, f"reader of {flavour.schema}"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
