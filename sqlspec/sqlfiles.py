"""Reading of SQL files with named statements. `sqlspec.core.sqlfiles` says what such a file looks like."""

from __future__ import annotations

import os
import re
import stat
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sqlspec.core.sqlfiles import NamedStatement, check_unique, parse_sql_sections
from sqlspec.exceptions import ImproperConfigurationError, SQLParsingError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("MOST_BYTES", "NamedStatement", "load_sql_files")

MOST_BYTES = 16 << 20
"""Size of a file from which on it is taken for something else than statements that somebody wrote."""


def load_sql_files(*paths: str | PathLike[str]) -> Iterator[NamedStatement]:
    """Read every named statement of files and folders.

    Everything is read and checked before the first statement is handed out, so an error leaves the caller
    with nothing rather than with a part. A file that several of the paths lead to is read once.

    What is read stays below the folders that are named: a link in one of them that leads out of it is refused. So is
    what is no ordinary file, and one of more than `MOST_BYTES`. A link that is named itself is followed.

    Args:
        *paths: Files of any name, and folders, in which every `*.sql` is read, however deep and sorted.
            The folder is no part of a statement's name.

    Returns:
        The statements, in the order of the paths, files and lines.

    Raises:
        ImproperConfigurationError: A path does not exist, cannot be read or is no ordinary file, a folder holds no
            `*.sql`, or a link in it leads out of it.
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
        found = sorted(_below(path)) if is_folder else [path]
    except (
        OSError,
        RuntimeError,
    ) as error:  # a name that is too long, a folder that may not be entered, a link to itself
        raise _unreadable(path, error) from error
    if not is_there:
        raise ImproperConfigurationError(f"cannot load SQL from {path}: no such file or folder; check the path")
    if not found:
        raise ImproperConfigurationError(f"cannot load SQL from {path}: the folder holds no *.sql; check the path")
    return found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the `*.sql` of a folder, which must lie in it.

    Raises:
        ImproperConfigurationError: One is a link that leads elsewhere.
    """
    home = folder.resolve()
    for file in folder.rglob("*.sql"):
        if not file.resolve().is_relative_to(home):
            raise ImproperConfigurationError(
                f"cannot load SQL from {file}: the link leads out of {folder}; name the file itself, or remove the link"
            )
        if file.is_file():
            yield file


def _read(path: Path) -> str:
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ImproperConfigurationError(f"cannot load SQL from {path}: it is no ordinary file; name one")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > MOST_BYTES:
        raise ImproperConfigurationError(
            f"cannot load SQL from {path}: it has more than {MOST_BYTES >> 20} MB; name a file of statements"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
        raise SQLParsingError(
            f"cannot read {path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would be waited for


def _unreadable(path: Path, error: OSError | RuntimeError) -> ImproperConfigurationError:
    reason = getattr(error, "strerror", None) or error
    return ImproperConfigurationError(f"cannot load SQL from {path}: {reason}; check the file and its permissions")
