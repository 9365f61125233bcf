"""Types of PostgreSQL and of Arrow: what is read as what, and which columns a new table gets."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.core.result import Column
from sqlspec.exceptions import DataError, ParameterError
from sqlspec.postgres.arrow.types import (
    VALUE,
    ReadColumn,
    ReadOptions,
    create_table_types,
    decoder_schema,
    finish_batch,
    read_columns,
    result_schema,
)
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.catalog import TypeInfo
from sqlspec.postgres.codec import CodecRegistry, MissingTypesError

TYPES = Path(__file__).parents[3] / "integration" / "matrix" / "types"
ENUM = pa.dictionary(pa.int32(), pa.string())

# What the server's catalog says of the types that the files make, under OIDs of our own.
USER_TYPES = [
    TypeInfo(90001, "mood", "public", "e", labels=("sad", "ok")),
    TypeInfo(90002, "pair", "public", "c", fields=(("a", 23), ("B c", 25))),
    TypeInfo(90003, "spot", "public", "c", fields=(("x", 701), ("name", 25))),
    TypeInfo(90004, "spot[]", "public", "b", element_oid=90003),
    TypeInfo(90005, "inner_pair", "public", "c", fields=(("a", 23), ("b", 25))),
    TypeInfo(90006, "_inner_pair", "public", "b", element_oid=90005),
    TypeInfo(90007, "letter", "public", "e", labels=("a", "b")),
    TypeInfo(90008, "small", "public", "d", base_oid=23),
    TypeInfo(
        90009,
        "nested",
        "public",
        "c",
        fields=(("p", 90005), ("ps", 90006), ("e", 90007), ("d", 90008), ("r", 3904), ("ns", 1007), ("n", 1700)),
    ),
    TypeInfo(90010, "posint", "public", "d", base_oid=23),
    TypeInfo(90011, "tags", "public", "d", base_oid=1009),
    TypeInfo(90012, "checked_pair", "public", "d", base_oid=90005),
    TypeInfo(90013, "price", "public", "d", base_oid=1700),
    TypeInfo(90014, "shout", "public", "b", delimiter=";"),
    TypeInfo(90015, "frange", "public", "r", range_subtype=701),
    TypeInfo(90016, "pricerange", "public", "r", range_subtype=90013),
    *(
        TypeInfo(90100 + number, name, "ext", "b", extension=extension)
        for number, (extension, name) in enumerate(
            [
                ("vector", "vector"),
                ("vector", "halfvec"),
                ("vector", "sparsevec"),
                ("citext", "citext"),
                ("hstore", "hstore"),
                ("cube", "cube"),
                ("seg", "seg"),
                ("ltree", "ltree"),
                ("ltree", "lquery"),
                ("ltree", "ltxtquery"),
            ]
        )
    ),
]
PRICE = (10 << 16 | 2) + 4
TYPMODS = {"price": PRICE}


def registry() -> CodecRegistry:
    codecs = CodecRegistry()
    codecs.learn(USER_TYPES)
    return codecs


def oids() -> dict[str, int]:
    return {codec.name: codec.oid for codec in CodecRegistry().known()} | {info.name: info.oid for info in USER_TYPES}


def typmod(name: str) -> tuple[str, int]:
    """Return the type and the modifier that a name with parentheses stands for."""
    match = re.fullmatch(r"(.*?)\((\d+)(?:, (-?\d+))?\)(.*)", name)
    if match is None:
        return name, TYPMODS.get(name, -1)
    first, second = int(match[2]), int(match[3] or 0)
    plain = match[1] + match[4]
    if plain.startswith("numeric"):
        return plain, (first << 16 | second & 0x7FF) + 4
    return {"char": "bpchar"}.get(plain, plain), first + 4 if plain in ("char", "varchar") else first


def arrow_type(text: str) -> pa.DataType:
    """Parse the notation of the files."""
    kind, rest = one_type(text)
    assert not rest, text
    return kind


def one_type(text: str) -> tuple[pa.DataType, str]:
    for outer in ("list<", "fixed_size_list<", "dictionary<", "map<", "struct<"):
        if text.startswith(outer):
            return nested_type(outer, text[len(outer) :])
    match = re.match(r"decimal128\((\d+), (\d+)\)|fixed_size_binary\(16\)|timestamp\[us(?:, tz=UTC)?\]|[\w\[\]]+", text)
    assert match, text
    word, rest = match[0], text[match.end() :]
    if match[1]:
        return pa.decimal128(int(match[1]), int(match[2])), rest
    special = {
        "fixed_size_binary(16)": pa.binary(16),
        "timestamp[us]": pa.timestamp("us"),
        "timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"),
        "time64[us]": pa.time64("us"),
        "bool": pa.bool_(),
    }
    return special.get(word) or getattr(pa, word)(), rest


def nested_type(outer: str, text: str) -> tuple[pa.DataType, str]:
    if outer == "struct<":
        fields = []
        while True:
            name, _, text = text.partition(": ")
            kind, text = one_type(text)
            fields.append(pa.field(name, kind))
            if text[0] == ">":
                return pa.struct(fields), text[1:]
            text = text.removeprefix(", ")
    kind, text = one_type(text)
    if outer == "list<":
        return pa.list_(kind), text[1:]
    if outer == "fixed_size_list<":
        size, _, text = text.removeprefix(", ").partition(">")
        # Vectors without declared dimensions may differ in length.
        return pa.list_(kind) if size == "n" else pa.list_(kind, int(size)), text
    second, text = one_type(text.removeprefix(", "))
    return pa.dictionary(kind, second) if outer == "dictionary<" else pa.map_(kind, second), text[1:]


def read(oid: int, modifier: int = -1, **options: Any) -> ReadColumn:
    (column,) = read_columns([Column("c", oid)], registry(), [modifier], ReadOptions(**options))
    return column


@pytest.mark.parametrize("path", sorted(TYPES.glob("*.toml")), ids=lambda path: path.stem)
def test_types_of_the_matrix(path: Path) -> None:
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    name, modifier = typmod(found["name"])
    expected = arrow_type(found["arrow"]) if found["arrow"] else pa.string()
    column = read(oids()[name], modifier)
    assert column.field.type == expected
    if column.finish is None:
        assert column.decoded == expected
    assert VALUE in column.select


def test_text_forms_are_made_by_the_server() -> None:
    assert read(600).select == f"{VALUE}::pg_catalog.text"
    assert read(1017).select == f"{VALUE}::pg_catalog.text::pg_catalog.text[]"
    assert read(23).select == VALUE
    # The cast to text has a mask that the type's text form does not have.
    assert read(869).select == f"pg_catalog.textin(pg_catalog.inet_out({VALUE}))"


def test_a_composite_with_text_forms_inside_is_built_anew() -> None:
    column = read(90009)
    assert column.select.startswith(f"case when {VALUE} is distinct from null then row(")
    assert f'({VALUE})."r"::pg_catalog.text' in column.select
    assert column.wire.kind is Kind.STRUCT
    assert read(90002).select == VALUE


def test_numeric_by_choice() -> None:
    assert read(1700, PRICE, numeric="string").field.type == pa.string()
    assert read(1700, PRICE, numeric="float64").field.type == pa.float64()
    assert read(1231, PRICE, numeric="float64").select == f"{VALUE}::pg_catalog.text::pg_catalog.float8[]"
    assert read(1700, numeric=pa.decimal256(50, 3)).wire == WireType(Kind.NUMERIC, 1700, 32, 50, 3)
    assert read(1700, (1000 << 16) + 4).field.type == pa.string()
    assert read(1700, (50 << 16 | 10) + 4).field.type == pa.decimal256(50, 10)
    assert read(1700, (2 << 16 | 5) + 4).field.type == pa.decimal128(5, 5)


def test_arrays_as_text() -> None:
    column = read(1007, nested="text")
    assert column.field.type == pa.string()
    assert column.select == f"{VALUE}::pg_catalog.text"


@pytest.mark.parametrize(
    "options", [{"infinity": "x"}, {"nan": "x"}, {"nested": "x"}, {"numeric": "x"}, {"numeric": pa.int8()}]
)
def test_unknown_choices(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        read(23, **options)


def test_unknown_types_have_to_be_learnt() -> None:
    with pytest.raises(MissingTypesError):
        read(91234)


def test_finishing_a_batch() -> None:
    codecs = registry()
    columns = read_columns(
        [Column("e", 90001), Column("h", oids()["hstore"]), Column("v", 2278), Column("n", 23)], codecs, [-1] * 4
    )
    batch = pa.record_batch(
        [
            pa.array(["ok", None, "sad"]),
            pa.array([["a", "1", "b", None], None, []], pa.list_(pa.string())),
            pa.array(["", "", ""]),
            pa.array([1, 2, 3], pa.int32()),
        ],
        schema=decoder_schema(columns),
    )
    finished = finish_batch(columns, batch)
    finished.validate(full=True)
    assert finished.schema == result_schema(columns)
    assert finished.column("e").to_pylist() == ["ok", None, "sad"]
    assert finished.column("e").dictionary.to_pylist() == ["sad", "ok"]
    assert finished.column("h").to_pylist() == [[("a", "1"), ("b", None)], None, []]
    assert finished.column("v").null_count == 3
    later = finish_batch(columns, batch.set_column(0, "e", pa.array(["new", None, "ok"])))
    assert later.column("e").to_pylist() == ["new", None, "ok"]


def test_enums_inside_lists_and_structs_are_finished() -> None:
    column = read(90009)
    raw = pa.array(
        [{"p": None, "ps": [{"a": 1, "b": "x"}], "e": "b", "d": 1, "r": None, "ns": [], "n": "1"}, None],
        column.decoded,
    )
    assert column.finish is not None
    finished = column.finish(raw)
    finished.validate(full=True)
    assert finished.type == column.field.type
    assert finished.to_pylist()[0]["e"] == "b"
    assert finished.to_pylist()[1] is None


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        (pa.int8(), "smallint"),
        (pa.uint16(), "integer"),
        (pa.uint32(), "bigint"),
        (pa.uint64(), "numeric(20,0)"),
        (pa.float16(), "real"),
        (pa.decimal128(10, 2), "numeric(10,2)"),
        (pa.decimal256(60, 0), "numeric(60,0)"),
        (pa.decimal32(3, -2), "numeric(3,-2)"),
        (pa.string_view(), "text"),
        (pa.binary(4), "bytea"),
        (pa.date64(), "date"),
        (pa.time32("ms"), "time"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.timestamp("s", "Europe/Berlin"), "timestamptz"),
        (pa.duration("ns"), "interval"),
        (pa.month_day_nano_interval(), "interval"),
        (pa.dictionary(pa.int8(), pa.large_string()), "text"),
        (pa.run_end_encoded(pa.int32(), pa.int64()), "bigint"),
        (pa.list_(pa.int16()), "smallint[]"),
        (pa.list_(pa.uuid(), 3), "uuid[]"),
        (pa.list_(pa.json_()), "jsonb[]"),
        (pa.list_view(pa.dictionary(pa.int8(), pa.string())), "text[]"),
        (pa.list_(pa.list_(pa.int8())), "jsonb"),
        (pa.list_(pa.struct([("a", pa.int8())])), "jsonb"),
        (pa.struct([("a", pa.int8())]), "jsonb"),
        (pa.map_(pa.string(), pa.int8()), "jsonb"),
        (pa.uuid(), "uuid"),
        (pa.json_(), "jsonb"),
        (pa.bool8(), "boolean"),
        (pa.null(), "text"),
    ],
    ids=str,
)
def test_columns_of_a_new_table(kind: pa.DataType, sql: str) -> None:
    assert create_table_types(pa.schema([("c", kind)])) == [sql]


def test_columns_without_a_type_are_all_listed() -> None:
    union = pa.sparse_union([pa.field("a", pa.int8())])
    with pytest.raises(DataError, match='"u".*"w"'):
        create_table_types(pa.schema([("u", union), ("v", pa.int8()), ("w", union)]))
