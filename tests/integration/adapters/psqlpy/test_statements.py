"""Prepared statements, of which psqlpy forgets none; and counts, which it does not tell."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from sqlspec.adapters.psqlpy import _prepare
from sqlspec.adapters.psqlpy._native import DatabaseError
from sqlspec.adapters.psqlpy.driver import PsqlpyDriver
from sqlspec.exceptions import DataError, ParameterError, SQLSpecError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")

HELD = "select count(*) from pg_prepared_statements where not from_sql"

INSERTS = ("insert into t values ($1)", "insert into t values ($1::int)")
"""Many rows of the first are stored all at once; those of the second by the driver's own batches."""


async def test_statements_pile_up_and_do_not_come_back(raw: Any, session: Any) -> None:
    for number in range(300):
        await raw.fetch(f"select {number}", [])
        await session.select(f"select {number}")
    assert (await raw.fetch(HELD, [])).result(None, True)[0][0] > 300
    assert await session.select_value(HELD) <= 258
    await raw.execute_batch("deallocate all")
    with pytest.raises(Exception, match="does not exist"):
        await raw.fetch("select 7", [])
    await session.execute("deallocate all")
    for _ in range(2):
        assert [await session.select_value(f"select {number}") for number in range(300)] == list(range(300))


@pytest.mark.parametrize("sql", ["deallocate all", "DEALLOCATE PREPARE ALL;", "discard all"])
@pytest.mark.parametrize("how", ["execute", "execute_script"])
async def test_what_the_driver_prepares_for_itself_is_spared(session: Any, sql: str, how: str) -> None:
    """It looks types up by statements of its own, and would never prepare them again."""
    await session.execute_script("create type one as enum ('a'); create type two as enum ('b')")
    assert await session.select_value("select 'a'::one") == "a"
    await session.execute("prepare mine as select 1")
    await session.execute("set work_mem = '5MB'")
    await getattr(session, how)(sql)
    assert await session.select_value("select count(*) from pg_prepared_statements where from_sql") == 0
    assert (await session.select_value("show work_mem") == "5MB") is ("all" in sql.lower() and "discard" not in sql)
    assert await session.select_value("select $1::two", "b") == "b"
    with pytest.raises(SQLSpecError):
        async with session.transaction():
            await session.execute("discard all")


async def test_a_worn_out_connection_is_replaced_at_its_return(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_prepare, "WORN_OUT", 20)
    config = flavour.make_config(max_size=1)
    for first in range(0, 60, 15):
        async with config.provide_session() as session:
            for number in range(first, first + 15):
                assert await session.select_value(f"select {number}") == number
    assert config.stats().opened == 2
    assert config.stats().size == 0  # the last one is worn out too


async def test_a_stale_statement_is_believed_to_be_one_only_if_it_is(session: Any) -> None:
    await session.execute_script(
        "create sequence runs; create function f() returns int language plpgsql as "
        "$$ begin perform nextval('runs'); raise exception 'cached plan must not change result type'; end $$"
    )
    for _ in range(2):
        with pytest.raises(SQLSpecError):
            await session.select("select f()")
    assert await session.select_value("select last_value from runs") == 2


async def test_a_changed_table_is_read_by_old_and_new_connections(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    admin.execute(f"create table {flavour.schema}.t (a int, b int)".encode())
    config = flavour.make_config(max_size=2)
    async with config.provide_session() as one, config.provide_session() as two:
        for session in (one, two):
            await session.execute("insert into t values ($1, 1)", 1)
            assert len(await session.select("select * from t where a = $1", 1)) > 0
        admin.execute(f"alter table {flavour.schema}.t alter a type text, alter b type numeric".encode())
        for session in (one, two):
            assert (await session.execute("insert into t values ($1, 1)", "x")).rows_affected == 1
            assert str((await session.select("select * from t where a = $1", "x"))[0]["b"]) == "1"


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("rename a to renamed", {"renamed": "1", "b": "1.50"}),
        ("add c text default 'new'", {"a": "1", "b": "1.50", "c": "new"}),
        ("alter b type text", {"a": "1", "b": "1.50"}),
        ("drop b", {"a": "1"}),
    ],
)
async def test_a_stream_has_the_columns_that_the_table_has_now(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any], change: str, row: dict[str, str]
) -> None:
    """A cursor is declared by its text: the server does not notice that the columns were described before."""
    await session.execute_script("create table t (a int, b numeric); insert into t values (1, 1.50)")

    async def read() -> list[dict[str, Any]]:
        async with session.select_stream("select * from t where $1::int is null", None) as rows:
            return [{name: str(value) for name, value in one.items()} async for one in rows]

    assert await read() == [{"a": "1", "b": "1.50"}]
    admin.execute(f"alter table {flavour.schema}.t {change}".encode())
    assert await read() == [row]


