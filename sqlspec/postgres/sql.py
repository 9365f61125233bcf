"""SQL text that has no place for parameters: identifiers, literals, transaction control, session reset.

Everything here is pure text. Names are always quoted, so that a name means exactly the characters that it
was given as: `Users` stays `Users`, and no name can end its quotes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlspec.core.arguments import MAX_NAME_BYTES, flag
from sqlspec.exceptions import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = (
    "BEGIN",
    "ISOLATION_LEVELS",
    "MAX_NAME_BYTES",
    "NOTIFY",
    "RESET_STATEMENTS",
    "begin",
    "listen",
    "quote_channel",
    "quote_identifier",
    "quote_literal",
    "quote_qualified",
    "release",
    "reset_script",
    "rollback_to",
    "savepoint",
    "set_config_sql",
    "split_qualified",
    "undo",
    "unlisten",
)

BEGIN: Final = "BEGIN"
"""Opens a transaction of the kind that the server's settings ask for."""

ISOLATION_LEVELS: Final = ("read uncommitted", "read committed", "repeatable read", "serializable")
"""Isolation levels that `begin` takes (PostgreSQL manual, 13.2)."""

NOTIFY: Final = "select pg_catalog.pg_notify($1, $2)"
"""Sends a notification. NOTIFY itself takes neither a parameter nor, unquoted, a mixed-case channel."""

RESET_STATEMENTS: Final = (
    # The session user first: the statements below then run with the rights that the connection was made with.
    "SET SESSION AUTHORIZATION DEFAULT",
    # RESET ALL leaves SET ROLE in force.
    "RESET ROLE",
    "RESET ALL",
    "CLOSE ALL",
    "UNLISTEN *",
    "SELECT pg_catalog.pg_advisory_unlock_all()",
    "DISCARD TEMP",
    "DISCARD SEQUENCES",
    # What the borrower prepared by SQL; statements that were prepared by protocol belong to the adapter.
    """DO $$ DECLARE prepared name; BEGIN
    FOR prepared IN SELECT name FROM pg_catalog.pg_prepared_statements WHERE from_sql
    LOOP EXECUTE pg_catalog.format('DEALLOCATE %I', prepared); END LOOP; END $$""",
)
"""Statements that return an idle session to its state after connecting, in the order to run them.

DISCARD ALL is not used: it also deallocates the prepared statements that a driver believes to own. ROLLBACK
is not part of it: outside a transaction it earns a warning from the server, so only a caller that knows of an
open transaction sends it, and before these."""

# A quoted part with its doubled quotes, or a bare one, which may hold anything but a dot and a quote.
_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def quote_identifier(name: str) -> str:
    """Quote one identifier, keeping every character of it.

    Args:
        name: A name without quotes: a table, column, role, cursor.

    Returns:
        The name in double quotes (PostgreSQL manual, 4.1.1).

    Raises:
        ParameterError: The name is empty, longer than `MAX_NAME_BYTES`, holds a NUL character, or is no valid Unicode.
    """
    size = len(_encoded("an identifier", name))
    if not size:
        raise ParameterError("cannot quote an identifier: it is empty; give at least one character")
    if size > MAX_NAME_BYTES:  # the server would take it for the name of something else
        raise ParameterError(
            f"cannot quote an identifier: it has {size} bytes in UTF-8; "
            f"use at most {MAX_NAME_BYTES}, the server cuts off the rest"
        )
    return '"' + name.replace('"', '""') + '"'


def split_qualified(name: str) -> tuple[str, ...]:
    """Split a dotted name into the plain names of its parts.

    Args:
        name: `table` or `schema.table`. A part in double quotes may hold dots, and `""` for a quote. A bare
            part is kept as written: it is not folded to lower case.

    Returns:
        The parts without quotes, outermost first.

    Raises:
        ParameterError: A part is empty, or its quotes are not closed or not where a part begins and ends.
    """
    _encoded("a qualified name", name)
    parts: list[str] = []
    at = 0
    while True:
        match = _PART.match(name, at)
        part = "" if match is None else match[2] or match[1].replace('""', '"')
        if match is None or not part:
            raise ParameterError(
                f"cannot split a qualified name: part {len(parts) + 1} is empty or its quotes are not "
                'closed; write schema.table or "schema"."table"'
            )
        if match[2] is not None and part != part.strip():
            raise ParameterError(
                f"cannot split a qualified name: part {len(parts) + 1} begins or ends with a blank; "
                "remove it, or put the part in double quotes"
            )
        parts.append(part)
        at = match.end()
        if at == len(name):
            return tuple(parts)
        if name[at] != ".":
            raise ParameterError(
                f"cannot split a qualified name: a quote stands inside part {len(parts)}; "
                'put the whole part in double quotes and write "" for a quote in it'
            )
        at += 1


def quote_qualified(name: str | Sequence[str]) -> str:
    """Quote a name that may carry a schema.

    Args:
        name: Text as `split_qualified` takes it, or the parts themselves, which are then taken literally.

    Returns:
        Every part in double quotes, joined by dots.

    Raises:
        ParameterError: The text cannot be split, there are no parts, or a part cannot be quoted.
    """
    parts = split_qualified(name) if isinstance(name, str) else tuple(name)
    if not parts:
        raise ParameterError("cannot quote a qualified name: it has no parts; give a table or (schema, table)")
    return ".".join(map(quote_identifier, parts))


