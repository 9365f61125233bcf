"""Files as the source of a load: opened, checked against each other, and read batch by batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import parquet

from sqlspec.core.arguments import choice, columns_of
from sqlspec.exceptions import DataError, SQLSpecError
from sqlspec.postgres.arrow.source import ArrowSource
from sqlspec.postgres.arrow.types import WRITTEN_TEXT
from sqlspec.postgres.arrow.written import JsonType, TextType, wrapped
from sqlspec.storage.formats import Arrow, Csv, FileFormat, JsonLines, file_format_of, outer_compression, suffix_format
from sqlspec.storage.places import HIVE_NULL, Place, StoragePath, failed, find
from sqlspec.storage.rows import CsvReader, JsonReader

__all__ = ("StorageSource", "open_storage")

BATCH_ROWS, BATCH_BYTES = 1 << 16, 4 << 20
"""Rows and bytes of a batch of Parquet, about: it has none of its own."""

MAGIC = b"ARROW1"


class Opened(NamedTuple):
    """One file that was looked into.

    Attributes:
        place: Where it lies.
        schema: Of its rows.
        read: Yields its rows, of the columns with these names.
    """

    place: Place
    schema: pa.Schema
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


class StorageSource(ArrowSource):
    """The rows of files, one after the other. It can be closed while a thread waits for its next batch."""

    __slots__ = ("_closed", "_files", "_lock")

    def __init__(self, schema: pa.Schema, files: Iterator[pa.RecordBatch], rows: int | None) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._closed = False
        super().__init__(schema, self._each(), rows, blocks=True)

    def _each(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._lock:
                batch = None if self._closed else next(self._files, None)
                if self._closed:
                    self._shut()
                    batch = None
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        """Close the files, at once or when the batch that is waited for has come."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._shut()
            finally:
                self._lock.release()

    def _shut(self) -> None:
        self._files.close()  # type: ignore[attr-defined]


def open_storage(
    paths: StoragePath | Sequence[StoragePath],
    file_format: str | FileFormat | None,
    *,
    filesystem: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    partitioning: str | None = "hive",
    columns: Sequence[str] | Mapping[str, str] | None = None,
    batch_rows: int | None = None,
) -> StorageSource:
    """Open files for a load.

    Args:
        paths: A file, a directory, a pattern, or several of them.
        file_format: Of all of them; `None` to go by their names.
        filesystem: Of fsspec or pyarrow; `None` to go by the path.
        storage_options: For the file system of a URI's scheme.
        partitioning: `"hive"`: names of directories such as `year=2024` make columns; `None`: they do not.
        columns: The columns to read; `None` for all.
        batch_rows: Rows of a batch at most.

    Raises:
        ParameterError: There are no such files, or an argument is none of the above.
        DataError: A file is not of its format, or the files have different columns.
        OperationalError: A file cannot be read.
    """
    if partitioning is not None:
        choice("partitioning", partitioning, ("hive",))
    columns = columns_of(columns)
    is_wanted = (lambda _: True) if file_format is not None else (lambda name: suffix_format(name) is not None)
    places = find(paths, filesystem, storage_options, is_wanted)
    if partitioning is None:
        places = [place._replace(parts=()) for place in places]
    names = None if columns is None else list(columns)
    first = opened(places[0], file_format_of(places[0].path, file_format), names)
    schema = _with_parts(first)
    if names is not None:
        schema = pa.schema([field for field in schema if field.name in names])
    return StorageSource(schema, _batches(first, places[1:], schema, file_format, names), batch_rows)


def _batches(
    first: Opened,
    others: Sequence[Place],
    schema: pa.Schema,
    file_format: str | FileFormat | None,
    names: Sequence[str] | None,
) -> Iterator[pa.RecordBatch]:
    yield from _rows(first, schema)
    for place in others:
        other = opened(place, file_format_of(place.path, file_format), names, keys=first.schema.names)
        _compare(first, other, schema, further=names is None)
        yield from _rows(other, schema)


