"""Documents are written whole, or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import msgspec
import numpy as np
import pytest

from sqlspec.postgres.codec import CodecRegistry, ValueRefused
from sqlspec.postgres.codec.jsontext import is_ordinary
from sqlspec.postgres.codec.reading import compiled
from sqlspec.values import Json

REGISTRY = CodecRegistry()


@attrs.define
class Account:
    owner: str
    _balance: Any


@attrs.define(slots=False)
class Open:
    owner: str
    _balance: int = attrs.field(init=False)


@dataclass
class Holder:
    item: Any
    _private: int = 1
    unset: int = field(init=False)


class Record(msgspec.Struct, rename="camel", omit_defaults=True):
    some_item: Any
    other_item: Any = None


class Frozen(msgspec.Struct, frozen=True, tag=True):
    item: Any


class Pair(NamedTuple):
    a: Any
    b: Any


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    ONE = 1


def written(value: Any, kind: str = "jsonb") -> str:
    codec = next(codec for codec in REGISTRY.known() if codec.name == kind)
    text = codec.coerce(value)
    assert codec.encode(value) == codec.pack(text)
    return text


ACCOUNT = {"owner": "ann", "_balance": 5}


@pytest.mark.parametrize(
    ("value", "document"),
    [
        (Account("ann", 5), ACCOUNT),
        ({"a": Account("ann", 5)}, {"a": ACCOUNT}),
        ([1, [Account("ann", 5)]], [1, [ACCOUNT]]),
        (Json((Account("ann", 5),)), [ACCOUNT]),
        ([Json(Account("ann", 5))], [ACCOUNT]),
        (Holder([Account("ann", 5)]), {"item": [ACCOUNT], "_private": 1}),
        (Record(Account("ann", 5)), {"someItem": ACCOUNT}),
        (Frozen({"a": Account("ann", 5)}), {"type": "Frozen", "item": {"a": ACCOUNT}}),
        ([Pair(1, Account("ann", 5))], [[1, ACCOUNT]]),
        (Account("ann", Account("bob", None)), {"owner": "ann", "_balance": {"owner": "bob", "_balance": None}}),
        (Open("ann"), {"owner": "ann"}),
    ],
)
def test_private_attributes_of_attrs_classes_are_written(value: Any, document: Any) -> None:
    assert json.loads(written(value)) == document
    assert written(value, "json") == written(value)


def test_what_is_written_is_left_as_it_is() -> None:
    record = Record(Account("ann", {1}))
    written(record)
    assert record == Record(Account("ann", {1}))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"price": Decimal("1.10")}, '{"price":1.10}'),
        (Json(Decimal("12345678901234567.890")), "12345678901234567.890"),
        (Record([Decimal("1e5")]), '{"someItem":[1E+5]}'),
        ({Decimal("1.10"): 1}, '{"1.10":1}'),
    ],
)
def test_decimals_are_written_as_numbers(value: Any, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1: "a", 2: "b"}, '{"1":"a","2":"b"}'),
        ({Colour.RED: Colour.RED, Size.ONE: Size.ONE}, '{"red":"red","1":1}'),
        ([{5}, frozenset([6]), (7,)], "[[5],[6],[7]]"),
        (
            {"d": date(2024, 1, 2), "t": datetime(2024, 1, 2, tzinfo=UTC), "u": UUID(int=0)},
            '{"d":"2024-01-02","t":"2024-01-02T00:00:00Z","u":"00000000-0000-0000-0000-000000000000"}',
        ),
        ([np.int64(5), np.float64(0.5), Size.ONE], "[5,0.5,1]"),
    ],
)
def test_other_classes_have_their_forms(value: Any, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({1: "a", "1": "b"}, "dict keys that are the same as text"),
        ([{"a": {Colour.RED: 1, "red": 2}}], "dict keys that are the same as text"),
        ({"a": b"x"}, "a bytes was given inside the document, and binary has no JSON form"),
        ([bytearray(b"x")], "a bytearray was given inside the document, and binary"),
        (Record(Holder(memoryview(b"x"))), "a memoryview was given inside the document, and binary"),
        ({b"a": 1}, "dict key that is binary"),
        ([Decimal("NaN")], "NaN or infinity"),
        ({"a": Decimal("-Infinity")}, "NaN or infinity"),
        (Account("ann", float("nan")), "NaN or infinity"),
        (Account("ann", object()), "an object was given inside the document"),
    ],
)
def test_what_would_be_lost_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValueRefused, match=reason):
        written(value)


def test_a_document_inside_itself_is_refused() -> None:
    account = Account("ann", None)
    account._balance = account
    for value in (account, [account]):
        with pytest.raises(ValueRefused, match="nested too deeply"):
            written(value)


@pytest.mark.skipif(compiled is None, reason="the module was not compiled")
def test_the_compiled_look_at_a_document_agrees() -> None:
    ordinary: tuple[Any, ...] = (
        {"a": [1, 1.5, True, None, ("x", {})], "b": date(2024, 1, 2)},
        [],
        "x",
        5,
        UUID(int=0),
        datetime.min,
    )
    others: tuple[Any, ...] = (
        {1: 1}, {"a": {np.str_("a"): 1}}, [{1}], [[Decimal(1)]], ({"a": [b""]},), Account("a", 1), Size.ONE, Pair(1, 2),
    )  # fmt: skip
    for check in (is_ordinary, compiled.is_ordinary):
        assert [check(value) for value in ordinary] == [True] * len(ordinary)
        assert [check(value) for value in others] == [False] * len(others)
