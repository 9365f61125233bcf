"""Plans: everything known about one SQL text, and the compiler that caches them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.core._inserts import PlainInsert, plain_insert
from sqlspec.core._settings import KEPT_REASON, rereads
from sqlspec.core._verbs import CONTROL
from sqlspec.core.arguments import flag
from sqlspec.core.excerpt import brief
from sqlspec.core.mapping import build_mapper
from sqlspec.core.parameters import bind_named, bind_positional, iter_bound
from sqlspec.core.scan import MAX_PARAMETERS, parameter_names, scan, splice, statement_text
from sqlspec.exceptions import (
    ImproperConfigurationError,
    MappingError,
    NotSupportedError,
    ParameterError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlspec.core.result import Column, RawResult
    from sqlspec.core.scan import Scan

__all__ = ("Compiler", "Plan", "Refusal", "part_refusal")

MAX_MAPPERS = 16
"""Mappers kept per plan. A statement rarely has more than two; classes made in a loop must not pile up."""

_DATA_VERBS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"})
_TRANSACTION_VERBS = CONTROL | {"SAVEPOINT", "RELEASE"}


class Refusal(NamedTuple):
    """Why a text is not run as one statement: the class to raise, and the words."""

    kind: type[SQLSpecError]
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """The complete answer for one SQL text. Holds no parameter value.

    Attributes:
        source: The text as the user wrote it.
        sql: The text for the driver, with `$n` placeholders; all other characters as in `source`.
        verb: Upper-case main verb; empty for an empty text.
        returns_rows: The statement gives a row description, possibly with zero columns or rows.
        names: Distinct placeholder names in order of first use; `None` for positional placeholders.
        arity: Number of parameters.
        changes_session: The statement may leave state on the connection: it must be reset before reuse.
        reads_or_writes: The verb is one whose statements the server plans; such a one may be run again after a failure
            that came before its execution, unlike a procedure, which may have committed.
        prepared: An adapter prepares the statement; others are commands without parameters and rows.
        refusal: Why `execute` cannot run this text and what to call instead; `None` when it can.
        special: One of the two above holds, so the hot path must look closer.
        insert: What a plain INSERT fills: one row of values that are placeholders and nothing else.
        tail: Number of characters behind the statement: white space, comments and the semicolon.
        mappers: Row mappers by schema type: `(columns, mapper)`.
    """

    source: str
    sql: str
    verb: str
    returns_rows: bool
    names: tuple[str, ...] | None
    arity: int
    changes_session: bool
    reads_or_writes: bool
    prepared: bool
    refusal: Refusal | None
    special: bool
    insert: PlainInsert | None
    tail: int
    mappers: dict[Any, tuple[tuple[Column, ...], Callable[[Sequence[Any]], list[Any]]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __repr__(self) -> str:
        parameters = ", ".join(self.names) if self.names is not None else str(self.arity or "none")
        return f"<Plan {self.verb or 'empty'}: {brief(self.source)!r}, parameters: {parameters}>"

    @property
    def body(self) -> str:
        """The text for the driver without what stands behind the statement, so that a suffix can be added."""
        return self.sql[: len(self.sql) - self.tail]

    def bind(self, params: tuple[Any, ...], named: Mapping[str, Any]) -> Sequence[Any]:
        """Return the values of `$1`, `$2`, ...

        Raises:
            ParameterError: The parameters do not fit the placeholders.
        """
        if self.names is None:
            return bind_positional(self.arity, params, named)
        return bind_named(self.names, params, named)

    def bind_many(self, rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
        """Yield the values of each row, lazily.

        Raises:
            ParameterError: A row does not fit the placeholders.
        """
        return iter_bound(self.arity, self.names, rows)

    def map_rows(self, raw: RawResult, schema_type: Any, validate: bool = False) -> list[Any]:
        """Convert raw rows to `schema_type` with a cached mapper.

        Raises:
            MappingError: The columns do not fit the schema type, or it is no type.
        """
        return self.mapper(raw, schema_type, validate)(raw.rows)

    def mapper(self, raw: RawResult, schema_type: Any, validate: bool = False) -> Callable[[Sequence[Any]], list[Any]]:
        """Return the mapper for these columns; build it on first use, or when the columns have changed."""
        validate = flag("validate", validate)
        key = (schema_type, True) if validate else schema_type
        mappers = self.mappers
        try:
            entry = mappers.get(key)
        except TypeError:
            kind = type(schema_type).__name__
            raise MappingError(f"rows cannot become a {kind}: it is no type; pass a class as schema_type") from None
        # Compared by value: two connections describe the same table with two equal tuples.
        if entry is not None and entry[0] == raw.columns:
            return entry[1]
        mapper = build_mapper(schema_type, raw.columns, validate=validate, row_shape=raw.shape)
        if len(mappers) >= MAX_MAPPERS:
            mappers.clear()
        mappers[key] = (raw.columns, mapper)
        return mapper


class Compiler:
    """Turns SQL texts into plans. Its dictionary is the only statement cache of a config.

    The key is the text itself, so two texts can never be taken for one another. Both the number of entries
    and the length of a cached text are bounded; a longer text is compiled each time.

    Attributes:
        plans: The cache. Sessions read it directly; only `plan` writes it.
    """

    __slots__ = ("_lock", "max_entries", "max_text", "plans")

    def __init__(self, *, max_entries: int = 2048, max_text: int = 16_384) -> None:
        self.plans: dict[str, Plan] = {}
        self.max_entries = max_entries
        self.max_text = max_text
        self._lock = Lock()

    def plan(self, text: str) -> Plan:
        """Return the plan of a text, from the cache or compiled now.

        Raises:
            SQLParsingError: A quote or comment is not closed.
            ParameterError: Two placeholder styles are mixed, or there are more placeholders than the server takes.
        """
        found = self.plans.get(text) if text.__class__ is str else None
        if found is not None:
            return found
        plan = _compile(statement_text(text))
        if len(text) <= self.max_text:
            with self._lock:
                if len(self.plans) >= self.max_entries:
                    self._evict()
                self.plans[text] = plan
        return plan

    def _evict(self) -> None:
        # The oldest quarter at once: eviction is then rare, and a statement in use is back after one compilation.
        for text in list(self.plans)[: max(1, self.max_entries // 4)]:
            del self.plans[text]


def _compile(text: str) -> Plan:
    found = scan(text)
    names: tuple[str, ...] | None = None
    if found.style in ("named", "pyformat"):
        names = parameter_names(found)
        arity = len(names)
    elif found.style == "numeric":
        arity = max(int(hit.name or 0) for hit in found.placeholders)
    else:
        arity = len(found.placeholders)
    if arity > MAX_PARAMETERS:  # what the protocol counts in 16 bits
        given = f"the statement has {arity} of them, and the server takes at most {MAX_PARAMETERS}"
        raise ParameterError(f"cannot send the parameters: {given}; pass arrays, or use execute_many()", sql=text)
    sql = text if found.style in (None, "numeric") else splice(text, found, "${}".format)
    refusal = _refusal(text, found)
    # SELECT INTO makes a table, whatever its verb is.
    reads_or_writes = found.verb in _DATA_VERBS and (found.verb != "SELECT" or found.returns_rows)
    tail = len(text) - found.statements[-1][1] if found.statements else 0
    plain = found.verb == "INSERT" and not found.returns_rows and len(found.statements) == 1
    return Plan(
        source=text,
        sql=sql,
        verb=found.verb,
        returns_rows=found.returns_rows,
        names=names,
        arity=arity,
        changes_session=found.changes_session,
        reads_or_writes=reads_or_writes,
        prepared=reads_or_writes or found.returns_rows or arity > 0,
        refusal=refusal,
        special=refusal is not None or found.changes_session,
        insert=plain_insert(sql[: len(sql) - tail], arity) if plain else None,
        tail=tail,
    )


def _refusal(text: str, found: Scan) -> Refusal | None:
    if not found.statements:
        return Refusal(SQLParsingError, "the text holds no statement; pass one")
    if len(found.statements) > 1:
        count = len(found.statements)
        return Refusal(SQLParsingError, f"{count} statements in one text; use execute_script() or execute_stack()")
    if found.verb in _TRANSACTION_VERBS:
        methods = "begin(), commit(), rollback(), transaction() or savepoint()"
        return Refusal(TransactionError, f"{found.verb} is transaction control; use {methods}")
    return part_refusal(text, found)


def part_refusal(statement: str, found: Scan) -> Refusal | None:
    """Return why this statement is run neither alone nor as part of a script; `None` when it can be."""
    if found.copies_stdio:
        return Refusal(
            NotSupportedError,
            "COPY from or to the client is a data transfer; use load_from_arrow() or select_to_arrow()",
        )
    setting = rereads(statement) if found.verb == "SET" else ""
    if setting:
        return Refusal(ImproperConfigurationError, f"{setting} {KEPT_REASON}")
    return None
