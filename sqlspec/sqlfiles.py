"""Reading of SQL files with named statements. `sqlspec.core.sqlfiles` says what such a file looks like."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sqlspec.core.sqlfiles import NamedStatement, check_unique, parse_sql_sections
from sqlspec.exceptions import ImproperConfigurationError, SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("NamedStatement", "load_sql_files")


def load_sql_files(*paths: str | PathLike[str]) -> Iterator[NamedStatement]:
    """Read every named statement of files and folders.

    Everything is read and checked before the first statement is handed out, so an error leaves the caller
    with nothing rather than with a part. A file that several of the paths lead to is read once.

    Args:
        *paths: Files of any name, and folders, in which every `*.sql` is read, however deep and sorted.
            The folder is no part of a statement's name.

    Returns:
        The statements, in the order of the paths, files and lines.

    Raises:
        ImproperConfigurationError: A path does not exist or cannot be read, or a folder holds no `*.sql`.
        SQLParsingError: A file is not UTF-8 or not well formed, or two statements have the same name. The
            message has file and line.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if not isinstance(path, str | PathLike):
            raise ImproperConfigurationError(f"cannot load SQL from a {type(path).__name__}; give a file or a folder")
        for file in _files(Path(path)):
            files.setdefault(file.resolve(), file)
    statements: list[NamedStatement] = []
    for file in files.values():
        statements += parse_sql_sections(_read(file), source=str(file))
    check_unique(statements)
    return iter(statements)


def _files(path: Path) -> list[Path]:
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise _unreadable(path, error) from error
    if is_folder:
        found = sorted(file for file in path.rglob("*.sql") if file.is_file())
        if not found:
            raise ImproperConfigurationError(f"cannot load SQL from {path}: the folder holds no *.sql; check the path")
        return found
    if not is_there:
        raise ImproperConfigurationError(f"cannot load SQL from {path}: no such file or folder; check the path")
    return [path]


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        raise SQLParsingError(
            f"cannot read {path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error


def _unreadable(path: Path, error: OSError) -> ImproperConfigurationError:
    return ImproperConfigurationError(
        f"cannot load SQL from {path}: {error.strerror or error}; check the file and its permissions"
    )
