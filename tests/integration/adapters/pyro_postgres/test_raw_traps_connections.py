"""Connecting with pyro-postgres, and cancelling its calls: on the bare driver, and through the adapter.

A test that fails in its first half tells of a release that has changed the driver: the adapter's way around may go.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyro_postgres
import pytest
from psycopg import sql
from pyro_postgres import async_
from pyro_postgres.error import PostgresError
from pyro_postgres.sync import Conn

from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig
from sqlspec.exceptions import (
    DatabaseConnectionError,
    DataError,
    ImproperConfigurationError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.adapters.pyro_postgres.raw_driver import raw_url
from tests.integration.harness import Flavour
from tests.integration.loopback import Silent

pytestmark = pytest.mark.only("pyro", "pyro-sync")

SECRET = "hunter-2-hunter"
PROTOCOL_3_2 = 3 << 16 | 2


@pytest.fixture
def raw(dsn: str) -> Iterator[Any]:
    connection: Any = Conn(raw_url(dsn))  # the driver's stubs are written for a later Python
    yield connection
    connection.close()


async def opened(url: str) -> Any:
    native: Any = async_.Conn
    return await native.new(url)


@pytest.fixture
async def waiting(dsn: str) -> AsyncIterator[Any]:
    connection = await opened(raw_url(dsn))
    yield connection
    await connection.close()
    await asyncio.sleep(0.02)  # the driver's thread lets go of it, see the end of a process


async def asked(session: Any) -> list[Any]:
    return [await session.select_value(f"select {number}") for number in (41, 42)]


# -- connecting ----------------------------------------------------------------------------------------------


@pytest.fixture
def humble(dsn: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """Address for a role that may not read every setting."""
    role = f"humble_{admin.info.backend_pid}"
    name = sql.Identifier(role)
    admin.execute(sql.SQL("create role {} login password {}").format(name, sql.Literal(SECRET)))
    server = urlsplit(dsn)
    yield server._replace(netloc=f"{role}:{SECRET}@{server.hostname}:{server.port}").geturl()
    admin.execute(sql.SQL("drop role {}").format(name))


async def test_a_connection_of_a_humble_role_is_behind_from_its_birth(humble: str, flavour: Flavour) -> None:
    connection: Any = Conn(humble)
    assert [connection.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    connection.close()
    other = await opened(humble)
    assert [await other.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    await other.close()
    config = flavour.make_config(dsn=humble, session_settings={"search_path": "public"})
    async with config, config.provide_session() as session:
        assert await asked(session) == [41, 42]
    await config.close()


async def test_the_driver_goes_to_the_socket_that_the_server_names(
    dsn: str, session: Any, admin: psycopg.Connection[Any]
) -> None:
    (directories,) = admin.execute("show unix_socket_directories").fetchone() or ("",)
    server = urlsplit(dsn)
    files = [Path(name.strip(), f".s.PGSQL.{server.port}") for name in directories.split(",") if name.strip()]
    # A server without sockets, or with those of another machine, gives the driver nowhere to go.
    reachable = server.hostname in ("127.0.0.1", "localhost") and any(file.exists() for file in files)
    where = "select (inet_client_addr() is null)::text"
    connection: Any = Conn(dsn)
    assert connection.query_first(where) == (str(reachable).lower(),)
    connection.close()
    assert await session.select_value(where) == "false"


class Old(Silent):
    """Answers like a server of protocol 3.0 and notes the code of each first message."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[int] = []

    def serve(self, connection: socket.socket) -> None:
        head = connection.recv(8, socket.MSG_WAITALL)
        if not head:
            return
        size, code = struct.unpack("!ii", head)
        self.codes.append(code)
        connection.recv(size - 8, socket.MSG_WAITALL)
        connection.sendall(b"v" + struct.pack("!iii", 12, 3 << 16, 0))  # NegotiateProtocolVersion


