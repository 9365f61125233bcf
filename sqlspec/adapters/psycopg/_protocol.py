"""libpq calls that need no waiting of their own, shared by both flavours. Written for psycopg 3.3."""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlspec.core.result import Column
from sqlspec.exceptions import (
    ConnectionTimeoutError,
    DatabaseConnectionError,
    ErrorInfo,
    ImproperConfigurationError,
    MissingDependencyError,
    OperationalError,
    ends_session,
)
from sqlspec.postgres.dsn import LIBPQ_ONLY

try:
    import psycopg
    from psycopg import pq, waiting
    from psycopg.errors import error_from_result
    from psycopg.rows import tuple_row
    from psycopg.waiting import Ready, Wait
except ImportError as missing:  # pragma: no cover - needs an environment without the driver
    raise MissingDependencyError("psycopg", "psycopg") from missing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from psycopg.pq.abc import PGconn, PGresult

    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("AsyncBare", "SyncBare", "columns_of", "connect_options", "error_info", "failure", "pipeline")

Error = psycopg.Error
ConnectionTimeout = psycopg.errors.ConnectionTimeout
AsyncBare = psycopg.AsyncConnection
SyncBare = psycopg.Connection

closed = partial(psycopg.OperationalError, "the connection is closed")
"""Makes the exception for a call on a connection that was closed meanwhile."""

stopped = partial(psycopg.errors.QueryCanceled, "canceling statement due to user request")
"""Makes the exception for a call that was to be stopped before its own statement was sent."""

WAITS_FOR_FUTURES = not hasattr(waiting, "wait_for")
"""Newer releases of psycopg 3.3 wait without `asyncio.wait_for`, which cancels its task from Python 3.12 on."""

_SENT_AT_ONCE = 64
"""Commands put into libpq's buffer between two looks at the socket."""

FLUSH: Callable[[], object] = object
"""A command that does nothing, but those behind it are not put into libpq's buffer before that is empty."""

_SENT = "_sqlspec_sent"

_NOT_PREPARED = b"sqlspec_interrupted"
"""A name that no statement has."""

FATAL_ERROR = pq.ExecStatus.FATAL_ERROR
PIPELINE_SYNC = pq.ExecStatus.PIPELINE_SYNC
PIPELINE_ABORTED = pq.ExecStatus.PIPELINE_ABORTED


def failure(result: PGresult) -> psycopg.Error:
    """Return the driver's exception for an error result."""
    return error_from_result(result, encoding="utf-8")


def set_sent(error: BaseException, text: str | None) -> None:
    """Note on an error which text the server was sent, for the position in it: the driver does not tell."""
    setattr(error, _SENT, text)


def checked(result: PGresult, sent: str | None = None) -> PGresult:
    """Return a result that is no error.

    Args:
        result: The result.
        sent: The text that was sent for it.

    Raises:
        psycopg.Error: It is one.
    """
    if result.status == FATAL_ERROR:
        error = failure(result)
        set_sent(error, sent)
        raise error
    return result


def check_library() -> None:
    """Refuse a libpq that cannot close prepared statements by protocol.

    Raises:
        ImproperConfigurationError: It is older than 17.
    """
    if not psycopg.capabilities.has_send_close_prepared():
        raise ImproperConfigurationError(
            f"cannot use psycopg: it runs on libpq {psycopg.pq.version()}, and 170000 or newer is needed; "
            "run: pip install 'sqlspec[psycopg]'"
        )


def restore_defaults(connection: Any, *, pooled: bool) -> None:
    """Put what a connection's cursors do back to what it was; behind a pooler they cannot prepare statements."""
    connection.row_factory = tuple_row
    connection.prepare_threshold = None if pooled else 5


def session_parameters(pgconn: PGconn) -> tuple[str | None, str | None]:
    """Return what the server reported as client_encoding and standard_conforming_strings."""
    names = (b"client_encoding", b"standard_conforming_strings")
    encoding, strings = (pgconn.parameter_status(name) for name in names)
    return (encoding.decode() if encoding else None), (strings.decode() if strings else None)


def text_rows(result: PGresult) -> list[tuple[str | None, ...]]:
    """Return the rows of a text-format result."""
    values = ([result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples))
    return [tuple(None if value is None else value.decode() for value in row) for row in values]


