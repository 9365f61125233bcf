"""Scripts: several statements, one transaction unless they say otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from sqlspec.exceptions import (
    NotSupportedError,
    ParameterError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.harness import needs


async def count(session: Any, table: str = "t") -> int:
    number: int = await session.select_value(f"select count(*) from {table}")
    return number


@needs("multi_statement")
async def test_every_statement_runs_in_order(session: Any) -> None:
    assert (
        await session.execute_script(
            """
            create table t (a int, b text);  -- a comment; with a semicolon
            insert into t values (1, 'semi;colon'), (2, $$dollar; quoted$$), (3, e'esc\\';aped');
            select * from t;
            /* and ; here */ update t set b = upper(b) where a = 1;
            """
        )
        is None
    )
    assert await session.select("select a, b from t order by a", schema_type=tuple) == [
        (1, "SEMI;COLON"),
        (2, "dollar; quoted"),
        (3, "esc';aped"),
    ]


async def test_a_script_of_one_statement(session: Any) -> None:
    await session.execute_script("create table t (a int)")
    await session.execute_script("insert into t values (1);")
    assert await count(session) == 1


@needs("multi_statement")
async def test_functions_of_every_quoting(session: Any) -> None:
    await session.execute_script(
        """
        create function plain(n int) returns int language sql as 'select $1 + 1; select $1 * 2;';
        create function dollar(n int) returns int language plpgsql as $body$
        begin
            if n > 0 then return n; end if;
            return -n;  -- :name ? %s $1
        end;
        $body$;
        create function atomic(n int) returns int language sql begin atomic
            select n;
            select case when n > 1 then 10 else 20 end;
        end;
        select 1;
        """
    )
    assert await session.select_one("select plain(4), dollar(-5), atomic(2)") == {
        "plain": 8,
        "dollar": 5,
        "atomic": 10,
    }


@needs("multi_statement")
async def test_nothing_in_a_script_is_a_placeholder(session: Any) -> None:
    await session.execute_script(
        """
        create table t (a text);
        insert into t values (':name'), ('%s'), ('$1'), ('?'), ('100%');
        insert into t select 'question' where '{"a": 1}'::jsonb ? 'a';
        insert into t values ((array['x', 'slice'])[2:2]::text), ((7 % 4)::text);
        prepare insertion as insert into t values ($1);
        execute insertion('prepared');
        """
    )
    assert await session.select("select a from t", schema_type=str) == [
        *(":name", "%s", "$1", "?", "100%", "question", "{slice}", "3", "prepared")
    ]


@needs("multi_statement")
async def test_a_failure_undoes_the_whole_script(session: Any) -> None:
    await session.execute("create table t (a int)")
    with pytest.raises(SQLSpecError, match="division by zero") as caught:
        await session.execute_script("insert into t values (1); select 1 / 0; insert into t values (2)")
    assert caught.value.sql == "insert into t values (1); select 1 / 0; insert into t values (2)"
    assert await count(session) == 0
    await session.execute_script("insert into t values (3); insert into t values (4)")
    assert await count(session) == 2


async def test_a_syntax_error_anywhere_runs_nothing(session: Any) -> None:
    await session.execute("create table t (a int)")
    with pytest.raises(SQLSpecError, match="syntax error"):
        await session.execute_script("insert into t values (1); insrt into t values (2)")
    assert await count(session) == 0


@needs("multi_statement", "savepoints")
async def test_a_script_inside_a_transaction_is_part_of_it(session: Any) -> None:
    await session.execute("create table t (a int)")
    await session.begin()
    await session.execute_script("insert into t values (1); insert into t values (2)")
    await session.rollback()
    assert await count(session) == 0
    async with session.transaction():
        await session.execute("insert into t values (0)")
        with pytest.raises(SQLSpecError, match="division"):
            async with session.savepoint():
                await session.execute_script("insert into t values (1); select 1 / 0")
        await session.execute_script("insert into t values (2); insert into t values (3)")
    assert await session.select("select a from t order by a", schema_type=int) == [0, 2, 3]


@needs("multi_statement")
async def test_a_script_may_control_transactions_outside_one(session: Any) -> None:
    await session.execute_script(
        """
        create table t (a int);
        begin; insert into t values (1); commit;
        begin isolation level serializable; insert into t values (2); rollback;
        start transaction; savepoint a; insert into t values (3); rollback to a; release a; end;
        insert into t values (4);
        """
    )
    assert await session.select("select a from t order by a", schema_type=int) == [1, 4]
    assert not session.in_transaction


async def test_a_script_must_not_control_transactions_inside_one(session: Any, untouched: Any) -> None:
    await session.execute("create table t (a int)")
    async with session.transaction():
        await session.execute("insert into t values (1)")
        async with untouched(session):
            for text in ("commit", "insert into t values (2); commit", "begin; select 1", "rollback; begin", "abort"):
                with pytest.raises(TransactionError, match="a transaction is open"):
                    await session.execute_script(text)
    assert await count(session) == 1


async def test_a_transaction_that_a_script_leaves_open_is_rolled_back(session: Any) -> None:
    await session.execute("create table t (a int)")
    with pytest.raises(TransactionError, match="left a transaction open"):
        await session.execute_script("begin; insert into t values (1)")
    assert not session.in_transaction
    await session.execute("insert into t values (2)")
    assert await session.select("select a from t", schema_type=int) == [2]


async def test_a_script_that_fails_between_begin_and_commit_leaves_no_transaction(session: Any) -> None:
    await session.execute("create table t (a int)")
    for text in (
        "begin; insert into t values (1); select 1 / 0; commit",
        "begin; insert into t values (1); commit; begin; insert into t values (2); select * from nowhere; commit",
    ):
        with pytest.raises(SQLSpecError, match="zero|does not exist"):
            await session.execute_script(text)
        assert not session.in_transaction
        await session.execute("insert into t values (9)")
    assert await session.select("select a from t order by a", schema_type=int) == [1, 9, 9]


async def test_a_script_that_is_cut_short_between_begin_and_commit_leaves_no_transaction(session: Any) -> None:
    await session.execute("create table t (a int)")
    with pytest.raises(QueryTimeoutError):
        await session.execute_script("begin; insert into t values (1); select pg_sleep(30); commit", timeout=0.2)
    assert not session.in_transaction
    await session.execute("insert into t values (9)")
    assert await session.select("select a from t", schema_type=int) == [9]


async def test_what_no_script_is(session: Any, untouched: Any) -> None:
    async with untouched(session):
        for text in ("", "  ", ";;", "-- nothing", "/* nothing */;"):
            with pytest.raises(SQLParsingError, match="no statement"):
                await session.execute_script(text)
        with pytest.raises(SQLParsingError):
            await session.execute_script("select 'not closed; select 1")
        for text in ("create table t (a int); copy t from stdin", "copy (select 1) to stdout; select 1"):
            with pytest.raises(NotSupportedError, match="load_from_arrow"):
                await session.execute_script(text)
        with pytest.raises((ParameterError, TypeError)):
            await session.execute_script("select $1", 5)


async def test_a_dropped_table_and_statement_are_noticed(session: Any) -> None:
    await session.execute("create table t (a int)")
    insert, read = "insert into t values ($1)", "select * from t"
    await session.execute(insert, 1)
    assert await session.select(read) == [{"a": 1}]
    await session.execute_script("drop table t; create table t (a int, b text default 'x')")
    await session.execute(insert, 2)
    assert await session.select(read) == [{"a": 2, "b": "x"}]
    for text in ("deallocate all", "discard all", "DISCARD PLANS; Deallocate Prepare All"):
        await session.execute_script(text)
        assert await session.select("select 1 as one, $1::int as n", 2) == [{"one": 1, "n": 2}]
    await session.execute("deallocate all")
    assert await session.select(read) == [{"a": 2, "b": "x"}]


async def test_a_warning_or_notice_is_no_error(session: Any) -> None:
    await session.execute_script("do $$ begin raise notice 'n'; raise warning 'w'; end $$; drop table if exists nope")
    with pytest.raises(SQLSpecError, match="own words"):
        await session.execute_script("do $$ begin raise exception 'own words'; end $$")
