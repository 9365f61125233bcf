"""SQLAlchemy Core: constructs with bound parameters, which its cache compiles once, on a connection in autocommit."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.contestants.base import AsyncContestant, SyncContestant, required
from benchmarks.contestants.sqlspec import RAW
from benchmarks.data import COLUMNS, QUERIES, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("AsyncAlchemy", "SyncAlchemy")

KEY = sa.bindparam("key")


def core(query: str) -> Any:
    """Return one of `QUERIES` as a construct."""
    shape = QUERIES[query]
    columns = [sa.column(name) for name in shape.names]
    key = sa.column("id")
    return sa.select(*columns).select_from(sa.table(shape.table)).where(key == KEY if query == "one" else key <= KEY)


def address(dsn: str, driver: str) -> str:
    """Return the DSN with the name of a driver."""
    return dsn.replace("postgresql://", f"postgresql+{driver}://", 1)


def rows_of(result: Any, target: str) -> Any:
    """Return what was read. To a dict of a mapping of it every row would look up each of its columns."""
    if target != "dict":
        return result.all()
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


class AsyncAlchemy(AsyncContestant):
    """On asyncpg."""

    async def open(self) -> None:
        self.engine = create_async_engine(address(self.dsn, "asyncpg"), isolation_level="AUTOCOMMIT")
        self.connection = await self.engine.connect()
        self.driver = (await self.connection.get_raw_connection()).driver_connection

    async def close(self) -> None:
        await self.connection.close()
        await self.engine.dispose()

    def raw(self) -> Any:
        return resolve_name(RAW["asyncpg"])(self.dsn, connection=self.driver)

    async def execute(self, sql: str) -> Any:
        return await self.connection.execute(sa.text(sql))

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "dict"))
        connection, statement, parameters = self.connection, core(query), {"key": parameter}

        async def run() -> Any:
            return rows_of(await connection.execute(statement, parameters), target)

        return Call(run)

    def named(self, query: str, parameter: Any) -> Call:
        connection, statement = self.connection, sa.text(QUERIES[query].sql(":id"))

        async def run() -> Any:
            return rows_of(await connection.execute(statement, {"id": parameter}), "dict")

        return Call(run)

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        engine = create_async_engine(
            address(self.dsn, "asyncpg"), isolation_level="AUTOCOMMIT", pool_size=size, max_overflow=0
        )
        statement, parameters = core(query), {"key": parameter}

        async def run() -> Any:
            async with engine.connect() as connection:
                return rows_of(await connection.execute(statement, parameters), "dict")

        return Call(run, close=engine.dispose)

    def sequence(self, count: int) -> Call:
        one = self.select("one", 5, "dict").run

        async def run() -> Any:
            return [await one() for _ in range(count)]

        return Call(run)

    def many(self, verb: str, rows: int) -> Call:
        connection, statement = self.connection, sa.text(batch_sql(verb, ":{name}"))
        data = [dict(zip(COLUMNS[verb], row, strict=True)) for row in batch(verb, rows)]
        return self.batch(verb, rows, lambda: connection.execute(statement, data))


class SyncAlchemy(SyncContestant):
    """On psycopg."""

    def open(self) -> None:
        self.engine = sa.create_engine(address(self.dsn, "psycopg"), isolation_level="AUTOCOMMIT")
        self.connection = self.engine.connect()

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def raw(self) -> Any:
        return resolve_name(RAW["psycopg sync"])(self.dsn, connection=self.connection.connection.driver_connection)

    def execute(self, sql: str) -> Any:
        return self.connection.execute(sa.text(sql))

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "dict"))
        connection, statement, parameters = self.connection, core(query), {"key": parameter}
        return Call(lambda: rows_of(connection.execute(statement, parameters), target))

    def named(self, query: str, parameter: Any) -> Call:
        connection, statement = self.connection, sa.text(QUERIES[query].sql(":id"))
        return Call(lambda: rows_of(connection.execute(statement, {"id": parameter}), "dict"))

    def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        engine = sa.create_engine(
            address(self.dsn, "psycopg"), isolation_level="AUTOCOMMIT", pool_size=size, max_overflow=0
        )
        statement, parameters = core(query), {"key": parameter}

        def run() -> Any:
            with engine.connect() as connection:
                return rows_of(connection.execute(statement, parameters), "dict")

        return Call(run, close=engine.dispose)

    def sequence(self, count: int) -> Call:
        one = self.select("one", 5, "dict").run
        return Call(lambda: [one() for _ in range(count)])

    def many(self, verb: str, rows: int) -> Call:
        connection, statement = self.connection, sa.text(batch_sql(verb, ":{name}"))
        data = [dict(zip(COLUMNS[verb], row, strict=True)) for row in batch(verb, rows)]
        return self.batch(verb, rows, lambda: connection.execute(statement, data))
