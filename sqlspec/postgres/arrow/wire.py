"""How a column's values lie on the wire: what the compiled decoder and encoder are told.

Plain data without pyarrow, so that the layers above can name it at no cost.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ("Kind", "WireType")


class Kind(IntEnum):
    """Layouts of a value (PostgreSQL manual, section 51.7 "Message formats" and each type's send function).

    The Arrow layout that belongs to each: what the decoder makes and the encoder takes.
    """

    BOOL = 1  # bool
    INT2 = 2  # 2 bytes: int16
    INT4 = 3  # 4 bytes: int32, uint32 (oid), float32
    INT8 = 4  # 8 bytes: int64, uint64 (xid8), float64
    DATE = 5  # date32
    TIME = 6  # time64[us]
    TIMESTAMP = 7  # timestamp[us], with or without a zone
    INTERVAL = 8  # month_day_nano_interval
    FIXED = 9  # fixed_size_binary(width), uuid
    BYTES = 10  # string, binary, their large forms: the bytes as they are
    JSONB = 11  # string; on the wire behind a version byte
    NUMERIC = 12  # decimal128 (width 16) or decimal256 (width 32) of this precision and scale
    NUMERIC_TEXT = 13  # numeric read as string; not written
    LIST = 14  # list of the only child; arrays of one dimension
    VECTOR = 15  # pgvector: fixed_size_list<float32>(width), or list<float32> when width is 0
    HALFVEC = 16  # the same of float16
    STRUCT = 17  # struct of the children: composite types


class WireType(NamedTuple):
    """Layout of one column, or of the elements or fields inside it.

    Attributes:
        kind: The layout.
        oid: OID of the PostgreSQL type: what an array or composite names as the type of this part. A domain has its own
            there; its base type's will do, as the decoder takes types of users as they come. 0: not known, which is
            enough for what is read and for whole columns.
        width: Bytes of a FIXED or NUMERIC value, elements of a VECTOR; else 0.
        precision: Digits of a NUMERIC.
        scale: Digits of a NUMERIC behind the point.
        children: The element of a LIST, the fields of a STRUCT.
    """

    kind: Kind
    oid: int = 0
    width: int = 0
    precision: int = 0
    scale: int = 0
    children: tuple[WireType, ...] = ()
