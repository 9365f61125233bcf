"""Statements as this adapter keeps them, and the texts around them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._native import CustomType
from sqlspec.core.scan import scan
from sqlspec.driver._statements import COUNTED_VERBS
from sqlspec.exceptions import DataError, NotSupportedError, SQLParsingError, error_class, is_stale_statement
from sqlspec.postgres.enclose import enclose
from sqlspec.postgres.sql import RESET_STATEMENTS, quote_literal, reset_script

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlspec.adapters.psqlpy._results import Reader
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column
    from sqlspec.driver._types import DriverStatus
    from sqlspec.exceptions import ErrorInfo

__all__ = (
    "LARGE",
    "MOST_PARAMETERS",
    "UNCACHED_VERBS",
    "Prepared",
    "can_ask_types",
    "changes_names",
    "controls_transactions",
    "describe_sql",
    "drop_sql",
    "oids_of",
    "probe_sql",
    "spare_the_drivers",
    "staleness_of",
    "status_after",
    "types_sql",
    "with_text_columns",
)

_PREPARABLE_VERBS = COUNTED_VERBS | {"SELECT", "VALUES", "TABLE"}
"""What PREPARE takes."""

UNCACHED_VERBS = frozenset({"FETCH", "EXECUTE", "CALL"})
"""What these give depends on more than their text, and the server does not tell when it has changed."""

LARGE = 16384
"""Length of a text that counts for one statement more among those that wear a connection out."""

MOST_PARAMETERS = 32767
"""The driver counts the parameters of a statement in a signed integer of 16 bits."""

_CONTROL = re.compile(r"\b(?:begin|start|commit|end|rollback|abort|prepare)\b", re.IGNORECASE)
_AND_CHAIN = re.compile(r"\band\s+chain\b", re.IGNORECASE)
_TO = re.compile(r"\bto\b", re.IGNORECASE)
_DROPS_ALL = re.compile(r"\s*(?:(deallocate(?:\s+prepare)?)|discard)\s+all\s*", re.IGNORECASE)
_CHANGES_NAMES = re.compile(r"\b(?:temp|temporary|role|authorization|reset\s+all)\b|pg_temp", re.IGNORECASE)
_CASTS = {25: "::pg_catalog.text", 1009: "::pg_catalog.text[]"}
_TRANSACTION = re.compile(r"\s*prepare\s+transaction\b", re.IGNORECASE)


class Prepared:
    """A statement prepared on one connection.

    Attributes:
        text: What is sent: the user's text, perhaps behind a comment that makes it new to the driver's cache.
        body: The same as part of another statement, without comment and without what stands behind it.
        name: Its name on the server.
        oids: Types of its parameters.
        columns: Its columns as the user sees them.
        wire: Their types as they are sent; `None` for a statement without rows.
        converted: The server converts some of its columns or parameters from or to text.
        counting: The same for a large batch, keeping the count on the server.
        counted: Rows are sent for the sake of their number alone.
        execute: Runs it by the driver's own object, past its search for placeholders; `None` if it takes parameters.
        once: It must not be used a second time.
        bind: Turns parameters into what is sent, past the driver's own conversions.
        reader: Turns the driver's answer into rows; `None` when there are none.
        learnt: Generation of the codecs; `None` when all types are built in.
    """

    __slots__ = (
        "bind",
        "body",
        "columns",
        "converted",
        "counted",
        "counting",
        "execute",
        "learnt",
        "name",
        "oids",
        "once",
        "reader",
        "text",
        "used",
        "wire",
    )

    columns: tuple[Column, ...]
    bind: Callable[[Sequence[Any]], list[CustomType | None]]
    learnt: int | None
    reader: Reader | None

    def __init__(
        self, text: str, body: str, name: str, oids: tuple[int, ...], wire: tuple[int, ...] | None, *, counted: bool
    ) -> None:
        self.text = text
        self.body = body
        self.name = name
        self.oids = oids
        self.wire = wire
        self.counted = counted
        self.converted = False
        self.counting: Prepared | None = None
        self.execute: Callable[[], Awaitable[Any]] | None = None
        self.once = False
        self.used = True

    def names(self) -> list[str]:
        """Return the names of all that is prepared for it on the server."""
        return [self.name] if self.counting is None else [self.name, self.counting.name]

    def is_like(self, other: Prepared) -> bool:
        """Tell whether both take and give the same."""
        mine, others = (self.oids, self.wire, self.columns), (other.oids, other.wire, other.columns)
        return self.counted == other.counted and mine == others


def describe_sql(text: str) -> str:
    """Return the query for name, parameter types and result types of the statement that was prepared last."""
    return (
        "select name, parameter_types::pg_catalog.oid[]::pg_catalog.text, "
        "result_types::pg_catalog.oid[]::pg_catalog.text from pg_catalog.pg_prepared_statements "
        f"where not from_sql and statement = {quote_literal(text)} order by prepare_time desc limit 1"
    )


def can_ask_types(plan: Plan) -> bool:
    """Tell whether the types of a statement's parameters can be asked for with PREPARE."""
    return plan.arity > 0 and plan.verb in _PREPARABLE_VERBS


