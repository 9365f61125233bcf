"""pgpq, an encoder of binary COPY, with psycopg for the transport: the best that one could write by hand."""

from __future__ import annotations

import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

__all__ = ("Pgpq",)

BATCH_ROWS = 16_384


class Pgpq:
    """It can load. The types of source and table have to be the same: nothing checks it."""

    def __init__(self, dsn: str, _: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)

    def load(self, table: str, source: pa.Table | pa.RecordBatchReader) -> None:
        encoder = ArrowToPostgresBinaryEncoder(source.schema)
        names = ", ".join(f'"{name}"' for name in source.schema.names)
        batches = source.to_batches(max_chunksize=BATCH_ROWS) if isinstance(source, pa.Table) else source
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"copy {table} ({names}) from stdin (format binary)".encode()) as copy,
        ):
            copy.write(encoder.write_header())
            for batch in batches:
                copy.write(encoder.write_batch(batch))
            copy.write(encoder.finish())

    def close(self) -> None:
        self.connection.close()
