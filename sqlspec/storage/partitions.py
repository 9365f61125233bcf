"""Results written as a dataset: files in directories that are named by the values of some columns."""

from __future__ import annotations

import posixpath
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import msgspec
import pyarrow as pa

from sqlspec.core.result import ExportJob
from sqlspec.exceptions import DataError, OperationalError, ParameterError
from sqlspec.postgres.arrow.kernels import pc
from sqlspec.storage.formats import Arrow, Csv, FileFormat, JsonLines, Parquet, suffix_format
from sqlspec.storage.places import HIVE_NULL, Place, check_directory, data_files, reached
from sqlspec.storage.writing import GROUP_BYTES, FileWriter, StorageTarget, Writer

__all__ = ("PartitionedWriter", "partition_columns", "writer_for")

MOST_FILES = 512
"""Files that are open at a time: all of them, until the last row has come."""

MOST_HELD = 4 * GROUP_BYTES
"""Bytes of rows that wait in memory, in all files, for their row groups to become large."""

ENDINGS: dict[type[FileFormat], str] = {Parquet: ".parquet", Csv: ".csv", Arrow: ".arrow", JsonLines: ".jsonl"}


def writer_for(target: StorageTarget, started: float, progress: Callable[[ExportJob], object] | None = None) -> Writer:
    """Return what writes to a target: one file, or a directory of files."""
    kind = PartitionedWriter if target.partition_by else FileWriter
    return kind(target, started, progress)


class PartitionedWriter(Writer):
    """A directory of files, which get their names when all of them are complete."""

    def __init__(
        self, target: StorageTarget, started: float, progress: Callable[[ExportJob], object] | None = None
    ) -> None:
        super().__init__(target, started, progress)
        self._name = f"part-{secrets.token_hex(6)}{ENDINGS[type(target.file_format)]}"
        self._keys: tuple[str, ...] = target.partition_by
        self._schema: pa.Schema
        self._files: dict[tuple[str | None, ...], FileWriter] = {}
        self._made: list[str] = []
        self._moved: list[Place] = []

    def job(self) -> ExportJob:
        count = sum(file.job().bytes for file in self._files.values())
        seconds = time.perf_counter() - self._started
        return ExportJob(self.rows, count, seconds, self._shown, files=len(self._files))

    def check(self) -> None:
        check_directory(self._target.place, self._is_data, self._target.overwrite)

    def start(self, schema: pa.Schema) -> None:
        unknown = [name for name in self._keys if name not in schema.names]
        if unknown:
            raise ParameterError(
                f"cannot write partitions by {', '.join(map(repr, unknown))}: the statement has no such column; name "
                f"some of {', '.join(map(repr, schema.names))}"
            )
        self._check_names(schema)
        self._schema = pa.schema([field for field in schema if field.name not in self._keys])
        if not self._schema.names:
            raise ParameterError("cannot write partitions: no column is left for the files; name fewer in partition_by")

    def write(self, batch: pa.RecordBatch) -> None:
        with self._lock:
            rest = batch.select(self._schema.names)
            for values, rows in self._divided(batch, rest):
                self._file(values).write(rows)
            self.rows += batch.num_rows
            if sum(file.held for file in self._files.values()) > MOST_HELD:
                for file in self._files.values():
                    file.flush()

    def _divided(
        self, batch: pa.RecordBatch, rest: pa.RecordBatch
    ) -> Iterator[tuple[tuple[str | None, ...], pa.RecordBatch]]:
        """Yield the rows of each partition, in their order, behind the values of its columns."""
        texts = [self._texts(batch, name).dictionary_encode(null_encoding="encode") for name in self._keys]
        codes = texts[0].indices.cast(pa.int64())
        for text in texts[1:]:
            codes = pc.add(pc.multiply(codes, len(text.dictionary)), text.indices.cast(pa.int64()))
            codes = codes.dictionary_encode().indices.cast(pa.int64())  # small again, so that no product is too large
        order = pc.array_sort_indices(codes)  # equal ones stay in their order
        ends = pc.run_end_encode(codes.take(order)).run_ends.to_pylist()
        taken = in_order(rest, order)
        start = 0
        for end in ends:
            first = order[start].as_py()
            yield tuple(text[first].as_py() for text in texts), taken.slice(start, end - start)
            start = end

    def _texts(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        """Return the values of a column as text, as a load reads them."""
        column = batch.column(name)
        if self._target.form == "json":
            return pa.array([_plain(text) for text in column.to_pylist()], pa.string())
        try:
            return column.cast(pa.string())
        except pa.ArrowException as error:
            raise ParameterError(
                f"cannot write partitions by {name!r}: its values are no names of directories; choose a column of "
                "numbers, dates or texts"
            ) from error

    def _file(self, values: tuple[str | None, ...]) -> FileWriter:
        file = self._files.get(values)
        if file is None:
            if len(self._files) == MOST_FILES:
                raise DataError(
                    f"cannot write {self._shown!r}: there are more than {MOST_FILES} partitions; choose "
                    "columns with fewer values, or write one file"
                )
            parts = (
                f"{quote(key, safe='')}={HIVE_NULL if value is None else quote(value, safe='')}"
                for key, value in zip(self._keys, values, strict=True)
            )
            place = self._target.place
            directory = posixpath.join(place.path, *parts)
            self._made += reached("write", self._shown, place.storage.make_directory, directory)
            inner = place._replace(path=posixpath.join(directory, self._name))
            file = FileWriter(StorageTarget(inner, self._target.file_format, False), self._started)
            file.start(self._schema)
            self._files[values] = file
        return file

    def commit(self) -> None:
        with self._lock:
            place = self._target.place
            old = reached("write", self._shown, data_files, place, self._is_data) if self._target.overwrite else []
            for file in self._files.values():
                file.commit()
                self._moved.append(file.place)
            if old:
                self._moved.clear()  # they stay, whatever happens now
                self._delete(old)

    def _delete(self, old: Sequence[Place]) -> None:
        for number, place in enumerate(old):
            try:
                place.storage.delete(place.path)
            except Exception as error:
                raise OperationalError(
                    f"cannot delete {place.shown!r}: {type(error).__name__}; the new files {self._name} are all there, "
                    f"and {len(old) - number} old ones still are: delete these"
                ) from error

    def discard(self) -> None:
        with self._lock:
            for file in self._files.values():
                file.discard()
            for place in self._moved:
                with suppress(Exception):
                    place.storage.delete(place.path)
            for directory in reversed(self._made):
                with suppress(Exception):
                    self._target.place.storage.delete_directory(directory)

    def _is_data(self, name: str) -> bool:
        return suffix_format(name) is not None


def _plain(text: str | None) -> str | None:
    """Return a JSON string as what it says, and any other JSON value as it is written."""
    value = None if text is None else msgspec.json.decode(text)
    return value if isinstance(value, str) else text


def in_order(batch: pa.RecordBatch, order: pa.Array) -> pa.RecordBatch:
    """Return rows in another order."""
    try:
        return batch.take(order)
    except pa.ArrowNotImplementedError:  # intervals have no such function
        return pa.concat_batches([batch.slice(at, 1) for at in order.to_pylist()])


def partition_columns(given: Any) -> tuple[str, ...]:
    """Return the columns that directories are named by.

    Raises:
        ParameterError: They are no list of names, or one is there twice.
    """
    if given is None:
        return ()
    names = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise ParameterError(
            "partition_by must be a list of different column names, at least one; leave it out for one file"
        )
    return names
