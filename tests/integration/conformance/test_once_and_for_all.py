"""Calls that must have their effect once, and scopes that must leave nothing behind: one test per bug found."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import psycopg
import pytest

from sqlspec.exceptions import OperationalError, SQLSpecError, TransactionError
from sqlspec.values import Path
from tests.integration.harness import FLAVOURS, Flavour

REAL = tuple(name for name in FLAVOURS if name != "stub")


class Pair(NamedTuple):
    x: int


@pytest.mark.only(*REAL)
async def test_a_named_tuple_is_one_value_the_first_time_and_again(session: Any) -> None:
    path = Path(((0.0, 0.0), (1.0, 1.0)), closed=False)
    for _ in range(2):
        assert await session.select_value("select $1::path", path) == path
        with pytest.raises(SQLSpecError, match=r"\$1 as int4"):
            await session.select("select $1::int", Pair(5))


@pytest.mark.only(*REAL)
async def test_select_into_counts_what_it_stored(session: Any) -> None:
    result = await session.execute("select g into stored from generate_series(1, 5) g")
    assert result.rows_affected == 5


@pytest.mark.only(*REAL)
@pytest.mark.parametrize("code", ["42804", "26000"])
async def test_a_procedure_that_fails_after_its_commit_runs_once(session: Any, code: str) -> None:
    await session.execute_script(
        "create table log (n int);"
        "create procedure p(n int) language plpgsql as "
        f"$$ begin insert into log values (n); commit; raise exception 'mine' using errcode = '{code}'; end $$"
    )
    for number in (1, 2):
        with pytest.raises(SQLSpecError):
            await session.execute("call p($1)", number)
        assert await session.select_value("select count(*) from log") == number


@pytest.mark.only(*REAL)
async def test_a_function_that_imitates_a_missing_statement_runs_once(session: Any) -> None:
    await session.execute_script(
        "create sequence runs; create function f() returns int language plpgsql as "
        "$$ begin perform nextval('runs'); raise exception 'mine' using errcode = '26000'; end $$"
    )
    for _ in range(3):
        with pytest.raises(SQLSpecError):
            await session.select("select f()")
    assert await session.select_value("select last_value from runs") == 3


@pytest.mark.only(*REAL)
async def test_a_statement_that_the_server_lost_is_prepared_again(session: Any) -> None:
    assert await session.select_value("select 41 + $1::int", 1) == 42
    await session.execute_script("do $$ begin execute 'deallocate all'; end $$")
    assert await session.select_value("select 41 + $1::int", 1) == 42
    async with session.transaction():
        for number in range(300):  # more than are kept, so that old ones are closed inside the transaction
            assert await session.select_value(f"select {number} + $1::int", 1) == number + 1


@pytest.mark.only(*REAL)
async def test_a_stack_larger_than_the_statement_cache(flavour: Flavour) -> None:
    async with flavour.make_config(statement_cache_size=8) as config, config.provide_session() as session:
        results = await session.execute_stack([(f"select {number}::int + $1::int as n", (1,)) for number in range(40)])
        assert [result.scalar() for result in results] == list(range(1, 41))
        held = await session.select_value("select count(*) from pg_prepared_statements where not from_sql")
        await session.select("select 'one more'")
        assert held <= 60
        assert await session.select_value("select count(*) from pg_prepared_statements where not from_sql") <= 10


@pytest.mark.only(*REAL)
async def test_statements_prepared_by_sql_do_not_outlive_their_borrower(flavour: Flavour) -> None:
    async with flavour.make_config(max_size=1) as config:
        for _ in range(2):
            async with config.provide_session() as session:
                await session.execute("prepare mine as select 1")


@pytest.mark.only(*REAL)
@pytest.mark.parametrize("scope", ["provide_session", "provide_connection"])
async def test_a_scope_cannot_be_entered_twice_at_a_time(flavour: Flavour, scope: str) -> None:
    async with flavour.make_config(max_size=2) as config:
        context = getattr(config, scope)()
        async with context:
            with pytest.raises(OperationalError, match="twice"):
                await context.__aenter__()
        assert config.stats().in_use - config.stats().resetting <= 0
        async with context, config.provide_session() as other:  # again is fine, one after the other
            assert await other.select_value("select 1") == 1


@pytest.mark.only(*REAL)
@pytest.mark.parametrize("text", ["commit /* to disk */ work", "commit -- to\n work", "rollback /* and */ work"])
async def test_a_comment_does_not_hide_the_end_of_a_transaction(session: Any, text: str) -> None:
    await session.execute("create table t (id int)")
    with pytest.raises(TransactionError, match="cannot run a script"):
        async with session.transaction():
            await session.execute("insert into t values (1)")
            await session.execute_script(f"{text}; insert into t values (2)")
    assert await session.select("select * from t") == []


@pytest.mark.only("asyncpg", "psycopg")
async def test_a_cancelled_batch_ends_and_leaves_nothing(session: Any) -> None:
    await session.execute("create table t (id int, pad text)")
    for moment in (0.0, 0.005, 0.02, 0.05, 0.1):
        rows = ((number, "x" * 100) for number in range(1_000_000))
        batch = asyncio.create_task(session.execute_many("insert into t values ($1, $2)", rows))
        await asyncio.sleep(moment)  # any moment will do: what follows must hold for all of them
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(batch, 20)
        assert await session.select_value("select count(*) from t") == 0


@pytest.mark.only("asyncpg", "psycopg")
async def test_a_cancellation_during_commit_is_not_swallowed(session: Any) -> None:
    await session.execute_script(
        "create table t (id int); create function slow() returns trigger language plpgsql as "
        "$$ begin perform pg_sleep(0.4); raise exception 'again' using errcode = '40001'; end $$;"
        "create constraint trigger c after insert on t deferrable initially deferred "
        "for each row execute function slow()"
    )
    attempts = 0

    async def work(own: Any) -> None:
        nonlocal attempts
        attempts += 1
        await own.execute("insert into t values (1)")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await session.run_in_transaction(work)
    assert attempts == 1


@pytest.mark.only("psycopg-sync")
def test_rows_that_call_their_own_session_are_refused(flavour: Flavour, dsn: str) -> None:
    config = flavour.config_class(connection_config={"dsn": dsn})
    with config, config.provide_session() as session:
        rows = ((session.select_value("select 1"),) for _ in range(3))
        with pytest.raises(OperationalError, match="in the middle of its own execute_many"):
            session.execute_many("select $1::int", rows)
        assert session.select_value("select 1") == 1


@pytest.mark.only("asyncpg")
async def test_a_raw_connection_comes_back_without_listeners_and_transactions(flavour: Flavour) -> None:
    async with flavour.make_config(max_size=1) as config:
        async with config.provide_connection() as raw:
            await raw.add_listener("ch", lambda *_: None)
            await raw.transaction().start()
        async with config.provide_connection() as raw:
            assert not raw.is_in_transaction()
            async with raw.transaction():
                assert await raw.fetchval("select 1") == 1


@pytest.mark.only("psycopg")
async def test_settings_of_raw_cursors_do_not_reach_the_next_borrower(flavour: Flavour) -> None:
    async with flavour.make_config(max_size=1) as config:
        async with config.provide_connection() as raw:
            await raw.set_autocommit(False)
            raw.adapters.register_loader("int4", raw.adapters.get_loader(25, 1))
        async with config.provide_session() as session:
            assert await session.select_value("select 5::int4") == 5
            assert session.driver.connection.autocommit


async def test_statements_have_to_be_text(session: Any) -> None:
    for wrong in (["select 1"], b"select 1", None, 1):
        with pytest.raises(SQLSpecError, match="str"):
            await session.select(wrong)
        with pytest.raises(SQLSpecError, match="str"):
            await session.execute(wrong)


@pytest.mark.only(*REAL)
async def test_a_refused_value_leaves_no_lock(session: Any, flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    await session.execute("create table guarded (n int)")
    pid = await session.select_value("select pg_backend_pid()")
    locks = "select count(*) from pg_locks where pid = %s and relation is not null"
    for _ in range(2):
        with pytest.raises(SQLSpecError, match="as int4"):
            await session.select("select * from guarded where n = $1", "5")
        assert admin.execute(locks, [pid]).fetchone() == (0,)
    async with session.transaction(isolation="repeatable read"):
        assert await session.select_value("show transaction_isolation") == "repeatable read"
