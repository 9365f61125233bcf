"""What a statement gave: the adapter's raw answer and the user's view of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, overload

from sqlspec.exceptions import MissingDependencyError, MultipleResultsFoundError, NotFoundError, NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from sqlspec.core.plan import Plan

__all__ = (
    "ArrowResult",
    "Column",
    "Described",
    "ExportJob",
    "LoadJob",
    "RawResult",
    "RowShape",
    "SQLResult",
    "raw_result",
)

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


def exactly_one(rows: Sequence[T], has_columns: bool = True) -> T:
    """Return the only row.

    Raises:
        NotFoundError: There is no row, or the statement has none to return.
        MultipleResultsFoundError: There is more than one.
    """
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise MultipleResultsFoundError(f"one row expected: {len(rows)} found; narrow the statement or add LIMIT 1")
    if not has_columns:
        raise NotFoundError("one row expected: the statement has run and returns no columns; use execute() alone")
    raise NotFoundError("one row expected: none found; use the `_or_none` form when absence is fine")


def at_most_one(rows: Sequence[T]) -> T | None:
    """Return the only row, or `None` when there is none.

    Raises:
        MultipleResultsFoundError: There is more than one row.
    """
    return exactly_one(rows) if rows else None


def _listed(columns: Sequence[Column]) -> str:
    names = [column.name for column in columns[:8]]
    return f"({', '.join(names)}{', ...' if len(columns) > 8 else ''})"


class SQLResult(Generic[T]):
    """The result of one statement.

    Rows are converted on first use, once. Without `schema_type` a row is a `dict`. It can be copied and pickled; what
    was pickled has no `to_arrow`.
    """

    __slots__ = ("_plan", "_raw", "_rows", "_schema_type", "_to_table")

    def __init__(
        self,
        plan: Plan,
        raw: RawResult,
        schema_type: type[T] | None = None,
        to_table: Callable[[RawResult], pa.Table] | None = None,
    ) -> None:
        self._plan = plan
        self._raw = raw
        self._schema_type = schema_type
        self._to_table = to_table
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
        return exactly_one(self.all(), bool(self._raw.columns))

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
        return only_value(self._raw)

    def scalar_or_none(self) -> Any:
        """Return the first column of the only row, or `None` when there is no row.

        Raises:
            MultipleResultsFoundError: There is more than one row.
        """
        return only_value_or_none(self._raw)

    def to_arrow(self) -> pa.Table:
        """Return the rows as a `pyarrow.Table`, with the column types that `select_to_arrow` gives.

        The rows are here already, as Python objects: for many of them `select_to_arrow` is several times faster. A
        numeric column is a string column, because a row does not tell its declared precision.

        Raises:
            MissingDependencyError: pyarrow is not installed.
            DataError: A value has no place in its Arrow type, such as an infinite date.
        """
        if self._to_table is None:
            raise NotSupportedError(
                "cannot convert to Arrow: the result does not come from a session, or was pickled; use a session's"
            )
        return self._to_table(self._raw)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a pandas DataFrame, by way of `to_arrow`.

        Raises:
            MissingDependencyError: pyarrow or pandas is not installed.
            DataError: As for `to_arrow`.
        """
        return ArrowResult(self.to_arrow()).to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a polars DataFrame, by way of `to_arrow`.

        Raises:
            MissingDependencyError: pyarrow or polars is not installed.
            DataError: As for `to_arrow`.
        """
        return ArrowResult(self.to_arrow()).to_polars()

    def __copy__(self) -> SQLResult[T]:
        return self._copied(self._raw, self._rows)

    def __deepcopy__(self, memo: dict[int, Any]) -> SQLResult[T]:
        return self._copied(_plain(self._raw, partial(deepcopy, memo=memo)), deepcopy(self._rows, memo))

    def _copied(self, raw: RawResult, rows: list[T] | None) -> SQLResult[T]:
        copied = SQLResult(self._plan, raw, self._schema_type, self._to_table)
        copied._rows = rows
        return copied

    def __reduce__(self) -> tuple[Any, ...]:
        # Rows and plan may hold objects of the driver and functions, neither of which crosses a process border.
        return _unpickled, (self._plan.source, _plain(self._raw), self._schema_type)

    def __iter__(self) -> Iterator[T]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self._raw.rows)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        columns = f" of {_listed(self.columns)}" if self.columns else ""
        return f"<SQLResult {self.verb or 'empty'}: {len(self)} rows{columns}, rows_affected={self.rows_affected}>"


def _plain(raw: RawResult, value: Callable[[Any], Any] = lambda value: value) -> RawResult:
    """Return a result that holds nothing of the driver's."""
    columns = tuple(Column(str.__str__(column.name), column.oid, column.typmod) for column in raw.columns)
    rows = [value(tuple(row) if raw.shape == "tuple" else dict(row)) for row in raw.rows]
    return RawResult(rows, columns, raw.shape, raw.rows_affected)


