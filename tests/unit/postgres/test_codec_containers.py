"""Arrays, ranges, composite types and extension types, without a server."""

from __future__ import annotations

import struct
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import asyncpg
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range as PsycopgRange

from sqlspec.exceptions import DataError, MissingDependencyError
from sqlspec.postgres.catalog import TypeInfo
from sqlspec.postgres.codec import Codec, CodecOptions, CodecRegistry, ValueRefused
from sqlspec.postgres.codec.arrays import read_literal
from sqlspec.values import INFINITY, Json, Range, SparseVector
from tests.unit.postgres.codec_cases import same

REGISTRY = CodecRegistry()
REGISTRY.learn(
    [
        TypeInfo(90001, "mood", "public", "e", labels=("sad", "ok")),
        TypeInfo(90002, "_mood", "public", "b", element_oid=90001),
        TypeInfo(90003, "pair", "public", "c", fields=(("a", 23), ("b", 25))),
        TypeInfo(90004, "_pair", "public", "b", element_oid=90003),
        TypeInfo(90005, "ints", "public", "d", base_oid=1007),
        TypeInfo(90006, "_ints", "public", "b", element_oid=90005),
        TypeInfo(90010, "vector", "public", "b", extension="vector"),
        TypeInfo(90011, "halfvec", "public", "b", extension="vector"),
        TypeInfo(90012, "sparsevec", "public", "b", extension="vector"),
        TypeInfo(90013, "_vector", "public", "b", element_oid=90010),
        TypeInfo(90020, "hstore", "public", "b", extension="hstore"),
        TypeInfo(90021, "citext", "public", "b", extension="citext"),
        TypeInfo(90022, "ltree", "public", "b", extension="ltree"),
    ]
)


def codec_of(name: str) -> Codec:
    return next(
        codec
        for oid in (*range(7000), *range(90000, 90100))
        if (codec := REGISTRY.get(oid)) is not None and codec.name == name
    )


# --- arrays ------------------------------------------------------------------------------------------------


def test_array_wire_form() -> None:
    # From array_send: dimensions, has-NULL, element type, (length, lower bound), (length, value)...
    wire = bytes.fromhex("00000001 00000001 00000017 00000002 00000001 00000004 00000001 ffffffff")
    codec = codec_of("int4[]")
    assert codec.encode([1, None]) == wire
    assert codec.unpack(wire) == [1, None]
    assert codec.encode([]) == bytes.fromhex("00000000 00000000 00000017")


shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4)


