"""The server's side: the tables, what the server needs without any client, and whether a load stored the right rows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks.arrow.data import STREAM
from benchmarks.harness import server as harness

__all__ = ("Server", "start")

PREFIX = "bench_arrow_"
PIECE = 1 << 20


@contextlib.contextmanager
def start() -> Iterator[Server]:
    """Provide a server, on this machine, as its files are read and written too."""
    with contextlib.ExitStack() as stack:
        server = Server(*stack.enter_context(harness.start()))
        stack.callback(server.clean)
        yield server


class Server(harness.Control):
    """A connection that is no contestant's."""

    def __init__(self, dsn: str, connection: psycopg.Connection[Any]) -> None:
        super().__init__(dsn, connection)
        self._folder = self.value("show data_directory")
        self._tables: list[str] = []

    def create(self, name: str, types: dict[str, str]) -> tuple[str, str]:
        """Make two tables, one to read from and one to load into, and return their names."""
        columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
        tables = (f"{PREFIX}{name}", f"{PREFIX}{name}_in")
        for table in tables:
            self.execute(f"drop table if exists {table}")
            self.execute(f"create unlogged table {table} ({columns})")
            self._tables.append(table)
        return tables

    def fill(self, table: str, source: pa.Table) -> None:
        """Store rows as text, which the server parses: a way that no contestant takes."""
        text = source
        for index, field in enumerate(source.schema):
            if pa.types.is_binary(field.type):
                values = [None if value is None else "\\x" + value.hex() for value in source.column(index).to_pylist()]
                text = text.set_column(index, field.name, pa.array(values, pa.string()))
        sink = pa.BufferOutputStream()
        pyarrow.csv.write_csv(text, sink, pyarrow.csv.WriteOptions(include_header=False))
        with self._connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin (format csv)".encode()) as copy:
            written = memoryview(sink.getvalue())
            for begin in range(0, len(written), PIECE):
                copy.write(written[begin : begin + PIECE])
        self.execute(f"vacuum (analyze) {table}")

    def fill_stream(self, table: str, rows: int) -> None:
        """Store the rows of the stream."""
        self.execute(f"insert into {table} {STREAM.query.format(rows=rows)}")
        self.execute(f"vacuum (analyze) {table}")

    def stream_totals(self, table: str) -> dict[str, int]:
        """Return what a contestant that reads the stream has to count."""
        sql = f"select count(*), sum(id), sum(length(name)) from {table}"
        return dict(zip(("rows", "ids", "characters"), map(int, self.rows(sql)[0]), strict=True))

    def file_of(self, table: str) -> str:
        """Return where the server keeps a table as a binary COPY."""
        return f"{self._folder}/{table}.copy"

    def copy(self, sql: str) -> dict[str, float]:
        """Run a COPY between server and file, and return its seconds as a contestant does."""
        started = time.perf_counter()
        self.execute(sql)
        return {"seconds": time.perf_counter() - started}

    def wire_bytes(self, table: str) -> int:
        """Write a table to its file, and return how long that is: what has to go over the wire."""
        self.execute(f"copy {table} to '{self.file_of(table)}' (format binary)")
        return self.value(f"select size from pg_stat_file('{self.file_of(table)}')")

    def clean(self) -> None:
        """Drop the tables. Their files cannot be removed by SQL, but emptied."""
        for table in self._tables:
            self.execute(f"drop table if exists {table}")
            with contextlib.suppress(psycopg.Error):
                self.execute(f"copy (select where false) to '{self.file_of(table)}'")


def stream_wire_bytes(rows: int) -> int:
    """Return how long the stream is as a binary COPY, but for header and trailer."""
    fixed = 2 + len(STREAM.types) * 4 + 3 * 8
    return rows * fixed + sum(pc.sum(pc.binary_length(batch.column("name"))).as_py() for batch in STREAM.batches(rows))
