"""The compiled module: bytes of PostgreSQL's binary format to Arrow buffers and back. Every length is checked."""

from collections.abc import Sequence
from typing import TypeAlias

import pyarrow as pa

from sqlspec.postgres.arrow.wire import WireType

Buffer: TypeAlias = bytes | bytearray | memoryview

class WireError(ValueError):
    """Bytes or values that cannot be converted.

    Attributes:
        reason: What is wrong, in lower case, without a value.
        column: Index of the column, -1 when it is not about one.
        row: Rows before it since the decoder or batch began, -1 when unknown.
    """

    reason: str
    column: int
    row: int

class Sink:
    """Rows in PostgreSQL's binary format, on their way into something that a subclass makes of them."""

    @property
    def rows(self) -> int:
        """Complete rows that came since they were last handed over."""
    @property
    def nbytes(self) -> int:
        """Bytes that these rows took on the wire."""
    def feed(self, data: Buffer) -> None:
        """Take a piece of a binary COPY stream (manual, `COPY`, "Binary Format"); pieces may end anywhere.

        Raises:
            WireError: The bytes are no such stream, or a value cannot be represented.
        """
    def feed_records(self, records: Sequence[Buffer | None]) -> None:
        """Take results of `record_send`, each one or several whole rows."""
    def drain(self, connection: int, get: int, free: int, size: int, consume: int = 0) -> int:
        """Call libpq's `PQgetCopyData` without the interpreter lock until `size` bytes came.

        Args:
            connection: Address of the `PGconn`.
            get: Address of `PQgetCopyData`.
            free: Address of `PQfreemem`.
            size: Bytes to take.
            consume: Address of `PQconsumeInput`: nothing is waited for (`PQgetCopyData(connection, &buffer, 1)`). When
                no row is there, it is called, once, and after that the row asked for again. 0: rows are waited for.

        Returns:
            The last call's result: positive, more may follow; 0, only with `consume`, the next row has not come yet;
            -1, the end; -2, an error that libpq can tell of.
        """
    def finish(self) -> None:
        """Check that the stream was whole.

        Raises:
            WireError: The trailer has not come, or rows or part of one are left.
        """

class Decoder(Sink):
    """Rows in PostgreSQL's binary format to record batches."""

    def __init__(self, schema: pa.Schema, types: Sequence[WireType], *, infinity: int = 0, nan: int = 0) -> None:
        """Make a decoder.

        Args:
            schema: One field per column; its type fits the wire type's kind.
            types: The layout of each column.
            infinity: Dates and timestamps: 0 raises, 1 gives NULL, 2 gives the type's extreme value.
            nan: NaN and infinity in a NUMERIC: 0 raises, 1 gives NULL.
        """
    def batch(self) -> pa.RecordBatch:
        """Hand the complete rows over, and begin anew."""

class Relay(Sink):
    """Rows in PostgreSQL's binary format to rows of a binary COPY, as they are."""

    def __init__(self, count: int) -> None:
        """Make a relay.

        Args:
            count: Number of columns.
        """
    def take(self) -> bytes:
        """Hand the complete rows over, without header and trailer, and begin anew."""

class Encoder:
    """Record batches to rows of a binary COPY."""

    def __init__(self, types: Sequence[WireType]) -> None:
        """Make an encoder.

        Raises:
            WireError: A kind is only read, or a part of an array or composite has no OID.
        """
    @staticmethod
    def header() -> bytes:
        """Return what a binary COPY begins with."""
    @staticmethod
    def trailer() -> bytes:
        """Return what it ends with."""
    def encode(self, batch: pa.RecordBatch, head: bytes = b"") -> bytes:
        """Return the rows of a batch whose columns have the layouts of `Kind`, behind `head`.

        Raises:
            WireError: A column has another layout, or a value cannot be sent (a NUMERIC out of range, text over 1 GB).
        """

def encode_array(type: WireType, values: pa.Array) -> bytes:  # noqa: A002 - what it is
    """Return a one-dimensional PostgreSQL array of the values in its binary format, each of layout `type`."""