@given(shape=shapes, data=st.data(), name=st.sampled_from(["int4", "text", "float8", "bool", "numeric", "uuid"]))
def test_nested_lists_keep_their_shape(shape: list[int], data: st.DataObject, name: str) -> None:
    leaves = {
        "int4": st.integers(-5, 5),
        "text": st.text("aä", max_size=3),
        "float8": st.floats(allow_nan=False),
        "bool": st.booleans(),
        "numeric": st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-3)),
        "uuid": st.uuids(),
    }[name]
    if data.draw(st.booleans()):
        leaves = leaves | st.none()

    def draw(depth: int) -> Any:
        return [data.draw(leaves) if depth + 1 == len(shape) else draw(depth + 1) for _ in range(shape[depth])]

    value = draw(0)
    codec = codec_of(f"{name}[]")
    wire = codec.encode(value)
    assert same(codec.unpack(wire), value)
    assert codec.pack(codec.coerce(value)) == wire
    assert same(codec.coerce(value), value)


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        ("int4[]", (1, 2), [1, 2]),
        ("int4[]", ((1,), [2]), [[1], [2]]),
        ("int4[]", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ("int4[]", np.array([], dtype="int64"), []),
        ("float8[]", np.array([1.5, 2.5], dtype="float32"), [1.5, 2.5]),
        ("bool[]", np.array([True, False]), [True, False]),
        ("text[]", np.array(["a", "b"]), ["a", "b"]),
        ("bytea[]", [b"ab", b""], [b"ab", b""]),
        ("date[]", np.array(["2024-01-01"], dtype="datetime64[D]"), [date(2024, 1, 1)]),
        ("point[]", [(1.0, 2.0)], [(1.0, 2.0)]),
        ("point[]", [[(1.0, 2.0)], [None]], [[(1.0, 2.0)], [None]]),
        ("pair[]", [(1, "x"), {"a": 2, "b": None}], [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        ("ints[]", [[1, 2], [], None], [[1, 2], [], None]),
        ("vector[]", [[1.0], [2.0, 3.0]], [[1.0], [2.0, 3.0]]),
        ("jsonb[]", [{"a": 1}, Json([1]), Json(None), "7"], [{"a": 1}, [1], None, 7]),
        ("int4multirange[]", [(Range(1, 2),), ()], [(Range(1, 2),), ()]),
    ],
)
def test_array_parameters(name: str, value: Any, canonical: Any) -> None:
    codec = codec_of(name)
    assert same(codec.unpack(codec.encode(value)), canonical)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("int4[]", 5, "an int was given; pass a list of int4"),
        ("int4[]", "{1}", "a str was given"),
        ("int4[]", {1, 2}, "a set was given"),
        ("int4[]", [1, "2"], r"element \[2\]: a str was given; pass an int"),
        ("int4[]", [1, 2.0], r"element \[2\]: a float was given"),
        ("int4[]", [[1, 2], [3, 1 << 40]], r"element \[2\]\[2\]: the int is outside"),
        ("int4[]", [[1, 2], [3]], "differ in length"),
        ("int4[]", [[1], 2], "differ in length"),
        ("int4[]", [1, [2]], r"element \[2\]: a list was given"),
        ("int4[]", [None, [2]], r"element \[2\]: a list was given"),
        ("int4[]", [[]], "nested list is empty"),
        ("int4[]", [[[[[[[1]]]]]]], "more than 6 deep"),
        ("int4[]", np.array(5), "without dimensions"),
        ("int4[]", np.array([1.5]), r"element \[1\]: a float was given"),
        ("float4[]", [1.0, 1e300], r"element \[2\]: the number is too large"),
        ("text[]", ["a", "b\0"], r"element \[2\]: the text holds a NUL"),
        ("jsonb[]", [[1]], "may be a dimension or a jsonb value"),
        ("mood[]", [1], r"element \[1\]: an int was given"),
        ("pair[]", [{"a": 1.5, "b": ""}], r'element \[1\]: field "a": a float was given'),
    ],
)
def test_array_refusals(name: str, value: Any, words: str) -> None:
    codec = codec_of(name)
    for convert in (codec.encode, codec.coerce):
        with pytest.raises(ValueRefused, match=words):
            convert(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", []),
        ("{a,NULL,null}", ["a", None, "null"]),
        ('{"","NULL",b c}', ["", "NULL", "b c"]),
        (r'{"a\"b","\\","{x,y}"}', ['a"b', "\\", "{x,y}"]),
        ('{{a,"\n"},{NULL,d}}', [["a", "\n"], [None, "d"]]),
        ("[0:1][-1:0]={{a,b},{c,d}}", [["a", "b"], ["c", "d"]]),
    ],
)
def test_array_text(text: str, value: Any) -> None:
    assert read_literal(text) == value


def test_array_text_with_a_delimiter_of_the_type() -> None:
    assert read_literal('{a,b:NULL:"c:d"}', ":") == ["a,b", None, "c:d"]


def test_elements_that_cannot_be_read_are_counted() -> None:
    codec = codec_of("date[]")
    with pytest.raises(ValueRefused, match="element 2: infinity"):
        codec.unpack(codec.encode([date(2024, 1, 1), INFINITY]))


# --- ranges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (PsycopgRange(1, 5), Range(1, 5)),
        (PsycopgRange(1, 5, "(]"), Range(1, 5, "(]")),
        (PsycopgRange(None, 5), Range(None, 5, "()")),
        (PsycopgRange(empty=True), Range(bounds="empty")),
        (asyncpg.Range(1, 5), Range(1, 5)),
        (asyncpg.Range(1, None), Range(1, None)),
        (asyncpg.Range(empty=True), Range(bounds="empty")),
        (Range(None, None, "[]"), Range()),
    ],
)
def test_range_parameters(value: Any, canonical: Range[int]) -> None:
    codec = codec_of("int4range")
    assert codec.coerce(value) == canonical
    assert codec.unpack(codec.encode(value)) == canonical


