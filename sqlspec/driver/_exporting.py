"""What both flavours need to write a result to a file. Imports pyarrow, so it is imported by the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.arguments import flag
from sqlspec.driver._reading import read_request
from sqlspec.exceptions import NotSupportedError, ParameterError
from sqlspec.postgres.arrow.types import ReadOptions
from sqlspec.storage.partitions import partition_columns
from sqlspec.storage.writing import storage_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlspec.driver._reading import ReadRequest
    from sqlspec.postgres.codec import CodecRegistry
    from sqlspec.storage.formats import FileFormat
    from sqlspec.storage.places import StoragePath
    from sqlspec.storage.writing import StorageTarget

__all__ = ("export_request", "refuse_text")

TEXT_FORMS = ("text", "json")


def export_request(
    codecs: CodecRegistry,
    path: StoragePath,
    file_format: str | FileFormat | None,
    filesystem: Any,
    storage_options: Mapping[str, Any] | None,
    overwrite: bool,
    partition_by: Sequence[str] | None,
    batch_size: int | None,
    options: Mapping[str, Any],
) -> tuple[StorageTarget, ReadRequest]:
    """Check the arguments of an export; nothing is touched.

    Args:
        codecs: Of the session.
        path: As in `select_to_storage`, like the next five.
        file_format: As there.
        filesystem: As there.
        storage_options: As there.
        overwrite: As there.
        partition_by: As there.
        batch_size: As there.
        options: `numeric`, `infinity`, `nan` and `nested`.

    Raises:
        ParameterError: One has no such value, or does not go with the format.
        MissingDependencyError: What the path needs is not installed.
    """
    target = storage_target(path, file_format, filesystem, storage_options, flag("overwrite", overwrite))
    target = target._replace(partition_by=partition_columns(partition_by))
    request = read_request(codecs, "batches", batch_size, **options)
    if target.form in TEXT_FORMS and request.options != ReadOptions():
        raise ParameterError(
            "numeric, infinity, nan and nested are for types of Arrow: CSV and JSON lines hold every value; leave them "
            "out"
        )
    return target, request._replace(options=request.options._replace(form=target.form))


def refuse_text(target: StorageTarget) -> None:
    """Refuse to write values as text that the server cannot be asked for as text.

    Raises:
        NotSupportedError: The format is one of text.
    """
    if target.form in TEXT_FORMS:
        raise NotSupportedError(
            "cannot write the rows of this statement as CSV or JSON lines: it cannot be part of another one; write "
            "Parquet or Arrow, or put it into a table first"
        )
