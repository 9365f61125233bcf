"""Text forms of whole arrays: what PostgreSQL parses, and JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.nested import ListParts, is_list, list_parts, map_parts
from sqlspec.postgres.arrow.steps import Misfit, NoWay, Step, chain, checked, refuse_where

__all__ = (
    "array_literal",
    "floor_divide",
    "hstore_literal",
    "inside",
    "interval_parts",
    "json_writer",
    "row_literal",
    "sql_text",
    "storable",
    "text_bytes",
    "vector_literal",
)

_DAY = 86_400_000_000
_JULIAN_EPOCH = 2_440_588
"""Julian day of 1970-01-01. The server takes Julian days as dates: unlike years they need no era and no DateStyle."""


def joined(*parts: pa.Array | str) -> pa.Array:
    """Join texts row by row; NULL makes NULL."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, str) else p for p in parts), pa.scalar(""))


def floor_divide(array: pa.Array, by: int) -> tuple[pa.Array, pa.Array]:
    """Return quotients, rounded downwards, and rests of int64 numbers."""
    quotient = pc.divide(array, by)
    rest = pc.subtract(array, pc.multiply(quotient, by))
    below = pc.less(rest, 0)
    return pc.subtract(quotient, below.cast(pa.int64())), pc.if_else(below, pc.add(rest, by), rest)


def _digits(array: pa.Array, width: int) -> pa.Array:
    return pc.utf8_lpad(array.cast(pa.string()), width, "0")


def _clock(micros: pa.Array) -> pa.Array:
    seconds, micros = floor_divide(micros, 1_000_000)
    minutes, seconds = floor_divide(seconds, 60)
    hours, minutes = floor_divide(minutes, 60)
    return joined(_digits(hours, 2), ":", _digits(minutes, 2), ":", _digits(seconds, 2), ".", _digits(micros, 6))


def _signed(array: pa.Array) -> pa.Array:
    text = array.cast(pa.string())
    return pc.if_else(pc.less(array, 0), text, joined("+", text))


