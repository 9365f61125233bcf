"""pyro-postgres, with statements that are prepared once."""

from __future__ import annotations

import asyncio
from typing import Any

from pyro_postgres.async_ import Conn as AsyncConn
from pyro_postgres.sync import Conn

from benchmarks.contestants.base import AsyncContestant, SyncContestant, required
from benchmarks.data import QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("AsyncPyro", "Pyro")

SECONDS_TO_SETTLE = 0.2
"""A process that ends while a thread of the driver still gives up a connection is aborted."""
MISREAD = ("stamped", "json")
"""Queries with columns that it gives other values for: times without their zone, JSON as text."""


def url(dsn: str) -> str:
    """Return the DSN as a URL; by default the driver would change over to the server's Unix socket."""
    return f"{dsn}{'&' if '?' in dsn else '?'}upgrade_to_unix_socket=no"


class Pyro(SyncContestant):
    """One connection."""

    def open(self) -> None:
        self.connection = Conn(url(self.dsn))

    def close(self) -> None:
        self.connection.close()

    def execute(self, sql: str) -> Any:
        return self.connection.query_drop(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(query not in MISREAD and target in ("native", "tuple", "dict"))
        execute, statement = self.connection.exec, self.connection.prepare(QUERIES[query].sql("$1"))
        if target == "dict":
            return Call(lambda: execute(statement, (parameter,), as_dict=True))
        return Call(lambda: execute(statement, (parameter,)))

    def transaction(self, query: str, parameter: Any) -> Call:
        connection, one = self.connection, self.select(query, parameter, "dict").run

        def run() -> Any:
            with connection.tx():
                return one()

        return Call(run)

    def sequence(self, count: int) -> Call:
        one = self.select("one", 5, "dict").run
        return Call(lambda: [one() for _ in range(count)])

    def stack(self, count: int) -> Call:
        connection, statement = self.connection, self.connection.prepare(QUERIES["one"].sql("$1"))

        def run() -> Any:
            with connection.pipeline() as pipeline:
                tickets = [pipeline.exec(statement, (5,)) for _ in range(count)]
                pipeline.sync()
                return [pipeline.claim_collect(ticket, as_dict=True) for ticket in tickets]

        return Call(run)

    def update_one(self) -> Call:
        execute, statement = self.connection.exec_drop, self.connection.prepare(UPDATE_ONE.format("$1"))
        return Call(lambda: execute(statement, (5,)))

    def many(self, verb: str, rows: int) -> Call:
        connection, data = self.connection, batch(verb, rows)
        statement = connection.prepare(batch_sql(verb, "${n}"))

        def run() -> None:
            with connection.tx():
                connection.exec_batch(statement, data)

        return self.batch(verb, rows, run)


class AsyncPyro(AsyncContestant):
    """One asynchronous connection."""

    async def open(self) -> None:
        self.connection = await AsyncConn.new(url(self.dsn))

    async def close(self) -> None:
        await self.connection.close()
        await asyncio.sleep(SECONDS_TO_SETTLE)

    async def execute(self, sql: str) -> Any:
        return await self.connection.query_drop(sql)

    async def select(self, query: str, parameter: Any, target: str) -> Call:
        required(query not in MISREAD and target in ("native", "tuple", "dict"))
        execute, statement = self.connection.exec, await self.connection.prepare(QUERIES[query].sql("$1"))
        if target == "dict":
            return Call(lambda: execute(statement, (parameter,), as_dict=True))
        return Call(lambda: execute(statement, (parameter,)))

    async def transaction(self, query: str, parameter: Any) -> Call:
        connection, one = self.connection, (await self.select(query, parameter, "dict")).run

        async def run() -> Any:
            async with connection.tx():
                return await one()

        return Call(run)

    async def sequence(self, count: int) -> Call:
        one = (await self.select("one", 5, "dict")).run

        async def run() -> Any:
            return [await one() for _ in range(count)]

        return Call(run)

    async def stack(self, count: int) -> Call:
        connection, statement = self.connection, await self.connection.prepare(QUERIES["one"].sql("$1"))

        async def run() -> Any:
            async with connection.pipeline() as pipeline:
                tickets = [pipeline.exec(statement, (5,)) for _ in range(count)]
                await pipeline.sync()
                return [await pipeline.claim_collect(ticket, as_dict=True) for ticket in tickets]

        return Call(run)

    async def many(self, verb: str, rows: int) -> Call:
        connection, data = self.connection, batch(verb, rows)
        statement = await connection.prepare(batch_sql(verb, "${n}"))

        async def run() -> None:
            async with connection.tx():
                await connection.exec_batch(statement, data)

        return self.batch(verb, rows, run)
