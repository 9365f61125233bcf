"""A list of statements to send together. Data only; the driver layer runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.core.arguments import items_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlspec.core.statement import SQL

__all__ = ("StackEntry", "StatementStack")


class StackEntry(NamedTuple):
    """One statement of a stack, not yet compiled.

    Attributes:
        sql: Text or `SQL` object.
        params: Positional parameters, as `execute` takes them.
        named: Keyword parameters, as `execute` takes them.
    """

    sql: str | SQL
    params: tuple[Any, ...] = ()
    named: dict[str, Any] | None = None


class StatementStack:
    """Statements that run in order, atomically, and in one round trip where the driver can.

    A stack is immutable: each push returns a new one.

    Example:
        >>> stack = StatementStack().push_execute("select $1::int", 1).push_execute("select 2")
        >>> len(stack)
        2
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Sequence[StackEntry] = ()) -> None:
        self._entries = tuple(entries)

    def push_execute(self, sql: str | SQL, /, *params: Any, **named: Any) -> StatementStack:
        """Return a stack with one more statement, which takes parameters as `session.execute` does."""
        return StatementStack((*self._entries, StackEntry(sql, params, named or None)))

    def __iter__(self) -> Iterator[StackEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<StatementStack of {len(self)} statements>"

    @classmethod
    def of(cls, source: StatementStack | Iterable[Any]) -> StatementStack:
        """Return `source` itself, or a stack built from an iterable of `sql` or `(sql, params)`.

        Raises:
            ParameterError: It is no such iterable.
        """
        if isinstance(source, StatementStack):
            return source
        entries = []
        for item in items_of("a stack", source, "statements"):
            entry: tuple[Any, ...] = item if isinstance(item, tuple) and item else (item,)
            entries.append(StackEntry(entry[0], entry[1:]))
        return cls(entries)
