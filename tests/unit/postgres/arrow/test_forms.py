"""Text forms of canonical values, against what the server prints."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sqlspec.postgres.arrow.forms import text_former
from sqlspec.postgres.catalog import TypeInfo
from sqlspec.postgres.codec import CodecRegistry, ValueRefused
from sqlspec.values import INFINITY, NEG_INFINITY, Path, Range, SparseVector
from tests.unit.postgres.codec_cases import CASES

SETTINGS = {"money", "timestamptz"}
"""The server's text depends on settings of the session."""


def cases() -> list[Any]:
    codecs = CodecRegistry()
    return [
        pytest.param(case.oid, value, text, id=f"{codec.name}-{text[:30]}")
        for case in CASES.values()
        if (codec := codecs.get(case.oid)) is not None and codec.name not in {*SETTINGS, "json", "jsonb"}
        for value, text in case.edges
        if value not in (INFINITY, NEG_INFINITY)
    ]


@pytest.mark.parametrize(("oid", "value", "text"), cases())
def test_edges(oid: int, value: Any, text: str) -> None:
    if isinstance(value, bool):
        text = text[0]  # inside arrays and composite values
    if oid == 869:  # the cases' text is that of the cast, which adds the mask of a whole address
        text = text.removesuffix("/32").removesuffix("/128")
    assert text_former(oid, CodecRegistry())(value) == text


@pytest.mark.parametrize(
    ("oid", "value", "text"),
    [
        (3802, {"b": [1, 2.5, None, True, "ü\n"], "c": {}}, '{"b": [1, 2.5, null, true, "ü\\n"], "c": {}}'),
        (1009, ["a", None, "", "NULL", 'b"\\', "c,d", "e f"], r'{a,NULL,"","NULL","b\"\\","c,d","e f"}'),
        (1007, [[1, None], [3, 4]], "{{1,NULL},{3,4}}"),
        (1007, [], "{}"),
        (1020, [((3.0, 4.0), (1.0, 2.0)), None], "{(3,4),(1,2);NULL}"),
        (2249, (1, "x", None, Decimal("1.50"), "a,b", True), '(1,x,,1.50,"a,b",t)'),
        (3910, Range(datetime(2024, 1, 1, tzinfo=UTC), None), '["2024-01-01 00:00:00+00",)'),
        (4451, (Range(1, 3), Range(5, 7)), "{[1,3),[5,7)}"),
        (602, Path(((1e15, 1e14), (0.00001, -0.0)), False), "[(1e+15,100000000000000),(1e-05,-0)]"),
        (1021, [0.10000000149011612, 1e6, 999999.0, 1e-45], "{0.1,1e+06,999999,1e-45}"),
        (1022, [0.1, 1e300, float("nan"), float("-inf")], "{0.1,1e+300,NaN,-Infinity}"),
    ],
)
def test_containers(oid: int, value: Any, text: str) -> None:
    assert text_former(oid, CodecRegistry())(value) == text


def test_types_of_users() -> None:
    codecs = CodecRegistry()
    codecs.learn(
        [
            TypeInfo(90001, "pair", "public", "c", fields=(("a", 23), ("b", 25))),
            TypeInfo(90002, "_pair", "public", "b", element_oid=90001),
            TypeInfo(90003, "hstore", "public", "b", extension="hstore"),
            TypeInfo(90004, "sparsevec", "public", "b", extension="vector"),
            TypeInfo(90005, "frange", "public", "r", range_subtype=701),
        ]
    )
    pair = {"a": 1, "b": 'x"y'}
    assert text_former(90001, codecs)(pair) == '(1,"x""y")'
    assert text_former(90002, codecs)([pair, None]) == r'{"(1,\"x\"\"y\")",NULL}'
    assert text_former(90003, codecs)({"a": "1", 'b"': None}) == r'"a"=>"1", "b\""=>NULL'
    assert text_former(90004, codecs)(SparseVector(5, (0, 2), (1.0, 2.5))) == "{1:1,3:2.5}/5"
    assert text_former(90005, codecs)(Range(0.5, 1.5, "(]")) == "(0.5,1.5]"


def test_a_record_does_not_tell_the_type_of_a_dict() -> None:
    with pytest.raises(ValueRefused, match="does not tell"):
        text_former(2249, CodecRegistry())(({"a": 1},))
