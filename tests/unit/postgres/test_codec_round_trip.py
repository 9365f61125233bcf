"""Every canonical value comes back from the wire as it went in, by the codecs and by the generated functions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.postgres.codec import Codec, CodecRegistry
from sqlspec.values import Infinity
from tests.unit.postgres.codec_cases import CASES, same

REGISTRY = CodecRegistry()
JSON = {"json", "jsonb"}


def codec_of(name: str) -> Codec:
    codec = REGISTRY.get(CASES[name].oid)
    assert codec is not None
    assert codec.name == name
    return codec


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_value_survives_the_wire(name: str, data: st.DataObject) -> None:
    value = data.draw(CASES[name].values)
    codec = codec_of(name)
    wire = codec.pack(codec.coerce(value))
    assert type(wire) is bytes
    assert same(codec.unpack(wire), value)
    assert codec.encode(value) == wire


@pytest.mark.parametrize("name", [name for name in CASES if name not in JSON])
@given(data=st.data())
def test_a_canonical_value_needs_no_coercion(name: str, data: st.DataObject) -> None:
    value = data.draw(CASES[name].values)
    assert same(codec_of(name).coerce(value), value)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, case in CASES.items() for value, _ in case.edges if not isinstance(value, Infinity)],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else None,
)
def test_edge_survives_the_wire(name: str, value: Any) -> None:
    codec = codec_of(name)
    assert same(codec.unpack(codec.encode(value)), value)


@given(data=st.data())
def test_generated_functions_agree_with_the_codecs(data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.sampled_from(sorted(CASES)), max_size=8))
    values = [data.draw(st.none() | CASES[name].values) for name in picked]
    oids = tuple(CASES[name].oid for name in picked)
    names = tuple(f"column {n}" for n in range(len(picked)))
    codecs = [codec_of(name) for name in picked]

    wire = REGISTRY.encoder(oids)(values)
    assert wire == [None if value is None else codec.encode(value) for codec, value in zip(codecs, values, strict=True)]
    assert same(REGISTRY.decoder(oids, names)([wire]), [tuple(values)])

    checked = REGISTRY.checker(oids)(values)
    coerced = [None if value is None else codec.coerce(value) for codec, value in zip(codecs, values, strict=True)]
    assert same(list(checked), coerced)


def test_long_lists_take_the_same_values() -> None:
    oids = (23, 25, 1184) * 60
    row = (1, "x", None) * 60
    wire = REGISTRY.encoder(oids)(row)
    assert wire == [b"\0\0\0\1", b"x", None] * 60
    assert REGISTRY.decoder(oids, ("a", "b", "c") * 60)([wire]) == [row]
    assert list(REGISTRY.checker(oids)(row)) == list(row)


def test_no_columns_and_no_parameters() -> None:
    assert REGISTRY.encoder(())(()) == []
    assert REGISTRY.decoder((), ())([()]) == [()]
    assert REGISTRY.checker(())(()) == ()


def test_checker_returns_the_same_object_when_nothing_changes() -> None:
    args = (1, "x", 1.5, True, None, b"x")
    assert REGISTRY.checker((23, 25, 701, 16, 20, 17))(args) is args


def test_checker_coerces_what_is_not_canonical() -> None:
    class Text(str):
        __slots__ = ()

    (checked,) = REGISTRY.checker((25,))((Text("x"),))
    assert type(checked) is str
    assert REGISTRY.checker((701, 17))((1, bytearray(b"x"))) == [1.0, b"x"]


def test_functions_are_built_once() -> None:
    assert REGISTRY.encoder((23, 25)) is REGISTRY.encoder((23, 25))
    assert REGISTRY.checker((23, 25)) is REGISTRY.checker((23, 25))
    assert REGISTRY.decoder((23,), ("a",)) is REGISTRY.decoder((23,), ("a",))
    assert REGISTRY.decoder((23,), ("a",)) is not REGISTRY.decoder((23,), ("b",))
