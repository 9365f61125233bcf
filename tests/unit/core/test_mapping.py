from __future__ import annotations

import dataclasses
import enum
import gc
import linecache
import os
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

import sqlspec
from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
from sqlspec.exceptions import MappingError

T = TypeVar("T")

pytestmark = pytest.mark.usefixtures("making")


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


@dataclasses.dataclass
class Data:
    id: int
    name: str
    note: str | None = None
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, kw_only=True)
class DataKeywords:
    id: int
    note: str | None = None
    tags: list[str] = dataclasses.field(default_factory=list)
    name: str


@attrs.define
class Attrs:
    id: int
    name: str
    note: str | None = None
    tags: list[str] = attrs.field(factory=list)


class Named(NamedTuple):
    id: int
    name: str
    note: str | None = None
    tags: list[str] = []


class Model(pydantic.BaseModel):
    id: int
    name: str
    note: str | None = None
    tags: list[str] = []


class Typed(TypedDict):
    id: int
    name: str
    note: NotRequired[str | None]
    tags: NotRequired[list[str]]


FIELD_TYPES = [Struct, Data, DataKeywords, Attrs, Named, Model]


class TestTargets:
    @pytest.mark.parametrize("kind", FIELD_TYPES)
    @pytest.mark.parametrize("count", [0, 1, 2, 5])
    def test_objects_in_any_column_order(self, kind: Any, count: int) -> None:
        rows = [("n", f"a{i}", i) for i in range(count)]
        assert mapped(kind, "note name id", *rows) == [kind(id=i, name=f"a{i}", note="n") for i in range(count)]

    @pytest.mark.parametrize("kind", FIELD_TYPES)
    def test_defaults_and_default_factories_fill_what_no_column_does(self, kind: Any) -> None:
        first, second = mapped(kind, "id name", (1, "a"), (2, "b"))
        assert first == kind(id=1, name="a")
        assert (second.note, second.tags) == (None, [])

    @pytest.mark.parametrize("kind", [Struct, Data, DataKeywords, Attrs])
    def test_default_factories_run_once_per_row(self, kind: Any) -> None:
        first, second = mapped(kind, "id name", (1, "a"), (2, "b"))
        assert first.tags is not second.tags

    @pytest.mark.parametrize("kind", FIELD_TYPES)
    def test_columns_that_no_field_takes_are_ignored(self, kind: Any) -> None:
        assert mapped(kind, "extra id other name", (0, 1, 0, "a")) == [kind(id=1, name="a")]

    @pytest.mark.parametrize("kind", [None, dict, dict[str, Any]])
    def test_dicts(self, kind: Any) -> None:
        assert mapped(kind, "a b", (1, None), (2, "x")) == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]

    def test_typed_dict(self) -> None:
        assert mapped(Typed, "id name extra", (1, "a", 0)) == [{"id": 1, "name": "a"}]

    def test_tuples_of_any_sequence(self) -> None:
        assert mapped(tuple, "a a", [1, 2], (3, None)) == [(1, 2), (3, None)]

    def test_typed_tuples(self) -> None:
        assert mapped(tuple[int, Color], "a b", (1, "red")) == [(1, Color.RED)]
        assert mapped(tuple[Color, ...], "a a", ("red", "blue")) == [(Color.RED, Color.BLUE)]
        with pytest.raises(MappingError, match="2 columns expected, 1 found"):
            mapped(tuple[int, int], "a")

    def test_typed_dict_values(self) -> None:
        assert mapped(dict[str, Color], "a b", ("red", "blue")) == [{"a": Color.RED, "b": Color.BLUE}]
        with pytest.raises(MappingError, match="'b'"):
            mapped(dict[str, int], "a b", (1, None))

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (int, 1),
            (str, "a"),
            (Decimal, Decimal("1.50")),
            (UUID, UUID(int=1)),
            (datetime, datetime(2026, 1, 2, tzinfo=UTC)),
            (int | None, None),
            (Any, None),
            (object, 3),
            (list[int], [1, 2]),
        ],
    )
    def test_scalars_are_passed_through(self, kind: Any, value: Any) -> None:
        result = mapped(kind, "v", (value,), (value,))
        assert result == [value, value]
        assert all(item is value for item in result)

    def test_scalars_that_need_a_conversion(self) -> None:
        assert mapped(Color, "v", ("red",)) == [Color.RED]
        assert mapped(Color | None, "v", ("red",), (None,)) == [Color.RED, None]
        assert mapped(list[Point], "v", ([{"x": 1, "y": 2}],)) == [[Point(1, 2)]]

    def test_a_scalar_needs_exactly_one_column(self) -> None:
        with pytest.raises(MappingError, match="one column expected, 2 found \\('a', 'b'\\)"):
            mapped(int, "a b")
        with pytest.raises(MappingError, match="one column expected, 0 found \\(no columns\\)"):
            mapped(int, ())

    def test_what_is_no_type_is_refused(self) -> None:
        for wrong in ("User", Point(1, 2), 3):
            with pytest.raises(MappingError, match="is not a type"):
                mapped(wrong, "a")


