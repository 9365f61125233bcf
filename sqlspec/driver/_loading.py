"""What both flavours need of a load: its options, the bytes of its source, and what is known of them so far.

Imports pyarrow, so it is imported by the first load.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlspec.core.arguments import callback, choice, columns_of, flag, not_as_needed, texts, whole
from sqlspec.core.parameters import RowsError
from sqlspec.core.result import LoadJob
from sqlspec.driver._sifting import Rejects
from sqlspec.driver._types import CopyTarget
from sqlspec.exceptions import (
    DataError,
    OperationalError,
    ParameterError,
    SerializationConflictError,
    SQLParsingError,
    SQLSpecError,
)
from sqlspec.postgres.arrow._wire import Encoder, WireError, encode_array
from sqlspec.postgres.arrow.merging import MERGES, MergeSQL, key_columns
from sqlspec.postgres.arrow.plan import LoadOptions, plan_load
from sqlspec.postgres.arrow.records import History
from sqlspec.postgres.arrow.shapes import shape_of
from sqlspec.postgres.arrow.source import open_source, records_source
from sqlspec.postgres.arrow.target import parse_table_name, quoted_name, target_query
from sqlspec.postgres.arrow.types import create_table_types
from sqlspec.postgres.sql import quote_identifier

if TYPE_CHECKING:
    from sqlspec.postgres.arrow.plan import LoadPlan
    from sqlspec.postgres.arrow.source import ArrowSource
    from sqlspec.postgres.arrow.target import Target
    from sqlspec.postgres.codec import CodecRegistry

__all__ = ("Load", "LoadRequest", "Progress")

Progress = Callable[[LoadJob], object]

MODES = ("append", "overwrite", *MERGES)

RECENT = 8
"""Pieces of a COPY that may be on their way when the server refuses a value in one of them."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What the caller asked for, checked as far as that goes without the server.

    Attributes:
        schema: Schema of the table; `None` for the search path.
        table: Its name, as it is.
        source: The rows; `None` when they are records, which need the table's types first.
        records: The records.
        fields: The columns that records fill.
        options: How the source's columns become those of the table.
        mode: One of `MODES`.
        key: The columns by which rows are found; only for `MERGES`.
        create: Make the table.
        clear: `"truncate"`, `"delete"` or empty.
        progress: Called after each piece.
        batch_rows: Rows per piece, at most.
        max_rejected: How many rows may be put aside; `None` for any number.
        quarantine: Put bad rows aside.
        started: Clock reading at the call.
    """

    schema: str | None
    table: str
    source: ArrowSource | None
    records: Iterable[Any] | None
    fields: Sequence[str] | None
    options: LoadOptions
    mode: str
    key: tuple[str, ...]
    create: bool
    clear: str
    progress: Progress | None
    batch_rows: int | None
    max_rejected: int | None
    quarantine: bool
    started: float

    @property
    def name(self) -> str:
        """The table's name as SQL, quoted."""
        return quoted_name(self.schema, self.table)

    @property
    def label(self) -> str:
        """What stands for a statement in errors and for observers."""
        return f"load into {self.name}"

    @property
    def target_query(self) -> str:
        """The query for what the server knows of the table."""
        return target_query(self.schema, self.table)

    @property
    def clear_sql(self) -> str:
        """The statement that empties the table."""
        return f"truncate table {self.name}" if self.clear == "truncate" else f"delete from {self.name}"

    def create_sql(self) -> str:
        """Return the statement that makes the table.

        Raises:
            DataError: A column has no PostgreSQL type of its own.
        """
        assert self.source is not None
        fields = renamed(self.source.schema, self.options.columns)
        columns = (
            f"{quote_identifier(field.name)} {kind}{'' if field.nullable else ' not null'}"
            for field, kind in zip(fields, create_table_types(pa.schema(fields)), strict=True)
        )
        return f"create table {self.name} ({', '.join(columns)})"


