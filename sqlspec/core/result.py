"""What a statement gave: the adapter's raw answer and the user's view of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, overload

from sqlspec.exceptions import MultipleResultsFoundError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlspec.core.plan import Plan

__all__ = ("Column", "Described", "RawResult", "RowShape", "SQLResult", "raw_result")

T = TypeVar("T")
S = TypeVar("S")

RowShape = Literal["tuple", "mapping"]


class Column(NamedTuple):
    """One result column.

    Attributes:
        name: Name as the server reports it; not necessarily unique within a result.
        oid: OID of the column's type in `pg_type`.
        typmod: Type modifier (`atttypmod`), -1 when absent or unknown to the driver.
    """

    name: str
    oid: int
    typmod: int = -1


class Described(NamedTuple):
    """One prepared statement on one connection (protocol messages ParameterDescription, RowDescription).

    Attributes:
        parameter_oids: Type OIDs that the server inferred for `$1`, `$2`, ...
        columns: Result columns; empty for a statement without rows.
    """

    parameter_oids: tuple[int, ...]
    columns: tuple[Column, ...]


class RawResult(NamedTuple):
    """All that an adapter returns for one statement.

    Attributes:
        rows: Rows in the order of arrival; empty for a statement without rows.
        columns: Result columns, also for zero rows.
        shape: `"tuple"`: rows unpack by position (tuples, `asyncpg.Record`). `"mapping"`: rows are dicts.
        rows_affected: Count of the command tag; `None` when the driver does not tell. Never a guess.
    """

    rows: Sequence[Any]
    columns: tuple[Column, ...]
    shape: RowShape
    rows_affected: int | None


raw_result: Callable[[tuple[Sequence[Any], tuple[Column, ...], RowShape, int | None]], RawResult] = partial(
    tuple.__new__, RawResult
)
"""Build a `RawResult` from its four fields without a Python frame: its own constructor costs three times as much."""


def exactly_one(rows: Sequence[T]) -> T:
    """Return the only row.

    Raises:
        NotFoundError: There is no row.
        MultipleResultsFoundError: There is more than one.
    """
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise NotFoundError("one row expected: none found; use the `_or_none` form when absence is fine")
    raise MultipleResultsFoundError(f"one row expected: {len(rows)} found; narrow the statement or add LIMIT 1")


def at_most_one(rows: Sequence[T]) -> T | None:
    """Return the only row, or `None` when there is none.

    Raises:
        MultipleResultsFoundError: There is more than one row.
    """
    return exactly_one(rows) if rows else None


class SQLResult(Generic[T]):
    """The result of one statement.

    Rows are converted on first use, once. Without `schema_type` a row is a `dict`.
    """

    __slots__ = ("_plan", "_raw", "_rows", "_schema_type")

    def __init__(self, plan: Plan, raw: RawResult, schema_type: type[T] | None = None) -> None:
        self._plan = plan
        self._raw = raw
        self._schema_type = schema_type
        self._rows: list[T] | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The result's columns, also when no row came back."""
        return self._raw.columns

    @property
    def rows_affected(self) -> int | None:
        """The count of the command tag; `None` when unknown, and for statements that count nothing."""
        return self._raw.rows_affected

    @property
    def verb(self) -> str:
        """The statement's main verb in upper case."""
        return self._plan.verb

    def all(self) -> list[T]:
        """Return every row.

        Raises:
            MappingError: The columns do not fit the schema type.
        """
        rows = self._rows
        if rows is None:
            rows = self._rows = self._plan.map_rows(self._raw, self._schema_type)
        return rows

    @overload
    def get_data(self, *, schema_type: type[S]) -> list[S]: ...
    @overload
    def get_data(self, *, schema_type: None = None) -> list[T]: ...
    def get_data(self, *, schema_type: Any = None) -> Any:
        """Return every row, converted to `schema_type` if one is given.

        Raises:
            MappingError: The columns do not fit the schema type.
        """
        return self.all() if schema_type is None else self._plan.map_rows(self._raw, schema_type)

    def one(self) -> T:
        """Return the only row.

        Raises:
            NotFoundError: There is no row.
            MultipleResultsFoundError: There is more than one.
        """
        return exactly_one(self.all())

    def one_or_none(self) -> T | None:
        """Return the only row, or `None`.

        Raises:
            MultipleResultsFoundError: There is more than one row.
        """
        return at_most_one(self.all())

    def first(self) -> T | None:
        """Return the first row, or `None` when there is none."""
        rows = self.all()
        return rows[0] if rows else None

    def scalar(self) -> Any:
        """Return the first column of the only row.

        Raises:
            NotFoundError: There is no row.
            MultipleResultsFoundError: There is more than one.
        """
        return first_column(exactly_one(self._raw.rows), self._raw)

    def scalar_or_none(self) -> Any:
        """Return the first column of the only row, or `None` when there is no row.

        Raises:
            MultipleResultsFoundError: There is more than one row.
        """
        row = at_most_one(self._raw.rows)
        return None if row is None else first_column(row, self._raw)

    def __iter__(self) -> Iterator[T]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._raw.rows)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<SQLResult {self.verb or 'empty'}: {len(self)} rows, rows_affected={self.rows_affected}>"


def first_column(row: Any, raw: RawResult) -> Any:
    """Return the value of the first column of one raw row.

    Raises:
        NotFoundError: The result has no columns.
    """
    if not raw.columns:
        raise NotFoundError("a value was asked for: the statement returns no columns; use execute()")
    return row[0] if raw.shape == "tuple" else row[raw.columns[0].name]