class TestMatching:
    def test_exact_names_win_over_folded_ones(self) -> None:
        class Pair(msgspec.Struct):
            user_id: int
            userid: int

        assert mapped(Pair, "userid user_id", (1, 2)) == [Pair(2, 1)]

    @pytest.mark.parametrize("column", ["userId", "USERID", "UserId", "user__id", "userid"])
    def test_case_and_underscores(self, column: str) -> None:
        class User(msgspec.Struct):
            user_id: int

        assert mapped(User, (column,), (1,)) == [User(1)]

    def test_the_server_folds_a_declared_rename_to_lower_case(self) -> None:
        class User(msgspec.Struct, rename={"uid": "userId"}):
            uid: int

        assert mapped(User, "userid", (1,)) == [User(1)]

    def test_two_candidates_are_an_error(self) -> None:
        class User(msgspec.Struct):
            user_id: int = 0

        with pytest.raises(MappingError, match="'userid', 'userId' differ"):
            mapped(User, "userid userId")

        class Pair(msgspec.Struct):
            user_id: int = 0
            userId: int = 0

        with pytest.raises(MappingError, match="fields 'user_id' and 'userId' differ"):
            mapped(Pair, "USERID")

    def test_an_alias_that_is_another_fields_name_is_an_error(self) -> None:
        class Swapped(msgspec.Struct, rename={"a": "b", "b": "c"}):
            a: int
            b: int

        with pytest.raises(MappingError, match="column 'b' is the name of the field 'b' and the alias of 'a'"):
            mapped(Swapped, "b c")

    @pytest.mark.parametrize("kind", [*FIELD_TYPES, Typed])
    def test_a_missing_required_column(self, kind: Any) -> None:
        with pytest.raises(MappingError, match="required field 'name' among 'id', 'nom'") as caught:
            mapped(kind, "id nom")
        assert caught.value.column == "name"

    def test_long_column_lists_are_cut(self) -> None:
        with pytest.raises(MappingError) as caught:
            mapped(Struct, tuple(f"c{i}" for i in range(1600)))
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("kind", [None, dict, *FIELD_TYPES, Typed])
    def test_duplicate_names(self, kind: Any) -> None:
        with pytest.raises(MappingError, match="2 columns are named 'id'") as caught:
            mapped(kind, "id name id")
        assert caught.value.column == "id"

    def test_duplicate_names_in_mappings_have_lost_values_already(self) -> None:
        with pytest.raises(MappingError, match="'id'"):
            mapped(tuple, "id id", row_shape="mapping")

    def test_unresolvable_annotations(self) -> None:
        @dataclasses.dataclass
        class Lost:
            a: Nowhere  # type: ignore[name-defined]  # noqa: F821

        class LostStruct(msgspec.Struct):
            a: Nowhere  # type: ignore[name-defined]  # noqa: F821

        for kind in (Lost, LostStruct):
            with pytest.raises(MappingError, match="Nowhere.*import the names"):
                mapped(kind, "a")


class TestNull:
    @pytest.mark.parametrize("kind", FIELD_TYPES)
    @pytest.mark.parametrize("position", [0, 1, 2])
    def test_the_message_names_row_column_and_field(self, kind: Any, position: int) -> None:
        rows: list[tuple[Any, ...]] = [(1, "a"), (2, "b"), (3, "c")]
        rows[position] = (4, None)
        with pytest.raises(MappingError, match=f"row {position} to {kind.__name__}: .*'name' is NULL") as caught:
            mapped(kind, "id name", *rows)
        assert caught.value.column == "name"

    @pytest.mark.parametrize("kind", FIELD_TYPES)
    def test_a_single_row(self, kind: Any) -> None:
        with pytest.raises(MappingError, match="row 0"):
            mapped(kind, "id name", (None, "a"))

    @pytest.mark.parametrize("kind", FIELD_TYPES)
    def test_null_where_none_is_allowed(self, kind: Any) -> None:
        for rows in ([(1, "a", None)], [(1, "a", None)] * 2):
            assert mapped(kind, "id name note", *rows) == [kind(id=1, name="a", note=None)] * len(rows)

    def test_null_is_not_replaced_by_a_default(self) -> None:
        with pytest.raises(MappingError, match="'tags'"):
            mapped(Struct, "id name tags", (1, "a", None))

    def test_scalar(self) -> None:
        with pytest.raises(MappingError, match="row 1 to int"):
            mapped(int, "v", (1,), (None,))

    def test_annotations_that_allow_none(self) -> None:
        number = NewType("number", int)
        maybe = TypeVar("maybe")
        allowing: tuple[Any, ...] = (None | int, Literal["a", None], Any, object, maybe, None)
        refusing: tuple[Any, ...] = (number, Literal["a"], int | str)
        for kind in allowing:
            row_type = dataclasses.make_dataclass("row_type", [("v", kind)])
            assert mapped(row_type, "v", (None,)) == [row_type(None)]
        for kind in refusing:
            with pytest.raises(MappingError):
                mapped(dataclasses.make_dataclass("row_type", [("v", kind)]), "v", (None,))


