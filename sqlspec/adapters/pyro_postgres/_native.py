"""The driver, or the sentence that says how to install it."""

from __future__ import annotations

from typing import Any

from sqlspec.driver._forks import note_threads
from sqlspec.exceptions import MissingDependencyError

try:
    import pyro_postgres
    from pyro_postgres import async_, error, sync
except ImportError as missing:  # pragma: no cover - needs an environment without the driver
    raise MissingDependencyError("pyro_postgres", "pyro") from missing

__all__ = ("NATIVE_ERRORS", "AsyncNative", "Opts", "PostgresError", "SyncNative")

note_threads("pyro_postgres")  # the driver's own starts with the import

# The stubs of the driver are written for a later Python and say little of use here.
AsyncNative: Any = async_.Conn
SyncNative: Any = sync.Conn
Opts: Any = pyro_postgres.Opts
PostgresError: type[Exception] = error.PostgresError

NATIVE_ERRORS: tuple[type[Exception], ...] = (
    error.PostgresError,
    error.ConnectionClosedError,
    error.TransactionClosedError,
    error.IncorrectApiUsageError,
    error.DecodeError,
    error.PoisonError,
    error.PythonObjectCreationError,
    error.UrlError,
)
