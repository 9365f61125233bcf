"""Bookkeeping that adapters share: prepared statements of one connection, derivations of one config."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from sqlspec.exceptions import MissingDependencyError
from sqlspec.postgres.codec import ALWAYS_READ, CodecOptions, CodecRegistry
from sqlspec.postgres.settings import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column, RawResult

__all__ = (
    "COUNTED_VERBS",
    "ROW_COUNT_VERBS",
    "Changed",
    "Derived",
    "StatementCache",
    "begins",
    "cache_size",
    "can_commit_unread",
    "changed_by",
    "name_statement",
    "need_pyarrow",
    "undoes",
    "with_returning",
)

MAX_COLUMN_SETS = 4096
MAX_INSERTS = 512

COUNTED_VERBS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})
"""RETURNING can be added to them."""

ROW_COUNT_VERBS = COUNTED_VERBS | {"SELECT", "VALUES", "TABLE", "FETCH", "EXECUTE"}
"""The server's count of such a statement, where it gives rows, is their number."""


def with_returning(body: str) -> str:
    """Return the text of a data change that gives a row for each that it changes, where these have to be counted."""
    return f"{body}\nreturning 1"


class Derived:
    """What follows from type OIDs alone, so that all connections of a config share it.

    Attributes:
        codecs: Binary codecs by type OID, built-in ones and those learnt from the catalog.
        options: Settings of the codecs.
        inserts: How the rows of a plain INSERT were last stored all at once, by its text. Checked at each use.
    """

    __slots__ = ("_columns", "codecs", "inserts", "options")

    def __init__(self, options: CodecOptions | None = None) -> None:
        self.options = options or CodecOptions()
        self.codecs = CodecRegistry(self.options)
        self._columns: dict[tuple[Column, ...], tuple[Column, ...]] = {}
        self.inserts: dict[str, Any] = {}

    def columns(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Return one shared object for equal column tuples: mappers then compare by identity first."""
        if len(self._columns) >= MAX_COLUMN_SETS:
            self._columns.clear()
        return self._columns.setdefault(columns, columns)

    def keep_insert(self, sql: str, store: Any) -> None:
        """Keep how the rows of a plain INSERT are stored all at once."""
        if len(self.inserts) >= MAX_INSERTS:
            self.inserts.clear()
        self.inserts[sql] = store

    def to_table(self, raw: RawResult) -> pa.Table:
        """Return the rows of a result as Arrow data; their types are known, as they have been decoded.

        Raises:
            MissingDependencyError: pyarrow is not installed.
            DataError: A value has no place in its Arrow type.
        """
        need_pyarrow()
        from sqlspec.postgres.arrow.rows import rows_table

        return rows_table(raw, self.codecs)


def need_pyarrow() -> None:
    """Check that pyarrow is there, before a module is imported that needs it.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import pyarrow  # noqa: F401 - what the caller imports next needs it
    except ImportError:
        raise MissingDependencyError("pyarrow", "arrow") from None


def cache_size(value: Any) -> dict[str, int]:
    """Check the setting `statement_cache_size` of an adapter.

    Raises:
        BadValueError: It is no integer of at least 1.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadValueError("an integer of at least 1: statements are always prepared")
    return {"statement_cache_size": value}


class Changed(NamedTuple):
    """What a command or script may have made out of date on its connection.

    Attributes:
        statements: Prepared statements: they were dropped; or their columns may be others now, for which the server
            refuses them; or a new table has taken the place of another in the search path, which it does not notice.
        types: What the catalog said of types.
    """

    statements: bool
    types: bool


_CHANGES_STATEMENTS = re.compile(r"\b(?:create|alter|drop|deallocate|discard|into|search_path|schema)\b", re.IGNORECASE)
_CHANGES_TYPES = re.compile(r"\b(?:alter|drop)\b", re.IGNORECASE)
_BEGINS = re.compile(r"\b(?:begin|start)\b", re.IGNORECASE)
_UNDOES = re.compile(r"\brollback\b", re.IGNORECASE)


def changed_by(text: str) -> Changed:
    """Tell what a text may have changed, by its words: preparing once more is cheap, an answer out of date is wrong."""
    return Changed(_CHANGES_STATEMENTS.search(text) is not None, _CHANGES_TYPES.search(text) is not None)


def can_commit_unread(statements: Iterable[_Described]) -> bool:
    """Tell whether the server may commit statements before anybody has read what they give: no value can be refused."""
    return all(column.oid in ALWAYS_READ for known in set(statements) for column in known.columns or ())


def name_statement(error: BaseException, index: int, plan: Plan) -> None:
    """Note on an error which statement of a stack it comes from."""
    error.__dict__.setdefault("__notes__", [])  # some exceptions of asyncpg let no attribute be set
    error.add_note(f"statement {index} of the stack: {plan.source}")


def begins(text: str) -> bool:
    """Tell, by its words, whether a text may begin a transaction."""
    return _BEGINS.search(text) is not None


def undoes(text: str) -> bool:
    """Tell, by its words, whether a text may roll a transaction or savepoint back, and what was changed in it."""
    return _UNDOES.search(text) is not None


class _Described(Protocol):
    @property
    def columns(self) -> tuple[Column, ...] | None: ...


class _Used(Protocol):
    used: bool


P = TypeVar("P", bound=_Used)


class StatementCache(Generic[P]):
    """Prepared statements of one connection by text, bounded, evicting with a second chance.

    A hit costs a dict lookup and setting `used`; order is only repaired when something must go.
    """

    __slots__ = ("entries", "get", "max_entries")

    def __init__(self, max_entries: int = 256) -> None:
        self.entries: dict[str, P] = {}
        self.get = self.entries.get
        self.max_entries = max_entries

    def add(self, text: str, entry: P) -> P | None:
        """Store an entry; return the one that had to go, which the caller closes on the server."""
        evicted = self._make_room() if len(self.entries) >= self.max_entries else None
        self.entries[text] = entry
        return evicted

    def _make_room(self) -> P:
        entries = self.entries
        while True:
            text = next(iter(entries))
            entry = entries.pop(text)
            if not entry.used:
                return entry
            entry.used = False
            entries[text] = entry

    def discard(self, text: str) -> P | None:
        """Forget one text; return its entry if there was one."""
        return self.entries.pop(text, None)

    def clear(self) -> list[P]:
        """Forget all; return them."""
        entries = list(self.entries.values())
        self.entries.clear()
        return entries

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)