def columns_of(result: PGresult) -> tuple[Column, ...]:
    """Return the columns of a result or description."""
    return tuple(
        Column((result.fname(at) or b"").decode(), result.ftype(at), result.fmod(at)) for at in range(result.nfields)
    )


def pipeline(
    pgconn: PGconn, commands: Iterator[Callable[[], Any]], receive: Callable[[int, PGresult], None]
) -> Generator[Wait, Ready | int, None]:
    """Send commands and receive their results at the same time, up to one synchronisation point at the end.

    Neither side is ever waited for alone, so buffers cannot fill up on both. After the first error nothing more is
    sent. The connection is out of pipeline mode and in sync when this returns or raises.

    Args:
        pgconn: The connection, in no query.
        commands: Each sends one query; read lazily. What they have sent is on its way before any that stand behind
            `FLUSH` are read.
        receive: Called with the number of the command and each of its results, until one is an error.

    After an interruption nothing more is sent either, and nothing of what was sent is committed.

    Raises:
        psycopg.Error: The first error of the server.
    """
    # First of all: psycopg does not go on after an interruption as long as nothing is sent, so nothing may be changed.
    ready = yield Wait.RW
    answers = _Answers(pgconn, receive)
    refused: Exception | None = None
    sending = True
    interrupted = False
    pgconn.enter_pipeline_mode()
    try:
        while True:
            # After an interruption psycopg goes on waiting with a first `next()`, which sends None.
            interrupted = interrupted or ready is None
            if (ready or 0) & Ready.R:
                pgconn.consume_input()
                if answers.read():
                    break
            if sending and (interrupted or (ready or 0) & Ready.W):
                try:
                    sending = not interrupted and not answers.failed and _send_some(commands)
                except Exception as error:  # a row that does not fit, met while rows are read lazily
                    refused, sending = error, False
                if not sending:
                    if interrupted:  # the request to cancel may have come between two commands: fail, commit no half
                        pgconn.send_describe_prepared(_NOT_PREPARED)
                    pgconn.pipeline_sync()
                while pgconn.flush():
                    ready = yield Wait.RW
                    interrupted = interrupted or ready is None
                    if (ready or 0) & Ready.R:
                        pgconn.consume_input()
            ready = yield (Wait.RW if sending else Wait.R)
    except BaseException:
        with suppress(psycopg.Error):  # as long as answers are due libpq refuses, and the connection is broken
            pgconn.exit_pipeline_mode()
        raise
    pgconn.exit_pipeline_mode()
    if interrupted:
        raise psycopg.errors.QueryCanceled("interrupted")  # psycopg expects it, and raises what it was interrupted by
    if refused is not None:
        raise refused
    if answers.error is not None:
        raise failure(answers.error)
    if answers.unread is not None:
        raise answers.unread


class _Answers:
    """Results of a pipeline, told apart by command: libpq puts a NULL behind the results of each."""

    def __init__(self, pgconn: PGconn, receive: Callable[[int, PGresult], None]) -> None:
        self._pgconn = pgconn
        self._receive = receive
        self._command = 0
        self._answered = False
        self.error: PGresult | None = None
        self.unread: Exception | None = None

    @property
    def failed(self) -> bool:
        return self.error is not None or self.unread is not None

    def read(self) -> bool:
        """Take what has arrived; `True` once the synchronisation point is reached."""
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                if not self._answered:
                    return False
                self._answered = False
                self._command += 1
                continue
            if result.status == PIPELINE_SYNC:
                return True
            self._answered = True
            if result.status == FATAL_ERROR:
                self.error = self.error or result
            elif result.status != PIPELINE_ABORTED and self.error is None and self.unread is None:
                try:
                    self._receive(self._command, result)
                except Exception as error:  # a value that Python cannot hold; the rest must be read all the same
                    self.unread = error
        return False


def _send_some(commands: Iterator[Callable[[], Any]]) -> bool:
    """Send the next commands; `False` when there are no more."""
    for _ in range(_SENT_AT_ONCE):
        command = next(commands, None)
        if command is None:
            return False
        if command is FLUSH:
            break
        command()
    return True


