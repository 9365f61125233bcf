"""The rows of a statement on their way into a file."""

from __future__ import annotations

import io
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import pyarrow as pa
from pyarrow import parquet

from sqlspec.core.arguments import callback
from sqlspec.core.result import ExportJob
from sqlspec.exceptions import ParameterError
from sqlspec.storage.formats import Arrow, Csv, FileFormat, JsonLines, Parquet, file_format_of, outer_compression
from sqlspec.storage.places import Output, Place, StoragePath, check_absent, find_one, reached
from sqlspec.storage.rows import csv_header, csv_text, json_text

__all__ = ("FileWriter", "StorageTarget", "Writer", "storage_target")

Form: TypeAlias = Literal["parquet", "ipc", "text", "json"]

FORMS: dict[type[FileFormat], Form] = {Csv: "text", JsonLines: "json", Parquet: "parquet", Arrow: "ipc"}

GROUP_BYTES = 16 << 20
GROUP_ROWS = 1 << 20
"""Bytes in memory, and rows, of a row group of Parquet."""


class StorageTarget(NamedTuple):
    """A file that rows are to be written to.

    Attributes:
        place: Where it will lie.
        file_format: Its format.
        overwrite: Whether it may replace one of its name.
        partition_by: Columns whose values name directories; the place is then that of all of them.
    """

    place: Place
    file_format: FileFormat
    overwrite: bool
    partition_by: tuple[str, ...] = ()

    @property
    def form(self) -> Form:
        """How values are to be read for it: as in `ReadOptions.form`."""
        return FORMS[type(self.file_format)]


def storage_target(
    path: StoragePath,
    file_format: str | FileFormat | None,
    filesystem: Any,
    storage_options: Mapping[str, Any] | None,
    overwrite: bool,
) -> StorageTarget:
    """Return where to write; nothing is touched yet.

    Raises:
        ParameterError: The path does not tell the format, or cannot be written to.
        MissingDependencyError: What its scheme needs is not installed.
    """
    place = find_one(path, filesystem, storage_options)
    chosen = file_format_of(place.path, file_format)
    if isinstance(chosen, Csv) and (chosen.encoding.lower() not in ("utf-8", "utf8") or not chosen.header):
        raise ParameterError("CSV is written in UTF-8 and with a header: leave out what else Csv() was given")
    return StorageTarget(place, chosen, overwrite)


