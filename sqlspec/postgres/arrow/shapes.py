"""PostgreSQL types as the Arrow layer sees them: their layout, and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.codec import Codec, CodecRegistry, MissingTypesError

__all__ = ("BYTEA", "NO_TYPMODS", "TEXT", "TEXT_ARRAY", "ZONED", "Shape", "decimal_type", "numeric_limits", "shape_of")

BYTEA, TEXT, TEXT_ARRAY = 17, 25, 1009
NO_TYPMODS: Mapping[tuple[int, str], int] = {}
ZONED = pa.timestamp("us", "UTC")
MAX_DECIMAL = 76

_FIRST_USER_OID = 16384
"""Types of extensions and users begin here (`FirstNormalObjectId`): their names say nothing by themselves."""

_LAYOUTS: Mapping[str, tuple[Kind, pa.DataType]] = {
    "bool": (Kind.BOOL, pa.bool_()),
    "int2": (Kind.INT2, pa.int16()),
    "int4": (Kind.INT4, pa.int32()),
    "int8": (Kind.INT8, pa.int64()),
    "oid": (Kind.INT4, pa.uint32()),
    "xid": (Kind.INT4, pa.uint32()),
    "xid8": (Kind.INT8, pa.uint64()),
    "float4": (Kind.INT4, pa.float32()),
    "float8": (Kind.INT8, pa.float64()),
    "numeric": (Kind.NUMERIC_TEXT, pa.string()),
    "date": (Kind.DATE, pa.date32()),
    "time": (Kind.TIME, pa.time64("us")),
    "timestamp": (Kind.TIMESTAMP, pa.timestamp("us")),
    "timestamptz": (Kind.TIMESTAMP, ZONED),
    "interval": (Kind.INTERVAL, pa.month_day_nano_interval()),
    "uuid": (Kind.FIXED, pa.binary(16)),
    "bytea": (Kind.BYTES, pa.binary()),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "json", "refcursor"), (Kind.BYTES, pa.string())),
    "jsonb": (Kind.JSONB, pa.string()),
}
"""Layout of built-in types by the codec's name; every other one is its text form."""


class Shape(NamedTuple):
    """One type.

    Attributes:
        oid: The type as arrays and composite types name it: a domain's own.
        codec: Codec of the type, of a domain's base type.
        kind: Layout; `None` when there is none and the type is its text form.
        arrow: The Arrow layout of `kind`; string for text forms.
        typmod: Type modifier, -1 for none.
        parts: Name and shape of the fields of a composite type; the elements of an array, under the name `item`.
        labels: Labels of an enum type.
        family: What rules are keyed by: the codec's name for built-in types and those of known extensions; `"array"`,
            `"composite"`, `"enum"`, or `""`.
        schema: Schema of a type that is not built-in.
    """

    oid: int
    codec: Codec
    kind: Kind | None
    arrow: pa.DataType
    typmod: int = -1
    parts: tuple[tuple[str, Shape], ...] = ()
    labels: tuple[str, ...] = ()
    family: str = ""
    schema: str = ""

    @property
    def name(self) -> str:
        """The type's name, for messages."""
        return self.codec.name

    @property
    def item(self) -> Shape:
        """The elements of an array."""
        return self.parts[0][1]

    def wire(self, oid: int | None = None) -> WireType:
        """Return the layout of a type whose values lie on the wire as `arrow`."""
        assert self.kind is not None
        width = 0
        if self.kind is Kind.FIXED:
            width = 16
        elif pa.types.is_fixed_size_list(self.arrow):
            width = self.arrow.list_size
        children = tuple(part.wire() for _, part in self.parts)
        return WireType(self.kind, self.oid if oid is None else oid, width, 0, 0, children)


def shape_of(
    oid: int, codecs: CodecRegistry, typmod: int = -1, typmods: Mapping[tuple[int, str], int] = NO_TYPMODS
) -> Shape:
    """Return the shape of a type.

    Args:
        oid: The type.
        codecs: Knows it.
        typmod: Its type modifier.
        typmods: Modifiers inside types, see `Target.typmods`.

    Raises:
        MissingTypesError: It has to be read from the catalog first.
    """
    base, info = oid, codecs.info(oid)
    while info is not None and info.kind == "d":
        typmod = max(typmod, typmods.get((base, ""), -1))
        base = info.base_oid
        info = codecs.info(base)
    codec = codecs.get(base)
    if codec is None:
        raise MissingTypesError((base,))
    schema = info.schema if info else ""
    if codec.element is not None:
        item = shape_of(codec.element.oid, codecs, typmod, typmods)
        kind = None if item.kind is None else Kind.LIST
        return Shape(oid, codec, kind, pa.list_(item.arrow), typmod, (("item", item),), (), "array", schema)
    if info is not None and info.kind == "e":
        return Shape(oid, codec, Kind.BYTES, pa.string(), typmod, (), info.labels, "enum", schema)
    if info is not None and info.kind == "c":
        parts = tuple(
            (name, shape_of(part, codecs, typmods.get((base, name), -1), typmods)) for name, part in info.fields
        )
        struct = pa.struct([pa.field(name, part.arrow) for name, part in parts])
        kind = Kind.STRUCT if all(part.kind is not None for _, part in parts) else None
        return Shape(oid, codec, kind, struct, typmod, parts, (), "composite", schema)
    if base < _FIRST_USER_OID:
        kind, arrow = _LAYOUTS.get(codec.name, (None, pa.string()))
        return Shape(oid, codec, kind, arrow, typmod, (), (), codec.name)
    if info is not None and not codec.is_text_fallback:
        return _extension_shape(oid, codec, typmod, info.extension, info.name, schema)
    return Shape(oid, codec, None, pa.string(), typmod, (), (), "", schema)


def _extension_shape(oid: int, codec: Codec, typmod: int, extension: str | None, name: str, schema: str) -> Shape:
    kind, arrow, family = None, pa.string(), ""
    if extension == "vector" and name in ("vector", "halfvec"):
        item = pa.float32() if name == "vector" else pa.float16()
        kind = Kind.VECTOR if name == "vector" else Kind.HALFVEC
        arrow, family = pa.list_(item, typmod) if typmod > 0 else pa.list_(item), name
    elif extension == name == "citext":
        kind, family = Kind.BYTES, name
    elif extension == name == "hstore":
        family = name
    return Shape(oid, codec, kind, arrow, typmod, (), (), family, schema)


def numeric_limits(typmod: int) -> tuple[int, int] | None:
    """Return precision and scale that a modifier of `numeric` stands for; `None` for none.

    The scale may be negative, or greater than the precision (`src/backend/utils/adt/numeric.c`).
    """
    if typmod < 4:
        return None
    packed = typmod - 4
    return packed >> 16 & 0xFFFF, (packed & 0x7FF ^ 0x400) - 0x400


def decimal_type(precision: int, scale: int) -> pa.DataType:
    """Return the narrowest of the two decimal types that the wire knows."""
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