def interval_parts(array: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return months, days and nanoseconds of an interval array."""
    size, start = len(array), array.offset
    buffer = array.buffers()[1]
    valid = array.is_valid()
    words = pa.Array.from_buffers(pa.list_(pa.int32(), 4), size, [None], children=[_words(buffer, start, size)])
    months, days = (pc.list_element(words, n) for n in (0, 1))
    nanos = pa.Array.from_buffers(pa.int64(), 2 * (start + size), [None, buffer]).slice(2 * start)
    nanos = pc.list_element(pa.FixedSizeListArray.from_arrays(nanos, 2), 1)
    null = pa.scalar(None, pa.int32())
    return pc.if_else(valid, months, null), pc.if_else(valid, days, null), pc.if_else(valid, nanos, null)


def _words(buffer: pa.Buffer, start: int, size: int) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), 4 * (start + size), [None, buffer]).slice(4 * start)


def text_bytes(array: pa.Array) -> bytes:
    """Return the bytes of all values of a string or binary array, one after the other; NULL may have some too."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return b""
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    kind = pa.int64() if large else pa.int32()
    places = pa.Array.from_buffers(kind, len(array) + 1, [None, offsets], offset=array.offset)
    start, end = places[0].as_py(), places[-1].as_py()
    return data.slice(start, end - start).to_pybytes()  # type: ignore[no-any-return]


_find_nul = refuse_where(
    lambda array: pc.match_substring(array, "\0"),
    "the text holds a NUL character, which PostgreSQL cannot store; remove it",
)


def _validated(array: pa.Array) -> pa.Array:
    array.validate(full=True)
    return array


_find_malformed = checked(
    _validated, "the text is not UTF-8, as strings of Arrow have to be; mend it, or store it as bytea"
)


def storable(array: pa.Array) -> pa.Array:
    """Return texts as they are.

    Raises:
        Misfit: One holds NUL, or bytes that are no UTF-8.
    """
    # Most text has neither, and to look through all bytes at once is many times faster than pyarrow's own ways.
    data = text_bytes(array)
    if not data.isascii():
        _find_malformed(array)
    if b"\0" in data:
        _find_nul(array)
    return array


def hex_text(array: pa.Array) -> pa.Array:
    """Return bytes as hexadecimal digits."""
    array = pc.fill_null(array.cast(pa.binary()), b"") if array.null_count else array.cast(pa.binary())
    digits = text_bytes(array).hex().encode()
    places = pa.Array.from_buffers(pa.int32(), len(array) + 1, [None, array.buffers()[1]], offset=array.offset)
    doubled = pc.multiply(pc.subtract(places, places[0]), 2).cast(pa.int32())
    return pa.Array.from_buffers(pa.string(), len(array), [None, doubled.buffers()[1], pa.py_buffer(digits)])


def _with_nulls(text: pa.Array, array: pa.Array) -> pa.Array:
    return pc.if_else(array.is_valid(), text, pa.scalar(None, pa.string())) if array.null_count else text


def sql_text(array: pa.Array) -> pa.Array:
    """Return the text form of a layout without parts, one that no setting of the session changes the meaning of."""
    kind = array.type
    if pa.types.is_string(kind):
        return array
    if pa.types.is_date(kind):
        return joined("J", pc.add(array.cast(pa.int32()).cast(pa.int64()), _JULIAN_EPOCH).cast(pa.string()))
    if pa.types.is_time(kind):
        return _clock(array.cast(pa.int64()))
    if pa.types.is_timestamp(kind):
        days, micros = floor_divide(array.cast(pa.int64()), _DAY)
        day = joined("J", pc.add(days, _JULIAN_EPOCH).cast(pa.string()))
        return joined(day, " ", _clock(micros), "" if kind.tz is None else "+00")
    if pa.types.is_interval(kind):
        months, days, nanos = interval_parts(array)
        return joined(_signed(months), " mons ", _signed(days), " days ", _signed(pc.divide(nanos, 1000)), " us")
    if pa.types.is_fixed_size_binary(kind):
        return _with_nulls(hex_text(array), array)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _with_nulls(joined("\\x", hex_text(array)), array)
    return array.cast(pa.string())


# --- literals of nested types (manual, sections 8.15.6 and 8.16.6) ------------------------------------------


def _quoted(text: pa.Array) -> pa.Array:
    text = pc.replace_substring(text, "\\", "\\\\")
    return joined('"', pc.replace_substring(text, '"', '\\"'), '"')


def _enclosed(parts: ListParts, text: pa.Array, ends: str, delimiter: str) -> pa.Array:
    return joined(ends[0], pc.binary_join(parts.join(text), delimiter), ends[1])


def array_literal(array: pa.Array, write: Step, delimiter: str = ",") -> pa.Array:
    """Return lists as text forms of arrays."""
    parts = list_parts(array)
    return _enclosed(parts, pc.fill_null(_quoted(write(parts.values)), "NULL"), "{}", delimiter)


def vector_literal(array: pa.Array) -> pa.Array:
    """Return lists of numbers as text forms of pgvector's types."""
    parts = list_parts(array)
    return _enclosed(parts, parts.values.cast(pa.string()), "[]", ",")


def row_literal(array: pa.Array, writers: Sequence[Step]) -> pa.Array:
    """Return structs as text forms of composite values."""
    fields = [pc.fill_null(_quoted(write(child)), "") for write, child in zip(writers, array.flatten(), strict=True)]
    inner: list[pa.Array | str] = ["("]
    for number, field in enumerate(fields):
        inner += [",", field] if number else [field]
    return _with_nulls(joined(*inner, ")") if fields else pa.array(["()"] * len(array), pa.string()), array)


def _refuse_doubles(keys: ListParts, reason: str) -> None:
    rows = _rows_of(keys)
    table = pa.table({"row": rows, "key": keys.values, "place": pa.array(range(len(rows)), pa.int64())})
    groups = table.group_by(["row", "key"]).aggregate([("place", "count")])
    doubled = pc.min(groups.filter(pc.greater(groups["place_count"], 1))["row"]).as_py()
    if doubled is not None:
        raise Misfit(doubled, reason)


def _rows_of(parts: ListParts) -> pa.Array:
    return pc.list_parent_indices(pa.ListArray.from_arrays(parts.offsets, parts.values))


def hstore_literal(array: pa.Array, write_key: Step, write_item: Step) -> pa.Array:
    """Return maps of text as text forms of `hstore`.

    Raises:
        Misfit: A key occurs twice.
    """
    keys, items = map_parts(array)
    keys = keys._replace(values=inside(keys, write_key, keys.values))
    _refuse_doubles(keys, "a key of the map occurs twice; hstore keeps one of each")
    pairs = joined(_quoted(keys.values), "=>", pc.fill_null(_quoted(inside(keys, write_item, items)), "NULL"))
    return joined(pc.binary_join(keys.join(pairs), ","))


# --- JSON --------------------------------------------------------------------------------------------------

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONTROL = [chr(code) for code in range(1, 32) if chr(code) not in _ESCAPES]


def json_string(text: pa.Array) -> pa.Array:
    """Return texts as JSON strings.

    Raises:
        Misfit: A text holds NUL or is not UTF-8.
    """
    text = reduce(lambda text, pair: pc.replace_substring(text, *pair), _ESCAPES.items(), storable(text))
    if pc.any(pc.match_substring_regex(text, "[\\x01-\\x1f]")).as_py():
        text = reduce(lambda text, mark: pc.replace_substring(text, mark, f"\\u{ord(mark):04x}"), _CONTROL, text)
    return joined('"', text, '"')


def json_writer(kind: pa.DataType, unwrap: Callable[[pa.DataType], tuple[pa.DataType, Step | None]]) -> Step:
    """Return the step from an Arrow type to JSON text; NULL stays NULL.

    Args:
        kind: The type.
        unwrap: Gives the plain type of a type, and the step to it.

    Raises:
        NoWay: The type, or one inside it, has no JSON form.
    """
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json":
        return chain(unwrap(kind)[1], storable) or storable
    is_uuid = isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.uuid"
    plain, unpack = unwrap(kind)
    write = _uuid_json if is_uuid else _json_of(plain, unwrap)
    return write if unpack is None else lambda array: write(unpack(array))


def _json_of(kind: pa.DataType, unwrap: Callable[[pa.DataType], tuple[pa.DataType, Step | None]]) -> Step:
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return lambda array: json_string(array.cast(pa.string()))
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_decimal(kind):
        return lambda array: array.cast(pa.string())
    if types.is_floating(kind):
        return _float_json
    if types.is_date(kind) or types.is_time(kind):
        return lambda array: joined('"', array.cast(pa.string()), '"')
    if types.is_timestamp(kind):
        return _timestamp_json
    if types.is_null(kind):
        return lambda array: pa.nulls(len(array), pa.string())
    if is_list(kind):
        item = json_writer(kind.value_type, unwrap)
        return lambda array: _list_json(array, item)
    if types.is_map(kind):
        key, _ = unwrap(kind.key_type)
        if not (types.is_string(key) or types.is_large_string(key)):
            raise NoWay(f"keys of type {kind.key_type} have no JSON form; cast them to string")
        writers = json_writer(kind.key_type, unwrap), json_writer(kind.item_type, unwrap)
        return lambda array: _map_json(array, *writers)
    if types.is_struct(kind):
        fields = [(field.name, json_writer(field.type, unwrap)) for field in kind]
        if len({name for name, _ in fields}) < len(fields):
            raise NoWay("fields of the struct have the same name; rename them")
        return lambda array: _struct_json(array, fields)
    raise NoWay(f"{kind} has no JSON form; cast it to string")


def _float_json(array: pa.Array) -> pa.Array:
    index = pc.index(pc.invert(pc.is_finite(array.cast(pa.float64()))), True).as_py()
    if index >= 0:
        raise Misfit(index, "NaN or infinity, which JSON does not have; make it NULL")
    return array.cast(pa.string())


def _timestamp_json(array: pa.Array) -> pa.Array:
    zoned = array.type.tz is not None
    text = array.cast(pa.timestamp(array.type.unit)).cast(pa.string())
    return joined('"', pc.replace_substring(text, " ", "T"), '+00:00"' if zoned else '"')


def _uuid_json(array: pa.Array) -> pa.Array:
    digits = _with_nulls(hex_text(array), array)
    parts = [pc.utf8_slice_codeunits(digits, a, b) for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))]
    return joined('"', parts[0], "-", parts[1], "-", parts[2], "-", parts[3], "-", parts[4], '"')