def staleness_of(plan: Plan, prepared: Prepared, failure: ErrorInfo) -> str:
    """Tell whether the schema may have left a failed statement behind: "missing", "stale", "doubtful" or not."""
    if failure.message in [f'prepared statement "{name}" does not exist' for name in prepared.names()]:
        return "missing"
    if is_stale_statement(None, failure.message):
        return "stale"
    kind = error_class(failure.sqlstate)
    if prepared.counted and kind is NotSupportedError:
        return "stale"  # a new rule may forbid RETURNING
    # Once prepared, it cannot be wrong in itself; but the type that a parameter had may not fit its column now.
    return "doubtful" if can_ask_types(plan) and kind in (SQLParsingError, DataError) else ""


def types_sql(name: str) -> str:
    """Return the query for the parameter types of a statement that was prepared in SQL."""
    return (
        "select parameter_types::pg_catalog.oid[]::pg_catalog.text from pg_catalog.pg_prepared_statements "
        f"where name = {quote_literal(name)}"
    )


def drop_sql(names: Sequence[str], *, safely: bool) -> str:
    """Return the script that closes statements on the server.

    Args:
        names: Their names, which the driver made.
        safely: One that is gone already must not be an error.
    """
    if not safely:
        return ";\n".join(f'deallocate "{name}"' for name in names)
    listed = ", ".join(map(quote_literal, names))
    return (
        "do $$ declare found name; begin\n"
        f"for found in select name from pg_catalog.pg_prepared_statements where name in ({listed})\n"
        "loop execute pg_catalog.format('deallocate %I', found); end loop; end $$"
    )


def probe_sql(prepared: Prepared) -> str:
    """Return the command that has the server look at a prepared statement as before a run, without running it."""
    nulls = f"({', '.join(['null'] * len(prepared.oids))})" if prepared.oids else ""
    return f'explain execute "{prepared.name}"{nulls}'


def oids_of(literal: str) -> tuple[int, ...]:
    """Read an array of OIDs from its text form."""
    return tuple(map(int, filter(None, literal.strip("{}").split(","))))


def spare_the_drivers(text: str) -> str:
    """Return the text with DEALLOCATE ALL and DISCARD ALL limited to what is the user's.

    The driver prepares statements for its own look-ups of types and would never notice that they are gone: from then on
    it could prepare no statement with a type that it has not met.
    """
    if _DROPS_ALL.search(text) is None:
        return text
    parts, at = [], 0
    for start, end in scan(text).statements:
        if (drops := _DROPS_ALL.fullmatch(text, start, end)) is not None:
            parts += [text[at:start], RESET_STATEMENTS[-1] if drops[1] else f"{reset_script()}; discard plans"]
            at = end
    return "".join([*parts, text[at:]])


def controls_transactions(text: str) -> bool:
    """Tell whether a script may open or end a transaction."""
    return _CONTROL.search(text) is not None


def status_after(text: str, before: DriverStatus) -> DriverStatus:
    """Return the transaction status after a script that has run without an error."""
    if not controls_transactions(text):
        return before
    last = _last_control(text)
    if last == "":
        return "active" if before == "failed" else before  # only ROLLBACK TO runs in a failed transaction
    return "active" if last == "active" else "idle"


@lru_cache(maxsize=256)
def _last_control(text: str) -> str:
    last = ""
    for start, end in scan(text).statements:
        part = text[start:end]
        verb = scan(part).verb
        if verb in ("BEGIN", "START"):
            last = "active"
        elif verb in ("COMMIT", "END", "ROLLBACK", "ABORT"):
            if verb in ("ROLLBACK", "ABORT") and _TO.search(part) is not None:
                continue
            last = "active" if _AND_CHAIN.search(part) is not None else "idle"
        elif verb == "PREPARE" and _TRANSACTION.match(part) is not None:
            last = "idle"
    return last


def changes_names(text: str) -> bool:
    """Tell, by its words, whether a name may mean something else after a text that makes no table and alters none."""
    return _CHANGES_NAMES.search(text) is not None


def with_text_columns(body: str, types: Sequence[int], sent: Sequence[int]) -> str:
    """Return a query whose columns the server converts to text where they are not sent as they are."""
    if tuple(sent) == tuple(types):
        return body
    items = [
        f"c{at}{_CASTS.get(oid, '') if oid != before else ''}"
        for at, (oid, before) in enumerate(zip(sent, types, strict=True))
    ]
    return enclose(body, len(sent), items) or body
