"""What can be loaded: anything that holds Arrow data, and Python records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from sqlspec.exceptions import DataError, ParameterError
from sqlspec.postgres.arrow.records import History, read_records
from sqlspec.postgres.arrow.steps import LoadOptions
from sqlspec.postgres.arrow.target import Target
from sqlspec.postgres.codec import CodecRegistry

__all__ = ("ArrowSource", "empty_source", "open_source", "records_source")

_SLICE_BYTES = 1 << 20
_SLICE_ROWS = 1 << 15
"""Slices of about this size load fastest: they stay in the caches, and the server works while the next one is made."""


class ArrowSource:
    """Record batches of one schema, in slices of about 1 MB. Iterable once.

    Attributes:
        schema: Of every batch.
        blocks: The next batch may have to be waited for, as from a file: not to be asked for by an event loop.
        history: What became of the records that batches are made of; `None` for other sources.
    """

    __slots__ = ("_batches", "_rows", "blocks", "history", "schema")

    def __init__(
        self,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch | pa.Table],
        rows: int | None,
        blocks: bool = False,
        history: History | None = None,
    ) -> None:
        self.schema = schema
        self.blocks = blocks
        self.history = history
        self._batches = batches
        self._rows = rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield slices; none is empty.

        Raises:
            DataError: A batch has another schema.
            ParameterError: An item is no batch.
        """
        for number, item in enumerate(self._batches):
            if not isinstance(item, pa.RecordBatch | pa.Table):
                raise ParameterError(
                    f"cannot load item {number} of the source: it is a {type(item).__name__}; give record batches or "
                    "tables only"
                )
            if not item.schema.equals(self.schema):
                raise DataError(
                    f"cannot load batch {number} of the source: its schema differs from the first one's; cast it"
                )
            for batch in item.to_batches() if isinstance(item, pa.Table) else [item]:
                yield from self._slices(batch)

    def _slices(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        rows = batch.num_rows
        if self._rows is not None:
            step = self._rows
        else:
            # Rows may differ in size by much: each slice is looked at again.
            step = max(1, min(_SLICE_ROWS, rows * _SLICE_BYTES // max(batch.nbytes, 1)))
        if rows <= step or (self._rows is None and batch.nbytes <= _SLICE_BYTES and rows <= _SLICE_ROWS):
            if rows:
                yield batch
            return
        for start in range(0, rows, step):
            part = batch.slice(start, step)
            if self._rows is None and part.nbytes > 4 * _SLICE_BYTES:
                yield from self._slices(part)
            else:
                yield part


def _taken(source: Any, take: Callable[[Any], Any]) -> Any:
    """Return what an object gives of itself as Arrow data.

    Raises:
        ParameterError: It is something else.
    """
    try:
        return take(source)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"cannot load a {type(source).__name__}: what it gives is no Arrow data; give a table, a reader or a frame"
        ) from error


def open_source(source: Any, batch_rows: int | None = None) -> ArrowSource:
    """Open a source of Arrow data.

    Args:
        source: One that is open; what has `__arrow_c_stream__` or `__arrow_c_array__` (pyarrow, polars, pandas, duckdb,
            an Arrow result); or an iterable of record batches or tables with at least one of them.
        batch_rows: Rows of a slice at most; by default chosen from their size.

    Raises:
        ParameterError: It is none of these, or has an index that is not in the data; the message says what to do.
    """
    if isinstance(source, ArrowSource):
        return source
    opened = _opened(source, batch_rows)
    _check_index(opened.schema)
    return opened


def _opened(source: Any, batch_rows: int | None) -> ArrowSource:
    if isinstance(source, pa.RecordBatch | pa.Table):
        return ArrowSource(source.schema, [source], batch_rows)
    if isinstance(source, pa.RecordBatchReader):
        return ArrowSource(source.schema, source, batch_rows)
    if hasattr(source, "__arrow_c_stream__"):
        reader = _taken(source, pa.RecordBatchReader.from_stream)
        return ArrowSource(reader.schema, reader, batch_rows)
    if hasattr(source, "__arrow_c_array__"):
        batch = _taken(source, pa.record_batch)
        return ArrowSource(batch.schema, [batch], batch_rows)
    if isinstance(source, Mapping):
        raise ParameterError("cannot load a dict: its columns have no Arrow types yet; give pyarrow.table(it)")
    if isinstance(source, str | bytes) or hasattr(source, "__fspath__"):
        raise ParameterError("cannot load a name: it holds no Arrow data; read the file first")
    if not isinstance(source, Iterable):
        raise ParameterError(
            f"cannot load a {type(source).__name__}: it holds no Arrow data; give a table, a reader, a data frame, or "
            "an iterable of record batches"
        )
    batches = iter(source)
    first = next(batches, None)
    if first is None:
        raise ParameterError(
            "cannot load an iterable without batches: it has no schema; give pyarrow.RecordBatchReader.from_batches("
            "schema, batches)"
        )
    if not isinstance(first, pa.RecordBatch | pa.Table):
        raise ParameterError(
            f"cannot load an iterable of {type(first).__name__}: it holds no Arrow data; give record batches, or use "
            "load_from_records()"
        )
    return ArrowSource(first.schema, chain([first], batches), batch_rows)


def _check_index(schema: pa.Schema) -> None:
    """Refuse what was a frame of pandas with a named index of consecutive numbers: Arrow is told its ends alone.

    Raises:
        ParameterError: It was one.
    """
    try:
        indexes = (schema.pandas_metadata or {}).get("index_columns", ())
    except (ValueError, AttributeError):  # somebody else's metadata of that name
        return
    for index in indexes:
        name = index.get("name") if isinstance(index, dict) and index.get("kind") == "range" else None
        if name is not None and name not in schema.names:
            raise ParameterError(
                f"cannot load the frame: its index {name!r} is a range, which is no part of the data; call "
                "reset_index() to make a column of it, or reset_index(drop=True) to leave it out"
            )


def empty_source() -> ArrowSource:
    """Return a source without columns and rows."""
    return ArrowSource(pa.schema([]), (), None)


def records_source(
    records: Iterable[Any],
    target: Target,
    codecs: CodecRegistry,
    columns: Sequence[str] | None = None,
    batch_rows: int | None = None,
    copies: bool = True,
    options: LoadOptions = LoadOptions(),  # noqa: B008 - it cannot be changed
    history: History | None = None,
) -> ArrowSource:
    """Turn Python records into a source for `plan_load` on the same target.

    Values follow the rules of parameters (the codec of the column's type writes them); nothing is inferred.

    Args:
        records: Dicts, tuples, lists, dataclasses, attrs objects, msgspec Structs, pydantic models, named tuples; read
            piecewise. Every record has the columns of the first.
        target: The table.
        codecs: Knows the types of its columns.
        columns: Names of the columns that records fill. Needed for plain tuples and lists unless they have all of the
            table's columns; by default the keys or fields of the first record.
        batch_rows: Records of a batch at most.
        copies: Whether the driver has binary COPY.
        options: Choices of the caller.
        history: Takes what is wrong with records; `None` where the first bad one is an error.

    Raises:
        DataError: Columns are not those of the table.
        ParameterError: A record is of a type without named fields, or `columns` are missing.
    """
    schema, batches = read_records(records, target, codecs, columns, batch_rows, copies, options, history)
    return ArrowSource(schema, batches, batch_rows, history=history)
