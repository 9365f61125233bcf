"""Every PostgreSQL type read as Arrow: the type that its file says, and the values that the server has."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError
from tests.integration.arrow.reading import check_value, has_no_place, shown, spelled
from tests.integration.harness import FLAVOURS
from tests.integration.matrix.cases import TYPES, SqlType, evaluate
from tests.integration.matrix.test_types import element

ADAPTERS = [name for name in FLAVOURS if name != "stub"]
# One flavour of each adapter: the other one is generated from the same source.
DRIVERS = ["asyncpg", "psycopg-sync", "psqlpy", "pyro-sync"]
KINDS = [kind for kind in TYPES if kind.values]

# What has parts that are only read as text is text itself where no expression reaches each element.
TEXTS_IN_ARRAYS = {"composite_nested": "list<string>", "record": "string"}

Test = Callable[..., Coroutine[Any, Any, None]]

every = pytest.mark.parametrize("kind", KINDS, ids=[kind.key for kind in KINDS])


@pytest.fixture(scope="module")
def types(server: Any) -> Any:
    server.make_types()
    return server


class Value:
    """One value of a type's file, with all that is known of it.

    Attributes:
        sql: An expression.
        text: What the server says of it, see `reading.shown`.
        python: The canonical value, `Ellipsis` when there is none.
        is_refused: Arrow has no place for it.
    """

    def __init__(self, kind: SqlType, value: Any, plain: str, text: str) -> None:
        self.sql, self.text = kind.cast(value.sql), text
        self.python = evaluate(value.python, text=plain) if value.python else ...
        self.is_refused = any(has_no_place(arrow_type(kind), said) for said in (plain, text))


def arrow_type(kind: SqlType) -> str:
    """Return what a column of the type is, spelled out."""
    if kind.arrow.endswith(", n>"):  # vectors of no declared dimension
        return kind.arrow.removeprefix("fixed_size_").replace(", n>", ">")
    return kind.arrow or "string"


def values_of(kind: SqlType, server: Any) -> list[Value]:
    """Return the values of a type's file."""
    items = ", ".join(shown(arrow_type(kind), kind.cast(value.sql)) for value in kind.values)
    (texts,) = server.rows(f"select {items}")
    return [Value(kind, *known) for known in zip(kind.values, server.texts(kind), texts, strict=True)]


def rows_of(kind: SqlType, items: list[str]) -> str:
    selects = [f"select {number} as n, {sql} as v" for number, sql in enumerate(items)]
    return " union all ".join(selects) + " order by n"


async def read_table(session: Any, sql: str, *params: Any, **options: Any) -> pa.Table:
    table = (await session.select_to_arrow(sql, *params, **options)).get_data()
    table.validate(full=True)
    return table


def on(flavours: list[str]) -> Callable[[Test], Test]:
    def mark(test: Test) -> Test:
        return every(pytest.mark.only(*flavours)(pytest.mark.asyncio(loop_scope="module")(test)))

    return mark


@on(ADAPTERS)
async def test_selected(session: Any, types: Any, kind: SqlType) -> None:
    if kind.key in types.absent:
        return
    values = list(values_of(kind, types))
    fits = [value for value in values if not value.is_refused]
    table = await read_table(session, rows_of(kind, [value.sql for value in fits] + [f"null::{kind.name}"]))
    assert spelled(table.schema.field("v").type) == arrow_type(kind)
    column = table.column("v")
    assert column[len(fits)].as_py() is None
    for value, scalar in zip(fits, column, strict=False):
        if arrow_type(kind) != "null":
            check_value(arrow_type(kind), scalar, value.text, value.python, value.sql)
    for value in values:
        if value.is_refused:
            with pytest.raises(DataError, match='column "v"') as caught:
                await read_table(session, f"select 1 as a, {value.sql} as v")
            assert caught.value.column == "v"
    assert await session.select_value("select 'on'") == "on"


@on(DRIVERS)
async def test_without_rows(session: Any, types: Any, kind: SqlType) -> None:
    if kind.key in types.absent:
        return
    sql = f"select {kind.cast(kind.values[0].sql)} as v, 1 as n"
    empty = await read_table(session, f"{sql} where false")
    full = await read_table(session, f"select null::{kind.name} as v, 1 as n")
    assert empty.num_rows == 0
    assert empty.schema == full.schema
    if kind.has("stored"):
        stored = await read_table(session, f"select n, v from kept_{kind.key} where n = $1", 7)
        assert stored.schema.field("v").type == empty.schema.field("v").type
        returned = await read_table(session, f"delete from kept_{kind.key} where n = $1 returning v, n", 7)
        assert returned.schema == empty.schema


