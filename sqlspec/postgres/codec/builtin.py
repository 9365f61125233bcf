"""Codecs of the types that every PostgreSQL server has, by their fixed OIDs.

Source of the OIDs: `src/include/catalog/pg_type.dat`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

from sqlspec.postgres.codec import extensions, geometric, network, numeric, search, temporal, text
from sqlspec.postgres.codec.arrays import FIXED_ITEMS, array_codec
from sqlspec.postgres.codec.base import (
    INT2,
    INT4,
    INT8,
    UINT4,
    UINT8,
    Codec,
    CodecOptions,
    Inline,
    Unpack,
    given,
    plain_text,
    refuse_reading,
    utf8,
)
from sqlspec.postgres.codec.base import ValueRefused as _Refused
from sqlspec.postgres.codec.containers import multirange_codec, range_codec
from sqlspec.postgres.codec.jsontext import json_codec
from sqlspec.postgres.codec.reading import Kind, reader

__all__ = (
    "ALWAYS_READ",
    "MONEY",
    "MONEY_ARRAY",
    "builtin_codecs",
    "extension_codec",
    "fallback_codec",
    "money_codec",
    "read_only_codec",
    "text_codec",
)

MONEY, MONEY_ARRAY = 790, 791

ALWAYS_READ = frozenset({16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1700, 2278, 2950})
"""Types of which Python can hold every value: no dates, no nested values, nothing that an application reads."""

_ARRAYS = {
    16: 1000, 17: 1001, 18: 1002, 19: 1003, 20: 1016, 21: 1005, 22: 1006, 23: 1007, 24: 1008,
    25: 1009, 26: 1028, 27: 1010, 28: 1011, 29: 1012, 30: 1013, 114: 199, 142: 143, 600: 1017,
    601: 1018, 602: 1019, 603: 1020, 604: 1027, 628: 629, 650: 651, 700: 1021, 701: 1022, 718: 719,
    774: 775, 790: 791, 829: 1040, 869: 1041, 1033: 1034, 1042: 1014, 1043: 1015, 1082: 1182,
    1083: 1183, 1114: 1115, 1184: 1185, 1186: 1187, 1266: 1270, 1560: 1561, 1562: 1563, 1700: 1231,
    1790: 2201, 2202: 2207, 2203: 2208, 2204: 2209, 2205: 2210, 2206: 2211, 2275: 1263, 2950: 2951,
    2970: 2949, 3220: 3221, 3614: 3643, 3615: 3645, 3642: 3644, 3734: 3735, 3769: 3770, 3802: 3807,
    3904: 3905, 3906: 3907, 3908: 3909, 3910: 3911, 3912: 3913, 3926: 3927, 4072: 4073, 4089: 4090,
    4096: 4097, 4191: 4192, 4451: 6150, 4532: 6151, 4533: 6152, 4534: 6153, 4535: 6155, 4536: 6157,
    5038: 5039, 5069: 271,
}  # fmt: skip
"""OID of each type -> OID of the array type over it."""

# Results arrive as an OID or in a format of no documented shape; the server alone knows their text.
_TEXT_ONLY = {
    24: "regproc", 1033: "aclitem", 2202: "regprocedure", 2203: "regoper", 2204: "regoperator",
    2205: "regclass", 2206: "regtype", 3361: "pg_ndistinct", 3402: "pg_dependencies",
    3642: "gtsvector", 3734: "regconfig", 3769: "regdictionary", 4089: "regnamespace",
    4096: "regrole", 4191: "regcollation", 4600: "pg_brin_bloom_summary",
    4601: "pg_brin_minmax_multi_summary", 5017: "pg_mcv_list",
}  # fmt: skip

_RANGES = (
    (3904, "int4range", 4451, "int4multirange", 23),
    (3926, "int8range", 4536, "int8multirange", 20),
    (3906, "numrange", 4532, "nummultirange", 1700),
    (3908, "tsrange", 4533, "tsmultirange", 1114),
    (3910, "tstzrange", 4534, "tstzmultirange", 1184),
    (3912, "daterange", 4535, "datemultirange", 1082),
)


_COMPILED: dict[int, Kind] = {
    16: "bool", 17: "bytes", 20: "int8", 21: "int2", 23: "int4", 26: "uint4", 28: "uint4", 700: "float4",
    701: "float8", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval",
    1700: "numeric", 2950: "uuid", 5069: "uint8",
}  # fmt: skip
"""Binary formats that there are compiled readers of. Texts have theirs from the beginning."""


def text_codec(oid: int, name: str) -> Codec:
    """Build the codec of a type whose binary format is its text."""
    return Codec(oid, name, plain_text, utf8, text.unpack_text, takes_str=True, inline="text")


def fallback_codec(oid: int, name: str, unpack: Unpack = refuse_reading) -> Codec:
    """Build the codec of a type whose parameters only the server can parse.

    Args:
        oid: OID of the type.
        name: Its name.
        unpack: Reads the binary format, where that is known.
    """
    return Codec(
        oid,
        name,
        plain_text,
        utf8,
        unpack,
        is_text_fallback=True,
        reads_binary=unpack is not refuse_reading,
        takes_str=True,
    )


def read_only_codec(oid: int, name: str, unpack: Unpack, inline: Inline = "") -> Codec:
    """Build the codec of a pseudo-type, which the server takes no values of."""

    def refuse(value: Any) -> NoReturn:
        raise _Refused(f"{given(value)}, but {name} takes no parameters; cast to a concrete type")

    return Codec(oid, name, refuse, refuse, unpack, takes_str=True, inline=inline)


def money_codec(scale: int) -> Codec:
    """Build the codec of `money` for a `lc_monetary` with that many digits after the point."""
    return Codec(790, "money", *numeric.money(scale))


def extension_codec(oid: int, name: str, extension: str | None, options: CodecOptions) -> Codec | None:
    """Build the codec of an extension's base type, found by its name; `None` when it is not a known one."""
    if extension == "vector" and not options.enable_pgvector:
        return None
    if (extension, name) in {("vector", "vector"), ("vector", "halfvec")}:
        letter = "f" if name == "vector" else "e"
        coerce, pack, unpack = extensions.vector(letter, options)
        encode = extensions.vector_encoder(letter, coerce, pack)
        return Codec(oid, name, coerce, pack, unpack, encode=encode, takes_str=True, nesting="none")
    if (extension, name) == ("vector", "sparsevec"):
        return Codec(oid, name, *extensions.sparse_vector(), takes_str=True)
    if (extension, name) == ("hstore", "hstore"):
        return Codec(oid, name, extensions.coerce_hstore, extensions.pack_hstore, extensions.unpack_hstore)
    if (extension, name) == ("citext", "citext"):
        return text_codec(oid, name)
    if extension == "ltree" and name in {"ltree", "lquery", "ltxtquery"}:
        pack, unpack = text.versioned_text(name)
        return Codec(oid, name, plain_text, pack, unpack, takes_str=True)
    return None