class Sink(Protocol):
    """Takes batches in one format."""

    def write(self, batch: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


class Writer(ABC):
    """Rows on their way to a target. Its calls may come from several threads, one after the other.

    Attributes:
        rows: Rows so far.
    """

    def __init__(
        self, target: StorageTarget, started: float, progress: Callable[[ExportJob], object] | None = None
    ) -> None:
        """Prepare to write; nothing is touched.

        Args:
            target: Where.
            started: Clock reading (`perf_counter`) at the call.
            progress: Called by `tell`.
        """
        callback("progress", progress)
        self._target = target
        self._started = started
        self._progress = progress
        self._shown = target.place.shown
        # A call that was given up may still be under way when what it has written is discarded.
        self._lock = threading.Lock()
        self.rows = 0

    def tell(self) -> None:
        """Tell the caller how far it is."""
        if self._progress is not None:
            self._progress(self.job())

    def _check_names(self, schema: pa.Schema) -> None:
        doubled = sorted({name for name in schema.names if schema.names.count(name) > 1})
        if doubled:
            raise ParameterError(
                f"cannot write {self._shown!r}: several columns are named {', '.join(map(repr, doubled))}; name them "
                "apart with AS"
            )

    @abstractmethod
    def job(self) -> ExportJob:
        """Return what has been written, as far as it has left the buffers."""

    @abstractmethod
    def check(self) -> None:
        """Refuse early what must not be replaced.

        Raises:
            ParameterError: There is something already.
            OperationalError: The file system cannot be asked.
        """

    @abstractmethod
    def start(self, schema: pa.Schema) -> None:
        """Take the columns, before the first row.

        Raises:
            ParameterError: They cannot be written.
            OperationalError: The file system refuses it.
        """

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Write rows.

        Raises:
            DataError: They cannot be written.
            OperationalError: The file system refuses them.
        """

    @abstractmethod
    def commit(self) -> None:
        """End what was written, and let it be seen.

        Raises:
            OperationalError: The file system refuses it.
        """

    @abstractmethod
    def discard(self) -> None:
        """Leave nothing of it. Never raises."""


class FileWriter(Writer):
    """One file, which gets its name when it is complete."""

    def __init__(
        self, target: StorageTarget, started: float, progress: Callable[[ExportJob], object] | None = None
    ) -> None:
        super().__init__(target, started, progress)
        self._format = target.file_format
        self._output: Output | None = None
        self._counted: _Counted | None = None
        self._compressed: Any = None
        self._sink: Sink | None = None

    @property
    def place(self) -> Place:
        """Where the file will lie."""
        return self._target.place

    @property
    def held(self) -> int:
        """Bytes of rows that wait in memory."""
        return self._sink.held if isinstance(self._sink, _ParquetSink) else 0

    def flush(self) -> None:
        """Write what waits in memory."""
        if isinstance(self._sink, _ParquetSink):
            reached("write", self._shown, self._sink.flush)

    def job(self) -> ExportJob:
        count = self._counted.count if self._counted is not None else 0
        return ExportJob(self.rows, count, time.perf_counter() - self._started, self._shown)

    def check(self) -> None:
        check_absent(self._target.place, self._target.overwrite)

    def start(self, schema: pa.Schema) -> None:
        self._check_names(schema)
        with self._lock:
            self._output = Output(self._target.place, self._target.overwrite)
            reached("write", self._shown, self._start, self._output, schema)

    def _start(self, output: Output, schema: pa.Schema) -> None:
        self._counted = _Counted(output.file)
        raw: Any = pa.PythonFile(self._counted, mode="w")
        compression = outer_compression(output.place.path)
        if compression is not None:
            raw = self._compressed = pa.CompressedOutputStream(raw, compression)
        match self._format:
            case Csv():
                self._sink = _TextSink(raw, csv_header(schema.names, self._format), self._csv)
            case JsonLines():
                self._sink = _TextSink(raw, b"", self._json)
            case Arrow(compression=inner):
                options = pa.ipc.IpcWriteOptions(compression=None if inner == "none" else inner)
                make = pa.ipc.new_file if compression is None else pa.ipc.new_stream
                self._sink = make(raw, schema, options=options)
            case Parquet():
                self._sink = _ParquetSink(raw, schema, self._format)

    def _csv(self, batch: pa.RecordBatch) -> bytes:
        assert isinstance(self._format, Csv)
        return csv_text(batch.columns, self._format)

    def _json(self, batch: pa.RecordBatch) -> bytes:
        return json_text(batch.schema.names, batch.columns)

    def write(self, batch: pa.RecordBatch) -> None:
        with self._lock:
            assert self._sink is not None
            reached("write", self._shown, self._sink.write, batch)
            self.rows += batch.num_rows

    def commit(self) -> None:
        with self._lock:
            assert self._output is not None
            assert self._sink is not None
            reached("write", self._shown, self._sink.close)
            if self._compressed is not None:
                reached("write", self._shown, self._compressed.close)
            self._output.commit()

    def discard(self) -> None:
        with self._lock:
            for each in (self._sink, self._compressed):
                with suppress(Exception):
                    if each is not None:
                        each.close()
            if self._output is not None:
                self._output.discard()


class _Counted(io.RawIOBase):
    """Counts what is written. Closing it leaves the file open: what ends a format does not end the file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self.count += len(data)
        return len(data)

    def tell(self) -> int:
        return self.count


class _TextSink:
    def __init__(self, raw: Any, head: bytes, to_bytes: Any) -> None:
        self._raw = raw
        self._to_bytes = to_bytes
        raw.write(head)

    def write(self, batch: pa.RecordBatch) -> None:
        self._raw.write(self._to_bytes(batch))

    def close(self) -> None:
        pass


class _ParquetSink:
    """Gathers batches: row groups of their size would make a file that is slow to read."""

    def __init__(self, raw: Any, schema: pa.Schema, options: Parquet) -> None:
        self._writer = parquet.ParquetWriter(raw, schema, compression=options.compression)
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._rows = self.held = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        self.held += batch.nbytes
        if self._rows >= GROUP_ROWS or self.held >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        held, self._held = self._held, []
        self._rows = self.held = 0
        if held:
            self._writer.write_table(pa.Table.from_batches(held, self._schema), row_group_size=GROUP_ROWS)

    def close(self) -> None:
        self.flush()
        self._writer.close()