def inside(parts: ListParts, step: Step, values: pa.Array) -> pa.Array:
    """Run a step over elements; a misfit is one of the list that the element is in."""
    try:
        return step(values)
    except Misfit as misfit:
        raise Misfit(parts.row_of(misfit.index), misfit.reason) from None


def _list_json(array: pa.Array, item: Step) -> pa.Array:
    parts = list_parts(array)
    return _enclosed(parts, pc.fill_null(inside(parts, item, parts.values), "null"), "[]", ",")


def _map_json(array: pa.Array, key: Step, item: Step) -> pa.Array:
    keys, items = map_parts(array)
    names = keys._replace(values=inside(keys, key, keys.values))
    _refuse_doubles(names, "a key of the map occurs twice; JSON objects have one of each")
    pairs = joined(names.values, ":", pc.fill_null(inside(keys, item, items), "null"))
    return _enclosed(names, pairs, "{}", ",")


def _struct_json(array: pa.Array, fields: Sequence[tuple[str, Step]]) -> pa.Array:
    if not fields:
        return _with_nulls(pa.array(["{}"] * len(array), pa.string()), array)
    inner: list[pa.Array | str] = []
    for number, ((name, write), child) in enumerate(zip(fields, array.flatten(), strict=True)):
        label = json_string(pa.array([name], pa.string()))[0].as_py()
        inner += [("," if number else "{") + label + ":", pc.fill_null(write(child), "null")]
    return _with_nulls(joined(*inner, "}"), array)
