"""What an adapter remembers of a statement must follow the schema: the same text may mean something else by now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import SQLSpecError
from tests.integration.harness import Flavour, needs

INSTANT = datetime(2024, 1, 1, tzinfo=UTC)

# One table name, and what it holds: SQL type, a value of it, the server's text.
KINDS: tuple[tuple[str, Any, str], ...] = (
    ("int8", 5, "5"),
    ("timestamptz", INSTANT, "2024-01-01 00:00:00+00"),
    ("numeric", Decimal("1.50"), "1.50"),
    ("text", "x", "x"),
    ("jsonb", {"a": 1}, '{"a": 1}'),
    ("int4[]", [1, None], "{1,NULL}"),
)


class Admin:
    """Another program, working on the schema of the test."""

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        self._connection = connection
        self.schema = schema

    def run(self, script: str) -> None:
        with self._connection.transaction():
            self._connection.execute(f"set local search_path = {self.schema}".encode())
            self._connection.execute(script.encode())

    def rows(self, query: str) -> list[Any]:
        with self._connection.transaction():
            self._connection.execute(f"set local search_path = {self.schema}; set local timezone = 'UTC'".encode())
            return self._connection.execute(query.encode()).fetchall()


@pytest.fixture
def other(admin: psycopg.Connection[Any], flavour: Flavour) -> Admin:
    return Admin(admin, flavour.schema)


@pytest.fixture
async def session(flavour: Flavour) -> Any:
    async with flavour.make_config(session_settings={"TimeZone": "UTC"}).provide_session() as opened:
        yield opened


# -- one text, several tables -------------------------------------------------------------------------------


@pytest.fixture
def tenants(admin: psycopg.Connection[Any], flavour: Flavour) -> list[tuple[str, Any]]:
    """A schema for each kind; all hold a table `thing` with one row."""
    found = []
    for number, (kind, value, text) in enumerate(KINDS):
        schema = f"{flavour.schema}_{number}"
        admin.execute(f"create schema {schema}; create table {schema}.thing (v {kind})".encode())
        admin.execute(f"set timezone = 'UTC'; insert into {schema}.thing values ('{text}')".encode())
        found.append((schema, value))
    return found


def same(found: Any, wanted: Any) -> bool:
    return found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize("held", [False, True], ids=["in turn", "at a time"])
async def test_two_search_paths_in_one_pool(flavour: Flavour, tenants: list[tuple[str, Any]], held: bool) -> None:
    config = flavour.make_config(max_size=2)
    read, find = "select v from thing", "select v as found from thing where v = $1"
    for one, two in pairwise(tenants):
        async with config.provide_session() as first:
            await first.execute(f"set search_path = {one[0]}")
            assert same(await first.select_value(read), one[1])
            if held:
                async with config.provide_session() as second:
                    await second.execute(f"set search_path = {two[0]}")
                    for _ in range(2):
                        assert same(await second.select_value(read), two[1])
                        assert same(await first.select_value(read), one[1])
                        assert await second.select_one(find, (two[1],)) == {"found": two[1]}
                        assert await first.select_one(find, (one[1],)) == {"found": one[1]}
        async with config.provide_session() as third:
            await third.execute(f"set search_path = {two[0]}")
            assert same(await third.select_value(read), two[1])
            assert await third.select_one(find, (two[1],)) == {"found": two[1]}


async def test_one_session_that_goes_from_schema_to_schema(session: Any, tenants: list[tuple[str, Any]]) -> None:
    for _ in range(2):
        for schema, value in tenants:
            await session.execute(f"set search_path = {schema}")
            for _ in range(2):
                assert same(await session.select_value("select v from thing"), value)
                assert await session.execute("select v, v as again from thing").one() == {"v": value, "again": value}


async def test_schemas_of_transactions_give_the_right_values_or_an_error(
    session: Any, tenants: list[tuple[str, Any]]
) -> None:
    async def tenant_value(schema: str) -> Any:
        async with session.with_settings(search_path=schema):
            return await session.select_value("select v from thing")

    for _ in range(2):
        for schema, value in tenants:
            try:
                found = await tenant_value(schema)
            except SQLSpecError:  # the server refuses what was prepared, and the transaction with it; not twice
                found = await tenant_value(schema)
            assert same(found, value)


async def test_parameters_of_one_text_in_several_schemas(session: Any, tenants: list[tuple[str, Any]]) -> None:
    sql = "insert into thing values ($1)"
    for schema, value in (*tenants, *tenants):
        await session.execute(f"set search_path = {schema}")
        try:
            await session.execute(sql, (value,))
        except SQLSpecError:  # the value did fit the type that was asked for before, and the server refused that; once
            await session.execute(sql, (value,))
        found = await session.select("select v from thing", schema_type=tuple)
        assert {repr(row) for row in found} == {repr((value,))}


SHADOWED = "select v from shadowed", "insert into shadowed values ($1) returning v"


async def test_a_temporary_table_shadows_a_table(flavour: Flavour, other: Admin) -> None:
    read, write = SHADOWED
    other.run("create table shadowed (v int8)")
    for kind, value, _ in KINDS:
        async with flavour.make_config(max_size=1).provide_session() as session:
            assert await session.select_value(write, 5) == 5
            assert await session.select_value(read) == 5
            await session.execute(f"create temp table shadowed (v {kind})")
            assert await session.select(read) == []
            assert same(await session.select_value(write, (value,)), value)
            assert same(await session.select_value(read), value)
            await session.execute("drop table pg_temp.shadowed")
            assert await session.select(read) == [{"v": 5}]
            assert await session.select_value(write, 6) == 6
        other.run("truncate shadowed")


@pytest.mark.parametrize("how", ["execute", "execute_script"])
async def test_a_temporary_table_shadows_a_table_again(session: Any, how: str) -> None:
    # The server does not invalidate what is prepared when a second temporary table comes to lie before a table.
    read, write = SHADOWED
    await session.execute("create table shadowed (v int8)")
    assert await session.select_value(write, 5) == 5
    for _, value, _ in (KINDS[0], KINDS[0]):
        await getattr(session, how)("create temp table shadowed (v int8)")
        assert await session.select(read) == []
        assert same(await session.select_value(write, (value,)), value)
        await session.execute("drop table pg_temp.shadowed")
        assert await session.select(read) == [{"v": 5}]


async def test_a_temporary_table_of_the_next_borrower(flavour: Flavour, other: Admin) -> None:
    other.run("create table shadowed (v int8); insert into shadowed values (5)")
    config = flavour.make_config(max_size=1)
    for value in (1, 2, 3):
        async with config.provide_session() as session:
            assert await session.select_value(SHADOWED[0]) == 5
        async with config.provide_session() as session:
            await session.execute(f"create temp table shadowed as select {value}::int8 as v")
            assert await session.select_value(SHADOWED[0]) == value


# -- columns that another program changes -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, _, _ in KINDS[1:]])
async def test_a_column_of_another_type_is_read_by_old_and_new_connections(
    flavour: Flavour, session: Any, other: Admin, kind: str
) -> None:
    value, text = next((value, text) for name, value, text in KINDS if name == kind)
    reads = ("select v from t", "select * from t", "select v, v as w, 1.50 as n from t where v is not null")
    other.run("create table t (v int8); insert into t values (5)")
    for sql in (*reads, *reads):
        assert (await session.select(sql))[0]["v"] == 5
    other.run(f"alter table t alter column v type {kind} using '{text}'")
    async with flavour.make_config().provide_session() as fresh:
        for sql in reads:
            for each in (session, fresh):
                for _ in range(2):
                    assert same((await each.select(sql))[0]["v"], value), sql
                assert same((await each.execute(sql)).first()["v"], value)


# Type before and after, a value of the first, a value that only the second takes, and its text.
WIDER: dict[str, tuple[str, str, Any, Any, str]] = {
    "int8": ("int4", "int8", 5, 2**40, str(2**40)),
    "numeric": ("int4", "numeric", 5, Decimal("1.50"), "1.50"),
    "text": ("int4", "text", 5, "x", "x"),
    "float8": ("int2", "float8", 5, 1.5, "1.5"),
    "jsonb": ("int4", "jsonb", 5, {"a": 1}, '{"a": 1}'),
    "int4[]": ("int4", "int4[]", 5, [1, 2], "{1,2}"),
    "int4": ("text", "int4", "x", 7, "7"),
    "timestamptz": ("date", "timestamptz", date(2024, 1, 1), INSTANT, "2024-01-01 00:00:00+00"),
}


@pytest.mark.parametrize("name", WIDER)
async def test_a_parameter_of_another_type_is_taken_outside_a_transaction(
    session: Any, other: Admin, name: str
) -> None:
    before, after, old, new, text = WIDER[name]
    other.run(f"create table t (v {before})")
    statements = ("insert into t values ($1)", "insert into t (v) values ($1) returning v")
    for sql in (*statements, *statements):
        await session.execute(sql, (old,))
    other.run(f"truncate t; alter table t alter column v type {after} using null")
    for sql in statements:
        result = await session.execute(sql, (new,))
        assert [row["v"] for row in result] in ([], [new])
    await session.execute_stack([(statements[0], (new,))])
    assert other.rows("select v::text from t") == [(text,)] * 3


async def test_a_condition_on_a_column_of_another_type(session: Any, other: Admin) -> None:
    other.run("create table t (v int4, w text); insert into t values (5, 'old')")
    find = "select w from t where v = $1"
    change = "update t set w = 'new' where v = $1"
    assert await session.select(find, 5) == [{"w": "old"}]
    await session.execute(change, 6)
    other.run(f"alter table t alter column v type int8; update t set v = {2**40}")
    await session.execute(change, 2**40)
    assert await session.select(find, 2**40) == [{"w": "new"}]


async def once_more(call: Callable[[], Awaitable[Any]]) -> Any:
    """A value that fits the parameter's type of before is sent as such; if the server refuses it then, it does once."""
    try:
        return await call()
    except SQLSpecError:
        return await call()


