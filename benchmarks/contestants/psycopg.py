"""psycopg, with a binary cursor that is kept for each statement: what is fastest of its documented interface."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from benchmarks.contestants.base import AsyncContestant, SyncContestant, required
from benchmarks.data import BATCH, QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("AsyncPsycopg", "Psycopg", "PsycopgManual")

COPY = f"copy {BATCH} from stdin (format binary)"
COPY_TYPES = ("int8", "text", "float8", "bool", "timestamptz")
ROWS: dict[str, Any] = {"native": tuple_row, "tuple": tuple_row, "dict": dict_row}


class Psycopg(SyncContestant):
    """One connection in autocommit mode."""

    def open(self) -> None:
        self.connection = psycopg.connect(self.dsn, autocommit=True)

    def close(self) -> None:
        self.connection.close()

    def execute(self, sql: str) -> Any:
        return self.connection.execute(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ROWS)
        return self._select(QUERIES[query].sql("%s"), (parameter,), target)

    def named(self, query: str, parameter: Any) -> Call:
        return self._select(QUERIES[query].sql("%(id)s"), {"id": parameter}, "dict")

    def _select(self, sql: str, parameters: Any, target: str) -> Call:
        cursor = self.connection.cursor(binary=True, row_factory=ROWS[target])
        return Call(lambda: cursor.execute(sql, parameters, prepare=True).fetchall())

    def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        pool = self._pool(size)
        sql = QUERIES[query].sql("%s")

        def run() -> Any:
            with pool.connection() as connection, connection.cursor(binary=True, row_factory=dict_row) as cursor:
                return cursor.execute(sql, (parameter,), prepare=True).fetchall()

        return Call(run, close=pool.close)

    def acquire(self) -> Call:
        pool = self._pool(1)

        def run() -> None:
            with pool.connection():
                pass

        return Call(run, close=pool.close)

    def _pool(self, size: int) -> Any:
        from psycopg_pool import ConnectionPool

        return ConnectionPool(self.dsn, min_size=size, max_size=size, kwargs={"autocommit": True}, open=True)

    def transaction(self, query: str, parameter: Any) -> Call:
        connection, one = self.connection, self.select(query, parameter, "dict").run

        def run() -> Any:
            with connection.transaction():
                return one()

        return Call(run)

    def sequence(self, count: int) -> Call:
        one = self.select("one", 5, "dict").run
        return Call(lambda: [one() for _ in range(count)])

    def stack(self, count: int) -> Call:
        connection, sql = self.connection, QUERIES["one"].sql("%s")
        cursors = [connection.cursor(binary=True, row_factory=dict_row) for _ in range(count)]

        def run() -> Any:
            with connection.pipeline():
                for cursor in cursors:
                    cursor.execute(sql, (5,), prepare=True)
                return [cursor.fetchall() for cursor in cursors]

        return Call(run)

    def update_one(self) -> Call:
        cursor, sql = self.connection.cursor(), UPDATE_ONE.format("%s")
        return Call(lambda: cursor.execute(sql, (5,), prepare=True))

    def many(self, verb: str, rows: int) -> Call:
        connection, sql, data = self.connection, batch_sql(verb, "%s"), batch(verb, rows)
        cursor = connection.cursor()

        def run() -> None:
            with connection.transaction():
                cursor.executemany(sql, data)

        return self.batch(verb, rows, run)

    def each(self, rows: int) -> Call:
        cursor, sql, data = self.connection.cursor(), batch_sql("insert", "%s"), batch("insert", rows)

        def run() -> None:
            for row in data:
                cursor.execute(sql, row, prepare=True)

        return self.batch("insert", rows, run)

    def load(self, rows: int) -> Call:
        connection, data = self.connection, batch("insert", rows)

        def run() -> None:
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(COPY_TYPES)
                for row in data:
                    copy.write_row(row)

        return self.batch("insert", rows, run)


class PsycopgManual(Psycopg):
    """As the manual begins: `connection.execute()`, which makes a cursor for each call."""

    def _select(self, sql: str, parameters: Any, target: str) -> Call:
        self.connection.row_factory = ROWS[target]
        return Call(lambda: self.connection.execute(sql, parameters).fetchall())

    def update_one(self) -> Call:
        execute, sql = self.connection.execute, UPDATE_ONE.format("%s")
        return Call(lambda: execute(sql, (5,)))

    def each(self, rows: int) -> Call:
        execute, sql, data = self.connection.execute, batch_sql("insert", "%s"), batch("insert", rows)

        def run() -> None:
            for row in data:
                execute(sql, row)

        return self.batch("insert", rows, run)


class AsyncPsycopg(AsyncContestant):
    """One asynchronous connection in autocommit mode."""

    async def open(self) -> None:
        self.connection = await psycopg.AsyncConnection.connect(self.dsn, autocommit=True)

    async def close(self) -> None:
        await self.connection.close()

    async def execute(self, sql: str) -> Any:
        return await self.connection.execute(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ROWS)
        return self._select(QUERIES[query].sql("%s"), (parameter,), target)

    def named(self, query: str, parameter: Any) -> Call:
        return self._select(QUERIES[query].sql("%(id)s"), {"id": parameter}, "dict")

    def _select(self, sql: str, parameters: Any, target: str) -> Call:
        cursor = self.connection.cursor(binary=True, row_factory=ROWS[target])

        async def run() -> Any:
            await cursor.execute(sql, parameters, prepare=True)
            return await cursor.fetchall()

        return Call(run)

    async def checkout(self, query: str, parameter: Any, size: int = 1) -> Call:
        pool = await self._pool(size)
        sql = QUERIES[query].sql("%s")

        async def run() -> Any:
            async with (
                pool.connection() as connection,
                connection.cursor(binary=True, row_factory=dict_row) as cursor,
            ):
                await cursor.execute(sql, (parameter,), prepare=True)
                return await cursor.fetchall()

        return Call(run, close=pool.close)

    async def acquire(self) -> Call:
        pool = await self._pool(1)

        async def run() -> None:
            async with pool.connection():
                pass

        return Call(run, close=pool.close)

    async def _pool(self, size: int) -> Any:
        from psycopg_pool import AsyncConnectionPool

        pool = AsyncConnectionPool(self.dsn, min_size=size, max_size=size, kwargs={"autocommit": True}, open=False)
        await pool.open(wait=True)
        return pool

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
        connection, sql = self.connection, QUERIES["one"].sql("%s")
        cursors = [connection.cursor(binary=True, row_factory=dict_row) for _ in range(count)]

        async def run() -> Any:
            async with connection.pipeline():
                for cursor in cursors:
                    await cursor.execute(sql, (5,), prepare=True)
                return [await cursor.fetchall() for cursor in cursors]

        return Call(run)

    def many(self, verb: str, rows: int) -> Call:
        connection, sql, data = self.connection, batch_sql(verb, "%s"), batch(verb, rows)
        cursor = connection.cursor()

        async def run() -> None:
            async with connection.transaction():
                await cursor.executemany(sql, data)

        return self.batch(verb, rows, run)
