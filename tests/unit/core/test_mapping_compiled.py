"""Rows mapped by compiled code and by generated Python: the same objects, and the same errors."""

from __future__ import annotations

import enum
import gc
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core import _making
from sqlspec.core.mapping import build_mapper
from sqlspec.core.result import Column
from sqlspec.exceptions import MappingError

pytestmark = pytest.mark.skipif(_making.compiled is None, reason="the module was not compiled")


class Colour(enum.Enum):
    RED = "red"


class Plain(msgspec.Struct):
    a: int
    b: str | None = None
    c: Any = None


class ByName(msgspec.Struct, kw_only=True, rename="camel"):
    a: int
    some_b: str | None = None
    made: list[int] = msgspec.field(default_factory=list)


class Converted(msgspec.Struct):
    b: Colour | None
    a: int


class Named(NamedTuple):
    a: int
    b: str | None
    c: Any = 5


class Short(NamedTuple):
    a: int


class Keys(TypedDict):
    b: str | None
    a: int


class Derived(Named):
    """Has a `__dict__`, and no constructor of its own."""


KINDS: tuple[Any, ...] = (
    Plain, ByName, Converted, Named, Derived, Short, Keys, dict, dict[str, Any], tuple, tuple[int, Any, Any],
)  # fmt: skip
COLUMNS = tuple(Column(name, 25) for name in ("a", "b", "c"))
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers() | st.text(max_size=2),
        st.none() | st.sampled_from(["red", "blue", 1]),
        st.none() | st.integers(),
    ),
    max_size=4,
)


class Record:
    """A row that is no tuple, as asyncpg's records are not."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Any:
        return self.values[index]


def both(kind: Any, columns: tuple[Column, ...], **options: Any) -> list[Callable[[Any], list[Any]]]:
    compiled = build_mapper(kind, columns, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_making, "compiled", None)
        return [compiled, build_mapper(kind, columns, **options)]


def outcome(mapper: Callable[[Any], list[Any]], rows: Any) -> Any:
    try:
        made = mapper(rows)
    except MappingError as error:
        return str(error), error.column, type(error.__cause__)
    return [(type(item), item) for item in made]


@pytest.mark.parametrize("validate", [False, True], ids=["as they are", "checked"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(rows=ROWS)
def test_the_two_agree(kind: Any, validate: bool, rows: list[tuple[Any, ...]]) -> None:
    compiled, generated = both(kind, COLUMNS, validate=validate)
    expected = outcome(generated, rows)
    assert outcome(compiled, rows) == expected
    assert outcome(compiled, tuple(rows)) == expected
    assert outcome(compiled, [list(row) for row in rows]) == expected
    assert outcome(compiled, [Record(*row) for row in rows]) == expected


def test_rows_of_several_kinds() -> None:
    mapper = build_mapper(Plain, COLUMNS)
    rows: list[Any] = [(1, "x", 2), [1, "x", 2], Record(1, "x", 2), Named(1, "x", 2), Derived(1, "x", 2)] * 2
    assert mapper(rows) == [Plain(1, "x", 2)] * 10


def test_a_row_of_another_width_is_an_error() -> None:
    for kind in KINDS:
        for row in ((1, "red"), (1, "red", 2, 3)):
            if kind is not tuple:
                with pytest.raises(ValueError, match=r"width|values to unpack"):
                    build_mapper(kind, COLUMNS)([(1, "red", 2), row])


def test_a_tuple_stays_the_same_object() -> None:
    rows = [(1, "x", 2)]
    assert build_mapper(tuple, COLUMNS)(rows)[0] is rows[0]


def test_garbage_collection_goes_on_afterwards() -> None:
    for kind in (Plain, dict, tuple, int):
        mapper = build_mapper(kind, COLUMNS[:1])
        assert gc.isenabled()
        mapper([(1,), (2,)])
        assert gc.isenabled()
    with pytest.raises(MappingError):
        build_mapper(Plain, COLUMNS[:1])([(None,)])
    assert gc.isenabled()
    gc.disable()
    try:
        build_mapper(Plain, COLUMNS[:1])([(1,)])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_python_code_runs_with_garbage_collection_on() -> None:
    seen: list[bool] = []

    class Watching(msgspec.Struct):
        a: int
        made: Any = msgspec.field(default_factory=lambda: seen.append(gc.isenabled()))

        def __post_init__(self) -> None:
            seen.append(gc.isenabled())

    build_mapper(Watching, COLUMNS[:1])([(1,), (2,)])
    assert seen == [True] * 4


def test_an_error_of_the_class_itself_comes_through() -> None:
    class Picky(msgspec.Struct):
        a: int

        def __post_init__(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build_mapper(Picky, COLUMNS[:1])([(1,), (2,)])


def test_rows_that_change_meanwhile_are_noticed() -> None:
    rows: list[Any] = [(1,), (2,), (3,)]

    class Clearing(msgspec.Struct):
        a: int

        def __post_init__(self) -> None:
            rows.clear()

    with pytest.raises(RuntimeError, match="changed"):
        build_mapper(Clearing, COLUMNS[:1])(rows)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_nothing_is_leaked(kind: Any) -> None:
    value, label = object(), str(b"red", "ascii")
    before = sys.getrefcount(value), sys.getrefcount(label), sys.getrefcount(kind)
    mapper = build_mapper(kind, COLUMNS)
    with_types = sys.getrefcount(kind)
    for _ in range(50):
        mapper([(1, label, value), [1, label, value]])
        with pytest.raises((MappingError, ValueError)):
            mapper([(1, label, value), (label, value)])
    assert sys.getrefcount(kind) == with_types
    del mapper
    gc.collect()
    assert (sys.getrefcount(value), sys.getrefcount(label)) == before[:2]