@pytest.mark.parametrize(
    ("before", "after"), [("int4", "date"), ("jsonb", "text"), ("date", "int4"), ("text", "jsonb")]
)
async def test_values_that_fit_both_types_are_refused_at_most_once(
    session: Any, other: Admin, before: str, after: str
) -> None:
    other.run(f"create table t (v {before})")
    null, find, text = (
        "insert into t values ($1) returning v",
        "select v from t where v = $1",
        "insert into t values ($1), ($1)",
    )
    for sql in (null, find, text):
        await session.execute(sql, None)
    other.run(f"truncate t; alter table t alter column v type {after} using null")
    assert await once_more(lambda: session.select_value(null, None)) is None
    assert await once_more(lambda: session.select(find, None)) == []
    if "text" in (before, after):
        value = "no document" if after == "text" else '{"a": 1}'
        await once_more(lambda: session.execute(text, value))
        found = await session.select("select v from t where v is not null", schema_type=tuple)
        assert found == [(value if after == "text" else {"a": 1},)] * 2


async def test_a_batch_for_a_column_of_another_type_fails_at_most_once(session: Any, other: Admin) -> None:
    other.run("create table t (v int4)")
    sql = "insert into t values ($1)"
    await session.execute_many(sql, [1, 2])
    other.run("truncate t; alter table t alter column v type int8")
    try:
        await session.execute_many(sql, [1, 2**40])
    except SQLSpecError:
        assert other.rows("select count(*) from t") == [(0,)]
        await session.execute_many(sql, [1, 2**40])
    assert other.rows("select v from t order by v") == [(1,), (2**40,)]