@pytest.mark.parametrize("wrap", [tuple, list, Multirange])
def test_multirange_parameters(wrap: Any) -> None:
    codec = codec_of("int4multirange")
    ranges = wrap([PsycopgRange(1, 3), PsycopgRange(5, 7)])
    assert codec.unpack(codec.encode(ranges)) == (Range(1, 3), Range(5, 7))
    assert codec.coerce(ranges) == (Range(1, 3), Range(5, 7))


def test_range_wire_form() -> None:
    codec = codec_of("int4range")
    assert codec.encode(Range(1, 5)) == bytes.fromhex("02 00000004 00000001 00000004 00000005")
    assert codec.encode(Range(bounds="empty")) == b"\1"
    assert codec.encode(Range(None, 5)) == bytes.fromhex("08 00000004 00000005")
    assert codec.encode(Range()) == bytes.fromhex("18")


def test_bounds_that_cannot_be_read_are_named() -> None:
    codec = codec_of("daterange")
    with pytest.raises(ValueRefused, match="upper bound: infinity"):
        codec.unpack(codec.encode(Range(date(2024, 1, 1), INFINITY)))


# --- composite types ---------------------------------------------------------------------------------------


class Pair(msgspec.Struct):
    a: int
    b: str


class Other(msgspec.Struct):
    a: int
    c: str


@pytest.mark.parametrize("value", [{"b": "x", "a": 1}, (1, "x"), Pair(1, "x")])
def test_composite_parameters(value: Any) -> None:
    codec = codec_of("pair")
    assert same(codec.coerce(value), {"a": 1, "b": "x"})
    assert codec.encode(value) == bytes.fromhex("00000002 00000017 00000004 00000001 00000019 00000001 78")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, 'no key "b"'),
        ({"a": 1, "b": "", "c": 2}, "3 keys; pass exactly the 2 fields"),
        ({"a": 1, "c": 2}, 'no key "b"'),
        ((1,), "length 1"),
        ([1, "x"], "a list was given"),
        (Other(1, "x"), "fields of Other"),
        (SimpleNamespace(a=1, b="x"), "a SimpleNamespace was given"),
        ({"a": "1", "b": ""}, 'field "a": a str was given'),
    ],
)
def test_composite_refusals(value: Any, words: str) -> None:
    for convert in (codec_of("pair").encode, codec_of("pair").coerce):
        with pytest.raises(ValueRefused, match=words):
            convert(value)


def test_pseudo_types_take_no_parameters() -> None:
    for oid in (2249, 2278, 2287):
        with pytest.raises(DataError, match="takes no parameters"):
            REGISTRY.encoder((oid,))([(1,)])


# --- extensions --------------------------------------------------------------------------------------------


def test_vector_wire_form() -> None:
    wire = bytes.fromhex("0002 0000 3f800000 40200000")
    codec = codec_of("vector")
    for value in ([1.0, 2.5], [1, 2.5], [Decimal(1), 2.5], np.array([1.0, 2.5]), "[1, 2.5]"):
        assert codec.encode(value) == wire
        assert codec.pack(codec.coerce(value)) == wire
    assert same(codec.unpack(wire), [1.0, 2.5])
    assert codec_of("halfvec").encode([1.0, 2.5]) == bytes.fromhex("0002 0000 3c00 4100")


