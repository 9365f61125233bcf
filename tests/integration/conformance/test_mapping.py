"""Rows as objects of every kind of class, from what the server really sends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, NamedTuple, TypedDict

import attrs
import msgspec
import pydantic
import pytest

from sqlspec.exceptions import MappingError, MultipleResultsFoundError, NotFoundError
from tests.integration.harness import needs

SELECT = """
select 7 as id, 'Ann' as name, 12.50::numeric(8, 2) as price, date '2024-02-29' as born,
       timestamptz '2024-01-01 12:00+02' as seen, array['a', null] as tags, null::text as note
"""
VALUES: dict[str, Any] = {
    "id": 7,
    "name": "Ann",
    "price": Decimal("12.50"),
    "born": date(2024, 2, 29),
    "seen": datetime(2024, 1, 1, 10, tzinfo=UTC),
    "tags": ["a", None],
    "note": None,
}


class AsStruct(msgspec.Struct):
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


@dataclass(frozen=True, slots=True)
class AsDataclass:
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


@attrs.define
class AsAttrs:
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


class AsNamedTuple(NamedTuple):
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


class AsTypedDict(TypedDict):
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


class AsModel(pydantic.BaseModel):
    id: int
    name: str
    price: Decimal
    born: date
    seen: datetime
    tags: list[str | None]
    note: str | None


CLASSES = [AsStruct, AsDataclass, AsAttrs, AsNamedTuple, AsTypedDict, AsModel]
every_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def made(kind: Any) -> Any:
    return kind(**VALUES)


@every_class
async def test_every_class_in_every_method(session: Any, kind: Any) -> None:
    wanted = made(kind)
    assert await session.select(SELECT, schema_type=kind) == [wanted]
    assert await session.select_one(SELECT, schema_type=kind) == wanted
    assert await session.select_one_or_none(SELECT, schema_type=kind) == wanted
    assert (await session.execute(SELECT, schema_type=kind)).one() == wanted
    assert await session.execute(SELECT, schema_type=kind).first() == wanted
    assert (await session.execute(SELECT)).get_data(schema_type=kind) == [wanted]
    assert await session.select(SELECT, schema_type=kind, validate=True) == [wanted]
    assert type((await session.select(SELECT, schema_type=kind))[0]) is type(wanted)


@every_class
async def test_no_row_one_row_many_rows(session: Any, kind: Any) -> None:
    wanted = made(kind)
    base = f"select q.* from ({SELECT}) as q, generate_series(1, $1::int)"
    for number in (0, 1, 2, 50, 1):
        assert await session.select(base, number, schema_type=kind) == [wanted] * number
    assert await session.select_one_or_none(base, 0, schema_type=kind) is None
    with pytest.raises(NotFoundError):
        await session.select_one(base, 0, schema_type=kind)
    with pytest.raises(MultipleResultsFoundError):
        await session.select_one(base, 2, schema_type=kind)


@every_class
async def test_order_of_columns_and_further_ones_do_not_matter(session: Any, kind: Any) -> None:
    sql = f"select 1 as more, note, tags, seen, born, price, name, id, 2 as others from ({SELECT}) as q"
    assert await session.select(sql, schema_type=kind) == [made(kind)]


@every_class
async def test_a_missing_column_is_named(session: Any, kind: Any) -> None:
    sql = f"select id, name, price, seen, tags, note from ({SELECT}) as q"
    for _ in range(2):
        with pytest.raises(MappingError, match="no column for the required field 'born'") as caught:
            await session.select(sql, schema_type=kind)
        assert caught.value.column == "born"
    assert await session.select_value("select 1") == 1


@every_class
async def test_null_where_none_is_not_allowed_is_named(session: Any, kind: Any) -> None:
    sql = f"""select id, case when n = 2 then null else name end as name, price, born, seen, tags, note
        from ({SELECT}) as q, generate_series(1, 3) as n order by n"""
    with pytest.raises(MappingError, match=r"(?s)row 1.*name|name.*row 1") as caught:
        await session.select(sql, schema_type=kind)
    assert caught.value.column == "name"


@every_class
async def test_a_column_given_twice_is_refused(session: Any, kind: Any) -> None:
    with pytest.raises(MappingError, match="2 columns are named 'id'"):
        await session.select(f"select q.*, 8 as id from ({SELECT}) as q", schema_type=kind)


# -- nesting, defaults, names -------------------------------------------------------------------------------


class Address(msgspec.Struct):
    street: str
    zip: str | None = None


@dataclass
class Line:
    sku: str
    count: int


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(StrEnum):
    BIG = "big"


class Order(msgspec.Struct, rename="camel"):
    order_id: int
    ship_to: Address
    lines: list[Line]
    colour: Colour
    size: Size | None = None
    extra: dict[str, Any] = {}
    state: str = "new"


async def test_nested_json_becomes_objects(session: Any) -> None:
    sql = """
        select 1 as "orderId", '{"street": "High St", "unused": 1}'::jsonb as ship_to,
               '[{"sku": "a", "count": 2}, {"sku": "b", "count": 3}]'::json as lines,
               'red' as colour, 'big' as size, '{"k": [1, 2.5, null]}'::jsonb as extra
    """
    assert await session.select_one(sql, schema_type=Order) == Order(
        1, Address("High St"), [Line("a", 2), Line("b", 3)], Colour.RED, Size.BIG, {"k": [1, 2.5, None]}
    )


async def test_defaults_fill_what_was_not_selected(session: Any) -> None:
    sql = """
        select 2 as order_id, '{"street": "x", "zip": "1"}'::jsonb as "shipTo", '[]'::jsonb as lines, 'blue' as colour
    """
    order = await session.select_one(sql, schema_type=Order)
    assert order == Order(2, Address("x", "1"), [], Colour.BLUE)
    assert order.state == "new"


async def test_nested_json_that_does_not_fit_is_named(session: Any) -> None:
    sql = """select 1 as order_id, '{"zip": "1"}'::jsonb as ship_to, '[]'::jsonb as lines, 'red' as colour"""
    with pytest.raises(MappingError, match="ship_to|shipTo"):
        await session.select(sql, schema_type=Order)
    sql = """select 1 as order_id, '{"street": "x"}'::jsonb as ship_to, '[]'::jsonb as lines, 'green' as colour"""
    with pytest.raises(MappingError, match="colour"):
        await session.select(sql, schema_type=Order)


class Aliased(pydantic.BaseModel):
    user_id: Annotated[int, pydantic.Field(alias="userId")]
    tags: tuple[str, ...] = ()


async def test_names_differ_by_case_and_underscores(session: Any) -> None:
    for name in ("user_id", '"userId"', '"UserID"', "userid"):
        model = await session.select_one(f"select 5 as {name}, array['a'] as tags", schema_type=Aliased)
        assert (model.user_id, model.tags) == (5, ("a",))


class Wrong(msgspec.Struct):
    id: str


async def test_validate_checks_every_value(session: Any) -> None:
    assert (await session.select("select 1 as id", schema_type=Wrong))[0].id == 1
    with pytest.raises(MappingError, match="id"):
        await session.select("select 1 as id", schema_type=Wrong, validate=True)
    assert (await session.select("select 1 as id", schema_type=Wrong))[0].id == 1
    with pytest.raises(MappingError, match="id"):
        await session.select("select 'x' as id, 'n' as name", schema_type=Numbered)


class Numbered(pydantic.BaseModel):
    id: int


# -- single values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expression", "value"),
    [
        (int, "5", 5),
        (str, "'x'", "x"),
        (float, "1.5::float8", 1.5),
        (bool, "true", True),
        (bytes, "'\\x00ff'::bytea", b"\x00\xff"),
        (Decimal, "1.10::numeric", Decimal("1.10")),
        (date, "date '2024-01-01'", date(2024, 1, 1)),
        (uuid.UUID, "'12345678-1234-5678-1234-567812345678'::uuid", uuid.UUID("12345678123456781234567812345678")),
        (list, "array[1, 2]", [1, 2]),
        (list[int], "array[1, 2]", [1, 2]),
        (dict, "'{\"a\": 1}'::jsonb", {"a": 1}),
        (tuple[int, str], "1 as a, 'x'", (1, "x")),
        (tuple, "1 as a, 'x'", (1, "x")),
    ],
    ids=str,
)
async def test_a_column_as_a_scalar_type(session: Any, kind: Any, expression: str, value: Any) -> None:
    sql = f"select {expression} as v from generate_series(1, 2)"
    if kind is dict:  # as a row type it means the row itself
        assert await session.select(sql, schema_type=kind) == [{"v": value}] * 2
    else:
        assert await session.select(sql, schema_type=kind) == [value] * 2


async def test_a_scalar_type_takes_one_column_that_is_not_null(session: Any) -> None:
    with pytest.raises(MappingError, match="one column expected, 2 found"):
        await session.select("select 1 as a, 2 as b", schema_type=int)
    with pytest.raises(MappingError):
        await session.select("select null::int as a", schema_type=int)
    assert await session.select("select null::int as a", schema_type=int | None) == [None]


async def test_a_model_in_a_column(session: Any) -> None:
    assert await session.select("""select '{"street": "x"}'::jsonb as street""", schema_type=Address)
    nested = await session.select("""select '{"street": "x"}'::jsonb as a""", schema_type=tuple[Address])
    assert nested == [(Address("x"),)]


@needs("columns_when_empty")
async def test_columns_are_checked_even_when_no_row_came_back(session: Any) -> None:
    with pytest.raises(MappingError, match="no column for the required field"):
        await session.select("select 1 as id where false", schema_type=AsStruct)


async def test_one_statement_with_several_types_and_changing_columns(session: Any, config: Any) -> None:
    await session.execute("create table t (id int, name text)")
    await session.execute("insert into t values (1, 'a')")

    class Small(msgspec.Struct):
        id: int

    class Large(msgspec.Struct):
        id: int
        name: str
        more: int | None = None

    sql = "select * from t"
    for _ in range(3):
        assert await session.select(sql) == [{"id": 1, "name": "a"}]
        assert await session.select(sql, schema_type=Small) == [Small(1)]
        assert await session.select(sql, schema_type=Large) == [Large(1, "a")]
        assert await session.select(sql, schema_type=tuple) == [(1, "a")]
    await session.execute("alter table t add more int default 5")
    assert await session.select(sql, schema_type=Large) == [Large(1, "a", 5)]
    assert await session.select(sql, schema_type=tuple) == [(1, "a", 5)]
    await session.execute("alter table t drop name")
    with pytest.raises(MappingError, match="name"):
        await session.select(sql, schema_type=Large)
    async with config.provide_session() as other:
        assert await other.select(sql) == [{"id": 1, "more": 5}]


async def test_classes_made_in_a_loop_do_not_pile_up(session: Any, flavour: Any) -> None:
    config = flavour.make_config()
    async with config.provide_session() as own:
        for number in range(100):
            kind = msgspec.defstruct(f"Made{number}", [("id", int)])
            assert (await own.select("select 1 as id", schema_type=kind))[0].id == 1
        plans = own._compiler.plans
        assert len(plans["select 1 as id"].mappers) <= 16


@dataclass
class Picky:
    id: int
    squares: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.id > 1:
            raise ValueError("own words")
        self.squares.append(self.id)


async def test_an_error_of_the_class_reaches_the_caller(session: Any) -> None:
    assert await session.select("select 1 as id", schema_type=Picky) == [Picky(1)]
    with pytest.raises(ValueError, match="own words"):
        await session.select("select 2 as id", schema_type=Picky)
    assert await session.select_value("select 1") == 1


def _names() -> Iterator[str]:
    yield from ("from", "class", "v0", "rows", "T", "self", "a b", "ü", "'", '"', "\\", "{x}", "\n")


async def test_column_names_never_become_code(session: Any) -> None:
    names = [*_names(), "x'); import os; ('"]
    columns = ", ".join('{} as "{}"'.format(n, name.replace('"', '""')) for n, name in enumerate(names))
    assert await session.select_one(f"select {columns}") == {name: n for n, name in enumerate(names)}
