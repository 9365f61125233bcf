"""What asyncpg's exceptions tell."""

from __future__ import annotations

from typing import Any

from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.exceptions import (
    CONDITIONS,
    ConnectionTimeoutError,
    DatabaseConnectionError,
    ErrorInfo,
    OperationalError,
    ends_session,
)

__all__ = ("NATIVE_ERRORS", "connect_error_info", "ends_connection", "error_info", "words")

# A server's error is raised as the class of its SQLSTATE: user code can raise those of warnings (class 01) and of "no
# data" (02) too, which are no `PostgresError`.
_FROM_SERVER = (asyncpg.PostgresError, asyncpg.PostgresWarning)
# What the driver adds to the HINT of an error about a prepared statement.
_ADDED_HINT: str = asyncpg.PostgresError.new({"C": CONDITIONS["invalid_sql_statement_name"], "M": ""}).hint or ""
NATIVE_ERRORS = (*_FROM_SERVER, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def words(error: BaseException) -> str:
    """Return the primary message: the server's, also where the driver raises one of its own instead."""
    sent: str | None = getattr(error, "message", None)
    if sent is not None:
        return sent
    return str(error.args[0]) if error.args and isinstance(error.args[0], str) else str(error) or type(error).__name__


def error_info(error: BaseException, lost: bool) -> ErrorInfo:
    """Extract the fields of one of the exceptions."""
    cause = error.__cause__
    if isinstance(error, asyncpg.ConnectionDoesNotExistError) and isinstance(cause, _FROM_SERVER):
        error = cause  # what the server said when it ended the connection
    fields: Any = error
    if isinstance(error, _FROM_SERVER) and fields.sqlstate is not None:
        return ErrorInfo(
            message=words(error),
            sqlstate=fields.sqlstate,
            detail=fields.detail,
            hint=_hint(fields),
            constraint=fields.constraint_name,
            table=fields.table_name,
            column=fields.column_name,
            context=fields.context,
            position=int(fields.position) if fields.position else None,
            sent=getattr(error, "query", None),
            alive=not lost,
        )
    return ErrorInfo(words(error), fallback=DatabaseConnectionError if lost else OperationalError)


def _hint(fields: Any) -> str | None:
    return (fields.hint or "").removesuffix(_ADDED_HINT) or None


def connect_error_info(error: BaseException) -> ErrorInfo:
    """Extract the facts of a failed connection attempt."""
    fields: Any = error
    if isinstance(error, _FROM_SERVER) and fields.sqlstate is not None:
        return ErrorInfo(words(error), fields.sqlstate, fields.detail, _hint(fields))
    if isinstance(error, TimeoutError):
        return ErrorInfo(
            "the server did not answer within connect_timeout; check host and port",
            fallback=ConnectionTimeoutError,
        )
    return ErrorInfo(words(error), fallback=DatabaseConnectionError)


def ends_connection(error: BaseException) -> bool:
    """Tell whether the connection cannot be used after this error."""
    if isinstance(error, (OSError, asyncpg.InternalClientError)):
        return True
    fields: Any = error
    if not isinstance(error, _FROM_SERVER):
        return False
    return ends_session(fields.sqlstate, fields.severity_en)
