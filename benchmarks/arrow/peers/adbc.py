"""ADBC's PostgreSQL driver, as its manual calls it, and with small batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
from adbc_driver_postgresql import dbapi

__all__ = ("Adbc", "AdbcReader")

BATCH_ROWS = 16_384


class Adbc:
    """Tables in and out."""

    def __init__(self, dsn: str, _: str) -> None:
        self.connection: Any = dbapi.connect(dsn, autocommit=True)

    def load(self, table: str, source: pa.Table | pa.RecordBatchReader) -> None:
        with self.connection.cursor() as cursor:
            cursor.adbc_ingest(table, source, mode="append")

    def select(self, sql: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def stream(self, sql: str, take: Callable[[pa.RecordBatch], None]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            with cursor.fetch_record_batch() as reader:
                for batch in reader:
                    take(batch)

    def close(self) -> None:
        self.connection.close()


class AdbcReader(Adbc):
    """The source as a reader of small batches, which it encodes faster; results through a reader."""

    def load(self, table: str, source: pa.Table | pa.RecordBatchReader) -> None:
        if isinstance(source, pa.Table):
            source = pa.RecordBatchReader.from_batches(source.schema, source.to_batches(max_chunksize=BATCH_ROWS))
        super().load(table, source)

    def select(self, sql: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            with cursor.fetch_record_batch() as reader:
                return pa.Table.from_batches(list(reader), schema=reader.schema)