@on(DRIVERS)
async def test_in_an_array(session: Any, types: Any, kind: SqlType) -> None:
    if kind.key in types.absent or not kind.has("in_an_array"):
        return
    values = [value for value in values_of(kind, types) if not value.is_refused]
    array = f"array[{', '.join(['null', *(value.sql for value in values)])}]::{kind.name}[]"
    others = f"select null::{kind.name}[] union all select '{{}}'::{kind.name}[]"
    table = await read_table(session, f"select {array} as v union all {others}")
    found = spelled(table.schema.field("v").type)
    if kind.key in TEXTS_IN_ARRAYS:
        assert found == TEXTS_IN_ARRAYS[kind.key]
        cast = "text[]" if found.startswith("list") else "text"
        assert table.column("v").to_pylist()[0] == types.rows(f"select ({array})::{cast}")[0][0]
        return
    assert found == f"list<{arrow_type(kind)}>"
    full, null, empty = table.column("v")
    assert null.as_py() is None
    assert empty.as_py() == []
    assert full[0].as_py() is None
    for position, value in enumerate(values, 1):
        check_value(arrow_type(kind), full[position], value.text, value.python, value.sql)


@on(DRIVERS)
async def test_in_a_composite(session: Any, types: Any, kind: SqlType) -> None:
    if kind.key in types.absent or not kind.has("in_a_composite"):
        return
    values = [value for value in values_of(kind, types) if not value.is_refused]
    for value in values[:3]:
        row = f"row(7, {value.sql})::in_{kind.key}"
        table = await read_table(session, f"select {row} as v, ({row})::text as t")
        scalar, text = table.column("v")[0], table.column("t")[0].as_py()
        if spelled(scalar.type) == "string":
            assert scalar.as_py() == text
            continue
        assert scalar["n"].as_py() == 7
        inner = spelled(scalar["v"].type)
        if inner == arrow_type(kind):
            check_value(inner, scalar["v"], value.text, value.python, value.sql)
        else:
            assert inner.replace("string", "") != arrow_type(kind).replace("string", ""), (
                "only numbers and vectors differ"
            )


@on(DRIVERS)
async def test_in_a_domain(session: Any, types: Any, kind: SqlType) -> None:
    if kind.key in types.absent or not kind.has("in_a_domain"):
        return
    values = [value for value in values_of(kind, types) if not value.is_refused]
    if not values:
        return
    table = await read_table(session, rows_of(kind, [f"({value.sql})::as_{kind.key}" for value in values]))
    assert spelled(table.schema.field("v").type) == arrow_type(kind)
    for value, scalar in zip(values, table.column("v"), strict=True):
        check_value(arrow_type(kind), scalar, value.text, value.python, value.sql)


@on(DRIVERS)
async def test_bound(session: Any, types: Any, kind: SqlType) -> None:
    """Parameters, which some adapters have to write into the statement."""
    if kind.key in types.absent or not kind.has("bound"):
        return
    given = []
    for value, text in zip(kind.values, types.texts(kind), strict=True):
        python = evaluate(value.python, text=text) if value.python else None
        given += [(python, text)] if value.bind else []
        given += [(evaluate(other, text=text), text) for other in value.accepts]
    items = [f"({kind.cast(f'${number}')})::text as t{number}" for number in range(1, len(given) + 1)]
    items.append("'$1' as t")
    table = await read_table(session, f"select {', '.join(items)}", tuple(value for value, _ in given))
    assert [column[0].as_py() for column in table.columns] == [*(text for _, text in given), "$1"]
    null = await read_table(session, f"select {kind.cast('$1')} is null as v, 'x' as s", (None,))
    assert null.to_pylist() == [{"v": True, "s": "x"}]
    if kind.has("in_an_array") and given and evaluate("isinstance(value, list)", value=given[0][0]) is False:
        array = [None, element(kind, given[0][0])]
        found = await read_table(session, f"select ($1::{kind.name}[])[2]::text as v, cardinality($1) as n", (array,))
        assert found.to_pylist() == [{"v": given[0][1], "n": 2}]


@pytest.mark.only(*DRIVERS)
@pytest.mark.asyncio(loop_scope="module")
async def test_parts_that_are_cast_inside_composites_and_arrays(session: Any) -> None:
    """A cast changes the types that the server names on the wire, of a row as of an array."""
    await session.execute_script("""
        create type inner_cast as (a inet, r int4range[]);
        create type outer_cast as (n int4, v inet[], m numeric[], i inner_cast, b box[])""")
    row = "row(7, '{10.0.0.1,NULL}', '{2.50}', row('::1', '{\"[1,3)\"}')::inner_cast, '{(3,4),(1,2);NULL}')::outer_cast"
    inner = {"a": "::1", "r": ["[1,3)"]}
    whole: dict[str, Any] = {"n": 7, "v": ["10.0.0.1", None], "m": ["2.50"], "i": inner, "b": ["(3,4),(1,2)", None]}
    try:
        assert (await read_table(session, f"select {row} as v")).to_pylist() == [{"v": whole}]
        floats = await read_table(session, f"select {row} as v, array[1.5]::numeric[] as f", numeric="float64")
        assert floats.to_pylist() == [{"v": whole | {"m": [2.5]}, "f": [1.5]}]
        texts = await read_table(session, f"select array[{row}] as v, array[{row}]::text[] as t")
        assert texts.column("v").to_pylist() == texts.column("t").to_pylist()
        null = await read_table(
            session, "select null::outer_cast as v union all select row(null, null, null, null, null)::outer_cast"
        )
        assert null.to_pylist() == [{"v": None}, {"v": dict.fromkeys(whole)}]
    finally:
        await session.execute_script("drop type outer_cast, inner_cast")