async def test_a_transaction_is_never_left_between_two_types(session: Any, other: Admin) -> None:
    other.run("create table t (v int4)")
    sql = "insert into t values ($1)"
    await session.execute(sql, 5)
    other.run("truncate t; alter table t alter column v type int8")
    stored = 0
    for _ in range(2):
        try:
            async with session.transaction():
                await session.execute("insert into t values (1)")
                await session.execute(sql, 2**40)
            stored += 1
        except SQLSpecError:
            pass
    assert stored >= 1
    assert other.rows("select v from t order by v") == sorted([(1,), (2**40,)] * stored)


async def test_columns_that_come_and_go(session: Any, other: Admin) -> None:
    other.run("create table t (a int); insert into t values (1)")
    sql = "select * from t"
    write = "insert into t (a) values (1) returning *"
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("select 1", {"a": 1}),
        ("alter table t add column b numeric default 1.50", {"a": 1, "b": Decimal("1.50")}),
        ("alter table t rename column b to c", {"a": 1, "c": Decimal("1.50")}),
        (
            "alter table t add column d date default '2024-01-01'",
            {"a": 1, "c": Decimal("1.50"), "d": date(2024, 1, 1)},
        ),
        ("alter table t drop column c", {"a": 1, "d": date(2024, 1, 1)}),
        ("drop table t; create table t (d text, a int); insert into t values (null, 1)", {"d": None, "a": 1}),
    )
    for step, wanted in steps:
        other.run(step)
        for _ in range(2):
            for found in (await session.select(sql), await session.select(write)):
                assert found[0] == wanted, step
                assert list(found[0]) == list(wanted), step
        result = await session.execute(sql)
        assert [column.name for column in result.columns] == list(wanted), step
        assert result.first() == wanted


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("varchar(10)", "varchar(20)", "1.25"),
        ("numeric(10, 2)", "numeric(20, 5)", Decimal("1.25000")),
        ("varchar(10)[]", "varchar(20)[]", ["1.25"]),
    ],
)
async def test_a_column_of_another_length_or_precision(
    session: Any, other: Admin, before: str, after: str, value: Any
) -> None:
    """The server refuses a prepared statement for that too, and describes the next one as it described this one."""
    text = "{1.25}" if isinstance(value, list) else "1.25"
    other.run(f"create table t (n int, v {before}); insert into t values (1, '{text}')")
    reads = ("select v from t", "select v from t where n = $1", "update t set n = $1 returning v")
    for kind in (before, after, before, after):
        other.run(f"alter table t alter v type {kind}")
        for _ in range(2):
            found = [await session.select(sql, *[1] * ("$1" in sql)) for sql in reads]
    assert found == [[{"v": value}]] * 3


