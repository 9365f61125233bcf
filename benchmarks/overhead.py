"""What a session adds to its driver: one row by key, a thousand rows mapped, and a pool checkout.

Baselines are the fastest public call of the raw driver that gives the same rows: asyncpg a prepared statement's
`fetch`, psycopg one reused binary cursor, psqlpy `fetch` and its rows as tuples, pyro-postgres `exec` of a prepared
statement. They run on the session's own backend, but for rows with a timestamp: there the package puts its own decoder
into the connection, so the baseline has a connection of its own. pyro-postgres is left out there, because it misreads
the type.
"""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
import psycopg
from psycopg.rows import dict_row, tuple_row

from benchmarks.harness import Row, interleave, interleave_async, rows_of
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psqlpy import PsqlpyConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig, PsycopgSyncConfig
from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig, PyroPostgresSyncConfig

__all__ = ("measure_async", "measure_sync")

SETUP = """
drop table if exists bench_user;
create table bench_user (
    id int primary key, name text not null, score float8 not null, active bool not null, created timestamptz not null
);
insert into bench_user
select i, 'user ' || i, i / 7.0, i % 2 = 0, now() + i * interval '1 second' from generate_series(1, 2000) i;
analyze bench_user;
"""
NAMES = ("id", "name", "score", "active")
ONE = "select id, name, score, active from bench_user where id = $1"
ONE_NAMED = "select id, name, score, active from bench_user where id = :id"
ONE_FORMAT = "select id, name, score, active from bench_user where id = %s"
MANY = "select id, name, score, active from bench_user where id <= $1"
MANY_FORMAT = "select id, name, score, active from bench_user where id <= %s"
STAMPED = "select id, name, score, created from bench_user where id <= $1"
STAMPED_FORMAT = "select id, name, score, created from bench_user where id <= %s"


class User(msgspec.Struct):
    id: int
    name: str
    score: float
    active: bool


class Stamped(msgspec.Struct):
    id: int
    name: str
    score: float
    created: datetime.datetime


AsyncCalls = dict[str, Callable[[], Awaitable[Any]]]
Calls = dict[str, Callable[[], Any]]


async def _asyncpg_raw(session: Any, dsn: str) -> tuple[AsyncCalls, AsyncCalls, AsyncCalls]:
    one = await session.driver.connection.prepare(ONE, name="raw_one")
    many = await session.driver.connection.prepare(MANY, name="raw_many")
    stamped = await (await asyncpg.connect(dsn)).prepare(STAMPED)

    async def point() -> list[dict[str, Any]]:
        return [dict(record) for record in await one.fetch(5)]

    async def thousand() -> Any:
        return await many.fetch(1000)

    async def timestamps() -> Any:
        return await stamped.fetch(1000)

    return _twice(point), _twice(thousand), _twice(timestamps)


async def _psycopg_raw(session: Any, dsn: str) -> tuple[AsyncCalls, AsyncCalls, AsyncCalls]:
    dicts = session.driver.connection.cursor(binary=True, row_factory=dict_row)
    tuples = session.driver.connection.cursor(binary=True, row_factory=tuple_row)

    async def point() -> Any:
        await dicts.execute(ONE_FORMAT, (5,))
        return await dicts.fetchall()

    async def thousand() -> Any:
        await tuples.execute(MANY_FORMAT, (1000,))
        return await tuples.fetchall()

    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    own = connection.cursor(binary=True)

    async def timestamps() -> Any:
        await own.execute(STAMPED_FORMAT, (1000,))
        return await own.fetchall()

    return _twice(point), _twice(thousand), _twice(timestamps)


async def _psqlpy_raw(session: Any, dsn: str) -> tuple[AsyncCalls, AsyncCalls, AsyncCalls]:
    connection = session.driver.connection

    async def point() -> Any:
        rows = (await connection.fetch(ONE, [5])).result(as_tuple=True)
        return [dict(zip(NAMES, row, strict=True)) for row in rows]

    async def thousand() -> Any:
        return (await connection.fetch(MANY, [1000])).result(as_tuple=True)

    async def timestamps() -> Any:
        return (await connection.fetch(STAMPED, [1000])).result(as_tuple=True)

    return _twice(point), _twice(thousand), _twice(timestamps)


async def _pyro_raw(session: Any, dsn: str) -> tuple[AsyncCalls, AsyncCalls, AsyncCalls]:
    connection = session.driver.connection
    one, many = await connection.prepare(ONE), await connection.prepare(MANY)

    async def point() -> Any:
        return [dict(zip(NAMES, row, strict=True)) for row in await connection.exec(one, (5,))]

    async def thousand() -> Any:
        return await connection.exec(many, (1000,))

    return _twice(point), _twice(thousand), {}


