"""One driver against another: one row by key as a dict, raw and through a session, in alternating blocks.

psycopg is there twice: as its manual calls it, `connection.execute()`, which makes a cursor for each call, and with one
cursor that is kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import asyncpg
import psqlpy
import psycopg
from psycopg.rows import dict_row
from pyro_postgres.async_ import Conn as AsyncConn
from pyro_postgres.sync import Conn

from benchmarks.harness import BLOCK, Row, alternate, alternate_async, rows_of
from benchmarks.overhead import NAMES, ONE, ONE_FORMAT, SETUP
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psqlpy import PsqlpyConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig, PsycopgSyncConfig
from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig, PyroPostgresSyncConfig

__all__ = ("measure_drivers", "measure_drivers_async")

CASE = f"one row by key, blocks of {BLOCK}"


def pyro_url(dsn: str) -> str:
    """Return the DSN for pyro-postgres; by default it would change over to the server's Unix socket."""
    return f"{dsn}{'&' if '?' in dsn else '?'}upgrade_to_unix_socket=no"


def measure_drivers(dsn: str, blocks: int) -> list[Row]:
    """Compare the synchronous drivers; the baseline is psycopg's `connection.execute()`."""
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(dsn, autocommit=True, row_factory=dict_row))
        cursor = connection.cursor(binary=True)
        pyro = Conn(pyro_url(dsn))
        stack.callback(pyro.close)
        statement = pyro.prepare(ONE)
        calls: dict[str, Callable[[], Any]] = {
            "psycopg": lambda: connection.execute(ONE_FORMAT, (5,), prepare=True, binary=True).fetchall(),
            "psycopg again (A/A)": lambda: connection.execute(ONE_FORMAT, (5,), prepare=True, binary=True).fetchall(),
            "psycopg, one cursor kept": lambda: cursor.execute(ONE_FORMAT, (5,), prepare=True).fetchall(),
            "pyro-postgres": lambda: [dict(zip(NAMES, row, strict=True)) for row in pyro.exec(statement, (5,))],
        }
        for name, kind in (("psycopg", PsycopgSyncConfig), ("pyro-postgres", PyroPostgresSyncConfig)):
            config: Any = stack.enter_context(kind(connection_config={"dsn": dsn, "max_size": 1}))
            session = stack.enter_context(config.provide_session())
            session.execute_script(SETUP)
            calls[f"sqlspec on {name}"] = _select(session)
        return rows_of(CASE, "sync", alternate(calls, blocks))


async def measure_drivers_async(dsn: str, blocks: int) -> list[Row]:
    """Compare the asynchronous drivers; the baseline is a prepared statement of asyncpg."""
    async with AsyncExitStack() as stack:
        calls: dict[str, Callable[[], Awaitable[Any]]] = {}
        ours: dict[str, Callable[[], Awaitable[Any]]] = {}
        kinds: tuple[tuple[str, Any], ...] = (
            ("asyncpg", AsyncpgConfig),
            ("psycopg", PsycopgAsyncConfig),
            ("psqlpy", PsqlpyConfig),
            ("pyro-postgres", PyroPostgresAsyncConfig),
        )
        for name, kind in kinds:
            config: Any = await stack.enter_async_context(kind(connection_config={"dsn": dsn, "max_size": 1}))
            session = await stack.enter_async_context(config.provide_session())
            if not ours:
                await session.execute_script(SETUP)
            ours[f"sqlspec on {name}"] = _select(session)
        one = await asyncpg.connect(dsn)
        stack.push_async_callback(one.close)
        prepared = await one.prepare(ONE)

        async def with_asyncpg() -> Any:
            return [dict(record) for record in await prepared.fetch(5)]

        calls["asyncpg"] = calls["asyncpg again (A/A)"] = with_asyncpg
        two = await stack.enter_async_context(await psycopg.AsyncConnection.connect(dsn, autocommit=True))
        cursor = two.cursor(binary=True, row_factory=dict_row)

        async def with_psycopg() -> Any:
            await cursor.execute(ONE_FORMAT, (5,), prepare=True)
            return await cursor.fetchall()

        calls["psycopg"] = with_psycopg
        three = await psqlpy.connect(dsn)
        stack.callback(three.close)

        async def with_psqlpy() -> Any:
            rows: Any = (await three.fetch(ONE, [5])).result(as_tuple=True)
            return [dict(zip(NAMES, row, strict=True)) for row in rows]

        calls["psqlpy"] = with_psqlpy
        four = await AsyncConn.new(pyro_url(dsn))
        stack.push_async_callback(four.close)
        statement = await four.prepare(ONE)

        async def with_pyro() -> Any:
            return [dict(zip(NAMES, row, strict=True)) for row in await four.exec(statement, (5,))]

        calls["pyro-postgres"] = with_pyro
        return rows_of(CASE, "async", await alternate_async(calls | ours, blocks))


def _select(session: Any) -> Callable[[], Any]:
    return lambda: session.select(ONE, 5)