async def test_a_function_and_a_view_of_other_types(session: Any, other: Admin) -> None:
    for kind, value, text in (*KINDS, *KINDS):
        other.run(
            "drop function if exists f();"
            f"create function f() returns {kind} language sql as $$ select '{text}'::{kind} $$;"
            f"drop view if exists seen; create view seen as select '{text}'::{kind} as v, 1 as n"
        )
        for _ in range(2):
            assert same(await session.select_value("select f()"), value)
            assert await session.select("select * from seen") == [{"v": value, "n": 1}]


# -- types that are made anew -------------------------------------------------------------------------------


async def test_an_enum_that_another_program_makes_anew(session: Any, other: Admin) -> None:
    read, write = "select m, array[m] as ms from t order by m", "insert into t values ($1) returning m"
    other.run("create type mood as enum ('sad', 'ok'); create table t (m mood)")
    assert await session.select_value(write, "sad") == "sad"
    assert await session.select(read) == [{"m": "sad", "ms": ["sad"]}]
    other.run("alter type mood add value 'new' before 'sad'")
    assert await session.select_value(write, "new") == "new"
    assert await session.select(read) == [{"m": "new", "ms": ["new"]}, {"m": "sad", "ms": ["sad"]}]
    other.run(
        "alter table t alter column m type text; drop type mood; create type mood as enum ('new', 'sad', 'other');"
        "alter table t alter column m type mood using m::mood"
    )
    assert await session.select_value(write, "other") == "other"
    assert [row["m"] for row in await session.select(read)] == ["new", "sad", "other"]
    with pytest.raises(SQLSpecError):
        await session.select(write, "ok")


