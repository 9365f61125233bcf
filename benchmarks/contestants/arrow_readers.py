"""Libraries made for Arrow tables, asked for Python rows: ADBC through its DBAPI, connectorx through a table."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.base import SyncContestant, required
from benchmarks.data import QUERIES, batch, batch_sql
from benchmarks.harness.timing import Call

__all__ = ("Adbc", "Connectorx")


class Adbc(SyncContestant):
    """One connection, one cursor for each statement."""

    def __init__(self, dsn: str, argument: str = "", connection: Any = None) -> None:
        from adbc_driver_postgresql import dbapi

        super().__init__(dsn, argument, connection)
        self.module = dbapi

    def open(self) -> None:
        self.connection = self.module.connect(self.dsn, autocommit=True)

    def close(self) -> None:
        self.connection.close()

    def execute(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(query != "json" and target in ("native", "tuple", "dict"))  # that is text
        names, sql, cursor = QUERIES[query].names, QUERIES[query].sql("$1"), self.connection.cursor()

        def run() -> Any:
            cursor.execute(sql, (parameter,))
            rows = cursor.fetchall()
            return [dict(zip(names, row, strict=True)) for row in rows] if target == "dict" else rows

        return Call(run)

    def many(self, verb: str, rows: int) -> Call:
        sql, data, cursor = batch_sql(verb, "${n}"), batch(verb, rows), self.connection.cursor()
        return self.batch(verb, rows, lambda: cursor.executemany(sql, data))


class Connectorx(SyncContestant):
    """It has no parameters and connects for each call."""

    def __init__(self, dsn: str, argument: str = "", connection: Any = None) -> None:
        import connectorx

        super().__init__(dsn, argument, connection)
        self.module = connectorx

    def select(self, query: str, parameter: Any, target: str) -> Call:
        required(query != "json" and target in ("native", "dict"))  # that is text
        sql = QUERIES[query].sql(str(parameter))

        def run() -> Any:
            table = self.module.read_sql(self.dsn, sql, return_type="arrow", protocol="binary")
            return table.to_pylist()

        return Call(run)
