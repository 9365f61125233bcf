from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from sqlspec import SQL, StatementStack
from sqlspec.exceptions import (
    DataError,
    ForeignKeyViolationError,
    ParameterError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import Flavour, needs


@pytest.fixture(autouse=True)
def table(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(f"create table {flavour.schema}.t (id int primary key, name text)".encode())


async def ids(session: Any) -> list[int]:
    return [row["id"] for row in await session.select("select id from t order by id")]


# -- results --------------------------------------------------------------------------------------------------


async def test_results_come_in_the_order_of_the_statements(session: Any) -> None:
    stack = (
        StatementStack()
        .push_execute("insert into t values ($1, $2), (2, 'b')", 1, "a")
        .push_execute("select id, name from t where id = :id", id=2)
        .push_execute("update t set name = %s where id > 0 returning id", "c")
        .push_execute(SQL("select count(*) as n from t where name = ?", "c"))
        .push_execute("delete from t")
        .push_execute("select 1 as a where false")
    )
    results = await session.execute_stack(stack)
    assert [result.verb for result in results] == ["INSERT", "SELECT", "UPDATE", "SELECT", "DELETE", "SELECT"]
    rows = [result.all() for result in results]
    assert rows[1] == [{"id": 2, "name": "b"}]
    assert sorted(row["id"] for row in rows[2]) == [1, 2]
    assert [rows[0], rows[3], rows[4], rows[5]] == [[], [{"n": 2}], [], []]
    assert [column.name for column in results[5].columns] == ["a"]


@needs("rows_affected")
async def test_each_statement_has_its_own_count(session: Any) -> None:
    results = await session.execute_stack(
        [
            "insert into t select n, '' from generate_series(1, 7) n",
            "update t set name = 'x' where id < 4",
            "delete from t",
        ]
    )
    assert [result.rows_affected for result in results] == [7, 3, 7]


async def test_a_list_is_a_stack(session: Any) -> None:
    results = await session.execute_stack(
        [
            "select 1 as a",
            ("select $1::int as a", 2),
            ("select $1::int + $2::int as a", (1, 2)),
            ("select :a::int as a", {"a": 4}),
        ]
    )
    assert [result.scalar() for result in results] == [1, 2, 3, 4]
    assert [result.scalar() for result in await session.execute_stack(f"select {n}" for n in range(3))] == [0, 1, 2]


@pytest.mark.parametrize("empty", [StatementStack(), [], ()])
async def test_an_empty_stack_gives_nothing(session: Any, empty: Any) -> None:
    assert await session.execute_stack(empty) == []
    assert not session.in_transaction


async def test_many_statements_with_many_rows(session: Any) -> None:
    stack = [("select n, repeat('x', 100) as t from generate_series(1, $1::int) n", 500)] * 150
    results = await session.execute_stack(stack)
    assert {len(result) for result in results} == {500}
    large = "y" * 500_000
    results = await session.execute_stack([("select $1::text || $1::text as t", large)] * 20)
    assert {len(result.scalar()) for result in results} == {1_000_000}


async def test_later_statements_see_what_earlier_ones_did(session: Any) -> None:
    for _ in range(2):  # the second time with all of them prepared
        results = await session.execute_stack(
            [
                "create table new (id int primary key, v text)",
                ("insert into new values ($1, $2)", (1, "x")),
                "alter table new add column extra int default 5",
                "select * from new",
                "drop table new",
            ]
        )
        assert results[3].all() == [{"id": 1, "v": "x", "extra": 5}]


async def test_settings_and_utility_statements(session: Any) -> None:
    results = await session.execute_stack(
        ["set local work_mem = '7MB'", "show work_mem", "lock table t in share mode", "select 1 as a"]
    )
    assert [result.all() for result in results] == [[], [{"work_mem": "7MB"}], [], [{"a": 1}]]
    assert await session.select_value("show work_mem") != "7MB"


# -- all or nothing -------------------------------------------------------------------------------------------

BROKEN: dict[str, tuple[type[SQLSpecError], list[Any], int]] = {
    "at the server": (
        SQLSpecError,
        ["insert into t values (1)", "insert into t values (2)", "select 1/0", "select 1"],
        2,
    ),
    "syntax": (SQLSpecError, ["insert into t values (1)", "selec", "select 1"], 1),
    "a value": (DataError, ["insert into t values (1)", ("insert into t values ($1)", "x")], 1),
    "a count": (ParameterError, ["insert into t values (1)", ("insert into t values ($1)", (1, 2))], 1),
    "the first": (SQLSpecError, ["select 1/0", "insert into t values (1)"], 0),
    "the last": (SQLSpecError, ["insert into t values (1)", "create table x (a int)", "insert into t values (1)"], 2),
    "an unknown table": (SQLSpecError, ["insert into t values (1)", "select * from missing"], 1),
    "text that is no statement": (SQLParsingError, ["insert into t values (1)", "-- nothing"], 1),
    "control": (TransactionError, ["insert into t values (1)", "commit"], 1),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("nested", [False, True])
async def test_a_failure_undoes_the_whole_stack_and_tells_where(session: Any, name: str, nested: bool) -> None:
    kind, stack, index = BROKEN[name]
    if nested:
        await session.begin()
        await session.execute("insert into t values (100)")
    for _ in range(2):
        with pytest.raises(kind) as caught:
            await session.execute_stack(stack)
        assert any(note.startswith(f"statement {index} of the stack") for note in caught.value.__notes__)
        assert session.in_transaction is nested
    if nested:  # the stack alone is undone
        await session.execute("insert into t values (101)")
        await session.commit()
    assert await ids(session) == ([100, 101] if nested else [])
    assert await session.execute_stack(["select 1 as a"])


async def test_inside_a_transaction_a_stack_is_part_of_it(session: Any) -> None:
    with pytest.raises(KeyError):
        async with session.transaction():
            await session.execute_stack(["insert into t values (1)", "insert into t values (2)"])
            assert await ids(session) == [1, 2]
            raise KeyError
    assert await ids(session) == []
    async with session.transaction():
        await session.execute_stack(["insert into t values (1)", "create table x (a int)", "insert into x values (1)"])
    assert await ids(session) == [1]


@needs("sqlstate")
async def test_a_deferred_constraint_undoes_the_stack(session: Any) -> None:
    await session.execute("create table child (id int references t deferrable initially deferred)")
    for _ in range(2):
        with pytest.raises(ForeignKeyViolationError) as caught:
            await session.execute_stack(["insert into t values (1)", "insert into child values (9)"])
        assert caught.value.constraint == "child_id_fkey"
        assert await ids(session) == []
    with pytest.raises(UniqueViolationError):
        await session.execute_stack(["insert into t values (1)", "insert into t values (1)"])


async def test_a_time_limit_undoes_the_stack(session: Any) -> None:
    with pytest.raises(QueryTimeoutError):
        await session.execute_stack(["insert into t values (1)", "select pg_sleep(30)"], timeout=0.05)
    assert await ids(session) == []


async def test_a_changed_table_is_noticed(session: Any) -> None:
    stack = ["select * from t", "select 1 as a"]
    await session.execute_stack(stack)
    await session.execute("alter table t add column extra int")
    for attempt in range(2):
        try:
            results = await session.execute_stack(stack)
        except SQLSpecError:
            assert attempt == 0, "the outdated statement was kept"
        else:
            assert [column.name for column in results[0].columns] == ["id", "name", "extra"]


# -- round trips ----------------------------------------------------------------------------------------------


@needs("stack_in_one_trip")
async def test_a_prepared_stack_takes_one_round_trip_where_it_is_native(flavour: Flavour, proxy: Proxy) -> None:
    config = flavour.make_config(dsn=proxy.dsn, max_size=1)
    async with config.provide_session() as session:
        stack: list[Any] = [("insert into t values ($1, $2)", (n, "x")) for n in range(20)]
        stack += ["select count(*) as n from t", ("delete from t where id < $1", 50)]

        async def turns(call: Callable[[], Any]) -> int:
            before = proxy.turns
            await call()
            return proxy.turns - before

        await session.execute_stack(stack)
        plain = await turns(lambda: session.execute_stack(stack))
        await session.begin()
        nested = await turns(lambda: session.execute_stack(stack))
        await session.rollback()
    if flavour.spec.capabilities.stack_in_one_trip.level == "native":
        assert (plain, nested) == (1, 1)
    elif flavour.spec.name == "psqlpy":  # what is sent in one piece is up to its threads
        assert max(plain, nested) < len(stack)
    else:
        assert plain >= len(stack) + 2
        assert nested >= len(stack) + 2
