"""asyncpg writes, and the connection is lost: on the bare driver, then through the adapter."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import psycopg
import pyarrow as pa
import pytest

from sqlspec.exceptions import DatabaseConnectionError, OperationCancelledError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg")

TEXTS = ["go", "wait", *("x" * 10_000 for _ in range(2000))]
INSERT = "insert into t values ($1)"
TABLE = """
create temp table t (a text);
create function pg_temp.waits() returns trigger language plpgsql as $$ begin perform pg_sleep(600); end $$;
create trigger waits before insert on t for each row when (new.a = 'wait') execute function pg_temp.waits();
"""


async def until_it_waits(connection: asyncpg.Connection, call: asyncio.Future[Any]) -> None:
    """Wait until asyncpg waits for the server to take what it has written."""
    transport = connection._transport
    while transport.get_write_buffer_size() <= transport.get_write_buffer_limits()[1]:
        assert not call.done(), await call
        await asyncio.sleep(0.001)


async def lose(admin: psycopg.Connection[Any], connection: asyncpg.Connection, call: asyncio.Future[Any]) -> None:
    """Lose the connection when it does."""
    await until_it_waits(connection, call)
    admin.execute("select pg_terminate_backend(%s, 5000)", [connection.get_server_pid()])


def fill_soon(connection: asyncpg.Connection) -> None:
    connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def pieces() -> AsyncIterator[bytes]:
    for text in TEXTS:
        yield text.encode() + b"\n"


def rows() -> Iterator[tuple[str]]:
    return ((text,) for text in TEXTS)


@pytest.mark.parametrize(
    "call",
    [lambda raw: raw.copy_to_table("t", source=pieces()), lambda raw: raw.executemany(INSERT, rows())],
    ids=["copy_to_table", "executemany"],
)
async def test_the_driver_waits_for_ever(raw: Any, admin: psycopg.Connection[Any], call: Any) -> None:
    await raw.execute(TABLE)
    fill_soon(raw)
    task = asyncio.ensure_future(call(raw))
    await lose(admin, raw, task)
    _, waiting = await asyncio.wait((task,), timeout=1)
    assert waiting
    assert raw.is_closed()
    raw._protocol.resume_writing()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await task


CALLS = pytest.mark.parametrize(
    "call",
    [
        lambda session: session.load_from_arrow("t", pa.table({"a": TEXTS})),
        lambda session: session.execute_many(INSERT, rows()),
        lambda session: session.execute_many(INSERT + " returning a", rows()),
    ],
    ids=["load_from_arrow", "execute_many", "returning"],
)


@CALLS
async def test_the_adapter_does_not(session: Any, admin: psycopg.Connection[Any], call: Any) -> None:
    await session.execute_script(TABLE)
    connection = session.driver.connection
    fill_soon(connection)
    task = asyncio.ensure_future(call(session))
    await lose(admin, connection, task)
    async with asyncio.timeout(10):
        with pytest.raises(DatabaseConnectionError):
            await task


@CALLS
@pytest.mark.parametrize("way", ["terminated", "with its pool"])
async def test_a_connection_that_is_closed_from_here(
    flavour: Flavour, admin: psycopg.Connection[Any], call: Any, way: str
) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.execute_script(TABLE)
        connection = session.driver.connection
        pid = connection.get_server_pid()
        fill_soon(connection)
        task = asyncio.ensure_future(call(session))
        await until_it_waits(connection, task)
        if way == "terminated":
            connection.terminate()
        else:
            await config.close(timeout=0.01)
        async with asyncio.timeout(10):
            with pytest.raises((DatabaseConnectionError, OperationCancelledError)):
                await task
    # Who terminates a connection cancels nothing, and the server does not look whether its client is there.
    admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
