"""Calls of pyro-postgres that go wrong without a word: on the bare driver, and through the adapter.

A test that fails in its first half tells of a release that has changed the driver: the adapter's way around may go.
Values are in `test_raw_traps_values`, what never returns in `test_raw_traps_hangs`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from pyro_postgres import async_
from pyro_postgres.error import PostgresError
from pyro_postgres.sync import Conn

from sqlspec.adapters.pyro_postgres import PyroPostgresSyncConfig
from sqlspec.exceptions import (
    CONDITIONS,
    CommitUnknownError,
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.adapters.pyro_postgres.raw_driver import raw_url
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("pyro", "pyro-sync")

DEFERRED = "create temp table late (a int primary key deferrable initially deferred)"
LATE = "insert into late values (1), (1)"


@pytest.fixture
def raw(dsn: str) -> Iterator[Any]:
    connection: Any = Conn(raw_url(dsn))  # the driver's stubs are written for a later Python
    yield connection
    connection.close()


async def opened(url: str) -> Any:
    native: Any = async_.Conn
    return await native.new(url)


def answers(raw: Any) -> list[Any]:
    """Ask for 41, 42, 43."""
    return [raw.query(f"select {number}") for number in (41, 42, 43)]


SHIFTED = [[], [(41,)], [(42,)]]
"""What a connection gives that is one answer behind."""
RIGHT = [41, 42, 43]


async def asked(session: Any) -> list[Any]:
    return [await session.select_value(f"select {number}") for number in RIGHT]


# -- one answer behind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("query", "select 1 / 0"),
        ("query_first", "select 1 / 0"),
        ("query_drop", "select 1 / 0"),
        ("exec", "select 1 / 0"),
        ("exec_first", "select 1 / 0"),
        ("exec_drop", "select 1 / 0"),
        ("prepare", "selec"),
        ("exec", "select 1 / (5000 - g) from generate_series(1, 6000) g"),
        ("query_drop", f"{DEFERRED}; {LATE}"),
    ],
    ids=["query", "query_first", "query_drop", "exec", "exec_first", "exec_drop", "prepare", "behind-rows", "deferred"],
)
async def test_after_an_error_each_answer_is_the_one_before(raw: Any, session: Any, method: str, text: str) -> None:
    with pytest.raises(PostgresError):
        getattr(raw, method)(text)
    assert answers(raw) == SHIFTED
    with pytest.raises(SQLSpecError):
        if method == "query_drop":
            await session.execute_script(text)
        else:
            await session.execute(text)
    assert await asked(session) == RIGHT


async def test_after_an_error_a_prepared_statement_gives_the_rows_before(raw: Any, session: Any) -> None:
    statement = raw.prepare("select $1::int4")
    with pytest.raises(PostgresError):
        raw.query("select 1 / 0")
    with pytest.raises(PostgresError, match="Expected BindComplete, got 'Z'"):
        raw.exec(statement, (40,))
    assert raw.exec(statement, (41,)) == [(40,)]
    assert raw.exec(statement, (42,)) == [(41,)]
    assert await session.select_value("select $1::int4", 40) == 40
    with pytest.raises(DataError):
        await session.execute("select 1 / 0")
    assert [await session.select_value("select $1::int4", number) for number in RIGHT] == RIGHT


async def test_a_ping_does_not_bring_it_back_in_step(raw: Any, session: Any) -> None:
    with pytest.raises(PostgresError):
        raw.query("select 1 / 0")
    raw.ping()
    assert answers(raw) != [[(number,)] for number in RIGHT]
    with pytest.raises(DataError):
        await session.execute("select 1 / 0")
    assert await asked(session) == RIGHT


def pipelined(raw: Any, statement: Any, *args: Any) -> str:
    """Return the error of a pipeline, not the pipeline in its traceback: that must end in this thread."""
    try:
        with raw.pipeline() as pipeline:
            ticket = pipeline.exec(statement, args)
            pipeline.sync()
            pipeline.claim_drop(ticket)
    except PostgresError as error:
        return str(error)
    return ""


async def test_a_deferred_error_of_a_pipeline_is_left_unread(raw: Any, session: Any) -> None:
    raw.query_drop(DEFERRED)
    assert "SQLSTATE" in pipelined(raw, LATE)
    assert answers(raw) == SHIFTED
    await session.execute_script(DEFERRED)
    with pytest.raises(UniqueViolationError):
        await session.execute_stack([LATE])
    with pytest.raises(UniqueViolationError):
        await session.execute_many("insert into late values ($1)", [(1,), (1,)])
    assert await asked(session) == RIGHT


async def test_a_value_that_a_pipeline_refuses_costs_the_connection(raw: Any, session: Any) -> None:
    statement = raw.prepare("select $1::int4")
    assert pipelined(raw, statement, "x").startswith("Encode error")
    with pytest.raises(PostgresError, match="I/O error"):
        raw.query("select 1")
    pid = await session.select_value("select pg_backend_pid()")
    for _ in range(2):
        with pytest.raises(DataError, match=r"\$1 as int4: a str was given"):
            await session.execute_stack([("select $1::int4", 1), ("select $1::int4", "x")])
        with pytest.raises(DataError, match=r"\$1 as int4: a str was given"):
            await session.execute_many("select $1::int4", [(1,), ("x",)])
    assert await session.select_value("select pg_backend_pid()") == pid
    assert await asked(session) == RIGHT


@pytest.mark.parametrize("method", ["exec_drop", "query_drop"])
async def test_copying_in_costs_the_connection(raw: Any, session: Any, method: str) -> None:
    raw.query_drop("create temp table copied (a int)")
    with pytest.raises(PostgresError, match="Unexpected message"):
        getattr(raw, method)("copy copied from stdin")
    with pytest.raises(PostgresError):
        answers(raw)
    call = session.execute if method == "exec_drop" else session.execute_script
    with pytest.raises(NotSupportedError, match="COPY"):
        await call("copy pg_class from stdin")
    assert await asked(session) == RIGHT


@pytest.mark.parametrize("method", ["exec", "query"])
async def test_what_is_copied_out_is_left_unread(raw: Any, session: Any, method: str) -> None:
    with pytest.raises(PostgresError, match="Unexpected message"):
        getattr(raw, method)("copy (select 1) to stdout")
    for _ in range(2):
        with pytest.raises(PostgresError, match="Unexpected message"):
            raw.query("select 41")
    call = session.execute if method == "exec" else session.execute_script
    with pytest.raises(NotSupportedError, match="COPY"):
        await call("copy (select 1) to stdout")
    assert await asked(session) == RIGHT


def interrupted(call: Callable[[], object]) -> None:
    """Make a call that a signal comes into. Another process sends it: the call lets no other thread run."""
    with subprocess.Popen(["sh", "-c", f"sleep 0.1; kill -USR1 {os.getpid()}"]):
        call()


@pytest.mark.only("pyro-sync")
def test_a_signal_leaves_an_answer_for_the_next_call(raw: Any, dsn: str) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with pytest.raises(PostgresError, match="Interrupted system call"):
            interrupted(lambda: raw.query("select 'late' from pg_sleep(0.7)"))
        assert raw.query("select 41") == [("late",)]
        with PyroPostgresSyncConfig({"dsn": dsn}) as config, config.provide_session() as session:
            with pytest.raises(OperationalError, match="a signal interrupted the call"):
                interrupted(lambda: session.select("select 'late' from pg_sleep(0.7)"))
            assert [session.select_value(f"select {number}") for number in RIGHT] == RIGHT
    finally:
        signal.signal(signal.SIGUSR1, before)


SLOW_COMMIT = """
create temp table slow (a int);
create function pg_temp.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(0.7); return null; end $$;
create constraint trigger wait after insert on slow deferrable initially deferred
for each row execute function pg_temp.wait()
"""
SLOW_INSERT = "insert into slow values (1)"


@pytest.mark.only("pyro-sync")
@pytest.mark.parametrize("method", ["transaction", "execute", "execute_many", "execute_stack", "run_in_transaction"])
def test_a_signal_into_a_commit_leaves_its_outcome_open(dsn: str, method: str) -> None:
    def transaction() -> None:
        with session.transaction():
            session.execute(SLOW_INSERT)

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with PyroPostgresSyncConfig({"dsn": dsn}) as config, config.provide_session() as session:
            session.execute_script(SLOW_COMMIT)
            calls: dict[str, Callable[[], object]] = {
                "transaction": transaction,
                "execute": lambda: session.execute(SLOW_INSERT),
                "execute_many": lambda: session.execute_many("insert into slow values ($1)", [1]),
                "execute_stack": lambda: session.execute_stack([SLOW_INSERT]),
                "run_in_transaction": lambda: session.run_in_transaction(lambda same: same.execute(SLOW_INSERT)),
            }
            with pytest.raises(CommitUnknownError, match="a signal interrupted the call before the server answered"):
                interrupted(calls[method])
            assert not session.in_transaction
            assert session.select_value("select count(*) from slow") == 1
            with session.transaction():
                assert session.select_value("select 41") == 41
    finally:
        signal.signal(signal.SIGUSR1, before)


# -- transactions --------------------------------------------------------------------------------------------


@pytest.mark.only("pyro-sync")
async def test_tx_swallows_the_error_of_commit(raw: Any, session: Any) -> None:
    raw.query_drop(DEFERRED)
    with raw.tx():
        raw.query_drop(LATE)
    assert answers(raw) == SHIFTED
    assert raw.query("select count(*) from late") == [(43,)]
    await session.execute_script(DEFERRED)
    with pytest.raises(IntegrityError):
        async with session.transaction():
            await session.execute(LATE)
    assert await session.select_value("select count(*) from late") == 0


@pytest.mark.only("pyro")
async def test_async_tx_swallows_the_error_of_commit(dsn: str, session: Any) -> None:
    raw = await opened(raw_url(dsn))
    await raw.query_drop(DEFERRED)
    async with raw.tx():
        await raw.query_drop(LATE)
    assert [await raw.query(f"select {number}") for number in RIGHT] == SHIFTED
    await raw.close()
    await session.execute_script(DEFERRED)
    with pytest.raises(IntegrityError):
        async with session.transaction():
            await session.execute(LATE)
    assert await session.select_value("select count(*) from late") == 0


async def test_a_commit_that_rolls_back_says_nothing(raw: Any, session: Any) -> None:
    raw.query_drop("begin; create temp table gone (a int)")
    with pytest.raises(PostgresError):
        raw.query_drop("select 1 / 0")
    with pytest.raises(PostgresError, match="got 'Z'"):
        raw.exec_batch("", [()])  # brings it in step
    assert raw.query_drop("commit") == 0
    assert raw.query("select to_regclass('gone')::text") == [(None,)]
    with pytest.raises(TransactionError, match="nothing was stored"):
        async with session.transaction():
            with pytest.raises(DataError):
                await session.execute("select 1 / 0")


async def test_a_transaction_in_a_transaction_is_no_savepoint(raw: Any, session: Any) -> None:
    raw.query_drop("create temp table nested (a int)")
    with raw.tx() as outer:
        raw.query_drop("insert into nested values (1)")
        raw.query_drop("begin")  # the server's warning is lost
        raw.query_drop("insert into nested values (2)")
        raw.query_drop("rollback")
        outer.commit()
    assert raw.query("select count(*) from nested") == [(0,)]
    await session.execute("create temp table nested (a int)")
    async with session.transaction():
        await session.execute("insert into nested values (1)")
        with pytest.raises(TransactionError):
            await session.begin()
        with pytest.raises(DataError):
            async with session.savepoint():
                await session.execute("insert into nested values (2)")
                await session.execute("select 1 / 0")
    assert await session.select("select a from nested") == [{"a": 1}]


async def test_a_batch_is_stored_in_part(raw: Any, session: Any) -> None:
    rows = [(number if number < 1500 else 0,) for number in range(1501)]
    raw.query_drop("create temp table parts (a int primary key)")
    with pytest.raises(PostgresError):
        raw.exec_batch(raw.prepare("insert into parts values ($1)"), rows)
    assert raw.query("select count(*) from parts") == [(1000,)]
    await session.execute("create temp table parts (a int primary key)")
    with pytest.raises(UniqueViolationError):
        await session.execute_many("insert into parts values ($1)", rows)
    assert await session.select_value("select count(*) from parts") == 0


# -- answers -------------------------------------------------------------------------------------------------


async def test_columns_of_one_name_collapse(raw: Any, session: Any) -> None:
    assert raw.exec_first("select 1 as a, 2 as a", (), as_dict=True) == {"a": 2}
    result = await session.execute("select 1 as a, 2 as a")
    assert [column.name for column in result.columns] == ["a", "a"]
    assert await session.select("select 1 as a, 2 as a", schema_type=tuple) == [(1, 2)]


async def test_without_rows_there_are_no_names(raw: Any, session: Any) -> None:
    assert raw.exec("select 1 as a where false", (), as_dict=True) == []
    assert [column.name for column in (await session.execute("select 1 as a where false")).columns] == ["a"]


async def test_merge_counts_nothing(raw: Any, session: Any) -> None:
    make = "create temp table merged (a int); insert into merged values (1), (2)"
    text = "merge into merged m using (values (1), (2)) v(a) on m.a = v.a when matched then update set a = m.a + 9"
    raw.query_drop(make)
    assert raw.exec_drop(text) == 0
    assert raw.query("select a from merged") == [(10,), (11,)]
    await session.execute_script(make)
    assert (await session.execute(text)).rows_affected == 2


async def test_rows_of_several_statements_are_thrown_together(raw: Any, session: Any) -> None:
    assert raw.query("select 1; select 2, 3") == [(1,), (2, 3)]
    assert raw.query_first("select 1; select 2") == (1,)
    with pytest.raises(SQLParsingError, match="2 statements"):
        await session.select("select 1; select 2, 3")
    first, second = await session.execute_stack(["select 1 as a", "select 2 as a, 3 as b"])
    assert (first.all(), second.all()) == ([{"a": 1}], [{"a": 2, "b": 3}])


async def test_of_several_statements_the_last_is_counted(raw: Any, session: Any) -> None:
    raw.query_drop("create temp table counted (a int)")
    assert raw.query_drop("insert into counted values (1), (2); insert into counted values (3)") == 1
    await session.execute("create temp table counted (a int)")
    results = await session.execute_stack(
        ["insert into counted values (1), (2)", "insert into counted values (3)"],
    )
    assert [result.rows_affected for result in results] == [2, 1]


async def test_batches_tell_no_count(raw: Any, session: Any) -> None:
    raw.query_drop("create temp table counted (a int)")
    assert raw.exec_batch("insert into counted values ($1::int8)", [(1,), (2,)]) is None
    await session.execute("create temp table counted (a int)")
    assert (await session.execute_many("insert into counted values ($1)", [(1,), (2,)])).rows_affected == 2


async def test_a_statement_of_another_connection_runs_what_has_its_number(dsn: str, raw: Any, flavour: Flavour) -> None:
    other: Any = Conn(raw_url(dsn))
    mine = raw.prepare("select 'mine'")
    other.prepare("select 'theirs'")
    assert other.exec(mine) == [("theirs",)]
    other.close()
    config = flavour.make_config(max_size=2)
    async with config.provide_session() as one, config.provide_session() as two:
        for _ in range(2):
            assert await one.select_value("select 'one'") == "one"
            assert await two.select_value("select 'two'") == "two"
            assert await two.select_value("select 'one'") == "one"
            assert await one.select_value("select 'two'") == "two"


async def test_each_text_leaves_a_statement_on_the_server(raw: Any, session: Any) -> None:
    count = "select count(*)::int4 from pg_prepared_statements"
    before = raw.query(count)[0][0]
    for _ in range(10):
        raw.exec("select 1")
    assert raw.query(count)[0][0] == before + 10
    before = await session.select_value(count)
    for _ in range(10):
        await session.select("select 1")
    assert await session.select_value(count) <= before + 1


async def test_a_changed_table_breaks_a_prepared_statement(raw: Any, session: Any, flavour: Flavour) -> None:
    raw.query_drop(f"create table {flavour.schema}.changing (a int); insert into {flavour.schema}.changing values (1)")
    statement = raw.prepare(f"select * from {flavour.schema}.changing")
    assert await session.select("select * from changing") == [{"a": 1}]
    raw.query_drop(f"alter table {flavour.schema}.changing add b int default 2")
    with pytest.raises(PostgresError, match="cached plan must not change result type"):
        raw.exec(statement)
    assert await session.select("select * from changing") == [{"a": 1, "b": 2}]


async def test_errors_have_no_facts(raw: Any, session: Any, flavour: Flavour) -> None:
    raw.query_drop(f"create table {flavour.schema}.facts (a int constraint one_a primary key)")
    text = "insert into facts values (1), (1)"
    with pytest.raises(PostgresError) as caught:
        raw.query_drop(f"set search_path = {flavour.schema}; {text}")
    assert vars(caught.value) == {}
    assert len(caught.value.args) == 1
    with pytest.raises(UniqueViolationError) as found:
        await session.execute(text)
    assert (found.value.constraint, found.value.sqlstate) == ("one_a", CONDITIONS["unique_violation"])


async def test_notifications_are_dropped(raw: Any, config: Any, admin: psycopg.Connection[Any]) -> None:
    raw.query_drop("listen dropped")
    admin.execute("notify dropped, 'x'")
    assert answers(raw) == [[(number,)] for number in RIGHT]
    assert not [name for name in dir(raw) if "notif" in name or "notice" in name]
    with pytest.raises(NotSupportedError, match="listen_with"):
        config.listen("dropped")