@pytest.mark.only("pyro")
async def test_older_servers_are_refused(flavour: Flavour) -> None:
    with Old() as server:
        with pytest.raises(PostgresError, match=r"does not support protocol 3\.2 \(requires PostgreSQL 17\+\)"):
            await opened(f"postgres://u@127.0.0.1:{server.port}/d?upgrade_to_unix_socket=no")
        assert server.codes == [PROTOCOL_3_2]
        config = PyroPostgresAsyncConfig({"host": "127.0.0.1", "port": server.port, "user": "u", "connect_timeout": 5})
        with pytest.raises(DatabaseConnectionError, match="needs PostgreSQL 18; use another adapter"):
            await config.connect()


@pytest.mark.only("pyro")
async def test_encryption_is_not_even_asked_for(dsn: str, flavour: Flavour) -> None:
    with Old() as server:
        url = f"postgres://u@127.0.0.1:{server.port}/d?upgrade_to_unix_socket=no&sslmode="
        with pytest.raises(PostgresError, match="protocol"):
            await opened(f"{url}prefer")
        assert server.codes == [PROTOCOL_3_2]  # and no SSLRequest before it
        with pytest.raises(PostgresError, match="TLS feature not enabled"):
            await opened(f"{url}require")
    with pytest.raises(ImproperConfigurationError, match="built without TLS"):
        flavour.make_config(sslmode="require")
    assert flavour.spec.capabilities.tls.level == "no"
    assert "plain text" in flavour.spec.capabilities.tls.reason


async def test_unknown_keys_go_to_the_server(dsn: str, flavour: Flavour) -> None:
    connection: Any = Conn
    with pytest.raises(PostgresError, match="connect_timeout"):
        connection(f"{raw_url(dsn)}&connect_timeout=3")
    config = flavour.make_config(connect_timeout=3)
    async with config, config.provide_session() as session:
        assert await session.select_value("select 1") == 1
    with pytest.raises(ImproperConfigurationError, match="no_such_key"):
        flavour.make_config(no_such_key="3")


async def test_another_encoding_is_accepted_and_not_understood(dsn: str, flavour: Flavour) -> None:
    connection: Any = Conn(f"{raw_url(dsn)}&client_encoding=LATIN1")
    assert connection.query("select octet_length('é')") == [(4,)]  # two characters of two bytes each
    with pytest.raises(PostgresError, match="utf-8"):
        connection.query("select chr(233)")
    connection.close()
    for keys in ({"client_encoding": "LATIN1"}, {"session_settings": {"client_encoding": "LATIN1"}}):
        with pytest.raises(ImproperConfigurationError, match="UTF8"):
            flavour.make_config(keys)


async def test_the_password_is_shown(dsn: str, flavour: Flavour) -> None:
    url = urlsplit(dsn)._replace(netloc=f"u:{SECRET}@127.0.0.1:1").geturl()
    make: Any = pyro_postgres.Opts
    assert SECRET in repr(make(url))
    config = flavour.make_config(dsn=url)
    with pytest.raises(DatabaseConnectionError) as caught:
        async with config.provide_session():
            pass
    assert SECRET not in f"{config!r} {caught.value!r} {caught.value.__cause__!r}"


async def test_a_connection_does_not_tell_that_it_is_lost(
    raw: Any, session: Any, admin: psycopg.Connection[Any], config: Any
) -> None:
    assert not [name for name in dir(raw) if "closed" in name or "status" in name]
    admin.execute("select pg_terminate_backend(%s, 10000)", (raw.id(),))
    with pytest.raises(PostgresError, match="FATAL"):
        raw.query("select 1")
    pid = await session.select_value("select pg_backend_pid()")
    admin.execute("select pg_terminate_backend(%s, 10000)", (pid,))
    with pytest.raises(DatabaseConnectionError):
        await session.select_value("select 1")
    async with config.provide_session() as another:
        assert await another.select_value("select pg_backend_pid()") != pid


# -- waiting -------------------------------------------------------------------------------------------------