def load_request(
    table: str,
    source: Any,
    records: Any,
    *,
    mode: str,
    overwrite: bool,
    create: bool,
    columns: Sequence[str] | Mapping[str, str] | None,
    truncate: bool,
    round: bool,  # noqa: A002 - the caller's word
    key: Sequence[str] | None,
    on_error: str,
    max_rejected: int | None,
    progress: Progress | None,
    batch_rows: int | None,
    identities: bool = False,
) -> LoadRequest:
    """Check the arguments of a load and open its source.

    Raises:
        ParameterError: An argument cannot be, or the source gives no Arrow data.
    """
    started = time.perf_counter()
    check_options(on_error, max_rejected, progress, batch_rows)
    if records is not None:
        check_records(records, create)
    choice("mode", mode, MODES)
    overwrite, create = flag("overwrite", overwrite), flag("create", create)
    clears = overwrite or mode == "overwrite"
    names = key_of(mode, key, overwrite)
    if create and (clears or names):
        raise ParameterError(
            f"create makes a new table: there is nothing to {'overwrite' if clears else mode}; leave one of the two out"
        )
    schema, name = parse_table_name(table)
    chosen = columns_of(columns) if records is None else None
    return LoadRequest(
        schema=schema,
        table=name,
        source=open_source(source, batch_rows) if records is None else None,
        records=records,
        fields=None if records is None else fields_of(columns, names if mode == "delete" else None),
        # One option of the caller for every loss of digits: behind the microseconds as well as behind the scale.
        options=LoadOptions(
            columns=key_columns(chosen, names) if mode == "delete" else chosen,
            round=flag("round", round),
            identities=identities,
        ),
        mode=mode,
        key=names,
        create=create,
        clear=("truncate" if flag("truncate", truncate) else "delete") if clears else "",
        progress=progress,
        batch_rows=batch_rows,
        max_rejected=max_rejected,
        quarantine=on_error == "quarantine",
        started=started,
    )


def check_options(on_error: str, max_rejected: int | None, progress: Progress | None, batch_rows: int | None) -> None:
    """Check what is said of the way that rows are sent.

    Raises:
        ParameterError: One of them cannot be.
    """
    choice("on_error", on_error, ("abort", "quarantine"))
    if max_rejected is not None:
        whole("max_rejected", max_rejected, 0, "None is no limit")
    if batch_rows is not None:
        whole("batch_rows", batch_rows, 1, "leave it out for pieces of some megabytes")
    callback("progress", progress)


def check_records(records: Any, create: bool) -> None:
    """Check what should be records.

    Raises:
        ParameterError: They are none, or a table should be made from them.
    """
    if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
        raise ParameterError(
            f"cannot load a {type(records).__name__}: it is no iterable of records; give a list of them"
        )
    if create:
        raise ParameterError(
            "cannot create a table from records: they have no types; make it first, or load Arrow data"
        )


def key_of(mode: str, key: Sequence[str] | None, overwrite: bool) -> tuple[str, ...]:
    """Return the columns by which rows are found; empty for a mode that looks for none.

    Raises:
        ParameterError: The mode needs a key and has none, or the other way round, or it is no sequence of names.
    """
    if mode not in MERGES:
        if key is not None:
            raise ParameterError(f"key is for {', '.join(MERGES)}: set mode to one of them, or leave key out")
        return ()
    if overwrite:
        raise ParameterError(f"cannot overwrite and {mode}: the table would be empty; leave one of the two out")
    if key is None or isinstance(key, str) or not isinstance(key, Sequence) or not key:
        raise ParameterError(f"cannot {mode} without a key: give the names of its columns, as in key=['id']")
    if not all(isinstance(name, str) for name in key) or len(set(key)) < len(key):
        raise ParameterError("key must be different names of columns: give each once, as in key=['id']")
    return tuple(key)


def fields_of(
    columns: Sequence[str] | Mapping[str, str] | None, default: Sequence[str] | None = None
) -> Sequence[str] | None:
    """Return the names of the columns that records fill.

    Raises:
        ParameterError: They are given as something else than a sequence of names.
    """
    if columns is None:
        return default
    if isinstance(columns, Mapping):
        raise ParameterError("columns of records must be a list of names: they are the table's, there is no other name")
    return texts("columns", columns)


