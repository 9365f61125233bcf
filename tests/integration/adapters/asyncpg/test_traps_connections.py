"""Statements, transactions, batches and listeners that asyncpg spoils: on the bare driver, then through the adapter.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import pytest

from sqlspec.exceptions import (
    DataError,
    ImproperConfigurationError,
    MultipleResultsFoundError,
    NotSupportedError,
    ParameterError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg")


@pytest.fixture
async def twin(raw: Any, flavour: Flavour) -> Any:
    """The bare driver in the schema of the session."""
    await raw.execute(f"set search_path = {flavour.schema}")
    return raw


def locks(admin: psycopg.Connection[Any], pid: int, table: str) -> list[tuple[str, str]]:
    return admin.execute(
        "select state, mode from pg_locks join pg_stat_activity using (pid) where pid = %s and relation = %s::regclass",
        (pid, table),
    ).fetchall()


# -- what a preparation leaves behind ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["prepare", "refused parameter"])
async def test_a_statement_that_does_not_run_keeps_its_tables_locked(
    twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any], way: str
) -> None:
    """Until the next statement: a migration of the table waits for a connection that does nothing."""
    table = f"{flavour.schema}.t"
    await session.execute("create table t (a int)")
    if way == "prepare":
        await twin.prepare("select * from t")
    else:
        with pytest.raises(asyncpg.DataError):
            await twin.fetch("select * from t where a = $1", "x")
    assert locks(admin, twin.get_server_pid(), table) == [("active", "AccessShareLock")]
    with pytest.raises(psycopg.errors.LockNotAvailable), admin.transaction():
        admin.execute("set local lock_timeout = '100ms'")
        admin.execute(f"alter table {table} add b int".encode())

    pid = await session.select_value("select pg_backend_pid()")
    with pytest.raises(DataError, match="a str was given"):
        await session.select("select * from t where a = $1", "x")
    assert locks(admin, pid, table) == []
    await twin.fetch("select 1")
    admin.execute(f"alter table {table} add b int".encode())


# -- what is known of the schema ---------------------------------------------------------------------------------


async def test_a_type_that_was_made_anew_is_never_found_again(
    twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    make = f"""set search_path = {flavour.schema}; drop table if exists t; drop type if exists mood;
        create type mood as enum ('sad', 'glad'); create table t (m mood); insert into t values ('sad')"""
    sql = "select m from t where m = $1"
    admin.execute(make.encode())
    for connection in (twin.fetch, session.select):
        assert [row["m"] for row in await connection(sql, "sad")] == ["sad"]
    admin.execute(make.encode())
    for _ in range(3):
        with pytest.raises(asyncpg.InternalServerError, match="cache lookup failed for type"):
            await twin.fetch(sql, "sad")
    for _ in range(3):
        assert await session.select(sql, "sad") == [{"m": "sad"}]
    admin.execute("reset search_path")


async def test_a_composite_that_grew_is_refused_for_ever(
    twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    sql = "select ($1::pair)::text"
    await session.execute("create type pair as (a int, b int)")
    assert await twin.fetchval(sql, (1, 2)) == await session.select_value(sql, ((1, 2),)) == "(1,2)"
    admin.execute(f"alter type {flavour.schema}.pair add attribute c text".encode())
    for _ in range(3):
        with pytest.raises(asyncpg.DataError, match="tuple index out of range"):
            await twin.fetchval(sql, (1, 2, "x"))
    for given in ((1, 2, "x"), {"a": 1, "b": 2, "c": "x"}):
        assert await session.select_value(sql, (given,)) == "(1,2,x)"


async def test_fields_that_change_their_names_take_the_values_of_others(twin: Any, session: Any) -> None:
    """The connection that renames them is the very one that goes on with the old names."""
    swap = """alter type pair rename attribute a to x; alter type pair rename attribute b to a;
        alter type pair rename attribute x to b"""
    await session.execute("create type pair as (a int, b int)")
    written, read = "select ($1::pair).a", "select row(1, 2)::pair"
    for call in (twin.fetchval, session.select_value):
        assert await call(written, {"a": 1, "b": 2}) == 1
        assert dict(await call(read)) == {"a": 1, "b": 2}
    await twin.execute(swap)
    assert await twin.fetchval(f"{written} as again", {"a": 1, "b": 2}) == 2
    assert dict(await twin.fetchval(read)) == {"a": 1, "b": 2}
    await session.execute_script(f"{swap}; {swap}")  # back, and once more
    assert await session.select_value(f"{written} as again", {"a": 1, "b": 2}) == 1
    assert await session.select_value(read) == {"b": 1, "a": 2}


async def test_a_changed_table_fails_a_transaction_at_its_first_statement(
    twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    await session.execute("create table t (a int)")
    assert await twin.fetch("select * from t") == await session.select("select * from t") == []
    admin.execute(f"alter table {flavour.schema}.t add b int".encode())
    async with twin.transaction():
        with pytest.raises(asyncpg.InvalidCachedStatementError):
            await twin.fetch("select * from t")
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await twin.fetch("select 1")
    # Ours cannot repeat it there either, but says so as an error of its own, and the next transaction is right.
    with pytest.raises(SQLSpecError, match="cached plan must not change result type"):
        async with session.transaction():
            await session.select("select * from t")
    async with session.transaction():
        assert (await session.execute("select * from t")).columns[1].name == "b"


@pytest.mark.parametrize("forget", ["deallocate all", "discard all", "do $$ begin execute 'deallocate all'; end $$"])
async def test_statements_that_are_gone_are_asked_for_again_and_again(twin: Any, session: Any, forget: str) -> None:
    for connection in (twin.fetchval, session.select_value):
        assert await connection("select 7") == 7
    await twin.execute(forget)
    for _ in range(3):
        with pytest.raises(asyncpg.InvalidSQLStatementNameError):
            await twin.fetchval("select 7")
    await session.execute(forget)
    for _ in range(3):
        assert await session.select_value("select 7") == 7


# -- what a call does not tell -----------------------------------------------------------------------------------


async def test_one_value_of_many_is_fetched_and_the_rest_is_not_run(twin: Any, session: Any) -> None:
    await session.execute_script("create sequence bare; create sequence ours")
    assert await twin.fetchval("select nextval('bare') from generate_series(1, 10)") == 1
    assert await twin.fetchval("select last_value from bare") == 1
    with pytest.raises(MultipleResultsFoundError, match="10 found"):
        await session.select_value("select nextval('ours') from generate_series(1, 10)")
    assert await session.select_value("select last_value from ours") == 10


async def test_a_cursor_of_the_server_needs_a_transaction(raw: Any, session: Any) -> None:
    with pytest.raises(asyncpg.NoActiveSQLTransactionError):
        await raw.cursor("select 1")
    async with session.select_stream("select 1 as n") as rows:
        assert [row async for row in rows] == [{"n": 1}]


async def test_what_is_copied_to_the_client_is_thrown_away(twin: Any, session: Any) -> None:
    assert await twin.fetch("copy (select 1) to stdout") == []
    with pytest.raises(NotSupportedError, match="COPY from or to the client"):
        await session.execute("copy (select 1) to stdout")


async def test_a_commit_that_rolls_back_is_no_error(twin: Any, session: Any) -> None:
    await session.execute("create table t (a int)")
    async with twin.transaction():
        await twin.execute("insert into t values (1)")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await twin.fetch("select 1 / 0")
    assert await twin.fetchval("select count(*) from t") == 0

    with pytest.raises(TransactionError, match="nothing was stored"):
        async with session.transaction():
            await session.execute("insert into t values (1)")
            with pytest.raises(DataError, match="division by zero"):
                await session.select("select 1 / 0")
    assert await session.select_value("select count(*) from t") == 0


@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii"])
@pytest.mark.parametrize("way", ["execute", "execute_script"])
async def test_another_encoding_makes_other_text_of_statements(raw: Any, session: Any, encoding: str, way: str) -> None:
    await raw.execute(f"set client_encoding = {encoding}")
    if encoding == "latin1":
        assert await raw.fetchval("select '€'") != "€"
    else:
        with pytest.raises(UnicodeDecodeError):
            await raw.fetchval("select 'é'")
    with pytest.raises(ImproperConfigurationError, match="client_encoding"):
        await getattr(session, way)(f"set client_encoding = {encoding}")
    assert await session.select_value("select '€' || $1::text", "é") == "€é"


async def test_other_strings_make_another_statement_of_a_text(raw: Any, session: Any) -> None:
    sql = r"select 'a\'||current_user||'b\'"
    await raw.execute("set standard_conforming_strings = off; set escape_string_warning = off")
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await raw.fetchval(sql)
    with pytest.raises(ImproperConfigurationError, match="standard_conforming_strings"):
        await session.execute("set standard_conforming_strings = off")
    assert (await session.select_value(sql)).endswith("b\\")


# -- batches -----------------------------------------------------------------------------------------------------


class Counted:
    """Rows without an end, which tell how many were taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.begun = asyncio.Event()

    def __iter__(self) -> Iterator[tuple[int]]:
        while True:
            self.taken += 1
            if self.taken == 5000:
                self.begun.set()
            yield (self.taken,)