async def test_refusals_do_not_wear_the_connection_out(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each, it is asked whether the schema has changed; what the driver prepares for that, it would keep."""
    monkeypatch.setattr(_prepare, "WORN_OUT", 20)
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        for _ in range(30):
            with pytest.raises(DataError, match="cannot bind"):
                await session.select("select $1::int", "x")
            with pytest.raises(DataError, match="division by zero"):
                await session.select("select 1 / $1::int", 0)
        assert await session.select_value("select count(*) from pg_prepared_statements where from_sql") == 0
    assert config.stats().size == 1


async def test_a_column_that_is_sent_as_text_stays_what_it_is(session: Any) -> None:
    await session.execute("create type mood as enum ('sad')")
    sql = "select $1::mood as m, 'pg_class'::regclass as c, $2::regclass as d"
    for _ in range(2):
        result = await session.execute(sql, "sad", "pg_type")
        assert [column.oid for column in result.columns][1:] == [2205, 2205]
        assert result.all() == [{"m": "sad", "c": "pg_class", "d": "pg_type"}]
        session.driver.derived.codecs.forget_learnt()


async def test_what_takes_no_parameters_is_run_by_the_drivers_own_object(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a text, the driver compiles a regular expression to look for placeholders of its own, at each call."""
    await session.execute("create table t (a int, p point)")
    await session.execute("insert into t values (1, '(1,2)'), (2, null)")
    queries = ("select 1 as a, 2 as b", "select a, p from t order by a", "select 1.50 as n, '$(a)p' as d")
    update, wrong = "update t set p = p where a > 1", "select 1 / (a - a) from t"
    texts: list[str] = []
    fetch = session.driver._fetch

    def noting(text: str, *rest: Any) -> Any:
        texts.append(text)
        return fetch(text, *rest)

    monkeypatch.setattr(session.driver, "_fetch", noting)

    async def run() -> Any:
        with pytest.raises(SQLSpecError, match="division by zero") as failure:
            await session.select(wrong)
        rows = [await session.select(sql, schema_type=tuple) for sql in queries]
        changed = (await session.execute(update)).rows_affected
        async with session.transaction():
            stack = await session.execute_stack([*queries, update])
        return failure.value.sqlstate, rows, changed, [(each.all(), each.rows_affected) for each in stack]

    first = await run()
    assert texts
    texts.clear()
    assert await run() == first
    assert texts == []
    assert (first[0], first[1][1:], first[2], len(first[3])) == (
        "22012",
        [[(1, (1.0, 2.0)), (2, None)], [(Decimal("1.50"), "$(a)p")]],
        1,
        4,
    )


async def test_a_text_with_a_nul_harms_nothing(session: Any) -> None:
    for text in ("select 'a\0b'", "insert into t values ('\0')", "set application_name = '\0'"):
        with pytest.raises(SQLSpecError):
            await session.execute(text)
        assert await session.select_value("select 1") == 1


async def test_large_texts_wear_a_connection_out_sooner(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_prepare, "WORN_OUT", 100)
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        assert await session.select_value(f"select length('{'x' * 3_000_000}')") == 3_000_000
    assert config.stats().size == 0


async def test_a_connection_whose_driver_cannot_look_types_up_any_more_is_replaced(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.execute_script("create type one as enum ('a'); create type two as enum ('b')")
        assert await session.select_value("select 'a'::one") == "a"
    async with config.provide_connection() as connection:
        await connection.execute_batch("deallocate all")
    async with config.provide_session() as session:
        assert await session.select_value("select 'a'::one") == "a"
        with pytest.raises(SQLSpecError, match="does not exist"):
            await session.select("select 'b'::two")
    async with config.provide_session() as session:
        assert await session.select_value("select 'b'::two") == "b"


@pytest.mark.parametrize("insert", INSERTS)
async def test_a_large_batch_whose_statement_is_gone_is_prepared_again(session: Any, insert: str) -> None:
    await session.execute("create table t (a int)")
    for _ in range(2):
        assert (await session.execute_many(insert, range(500))).rows_affected == 500
    await session.driver.connection.execute_batch("deallocate all")
    with pytest.raises(SQLSpecError, match="does not exist"):
        await session.execute_many(insert, range(500))
    assert (await session.execute_many(insert, range(500))).rows_affected == 500
    assert await session.select_value("select count(*) from t") == 1500


async def test_a_table_made_by_a_query_takes_the_place_of_another(session: Any) -> None:
    await session.execute_script("create temp table other (a int); create table t (a int)")
    await session.execute("set search_path = pg_temp, " + await session.select_value("select current_schema"))
    for _ in range(2):
        assert await session.select("select * from t") == []
    await session.execute("select 'x' as b into t")
    assert await session.select("select * from t") == [{"b": "x"}]


async def test_types_may_be_forgotten_while_a_statement_is_prepared(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another session, whose command alters one."""
    await session.execute("create type mood as enum ('sad')")
    describe = _prepare.Preparing._describe

    async def interrupted(driver: Any, *args: Any) -> Any:
        described = await describe(driver, *args)
        driver.derived.codecs.forget_learnt()
        return described

    monkeypatch.setattr(_prepare.Preparing, "_describe", interrupted)
    row = await session.select_one("select 'sad'::mood as m, array['sad'::mood] as n, 'pg_class'::regclass as c")
    assert row == {"m": "sad", "n": ["sad"], "c": "pg_class"}


async def test_more_parameters_than_the_driver_sends(session: Any) -> None:
    for count in (32767, 32768):
        sql = f"select cardinality(array[{', '.join(f'${number}::int' for number in range(1, count + 1))}])"
        if count > 32767:
            with pytest.raises(ParameterError, match="at most 32767"):
                await session.select(sql, *range(count))
        else:
            assert await session.select_value(sql, *range(count)) == count


# -- counts ----------------------------------------------------------------------------------------------------


async def test_a_data_change_is_counted(session: Any) -> None:
    await session.execute("create table t (a int primary key)")
    for sql, count in (
        ("insert into t select generate_series(1, 5); -- all of them", 5),
        ("insert into t values (5), (6) on conflict do nothing", 1),
        ("update t set a = a + 100 where a > 4", 2),
        ("with gone as (select 1) delete from t where a > 100 -- those\n", 2),
        ("merge into t using (values (1), (9)) v(a) on t.a = v.a when matched then delete", 1),
        ("delete from t where false", 0),
    ):
        result = await session.execute(sql)
        assert (result.rows_affected, result.all(), result.columns) == (count, [], ()), sql


async def test_a_table_whose_rule_forbids_returning_is_changed_once(session: Any) -> None:
    await session.execute_script(
        "create table t (a int); create table log (a int);"
        "create rule r as on insert to t do instead insert into log values (new.a)"
    )
    for scope in ("outside", "inside"):
        if scope == "inside":
            await session.begin()
        for number in (1, 2):
            result = await session.execute(f"insert into t values ($1) /* {scope} */", number)
            assert result.rows_affected is None
        assert (await session.execute_many("insert into t values ($1)", [3, 4])).rows_affected is None
        if scope == "inside":
            await session.commit()
    assert await session.select_value("select count(*) from log") == 8


async def test_a_rule_that_is_made_later_ends_the_counting(
    session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    await session.execute("create table t (a int)")
    assert (await session.execute("insert into t values ($1)", 1)).rows_affected == 1
    assert (await session.execute("insert into t values (1)")).rows_affected == 1
    assert (await session.execute_many("insert into t values (1 + $1)", range(50))).rows_affected == 50
    name = f"{flavour.schema}.t"
    admin.execute(f"create rule r as on insert to {name} do instead update {name} set a = a + 1".encode())
    before = await session.select_value("select sum(a) from t")
    assert (await session.execute_many("insert into t values (1 + $1)", range(50))).rows_affected is None
    assert (await session.execute("insert into t values ($1)", 1)).rows_affected is None
    assert (await session.execute("insert into t values (1)")).rows_affected is None
    assert (await session.execute_many("insert into t values (1 + $1)", range(50))).rows_affected is None
    assert await session.select_value("select sum(a) from t") == before + 102 * 52


async def test_a_wrong_statement_is_told_as_it_is(session: Any) -> None:
    await session.execute("create table t (a int)")
    for sql in ("insert into t values (1, 2)", "update t set b = 1", "delete from nowhere"):
        with pytest.raises(SQLSpecError) as outside:
            await session.execute(sql)
        with pytest.raises(SQLSpecError) as inside:
            async with session.transaction():
                await session.execute("insert into t values (5)")
                await session.execute(sql)
        assert str(outside.value) == str(inside.value)
        assert "returning" not in str(outside.value)
    assert await session.select("select * from t") == []


# -- batches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("insert", INSERTS)
async def test_a_batch_of_the_driver_commits_the_callers_transaction(raw: Any, session: Any, insert: str) -> None:
    await raw.execute_batch("create temp table t (a int); begin; insert into t values (1)")
    await raw.execute_many("insert into t values ($1)", [[2]])
    await raw.execute_batch("rollback")
    assert (await raw.fetch("select count(*) from t", [])).result(None, True) == [(2,)]

    await session.execute("create table t (a int)")
    for size in (3, 500, 2500):
        await session.begin()
        await session.execute("insert into t values (1)")
        assert (await session.execute_many(insert, range(size))).rows_affected == size
        async with session.transaction():
            assert (await session.execute_many("update t set a = $1 where a = $1", range(size))).rows_affected > size
        assert await session.select_value("select count(*) from t") == size + 1
        await session.rollback()
        assert await session.select_value("select count(*) from t") == 0
        assert (await session.execute_many(insert, range(size))).rows_affected == size
        assert (await session.execute_many("delete from t where a = $1", range(size))).rows_affected == size


@pytest.mark.parametrize("size", [3, 500, 2500])
@pytest.mark.parametrize("insert", INSERTS)
async def test_a_batch_that_fails_leaves_the_transaction_as_it_was(session: Any, size: int, insert: str) -> None:
    await session.execute("create table t (a int primary key)")
    rows = [*range(1, size), 1]
    with pytest.raises(SQLSpecError):
        await session.execute_many(insert, rows)
    async with session.transaction():
        await session.execute("insert into t values (0)")
        with pytest.raises(SQLSpecError):
            await session.execute_many(insert, rows)
        await session.execute("insert into t values (-1)")
        assert (await session.execute_many(insert, rows[:-1])).rows_affected == size - 1
    assert await session.select_value("select count(*) from t") == size + 1


@pytest.mark.parametrize("insert", INSERTS)
async def test_the_borrower_of_the_raw_connection_can_run_a_batch_of_the_driver(flavour: Flavour, insert: str) -> None:
    """Large batches set a flag of the driver; left behind, it would forbid that."""
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        await session.execute_many(insert, range(500))
    async with config.provide_connection() as connection:
        await connection.execute_many("insert into t values ($1)", [[1], [2]])
    async with config.provide_session() as session:
        assert await session.select_value("select count(*) from t") == 502
    assert config.stats().opened == 1


@pytest.mark.parametrize("insert", INSERTS)
async def test_a_setting_of_ours_does_not_stay(session: Any, insert: str) -> None:
    await session.execute("create table t (a int)")
    await session.execute_many(insert, range(500))
    assert not await session.select_value("select current_setting('sqlspec.rows', true)")


@pytest.mark.parametrize("insert", INSERTS)
async def test_a_batch_of_the_wrong_type_sends_nothing(session: Any, insert: str) -> None:
    await session.execute("create table t (a int)")
    for size in (3, 500):
        with pytest.raises(DataError):
            await session.execute_many(insert, [*range(size), "x"])
    assert await session.select("select * from t") == []
    with pytest.raises(DataError, match="division by zero"):
        await session.execute_many("insert into t values (1 / $1::int)", [1, 0])


async def test_a_kept_error_keeps_no_connection_open(
    flavour: Flavour, admin: psycopg.Connection[Any], raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that the driver has prepared holds its connection open, even behind close()."""

    def backends(pid: int) -> Any:
        return admin.execute("select count(*) from pg_stat_activity where pid = %s", [pid]).fetchone()

    pid = (await raw.fetch("select pg_backend_pid() as pid")).result()[0]["pid"]
    statement = await raw.prepare("select 1", [None])
    raw.close()
    assert (statement.columns()[0].name, backends(pid)) == ("?column?", (1,))

    async def refuse(*_: object) -> Any:
        raise DatabaseError("told to")

    config = flavour.make_config()
    async with config.provide_session() as session:
        pid = await session.select_value("select pg_backend_pid()")
        monkeypatch.setattr(PsqlpyDriver, "fetch_text", refuse)
        with pytest.raises(SQLSpecError, match="told to") as kept:
            await session.select("select 2")
    monkeypatch.undo()
    await config.close()
    async with asyncio.timeout(10):
        while backends(pid) != (0,):
            await asyncio.sleep(0.002)
    assert kept.value.__traceback__ is not None