class Load:
    """One load on its way.

    Attributes:
        plan: How it is sent.
        target: Where it goes.
        merge: The statements behind it; `None` where the rows go there at once.
        rows: Rows sent so far.
        nbytes: Their bytes.
        label: What stands for a statement in errors.
        recent: The batches that the server may still be reading, each behind the number of its first row.
        rejects: Takes rows that cannot be stored; `None` where the first of them ends the load.
    """

    def __init__(self, request: LoadRequest, target: Target, codecs: CodecRegistry, copies: bool) -> None:
        """Plan a load.

        Raises:
            ParameterError: The columns do not match.
            DataError: A column's type cannot become that of the table.
        """
        source = request.source
        if source is None:
            assert request.records is not None
            source = self._of_caller(
                records_source,
                request.records,
                target,
                codecs,
                request.fields,
                request.batch_rows,
                copies,
                request.options,
                History() if request.quarantine else None,
            )
        self.source = source
        self.target = target
        self.plan: LoadPlan = plan_load(target, source.schema, codecs, request.options, copies)
        self.merge = None if target.merge is None else MergeSQL(target, self.plan.names[:-1])
        self.rows = self.nbytes = 0
        self._batches = iter(source)
        self._encoder = Encoder(self.plan.wires)
        self.label = request.label
        self.rejects = Rejects(source, request.max_rejected, request.label) if request.quarantine else None
        self.recent: deque[tuple[int, pa.RecordBatch]] = deque(maxlen=RECENT)
        self._domains = {column.oid for column in target.columns if codecs.base_oid(column.oid) != column.oid}
        self._progress = request.progress
        self._started = request.started

    @property
    def copy_target(self) -> CopyTarget:
        """Where a COPY goes."""
        return CopyTarget(*self.target.place, self.plan.names)

    def job(
        self, stored: int, counts: Mapping[str, int] = MappingProxyType({}), rejected: pa.Table | None = None
    ) -> LoadJob:
        """Return what has been done so far; `counts` is what it was, by names of the job."""
        return LoadJob(
            rows=stored,
            bytes=self.nbytes,
            seconds=time.perf_counter() - self._started,
            technique=self.plan.technique,
            telemetry={"rows_processed": self.rows},
            rejected=rejected,
            **counts,
        )

    @property
    def rejected(self) -> pa.Table | None:
        """The rows that were put aside; `None` where the first of them ends the load."""
        return None if self.rejects is None else self.rejects.table()

    def close(self) -> None:
        """Let go of what the load has kept."""
        if self.rejects is not None:
            self.rejects.close()

    # -- what is sent -----------------------------------------------------------------------------

    def take(self) -> pa.RecordBatch | None:
        """Return the next batch of the source, as it is; `None` at the end.

        Raises:
            RowsError: The source raised an error of its own.
        """
        batch: pa.RecordBatch | None = self._of_caller(next, self._batches, None)
        return batch

    def convert(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Convert the next batch to the layouts of the plan.

        Raises:
            DataError: A value does not fit.
        """
        converted = self.plan.convert(batch, self.rows)
        self.recent.append((self.rows, converted))
        return converted

    def encode(self, batch: pa.RecordBatch, head: bytes = b"") -> bytes:
        """Return a converted batch as a piece of a binary COPY.

        Raises:
            DataError: A value does not fit.
        """
        try:
            return self._encoder.encode(batch, head)
        except WireError as error:
            raise self._data_error(error, error.column) from error

    def arrays(self, batch: pa.RecordBatch) -> list[tuple[int, bytes | None]]:
        """Return a converted batch as the parameters of one INSERT: an array for each column.

        Raises:
            DataError: A value does not fit.
        """
        arrays: list[tuple[int, bytes | None]] = []
        for at, (oid, wire) in enumerate(zip(self.plan.array_oids, self.plan.wires, strict=True)):
            try:
                arrays.append((oid, encode_array(wire, batch.column(at))))
            except WireError as error:
                raise self._data_error(error, at) from error
        return arrays

    def sent(self, rows: int, nbytes: int) -> None:
        """Note what has been sent, and tell the caller.

        Raises:
            RowsError: The progress function raised an error.
        """
        self.rows += rows
        self.nbytes += nbytes
        if self._progress is not None:
            self._of_caller(self._progress, self.job(self.rows))

    def _of_caller(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run code of the caller: what it raises must not be taken for a failure of the connection."""
        try:
            return function(*args)
        except SQLSpecError:
            raise
        except Exception as error:
            raise RowsError(error) from error

    def refused(self, name: str, row: int, error: SQLSpecError) -> DataError:
        """Return the server's refusal of a value with the place of that value."""
        return DataError(
            f"cannot load column {name!r}: row {row} of the source does not fit: {error.args[0]}",
            sqlstate=error.sqlstate,
            detail=error.detail,
            column=name,
        )

    def _data_error(self, error: WireError, column: int) -> DataError:
        name = self.plan.names[column] if column >= 0 else None
        where = f"cannot load column {name!r}" if name is not None else "cannot load the rows"
        row = f": row {self.rows + error.row} of the source does not fit" if error.row >= 0 else ""
        return DataError(f"{where}{row}: {error.reason}", column=name)

    # -- what came of it --------------------------------------------------------------------------

    @property
    def references_query(self) -> str:
        """The query for the foreign keys by which rows of the table refer to others of it."""
        oid = int(self.target.oid)
        tree = f"(select relid from pg_catalog.pg_partition_tree({oid}) union select {oid})"
        return (
            "select conname::pg_catalog.text from pg_catalog.pg_constraint "
            f"where contype = 'f' and conrelid in {tree} and confrelid in {tree}"
        )

    @property
    def columns_query(self) -> str:
        """The query for the table's columns as they are now."""
        return (
            "select attname::pg_catalog.text, atttypid::pg_catalog.text, atttypmod::pg_catalog.text "
            f"from pg_catalog.pg_attribute where attrelid = {int(self.target.oid)} and attnum > 0 "
            "and not attisdropped order by attnum"
        )

    def still_has(self, rows: Sequence[Sequence[str | None]]) -> bool:
        """Tell whether the table, as `columns_query` gives it, has the columns that were planned for."""
        columns = self.target.columns
        if len(rows) != len(columns):
            return False
        # A column of a domain has no modifier of its own: the planned one is the domain's, which cannot be altered.
        return all(
            (name, oid) == (column.name, str(column.oid))
            and (typmod == str(column.typmod) or column.oid in self._domains)
            for (name, oid, typmod), column in zip(rows, columns, strict=True)
        )

    def miscounted(self, stored: int) -> OperationalError:
        """Return the error for a number of stored rows that nothing explains."""
        return OperationalError(
            f"load failed: {self.rows} rows were sent and the server has stored {stored}; nothing is kept, run it again"
        )


def held_types(target: Target, codecs: CodecRegistry) -> CodecRegistry:
    """Return codecs that know the types of a table's columns, and of their parts, until the load is over.

    Rows are taken one after the other, by code of the caller; what any session of the config does meanwhile may have
    types forgotten, and nothing can be looked up while a row is written.

    Raises:
        MissingTypesError: They have to be read from the catalog.
    """
    held = codecs.held()
    for column in target.columns:
        shape_of(column.oid, held, column.typmod, target.typmods)
    return held


def missing(label: str) -> SQLParsingError:
    """Return the error for a table that is not there; `label` is what was to be done with it."""
    return SQLParsingError(f"cannot {label}: there is no such table; make it first, or pass create=True")


def present(name: str) -> ParameterError:
    """Return the error for a table that should be made and is there."""
    return not_as_needed(f"cannot create {name}: it is there already; leave create out, or choose another name")


def altered(label: str) -> SerializationConflictError:
    """Return the error for a table that was altered between the planning and the first row."""
    return SerializationConflictError(
        f"{label} failed: the table was altered meanwhile; nothing is stored, run it again"
    )


def renamed(schema: pa.Schema, columns: Sequence[str] | Mapping[str, str] | None) -> list[pa.Field]:
    """Return the fields that a load takes, under the names of the table's columns.

    Raises:
        DataError: The source has no such columns; all of them are listed.
    """
    if columns is None:
        return list(schema)
    names = columns if isinstance(columns, Mapping) else dict(zip(columns, columns, strict=True))
    unknown = [name for name in names if name not in schema.names]
    if unknown:
        raise DataError(f"cannot create the table: the source has no columns {', '.join(unknown)}")
    return [schema.field(name).with_name(new) for name, new in names.items()]
