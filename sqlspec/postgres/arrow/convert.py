"""Conversions from Arrow types to PostgreSQL types: the target decides, then the source."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, Mapping
from uuid import UUID

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.nested import is_list, list_parts
from sqlspec.postgres.arrow.numbers import (
    no_way,
    to_bool,
    to_float,
    to_float_values,
    to_integer,
    to_money,
    to_numeric,
)
from sqlspec.postgres.arrow.shapes import Shape
from sqlspec.postgres.arrow.steps import TEXT_WIRE, Conversion, LoadOptions, NoWay, Step, chain, refuse_where
from sqlspec.postgres.arrow.temporal import seconds_digits, to_date, to_interval, to_time, to_timestamp
from sqlspec.postgres.arrow.texts import (
    array_literal,
    hstore_literal,
    inside,
    json_writer,
    row_literal,
    sql_text,
    storable,
    text_bytes,
    vector_literal,
)
from sqlspec.postgres.arrow.wire import Kind, WireType

__all__ = ("PackedType", "conversion", "is_cut", "server_text", "unwrap")


class PackedType(pa.ExtensionType):  # type: ignore[misc]
    """Values that lie in PostgreSQL's binary format already.

    It is not registered, so that no data from outside is ever taken for it.

    Attributes:
        oid: The type that they are values of.
    """

    def __init__(self, oid: int) -> None:
        self.oid = oid
        super().__init__(pa.binary(), "sqlspec.packed")

    def __arrow_ext_serialize__(self) -> bytes:
        return str(self.oid).encode()

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> PackedType:
        return cls(int(serialized))


def unwrap(kind: pa.DataType) -> tuple[pa.DataType, Step | None]:
    """Return what a type that only wraps another one wraps, and the step that takes the wrapping off."""
    step: Step | None = None
    if isinstance(kind, pa.BaseExtensionType):
        inner, step = kind.storage_type, _storage
        if kind.extension_name == "arrow.bool8":
            return pa.bool_(), lambda array: array.storage.cast(pa.bool_())
    elif pa.types.is_dictionary(kind):
        inner, unpack = unwrap(kind.value_type)
        return inner, lambda array: _decoded(array, unpack)
    elif pa.types.is_run_end_encoded(kind):
        inner, unpack = unwrap(kind.value_type)
        return inner, lambda array: _repeated(array, unpack)
    elif kind == pa.string_view():
        return pa.large_string(), lambda array: array.cast(pa.large_string())
    elif kind == pa.binary_view():
        return pa.large_binary(), lambda array: array.cast(pa.large_binary())
    else:
        return kind, None
    plain, unpack = unwrap(inner)
    return plain, chain(step, unpack)


def _repeated(array: pa.Array, unpack: Step | None) -> pa.Array:
    # Values first: not all types can be repeated.
    values = array.values if unpack is None else unpack(array.values)
    kind = pa.run_end_encoded(array.run_ends.type, values.type)
    return pc.run_end_decode(
        pa.Array.from_buffers(kind, len(array), [None], offset=array.offset, children=[array.run_ends, values])
    )


def _storage(array: pa.Array) -> pa.Array:
    return array.storage


def _decoded(array: pa.Array, unpack: Step | None) -> pa.Array:
    if unpack is not None:
        array = pa.DictionaryArray.from_arrays(array.indices, unpack(array.dictionary))
    return array.dictionary_decode()


def conversion(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Return how values of an Arrow type are stored as a PostgreSQL type.

    Args:
        kind: Type of the source.
        shape: Type of the column.
        options: Choices of the caller.

    Raises:
        NoWay: They are not.
    """
    if isinstance(kind, PackedType):
        return Conversion(WireType(Kind.BYTES, kind.oid), _storage, sql_text)
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.json" and shape.family not in _JSON:
        raise no_way(kind, shape, "it is JSON; make the column json or jsonb, or cast to string")
    if shape.family in _JSON:
        return _to_json(kind, shape)
    plain, unpack = unwrap(kind)
    if pa.types.is_null(plain):
        return Conversion(WireType(Kind.BYTES, shape.oid), _no_values, sql_text)
    found = _conversion(plain, shape, options)
    return found._replace(step=chain(unpack, found.step))