def quote_literal(text: str) -> str:
    """Quote a string constant, for statements that take no parameters.

    Args:
        text: Any text without NUL.

    Returns:
        `'...'`, or `E'...'` when the text holds a backslash: that form means the same whatever
        `standard_conforming_strings` says (PostgreSQL manual, 4.1.2).

    Raises:
        ParameterError: The text holds a NUL character or is no valid Unicode.
    """
    _encoded("a string", text)
    quoted = text.replace("'", "''")
    if "\\" in quoted:
        return "E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def begin(isolation: str | None = None, readonly: bool | None = None, deferrable: bool | None = None) -> str:
    """Write the statement that opens a transaction.

    Args:
        isolation: One of `ISOLATION_LEVELS` in any case, words parted by a blank, `_` or `-`. `None` leaves
            the choice to the session's `default_transaction_isolation`; the other arguments likewise.
        readonly: READ ONLY or READ WRITE.
        deferrable: DEFERRABLE or NOT DEFERRABLE; it has an effect with serializable and read only together.

    Returns:
        A BEGIN statement (PostgreSQL manual, SQL command BEGIN).

    Raises:
        ParameterError: PostgreSQL has no such isolation level.
    """
    words = [BEGIN]
    if isolation is not None:
        words.append(f"ISOLATION LEVEL {_isolation(isolation)}")
    if readonly is not None:
        words.append("READ ONLY" if flag("readonly", readonly) else "READ WRITE")
    if deferrable is not None:
        words.append("DEFERRABLE" if flag("deferrable", deferrable) else "NOT DEFERRABLE")
    return " ".join(words)


def savepoint(name: str) -> str:
    """Write the statement that sets a savepoint.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return f"SAVEPOINT {quote_identifier(name)}"


def release(name: str) -> str:
    """Write the statement that gives up a savepoint and keeps what was done since.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return f"RELEASE SAVEPOINT {quote_identifier(name)}"


def rollback_to(name: str) -> str:
    """Write the statement that undoes everything since a savepoint and keeps the savepoint.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return f"ROLLBACK TO SAVEPOINT {quote_identifier(name)}"


def undo(name: str) -> str:
    """Write the script that undoes everything since a savepoint, and gives the savepoint up.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return f"{rollback_to(name)};\n{release(name)}"


def set_config_sql(names: Sequence[str]) -> str:
    """Write the statement that sets run-time parameters until the transaction ends.

    The names are parameters too, so the text depends on their number alone and its plan is shared.

    Args:
        names: The settings to be set.

    Returns:
        A SELECT over `set_config`; its parameters are name and value of each setting in turn, all text.

    Raises:
        ParameterError: There are no names, or one is empty.
    """
    if not names or not all(names):
        raise ParameterError("cannot set configuration parameters: a name is missing; give at least one, none empty")
    calls = (f"pg_catalog.set_config(${at}, ${at + 1}, true)" for at in range(1, 2 * len(names), 2))
    return f"select {', '.join(calls)}"


def quote_channel(channel: str) -> str:
    """Quote the name of a notification channel.

    The server cuts a longer name in LISTEN without an error and refuses it in `pg_notify`: the listener would
    wait on a channel that nobody can name.

    Raises:
        ParameterError: The name cannot be quoted or is longer than `MAX_NAME_BYTES` bytes of UTF-8.
    """
    return quote_identifier(channel)


def listen(channel: str) -> str:
    """Write the statement that subscribes to a channel; mixed case is kept.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return f"LISTEN {quote_identifier(channel)}"


def unlisten(channel: str | None = None) -> str:
    """Write the statement that ends the subscription to one channel, or to all of them.

    Raises:
        ParameterError: The name cannot be quoted or is too long.
    """
    return "UNLISTEN *" if channel is None else f"UNLISTEN {quote_identifier(channel)}"


def reset_script() -> str:
    """Return `RESET_STATEMENTS` as one script, for the simple query protocol."""
    return "; ".join(RESET_STATEMENTS)


def _isolation(level: object) -> str:
    words = " ".join(re.split(r"[\s_-]+", level.strip())).lower() if isinstance(level, str) else ""
    if words not in ISOLATION_LEVELS:
        raise ParameterError(
            "cannot begin a transaction: there is no such isolation level; use one of "
            + ", ".join(map(repr, ISOLATION_LEVELS))
        )
    return words.upper()


def _encoded(what: str, text: object) -> bytes:
    """Return the UTF-8 of a text that PostgreSQL can hold."""
    if not isinstance(text, str):
        raise ParameterError(f"cannot quote {what}: it is of type {type(text).__name__}; give a str")
    if "\0" in text:
        raise ParameterError(f"cannot quote {what}: it holds a NUL character; PostgreSQL stores none, remove it")
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The driver's own error would quote the text; from None, because its context would do so too.
        raise ParameterError(f"cannot quote {what}: it holds half of a surrogate pair; give valid Unicode") from None
