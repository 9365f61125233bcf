from __future__ import annotations

import dataclasses
import enum
import sys
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, Required, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

from sqlspec.core._schema import type_name
from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
from sqlspec.exceptions import MappingError
from sqlspec.values import Interval, Range

pytestmark = pytest.mark.usefixtures("making")

T = TypeVar("T")


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, 25) for name in names)


def mapped(schema_type: Any, names: str | tuple[str, ...], *rows: Any, **options: Any) -> list[Any]:
    names = tuple(names.split()) if isinstance(names, str) else names
    return build_mapper(schema_type, columns(*names), **options)(rows)


class Point(msgspec.Struct):
    x: int
    y: int


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Struct(msgspec.Struct):
    id: int
    name: str
    note: str | None = None
    tags: list[str] = msgspec.field(default_factory=list)


class Model(pydantic.BaseModel):
    id: int
    name: str
    note: str | None = None
    tags: list[str] = []


@attrs.define
class AttrsPoint:
    x: int


@dataclasses.dataclass
class DataPoint:
    x: int


class Order(msgspec.Struct):
    a: Point
    b: Point | None
    c: list[DataPoint]
    d: dict[str, AttrsPoint]
    e: dict[int, Point]


class Document(msgspec.Struct):
    at: datetime
    amount: Decimal
    key: UUID


class Holder(msgspec.Struct):
    inner: Document


class InnerModel(pydantic.BaseModel):
    user_id: int = pydantic.Field(alias="userId")


@dataclasses.dataclass
class ModelHolder:
    one: InnerModel
    many: list[InnerModel] | None


