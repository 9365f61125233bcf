"""Python records to Arrow: the codecs of the table's columns write the values, nothing is inferred."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from sqlspec.core._schema import describe
from sqlspec.exceptions import DataError, ParameterError
from sqlspec.postgres.arrow._wire import Decoder, Encoder, WireError
from sqlspec.postgres.arrow.convert import PackedType, conversion, is_cut
from sqlspec.postgres.arrow.plan import column_problems, takes_copy
from sqlspec.postgres.arrow.rows import value_array
from sqlspec.postgres.arrow.shapes import Shape, shape_of
from sqlspec.postgres.arrow.steps import LoadOptions, Misfit, NoWay, Step
from sqlspec.postgres.arrow.target import Target
from sqlspec.postgres.arrow.types import ReadOptions, reading
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.codec import Codec, CodecRegistry, ValueRefused
from sqlspec.postgres.codec.base import given

__all__ = ("History", "Refused", "Row", "read_records")

_CHUNK_ROWS, _BATCH_ROWS, _BATCH_BYTES = 64, 1 << 14, 1 << 20

Row = Sequence[Any]


class Refused(NamedTuple):
    """Why a record is not taken.

    Attributes:
        column: The column whose value is to blame, where there is one.
        reason: In words, without the value.
    """

    column: str | None
    reason: str

    def error(self, number: int) -> DataError:
        """Return the error for the record of that number."""
        if self.column is None:
            return DataError(f"cannot load record {number}: {self.reason}")
        return DataError(
            f"cannot load column {self.column!r}: record {number} does not fit: {self.reason}", column=self.column
        )


class History:
    """What became of records, for a load that puts bad ones aside. In the place of a refused one comes a row of NULLs.

    Attributes:
        refused: Records that were not taken, by their numbers.
    """

    def __init__(self) -> None:
        self.refused: dict[int, Refused] = {}
        self._values: deque[Row] = deque()

    def add(self, values: Row) -> None:
        """Note what the next record holds."""
        self._values.append(values)

    def take(self, count: int) -> list[Row]:
        """Return what the next records hold, once: from now on only who has asked for it keeps it."""
        return [self._values.popleft() for _ in range(count)]


class Slot(NamedTuple):
    """One column that records fill.

    Attributes:
        name: Of the table's column.
        codec: Of its type.
        type: What its arrays are.
        build: Makes an array of values; `None` for bytes that the codec has written.
        check: For these bytes: refuses what the server would round or cut without a word.
    """

    name: str
    codec: Codec
    type: pa.DataType
    build: Callable[[list[Any]], pa.Array] | None
    check: Step | None = None


def read_records(
    records: Iterable[Any],
    target: Target,
    codecs: CodecRegistry,
    columns: Sequence[str] | None,
    batch_rows: int | None,
    copies: bool,
    options: LoadOptions,
    history: History | None = None,
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema of records and the batches that they make; see `records_source`."""
    shapes = {column.name: shape_of(column.oid, codecs) for column in target.columns}
    source = iter(records)
    head = list(islice(source, 1))
    names, take = _reader(head[0], target, columns) if head else (_all_names(target, columns), tuple)
    problems = column_problems(target, names)
    if problems:
        raise DataError(f"cannot load into {target.quoted}: {'; '.join(problems)}")
    slots = _slots(target, [(name, shapes[name]) for name in names], codecs, copies, options)
    schema = pa.schema([pa.field(slot.name, slot.type) for slot in slots])
    limit = batch_rows or _BATCH_ROWS
    return schema, _batches(enumerate(chain(head, source)), take, slots, schema, codecs, limit, history)


# --- what a record holds -----------------------------------------------------------------------------------


def _all_names(target: Target, columns: Sequence[str] | None) -> list[str]:
    return list(columns) if columns is not None else [column.name for column in target.columns]


def _reader(first: Any, target: Target, columns: Sequence[str] | None) -> tuple[list[str], Callable[[Any], Row]]:
    """Return the columns that records fill, and the function from a record to their values."""
    if isinstance(first, Mapping):
        names = list(first) if columns is None else list(columns)
        if not all(isinstance(name, str) for name in names):
            raise ParameterError("cannot load records: a dict has keys that are not str; use the columns' names")
        return names, _from_mapping(names, whole=columns is None)
    if isinstance(first, list) or (isinstance(first, tuple) and not hasattr(first, "_fields")):
        names = _all_names(target, columns)
        if len(first) != len(names):
            raise ParameterError(
                f"cannot load records: the first has {len(first)} values for {len(names)} columns; pass columns=[...]"
            )
        return names, _from_sequence(len(names), type(first))
    names = list(columns) if columns is not None else _field_names(first)
    return names, _from_object(names, type(first))