def _numbers(options: CodecOptions) -> Iterator[Codec]:
    yield Codec(16, "bool", numeric.coerce_bool, numeric.pack_bool, numeric.unpack_bool, inline="bool")
    whole: tuple[tuple[int, str, Any, Inline, bool], ...] = (
        (20, "int8", INT8, "int8", True),
        (21, "int2", INT2, "int2", True),
        (23, "int4", INT4, "int4", True),
        (26, "oid", UINT4, "uint4", False),
        (28, "xid", UINT4, "uint4", False),
        (5069, "xid8", UINT8, "uint8", False),
    )
    for oid, name, form, inline, signed in whole:
        bits = 8 * form.size
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        yield Codec(oid, name, numeric.integer(low, high), form.pack, _first(form), inline=inline)
    four, eight = numeric.FLOAT4, numeric.FLOAT8
    yield Codec(700, "float4", numeric.coerce_float4, four.pack, _first(four), inline="float4")
    yield Codec(701, "float8", numeric.coerce_float8, eight.pack, _first(eight), inline="float8")
    yield Codec(
        1700,
        "numeric",
        numeric.coerce_numeric,
        numeric.pack_numeric,
        numeric.unpack_numeric,
        encode=numeric.encode_numeric,
        takes_str=True,
    )
    if options.money_scale is not None:
        yield money_codec(options.money_scale)


def _first(form: Any) -> Unpack:
    unpack = form.unpack
    return lambda data: unpack(data)[0]


def _texts(options: CodecOptions) -> Iterator[Codec]:
    names = ((25, "text"), (1043, "varchar"), (1042, "bpchar"), (142, "xml"), (1790, "refcursor"))
    for oid, name in (*names, (705, "unknown"), (2275, "cstring")):
        yield text_codec(oid, name)
    yield Codec(18, '"char"', text.coerce_char, text.pack_char, text.unpack_char, takes_str=True)
    yield Codec(19, "name", text.coerce_name, utf8, text.unpack_text, takes_str=True)
    yield Codec(17, "bytea", text.coerce_bytes, bytes, bytes, encode=text.coerce_bytes, inline="bytes")
    yield Codec(2950, "uuid", text.coerce_uuid, text.pack_uuid, text.unpack_uuid, takes_str=True, inline="uuid")
    for oid, name in ((1560, "bit"), (1562, "varbit")):
        yield Codec(oid, name, text.coerce_bit, text.pack_bit, text.unpack_bit, takes_str=True)
    for oid, name, size in ((829, "macaddr", 6), (774, "macaddr8", 8)):
        yield Codec(oid, name, *text.mac_address(size), takes_str=True)
    for oid, name, is_jsonb in ((114, "json", False), (3802, "jsonb", True)):
        coerce, pack, encode, unpack = json_codec(options, binary=is_jsonb)
        yield Codec(oid, name, coerce, pack, unpack, encode=encode, takes_str=True, nesting="refuse")
    yield Codec(869, "inet", network.coerce_inet, network.pack_inet, network.unpack_inet, takes_str=True)
    yield Codec(650, "cidr", network.coerce_cidr, network.pack_cidr, network.unpack_cidr, takes_str=True)