def _unpickled(source: str, raw: RawResult, schema_type: Any) -> SQLResult[Any]:
    from sqlspec.core.plan import Compiler

    return SQLResult(Compiler().plan(source), raw, schema_type)


class ArrowResult:
    """The rows of one statement as a `pyarrow.Table`; see `select_to_arrow`.

    Whatever reads Arrow data through `__arrow_c_stream__` (polars, duckdb, `load_from_arrow`) takes it as it is.
    """

    __slots__ = ("_table",)

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, also when no row came back."""
        return self._table.schema

    @property
    def num_rows(self) -> int:
        """The number of rows."""
        return int(self._table.num_rows)

    @property
    def num_columns(self) -> int:
        """The number of columns."""
        return int(self._table.num_columns)

    @property
    def nbytes(self) -> int:
        """Bytes that the columns take in memory."""
        return int(self._table.nbytes)

    def get_data(self) -> pa.Table:
        """Return the table."""
        return self._table

    def to_pandas(self, **options: Any) -> pd.DataFrame:
        """Return a pandas DataFrame.

        Args:
            **options: As for `pyarrow.Table.to_pandas`, such as `types_mapper=pandas.ArrowDtype`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401 - asked for, because pyarrow's own complaint names no remedy
        except ImportError:
            raise MissingDependencyError("pandas") from None
        return self._table.to_pandas(**options)

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame.

        Raises:
            MissingDependencyError: polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise MissingDependencyError("polars") from None
        return pl.DataFrame(self._table)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<ArrowResult: {self.num_rows} rows, {self.num_columns} columns, {self.nbytes} bytes>"


@dataclass(frozen=True, slots=True)
class LoadJob:
    """What a load has done; see `load_from_arrow`.

    Attributes:
        rows: Rows that the server has stored, or deleted by `mode="delete"`.
        bytes: Bytes that were sent for them.
        seconds: Time from the first statement to the last.
        technique: `"copy"`: a binary COPY. `"unnest"`: INSERT from arrays, some 4 MB of them at a time.
        telemetry: `"rows_processed"`: rows that were sent. A trigger or rule may have stored another number.
        inserted: Rows that were added to the table. This and the next are `None` for modes that do not count it.
        updated: Rows of the table that were changed.
        unchanged: Rows that were sent or found, and not written: the table had their values already, or a trigger kept
            them out.
        deleted: Rows of the table that were deleted.
        unmatched: Rows of the source whose key is not in the table.
        rejected: With `on_error="quarantine"`: a table of the rows that were put aside. `row`: number in the source,
            from 0. `column`: name of the table's column, `sqlstate`: of the server's error, each NULL where it is not
            known. `reason`: in words. `record`: a struct of the source's columns.
    """

    rows: int
    bytes: int
    seconds: float
    technique: Literal["copy", "unnest"]
    telemetry: dict[str, int] = field(default_factory=dict)
    inserted: int | None = None
    updated: int | None = None
    unchanged: int | None = None
    deleted: int | None = None
    unmatched: int | None = None
    rejected: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What writing a file has done; see `select_to_storage`.

    Attributes:
        rows: Rows in the file, or in all of them.
        bytes: Bytes of it.
        seconds: Time from the call on.
        path: Where the file lies, or the directory of several, for messages: without passwords.
        files: How many files there are; with `partition_by`, any number.
    """

    rows: int
    bytes: int
    seconds: float
    path: str
    files: int = 1


def only_value(raw: RawResult) -> Any:
    """Return the value of the first column of the only raw row.

    Raises:
        NotFoundError: There is no row, or the result has no columns.
        MultipleResultsFoundError: There is more than one row.
    """
    return _first_column(exactly_one(raw.rows, bool(raw.columns)), raw)


def only_value_or_none(raw: RawResult) -> Any:
    """Return the value of the first column of the only raw row, or `None` when there is no row.

    Raises:
        NotFoundError: The row has no columns.
        MultipleResultsFoundError: There is more than one row.
    """
    return None if not raw.rows else only_value(raw)


def _first_column(row: Any, raw: RawResult) -> Any:
    if not raw.columns:
        raise NotFoundError("a value was asked for: the statement returns no columns; use execute()")
    return row[0] if raw.shape == "tuple" else row[raw.columns[0].name]
