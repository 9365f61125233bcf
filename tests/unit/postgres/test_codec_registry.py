"""Learning, replacing and forgetting types; parsing catalog rows; JSON documents as they are read."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from sqlspec.exceptions import DataError
from sqlspec.postgres.catalog import TypeInfo, parse_type_rows, type_query
from sqlspec.postgres.codec import CodecOptions, CodecRegistry, MissingTypesError
from sqlspec.values import Json
from tests.unit.postgres.codec_cases import documents, same

PAIR = TypeInfo(90003, "pair", "public", "c", fields=(("a", 23), ("m", 90001)))
MOOD = TypeInfo(90001, "mood", "public", "e", labels=("sad",))
PAIRS = TypeInfo(90004, "_pair", "public", "b", element_oid=90003)


def learnt() -> CodecRegistry:
    registry = CodecRegistry()
    registry.learn([PAIRS, PAIR, MOOD])  # in any order
    return registry


def test_missing_names_each_unknown_type_once() -> None:
    registry = CodecRegistry()
    assert registry.missing([23, 90001, 25, 90003, 90001]) == (90001, 90003)
    assert registry.get(90001) is None
    assert learnt().missing([23, 90001, 90003, 90004]) == ()


@pytest.mark.parametrize("build", ["encoder", "checker", "decoder"])
def test_functions_over_unknown_types_ask_for_them(build: str) -> None:
    registry = CodecRegistry()
    args: tuple[Any, ...] = ((90001, 23, 90002),) if build != "decoder" else ((90001, 23, 90002), ("a", "b", "c"))
    with pytest.raises(MissingTypesError) as caught:
        getattr(registry, build)(*args)
    assert caught.value.oids == (90001, 90002)
    assert isinstance(caught.value, DataError)


def test_a_domain_leads_to_what_it_stands_for() -> None:
    registry = CodecRegistry()
    registry.learn(
        [
            TypeInfo(90001, "positive", "public", "d", base_oid=1700),
            TypeInfo(90002, "small", "public", "d", base_oid=90001),
        ]
    )
    assert [registry.base_oid(oid) for oid in (90002, 90001, 1700, 99999)] == [1700, 1700, 1700, 99999]


def test_what_is_derived_is_made_once_and_anew_after_a_change() -> None:
    registry = CodecRegistry()
    registry.learn([TypeInfo(90001, "positive", "public", "d", base_oid=1700)])
    made: list[object] = [registry.derive(("it", 90001), (90001,), object) for _ in range(2)]
    assert made[0] is made[1]
    registry.forget(90001)
    with pytest.raises(MissingTypesError):
        registry.derive(("it", 90001), (90001,), object)


def test_names_follow_the_catalog() -> None:
    registry = learnt()
    names = [codec.name for oid in (90001, 90003, 90004) if (codec := registry.get(oid)) is not None]
    assert names == ["mood", "pair", "pair[]"]


def test_forgetting_a_type_forgets_what_is_built_from_it() -> None:
    registry = learnt()
    before = registry.generation
    registry.forget(90001)
    assert registry.missing([90001, 90003, 90004]) == (90001, 90003, 90004)
    assert registry.generation > before
    with pytest.raises(MissingTypesError):
        registry.encoder((90004,))


def test_builtin_types_are_neither_forgotten_nor_replaced() -> None:
    registry = CodecRegistry()
    codec = registry.get(23)
    registry.forget(23)
    registry.learn([TypeInfo(23, "mine", "public", "e")])
    assert registry.get(23) is codec


def test_an_altered_type_replaces_what_was_learnt() -> None:
    registry = learnt()
    encode = registry.encoder((90004,))
    assert encode([[(1, "sad")]])
    registry.learn([PAIR._replace(fields=(("a", 23),))])
    assert registry.missing([90004]) == (90004,)
    registry.learn([PAIRS])
    assert registry.encoder((90003,)) is not encode
    assert registry.decoder((90003,), ("p",))([registry.encoder((90003,))([(1,)])]) == [({"a": 1},)]


def test_learning_the_same_again_changes_nothing() -> None:
    registry = learnt()
    encode, generation = registry.encoder((90004,)), registry.generation
    registry.learn([PAIRS, PAIR, MOOD])
    assert registry.encoder((90004,)) is encode
    assert registry.generation == generation


def test_a_value_of_another_shape_is_noticed() -> None:
    registry = learnt()
    decode = registry.decoder((90003,), ("p",))
    with pytest.raises(MissingTypesError) as caught:
        decode([[bytes.fromhex("00000001 00000017 00000004 00000001")]])
    assert caught.value.oids == registry.missing([90003]) == (90003,)


def test_everything_learnt_is_forgotten_at_once() -> None:
    registry = learnt()
    assert registry.stamp([23, 1007]) is None
    before = registry.stamp([23, 90004])
    registry.forget_learnt()
    assert registry.missing([23, 90001, 90003, 90004]) == (90001, 90003, 90004)
    registry.learn([PAIRS, PAIR, MOOD])
    assert registry.stamp([23, 90004]) != before
    empty = CodecRegistry()
    generation = empty.generation
    empty.forget_learnt()
    assert empty.generation == generation


def test_money_waits_for_its_scale() -> None:
    registry = CodecRegistry(CodecOptions(money_scale=None))
    assert registry.missing([790, 791, 20]) == (790, 791)
    registry.learn_money(0)
    assert registry.decoder((790, 791), ("m", "a"))([[(5).to_bytes(8, "big"), None]]) == [(Decimal(5), None)]
    with pytest.raises(DataError, match="more than 0 digits"):
        registry.encoder((790,))([Decimal("1.5")])
    registry.forget(790)
    registry.forget_learnt()
    assert registry.missing([790, 791]) == ()


@pytest.mark.parametrize("forget", [CodecRegistry.forget_learnt, lambda registry: registry.forget(90001)])
def test_what_is_held_is_known_after_it_was_forgotten(forget: Any) -> None:
    registry = learnt()
    shared = registry.encoder((90001,))
    held = registry.held()
    forget(registry)
    assert registry.missing([90001, 90003, 90004]) == (90001, 90003, 90004)
    assert held.missing([90001, 90003, 90004]) == ()
    assert (held.info(90001), held.info(90003)) == (MOOD, PAIR)
    assert held.encoder((90001,)) is shared
    with pytest.raises(MissingTypesError):
        registry.encoder((90001,))


def test_what_is_held_stays_as_it_was_before_a_change() -> None:
    registry = learnt()
    held = registry.held()
    (before,) = held.encoder((90003,))([(1, "sad")])
    registry.learn([PAIR._replace(fields=(("a", 23),)), MOOD])
    assert held.encoder((90003,))([(1, "sad")]) == [before]
    assert registry.encoder((90003,))([(1,)]) != [before]
    assert held.info(90003) == PAIR


def test_a_part_that_the_catalog_did_not_tell_is_text() -> None:
    registry = CodecRegistry()
    registry.learn([TypeInfo(90005, "d", "public", "d", base_oid=99999)])
    codec = registry.get(90005)
    assert codec is not None
    assert codec.is_text_fallback


def test_functions_do_not_pile_up_without_bound() -> None:
    registry = CodecRegistry()
    first = registry.decoder((23,), ("first",))
    for n in range(5000):
        registry.decoder((), (str(n),))
    assert len(registry._binders) < 5000
    assert registry.decoder((23,), ("first",))([[b"\0\0\0\1"]]) == first([[b"\0\0\0\1"]]) == [(1,)]


def test_column_names_never_become_code() -> None:
    name = '"); raise SystemExit(); ("'
    decode = CodecRegistry().decoder((23,), (name,))
    assert decode([[b"\0\0\0\1"]]) == [(1,)]
    with pytest.raises(DataError, match="raise SystemExit"):
        decode([[b"\0"]])


# --- catalog -----------------------------------------------------------------------------------------------


def test_type_query_takes_numbers_alone() -> None:
    assert "array[23, 4294967295]" in type_query([23, 4294967295])
    with pytest.raises(ValueError):
        type_query(["1); drop table x; --"])  # type: ignore[list-item]


def test_rows_are_parsed() -> None:
    rows = [
        ["90001", "mood", "public", "e", "0", "0", "0", '["sad", "so \\"so\\""]', None, "0", None, ","],
        ("90003", "pair", "s", "c", "0", "0", "90002", None, '[["a", 23], ["B c", 4294967295]]', "0", None, ","),
        ("90010", "vector", "public", "b", "0", "0", "0", None, None, "0", "vector", ","),
        ("90011", "_shape", "public", "b", "90012", "0", "0", None, None, "0", None, ":"),
    ]
    assert parse_type_rows(rows) == [
        TypeInfo(90001, "mood", "public", "e", labels=("sad", 'so "so"')),
        TypeInfo(90003, "pair", "s", "c", relation_oid=90002, fields=(("a", 23), ("B c", 4294967295))),
        TypeInfo(90010, "vector", "public", "b", extension="vector"),
        TypeInfo(90011, "_shape", "public", "b", element_oid=90012, delimiter=":"),
    ]
    assert parse_type_rows([]) == []


# --- JSON --------------------------------------------------------------------------------------------------


def read(text: str, registry: CodecRegistry | None = None) -> Any:
    decode = (registry or CodecRegistry()).decoder((114, 3802), ("a", "b"))
    ((plain, binary),) = decode([[text.encode(), b"\1" + text.encode()]])
    assert same(plain, binary)
    return plain


@given(value=documents)
def test_any_document_survives(value: Any) -> None:
    registry = CodecRegistry()
    wire = registry.encoder((114, 3802))([Json(value), Json(value)])
    (back,) = registry.decoder((114, 3802), ("a", "b"))([wire])
    assert same(back, (value, value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("-9223372036854775809", -9223372036854775809),
        ("1" + "0" * 6000, 10**6000),
        ("1.5e10", 1.5e10),
        ('{"b": 1, "a": 2}', {"b": 1, "a": 2}),
        ('"\\ud800"', "\ud800"),
        ("null", None),
        (" [true] ", [True]),
    ],
    ids=range(8),
)
def test_documents_are_read_exactly(text: str, value: Any) -> None:
    assert same(read(text), value)


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", '{"a": [1e999]}', "[" * 100000 + "]" * 100000, "{", ""], ids=range(6)
)
def test_documents_that_cannot_be_read(text: str) -> None:
    with pytest.raises(DataError, match=r'cannot read column "a" as json: .*::text'):
        read(text)


def test_a_newer_jsonb_format_is_refused() -> None:
    with pytest.raises(DataError, match="newer"):
        CodecRegistry().decoder((3802,), ("b",))([[b"\2{}"]])


def test_a_null_beside_finite_floats_is_written() -> None:
    encode = CodecRegistry().encoder((3802,))
    assert encode([{"a": None, "b": 1.5, 1: "null"}]) == [b'\1{"a":null,"b":1.5,"1":"null"}']


def test_deep_documents_are_refused() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(DataError, match="nested too deeply"):
        CodecRegistry().encoder((3802,))([value])
    while value:
        value = value.pop()  # unwound by hand: freeing it in one go would recurse as well


def test_subclasses_inside_documents() -> None:
    class Text(str):
        __slots__ = ()

    class Real(float):
        __slots__ = ()

    numpy = pytest.importorskip("numpy")
    value = [Text("a"), Real(1.5), numpy.int64(7), numpy.float32(0.5), numpy.bool_(True), Json("x")]
    assert CodecRegistry().encoder((114,))([value]) == [b'["a",1.5,7,0.5,true,"x"]']


@pytest.mark.parametrize("result", ['{"x": 1}', b'{"x": 1}', bytearray(b'{"x": 1}')])
def test_serializer_of_the_user(result: Any) -> None:
    seen: list[Any] = []

    def serialize(value: Any) -> Any:
        seen.append(value)
        return result

    registry = CodecRegistry(CodecOptions(json_serializer=serialize))
    assert registry.encoder((3802, 114))([{"a": math.nan}, Json(object)]) == [b'\1{"x": 1}', b'{"x": 1}']
    assert same(seen, [{"a": math.nan}, object])
    # Text is a document already.
    assert registry.encoder((114,))(["[1]"]) == [b"[1]"]
    assert len(seen) == 2


def test_serializer_must_return_text() -> None:
    registry = CodecRegistry(CodecOptions(json_serializer=lambda _: 5))  # type: ignore[arg-type, return-value]
    with pytest.raises(DataError, match="returned no str or bytes: an int was given"):
        registry.encoder((114,))([{}])


def test_deserializer_of_the_user() -> None:
    registry = CodecRegistry(CodecOptions(json_deserializer=lambda text: json.loads(text, parse_float=str)))
    assert read("[1.10]", registry) == ["1.10"]
