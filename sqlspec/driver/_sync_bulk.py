# Generated from _async_bulk.py by tools/unasync.py. Do not edit.
"""Arrow data in and out: the part of a session that moves many rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from sqlspec.core.parameters import RowsError
from sqlspec.core.result import ArrowResult, LoadJob
from sqlspec.driver._sync_base import check_limit
from sqlspec.driver._sync_transaction import SyncTransactions
from sqlspec.driver._statements import need_pyarrow
from sqlspec.exceptions import DataError, SQLParsingError, SQLSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from sqlspec.core.statement import SQL
    from sqlspec.driver._sync_arrow import SyncArrowReader
    from sqlspec.driver._loading import Load

__all__ = ("SyncBulk",)

LoadMode: TypeAlias = Literal["append", "overwrite", "upsert", "update", "delete"]


class SyncBulk(SyncTransactions):
    """The bulk methods of a session."""

    __slots__ = ()

    # -- in ---------------------------------------------------------------------------------------

    def load_from_arrow(
        self,
        table: str,
        source: Any,
        *,
        mode: LoadMode = "append",
        overwrite: bool = False,
        create: bool = False,
        columns: Sequence[str] | Mapping[str, str] | None = None,
        truncate: bool = True,
        round: bool = False,  # noqa: A002 - what it does
        key: Sequence[str] | None = None,
        on_error: Literal["abort", "quarantine"] = "abort",
        max_rejected: int | None = 1000,
        progress: Callable[[LoadJob], object] | None = None,
        batch_rows: int | None = None,
        timeout: float | None = None,
    ) -> LoadJob:
        """Store Arrow data in a table, all or nothing: in the open transaction, or in one of its own.

        The source's columns go to the table's columns of the same names. Each value arrives as it is: one that its
        column cannot hold exactly is an error, and nothing is stored then.

        Args:
            table: `name`, `schema.name`, with a part in double quotes where it holds a dot. Case counts: the name is
                never folded.
            source: What has `__arrow_c_stream__` (a pyarrow Table, RecordBatch or RecordBatchReader, a frame of polars
                or pandas, a relation of duckdb, an `ArrowResult`), or an iterable of record batches. It is read piece
                by piece, so it may be larger than memory.
            mode: `"append"`, or `"overwrite"` to empty the table first, in the same transaction. With a key: `"upsert"`
                to insert rows, or update those with the same key; `"update"` to do only the latter; `"delete"` to
                delete the rows with these keys. Columns that the source does not have keep their values.
            overwrite: The same as `mode="overwrite"`.
            create: Make the table, with types that follow from the source's. It must not be there.
            columns: Names of the columns to take from the source; or a mapping from its names to those of the table.
            truncate: Empty the table with TRUNCATE, which is quick, waits for all who use the table, fires no DELETE
                triggers and is refused for a table that a foreign key refers to. `False`: with DELETE.
            round: Allow digits to be lost: rounded to the scale of a `numeric`, cut behind microseconds.
            key: The table's columns by which its rows are found. Each row of the source needs a key of its own, without
                NULL. To upsert, the table needs a unique index of exactly these columns.
            on_error: `"abort"`: the first row that cannot be stored ends the load. `"quarantine"`: such rows are put
                aside, in `job.rejected`, and the others are stored.
            max_rejected: How many rows may be put aside; with more, nothing is stored. `None`: any number.
            progress: Called after each piece with a `LoadJob` of what was sent so far. What it raises ends the load.
            batch_rows: Rows per piece at most; by default pieces have about 1 MB.
            timeout: Limit in seconds for the whole load.

        Returns:
            Rows, bytes, time and technique; how many rows were inserted, updated and so on, as the mode counts them.

        Raises:
            ParameterError: An argument, or the source, is none of the above. Nothing was sent.
            DataError: Columns do not match, a type or a value does not fit, or a key is NULL or in several rows; the
                message names columns and rows, which are counted from 0 over the whole source.
            SQLParsingError: There is no such table, or no unique index for the key.
            IntegrityError: A row violates a constraint.
        """
        return self._load(
            "load_from_arrow",
            table,
            source,
            None,
            timeout,
            mode=mode,
            overwrite=overwrite,
            create=create,
            columns=columns,
            truncate=truncate,
            round=round,
            key=key,
            on_error=on_error,
            max_rejected=max_rejected,
            progress=progress,
            batch_rows=batch_rows,
        )

    def load_from_records(
        self,
        table: str,
        records: Iterable[Any],
        *,
        columns: Sequence[str] | None = None,
        mode: LoadMode = "append",
        overwrite: bool = False,
        truncate: bool = True,
        round: bool = False,  # noqa: A002 - what it does
        key: Sequence[str] | None = None,
        on_error: Literal["abort", "quarantine"] = "abort",
        max_rejected: int | None = 1000,
        progress: Callable[[LoadJob], object] | None = None,
        batch_rows: int | None = None,
        timeout: float | None = None,
    ) -> LoadJob:
        """Store Python records in a table, all or nothing, by the techniques of `load_from_arrow`.

        Values are what the columns take as parameters; their types are the table's, nothing is inferred from the data.

        Args:
            table: As in `load_from_arrow`.
            records: Dicts, objects with fields (dataclasses, attrs classes, Structs, pydantic models), tuples or lists;
                read piece by piece.
            columns: Names of the columns that they fill; needed for tuples and lists that do not have all of them.
            mode: As in `load_from_arrow`.
            overwrite: As in `load_from_arrow`.
            truncate: As in `load_from_arrow`.
            round: As in `load_from_arrow`.
            key: As in `load_from_arrow`. To delete, records hold only the key unless `columns` says otherwise.
            on_error: As in `load_from_arrow`.
            max_rejected: As in `load_from_arrow`.
            progress: As in `load_from_arrow`.
            batch_rows: Records per piece at most.
            timeout: Limit in seconds for the whole load.

        Returns:
            Rows, bytes, time and technique.

        Raises:
            ParameterError: A record is none of the above.
            DataError: As in `load_from_arrow`.
        """
        return self._load(
            "load_from_records",
            table,
            None,
            records,
            timeout,
            mode=mode,
            overwrite=overwrite,
            create=False,
            columns=columns,
            truncate=truncate,
            round=round,
            key=key,
            on_error=on_error,
            max_rejected=max_rejected,
            progress=progress,
            batch_rows=batch_rows,
        )

    def _load(
        self, method: str, table: str, source: Any, records: Any, timeout: float | None, **options: Any
    ) -> LoadJob:
        self._require(method, "arrow_in")
        from sqlspec.driver._sync_loading import load_now  # it imports pyarrow
        from sqlspec.driver._loading import load_request

        loads: list[Load] = []
        try:
            request = load_request(table, source, records, **options)
            return self._atomically(method, request.label, timeout, load_now, self._driver, request, loads)
        except RowsError as wrapped:
            failure: BaseException = wrapped.error
        except (DataError, SQLParsingError) as error:
            if error.sqlstate is None or not loads:
                raise
            failure = self._located(loads[0], error)
        finally:
            for load in loads:
                load.close()
        raise failure from failure.__cause__

    def _located(self, load: Load, error: SQLSpecError) -> SQLSpecError:
        """Look for the value that the server refused: its message names neither column nor row.

        Nothing of the load is stored any more. Where no value is to blame, the server's own error stays.
        """
        from sqlspec.driver._sync_quarantine import faults_of

        for first, batch in load.recent:
            for name, probe in load.plan.probes(batch):
                try:
                    found = self._atomically("locate", load.label, None, faults_of, self._driver, probe)
                except SQLSpecError:
                    return error
                if found:
                    located = load.refused(name, first + found[0][0], error)
                    located.__cause__ = error.__cause__
                    return located
        return error

    # -- out --------------------------------------------------------------------------------------

    @overload
    def select_to_arrow(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        return_format: Literal["table"] = "table",
        batch_size: int | None = None,
        numeric: Literal["declared", "string", "float64"] | pa.DataType = "declared",
        infinity: Literal["error", "null", "clamp"] = "error",
        nan: Literal["error", "null"] = "error",
        nested: Literal["error", "text"] = "error",
        timeout: float | None = None,
        **named: Any,
    ) -> ArrowResult: ...
    @overload
    def select_to_arrow(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        return_format: Literal["reader", "batches"],
        batch_size: int | None = None,
        numeric: Literal["declared", "string", "float64"] | pa.DataType = "declared",
        infinity: Literal["error", "null", "clamp"] = "error",
        nan: Literal["error", "null"] = "error",
        nested: Literal["error", "text"] = "error",
        timeout: float | None = None,
        **named: Any,
    ) -> SyncArrowReader: ...
    def select_to_arrow(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        return_format: Literal["table", "reader", "batches"] = "table",
        batch_size: int | None = None,
        numeric: Literal["declared", "string", "float64"] | pa.DataType = "declared",
        infinity: Literal["error", "null", "clamp"] = "error",
        nan: Literal["error", "null"] = "error",
        nested: Literal["error", "text"] = "error",
        timeout: float | None = None,
        **named: Any,
    ) -> ArrowResult | SyncArrowReader:
        """Return the rows of a statement as Arrow data, without a Python object per value.

        Column types follow from the statement, so that a result without rows has them too. All of it is read inside
        the open transaction, or in one of its own.

        Args:
            sql: A statement that returns rows, RETURNING included. It runs once.
            *params: Its parameters.
            return_format: `"table"`: an `ArrowResult` that holds all rows. `"reader"`, `"batches"`: an
                `SyncArrowReader`, which reads as batches are asked for, in bounded memory; use it in a `with` block.
            batch_size: Rows of a batch at most; by default 65,536, fewer where they take more than about 8 MB.
            numeric: `"declared"`: `numeric(p, s)` as a decimal of that precision, without a declared one as string;
                `"string"`; `"float64"`, which is not exact; or a decimal type of pyarrow for all of them.
            infinity: Infinite dates and timestamps: an error, NULL, or the type's extreme value.
            nan: NaN and infinity in a decimal column: an error or NULL.
            nested: Arrays of several dimensions: an error, or all array columns as text.
            timeout: Limit in seconds; of a reader, for each batch.
            **named: Parameters by name.

        Raises:
            ParameterError: The statement returns no rows, or an option has no such value. Nothing was sent.
            DataError: A value has no place in its Arrow type; names column and row.
        """
        self._require("select_to_arrow", "arrow_out")
        from sqlspec.driver._sync_arrow import SyncArrowReader, read_table
        from sqlspec.driver._reading import is_readable, read_request

        codecs = self._driver.derived.codecs
        request = read_request(codecs, return_format, batch_size, numeric, infinity, nan, nested)
        if timeout is not None:
            check_limit(timeout)
        plan, args = self._bind("select_to_arrow", sql, params, named)
        if not plan.returns_rows:
            self._refuse("select_to_arrow", "the statement returns no rows; use execute()", plan.source)
        dirty = self._dirty  # only then can the encoding be another one than at the start
        if not is_readable(plan):
            from sqlspec.postgres.arrow.rows import rows_table

            run = self._driver.execute
            raw = self._exclusive("select_to_arrow", plan.source, timeout, run, plan, args)
            rows = rows_table(raw, codecs, None, request.options)
        elif return_format == "table":
            rows = self._atomically(
                "select_to_arrow", plan.source, timeout, read_table, self._driver, plan, args, request, dirty
            )
        else:
            reader = SyncArrowReader(self, plan, return_format, timeout)
            reader.open(args, request, dirty)
            return reader
        if return_format == "table":
            return ArrowResult(rows)
        reader = SyncArrowReader(self, plan, return_format, timeout)
        reader.give(rows, request.rows)
        return reader

    def _require(self, method: str, capability: str) -> None:
        """Refuse what cannot be done here.

        Raises:
            NotSupportedError: The adapter lacks the capability.
            MissingDependencyError: pyarrow is not installed.
        """
        if self._guarded:
            self._check(method)
        spec = self._driver.spec
        if not getattr(spec.capabilities, capability):
            raise spec.refusal(capability)
        need_pyarrow()
