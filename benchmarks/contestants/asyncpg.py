"""asyncpg, as its manual calls it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import asyncpg

from benchmarks.contestants.base import AsyncContestant, required
from benchmarks.data import BATCH, QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("Asyncpg",)

NUMBERS = itertools.count()


class Asyncpg(AsyncContestant):
    """One connection."""

    async def open(self) -> None:
        self.connection = await asyncpg.connect(self.dsn)

    async def close(self) -> None:
        await self.connection.close()

    async def execute(self, sql: str) -> Any:
        return await self.connection.execute(sql)

    async def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "dict"))
        sql = QUERIES[query].sql("$1")
        if query == "json":
            await self.connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        return await self._select(sql, parameter, target)

    async def _select(self, sql: str, parameter: Any, target: str) -> Call:
        """Prepare the statement: a connection of a library may have its cache switched off."""
        fetch = (await self.connection.prepare(sql, name=f"bench_{next(NUMBERS)}")).fetch
        if target == "native":
            return Call(lambda: fetch(parameter))

        async def run() -> Any:
            return [dict(record.items()) for record in await fetch(parameter)]

        return Call(run)

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        pool = await asyncpg.create_pool(self.dsn, min_size=size, max_size=size)
        sql = QUERIES[query].sql("$1")

        async def run() -> Any:
            async with pool.acquire() as connection:
                return [dict(record.items()) for record in await connection.fetch(sql, parameter)]

        return Call(run, close=pool.close)

    async def acquire(self) -> Call:
        pool = await asyncpg.create_pool(self.dsn, min_size=1, max_size=1)

        async def run() -> None:
            async with pool.acquire():
                pass

        return Call(run, close=pool.close)

    async def transaction(self, query: str, parameter: Any) -> Call:
        connection, one = self.connection, (await self.select(query, parameter, "dict")).run

        async def run() -> Any:
            async with connection.transaction():
                return await one()

        return Call(run)

    async def sequence(self, count: int) -> Call:
        one = (await self.select("one", 5, "dict")).run

        async def run() -> Any:
            return [await one() for _ in range(count)]

        return Call(run)

    def update_one(self) -> Call:
        connection, sql = self.connection, UPDATE_ONE.format("$1")
        return Call(lambda: connection.execute(sql, 5))

    def many(self, verb: str, rows: int) -> Call:
        connection, sql, data = self.connection, batch_sql(verb, "${n}"), batch(verb, rows)
        return self.batch(verb, rows, lambda: connection.executemany(sql, data))

    def each(self, rows: int) -> Call:
        connection, sql, data = self.connection, batch_sql("insert", "${n}"), batch("insert", rows)

        async def run() -> None:
            for row in data:
                await connection.execute(sql, *row)

        return self.batch("insert", rows, run)

    def load(self, rows: int) -> Call:
        connection, data = self.connection, batch("insert", rows)
        return self.batch("insert", rows, lambda: connection.copy_records_to_table(BATCH, records=data))