async def test_a_composite_that_is_made_anew(session: Any) -> None:
    read, write = "select p, array[p] as ps from t", "insert into t values ($1) returning p"
    for fields, value in (
        ("a int, b text", {"a": 1, "b": "x"}),
        ("b numeric, a date", {"b": Decimal("1.50"), "a": date(2024, 1, 1)}),
        ("a int8", {"a": 2**40}),
    ):
        await session.execute_script(f"create type pair as ({fields}); create table t (p pair)")
        for _ in range(2):
            assert await session.select_value(write, value) == value
        assert await session.select(read) == [{"p": value, "ps": [value]}] * 2
        await session.execute_script("drop table t; drop type pair")
        for sql, args in ((read, ()), (write, (value,))):
            with pytest.raises(SQLSpecError):
                await session.select(sql, *args)


async def test_a_field_in_the_place_of_another_has_its_name_once_the_types_are_read_again(
    session: Any, other: Admin
) -> None:
    """Values carry number and types of their fields, which are the same."""
    other.run("create type pair as (x int, y int); create table t (v pair); insert into t values ('(1,2)')")
    assert await session.select_value("select v from t") == {"x": 1, "y": 2}
    other.run("alter type pair drop attribute x; alter type pair add attribute w int")
    assert list((await session.select_value("select v from t")).values()) == [2, None]
    await session.execute("alter table t add n int")
    assert await session.select_value("select v from t") == {"y": 2, "w": None}


async def test_types_that_are_forgotten_while_another_connection_prepares(flavour: Flavour, other: Admin) -> None:
    other.run("create type pair as (a int)")
    done = asyncio.Event()

    async def forget() -> None:
        async with config.provide_session() as session:
            while not done.is_set():
                await session.execute_script("select 1 /* alter type: all look the types up again */")
                # Without a pause a client and its backend that do nothing but wake each other can keep new backends
                # from a processor for seconds: Linux shares it out among sessions, and every backend is one.
                await asyncio.sleep(0.001)

    async def prepare() -> None:
        for number in range(10):
            async with config.provide_session() as session:
                assert await session.select_value("select $1::pair", ({"a": number},)) == {"a": number}

    # Each session has a new connection, which has all to prepare.
    async with flavour.make_config(max_size=4, max_lifetime=1e-9) as config:
        forgetting = asyncio.create_task(forget())
        try:
            await asyncio.gather(*(asyncio.create_task(prepare()) for _ in range(3)))
        finally:
            done.set()
            await forgetting


# -- statements that must come first, or that forget ----------------------------------------------------------


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
async def test_set_transaction_may_be_the_first_statement(session: Any, level: str) -> None:
    sql = f"set transaction isolation level {level}"
    for _ in range(2):
        async with session.transaction():
            await session.execute(sql)
            assert await session.select_value("show transaction_isolation") == level
        await session.begin()
        await session.execute(f"{sql}, read only")
        assert await session.select_value("select current_setting('transaction_isolation')") == level
        assert await session.select_value("select current_setting('transaction_read_only')") == "on"
        await session.rollback()
        assert await session.select_value("show transaction_isolation") == "read committed"


@pytest.mark.parametrize("sql", ["discard all", "deallocate all", "discard plans"])
@pytest.mark.parametrize("how", ["execute", "execute_script", "do"])
async def test_what_the_user_discards_is_prepared_anew(session: Any, sql: str, how: str) -> None:
    texts: tuple[tuple[str, tuple[Any, ...], Any], ...] = (
        ("select 1.50 as n", (), Decimal("1.50")),
        ("select 41 + $1::int8", (1,), 42),
        ("select $1::text || 'x'", ("y",), "yx"),
    )
    for _ in range(2):
        for text, args, wanted in texts:
            for _ in range(2):
                assert await session.select_value(text, *args) == wanted
        if how == "do" and sql != "discard all":
            await session.execute(f"do $$ begin execute '{sql}'; end $$")
        else:
            await getattr(session, how if how != "do" else "execute")(sql)
    try:
        results = await session.execute_stack([(text, args) for text, args, _ in texts])
    except SQLSpecError:  # no adapter can know what a block of code has run; once
        assert how == "do"
        results = await session.execute_stack([(text, args) for text, args, _ in texts])
    assert [result.scalar() for result in results] == [wanted for _, _, wanted in texts]
    for text, args, wanted in texts:
        assert await session.select_value(text, *args) == wanted