def test_sparsevec_wire_form() -> None:
    wire = bytes.fromhex("00000003 00000001 00000000 00000000 3fc00000")
    codec = codec_of("sparsevec")
    assert codec.encode(SparseVector(3, (0,), (1.5,))) == wire
    assert codec.encode("{1:1.5}/3") == wire
    assert codec.unpack(wire) == SparseVector(3, (0,), (1.5,))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("vector", [], "0 dimensions"),
        ("vector", "[]", "not a vector"),
        ("vector", [0.0] * 16001, "16001 dimensions"),
        ("vector", [1e300], "too large for float4"),
        ("vector", np.array([1e300]), "too large for float4"),
        ("halfvec", [1e5], "too large for a half-precision float"),
        ("halfvec", np.array([1e5]), "too large for a half-precision float"),
        ("vector", np.zeros((2, 2)), "not one row of numbers"),
        ("vector", np.array(["a"]), "not one row of numbers"),
        ("vector", (1.0,), "a tuple was given"),
        ("vector", [True], "a bool was given"),
        ("vector", ["1"], "a str was given"),
        ("vector", "1,2", "not a vector"),
        ("sparsevec", [1.0], "a list was given"),
        ("sparsevec", SparseVector(3, (0,), (0.0,)), "explicit zero"),
        ("sparsevec", SparseVector(0, (), ()), "number of dimensions"),
        ("sparsevec", "{0:1}/3", "not a sparsevec"),
        ("sparsevec", "[1]", "not a sparsevec"),
        ("hstore", {"a": 1}, "a key or value of the dict: an int was given"),
        ("hstore", {1: "a"}, "a key or value of the dict: an int was given"),
        ("hstore", [], "a list was given"),
    ],
)
def test_extension_refusals(name: str, value: Any, words: str) -> None:
    for convert in (codec_of(name).encode, codec_of(name).coerce):
        with pytest.raises(ValueRefused, match=words):
            convert(value)


def test_hstore_wire_form() -> None:
    wire = bytes.fromhex("00000002 00000001 61 00000001 31 00000001 62 ffffffff")
    codec = codec_of("hstore")
    assert codec.encode({"a": "1", "b": None}) == wire
    assert same(codec.unpack(wire), {"a": "1", "b": None})


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(value=st.dictionaries(texts, st.none() | texts))
def test_hstore_survives_the_wire(value: dict[str, str | None]) -> None:
    codec = codec_of("hstore")
    assert same(codec.unpack(codec.encode(value)), value)


def test_texts_of_extensions() -> None:
    assert codec_of("citext").encode("Aß") == "Aß".encode()
    assert codec_of("ltree").encode("a.b") == b"\1a.b"
    assert codec_of("ltree").unpack(b"\1a.b") == "a.b"
    with pytest.raises(ValueRefused, match="newer"):
        codec_of("ltree").unpack(b"\2a.b")


def test_pgvector_left_as_text() -> None:
    registry = CodecRegistry(CodecOptions(enable_pgvector=False))
    registry.learn(
        [
            TypeInfo(90010, "vector", "public", "b", extension="vector"),
            TypeInfo(90011, "_vector", "public", "b", element_oid=90010, delimiter=";"),
        ]
    )
    vector, vectors = registry.get(90010), registry.get(90011)
    assert vector is not None
    assert (vector.is_text_fallback, vector.reads_binary) == (True, False)
    assert vectors is not None
    assert vectors.encode(["[1,2]", None]) == b'{"[1,2]";NULL}'


def test_a_foreign_type_of_a_known_name_is_text() -> None:
    registry = CodecRegistry()
    registry.learn([TypeInfo(90010, "vector", "public", "b"), TypeInfo(90011, "box3d", "public", "b")])
    for oid in (90010, 90011):
        codec = registry.get(oid)
        assert codec is not None
        assert codec.is_text_fallback
        assert not codec.reads_binary
        with pytest.raises(ValueRefused, match="::text"):
            codec.unpack(b"x")


def test_vectors_as_numpy_arrays() -> None:
    registry = CodecRegistry(CodecOptions(vector_format="numpy"))
    registry.learn([TypeInfo(90010, "vector", "public", "b", extension="vector")])
    ((value,),) = registry.decoder((90010,), ("v",))([[bytes.fromhex("0002 0000 3f800000 40200000")]])
    assert value.dtype == np.float32
    assert value.tolist() == [1.0, 2.5]
    assert value.flags.writeable


def test_numpy_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CodecRegistry(CodecOptions(vector_format="numpy"))
    monkeypatch.setitem(__import__("sys").modules, "numpy", None)
    with pytest.raises(MissingDependencyError, match="numpy"):
        registry.learn([TypeInfo(90010, "vector", "public", "b", extension="vector")])


def test_vectors_agree_with_struct() -> None:
    numbers = [struct.unpack(">f", struct.pack(">f", n / 7))[0] for n in range(100)]
    codec = codec_of("vector")
    assert codec.unpack(codec.encode(numbers)) == numbers