def _times(options: CodecOptions) -> Iterator[Codec]:
    yield Codec(1082, "date", *temporal.date_codec(options), takes_str=True, inline="date")
    yield Codec(1083, "time", *temporal.time_codec(), takes_str=True)
    yield Codec(1266, "timetz", *temporal.timetz_codec(), takes_str=True)
    yield Codec(1114, "timestamp", *temporal.timestamp_codec(options), takes_str=True)
    yield Codec(1184, "timestamptz", *temporal.timestamptz_codec(options), takes_str=True)
    yield Codec(
        1186,
        "interval",
        temporal.coerce_interval,
        temporal.pack_interval,
        temporal.unpack_interval,
        takes_str=True,
    )


def _shapes() -> Iterator[Codec]:
    for oid, name, functions in (
        (600, "point", geometric.flat("point")),
        (601, "lseg", geometric.pair()),
        (603, "box", geometric.pair()),
        (604, "polygon", geometric.polygon()),
        (628, "line", geometric.flat("line")),
        (718, "circle", geometric.circle()),
    ):
        yield Codec(oid, name, *functions, nesting="list")
    yield Codec(602, "path", geometric.coerce_path, geometric.pack_path, geometric.unpack_path, nesting="list")


def _system() -> Iterator[Codec]:
    for oid, name in _TEXT_ONLY.items():
        yield fallback_codec(oid, name)
    yield fallback_codec(3614, "tsvector", search.unpack_tsvector)
    yield fallback_codec(3615, "tsquery", search.unpack_tsquery)
    yield fallback_codec(194, "pg_node_tree", text.unpack_text)
    yield Codec(4072, "jsonpath", plain_text, *text.versioned_text("jsonpath"), takes_str=True)
    yield Codec(3220, "pg_lsn", text.coerce_lsn, text.pack_lsn, text.unpack_lsn, takes_str=True)
    yield Codec(27, "tid", text.coerce_tid, text.pack_tid, text.unpack_tid, takes_str=True)
    yield Codec(29, "cid", text.coerce_cid, text.pack_cid, text.unpack_cid, takes_str=True)
    for oid, name in ((5038, "pg_snapshot"), (2970, "txid_snapshot")):
        yield Codec(oid, name, text.coerce_snapshot, text.pack_snapshot, text.unpack_snapshot, takes_str=True)
    yield fallback_codec(22, "int2vector", text.number_vector(FIXED_ITEMS["int2"]))
    yield fallback_codec(30, "oidvector", text.number_vector(FIXED_ITEMS["uint4"]))
    yield read_only_codec(2278, "void", lambda _: None, "void")


def builtin_codecs(options: CodecOptions) -> dict[int, Codec]:
    """Return every codec that needs no catalog, for one set of options."""
    if options.json_serializer is None and options.json_deserializer is None:
        return dict(_shared(options))
    return _built(options)  # functions of an application may have no hash, and are not kept


@lru_cache(16)
def _shared(options: CodecOptions) -> dict[int, Codec]:
    """Build them once for all configs: codecs have no state, and building takes two milliseconds."""
    return _built(options)


def _built(options: CodecOptions) -> dict[int, Codec]:
    codecs = {
        codec.oid: codec
        for group in (_numbers(options), _texts(options), _times(options), _shapes(), _system())
        for codec in group
    }
    for oid, kind in _COMPILED.items():
        codecs[oid].unpack = reader(kind, codecs[oid].unpack)
    for oid, name, multi_oid, multi_name, subtype in _RANGES:
        codecs[oid] = range_codec(oid, name, codecs[subtype])
        codecs[multi_oid] = multirange_codec(multi_oid, multi_name, codecs[subtype])
    for oid, array_oid in _ARRAYS.items():
        if oid in codecs:
            # `box` alone has commas of its own.
            codecs[array_oid] = array_codec(array_oid, codecs[oid], ";" if oid == 603 else ",")
    return codecs
