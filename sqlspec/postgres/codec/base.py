"""What every codec is made of: the `Codec` object, its options, and the words of a refusal."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, NoReturn

from sqlspec.exceptions import DataError

__all__ = (
    "INT2",
    "INT4",
    "INT8",
    "UINT4",
    "UINT8",
    "Codec",
    "CodecOptions",
    "Coerce",
    "Inline",
    "MissingTypesError",
    "Nesting",
    "Pack",
    "Unpack",
    "ValueRefused",
    "enum_text",
    "given",
    "is_numpy",
    "is_numpy_array",
    "plain_text",
    "refuse_reading",
    "refused",
    "utf8",
)

Coerce = Callable[[Any], Any]
Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]

Nesting = Literal["any", "list", "none", "refuse"]
"""How a Python sequence inside an array parameter is read, see `Codec.nesting`."""

Inline = Literal[
    "",
    "bool",
    "int2",
    "int4",
    "int8",
    "uint4",
    "uint8",
    "float4",
    "float8",
    "text",
    "bytes",
    "uuid",
    "date",
    "void",
]
"""Name of the template that the generated binders use in place of calls; `""` for none."""

INT2 = struct.Struct(">h")
INT4 = struct.Struct(">i")
INT8 = struct.Struct(">q")
UINT4 = struct.Struct(">I")
UINT8 = struct.Struct(">Q")


class ValueRefused(Exception):
    """A value has no exact counterpart on the other side; the text says why, never the value."""


class MissingTypesError(DataError):
    """Types are not known yet: read them from the catalog, `learn` them, and try again.

    Attributes:
        oids: The OIDs to look up.
    """

    def __init__(self, oids: Iterable[int]) -> None:
        self.oids = tuple(oids)
        listed = ", ".join(map(str, self.oids))
        super().__init__(f"cannot read or write types with oid {listed}: not read from the catalog yet")


@dataclass(frozen=True, slots=True)
class CodecOptions:
    """Choices of a configuration that change how values are read and written.

    Attributes:
        infinity: `"clamp"` reads infinite dates and timestamps as the greatest or least Python value.
        naive_datetimes: Meaning of a naive `datetime` for `timestamptz`.
        json_serializer: Replaces the JSON encoder; gets the value, returns JSON text.
        json_deserializer: Replaces the JSON decoder; gets JSON text.
        vector_format: `"numpy"` reads `vector` and `halfvec` as float32 arrays.
        enable_pgvector: `False` leaves pgvector's types as text.
        money_scale: Digits after the point of `money`, which the server takes from `lc_monetary`; `None` when they
            have to be read from it first.
    """

    infinity: Literal["error", "clamp"] = "error"
    naive_datetimes: Literal["error", "utc", "local"] = "error"
    json_serializer: Callable[[Any], str | bytes] | None = None
    json_deserializer: Callable[[str | bytes], Any] | None = None
    vector_format: Literal["list", "numpy"] = "list"
    enable_pgvector: bool = True
    money_scale: int | None = 2


class Codec:
    """Read and write one PostgreSQL type in its binary format.

    Attributes:
        oid: OID of the type.
        name: SQL name for messages, such as `int4[]`.
        coerce: Accepted parameter -> canonical value. Raises `ValueRefused`.
        pack: Canonical value -> wire bytes.
        encode: Both at once; shorter for types whose canonical value is costly.
        unpack: Wire bytes -> canonical value. Raises `ValueRefused`.
        is_text_fallback: `pack` gives the type's text form in UTF-8, for `$n::text::T` or a parameter in
            text format.
        reads_binary: `False`: the binary format is not known, results must be cast to text.
        takes_str: A `str` is a parameter of its own right, so its refusal needs no hint about casting.
        nesting: How a Python sequence inside an array parameter is read: `"any"` list or tuple is a
            dimension; `"list"` only a list is (elements are tuples); `"none"` both are elements; `"refuse"`
            neither, since both readings make sense.
        inline: Template of the generated binders.
        depends: OIDs of the types this one is built from.
        element: Codec of the elements when this is an array type, or a domain over one.
        delimiter: Stands between the elements of an array's text form.
    """

    __slots__ = (
        "coerce",
        "delimiter",
        "depends",
        "element",
        "encode",
        "inline",
        "is_text_fallback",
        "name",
        "nesting",
        "oid",
        "pack",
        "reads_binary",
        "takes_str",
        "unpack",
    )

    oid: int
    name: str
    coerce: Coerce
    pack: Pack
    encode: Pack
    unpack: Unpack

    def __init__(
        self,
        oid: int,
        name: str,
        coerce: Coerce,
        pack: Pack,
        unpack: Unpack,
        *,
        encode: Pack | None = None,
        is_text_fallback: bool = False,
        reads_binary: bool = True,
        takes_str: bool = False,
        nesting: Nesting = "any",
        inline: Inline = "",
        depends: tuple[int, ...] = (),
        element: Codec | None = None,
        delimiter: str = ",",
    ) -> None:
        self.oid = oid
        self.name = name
        self.coerce = coerce
        self.pack = pack
        self.encode = encode or (lambda value: pack(coerce(value)))
        self.unpack = unpack
        self.is_text_fallback = is_text_fallback
        self.reads_binary = reads_binary
        self.takes_str = takes_str
        self.nesting: Nesting = nesting
        self.inline: Inline = inline
        self.depends = depends
        self.element = element
        self.delimiter = delimiter

    def __repr__(self) -> str:
        return f"<Codec {self.name} ({self.oid})>"

    def as_domain(self, oid: int, name: str) -> Codec:
        """Return a codec for a domain over this type."""
        return Codec(
            oid,
            name,
            self.coerce,
            self.pack,
            self.unpack,
            encode=self.encode,
            is_text_fallback=self.is_text_fallback,
            reads_binary=self.reads_binary,
            takes_str=self.takes_str,
            nesting=self.nesting,
            inline=self.inline,
            depends=(self.oid,),
            element=self.element,
            delimiter=self.delimiter,
        )


def given(value: object) -> str:
    """Describe a value by its type alone."""
    name = type(value).__name__
    if value is None:
        return "NULL was given"
    article = "an" if name[:1].lower() in "aeiou" and not name.startswith("U") else "a"
    return f"{article} {name} was given"


def refused(value: object, wanted: str) -> ValueRefused:
    """Build the refusal of a value of the wrong type."""
    return ValueRefused(f"{given(value)}; pass {wanted}")


def refuse_reading(_: bytes) -> NoReturn:
    """Stand in for `unpack` where only the text form is known."""
    raise ValueRefused("its binary format is not known; select it with ::text")


def utf8(text: str) -> bytes:
    """Encode text that was coerced."""
    return text.encode()


def plain_text(value: Any, wanted: str = "a str") -> str:
    """Coerce to text that PostgreSQL can store.

    Args:
        value: A `str`, also of a subclass such as `StrEnum`.
        wanted: What to ask for when it is not.

    Raises:
        ValueRefused: Not a `str`, or it holds NUL or half a surrogate pair.
    """
    if value.__class__ is not str:
        if not isinstance(value, str):
            raise refused(value, wanted)
        value = str.__str__(value)
    if "\0" in value:
        raise ValueRefused("the text holds a NUL character, which PostgreSQL cannot store; remove it")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueRefused("the text holds half a surrogate pair, which UTF-8 cannot hold; remove it") from None
    return value  # type: ignore[no-any-return]


def enum_text(value: Any) -> str:
    """Coerce to a label of an enum type; members of a Python `Enum` stand for their value."""
    if isinstance(value, Enum) and not isinstance(value, str):
        value = value.value
    return plain_text(value, "a str or an Enum member whose value is one")


def is_numpy_array(value: object) -> bool:
    """Tell a numpy array without importing numpy: when it was never imported, nothing is one."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_numpy(value: object, kind: str) -> bool:
    """Tell a numpy scalar of an abstract kind such as `integer`, without importing numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy, kind))
