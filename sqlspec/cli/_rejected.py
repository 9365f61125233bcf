"""The file of the rows that a load has put aside."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlspec.cli._cells import as_json, encode
from sqlspec.storage.formats import Csv, JsonLines
from sqlspec.storage.places import Output
from sqlspec.storage.writing import FileWriter, storage_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = ("rejected_file",)


@contextlib.contextmanager
def rejected_file(path: str | None, storage_options: Mapping[str, str] | None) -> Iterator[Callable[[pa.Table], None]]:
    """Try to begin the file before the load: that it cannot be written should be known before anything is stored.

    Args:
        path: Where it will lie; `None`: nowhere.
        storage_options: For fsspec, of the same file system as what is loaded.

    Yields:
        Function to write it with. Without a call, or without rows, there will be no file.

    Raises:
        ParameterError: There is a file of this name, or it does not tell the format.
        OperationalError: The file system refuses it.
    """
    if path is None:
        yield lambda _: None
        return
    options = storage_options if "://" in path else None
    target = storage_target(path, None, None, options, overwrite=False)
    Output(target.place, overwrite=False).discard()
    writer = FileWriter(target, time.perf_counter())

    def write(rejected: pa.Table) -> None:
        if not rejected.num_rows:
            return
        match target.file_format:
            case Csv():
                rejected = _texts(rejected, ("record",))
            case JsonLines():
                rejected = _texts(rejected, rejected.column_names)
        writer.start(rejected.schema)
        for batch in rejected.to_batches():
            writer.write(batch)
        writer.commit()

    try:
        yield write
    finally:
        writer.discard()  # nothing is left to discard of a file that is complete


def _texts(rejected: pa.Table, documents: Collection[str]) -> pa.Table:
    """Return the columns as texts, some of them as JSON."""
    columns = {}
    for name in rejected.column_names:
        write = _document if name in documents else str
        values = rejected[name].to_pylist()
        columns[name] = pa.array([None if value is None else write(value) for value in values], pa.string())
    return pa.table(columns)


def _document(value: Any) -> str:
    return encode(as_json(value))