class TestColumnNames:
    HOSTILE = (
        "",
        "it's",
        'quo"te',
        "new\nline",
        "back\\slash",
        "'); raise SystemExit #",
        "{0}",
        "%s",
        "class",
        "v0",
        "rows",
        "\ud800",
        "\x00",
        "naïve ☃",
    )

    @pytest.mark.parametrize("count", [1, 2])
    def test_dicts_keep_every_character(self, count: int) -> None:
        row = tuple(range(len(self.HOSTILE)))
        assert mapped(None, self.HOSTILE, *[row] * count) == [dict(zip(self.HOSTILE, row, strict=True))] * count

    def test_a_str_subclass_cannot_smuggle_code(self) -> None:
        class Evil(str):
            __slots__ = ()

            def __repr__(self) -> str:
                return "__import__('os')._exit(3)"

            __str__ = __repr__

        assert mapped(None, (Evil("a"),), (1,)) == [{"a": 1}]

    @pytest.mark.parametrize("width", [0, 1, 2, 255, 256, 1600])
    @pytest.mark.parametrize("count", [1, 2])
    def test_widths(self, width: int, count: int) -> None:
        names = tuple(f"c{i}" for i in range(width))
        row = tuple(range(width))
        rows = [row] * count
        assert mapped(None, names, *rows) == [dict(zip(names, row, strict=True))] * count
        assert mapped(tuple, names, *rows) == rows
        kind = dataclasses.make_dataclass("wide", [(name, int) for name in names])
        assert mapped(kind, names, *rows) == [kind(*row)] * count


class TestRowShapes:
    @pytest.mark.parametrize("kind", [None, tuple, Struct, Typed, Model, tuple[int, str]])
    def test_mappings_give_what_tuples_give(self, kind: Any) -> None:
        rows = [(1, "a"), (2, "b")]
        mappings = [{"name": name, "id": number} for number, name in rows]
        assert mapped(kind, "id name", *mappings, row_shape="mapping") == mapped(kind, "id name", *rows)

    def test_narrow_mappings(self) -> None:
        assert mapped(int, "v", {"v": 1}, {"v": 2}, row_shape="mapping") == [1, 2]
        assert mapped(tuple, (), {}, {}, row_shape="mapping") == [(), ()]

    def test_rows_that_only_iterate(self) -> None:
        class Record:
            def __init__(self, *values: Any) -> None:
                self.values = values

            def __iter__(self) -> Any:
                return iter(self.values)

        for kind in (tuple, Struct, None):
            assert mapped(kind, "id name", Record(1, "a")) == mapped(kind, "id name", (1, "a"))


OURS = ("<sqlspec", os.path.dirname(sqlspec.__file__))


class TestGeneratedCode:
    @staticmethod
    def frames(mapper: Any, rows: Any) -> int:
        """Count the frames of the package and of its generated code."""
        count = 0

        def profile(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            # Test tools hang callbacks into the garbage collector, which may run in the middle of this.
            count += event == "call" and frame.f_code.co_filename.startswith(OURS)

        sys.setprofile(profile)
        try:
            mapper(rows)
        finally:
            sys.setprofile(None)
        return count

    @pytest.mark.parametrize("kind", [None, Struct, int])
    def test_one_row_takes_one_frame_at_most(self, kind: Any, making: str) -> None:
        names, row = (("v",), (1,)) if kind is int else (("id", "name"), (1, "a"))
        assert self.frames(build_mapper(kind, columns(*names)), [row]) == (making == "generated")

    @pytest.mark.parametrize("kind", [None, Struct, Typed, int])
    def test_frames_do_not_grow_with_rows(self, kind: Any) -> None:
        names, row = (("v",), (1,)) if kind is int else (("id", "name"), (1, "a"))
        for validate in (False, True):
            mapper = build_mapper(kind, columns(*names), validate=validate)
            mapper([row])
            assert self.frames(mapper, [row] * 20) == self.frames(mapper, [row] * 200)

    def test_tracebacks_show_the_generated_source(self) -> None:
        @dataclasses.dataclass
        class Picky:
            a: int

            def __post_init__(self) -> None:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError) as caught:
            mapped(Picky, "a", (1,))
        assert "return [T((v0))]" in "".join(traceback.format_exception(caught.value))

    def test_the_source_is_forgotten_with_the_mapper(self) -> None:
        def entries() -> int:
            return sum(name.startswith("<sqlspec mapper") for name in linecache.cache)

        gc.collect()  # mappers of other tests, which would be forgotten in the middle of this one
        before = entries()
        kind = dataclasses.make_dataclass("kind", [("a", int)])
        mappers = [build_mapper(kind, columns("a")) for _ in range(10)]
        assert entries() == before + 10
        del mappers
        assert entries() == before


def test_optional_packages_are_not_imported() -> None:
    code = """
import dataclasses, sys
import sqlspec
from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
kind = dataclasses.make_dataclass("kind", [("a", int)])
for schema_type in (None, kind, int):
    build_mapper(schema_type, (Column("a", 23),), validate=True)([(1,)])
print(sorted({"attr", "attrs", "pydantic", "numpy", "sqlglot"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