def _conversion(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    convert = _CONVERSIONS.get(shape.family)
    if convert is not None:
        return convert(kind, shape, options)
    if not _is_text(kind):
        raise no_way(kind, shape, "give its text form, as string")
    return server_text(shape, options)


def _no_values(array: pa.Array) -> pa.Array:
    return pa.nulls(len(array), pa.string())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


# --- text --------------------------------------------------------------------------------------------------


def _short(array: pa.Array) -> pa.Array:
    return array.cast(pa.string())


def _to_text(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if not _is_text(kind):
        raise no_way(kind, shape, "cast to string")
    limit: Step | None = None
    if shape.family in ("varchar", "bpchar") and shape.typmod > 4:
        size = shape.typmod - 4
        # The server would cut blanks behind the limit without a word.
        limit = refuse_where(
            lambda array: pc.greater(pc.utf8_length(array), size), f"the text is longer than {size} characters"
        )
    elif shape.family == "name":
        limit = refuse_where(
            lambda array: pc.greater(pc.binary_length(array), 63), "the text is longer than the 63 bytes of a name"
        )
    return Conversion(shape.wire(), chain(storable, limit), _short)


def _to_enum(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if not _is_text(kind):
        raise no_way(kind, shape, "cast to string")
    labels = pa.array(shape.labels, kind)
    unknown = refuse_where(
        lambda array: pc.and_not(array.is_valid(), pc.is_in(array, value_set=labels)),
        f"the text is no label of {shape.name}",
    )
    return Conversion(shape.wire(), unknown, _short)


_JSON = ("json", "jsonb")


def _to_json(kind: pa.DataType, shape: Shape) -> Conversion:
    """Take text as JSON text, and write structs, maps and lists as JSON; scalars could be meant either way."""
    plain, unpack = unwrap(kind)
    if pa.types.is_null(plain):
        return Conversion(WireType(Kind.BYTES, shape.oid), _no_values, sql_text)
    if _is_text(plain):
        return Conversion(shape.wire(), chain(unpack, storable), _short)
    if not (pa.types.is_struct(plain) or pa.types.is_map(plain) or is_list(plain)):
        raise no_way(kind, shape, "give JSON text, as string")
    return Conversion(shape.wire(), json_writer(kind, unwrap), sql_text)


_TOO_FINE_TEXT = r"[.,]\d{6}\d*[1-9]"
_TIMES = {"timetz", "tsrange", "tstzrange", "tsmultirange", "tstzmultirange"}
_CLOCKS = {"time", "timestamp", "timestamptz", "interval"}
_CUT = {*_CLOCKS, "timetz", "numeric", "varchar", "bpchar"}


def _inner(shape: Shape) -> list[Shape]:
    return [shape, *(inner for _, part in shape.parts for inner in _inner(part))]


def is_cut(shape: Shape) -> bool:
    """Tell a type whose values the server rounds, or cuts to a length, without a word."""
    return any(part.family == "name" or (part.typmod >= 0 and part.family in _CUT) for part in _inner(shape))


def server_text(shape: Shape, options: LoadOptions) -> Conversion:
    """Leave the text to the server's parser, but for what it would cut or round without a word."""
    checks: list[Step | None] = [_short, storable]
    shapes = _inner(shape)
    if not options.round and any(is_cut(part) for _, part in shape.parts):
        raise NoWay(f"the server would round or cut text to what {shape.name} declares; round=True lets it")
    if not options.round and any(part.family in {*_TIMES, *_CLOCKS} for part in shapes):
        checks.append(
            refuse_where(
                lambda array: pc.match_substring_regex(array, _TOO_FINE_TEXT),
                "the text has a time finer than a microsecond; round=True rounds it",
            )
        )
    if not options.round and shape.typmod >= 0 and shape.family in {"timetz", *_CLOCKS}:
        digits = seconds_digits(shape) if shape.family == "interval" else shape.typmod
        finer = rf"[.,]\d{{{digits}}}\d*[1-9]"
        checks.append(
            refuse_where(
                lambda array: pc.match_substring_regex(array, finer),
                f"the time has more than {digits} digits of a second; round=True rounds it",
            )
        )
    if shape.family == '"char"':
        checks.append(
            refuse_where(
                lambda array: pc.and_not(
                    pc.greater(pc.binary_length(array), 1), pc.match_substring_regex(array, r"^\\[0-3][0-7]{2}$")
                ),
                'the text is longer than the single byte of "char"; make the column text',
            )
        )
    return Conversion(TEXT_WIRE, chain(*checks), sql_text, True)


# --- bytes and uuid ----------------------------------------------------------------------------------------


def _to_bytea(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if not _is_bytes(kind):
        raise no_way(kind, shape, "cast to binary")
    step = (lambda array: array.cast(pa.binary())) if pa.types.is_fixed_size_binary(kind) else None
    return Conversion(shape.wire(), step, sql_text)


_UUID = (
    "^(?:{h}{{32}}|{h}{{8}}-{h}{{4}}-{h}{{4}}-{h}{{4}}-{h}{{12}})$|"
    r"^\{{(?:{h}{{32}}|{h}{{8}}-{h}{{4}}-{h}{{4}}-{h}{{4}}-{h}{{12}})\}}$"
).format(h="[0-9a-fA-F]")


_refuse_malformed = refuse_where(
    lambda array: pc.invert(pc.match_substring_regex(array, _UUID)), "the text is not a UUID"
)


def _to_uuid(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if _is_text(kind):
        return Conversion(shape.wire(), _from_text, sql_text)
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        return Conversion(shape.wire(), None, sql_text)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        long = refuse_where(lambda array: pc.not_equal(pc.binary_length(array), 16), "the value is not 16 bytes long")
        return Conversion(shape.wire(), chain(long, lambda array: array.cast(pa.binary(16))), sql_text)
    raise no_way(kind, shape, "cast to fixed_size_binary(16) or string")


def _from_text(array: pa.Array) -> pa.Array:
    digits = pc.fill_null(array, "0" * 32) if array.null_count else array
    data = _hyphenated(pc.fill_null(array, str(UUID(int=0))) if array.null_count else array)
    if data is None:
        _refuse_malformed(array)
        data = unhexlify(text_bytes(pc.replace_substring_regex(digits, "[-{}]", "")))
    found = pa.Array.from_buffers(pa.binary(16), len(array), [None, pa.py_buffer(data)])
    return pc.if_else(array.is_valid(), found, pa.scalar(None, found.type)) if array.null_count else found


def _hyphenated(array: pa.Array) -> bytes | None:
    """Return the bytes of UUIDs if all are written in the usual way, without looking at them one by one."""
    count, text = len(array), text_bytes(array)
    if len(text) != 36 * count or any(text[place::36] != b"-" * count for place in (8, 13, 18, 23)):
        return None
    if not pc.all(pc.equal(pc.binary_length(array), 36)).as_py():
        return None
    digits = text.translate(None, b"-")
    try:
        return unhexlify(digits) if len(digits) == 32 * count else None
    except ValueError:
        return None


# --- lists and vectors -------------------------------------------------------------------------------------


def _to_array(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if _is_text(kind):
        return server_text(shape, options)
    if not is_list(kind):
        raise no_way(kind, shape, f"cast to list<{shape.item.arrow}>")
    if is_list(unwrap(kind.value_type)[0]) and shape.item.family not in (*_JSON, "vector", "halfvec"):
        raise no_way(kind, shape, "lists of lists are no PostgreSQL arrays; flatten them, or use jsonb")
    item = conversion(kind.value_type, shape.item, options)
    delimiter = shape.codec.delimiter

    def write(array: pa.Array) -> pa.Array:
        return array_literal(array, item.write, delimiter)

    step: Step | None
    if item.step is None and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        step = None
    else:
        step = lambda array: _each(array, item.step)  # noqa: E731
    if item.is_text:
        return Conversion(TEXT_WIRE, chain(step, write), sql_text, True)
    return Conversion(WireType(Kind.LIST, shape.oid, children=(item.wire,)), step, write)


def _each(array: pa.Array, step: Step | None) -> pa.Array:
    parts = list_parts(array)
    return parts.join(parts.values if step is None else inside(parts, step, parts.values))


_MOST_DIMENSIONS = 16_000


def _to_vector(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if _is_text(kind):
        return server_text(shape, options)
    if not is_list(kind):
        raise no_way(kind, shape, f"cast to list<{shape.arrow.value_type}>")
    plain, unpack = unwrap(kind.value_type)
    wanted = shape.arrow.value_type
    floats = chain(unpack, to_float_values(plain, wanted, shape))
    declared = max(shape.typmod, 0)
    given = kind.list_size if pa.types.is_fixed_size_list(kind) else 0
    if declared and given and declared != given:
        raise NoWay(f"lists of {given} do not fit the {declared} dimensions of {shape.name}")
    low, high = (declared, declared) if declared else (1, _MOST_DIMENSIONS)
    dimensions = refuse_where(
        lambda array: _sized_otherwise(array, low, high),
        f"the list has not the {declared} dimensions" if declared else f"the list has not 1 to {high} dimensions",
    )

    def convert(array: pa.Array) -> pa.Array:
        parts = list_parts(array)
        values = inside(parts, chain(_is_there, floats, _is_finite) or _is_there, parts.values)
        return parts.join(values)

    # The server finds the dimensions in each value, so that lists of any kind have one layout.
    wire = WireType(Kind.VECTOR if wanted == pa.float32() else Kind.HALFVEC, shape.oid)
    return Conversion(wire, chain(dimensions, convert), vector_literal)


def _sized_otherwise(array: pa.Array, low: int, high: int) -> pa.Array:
    sizes = pc.list_value_length(array)
    return pc.or_(pc.less(sizes, low), pc.greater(sizes, high))


_is_there = refuse_where(pc.is_null, "an element is NULL, which vectors have none of")
_is_finite = refuse_where(
    lambda array: pc.invert(pc.is_finite(array.cast(pa.float32()))),
    "an element is NaN or infinite, which vectors have none of",
)


# --- structs and maps --------------------------------------------------------------------------------------


def _to_composite(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if _is_text(kind):
        return server_text(shape, options)
    if not pa.types.is_struct(kind):
        raise no_way(kind, shape, "give a struct with its fields")
    names = [name for name, _ in shape.parts]
    given = [field.name for field in kind]
    if sorted(given) != sorted(names) or len(set(given)) < len(given):
        raise NoWay(f"the fields of the struct are not those of {shape.name}: {', '.join(names)}")
    fields = [conversion(kind.field(name).type, part, options) for name, part in shape.parts]
    order = [kind.get_field_index(name) for name in names]
    steps = [field.step for field in fields]
    writers = [field.write for field in fields]
    is_text = any(field.is_text for field in fields)
    in_order = order == sorted(order)

    def convert(array: pa.Array) -> pa.Array:
        children = array.flatten()
        made = [
            children[place] if step is None else step(children[place]) for place, step in zip(order, steps, strict=True)
        ]
        if not made:
            return array
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(made, names=names, mask=mask)

    def write(array: pa.Array) -> pa.Array:
        return row_literal(array, writers)

    step = None if in_order and not any(steps) else convert
    if is_text:
        return Conversion(TEXT_WIRE, chain(step, write), sql_text, True)
    return Conversion(WireType(Kind.STRUCT, shape.oid, children=tuple(f.wire for f in fields)), step, write)


def _to_hstore(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    if _is_text(kind):
        return server_text(shape, options)
    if not pa.types.is_map(kind):
        raise no_way(kind, shape, "give a map of strings")
    writers: list[Step] = []
    for part in (kind.key_type, kind.item_type):
        plain, unpack = unwrap(part)
        if not _is_text(plain) and not pa.types.is_null(plain):
            raise no_way(kind, shape, "give a map of strings")
        writers.append(chain(unpack, _short, storable) or _short)
    return Conversion(TEXT_WIRE, lambda array: hstore_literal(array, *writers), sql_text, True)


_CONVERSIONS: Mapping[str, Callable[[pa.DataType, Shape, LoadOptions], Conversion]] = {
    "bool": to_bool,
    **dict.fromkeys(("int2", "int4", "int8", "oid", "xid", "xid8"), to_integer),
    **dict.fromkeys(("float4", "float8"), to_float),
    "numeric": to_numeric,
    "money": to_money,
    "date": to_date,
    "time": to_time,
    **dict.fromkeys(("timestamp", "timestamptz"), to_timestamp),
    "interval": to_interval,
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "refcursor", "citext"), _to_text),
    "enum": _to_enum,
    "uuid": _to_uuid,
    "bytea": _to_bytea,
    "array": _to_array,
    **dict.fromkeys(("vector", "halfvec"), _to_vector),
    "composite": _to_composite,
    "hstore": _to_hstore,
}