def _field_names(first: Any) -> list[str]:
    schema = describe(type(first))
    if not schema.fields:
        raise ParameterError(
            f"cannot load records of type {type(first).__name__}: it has no named fields; give dicts, tuples, "
            "dataclasses or Structs"
        )
    return [field.name for field in schema.fields]


def _differs(wanted: str) -> ParameterError:
    return ParameterError(f"{wanted}; all records must have the columns of the first")


def _from_mapping(names: list[str], whole: bool) -> Callable[[Any], Row]:
    pick: Callable[[Any], Row] = (
        itemgetter(*names) if len(names) > 1 else lambda record: tuple(record[name] for name in names)
    )

    def take(record: Any) -> Row:
        if record.__class__ is not dict and not isinstance(record, Mapping):
            raise _differs(f"a {type(record).__name__} was given, not a dict")
        try:
            values: Row = pick(record)
        except KeyError:
            missing = next(name for name in names if name not in record)
            raise _differs(f"it has no {missing!r}") from None
        if whole and len(record) != len(names):
            extra = next(name for name in record if name not in names)
            raise _differs(f"it has {extra!r}, which the first has not")
        return values

    return take


def _from_sequence(count: int, kind: type) -> Callable[[Any], Row]:
    def take(record: Any) -> Row:
        if not isinstance(record, tuple | list):
            raise _differs(f"a {type(record).__name__} was given, not a {kind.__name__}")
        if len(record) != count:
            raise _differs(f"it has {len(record)} values, not {count}")
        return record

    return take


def _from_object(names: list[str], kind: type) -> Callable[[Any], Row]:
    pick: Callable[[Any], Row] = (
        attrgetter(*names) if len(names) > 1 else lambda record: tuple(getattr(record, name) for name in names)
    )

    def take(record: Any) -> Row:
        try:
            values: Row = pick(record)
        except AttributeError:
            if type(record) is not kind:
                raise _differs(f"a {type(record).__name__} was given, not a {kind.__name__}") from None
            missing = next(name for name in names if not hasattr(record, name))
            raise _differs(f"a {kind.__name__} has no {missing!r}") from None
        return values

    return take


# --- what becomes of it ------------------------------------------------------------------------------------


def _slots(
    target: Target, shapes: list[tuple[str, Shape]], codecs: CodecRegistry, copies: bool, options: LoadOptions
) -> list[Slot]:
    # An INSERT from arrays takes lists only as text, not in the binary format.
    copied = takes_copy(target, copies) and not any(shape.codec.is_text_fallback for _, shape in shapes)
    columns = {column.name: column for column in target.columns}
    slots, problems = [], []
    for name, shape in shapes:
        slot = _slot(name, shape, codecs, copied)
        declared = shape_of(columns[name].oid, codecs, columns[name].typmod, target.typmods)
        try:
            slots.append(slot if slot.build else slot._replace(check=_check(shape, declared, options)))
        except NoWay as refusal:
            problems.append(f"column {name!r}: {refusal}")
    if problems:
        raise DataError(f"cannot load into {target.quoted}: {'; '.join(problems)}")
    return slots


def _slot(name: str, shape: Shape, codecs: CodecRegistry, copied: bool) -> Slot:
    codec = shape.codec
    if codec.is_text_fallback:
        return Slot(name, codec, pa.string(), lambda values: pa.array(values, pa.string()))
    if not copied and shape.family == "array":
        options = ReadOptions()
        way = reading(shape, options)
        return Slot(name, codec, way.final, lambda values: value_array(way, values, codecs, options, coerced=True))
    return Slot(name, codec, PackedType(codec.oid), None)


def _check(shape: Shape, declared: Shape, options: LoadOptions) -> Step | None:
    """Return the check of what a column declares, which is that of Arrow data, for values in the binary format.

    Raises:
        NoWay: The column takes no values as they are.
    """
    if declared.family == "timetz" and 0 <= declared.typmod < 6 and not options.round:
        return _check_timetz(declared.typmod)
    way = reading(shape, ReadOptions())
    if way.cast or not is_cut(declared):
        return None
    step = conversion(way.final, declared, options).step
    if step is None:
        return None
    packed, schema = WireType(Kind.BYTES, shape.oid), pa.schema([pa.field("value", way.decoded)])

    def check(array: pa.Array) -> pa.Array:
        stream = Encoder([packed]).encode(pa.record_batch({"value": array}), Encoder.header())
        decoder = Decoder(schema, [way.wire], infinity=1)  # nothing is cut of it
        try:
            decoder.feed(stream)
        except WireError as error:
            raise Misfit(error.row, error.reason) from None
        values = decoder.batch().column(0)
        step(way.finish(values) if way.finish else values)
        return array

    return check