class Leaf(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    color: Color = Color.RED

    def __post_init__(self) -> None:
        if self.name == "secret":
            raise ValueError("Expected secret")


class Tree(msgspec.Struct):
    leaf: Leaf | None = None
    more: dict[str, list[Leaf]] | None = None


class Lasting(msgspec.Struct):
    length: timedelta
    exact: Interval
    span: Range[int] | None = None
    more: list[timedelta | None] = []


@attrs.define
class LastingAttrs:
    _length: timedelta
    exact: Interval


def item_of(kind: Any) -> type:
    return dataclasses.make_dataclass("Holding", [("item", kind)])


class TestConstructors:
    def test_struct_keyword_only_rename_and_tag(self) -> None:
        class Odd(msgspec.Struct, kw_only=True, rename="camel", tag=True, forbid_unknown_fields=True):
            first_one: int = 0
            second_one: str

        assert mapped(Odd, "secondOne firstOne", ("a", 1)) == [Odd(first_one=1, second_one="a")]
        assert mapped(Odd, "second_one", ("a",)) == [Odd(second_one="a")]

    def test_struct_with_keyword_only_base(self) -> None:
        class Base(msgspec.Struct, kw_only=True):
            a: int
            b: int = 5

        class Child(Base):
            c: int
            d: int = 7

        assert mapped(Child, "a c", (1, 2), (3, 4)) == [Child(2, a=1), Child(4, a=3)]

    def test_struct_array_like_and_frozen(self) -> None:
        class Array(msgspec.Struct, array_like=True, frozen=True):
            a: int
            b: int = 2
            c: int = 3

        assert mapped(Array, "a c", (1, 9)) == [Array(1, 2, 9)]

    def test_generic_struct_and_dataclass(self) -> None:
        class Box(msgspec.Struct, Generic[T]):
            item: T

        @dataclasses.dataclass
        class Crate(Generic[T]):
            item: T
            more: list[T]

        assert mapped(Box[Color], "item", ("red",)) == [Box(Color.RED)]
        assert mapped(Crate[Color], "item more", ("red", ["blue"])) == [Crate(Color.RED, [Color.BLUE])]
        with pytest.raises(MappingError, match="'item'"):
            mapped(Crate[int], "item more", (None, []))

    def test_bases_are_generic(self) -> None:
        # Each class has a variable of the same name, which stands for something else in each.
        @dataclasses.dataclass
        class Crate(Generic[T]):
            item: T

        @dataclasses.dataclass(slots=True)
        class Pile(Crate[list[T]], Generic[T]):
            top: T

        @dataclasses.dataclass
        class Colors(Pile[Color]):
            n: int = 0

        @attrs.define
        class Box(Generic[T]):
            item: T

        @attrs.define
        class Can(Box[Color]):
            n: int = 0

        class Typed(TypedDict, Generic[T]):
            item: T

        class TypedColor(Typed[Color]):
            n: int

        assert mapped(Pile[Color], "item top", (["red"], "blue")) == [Pile([Color.RED], Color.BLUE)]
        assert mapped(Colors, "item top", (["red"], "blue")) == [Colors([Color.RED], Color.BLUE)]
        assert mapped(Can, "item n", ("red", 1)) == [Can(Color.RED, 1)]
        assert mapped(TypedColor, "item n", ("red", 1)) == [{"item": Color.RED, "n": 1}]
        with pytest.raises(MappingError, match="'item'"):
            mapped(Can, "item", (None,))

    def test_dataclass_without_init_fields_and_with_initvar(self) -> None:
        @dataclasses.dataclass
        class Odd:
            a: int
            b: int = dataclasses.field(init=False)
            scale: dataclasses.InitVar[int]
            c: int = 3

            def __post_init__(self, scale: int) -> None:
                self.b = self.a * scale

        (odd,) = mapped(Odd, "a b scale", (2, 99, 10))
        assert (odd.a, odd.b, odd.c) == (2, 20, 3)

    def test_dataclass_with_its_own_constructor(self) -> None:
        @dataclasses.dataclass(init=False)
        class Own:
            a: int

            def __init__(self, b: int, *rest: int, **more: int) -> None:
                self.a = b + 1

        assert mapped(Own, "a b", (50, 1))[0].a == 2

    def test_attrs_aliases_private_names_and_converters(self) -> None:
        def split(text: str) -> list[str]:
            return text.split(",")

        @attrs.define
        class Odd:
            _secret: int = attrs.field(alias="secret")
            label: str = attrs.field(alias="text")
            parts: list[str] = attrs.field(converter=split)
            skipped: int = attrs.field(init=False, default=4)

        expected = Odd(secret=1, text="a", parts="x,y")
        assert mapped(Odd, "secret text parts", (1, "a", "x,y")) == [expected]
        assert mapped(Odd, "_secret label parts", (1, "a", "x,y")) == [expected]

    def test_a_converter_of_attrs_sees_null(self) -> None:
        def stated(name: str | None) -> str:
            return name or "none"

        @attrs.define
        class Odd:
            name: str = attrs.field(converter=stated)

        assert mapped(Odd, "name", (None,)) == [Odd("none")]

    def test_namedtuple_without_annotations(self) -> None:
        plain_type = namedtuple("plain_type", ["a", "b"], defaults=[5])
        assert mapped(plain_type, "a", (None,)) == [plain_type(None, 5)]

    def test_typed_dict_requirements(self) -> None:
        class Loose(TypedDict, total=False):
            a: Required[int]
            b: int

        assert mapped(Loose, "a", (1,)) == [{"a": 1}]
        with pytest.raises(MappingError, match="'a'"):
            mapped(Loose, "b")

    def test_typed_dict_keys_need_not_be_identifiers(self) -> None:
        odd = TypedDict("odd", {'it\'s "odd"\n': int, "class": int})
        assert mapped(odd, ('it\'s "odd"\n', "class"), (1, 2)) == [{'it\'s "odd"\n': 1, "class": 2}]

    def test_keyword_arguments_that_are_python_keywords(self) -> None:
        odd = msgspec.defstruct("odd", [("a", int, 0), ("class", int, 0)])
        (value,) = mapped(odd, "class", (5,))
        assert getattr(value, "class") == 5

    def test_errors_of_the_users_constructor_pass_unchanged(self) -> None:
        @dataclasses.dataclass
        class Picky:
            color: Color
            size: int

            def __post_init__(self) -> None:
                raise ZeroDivisionError

        for rows in ([("red", 1)], [("red", 1), ("blue", 2)]):
            with pytest.raises(ZeroDivisionError):
                mapped(Picky, "color size", *rows)

    def test_a_class_without_fields(self) -> None:
        class Empty(msgspec.Struct):
            pass

        assert mapped(Empty, "a", (1,), (2,)) == [Empty(), Empty()]


class TestPydantic:
    def test_aliases(self) -> None:
        class Odd(pydantic.BaseModel):
            user_id: int = pydantic.Field(alias="userId")
            name: str = pydantic.Field(validation_alias=pydantic.AliasChoices("fullName", "n"))
            city: str = pydantic.Field(validation_alias=pydantic.AliasPath("address", "city"))
            zip_code: str = pydantic.Field(validation_alias=pydantic.AliasPath("address", "zip"))

        address = {"city": "c", "zip": "z"}
        for names in ("userId n address", "user_id name address", "USERID fullname address"):
            (odd,) = mapped(Odd, names, (1, "a", address))
            assert (odd.user_id, odd.name, odd.city, odd.zip_code) == (1, "a", "c", "z")

    def test_aliases_that_the_model_does_not_validate_by(self) -> None:
        class ByName(pydantic.BaseModel):
            model_config = pydantic.ConfigDict(validate_by_alias=False, validate_by_name=True)
            user_id: int = pydantic.Field(alias="uid")

        assert mapped(ByName, "user_id", (1,))[0].user_id == 1

    def test_coercion_and_its_failure(self) -> None:
        assert mapped(Model, "id name", ("5", "a")) == [Model(id=5, name="a")]
        with pytest.raises(MappingError, match="row 1 .*'id'.*str") as caught:
            mapped(Model, "id name", (1, "a"), ("secret", "a"))
        assert "secret" not in str(caught.value)
        assert caught.value.column == "id"
        assert isinstance(caught.value.__cause__, pydantic.ValidationError)

    def test_null(self) -> None:
        with pytest.raises(MappingError, match=r"row 0 .*'name' is NULL and the field 'name' \(str\) does not allow"):
            mapped(Model, "id name", (1, None))

    def test_a_null_that_the_annotation_allows_and_a_validator_refuses(self) -> None:
        class Refusing(pydantic.BaseModel):
            a: int | None

            @pydantic.field_validator("a")
            @classmethod
            def refuse(cls, value: int | None) -> int | None:
                raise ValueError("secret")

        with pytest.raises(
            MappingError, match=r"NoneType that does not fit the field 'a' \(int \| None\): value_error;"
        ):
            mapped(Refusing, "a", (None,))

    def test_a_refusal_inside_tells_the_place(self) -> None:
        class Inside(pydantic.BaseModel):
            point: InnerModel
            counts: dict[str, list[int]] = {}

        words = r"the field 'point' \(InnerModel\): missing at `\$\.userId`; change"
        with pytest.raises(MappingError, match=words):
            mapped(Inside, "point", ({},))
        with pytest.raises(MappingError, match=r"int_parsing at `\$\[\.\.\.\]\[1\]`; change") as caught:
            mapped(Inside, "point counts", ({"userId": 1}, {"secret": [1, "secret"]}))
        assert "secret" not in str(caught.value)

    def test_model_validators(self) -> None:
        class Refusing(pydantic.BaseModel):
            a: int

            @pydantic.model_validator(mode="after")
            def refuse(self) -> Refusing:
                raise ValueError("secret")

        with pytest.raises(MappingError, match="row 0 to Refusing: the model refused it") as caught:
            mapped(Refusing, "a", (1,))
        assert "secret" not in str(caught.value)

    def test_root_model(self) -> None:
        root = pydantic.RootModel[list[int]]
        assert mapped(root, "v", ([1, 2],)) == [root([1, 2])]
        with pytest.raises(MappingError, match=r"row 1 .*\(RootModel\[list\[int\]\]\)"):
            mapped(root, "v", ([1],), (["x"],))

    def test_pydantic_dataclass(self) -> None:
        @pydantic.dataclasses.dataclass
        class Checked:
            a: int
            b: str = "x"

        assert mapped(Checked, "a", ("1",)) == [Checked(1)]
        with pytest.raises(MappingError, match="'a'"):
            mapped(Checked, "a", ("x",))

    def test_generic_model(self) -> None:
        class Page(pydantic.BaseModel, Generic[T]):
            item: T

        assert mapped(Page[int], "item", ("3",))[0].item == 3


class TestConversions:
    def test_models_from_decoded_json(self) -> None:
        point = {"x": 1, "y": 2}
        row = (point, None, [point], {"k": {"x": 3}}, {"7": point})
        expected = Order(Point(1, 2), None, [DataPoint(1)], {"k": AttrsPoint(3)}, {7: Point(1, 2)})
        assert mapped(Order, "a b c d e", row) == [expected]
        assert mapped(Order, "a b c d e", row, row) == [expected, expected]

    def test_json_text_inside_models_is_parsed_and_objects_pass(self) -> None:
        at, key = datetime(2026, 1, 2, tzinfo=UTC), UUID(int=5)
        expected = [Holder(Document(at, Decimal("1.50"), key))]
        document = {"at": "2026-01-02T00:00:00Z", "amount": "1.50", "key": str(key)}
        assert mapped(Holder, "inner", (document,)) == expected
        assert mapped(Holder, "inner", ({"at": at, "amount": Decimal("1.50"), "key": key},)) == expected

    def test_pydantic_models_inside_other_classes(self) -> None:
        (outer,) = mapped(ModelHolder, "one many", ({"userId": 1}, [{"userId": "2"}]))
        assert (outer.one.user_id, outer.many[0].user_id) == (1, 2)
        with pytest.raises(
            MappingError, match=r"row 0 to ModelHolder: .*'one' \(InnerModel\): missing at `\$\.userId`"
        ):
            mapped(ModelHolder, "one many", ({}, None))
        with pytest.raises(MappingError, match=r"'many' .*: int_parsing at `\$\[1\]\.userId`") as caught:
            mapped(ModelHolder, "one many", ({"userId": 1}, [{"userId": 1}, {"userId": "secret"}]))
        assert "secret" not in str(caught.value)

    def test_a_refusal_inside_tells_the_place_and_what_was_expected(self) -> None:
        for value, words in (
            ({"name": None}, "expected `str`, got `null` at `$.name`"),
            ({}, "object missing required field `name`"),
            ({"name": "a", "color": "secret"}, "refused at `$.color`"),
            ({"name": "a", "secret - at `$.secret": 1}, None),
            ({"name": "secret"}, None),
        ):
            with pytest.raises(MappingError) as caught:
                mapped(Tree, "leaf", (value,))
            assert f"'leaf' ({type_name(Leaf | None)}){f': {words}' if words else ''}; change" in str(caught.value)
            assert "secret" not in str(caught.value)
        with pytest.raises(MappingError, match=r": expected `str`, got `int` at `\$\[\.\.\.\]\[1\]\.name`; change"):
            mapped(Tree, "more", ({"secret": [{"name": "a"}, {"name": 1}]},))

    def test_enums_of_any_value(self) -> None:
        class Size(enum.IntEnum):
            SMALL = 1

        class Mixed(enum.Enum):
            ONE = 1
            TWO = "two"

            @classmethod
            def _missing_(cls, value: object) -> Mixed | None:
                return cls.TWO if value == "deux" else None

        kind = dataclasses.make_dataclass("kind", [("a", Color), ("b", Size), ("c", Mixed), ("d", list[Color])])
        assert mapped(kind, "a b c d", ("red", 1, "deux", ["blue"])) == [
            kind(Color.RED, Size.SMALL, Mixed.TWO, [Color.BLUE])
        ]

    @pytest.mark.parametrize("count", [1, 3])
    def test_a_value_that_does_not_convert(self, count: int) -> None:
        kind = dataclasses.make_dataclass("kind", [("color", Color)])
        rows = [("red",)] * (count - 1) + [("secret",)]
        with pytest.raises(MappingError, match=f"row {count - 1} to kind: the column 'color'") as caught:
            mapped(kind, "color", *rows)
        assert "secret" not in str(caught.value)
        assert caught.value.column == "color"
        assert isinstance(caught.value.__cause__, ValueError)

    @pytest.mark.parametrize("count", [1, 2])
    def test_null_beside_a_conversion_is_reported_once(self, count: int) -> None:
        kind = dataclasses.make_dataclass("kind", [("color", Color)])
        with pytest.raises(MappingError, match="row 0 to kind: the column 'color' is NULL") as caught:
            mapped(kind, "color", *[(None,)] * count)
        assert caught.value.__context__ is None

    def test_intervals_inside_composites(self) -> None:
        long = Interval(0, 1, 90_000_000_000)
        value = {"length": long, "exact": long, "span": Range(1, 2), "more": [long, None]}
        hours = timedelta(days=2, hours=1)
        (row,) = mapped(item_of(Lasting), "item", (value,))
        assert row.item == Lasting(hours, long, Range(1, 2), [hours, None])
        assert type(row.item.length) is timedelta
        assert row.item.exact is long
        (row,) = mapped(item_of(LastingAttrs), "item", ({"_length": long, "exact": Interval(1)},))
        assert row.item == LastingAttrs(hours, Interval(1))
        (row,) = mapped(item_of(list[timedelta] | Lasting), "item", ([long],))
        assert row.item == [hours]
        # 30 days are not what a month is.
        with pytest.raises(MappingError, match="'item' holds a value of type dict that does not fit"):
            mapped(item_of(Lasting), "item", ({**value, "length": Interval(1)},))

    def test_collections_from_arrays(self) -> None:
        kind = dataclasses.make_dataclass(
            "kind", [("a", tuple[int, ...]), ("b", set[str]), ("c", frozenset[int]), ("d", tuple[Color, ...])]
        )
        (value,) = mapped(kind, "a b c d", ([1, 2], ["x", "x"], [3], ["red"]))
        assert (value.a, value.b, value.c, value.d) == ((1, 2), {"x"}, frozenset({3}), (Color.RED,))
        with pytest.raises(MappingError, match="'a'"):
            mapped(kind, "a b c d", ("12", [], [], []))

    def test_values_without_need_are_neither_copied_nor_checked(self) -> None:
        kind = dataclasses.make_dataclass("kind", [("a", list[int]), ("b", dict[str, Any]), ("c", float)])
        items: list[Any] = ["not", "ints"]
        document = {"k": 1}
        (value,) = mapped(kind, "a b c", (items, document, Decimal("1.5")))
        assert value.a is items
        assert value.b is document
        assert isinstance(value.c, Decimal)

    def test_a_union_that_cannot_be_told_apart_is_refused_at_once(self) -> None:
        kind = dataclasses.make_dataclass("kind", [("a", Point | Struct)])
        with pytest.raises(MappingError, match="field 'a'.*Point"):
            mapped(kind, "a")

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="an alias can be recursive since Python 3.12")
    def test_recursive_aliases(self) -> None:
        namespace: dict[str, Any] = {}
        exec("type Json = dict[str, Json] | list[Json] | str | int | None", namespace)
        kind = dataclasses.make_dataclass("kind", [("a", namespace["Json"])])
        document = {"k": [1, {"x": None}]}
        assert mapped(kind, "a", (document,))[0].a is document
        assert mapped(kind, "a", (document,), validate=True)[0].a is document
        with pytest.raises(MappingError, match="'a'"):
            mapped(kind, "a", ({"k": [1, {"x": b""}]},), validate=True)
