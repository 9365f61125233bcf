"""Sessions in a transaction that is rolled back behave as sessions of their own, and store nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sqlspec import StatementStack
from sqlspec.exceptions import (
    ForeignKeyViolationError,
    NotSupportedError,
    OperationalError,
    QueryTimeoutError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from sqlspec.testing import rolled_back
from tests.integration.harness import AsAsync, Flavour, needs

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")


def scope_of(config: Any) -> Any:
    """Return the scope, behind the facade where the config is behind one."""
    return AsAsync(rolled_back(config._target)) if isinstance(config, AsAsync) else rolled_back(config)


@pytest.fixture
def table(admin: Any, flavour: Flavour) -> str:
    admin.execute(f"create table {flavour.schema}.item (id int primary key, name text)".encode())
    return f"{flavour.schema}.item"


@pytest.fixture
async def session(config: Any, table: str) -> AsyncIterator[Any]:
    async with scope_of(config) as session:
        yield session


def stored(admin: Any, table: str) -> int:
    (count,) = admin.execute(f"select count(*) from {table}".encode()).fetchone()
    return int(count)


COUNT = "select count(*) from item"


async def test_nothing_is_stored(config: Any, table: str, admin: Any) -> None:
    async with scope_of(config) as session:
        await session.execute("insert into item values (1, 'a')")
        async with session.transaction():
            await session.execute("insert into item values (2, 'b')")
        await session.begin()
        await session.execute("insert into item values (3, 'c')")
        await session.commit()
        await session.execute_many("insert into item values ($1, $2)", [(4, "d"), (5, "e")])
        await session.execute_script("insert into item values (6, 'f'); insert into item values (7, 'g')")
        await session.execute_stack(StatementStack().push_execute("insert into item values (8, 'h')"))
        assert await session.select_value(COUNT) == 8
        assert stored(admin, table) == 0
    async with config.provide_session() as after:
        assert await after.select_value(COUNT) == 0
        await after.execute("insert into item values (1, 'a')")
    assert stored(admin, table) == 1


async def test_every_session_of_the_config_is_in_it(config: Any, table: str, admin: Any, session: Any) -> None:
    async with config.provide_session() as other:
        await other.execute("insert into item values (1, 'a')")
        async with other.transaction():
            await other.execute("insert into item values (2, 'b')")
    assert await session.select_value(COUNT) == 2
    assert stored(admin, table) == 0


async def test_a_session_does_not_see_the_transaction_around_it(session: Any) -> None:
    assert not session.in_transaction
    for _ in range(2):
        await session.begin()
        assert session.in_transaction
        with pytest.raises(TransactionError, match="open already"):
            await session.begin()
        await session.commit()
        assert not session.in_transaction
    with pytest.raises(TransactionError, match="no transaction is open"):
        await session.commit()


async def test_a_rollback_undoes_its_own_transaction_only(session: Any) -> None:
    await session.execute("insert into item values (1, 'a')")
    await session.begin()
    await session.execute("insert into item values (2, 'b')")
    await session.rollback()
    with pytest.raises(RuntimeError):
        async with session.transaction():
            await session.execute("insert into item values (3, 'c')")
            async with session.transaction():
                await session.execute("insert into item values (4, 'd')")
            raise RuntimeError
    async with session.transaction():
        await session.execute("insert into item values (5, 'e')")
        with pytest.raises(RuntimeError):
            async with session.savepoint():
                await session.execute("insert into item values (6, 'f')")
                raise RuntimeError
    assert await session.select("select id from item order by id", schema_type=int) == [1, 5]


async def test_an_error_outside_a_transaction_undoes_its_own_statement_only(session: Any) -> None:
    await session.execute("insert into item values (1, 'a')")
    with pytest.raises(UniqueViolationError):
        await session.execute("insert into item values (1, 'b')")
    with pytest.raises(UniqueViolationError):
        await session.execute_many("insert into item values ($1, $2)", [(2, "b"), (1, "c")])
    with pytest.raises(SQLSpecError):
        await session.execute_script("insert into item values (3, 'c'); select 1 / 0")
    with pytest.raises(SQLSpecError):
        await session.select("selec")
    assert await session.select("select id from item", schema_type=int) == [1]


async def test_an_error_inside_a_transaction_aborts_that_one(session: Any) -> None:
    await session.begin()
    await session.execute("insert into item values (1, 'a')")
    with pytest.raises(SQLSpecError):
        await session.execute("select 1 / 0")
    with pytest.raises(TransactionError):
        await session.commit()
    assert await session.select_value(COUNT) == 0


async def test_a_transaction_that_is_left_open_is_rolled_back(config: Any, session: Any) -> None:
    async with config.provide_session() as other:
        await other.begin()
        await other.execute("insert into item values (1, 'a')")
    assert await session.select_value(COUNT) == 0


async def test_run_in_transaction(session: Any) -> None:
    async def store(inside: Any) -> int:
        await inside.execute("insert into item values (1, 'a')")
        return await inside.select_value(COUNT)

    assert await session.run_in_transaction(store, isolation="serializable") == 1
    assert await session.select_value(COUNT) == 1


async def test_deferred_constraints_are_checked_at_each_commit(session: Any) -> None:
    await session.execute("create table part (item int references item deferrable initially deferred)")
    for number in (1, 2):
        async with session.transaction():
            await session.execute("insert into part values ($1)", number)
            await session.execute("insert into item values ($1, 'a')", number)
    with pytest.raises(ForeignKeyViolationError):
        async with session.transaction():
            await session.execute("insert into part values (3)")
    assert await session.select_value("select count(*) from part") == 2


async def test_a_read_only_transaction(session: Any) -> None:
    with pytest.raises(SQLSpecError, match="read-only"):
        async with session.transaction(readonly=True):
            await session.execute("insert into item values (1, 'a')")
    async with session.transaction(readonly=True):
        assert await session.select_value(COUNT) == 0
    await session.execute("insert into item values (1, 'a')")


async def test_settings(session: Any) -> None:
    before = await session.select_value("show work_mem")
    async with session.with_settings(work_mem="7MB"):
        assert await session.select_value("show work_mem") == "7MB"
    assert await session.select_value("show work_mem") == before


async def test_a_limit_of_time(session: Any) -> None:
    await session.execute("insert into item values (1, 'a')")
    for inside in (False, True):
        if inside:
            await session.begin()
        with pytest.raises(QueryTimeoutError):
            await session.select("select pg_sleep(20)", timeout=0.2)
        if inside:
            await session.rollback()
        await session.select("select pg_sleep(0.3)")
        assert await session.select_value(COUNT) == 1


async def test_a_statement_that_the_schema_has_left_behind(session: Any) -> None:
    await session.execute("insert into item values (1, 'a')")
    sql = "select * from item"
    assert await session.select(sql) == [{"id": 1, "name": "a"}]
    await session.execute("alter table item add column price int")
    assert await session.select(sql) == [{"id": 1, "name": "a", "price": None}]
    await session.execute("alter table item alter column name type int using 7")
    assert await session.select(sql) == [{"id": 1, "name": 7, "price": None}]


@needs("stream")
async def test_streams(session: Any) -> None:
    async with session.select_stream("select n from generate_series(1, 5) as n", chunk_size=2) as stream:
        assert [row["n"] async for row in stream] == [1, 2, 3, 4, 5]
    assert not session.in_transaction


@needs("arrow_in", "arrow_out")
async def test_arrow(session: Any, admin: Any, table: str) -> None:
    await session.load_from_records("item", [(number, "x") for number in range(50)])
    result = await session.select_to_arrow("select * from item")
    assert result.get_data().num_rows == 50
    await session.load_from_records("item", [(1, "y")], mode="upsert", key=["id"])
    assert await session.select_value("select count(*) from item where name = 'y'") == 1
    assert stored(admin, table) == 0


async def test_a_script_that_would_end_it_is_refused(session: Any, admin: Any, table: str) -> None:
    with pytest.raises(NotSupportedError, match=r"use transaction\(\)"):
        await session.execute_script("begin; insert into item values (1, 'a'); commit")
    assert await session.select_value(COUNT) == 0


async def test_the_second_transaction_of_one_task_is_refused(config: Any, session: Any) -> None:
    async with session.transaction():
        await session.execute("insert into item values (1, 'a')")
        async with config.provide_session() as other:
            with pytest.raises(TransactionError, match="share the connection"):
                await other.select("select 1")
    async with config.provide_session() as other:
        assert await other.select_value(COUNT) == 1


async def test_transactions_of_several_tasks_wait_for_each_other(config: Any, session: Any) -> None:
    async def store(number: int) -> None:
        async with config.provide_session() as own, own.transaction():
            await own.execute("insert into item values ($1, 'a')", number)
            if number % 3 == 0:
                await own.rollback()

    await asyncio.gather(*(store(number) for number in range(9)))
    assert await session.select_value(COUNT) == 6


async def test_closing_the_config_inside_does_nothing(config: Any, session: Any) -> None:
    async with config:
        pass
    async with config.provide_session() as other:
        assert await other.select_value("select 1") == 1


async def test_a_stack_is_a_call_as_others_are(session: Any) -> None:
    stack = ["insert into item values (9, 'x') returning id", "select 1 as a"]
    for _ in range(3):
        await session.execute_stack(stack)
        await session.execute("delete from item")
        with pytest.raises(SQLSpecError):
            await session.execute("select 1/0")
        with pytest.raises(SQLSpecError):
            await session.execute_stack([*stack, "select 1/0"])
    assert await session.select_value(COUNT) == 0


async def test_a_session_does_not_outlive_the_scope(config: Any, table: str) -> None:
    context = config.provide_session()
    async with scope_of(config):
        left = await config.provide_session().__aenter__()
        for _ in range(2):
            await left.execute_stack(["select 1 as a"])
    with pytest.raises(OperationalError, match="has ended"):
        await left.select("select 1")
    with pytest.raises(OperationalError, match="has ended"):  # drivers can send one that they know by themselves
        await left.execute_stack(["select 1 as a"])
    async with context as fresh:
        assert await fresh.select_value("select 1") == 1


async def test_scopes_nest(config: Any, session: Any) -> None:
    await session.execute("insert into item values (1, 'a')")
    async with scope_of(config) as inner:
        await inner.execute("insert into item values (2, 'b')")
        assert await inner.select_value(COUNT) == 2
    assert await session.select_value(COUNT) == 1


async def test_scopes_that_overlap_leave_the_config_usable(config: Any, table: str, admin: Any) -> None:
    outer, inner = scope_of(config), scope_of(config)
    await (await outer.__aenter__()).execute("insert into item values (1, 'a')")
    await (await inner.__aenter__()).execute("insert into item values (2, 'b')")
    await outer.__aexit__(None, None, None)
    with pytest.raises(OperationalError, match="has ended"):
        await inner.__aexit__(None, None, None)
    assert stored(admin, table) == 0
    async with config.provide_session() as session:
        await session.execute("insert into item values (3, 'c')")
    assert stored(admin, table) == 1
