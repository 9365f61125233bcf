"""What an exception of the driver says. It has no fields but its text. Written for pyro-postgres 0.3.1."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlspec.adapters.pyro_postgres._native import PostgresError
from sqlspec.adapters.pyro_postgres._swap import PREFIX
from sqlspec.exceptions import (
    CONDITIONS,
    DatabaseConnectionError,
    ErrorInfo,
    ImproperConfigurationError,
    OperationalError,
    Staleness,
    ends_session,
    staleness,
)

__all__ = (
    "Fault",
    "connect_error_info",
    "error_info",
    "in_usual_words",
    "is_aborted",
    "is_canceled",
    "is_guard",
    "lost",
    "read",
    "staleness_of",
    "stopped",
    "timed_out",
)

# The earliest place that fits: DETAIL quotes stored values, which may look like anything.
_SERVER = re.compile(r"PostgreSQL error: (\w+): (.*?) \(SQLSTATE (\w{5})\)((?:\n(?:DETAIL|HINT): .*)?)", re.DOTALL)
_INTERRUPTED = "I/O error: Interrupted system call"
_OLD_POOLER = "bad packet header: "  # of PgBouncer's
_OLD_SERVER = "Server does not support protocol 3.2"


class Fault(NamedTuple):
    """An error as far as its text tells.

    Attributes:
        from_server: The server sent it; else it is the driver's own.
        lost: The connection cannot be used again.
        unsent: Nothing was sent, so nothing has to be read.
    """

    message: str
    severity: str = ""
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    from_server: bool = False
    lost: bool = False
    unsent: bool = False


def read(error: BaseException) -> Fault:
    """Take an error of the driver apart."""
    words = str(error)
    if isinstance(error, PostgresError):
        found = _SERVER.fullmatch(words)
        if found is not None:
            severity, message, sqlstate, rest = found.groups()
            detail, hint = _detail_and_hint(message, rest) if rest else (None, None)
            lost = ends_session(sqlstate, severity)
            return Fault(message, severity, sqlstate, detail, hint, from_server=True, lost=lost)
        lost = words.startswith("I/O error") and not words.startswith(_INTERRUPTED)
        return Fault(words, lost=lost, unsent=words.startswith("Encode error"))
    return Fault(words or type(error).__name__, lost=type(error).__name__ == "ConnectionClosedError")


def _detail_and_hint(message: str, rest: str) -> tuple[str | None, str | None]:
    from sqlspec.postgres.phrases import detail_and_hint

    return detail_and_hint(message, rest)


def lost(why: str) -> Exception:
    """Return an error as the driver words that of a connection that is gone."""
    return PostgresError(f"I/O error: {why}")


def staleness_of(error: BaseException, parameters: int) -> Staleness:
    """Tell whether a statement failed because it was prepared before the schema changed."""
    fault = read(error)
    if is_guard(error):
        return "surely"
    return staleness(fault.sqlstate, fault.message, parameters, PREFIX) if fault.from_server else ""


def is_guard(error: BaseException) -> bool:
    """Tell whether a column of an enclosed statement has another type now: its function takes no such argument."""
    fault = read(error)
    return fault.sqlstate == CONDITIONS["undefined_function"] and fault.message.startswith("function pg_catalog.")


def in_usual_words(error: BaseException) -> BaseException:
    """Return what the server says of a statement whose columns have changed, also for one that was enclosed."""
    if not is_guard(error):
        return error
    state = CONDITIONS["feature_not_supported"]
    return PostgresError(f"PostgreSQL error: ERROR: cached plan must not change result type (SQLSTATE {state})")


def is_aborted(error: BaseException) -> bool:
    """Tell whether a statement was refused because an error before has aborted the transaction."""
    return read(error).sqlstate == CONDITIONS["in_failed_sql_transaction"]


def is_canceled(error: BaseException) -> bool:
    """Tell whether a statement was stopped, by whomever."""
    return read(error).sqlstate == CONDITIONS["query_canceled"]


def error_info(error: BaseException, lost: bool) -> ErrorInfo:
    """Extract the facts; names that the driver hides are read from the server's phrases, where those are certain."""
    fault = read(error)
    if not fault.from_server:
        interrupted = fault.message.startswith(_INTERRUPTED)
        message = (
            "a signal interrupted the call: the server may have run the statement; look before running it again"
            if interrupted
            else fault.message
        )
        return ErrorInfo(
            message, fallback=DatabaseConnectionError if lost else OperationalError, unanswered=interrupted
        )
    constraint, table, column = _names(fault)
    return ErrorInfo(
        message=fault.message,
        sqlstate=fault.sqlstate,
        detail=fault.detail,
        hint=fault.hint,
        constraint=constraint,
        table=table,
        column=column,
        alive=not lost,
    )


def _names(fault: Fault) -> tuple[str | None, str | None, str | None]:
    from sqlspec.postgres.phrases import classify

    phrase = classify(fault.message)
    if phrase.sqlstate != fault.sqlstate:  # another error, or one that user code has made up
        return None, None, None
    return phrase.constraint, phrase.table, phrase.column


def connect_error_info(error: BaseException) -> ErrorInfo:
    """Extract the facts of a failed connection attempt."""
    fault = read(error)
    if fault.message.startswith(_OLD_POOLER):
        words = "the driver speaks protocol 3.2 only, and the pooler does not; use the asyncpg or psycopg adapter"
        return ErrorInfo(words, fallback=ImproperConfigurationError)
    if fault.from_server:
        return ErrorInfo(fault.message, fault.sqlstate, fault.detail, fault.hint)
    words = fault.message
    if _OLD_SERVER in words:
        words = "the driver speaks protocol 3.2 only, which needs PostgreSQL 18; use another adapter for older servers"
    elif not isinstance(error, PostgresError):
        words = f"the driver refused the address ({type(error).__name__})"  # its own words may quote the password
    return ErrorInfo(words, fallback=DatabaseConnectionError)


def timed_out() -> Exception:
    """Return the server's error for a statement that took too long, for a call of many statements that did."""
    return _canceled("statement timeout")


def stopped() -> Exception:
    """Return the server's error for a statement that was cancelled, for a call of many statements that was."""
    return _canceled("user request")


def _canceled(cause: str) -> Exception:
    state = CONDITIONS["query_canceled"]
    return PostgresError(f"PostgreSQL error: ERROR: canceling statement due to {cause} (SQLSTATE {state})")