async def test_a_cancelled_batch_stops_and_never_ends(twin: Any, session: Any) -> None:
    await session.execute("create table t (a int)")
    rows = Counted()
    batch = asyncio.ensure_future(twin.executemany("insert into t values ($1)", rows))
    await rows.begun.wait()
    batch.cancel()
    _, waiting = await asyncio.wait((batch,), timeout=1)
    assert waiting
    twin.terminate()
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await batch

    rows = Counted()
    pid = await session.select_value("select pg_backend_pid()")
    batch = asyncio.ensure_future(session.execute_many("insert into t values ($1)", rows))
    await rows.begun.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(batch, 10)
    assert await session.select_value("select count(*) from t") == 0
    assert await session.select_value("select pg_backend_pid()") == pid


# -- connections and listeners -----------------------------------------------------------------------------------


async def test_tables_statements_and_the_user_stay_on_a_pooled_connection(dsn: str, flavour: Flavour) -> None:
    leave = """create temp table left_behind (); prepare left_behind as select 1;
        set session authorization pg_monitor"""
    look = """select to_regclass('pg_temp.left_behind') is null as table_gone, session_user::text as who,
        (select count(*) from pg_prepared_statements where name = 'left_behind') as statements"""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute(leave)
        async with pool.acquire() as connection:
            assert tuple(await connection.fetchrow(look)) == (False, "pg_monitor", 1)

    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        owner = await session.select_value("select session_user")
        for statement in leave.split(";"):
            await session.execute(statement)
    async with config.provide_session() as session:
        assert await session.select_one(look) == {"table_gone": True, "who": owner, "statements": 0}


