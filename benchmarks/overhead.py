"""What a session adds to its driver: one row by key, a thousand rows mapped, and a pool checkout.

Baselines are the fastest public call of the raw driver that gives the same rows, on the session's own backend:
asyncpg a prepared statement's `fetch`, psycopg one reused binary cursor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from psycopg.rows import dict_row, tuple_row

from benchmarks.harness import Row, interleave, interleave_async, rows_of
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psycopg import PsycopgAsyncConfig, PsycopgSyncConfig

__all__ = ("measure_async", "measure_sync")

SETUP = """
drop table if exists bench_user;
create table bench_user (id int primary key, name text not null, score float8 not null, active bool not null);
insert into bench_user select i, 'user ' || i, i / 7.0, i % 2 = 0 from generate_series(1, 2000) i;
analyze bench_user;
"""
ONE = "select id, name, score, active from bench_user where id = $1"
ONE_NAMED = "select id, name, score, active from bench_user where id = :id"
ONE_FORMAT = "select id, name, score, active from bench_user where id = %s"
MANY = "select id, name, score, active from bench_user where id <= $1"
MANY_FORMAT = "select id, name, score, active from bench_user where id <= %s"


class User(msgspec.Struct):
    id: int
    name: str
    score: float
    active: bool


AsyncCalls = dict[str, Callable[[], Awaitable[Any]]]
Calls = dict[str, Callable[[], Any]]


async def _asyncpg_raw(session: Any) -> tuple[AsyncCalls, AsyncCalls]:
    one = await session.driver.connection.prepare(ONE, name="raw_one")
    many = await session.driver.connection.prepare(MANY, name="raw_many")

    async def point() -> list[dict[str, Any]]:
        return [dict(record) for record in await one.fetch(5)]

    async def thousand() -> Any:
        return await many.fetch(1000)

    return {"raw": point, "raw again (A/A)": point}, {"raw": thousand, "raw again (A/A)": thousand}


async def _psycopg_raw(session: Any) -> tuple[AsyncCalls, AsyncCalls]:
    dicts = session.driver.connection.cursor(binary=True, row_factory=dict_row)
    tuples = session.driver.connection.cursor(binary=True, row_factory=tuple_row)

    async def point() -> Any:
        await dicts.execute(ONE_FORMAT, (5,))
        return await dicts.fetchall()

    async def thousand() -> Any:
        await tuples.execute(MANY_FORMAT, (1000,))
        return await tuples.fetchall()

    return {"raw": point, "raw again (A/A)": point}, {"raw": thousand, "raw again (A/A)": thousand}


async def measure_async(dsn: str, rounds: int) -> list[Row]:
    """Measure the asynchronous adapters."""
    found: list[Row] = []
    for name, kind, raw_calls in (
        ("asyncpg", AsyncpgConfig, _asyncpg_raw),
        ("psycopg async", PsycopgAsyncConfig, _psycopg_raw),
    ):
        config: Any = kind(connection_config={"dsn": dsn, "max_size": 1})
        async with config:
            async with config.provide_session() as session:
                await session.execute_script(SETUP)
                point, thousand = await raw_calls(session)
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
                found += rows_of("1000 rows", name, await interleave_async(thousand, max(50, rounds // 10)))
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


def measure_sync(dsn: str, rounds: int) -> list[Row]:
    """Measure the synchronous adapters."""
    with PsycopgSyncConfig(connection_config={"dsn": dsn, "max_size": 1}) as config:
        with config.provide_session() as session:
            session.execute_script(SETUP)
            dicts = session.driver.connection.cursor(binary=True, row_factory=dict_row)
            tuples = session.driver.connection.cursor(binary=True, row_factory=tuple_row)

            def point() -> Any:
                return dicts.execute(ONE_FORMAT, (5,)).fetchall()

            def thousand() -> Any:
                return tuples.execute(MANY_FORMAT, (1000,)).fetchall()

            one: Calls = {
                "raw": point,
                "raw again (A/A)": point,
                "select -> dict": lambda: session.select(ONE, 5),
                "select -> Struct": lambda: session.select(ONE, 5, schema_type=User),
                "select :id -> dict": lambda: session.select(ONE_NAMED, {"id": 5}),
                "execute().all()": lambda: session.execute(ONE, 5).all(),
            }
            many: Calls = {
                "raw": thousand,
                "raw again (A/A)": thousand,
                "select -> Struct": lambda: session.select(MANY, 1000, schema_type=User),
                "select -> dict": lambda: session.select(MANY, 1000),
            }
            found = rows_of("one row by key", "psycopg sync", interleave(one, rounds))
            found += rows_of("1000 rows", "psycopg sync", interleave(many, max(50, rounds // 10)))
        return found
