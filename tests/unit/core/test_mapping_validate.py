from __future__ import annotations

import dataclasses
import enum
import ipaddress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
from sqlspec.exceptions import MappingError
from sqlspec.values import Interval, Path, Range, SparseVector

pytestmark = pytest.mark.usefixtures("making")


def mapped(schema_type: Any, names: str, *rows: Any) -> list[Any]:
    columns = tuple(Column(name, 25) for name in names.split())
    return build_mapper(schema_type, columns, validate=True)(rows)


Age = NewType("Age", Annotated[int, msgspec.Meta(ge=0)])


class Point(msgspec.Struct):
    x: int
    y: int


class Color(enum.Enum):
    RED = "red"


class Struct(msgspec.Struct):
    id: int
    name: str


class Typed(TypedDict):
    id: int
    name: str


class Named(NamedTuple):
    id: int
    name: str


class Model(pydantic.BaseModel):
    id: int
    name: str


class TestValidate:
    VALUES = (
        UUID(int=1),
        Decimal("1.50"),
        datetime(2026, 1, 2, tzinfo=UTC),
        date(2026, 1, 2),
        Interval(1, 2, 3),
        Interval(1, 2, 3),
        ipaddress.ip_address("::1"),
        [Interval(1), None],
        {"a": 1.5},
        (1.0, 2.0),
        Range(1, 5),
        (Range(1, 5), Range(7, None)),
        Path(((0.0, 1.0),), True),
        SparseVector(3, (1,), (0.5,)),
    )

    @pytest.mark.parametrize("make", [dataclasses.make_dataclass, msgspec.defstruct, attrs.make_class])
    def test_canonical_values_survive_unchanged(self, make: Any) -> None:
        types: tuple[Any, ...] = (
            UUID,
            Decimal,
            datetime,
            date,
            timedelta,
            Interval,
            ipaddress.IPv4Address | ipaddress.IPv6Address,
            list[timedelta | None],
            dict[str, float],
            tuple[float, float],
            Range[int],
            tuple[Range[int], ...],
            Path,
            SparseVector,
        )
        names = "abcdefghijklmn"
        if make is attrs.make_class:
            kind = make("kind", {n: attrs.field(type=t) for n, t in zip(names, types, strict=True)})
        else:
            kind = make("kind", list(zip(names, types, strict=True)))
        (value,) = mapped(kind, " ".join(names), self.VALUES)
        assert all(getattr(value, name) is given for name, given in zip(names, self.VALUES, strict=True))

    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            (int, 1, True),
            (int, 1, 1.0),
            (float, 1.5, Decimal("1.5")),
            (float, 1, True),
            (date, date(2026, 1, 2), datetime(2026, 1, 2)),
            (str, "a", b"a"),
            (UUID, UUID(int=1), str(UUID(int=1))),
            (int | None, None, "1"),
            (int | str, "1", 1.5),
            (list[int], [1], [1, "x"]),
            (list[float], [1.5], [Decimal("1.5")]),
            (list[list[int]], [[1]], [1]),
            (dict[str, int], {"a": 1}, {"a": "1"}),
            (tuple[int, ...], [1], ["x"]),
            (tuple[int, str], [1, "x"], [1]),
            (Literal["a", 1], 1, True),
            (Typed, {"id": 1, "name": "a"}, {"id": 1}),
            (Color, "red", "green"),
            (Point, {"x": 1, "y": 2}, {"x": 1, "y": "2"}),
        ],
    )
    def test_each_value_is_checked(self, kind: Any, good: Any, bad: Any) -> None:
        row_type = dataclasses.make_dataclass("row_type", [("id", int), ("v", kind)])
        assert len(mapped(row_type, "id v", (0, good), (1, good))) == 2
        for rows in ([(0, bad)], [(0, good), (1, bad)]):
            with pytest.raises(MappingError, match=f"row {len(rows) - 1} to row_type: .*'v'") as caught:
                mapped(row_type, "id v", *rows)
            assert caught.value.column == "v"

    def test_null_is_reported_as_null(self) -> None:
        with pytest.raises(MappingError, match="row 1 to Struct: the column 'name' is NULL"):
            mapped(Struct, "id name", (1, "a"), (2, None))

    def test_constraints(self) -> None:
        class Limited(msgspec.Struct):
            age: Annotated[int, msgspec.Meta(ge=0)]
            name: Annotated[str, msgspec.Meta(max_length=3)] | None

        assert mapped(Limited, "age name", (0, None)) == [Limited(0, None)]
        for row, field in (((-1, "a"), "age"), ((1, "abcd"), "name")):
            with pytest.raises(MappingError, match=f"'{field}'"):
                mapped(Limited, "age name", row)

    def test_constraints_of_a_new_type(self) -> None:
        class Aged(msgspec.Struct):
            age: Age | None
            ages: list[Age] = []

        assert mapped(Aged, "age ages", (None, [0])) == [Aged(None, [Age(0)])]
        assert mapped(Age, "v", (0,)) == [0]
        for kind, names, row in (
            (Aged, "age ages", (-1, [0])),
            (Aged, "age ages", (0, [-1])),
            (Age, "v", (-1,)),
            (tuple[str, Age], "a b", ("a", -1)),
        ):
            with pytest.raises(MappingError, match="expected `int` >= 0"):
                mapped(kind, names, row)

    @pytest.mark.parametrize("kind", [None, dict, tuple, Typed, Named, Model])
    def test_every_target_takes_validate(self, kind: Any) -> None:
        assert len(mapped(kind, "id name", (1, "a"), (2, "b"))) == 2
        assert mapped(kind, "id name") == []

    def test_scalar(self) -> None:
        assert mapped(int, "v", (1,)) == [1]
        with pytest.raises(MappingError, match="row 0 to int"):
            mapped(int, "v", ("1",))
