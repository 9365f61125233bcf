"""Rows that are put aside, and rows that wait for the server's answer.

Imports pyarrow, so it is imported by the first load that puts rows aside.
"""

from __future__ import annotations

import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
import pyarrow as pa

from sqlspec.core.parameters import RowsError
from sqlspec.exceptions import DataError
from sqlspec.postgres.arrow.steps import Misfit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlspec.postgres.arrow.plan import LoadPlan
    from sqlspec.postgres.arrow.records import Row
    from sqlspec.postgres.arrow.source import ArrowSource

    Given: TypeAlias = pa.RecordBatch | list[Row]
    """Rows as the caller gave them: those of a batch, or records. Both have a length, and are sliced alike."""

__all__ = ("Block", "Fault", "Held", "Rejects", "faults", "misfits", "row_of", "runs")

_PENDING = 256
"""Rejected rows that are kept one by one before they are put together."""


class Fault(NamedTuple):
    """Why a row is put aside.

    Attributes:
        column: Name of the table's column, where it is known.
        sqlstate: Of the server's error; `None` when the value was refused before it was sent.
        reason: In words.
    """

    column: str | None
    sqlstate: str | None
    reason: str


class Rejects:
    """Rows of a load that were put aside.

    Attributes:
        count: How many there are.
        waiting: How many others may still become one.
    """

    def __init__(self, source: ArrowSource, limit: int | None, label: str) -> None:
        """Begin without any.

        Args:
            source: Of the load.
            limit: How many there may be.
            label: What the load is, for messages.
        """
        self.count = self.waiting = 0
        self._spool: Spool | None = None
        self._kept: list[Row] = []
        self._schema = record_schema(source)
        self._limit = limit
        self._label = label
        self._facts: list[tuple[int, Fault]] = []
        self._pending: list[pa.RecordBatch] = []
        self._records: list[pa.RecordBatch] = []

    def add(self, number: int, given: Given, index: int, fault: Fault) -> None:
        """Put a row aside.

        Args:
            number: Its number in the source.
            given: Rows of the source, with this one.
            index: The row's place among them.
            fault: What is wrong with it.

        Raises:
            DataError: There are too many.
        """
        self.count += 1
        if self._limit is not None and self.count > self._limit:
            where = f", column {fault.column!r}" if fault.column is not None else ""
            raise DataError(
                f"cannot {self._label}: more than {self._limit} rows were rejected, the last is row {number} of the "
                f"source{where}: {fault.reason}; nothing is stored, mend the source or give a larger max_rejected",
                sqlstate=fault.sqlstate,
                column=fault.column,
            )
        self._facts.append((number, fault))
        self._pending.append(self._record(given, index))
        if len(self._pending) == _PENDING:
            self._gather()

    def keep(self, number: int, given: Given) -> None:
        """Keep rows, which follow those that were kept before, to put them aside when they are no longer at hand.

        Raises:
            RowsError: They cannot be written to a temporary file.
        """
        if isinstance(given, list):
            self._kept += given
            return
        try:
            if self._spool is None:
                self._spool = Spool()
            self._spool.add(number, given)
        except OSError as error:
            raise RowsError(error) from error  # not to be taken for a failure of the connection

    def close(self) -> None:
        """Remove the temporary file."""
        if self._spool is not None:
            self._spool.close()

    def add_kept(self, number: int, fault: Fault) -> None:
        """Put a row aside that was kept; see `add`."""
        given, index = (self._kept, number) if self._spool is None else self._spool.find(number)
        self.add(number, given, index, fault)

    def _record(self, given: Given, index: int) -> pa.RecordBatch:
        """Return a row as it is shown."""
        if isinstance(given, list):
            texts = [pa.array([shown(value)], pa.string()) for value in given[index]]
            return pa.record_batch(texts, schema=self._schema)
        row = row_of(given, index)
        if row.schema.equals(self._schema):
            return row
        return pa.record_batch([_unwrapped(column) for column in row.columns], schema=self._schema)

    def _gather(self) -> None:
        if self._pending:
            self._records.append(pa.concat_batches(self._pending))
            self._pending = []

    def table(self) -> pa.Table:
        """Return the rows with all that is known of them, in the order of the source."""
        self._gather()
        fields = list(self._schema)
        structs = [pa.StructArray.from_arrays(batch.columns, fields=fields) for batch in self._records]
        table = pa.table(
            {
                "row": pa.array([number for number, _ in self._facts], pa.int64()),
                "column": pa.array([fault.column for _, fault in self._facts], pa.string()),
                "sqlstate": pa.array([fault.sqlstate for _, fault in self._facts], pa.string()),
                "reason": pa.array([fault.reason for _, fault in self._facts], pa.string()),
                "record": pa.chunked_array(structs, pa.struct(fields)),
            }
        )
        order = sorted(range(len(self._facts)), key=lambda index: self._facts[index][0])
        # Not by `take`: not every type has it.
        spans = [table.slice(start, stop - start) for start, stop in ascending(order)]
        return pa.concat_tables(spans).combine_chunks() if len(spans) > 1 else table


def record_schema(source: ArrowSource) -> pa.Schema:
    """Return the schema of a source's rows as they are shown: text stands for what only a column gives a meaning."""
    if source.history is not None:
        return pa.schema([pa.field(name, pa.string()) for name in source.schema.names])
    return pa.schema([field.with_type(_shown_type(field.type)) for field in source.schema])


def _shown_type(kind: pa.DataType) -> pa.DataType:
    own = isinstance(kind, pa.BaseExtensionType) and kind.extension_name.startswith("sqlspec.")
    return kind.storage_type if own else kind