async def test_a_long_name_of_a_channel_is_never_heard(raw: Any, config: Any, admin: psycopg.Connection[Any]) -> None:
    """The server cuts it off, with a notice; the driver waits for notifications of the whole name."""
    name, heard = "n" * 70, []
    raw.add_log_listener(lambda *_: None)
    await raw.add_listener(name, lambda *note: heard.append(note))
    admin.execute("select pg_notify(%s, 'x')", [name[:63]])
    await raw.fetch("select 1")
    await raw.fetch("select 1")
    assert heard == []
    with pytest.raises(ParameterError, match="at most 63"):
        async with config.listen(name):
            pass
    async with config.listen(name[:63]) as notes:
        admin.execute("select pg_notify(%s, 'x')", [name[:63]])
        assert (await asyncio.wait_for(anext(aiter(notes)), 10)).payload == "x"


async def test_a_listener_whose_connection_was_lost_is_silent(
    raw: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    heard: list[Any] = []
    gone = asyncio.Event()
    raw.add_termination_listener(lambda _: gone.set())
    await raw.add_listener("cut", lambda *note: heard.append(note))
    admin.execute("select pg_terminate_backend(%s, 10000)", [raw.get_server_pid()])
    await asyncio.wait_for(gone.wait(), 10)
    admin.execute("select pg_notify('cut', 'one')")
    assert heard == []  # nobody who only listens is told

    gap, name = asyncio.Event(), f"ear of {flavour.schema}"
    async with flavour.make_config(application_name=name).listen("cut", on_gap=gap.set) as notes:
        waiting = asyncio.ensure_future(anext(aiter(notes)))
        admin.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = %s", [name]
        )
        await asyncio.wait_for(gap.wait(), 10)
        admin.execute("select pg_notify('cut', 'two')")
        assert (await asyncio.wait_for(waiting, 10)).payload == "two"
