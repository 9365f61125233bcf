"""What can be told from psqlpy's errors, which are a line of text and nothing else."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlspec.adapters.psqlpy._native import DatabaseError
from sqlspec.exceptions import DatabaseConnectionError, ErrorInfo, OperationalError
from sqlspec.postgres.phrases import DETAIL, HINT, classify, detail_and_hint, message_end, shared_class

__all__ = (
    "Told",
    "connect_error_info",
    "error_info",
    "is_lost",
    "is_panic",
    "lost",
    "panicked",
    "read",
    "refusal",
    "set_verb",
)

# What the driver puts in front, in this order. Anchored: no text of a user can come before it.
_PREFIXES = re.compile(
    r"(?:Database engine pool exception: |Error occurred while creating a new object: "
    r"|Transaction (?:begin|commit|rollback|savepoint|execute) error: "
    r"|Cannot (?:execute (?:query|COMMIT statement|ROLLBACK statement)|start transaction due to)(?:,| -) (?:error - )?"
    r"|(?:Error occurred in `execute_many` statement|Cannot build statement in execute_many"
    r"|Cannot open transaction wrap in execute_many|Failed to finalize execute_many wrap): )*"
)
# The words that tokio-postgres has for a connection that is no more, or that cannot be understood any more.
_LOST = (
    "connection closed",
    "error communicating with the server",
    "unexpected message from server",
    "error parsing response from server",
    "error connecting to server",
    "Underlying connection is returned to the pool",
    "Listener error",
)
# Said of a text with a NUL, of which nothing was sent.
_NOT_SENT = "string contains embedded null"
_FROM_SERVER = "db error: "
_PANIC = "the driver panicked"
_FIELD = re.compile(f"{DETAIL}|{HINT}")
_VERB = "_sqlspec_verb"

# Severities of an English server. The driver shows the translated one, so others tell another language.
_ENGLISH = frozenset({"ERROR", "FATAL", "PANIC"})


class Told(NamedTuple):
    """The parts of an error's text.

    Attributes:
        message: The server's primary message, or the driver's words.
        severity: As the server translated it; empty when the words are the driver's.
    """

    message: str
    severity: str = ""
    detail: str | None = None
    hint: str | None = None

    @property
    def english(self) -> bool:
        return self.severity in _ENGLISH

    @property
    def fatal(self) -> bool:
        return self.severity in ("FATAL", "PANIC")

    @property
    def ends_connection(self) -> bool:
        if not self.severity:
            return self.message.startswith((*_LOST, _PANIC)) and not self.message.endswith(_NOT_SENT)
        return self.fatal


def read(error: BaseException) -> Told:
    """Take an error's text apart."""
    text = str(error.args[0]) if error.args else type(error).__name__
    found = _PREFIXES.match(text)
    words = text[found.end() :] if found else text
    if not words.startswith(_FROM_SERVER):
        return Told(words or type(error).__name__)
    severity, _, rest = words[len(_FROM_SERVER) :].partition(": ")
    ends = [found.start() for found in _FIELD.finditer(rest)]
    if not ends:
        return Told(rest, severity)
    end = None
    if severity in _ENGLISH:
        end = message_end(rest, (*ends, len(rest)), fatal=severity != "ERROR")
    if end is None:
        end = ends[0]
    message = rest[:end]
    return Told(message, severity, *detail_and_hint(message, rest[end:]))


def error_info(error: BaseException, closed: bool) -> ErrorInfo:
    """Extract what the text tells; SQLSTATE and names from the server's English phrases."""
    told = read(error)
    broken = closed or told.ends_connection
    if not told.english:
        return ErrorInfo(told.message, fallback=DatabaseConnectionError if broken else OperationalError)
    known = (told.message, told.detail)
    verb: str | None = getattr(error, _VERB, None)
    phrase = classify(*known, fatal=told.fatal, hint=told.hint or "", verb=verb)
    kind = DatabaseConnectionError if broken else shared_class(*known, fatal=told.fatal)
    return ErrorInfo(
        message=told.message,
        sqlstate=phrase.sqlstate,
        detail=told.detail,
        hint=told.hint,
        constraint=phrase.constraint,
        table=phrase.table,
        column=phrase.column,
        fallback=kind or OperationalError,
        alive=not broken,
    )


def set_verb(error: BaseException, verb: str) -> None:
    """Note on an error which command it is of: the server has some texts that mean different things for two of them."""
    setattr(error, _VERB, verb)


def connect_error_info(error: BaseException) -> ErrorInfo:
    """Extract the facts of a failed connection attempt."""
    told = read(error)
    sqlstate = classify(told.message, told.detail, fatal=told.fatal).sqlstate if told.english else None
    return ErrorInfo(told.message, sqlstate, told.detail, told.hint, fallback=DatabaseConnectionError)


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection is of no use after this error."""
    return read(error).ends_connection


def lost() -> DatabaseError:
    """Return the driver's error for a connection that is closed."""
    return DatabaseError("connection closed")


def refusal(message: str) -> DatabaseError:
    """Return the server's error for what was not sent, or was stopped in between."""
    return DatabaseError(f"{_FROM_SERVER}ERROR: {message}")


def is_panic(error: BaseException) -> bool:
    """Tell whether the driver's Rust code panicked: its class cannot be imported, and is no `Exception`."""
    return type(error).__name__ == "PanicException"


def panicked(error: BaseException) -> DatabaseError:
    """Return the error to raise for a panic. The driver's words may hold a value, so they are left out."""
    return DatabaseError(f"{_PANIC}; the connection is closed, this is an error of psqlpy: report the statement there")
