"""What both flavours need to read a result as Arrow: the plan of its columns, and rows becoming batches.

Imports pyarrow, so it is imported by the first call that needs it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from sqlspec.core.arguments import choice, whole
from sqlspec.core.scan import scan
from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow._wire import Decoder
from sqlspec.postgres.arrow.types import VALUE, ReadOptions, decoder_schema, finish_batch, read_columns, result_schema
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column
    from sqlspec.postgres.arrow._wire import WireError
    from sqlspec.postgres.arrow.types import ReadColumn
    from sqlspec.postgres.codec import CodecRegistry

__all__ = (
    "ARRAY_NULLS",
    "ENCODING",
    "BatchReader",
    "ReadPlan",
    "ReadRequest",
    "is_readable",
    "read_plan",
    "read_request",
)

FORMATS = ("table", "reader", "batches")

ROWS = 65_536
BYTES = 8 << 20
"""Rows, and bytes on the wire, after which a batch is handed over: large enough to be cheap, small for the caches."""

FEED = 4 << 20
"""Bytes to ask a feed for at a time."""

# What to do about a value that the decoder has no place for, by the beginning of its reason.
_ADVICE = {
    "infinity has no place": 'select it with ::text, or pass infinity="null" or "clamp"',
    "NaN or infinity": 'select it with ::text, or pass nan="null" or numeric="string"',
    "array of ": 'select it with ::text, or pass nested="text"',
    "a numeric has more digits": 'pass numeric="string" or a wider type',
    "a value is out of range": "the Arrow type does not reach as far; select it with ::text",
    "more than 2 GiB": "pass a smaller batch_size",
}

ENCODING = "select pg_catalog.current_setting('client_encoding')"
ARRAY_NULLS = "select pg_catalog.current_setting('array_nulls')"


class ReadRequest(NamedTuple):
    """What the caller asked for.

    Attributes:
        return_format: `"table"`, `"reader"` or `"batches"`.
        rows: Rows of a batch at most.
        options: Choices of the types.
    """

    return_format: str
    rows: int
    options: ReadOptions


class ReadPlan(NamedTuple):
    """How the rows of one statement are read.

    Attributes:
        plan: The statement that is run.
        columns: Its columns.
        schema: What the decoder makes.
        options: Choices of the caller.
    """

    plan: Plan
    columns: tuple[ReadColumn, ...]
    schema: pa.Schema
    options: ReadOptions


def read_request(
    codecs: CodecRegistry,
    return_format: str,
    batch_size: int | None,
    numeric: Any,
    infinity: Any,
    nan: Any,
    nested: Any,
) -> ReadRequest:
    """Check the options of a reader.

    Raises:
        ParameterError: One has no such value.
    """
    choice("return_format", return_format, FORMATS)
    if batch_size is None:
        batch_size = ROWS
    whole("batch_size", batch_size, 1, "leave it out for batches of some megabytes")
    options = ReadOptions(numeric=numeric, infinity=infinity, nan=nan, nested=nested)
    read_columns((), codecs, (), options)  # checks them before anything is sent
    return ReadRequest(return_format, batch_size, options)


def is_readable(plan: Plan) -> bool:
    """Tell whether a statement's rows can be read in the binary format; others come as ordinary rows."""
    return scan(plan.sql).can_enclose


def read_plan(
    plan: Plan, columns: Sequence[Column], codecs: CodecRegistry, typmods: Sequence[int], options: ReadOptions
) -> ReadPlan:
    """Plan the reading of a statement.

    Raises:
        MissingTypesError: A type has to be read from the catalog first.
    """
    found = read_columns(columns, codecs, typmods, options)
    if any(column.select != VALUE for column in found):
        items = [column.select.replace(VALUE, f"c{at}") for at, column in enumerate(found)]
        text = enclose(plan.sql, len(found), items)
        assert text is not None
        plan = replace(plan, sql=text, tail=0, mappers={})
    return ReadPlan(plan, found, decoder_schema(found), options)


class BatchReader:
    """Rows on their way into batches.

    Attributes:
        schema: Names and types of the batches.
        decoder: Takes the rows.
        more: Whether the feed may have more of them.
        step: Bytes to ask the feed for at a time.
    """

    __slots__ = ("_bytes", "_columns", "_rows", "_whole", "decoder", "more", "schema", "step")

    def __init__(self, reading: ReadPlan, rows: int, copies: bool, nbytes: int = BYTES) -> None:
        """Make a decoder.

        Args:
            reading: How it is to read.
            rows: Rows of a batch at most.
            copies: The rows come by COPY, which has an end of its own.
            nbytes: Bytes on the wire after which a batch is complete.
        """
        options = reading.options
        self.schema = result_schema(reading.columns)
        self.decoder = Decoder(
            reading.schema,
            [column.wire for column in reading.columns],
            infinity=("error", "null", "clamp").index(options.infinity),
            nan=("error", "null").index(options.nan),
        )
        self.more = True
        self._columns = reading.columns
        self._rows = rows
        self._bytes = nbytes
        self._whole = copies
        self.step = min(FEED, nbytes)

    @property
    def full(self) -> bool:
        """Whether a batch is complete."""
        return self.decoder.rows >= self._rows or self.decoder.nbytes >= self._bytes

    def take(self) -> list[pa.RecordBatch]:
        """Return what has come as batches of the right size, none of them empty.

        Raises:
            WireError: The server has not sent all of it.
        """
        batch = self.decoder.batch()
        if self._whole and not self.more:
            self.decoder.finish()
        batch = finish_batch(self._columns, batch)
        return [batch.slice(start, self._rows) for start in range(0, batch.num_rows, self._rows)]

    def data_error(self, error: WireError) -> DataError:
        """Return the error for a value that has no place in its Arrow type."""
        name = self._columns[error.column].field.name if error.column >= 0 else None
        where = f' column "{name}"' if name is not None else " the rows"
        row = f", row {error.row} of the result" if error.row >= 0 else ""
        advice = next((f"; {text}" for start, text in _ADVICE.items() if error.reason.startswith(start)), "")
        return DataError(f"cannot read{where}{row}: {error.reason}{advice}", column=name)