def _rows(file: Opened, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    parts = dict(file.place.parts)
    # At least one, which tells how many rows there are.
    wanted = [name for name in schema.names if name not in parts] or file.schema.names[:1]
    for batch in _told(file.place, file.read(wanted)):
        arrays = [
            _constant(parts[field.name], batch.num_rows) if field.name in parts else _of_type(batch, field)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _written(field: pa.Field) -> pa.Field:
    """Return a field without metadata, which may have said that it holds the text form of another type."""
    is_text = field.metadata and field.metadata.items() >= WRITTEN_TEXT.items()
    return pa.field(field.name, TextType() if is_text else field.type, field.nullable)


def _of_type(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    array = batch.column(field.name)
    is_written = isinstance(field.type, TextType) and not isinstance(array.type, TextType)
    return wrapped(field.type, array.cast(pa.string())) if is_written else array


def _constant(text: str, rows: int) -> pa.Array:
    value = pa.scalar(None if text == HIVE_NULL else text, pa.string())
    return wrapped(TextType(), pa.repeat(value, rows))


def _with_parts(file: Opened) -> pa.Schema:
    schema = pa.schema([_written(field) for field in file.schema])
    doubled = [name for name, _ in file.place.parts if name in schema.names]
    if doubled:
        raise DataError(
            f"cannot read {file.place.shown!r}: {', '.join(map(repr, doubled))} is a column of the file and in its "
            "path; pass partitioning=None to go by the file"
        )
    for name, _ in file.place.parts:
        schema = schema.append(pa.field(name, TextType()))
    return schema


def _compare(first: Opened, other: Opened, schema: pa.Schema, further: bool) -> None:
    """Refuse files whose columns differ; their order does not matter.

    Args:
        first: The file that they are compared with.
        other: The file.
        schema: The columns that are loaded.
        further: Refuse also those that are not.
    """
    theirs = _with_parts(other)
    shared = [field for field in schema if field.name in theirs.names]
    columns = {
        "lacks": [name for name in schema.names if name not in theirs.names],
        "has also": [name for name in theirs.names if further and name not in schema.names],
        "has another type for": [field.name for field in shared if theirs.field(field.name).type != field.type],
    }
    facts = [f"{fact} {', '.join(map(repr, names))}" for fact, names in columns.items() if names]
    if facts:
        raise DataError(
            f"cannot read {other.place.shown!r} behind {first.place.shown!r}: it {' and '.join(facts)}; load them one "
            "by one, or name the columns that they share with columns="
        )


# --- one file ----------------------------------------------------------------------------------------------------


def opened(place: Place, chosen: FileFormat, names: Sequence[str] | None, keys: Sequence[str] | None = None) -> Opened:
    """Look into a file.

    Args:
        place: The file.
        chosen: Its format.
        names: The columns that are asked for; `None` for all.
        keys: What all may be for JSON lines, which need not have each; `None` for those of the first lines.

    Raises:
        DataError: It is not of its format.
        OperationalError: It cannot be read.
    """
    try:
        return _opened(place, chosen, names, keys)
    except Exception as error:
        raise told(place, error) from error


def _opened(place: Place, chosen: FileFormat, names: Sequence[str] | None, keys: Sequence[str] | None) -> Opened:
    compression = outer_compression(place.path)

    def open_file() -> pa.NativeFile:
        file = place.storage.open(place.path)
        return file if compression is None else pa.CompressedInputStream(file, compression)

    if isinstance(chosen, Csv):
        csv = CsvReader(open_file, chosen, place.shown)
        return Opened(place, pa.schema([(name, TextType()) for name in csv.names]), csv.batches)
    if isinstance(chosen, JsonLines):
        # Where none is inside, any of its keys will do to count the rows.
        inside = [name for name in names or () if name not in dict(place.parts)]
        lines = JsonReader(open_file, inside or keys, place.shown, is_strict=names is None)
        return Opened(place, pa.schema([(name, JsonType()) for name in lines.names]), lines.batches)
    if isinstance(chosen, Arrow):
        with open_file() as file:
            schema = _arrow_reader(file, compression).schema
        return Opened(place, schema, lambda names: _arrow_batches(open_file, compression, names))
    with open_file() as file:
        schema = parquet.ParquetFile(file).schema_arrow
    return Opened(place, schema, lambda names: _parquet_batches(open_file, names))


def _parquet_batches(open_file: Callable[[], pa.NativeFile], names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with open_file() as file:
        # A buffer for each column, where reading ahead would take whole row groups.
        reader = parquet.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        groups = (reader.metadata.row_group(number) for number in range(reader.metadata.num_row_groups))
        widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES // max(widest, 1)))
        for batch in reader.iter_batches(rows, columns=list(names)):
            yield batch.select(list(names))


def _arrow_reader(file: pa.NativeFile, compression: str | None) -> Any:
    """Return the reader of an IPC file, or of an IPC stream, which is what lies inside of a compressed one."""
    if compression is None:
        magic = file.read(len(MAGIC))
        file.seek(0)
        return pa.ipc.open_file(file) if magic == MAGIC else pa.ipc.open_stream(file)
    return pa.ipc.open_stream(file)


def _arrow_batches(
    open_file: Callable[[], pa.NativeFile], compression: str | None, names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    with open_file() as file:
        reader = _arrow_reader(file, compression)
        if isinstance(reader, pa.ipc.RecordBatchFileReader):
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            yield batch.select(list(names))
        if compression is not None:
            file.read()  # a compressed file that was cut short is found out at its end


def _told(place: Place, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except GeneratorExit:
        raise
    except Exception as error:
        raise told(place, error) from error


def told(place: Place, error: Exception) -> SQLSpecError:
    """Return the error for a file that cannot be read."""
    if isinstance(error, SQLSpecError):
        return error
    # What pyarrow finds wrong with the bytes is an OSError too, but without a number of the operating system.
    damaged = isinstance(error, (pa.ArrowException, EOFError)) or (isinstance(error, OSError) and error.errno is None)
    if damaged:
        return DataError(
            f"cannot read {place.shown!r}: it is damaged, cut short, or not of the format that was expected; get it "
            "again, or name its format with file_format="
        )
    return failed("read", place.shown, error)