async def test_no_other_thread_runs_during_a_call(raw: Any, session: Any, flavour: Flavour) -> None:
    ticks: list[float] = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.monotonic()
    raw.query_drop("select pg_sleep(0.2)")
    ended = time.monotonic()
    inside = [moment for moment in ticks if begun + 0.05 < moment < ended - 0.05]
    assert not inside
    if not flavour.is_sync:  # where the driver is synchronous the adapter can only say so
        begun = time.monotonic()
        await session.execute("select pg_sleep(0.2)")
        assert [moment for moment in ticks if begun + 0.05 < moment < begun + 0.15]
    stop.set()
    thread.join()
    cancel = flavour.spec.capabilities.cancel
    assert (cancel.level == "no") == flavour.is_sync
    with pytest.raises(QueryTimeoutError):
        await session.execute("select pg_sleep(10)", timeout=0.05)


@pytest.mark.only("pyro")
async def test_a_statement_runs_on_after_its_time(waiting: Any, session: Any) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    await waiting.query_drop("create temp table slow (a int)")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await waiting.query_drop("select pg_sleep(0.1); insert into slow values (1)")
    assert await waiting.query("select count(*) from slow") == [(1,)]
    assert [type(error) for error in complaints] == [asyncio.InvalidStateError]
    complaints.clear()
    await session.execute("create temp table slow (a int)")
    with pytest.raises(QueryTimeoutError):
        await session.execute("insert into slow select 1 from pg_sleep(0.2)", timeout=0.03)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await session.execute("insert into slow select 1 from pg_sleep(0.2)")
    assert await session.select_value("select count(*) from slow") == 0
    assert not complaints


@pytest.mark.only("pyro")
async def test_a_call_that_is_cancelled_at_once_runs_all_the_same(waiting: Any, session: Any) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    await waiting.query_drop("create temp table eager (a int)")
    assert waiting.query_drop("insert into eager values (1)").cancel()
    assert await waiting.query("select count(*) from eager") == [(1,)]
    await session.execute("create temp table eager (a int)")
    task = asyncio.create_task(session.execute("insert into eager values (1)"))
    task.cancel()
    await asyncio.wait((task,))
    assert await session.select_value("select count(*) from eager") == 0


@pytest.mark.only("pyro")
async def test_the_error_of_a_cancelled_call_is_seen_by_nobody(waiting: Any, session: Any) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    failing = "select pg_sleep(0.1), 1 / (random() < 2)::int / (random() > 2)::int"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await waiting.query(failing)
    assert [await waiting.query(f"select {number}") for number in (41, 42)] == [[], [(41,)]]
    for moment in (0, 0.002, 0.03, 0.11):
        with pytest.raises((TimeoutError, DataError)):
            async with asyncio.timeout(moment):
                await session.execute(failing)
        assert await asked(session) == [41, 42]


@pytest.mark.only("pyro")
async def test_an_error_shifts_the_answers_of_other_tasks(waiting: Any, session: Any) -> None:
    calls = [waiting.query("select 1 / 0"), *(waiting.query(f"select {number}") for number in range(20))]
    found = await asyncio.gather(*calls, return_exceptions=True)
    found.append(await waiting.query("select 20"))
    assert found[1:] != [[(number,)] for number in range(21)]
    for number in range(5):
        with pytest.raises(SQLSpecError):
            await session.execute("select 1 / 0")
        assert await session.select_value("select $1::int4", number) == number


@pytest.mark.only("pyro")
async def test_a_pipeline_ends_with_its_first_error(waiting: Any, session: Any) -> None:
    async with waiting.pipeline() as pipeline:
        tickets = [pipeline.exec("select 1"), pipeline.exec("select 1 / 0"), pipeline.exec("select 3")]
        await pipeline.sync()
        assert await pipeline.claim_one(tickets[0]) == (1,)
        with pytest.raises(PostgresError):
            await pipeline.claim_one(tickets[1])
        with pytest.raises(pyro_postgres.error.IncorrectApiUsageError, match="Pipeline not entered"):
            await pipeline.claim_one(tickets[2])
    with pytest.raises(DataError):
        await session.execute_stack(["select 1", "select 1 / 0", "select 3"])
    assert await asked(session) == [41, 42]