def _check_timetz(digits: int) -> Step:
    """Return the check of `timetz(p)`, which has no Arrow type: microseconds are the first eight bytes of a value."""
    unit = 10 ** (6 - digits)

    def check(array: pa.Array) -> pa.Array:
        for index, value in enumerate(array.to_pylist()):
            if value is not None and int.from_bytes(value[:8]) % unit:
                raise Misfit(index, f"the time has more than {digits} digits of a second; round=True rounds it")
        return array

    return check


def _batches(
    records: Iterator[tuple[int, Any]],
    take: Callable[[Any], Row],
    slots: list[Slot],
    schema: pa.Schema,
    codecs: CodecRegistry,
    limit: int,
    history: History | None,
) -> Iterator[pa.RecordBatch]:
    plain = [slot.build is None or slot.codec.is_text_fallback for slot in slots]
    encode = codecs.encoder(tuple(slot.codec.oid for slot in slots)) if all(plain) else _loop(slots, plain)
    nothing = (None,) * len(slots)
    rows: list[Row] = []
    size = first = 0
    for number, record in records:
        values: Row = ()
        try:
            values = take(record)
            row = encode(values)
        except Exception as error:
            refused = _why(record, take, slots, plain)
            if history is None:
                raise refused.error(number) from error.__cause__
            history.refused[number] = refused
            values, row = values or _as_far_as_told(record, slots), nothing
        if history is not None:
            history.add(tuple(values))
        rows.append(row)
        size += sum(map(len, filter(None, row)))
        if len(rows) >= limit or size >= _BATCH_BYTES:
            yield _batch(rows, first, slots, schema, history)
            rows, size, first = [], 0, number + 1
    if rows:
        yield _batch(rows, first, slots, schema, history)


def _loop(slots: list[Slot], plain: list[bool]) -> Callable[[Row], Row]:
    functions = [slot.codec.encode if packed else slot.codec.coerce for slot, packed in zip(slots, plain, strict=True)]

    def encode(values: Row) -> Row:
        return [None if value is None else function(value) for function, value in zip(functions, values, strict=True)]

    return encode


def _as_far_as_told(record: Any, slots: list[Slot]) -> Row:
    """Return what a record of another shape holds of the columns."""
    if isinstance(record, Mapping):
        return [record.get(slot.name) for slot in slots]
    if isinstance(record, tuple | list):
        return [*record[: len(slots)], *[None] * (len(slots) - len(record))]
    return [None] * len(slots)


def _why(record: Any, take: Callable[[Any], Row], slots: list[Slot], plain: list[bool]) -> Refused:
    """Return why a record was refused; what the record raises, it raises."""
    try:
        values = take(record)
    except ParameterError as error:
        return Refused(None, error.message)
    for slot, packed, value in zip(slots, plain, values, strict=True):
        if value is None:
            continue
        try:
            (slot.codec.encode if packed else slot.codec.coerce)(value)
        except Exception as error:
            known = isinstance(error, ValueRefused)
            return Refused(slot.name, str(error) if known else f"{given(value)}, which cannot be converted")
    return Refused(None, "it changed while it was read")


def _batch(
    rows: list[Row], first: int, slots: list[Slot], schema: pa.Schema, history: History | None
) -> pa.RecordBatch:
    arrays = []
    for slot, column in zip(slots, zip(*rows, strict=True), strict=True):
        values = list(column)
        while True:
            try:
                arrays.append(_array(slot, values))
                break
            except Misfit as misfit:
                number, refused = first + misfit.index, Refused(slot.name, misfit.reason)
            if history is None:
                raise refused.error(number)
            history.refused.setdefault(number, refused)
            values[number - first] = None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(slot: Slot, values: list[Any]) -> pa.Array:
    """Return the array of a column.

    Raises:
        Misfit: A value does not fit.
    """
    if slot.build is not None:
        return slot.build(values)
    packed = pa.array(values, pa.binary())
    if slot.check is not None:
        slot.check(packed)
    return pa.ExtensionArray.from_storage(slot.type, packed)
