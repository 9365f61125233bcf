"""Which types the driver reads exactly, and what stands in for the others. Written for pyro-postgres 0.3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.result import Column
from sqlspec.exceptions import NotSupportedError
from sqlspec.postgres.codec.base import Codec
from sqlspec.postgres.codec.binders import Decoder, Encoder, build_decoder, build_encoder
from sqlspec.postgres.codec.reading import is_compiled, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlspec.postgres.codec import CodecRegistry

__all__ = (
    "MARKS",
    "NUMERIC",
    "PLAIN",
    "guard",
    "is_misread",
    "make_decoder",
    "make_encoder",
    "read_types",
    "send_items",
    "sent_types",
    "text_items",
)

BYTEA, TEXT, TEXT_ARRAY, NUMERIC, JSON, JSONB = 17, 25, 1009, 1700, 114, 3802

PLAIN = {
    16: "bool",
    17: "bytea",
    19: "name",
    20: "int8",
    21: "int2",
    23: "int4",
    25: "text",
    701: "float8",
    1042: "bpchar",
    1043: "varchar",
    2950: "uuid",
}
"""Types whose values the driver gives as they are to be, by OID."""

_AS_TEXT = {JSON: "json", JSONB: "jsonb"}
"""Types whose text the driver gives as a `str`."""

_SEND = {
    18: ('"char"', "charsend"),
    26: ("oid", "oidsend"),
    700: ("float4", "float4send"),
    1082: ("date", "date_send"),
    1083: ("time", "time_send"),
    1114: ("timestamp", "timestamp_send"),
    1184: ("timestamptz", "timestamptz_send"),
    1186: ("interval", "interval_send"),
    NUMERIC: ("numeric", "numeric_send"),
}
"""Types that the driver reads wrongly, with the functions that give their bytes. A small numeric never ends."""

MARKS = {
    16: "true",
    20: "1::int8",
    21: "1::int2",
    23: "1",
    26: "1::oid",
    700: "1::float4",
    701: "1::float8",
    1082: "'2001-01-01'::date",
    1083: "'00:00'::time",
    1114: "'2001-01-01'::timestamp",
    1184: "'2001-01-01'::timestamptz",
    1186: "'1s'::interval",
    1700: "1::numeric",
    2950: "'00000000-0000-0000-0000-000000000001'::uuid",
    3802: "'1'::jsonb",
}
"""Any value that the driver can read as the type; for all other types a text will do."""


def is_misread(oid: int) -> bool:
    """Tell whether the driver gives other values than the server's for a type that is no domain."""
    return oid in _SEND


def stub_type(oid: int) -> str:
    """Return the type to announce to the driver so that it gives exact values, or the bytes."""
    return PLAIN.get(oid) or _AS_TEXT.get(oid) or "bytea"


def sent_types(oids: tuple[int, ...], codecs: CodecRegistry) -> tuple[int, ...]:
    """Return the types of columns as they are to be sent: text where a type's binary form is not known."""
    return tuple([_text_type(codecs.get(oid)) or oid for oid in oids])


def _text_type(codec: Codec | None) -> int | None:
    if codec is None or codec.reads_binary or not codec.is_text_fallback:
        return None
    return TEXT if codec.element is None else TEXT_ARRAY


_CASTS = {TEXT: "::pg_catalog.text", TEXT_ARRAY: "::pg_catalog.text[]"}


def text_items(oids: Sequence[int], sent: Sequence[int]) -> list[str]:
    """Return select items over `c0`, `c1`, ... that send some columns as text."""
    return [f"c{at}" + (_CASTS[to] if to != oid else "") for at, (oid, to) in enumerate(zip(oids, sent, strict=True))]


def send_items(oids: Sequence[int], sent: Sequence[int]) -> list[str]:
    """Return select items that give bytes for whatever the driver would misread."""
    return [
        item if to not in _SEND else f"pg_catalog.{_SEND[to][1]}({item})"
        for item, to in zip(text_items(oids, sent), sent, strict=True)
    ]


def read_types(sent: Sequence[int]) -> tuple[int, ...]:
    """Return the types of `send_items`."""
    return tuple([BYTEA if oid in _SEND else oid for oid in sent])


def guard(oids: Sequence[int]) -> str:
    """Return a condition that is always true, and cannot be analysed when a column sent as bytes gets another type.

    A type would be converted silently to the one that a function takes, but arrays are not.
    """
    tests = "".join(
        f" or pg_catalog.array_larger(array[c{at}], null::pg_catalog.{_SEND[oid][0]}[]) is null"
        for at, oid in enumerate(oids)
        if oid in _SEND
    )
    return f"\nwhere true{tests}"


# -- values -------------------------------------------------------------------------------------------------


def make_encoder(codecs: CodecRegistry, oids: tuple[int, ...]) -> Encoder:
    """Return the function from parameters to what the driver sends unchanged.

    Bytes go out in binary format, but for a parameter of type numeric, which goes out as text.
    """

    def build() -> Encoder:
        return build_encoder([_numeric(codec) if codec.oid == NUMERIC else codec for codec in _all(codecs, oids)])

    return codecs.derive(("pyro encode", oids), oids, build)


def make_decoder(codecs: CodecRegistry, wire: tuple[Column, ...]) -> Decoder | None:
    """Return the function from rows of the driver to canonical values; `None` when they are the same."""
    oids = tuple(column.oid for column in wire)
    if all(oid in PLAIN for oid in oids):
        return None
    names = tuple(column.name for column in wire)
    return codecs.derive(
        ("pyro decode", oids, names),
        oids,
        lambda: build_decoder(
            [_reader(codec) for codec in _all(codecs, oids)], names, {at for at, oid in enumerate(oids) if oid in PLAIN}
        ),
    )


def _all(codecs: CodecRegistry, oids: Iterable[int]) -> list[Codec]:
    return [codec for oid in oids if (codec := codecs.get(oid)) is not None]


def _numeric(codec: Codec) -> Codec:
    return Codec(
        codec.oid,
        codec.name,
        codec.coerce,
        lambda value: str(value).encode(),
        codec.unpack,
        takes_str=codec.takes_str,
        nesting=codec.nesting,
    )


def _same(value: Any) -> Any:
    return value


def _of_text(unpack: Callable[[bytes], Any], lead: bytes) -> Callable[[Any], Any]:
    def unpack_text(text: Any) -> Any:
        return unpack(lead + text.encode())

    return reader("json", unpack_text) if is_compiled(unpack) else unpack_text


def _reader(codec: Codec) -> Codec:
    """Return a codec that reads what the driver gives for a type."""
    unpack = codec.unpack
    if codec.oid == JSON:
        return Codec(codec.oid, codec.name, _same, _same, _of_text(unpack, b""))
    if codec.oid == JSONB:
        return Codec(codec.oid, codec.name, _same, _same, _of_text(unpack, b"\1"))
    return codec


def refuse_misread(adapter: str, verb: str, names: Sequence[str], oids: Sequence[int]) -> None:
    """Refuse a statement whose result the driver would misread, before it runs.

    Raises:
        NotSupportedError: Names the first such column.
    """
    for name, oid in zip(names, oids, strict=True):
        if is_misread(oid):
            raise NotSupportedError(
                f'cannot run {verb} on {adapter}: the driver would misread column "{name}"; make it text '
                "where it comes from: in the procedure, the query of the cursor, or the prepared statement",
                adapter=adapter,
                column=name,
            )
