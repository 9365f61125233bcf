"""The formats of files, and which of them a file's name stands for."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlspec.core.arguments import choice
from sqlspec.exceptions import ParameterError

__all__ = ("Arrow", "Csv", "FileFormat", "JsonLines", "Parquet", "file_format_of", "outer_compression")


@dataclass(frozen=True, slots=True)
class Parquet:
    """Parquet, with the types of Arrow.

    Attributes:
        compression: `"zstd"`, `"snappy"`, `"gzip"`, `"lz4"`, `"brotli"` or `"none"`; it is found out when reading.
    """

    compression: Literal["zstd", "snappy", "gzip", "lz4", "brotli", "none"] = "zstd"

    def __post_init__(self) -> None:
        choice("compression of Parquet", self.compression, ("zstd", "snappy", "gzip", "lz4", "brotli", "none"))


@dataclass(frozen=True, slots=True)
class Arrow:
    """Arrow IPC, also called Feather: files, and streams, which is what is written where the name ends in `.gz`.

    Attributes:
        compression: Of the columns: `"lz4"`, `"zstd"` or `"none"`; it is found out when reading.
    """

    compression: Literal["lz4", "zstd", "none"] = "lz4"

    def __post_init__(self) -> None:
        choice("compression of Arrow", self.compression, ("lz4", "zstd", "none"))


@dataclass(frozen=True, slots=True)
class Csv:
    """Values as the server writes them, quoted where needed (RFC 4180); the same as `COPY ... (format csv, header)`.

    Attributes:
        delimiter: One character between values.
        null: Text that stands for NULL where it is not quoted.
        header: Whether the first line names the columns; or the columns of a file without such a line.
        encoding: Of the file; what else than UTF-8 is read only.
    """

    delimiter: str = ","
    null: str = ""
    header: bool | Sequence[str] = True
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        _text("delimiter", self.delimiter)
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n' or not self.delimiter.isascii():
            raise ParameterError("delimiter of CSV must be one ASCII character, no quote and no line end")
        _text("null", self.null)
        if any(mark in self.null for mark in (self.delimiter, '"', "\r", "\n")):
            raise ParameterError("null of CSV must be a text without delimiter, quote and line end")
        _text("encoding", self.encoding)
        try:
            codecs.lookup(self.encoding)
        except (LookupError, ValueError):
            raise ParameterError(f"encoding of CSV must be one that Python knows: {self.encoding!r} is none") from None


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A JSON object on each line, with one key for each column."""


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ParameterError(f"{name} of CSV must be a str: {type(value).__name__} given; pass text")


FileFormat: TypeAlias = Parquet | Csv | Arrow | JsonLines

FORMATS: dict[str, type[FileFormat]] = {"parquet": Parquet, "csv": Csv, "arrow": Arrow, "jsonl": JsonLines}

SUFFIXES = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}


def outer_compression(name: str) -> str | None:
    """Return what a whole file is compressed by, as pyarrow calls it; `None` where its name says nothing of it."""
    return next((found for suffix, found in COMPRESSIONS.items() if name.lower().endswith(suffix)), None)


def suffix_format(name: str) -> str | None:
    """Return the name of the format that a file's name ends in."""
    name = name.lower()
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    return next((found for suffix, found in SUFFIXES.items() if name.endswith(suffix)), None)


def file_format_of(name: str, given: str | FileFormat | None) -> FileFormat:
    """Return the format of a file.

    Args:
        name: Its path.
        given: What the caller says of it; `None` to go by its name.

    Raises:
        ParameterError: There is no such format, or the name does not tell.
    """
    if isinstance(given, Parquet | Csv | Arrow | JsonLines):
        return given
    if given is not None and (not isinstance(given, str) or given not in FORMATS):
        raise ParameterError(f"file_format must be one of {', '.join(FORMATS)}, or a format: something else was given")
    found = given or suffix_format(name)
    if found is None:
        raise ParameterError(
            f"cannot tell the format of a file: its name ends in none of {', '.join(SUFFIXES)}; pass file_format="
        )
    if found == "parquet" and outer_compression(name) is not None:
        raise ParameterError("cannot take a compressed Parquet file: it is compressed inside; leave the suffix out")
    return FORMATS[found]()