async def test_what_the_user_deallocates_inside_a_transaction(session: Any) -> None:
    for _ in range(2):
        assert await session.select_value("select 41 + $1::int8", 1) == 42
        async with session.transaction():
            assert await session.select_value("select 41 + $1::int8", 1) == 42
            await session.execute("deallocate all")
            assert await session.select_value("select 41 + $1::int8", 1) == 42
            assert await session.select_value("select $1::numeric", 1) == 1


@needs("multi_statement")
@pytest.mark.parametrize(
    "change", ["alter table t alter n type text", "deallocate all", "alter type pair rename attribute a to z"]
)
async def test_a_script_that_fails_behind_its_commit_has_changed_what_it_changed(session: Any, change: str) -> None:
    await session.execute_script("create type pair as (a int4); create table t (n int4, p pair)")
    await session.execute("insert into t values (1, row(2))")
    for _ in range(2):
        assert await session.select("select n, p from t") == [{"n": 1, "p": {"a": 2}}]
    with pytest.raises(SQLSpecError):
        await session.execute_script(f"begin; {change}; commit; select 1 / 0")
    n, p = ("1" if "text" in change else 1), {"z" if "rename" in change else "a": 2}
    assert await session.select("select n, p from t") == [{"n": n, "p": p}]
    async with session.transaction():
        assert await session.select("select n, p from t") == [{"n": n, "p": p}]


# -- columns without rows -------------------------------------------------------------------------------------

EMPTY: dict[str, list[tuple[str, int]]] = {
    "select n, ts, c, a from t where false": [("n", 1700), ("ts", 1184), ("c", 1042), ("a", 1007)],
    "select * from t where n = 7": [("n", 1700), ("ts", 1184), ("c", 1042), ("a", 1007)],
    "insert into t select from t where false returning ts, n": [("ts", 1184), ("n", 1700)],
    "update t set n = 1 where false returning *, n + 1 as m": [
        ("n", 1700), ("ts", 1184), ("c", 1042), ("a", 1007), ("m", 1700),
    ],
    "delete from t where false returning a": [("a", 1007)],
    "with i as (insert into t select from t where false returning n) select n, now() as at from i": [
        ("n", 1700), ("at", 1184),
    ],
}  # fmt: skip
EMPTY_TWICE: dict[str, list[tuple[str, int]]] = {
    "select n, ts as n, n as \"N\" from t where false": [("n", 1700), ("n", 1184), ("N", 1700)],
    "select 1, 'x', 1.5 where false": [("?column?", 23), ("?column?", 25), ("?column?", 1700)],
    "delete from t where false returning n, n": [("n", 1700), ("n", 1700)],
}  # fmt: skip


async def check_columns(session: Any, cases: dict[str, list[tuple[str, int]]]) -> None:
    await session.execute("create table t (n numeric, ts timestamptz, c char(4), a int[])")
    for sql, wanted in (*cases.items(), *cases.items()):
        result = await session.execute(sql)
        assert [(column.name, column.oid) for column in result.columns] == wanted, sql
        assert result.get_data(schema_type=tuple) == []
        (result,) = await session.execute_stack([sql])
        assert [(column.name, column.oid) for column in result.columns] == wanted, sql


@needs("columns_when_empty")
async def test_columns_of_no_rows(session: Any) -> None:
    await check_columns(session, EMPTY)
    async with session.transaction():
        result = await session.execute("select $1::date as d where false", date(2024, 1, 1))
        assert [(column.name, column.oid) for column in result.columns] == [("d", 1082)]


@needs("columns_when_empty", "duplicate_columns")
async def test_columns_of_no_rows_with_one_name(session: Any) -> None:
    await check_columns(session, EMPTY_TWICE)