def _twice(call: Any) -> Any:
    return {"raw": call, "raw again (A/A)": call}


async def measure_async(dsn: str, rounds: int) -> list[Row]:
    """Measure the asynchronous adapters."""
    found: list[Row] = []
    for name, kind, raw_calls in (
        ("asyncpg", AsyncpgConfig, _asyncpg_raw),
        ("psycopg async", PsycopgAsyncConfig, _psycopg_raw),
        ("psqlpy", PsqlpyConfig, _psqlpy_raw),
        ("pyro async", PyroPostgresAsyncConfig, _pyro_raw),
    ):
        config: Any = kind(connection_config={"dsn": dsn, "max_size": 1})
        async with config:
            async with config.provide_session() as session:
                await session.execute_script(SETUP)
                point, thousand, timestamps = await raw_calls(session, dsn)
                point |= {
                    "select -> dict": lambda: session.select(ONE, 5),
                    "select -> Struct": lambda: session.select(ONE, 5, schema_type=User),
                    "select :id -> dict": lambda: session.select(ONE_NAMED, {"id": 5}),
                    "select id=5 -> dict": lambda: session.select(ONE_NAMED, id=5),
                    "execute().all()": lambda: session.execute(ONE, 5).all(),
                }
                found += rows_of("one row by key", name, await interleave_async(point, rounds))
                thousand |= {
                    "select -> Struct": lambda: session.select(MANY, 1000, schema_type=User),
                    "select -> dict": lambda: session.select(MANY, 1000),
                }
                few = max(50, rounds // 10)
                found += rows_of("1000 rows", name, await interleave_async(thousand, few))
                timestamps |= {
                    "select -> Struct": lambda: session.select(STAMPED, 1000, schema_type=Stamped),
                    "select -> dict": lambda: session.select(STAMPED, 1000),
                }
                found += rows_of("1000 rows with a timestamptz", name, await interleave_async(timestamps, few))
            found += await _checkout(config, name, rounds)
    return found


async def _checkout(config: Any, name: str, rounds: int) -> list[Row]:
    """Compare a query on a session that is kept with one on a session taken for it; the pool has one connection."""
    plain: list[float] = []
    pooled: list[float] = []

    async def checkout() -> Any:
        async with config.provide_session() as session:
            return await session.select(ONE, 5)

    # The kept session would occupy the only connection, so the two alternate in blocks on the same backend.
    for _ in range(max(10, rounds // 100)):
        async with config.provide_session() as session:
            timings = await interleave_async({"kept": lambda: session.select(ONE, 5)}, 50)
            plain += timings["kept"]
        timings = await interleave_async({"taken": checkout}, 50)
        pooled += timings["taken"]
    return rows_of("pool checkout", name, {"query on a kept session": plain, "checkout + query": pooled})


def _psycopg_sync_raw(session: Any) -> tuple[Calls, Calls]:
    dicts = session.driver.connection.cursor(binary=True, row_factory=dict_row)
    tuples = session.driver.connection.cursor(binary=True, row_factory=tuple_row)
    return (
        _twice(lambda: dicts.execute(ONE_FORMAT, (5,)).fetchall()),
        _twice(lambda: tuples.execute(MANY_FORMAT, (1000,)).fetchall()),
    )


def _pyro_sync_raw(session: Any) -> tuple[Calls, Calls]:
    connection = session.driver.connection
    one, many = connection.prepare(ONE), connection.prepare(MANY)
    return (
        _twice(lambda: [dict(zip(NAMES, row, strict=True)) for row in connection.exec(one, (5,))]),
        _twice(lambda: connection.exec(many, (1000,))),
    )


def measure_sync(dsn: str, rounds: int) -> list[Row]:
    """Measure the synchronous adapters."""
    found: list[Row] = []
    for name, kind, raw_calls in (
        ("psycopg sync", PsycopgSyncConfig, _psycopg_sync_raw),
        ("pyro sync", PyroPostgresSyncConfig, _pyro_sync_raw),
    ):
        config: Any = kind(connection_config={"dsn": dsn, "max_size": 1})
        with config, config.provide_session() as session:
            session.execute_script(SETUP)
            one, many = raw_calls(session)
            one |= {
                "select -> dict": lambda: session.select(ONE, 5),
                "select -> Struct": lambda: session.select(ONE, 5, schema_type=User),
                "select :id -> dict": lambda: session.select(ONE_NAMED, {"id": 5}),
                "execute().all()": lambda: session.execute(ONE, 5).all(),
            }
            many |= {
                "select -> Struct": lambda: session.select(MANY, 1000, schema_type=User),
                "select -> dict": lambda: session.select(MANY, 1000),
            }
            found += rows_of("one row by key", name, interleave(one, rounds))
            found += rows_of("1000 rows", name, interleave(many, max(50, rounds // 10)))
    return found