def _unwrapped(array: pa.Array) -> pa.Array:
    return array if _shown_type(array.type) == array.type else array.storage


def shown(value: Any) -> str | None:
    """Return a value of a record as text, as far as possible as the server reads it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)


def ascending(order: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of numbers that follow each other."""
    start = 0
    for at in range(1, len(order) + 1):
        if at == len(order) or order[at] != order[at - 1] + 1:
            yield order[start], order[at - 1] + 1
            start = at


class Spool:
    """Rows of a source in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - see `close`
        self._places: list[tuple[int, int]] = []

    def add(self, number: int, batch: pa.RecordBatch) -> None:
        """Write rows behind the others; `number` is that of the first."""
        self._places.append((number, self._file.tell()))
        # A stream of its own for each batch: dictionaries may differ from one to the next.
        with pa.ipc.new_stream(self._file, batch.schema) as stream:
            stream.write_batch(batch)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def find(self, number: int) -> tuple[pa.RecordBatch, int]:
        """Return the batch that holds a row, and the row's place in it."""
        first, place = self._places[bisect_right(self._places, (number, sys.maxsize)) - 1]
        self._file.seek(place)
        batch = pa.ipc.open_stream(self._file).read_next_batch()
        return batch, number - first


class Held(NamedTuple):
    """Rows that were sent, kept until the server has stored them.

    Attributes:
        number: Number of the first one in the source.
        source: The rows as they are there. They live as long as this does, so that none is lost that is put aside.
        converted: The rows as they are sent.
    """

    number: int
    source: Given
    converted: pa.RecordBatch

    def part(self, start: int, stop: int) -> Held:
        """Return some of the rows, by their places."""
        return Held(self.number + start, self.source[start:stop], self.converted.slice(start, stop - start))

    def row(self, index: int) -> Held:
        """Return one of the rows, as `row_of` does."""
        source = self.source[index : index + 1] if isinstance(self.source, list) else row_of(self.source, index)
        return Held(self.number + index, source, row_of(self.converted, index))


class Block:
    """Rows that are sent together; the first one has position 0.

    Attributes:
        rows: How many there are.
        nbytes: Their bytes.
        dead: Positions of those that were put aside.
    """

    def __init__(self) -> None:
        self.rows = self.nbytes = 0
        self.dead: set[int] = set()
        self._held: list[Held] = []
        self._starts: list[int] = []

    def hold(self, held: Held, nbytes: int) -> None:
        """Add rows behind the others."""
        self.nbytes += nbytes
        self._held.append(held)
        self._starts.append(self.rows)
        self.rows += held.converted.num_rows

    def batches(self, start: int, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield the rows of a range as they are sent, but for the dead ones, each batch behind its position."""
        at = bisect_right(self._starts, start) - 1
        for first, held in zip(self._starts[at:], self._held[at:], strict=True):
            if first >= stop:
                return
            last = min(stop, first + held.converted.num_rows)
            for begin, end in runs(max(start, first), last, self.dead):
                yield begin, held.converted.slice(begin - first, end - begin)

    def find(self, position: int) -> tuple[int, Held]:
        """Return a row's index in the batch that holds it, and this batch."""
        at = bisect_right(self._starts, position) - 1
        return position - self._starts[at], self._held[at]

    def alive(self, start: int, stop: int, count: int) -> int | None:
        """Return the position of the row that is sent as number `count`, from 0, when a range is sent."""
        for begin, end in runs(start, stop, self.dead):
            if count < end - begin:
                return begin + count
            count -= end - begin
        return None


def runs(start: int, stop: int, dead: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges between the positions that are left out; none is empty."""
    for position in sorted(position for position in dead if start <= position < stop) if dead else ():
        if start < position:
            yield start, position
        start = position + 1
    if start < stop:
        yield start, stop


def row_of(batch: pa.RecordBatch, index: int) -> pa.RecordBatch:
    """Return one row of a batch, without the memory of the others where its types allow that."""
    try:
        return batch.take(pa.array([index], pa.int64()))
    except pa.ArrowNotImplementedError:
        return batch.slice(index, 1)


# -- what is found before it is sent ------------------------------------------------------------------------


def faults(rows: int, attempt: Callable[[int, int], tuple[int, Fault] | None]) -> dict[int, Fault]:
    """Find all values that a function refuses which names one at a time.

    Args:
        rows: How many there are.
        attempt: Takes a range; returns the index of a bad value in it, from its start, or `None`.

    Returns:
        The faults by their places.
    """
    found: dict[int, Fault] = {}
    left = [(0, rows)]
    while left:
        start, stop = left.pop()
        if start == stop or (bad := attempt(start, stop)) is None:
            continue
        place = start + bad[0]
        found[place] = bad[1]
        # Several steps follow each other, so a value before it may be refused by a later one. What comes behind it is
        # halved, so that many bad values do not make it be looked at as often.
        middle = (place + 1 + stop) // 2
        left += [(middle, stop), (place + 1, middle), (start, place)]
    return found


def misfits(plan: LoadPlan, batch: pa.RecordBatch) -> dict[int, Fault]:
    """Return the rows of a batch of the source that cannot be converted: of each the first column's fault."""
    found: dict[int, Fault] = {}
    for way in plan.ways:
        if way.step is None or way.place < 0:
            continue
        array, step, name = batch.column(way.place), way.step, way.column.name

        def attempt(start: int, stop: int) -> tuple[int, Fault] | None:
            try:
                step(array.slice(start, stop - start))  # noqa: B023 - called in this turn of the loop only
            except Misfit as misfit:
                return misfit.index, Fault(name, None, misfit.reason)  # noqa: B023
            return None

        found = faults(batch.num_rows, attempt) | found
    return found
