"""psycopg2, which older comparisons begin with."""

from __future__ import annotations

from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from benchmarks.contestants.base import SyncContestant, required
from benchmarks.data import QUERIES, UPDATE_ONE, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("Psycopg2",)


class Psycopg2(SyncContestant):
    """One connection in autocommit mode; it knows neither prepared statements nor the binary format."""

    def open(self) -> None:
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True

    def close(self) -> None:
        self.connection.close()

    def execute(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(target in ("native", "tuple", "dict"))
        sql = QUERIES[query].sql("%s")
        cursor = self.connection.cursor(cursor_factory=RealDictCursor if target == "dict" else None)

        def run() -> Any:
            cursor.execute(sql, (parameter,))
            return cursor.fetchall()

        return Call(run)

    def update_one(self) -> Call:
        cursor, sql = self.connection.cursor(), UPDATE_ONE.format("%s")
        return Call(lambda: cursor.execute(sql, (5,)))

    def many(self, verb: str, rows: int) -> Call:
        connection, sql, data = self.connection, batch_sql(verb, "%s"), batch(verb, rows)
        cursor = connection.cursor()

        def run() -> None:
            cursor.execute("begin")
            cursor.executemany(sql, data)
            cursor.execute("commit")

        return self.batch(verb, rows, run)