def error_info(error: BaseException, lost: bool) -> ErrorInfo:
    """Extract the fields of one of psycopg's exceptions."""
    diag = getattr(error, "diag", None)
    if diag is None or diag.sqlstate is None:
        words = str(error).strip() or type(error).__name__
        return ErrorInfo(
            words, getattr(error, "sqlstate", None), fallback=DatabaseConnectionError if lost else OperationalError
        )
    return ErrorInfo(
        message=diag.message_primary or "",
        sqlstate=diag.sqlstate,
        detail=diag.message_detail,
        hint=diag.message_hint,
        constraint=diag.constraint_name,
        table=diag.table_name,
        column=diag.column_name,
        context=diag.context,
        position=int(diag.statement_position) if diag.statement_position else None,
        sent=getattr(error, _SENT, None),
        alive=not lost,
    )


def connect_error_info(error: BaseException) -> ErrorInfo:
    """Extract the facts of a failed connection attempt."""
    from sqlspec.postgres.phrases import classify

    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return ErrorInfo(
            "the server did not answer within connect_timeout; check host and port",
            fallback=ConnectionTimeoutError,
        )
    words = str(error).partition("\nMultiple connection attempts failed.")[0].strip()
    # An attempt with TLS and one without have a line each.
    last = words.rpartition("\nconnection to server ")[2]
    refused = last.partition(" failed: FATAL:  ")[2]
    if not refused:
        return ErrorInfo(" ".join(words.split()), getattr(error, "sqlstate", None), fallback=DatabaseConnectionError)
    # libpq gives no SQLSTATE for a failed attempt, so the server's own words must do, where it speaks English.
    rest, _, hint = refused.partition("\nHINT:  ")
    message, _, detail = rest.partition("\nDETAIL:  ")
    sqlstate = classify(message, detail, fatal=True).sqlstate
    return ErrorInfo(message, sqlstate, detail or None, hint or None, fallback=DatabaseConnectionError)


def cut(pgconn: PGconn) -> None:
    """Shut the socket down. It is not closed: another thread may be waiting on this very descriptor."""
    try:
        borrowed = socket.socket(fileno=pgconn.socket)
    except (OSError, psycopg.Error):
        return  # it is closed
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    finally:
        borrowed.detach()


def ends_connection(error: BaseException) -> bool:
    """Tell whether the server closes the connection with this error."""
    diag = getattr(error, "diag", None)
    if diag is None:
        return False
    return ends_session(diag.sqlstate, diag.severity_nonlocalized)


def connect_options(settings: ConnectionSettings) -> dict[str, Any]:
    """Return the connection parameters of libpq (PostgreSQL manual, section 34.1.2)."""
    options = [settings.options] if settings.options else []
    for name, value in settings.session_settings.items():
        escaped = re.sub(r"([\\\s])", r"\\\1", value)  # white space of any kind parts options
        options.append(f"-c {name}={escaped}")
    given = {
        "host": ",".join(settings.hosts),
        "port": ",".join(map(str, settings.ports)),
        "user": settings.user,
        "password": settings.password,
        "dbname": settings.database,
        "application_name": settings.application_name,
        # libpq counts whole seconds, and takes 0 for no limit.
        "connect_timeout": math.ceil(settings.connect_timeout) if settings.connect_timeout else 0,
        "sslmode": settings.sslmode,
        "sslrootcert": settings.sslrootcert,
        "sslcert": settings.sslcert,
        "sslkey": settings.sslkey,
        "options": " ".join(options) or None,
        "target_session_attrs": settings.target_session_attrs,
        "load_balance_hosts": settings.load_balance_hosts,
        "keepalives": int(settings.keepalives),
        "keepalives_idle": settings.keepalives_idle,
        "keepalives_interval": settings.keepalives_interval,
        "keepalives_count": settings.keepalives_count,
        "tcp_user_timeout": None if settings.tcp_user_timeout is None else math.ceil(settings.tcp_user_timeout * 1000),
        "client_encoding": "UTF8",
    }
    passed_on = {key: value for key, value in settings.native.items() if key in LIBPQ_ONLY}
    return {key: value for key, value in (given | passed_on).items() if value is not None}
