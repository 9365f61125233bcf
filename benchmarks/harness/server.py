"""The server that all contestants share, and a connection to it that is no contestant's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import psycopg

from sqlspec.testing import EmbeddedPostgres

__all__ = ("Control", "start")

# Nothing that runs in the background by the clock, and scans that begin where the table begins.
SETTINGS = {
    "shared_buffers": "256MB",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "16GB",
    "max_connections": "300",
    "synchronize_seqscans": "off",
}


@contextlib.contextmanager
def start() -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """Provide a DSN and a connection: `SQLSPEC_TEST_DSN`, whose superuser it has to name, or an embedded server."""
    with contextlib.ExitStack() as stack:
        dsn = os.environ.get("SQLSPEC_TEST_DSN") or stack.enter_context(EmbeddedPostgres(settings=SETTINGS)).dsn
        yield dsn, stack.enter_context(psycopg.connect(dsn, autocommit=True))


class Control:
    """A connection that is no contestant's."""

    def __init__(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        self.dsn = dsn
        self._connection = connection

    @property
    def version(self) -> str:
        """Return the version of the server."""
        return self.value("show server_version")

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self._connection.execute(sql.encode())

    def value(self, sql: str) -> Any:
        """Return the value that a statement gives."""
        row = self._connection.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]

    def rows(self, sql: str) -> list[Any]:
        """Return the rows that a statement gives."""
        return self._connection.execute(sql.encode()).fetchall()

    def digest(self, table: str) -> tuple[int, int]:
        """Return the number of rows, and a sum over them that depends on every value but not on their order."""
        sql = f"select count(*), coalesce(sum(hash_record_extended(t, 0)), 0)::text from {table} t"
        count, total = self.rows(sql)[0]
        return count, int(total)
