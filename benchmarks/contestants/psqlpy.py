"""psqlpy, by the fastest of what it has: `result(as_tuple=True)` for tuples, `result()` for dicts."""

from __future__ import annotations

import asyncio
from typing import Any

import psqlpy

from benchmarks.contestants.base import AsyncContestant, required
from benchmarks.data import BATCH, QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("Psqlpy", "PsqlpyDicts")


class Psqlpy(AsyncContestant):
    """One connection without a pool."""

    async def open(self) -> None:
        self.connection = await psqlpy.connect(self.dsn)

    def close(self) -> None:
        self.connection.close()

    async def execute(self, sql: str) -> Any:
        return await self.connection.execute(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "tuple", "dict"))
        connection, sql = self.connection, QUERIES[query].sql("$1")

        async def tuples() -> Any:
            return (await connection.fetch(sql, [parameter])).result(as_tuple=True)

        async def dicts() -> Any:
            return (await connection.fetch(sql, [parameter])).result()

        return Call(dicts if target == "dict" else tuples)

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        pool = psqlpy.ConnectionPool(dsn=self.dsn, max_db_pool_size=max(size, 2))
        sql = QUERIES[query].sql("$1")

        async def run() -> Any:
            async with pool.acquire() as connection:
                return (await connection.fetch(sql, [parameter])).result()

        return Call(run, close=pool.close)

    async def acquire(self) -> Call:
        pool = psqlpy.ConnectionPool(dsn=self.dsn, max_db_pool_size=2)

        async def run() -> None:
            async with pool.acquire():
                pass

        return Call(run, close=pool.close)

    def transaction(self, query: str, parameter: Any) -> Call:
        connection, one = self.connection, self.select(query, parameter, "dict").run

        async def run() -> Any:
            async with connection.transaction():
                return await one()

        return Call(run)

    def sequence(self, count: int) -> Call:
        one = self.select("one", 5, "dict").run

        async def run() -> Any:
            return [await one() for _ in range(count)]

        return Call(run)

    def stack(self, count: int) -> Call:
        # Calls that are made at once are sent at once.
        fetch, sql = self.connection.fetch, QUERIES["one"].sql("$1")

        async def run() -> Any:
            answers = await asyncio.gather(*[fetch(sql, [5]) for _ in range(count)])
            return [answer.result() for answer in answers]

        return Call(run)

    def update_one(self) -> Call:
        connection, sql = self.connection, UPDATE_ONE.format("$1")
        return Call(lambda: connection.execute(sql, [5]))

    def many(self, verb: str, rows: int) -> Call:
        connection, sql = self.connection, batch_sql(verb, "${n}")
        data = [list(row) for row in batch(verb, rows)]
        return self.batch(verb, rows, lambda: connection.execute_many(sql, data))

    def load(self, rows: int) -> Call:
        # More than a megabyte can hang in this release.
        required(rows <= 5000)
        connection, data = self.connection, batch("insert", rows)
        return self.batch("insert", rows, lambda: connection.copy_records_to_table(BATCH, records=data))


class PsqlpyDicts(Psqlpy):
    """Whose rows are dicts whatever is asked, as its manual begins."""

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "dict"))
        return super().select(query, parameter, "dict")
