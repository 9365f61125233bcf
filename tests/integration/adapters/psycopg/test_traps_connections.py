"""Statements, transactions, batches and listeners that psycopg spoils: on the bare driver, then through the adapter.

Each test shows the bare driver misbehaving first. One that fails there tells of a release that has been repaired:
look whether the adapter still needs its way around.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from sqlspec.exceptions import (
    DataError,
    ImproperConfigurationError,
    NotSupportedError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psycopg", "psycopg-sync")

COUNT = "select count(*) from t"


@pytest.fixture
async def twin(raw: Any, session: Any, flavour: Flavour) -> Any:
    """The bare driver in the schema of the session, where both have a table."""
    raw.execute(f"set search_path = {flavour.schema}")
    await session.execute("create table t (a int primary key)")
    return raw


def heard(connection: Any, seconds: float = 0.3) -> list[str]:
    return [note.payload for note in connection.notifies(timeout=seconds)]


# -- statements --------------------------------------------------------------------------------------------------


async def test_a_statement_that_was_run_often_fails_for_ever_after_a_change(
    twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    """The sixth run is of a prepared statement, which the driver keeps when it has become useless."""
    for _ in range(6):
        assert twin.execute("select * from t").fetchall() == await session.select("select * from t") == []
    admin.execute(f"alter table {flavour.schema}.t add b int".encode())
    for _ in range(3):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan must not change result type"):
            twin.execute("select * from t")
    for _ in range(3):
        assert [column.name for column in (await session.execute("select * from t")).columns] == ["a", "b"]


async def test_statements_that_are_gone_are_asked_for_again_and_again(twin: Any, session: Any) -> None:
    forget = "do $$ begin execute 'deallocate all'; end $$"
    for _ in range(6):
        assert twin.execute("select 7").fetchone() == (7,)
        assert await session.select_value("select 7") == 7
    twin.execute(forget)
    for _ in range(3):
        with pytest.raises(psycopg.errors.InvalidSqlStatementName):
            twin.execute("select 7")
    await session.execute(forget)
    for _ in range(3):
        assert await session.select_value("select 7") == 7


@pytest.mark.parametrize("statement", ["copy (select 1) to stdout", "copy t from stdin"])
async def test_a_copy_as_a_statement_blocks_the_connection(twin: Any, session: Any, statement: str) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="COPY cannot be used with this method"):
        twin.execute(statement)
    assert twin.info.transaction_status is TransactionStatus.ACTIVE
    with pytest.raises(psycopg.OperationalError, match="another command is already in progress"):
        twin.execute("select 1")
    with pytest.raises(NotSupportedError, match="COPY from or to the client"):
        await session.execute(statement)
    assert await session.select_value("select 1") == 1


async def test_a_copy_that_is_left_early_blocks_the_connection(twin: Any, session: Any) -> None:
    with twin.cursor().copy("copy (select generate_series(1, 1000000)) to stdout") as copy:
        for _ in copy:
            break
    assert twin.info.transaction_status is TransactionStatus.ACTIVE
    with pytest.raises(psycopg.OperationalError, match="another command is already in progress"):
        twin.execute("select 1")
    async with session.select_stream("select generate_series(1, 1000000) as n") as rows:
        async for row in rows:
            assert row == {"n": 1}
            break
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        ("int8", 1.5, "4609434218613702656"),
        ("timestamp", 2**40, "2000-01-13 17:25:11.627776"),
        ("float4", "abcd", "2.6100788e+20"),
    ],
)
async def test_a_binary_copy_stores_the_bytes_of_another_type(
    raw: Any, session: Any, kind: str, given: Any, stored: str
) -> None:
    raw.execute(f"create temp table copied (a {kind})")
    await session.execute(f"create temp table copied (a {kind})")
    with raw.cursor().copy("copy copied from stdin (format binary)") as copy:
        copy.write_row((given,))
    assert raw.execute("select a::text from copied").fetchone() == (stored,)
    with pytest.raises(DataError, match="was given"):
        await session.execute_many("insert into copied values ($1)", [(given,)])
    assert await session.select("select a from copied") == []


@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii"])
@pytest.mark.parametrize("way", ["execute", "execute_script", "execute_stack"])
async def test_another_encoding_makes_other_text(raw: Any, session: Any, encoding: str, way: str) -> None:
    """The driver follows; what the package itself sends and reads is UTF-8, so it does not let that happen."""
    raw.execute(f"set client_encoding = {encoding}")
    if encoding == "sql_ascii":
        assert type(raw.execute("select 'x'::text").fetchone()[0]) is bytes
        with pytest.raises(UnicodeEncodeError):
            raw.execute("select 'é'")
    else:
        with pytest.raises(UnicodeEncodeError):
            raw.execute("select $1::text", ("€",))
    statement = f"set client_encoding = {encoding}"
    with pytest.raises(ImproperConfigurationError, match="client_encoding"):
        await getattr(session, way)([statement, "select 1"] if way == "execute_stack" else statement)
    assert await session.select_value("select '€' || $1::text", "é") == "€é"


# -- transactions ------------------------------------------------------------------------------------------------


async def test_work_is_lost_when_the_connection_is_closed(dsn: str, twin: Any, session: Any, flavour: Flavour) -> None:
    connection = psycopg.connect(dsn, options=f"-c search_path={flavour.schema}")
    connection.execute("insert into t values (1)")
    connection.close()
    assert twin.execute(COUNT).fetchone() == (0,)
    config = flavour.make_config()
    async with config.provide_session() as other:
        await other.execute("insert into t values (1)")
    await config.close()
    assert await session.select_value(COUNT) == 1


async def test_one_error_ends_all_that_follows(dsn: str, session: Any) -> None:
    with psycopg.connect(dsn) as connection:
        for expected in (psycopg.errors.DivisionByZero, psycopg.errors.InFailedSqlTransaction):
            with pytest.raises(expected):
                connection.execute("select 1 / 0" if expected is psycopg.errors.DivisionByZero else "select 1")
    with pytest.raises(DataError, match="division by zero"):
        await session.select("select 1 / 0")
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize("way", ["transaction", "commit"])
async def test_a_commit_that_rolls_back_is_no_error(twin: Any, session: Any, way: str) -> None:
    def fails() -> None:
        twin.execute("insert into t values (1)")
        with pytest.raises(psycopg.errors.DivisionByZero):
            twin.execute("select 1 / 0")

    if way == "transaction":
        with twin.transaction():
            fails()
    else:
        twin.autocommit = False
        fails()
        twin.commit()
    assert twin.execute(COUNT).fetchone() == (0,)

    with pytest.raises(TransactionError, match="nothing was stored"):
        async with session.transaction():
            await session.execute("insert into t values (1)")
            with pytest.raises(DataError, match="division by zero"):
                await session.select("select 1 / 0")
    assert await session.select_value(COUNT) == 0


# -- batches -----------------------------------------------------------------------------------------------------


def broken_rows() -> Iterator[tuple[int]]:
    yield (1,)
    yield (2,)
    raise ZeroDivisionError


async def test_a_batch_whose_rows_end_in_an_error_is_stored_in_part(twin: Any, session: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        twin.cursor().executemany("insert into t values ($1)", broken_rows())
    assert twin.execute(COUNT).fetchone() == (2,)
    twin.execute("delete from t")
    with pytest.raises(ZeroDivisionError):
        await session.execute_many("insert into t values ($1)", broken_rows())
    assert await session.select_value(COUNT) == 0


async def test_of_a_batch_that_returns_rows_the_first_are_fetched(twin: Any, session: Any) -> None:
    cursor = twin.cursor()
    cursor.executemany("insert into t values ($1) returning a", [(1,), (2,), (3,)], returning=True)
    assert (cursor.fetchall(), cursor.rowcount) == ([(1,)], 1)
    result = await session.execute_many("insert into t values ($1) returning a", [(4,), (5,), (6,)])
    assert ([row["a"] for row in result], result.rows_affected) == ([4, 5, 6], 3)


async def test_each_row_of_a_batch_is_of_another_type(twin: Any, session: Any) -> None:
    twin.cursor().executemany("insert into t values ($1)", [(1,), ("2",), (2.5 + 1,), (2**20,)])
    assert [row[0] for row in twin.execute("select a from t order by a")] == [1, 2, 4, 2**20]
    twin.execute("delete from t")
    with pytest.raises(DataError, match="as int4: a str was given"):
        await session.execute_many("insert into t values ($1)", [(1,), ("2",)])
    assert await session.select_value(COUNT) == 0


class Endless:
    """Rows that tell when many were taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.begun = asyncio.Event()

    def __iter__(self) -> Iterator[tuple[int]]:
        while True:
            self.taken += 1
            if self.taken == 5000:
                self.begun.set()
            yield (self.taken,)


@pytest.mark.only("psycopg")
async def test_a_cancelled_batch_costs_five_seconds_and_the_connection(dsn: str, twin: Any, session: Any) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        rows = Endless()
        batch = asyncio.ensure_future(connection.cursor().executemany("select %s::int", rows))
        await rows.begun.wait()
        batch.cancel()
        await asyncio.wait((batch,), timeout=30)
        assert connection.closed

    rows = Endless()
    pid = await session.select_value("select pg_backend_pid()")
    batch = asyncio.ensure_future(session.execute_many("insert into t values ($1)", rows))
    await rows.begun.wait()
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(batch, 10)
    assert await session.select_value("select pg_backend_pid()") == pid
    assert await session.select_value(COUNT) == 0


# -- notifications -----------------------------------------------------------------------------------------------


async def test_notifications_that_came_together_are_lost_with_the_first(
    raw: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    raw.execute("listen shared")
    with admin.transaction():
        for payload in ("one", "two"):
            admin.execute("select pg_notify('shared', %s)", [payload])
    notes = raw.notifies(timeout=5)
    assert next(notes).payload == "one"
    notes.close()
    assert heard(raw) == []

    async with flavour.make_config().listen("shared") as ours:
        with admin.transaction():
            for payload in ("one", "two"):
                admin.execute("select pg_notify('shared', %s)", [payload])
        for payload in ("one", "two"):
            async for note in ours:
                assert note.payload == payload
                break


async def test_a_channel_is_not_listened_to_before_the_commit(
    dsn: str, config: Any, admin: psycopg.Connection[Any]
) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("listen early")
        admin.execute("notify early, 'one'")
        assert heard(connection) == []
    async with config.listen("early") as notes:
        admin.execute("notify early, 'two'")
        async for note in notes:
            assert note.payload == "two"
            break


async def test_a_channel_in_mixed_case_is_never_heard(raw: Any, config: Any, admin: psycopg.Connection[Any]) -> None:
    raw.execute("listen MixedCase")
    admin.execute("select pg_notify('MixedCase', 'one')")
    assert heard(raw) == []
    async with config.listen("MixedCase") as notes:
        admin.execute("select pg_notify('MixedCase', 'two')")
        async for note in notes:
            assert note.payload == "two"
            break


@pytest.mark.only("psycopg")
async def test_a_listener_whose_connection_was_lost_is_at_its_end(
    raw: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    raw.execute("listen cut")
    admin.execute("select pg_terminate_backend(%s, 10000)", [raw.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        heard(raw, 5)

    gap, name = asyncio.Event(), f"ear of {flavour.schema}"
    async with flavour.make_config(application_name=name).listen("cut", on_gap=gap.set) as notes:
        waiting = asyncio.ensure_future(anext(aiter(notes)))
        admin.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = %s", [name]
        )
        await asyncio.wait_for(gap.wait(), 10)
        admin.execute("notify cut, 'two'")
        assert (await asyncio.wait_for(waiting, 10)).payload == "two"


# -- cursors and sessions --------------------------------------------------------------------------------------------


async def test_a_cursor_of_the_server_needs_a_transaction(raw: Any, session: Any) -> None:
    with raw.cursor("named") as cursor, pytest.raises(psycopg.errors.NoActiveSqlTransaction):
        cursor.execute("select 1")
    async with session.select_stream("select 1 as n") as rows:
        assert [row async for row in rows] == [{"n": 1}]


async def test_settings_are_undone_with_the_transaction_that_nobody_began(dsn: str, session: Any) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("set application_name = 'mine'")
        connection.rollback()
        assert connection.execute("show application_name").fetchone() != ("mine",)
    await session.execute("set application_name = 'mine'")
    with pytest.raises(ZeroDivisionError):
        async with session.transaction():
            raise ZeroDivisionError
    assert await session.select_value("show application_name") == "mine"


async def test_a_lock_is_kept_by_a_read_that_was_not_committed(
    dsn: str, twin: Any, session: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    def alter(name: str) -> None:
        with admin.transaction():
            admin.execute("set local lock_timeout = '100ms'")
            admin.execute(f"alter table {flavour.schema}.t add {name} int".encode())

    with psycopg.connect(dsn, options=f"-c search_path={flavour.schema}") as connection:
        connection.execute(COUNT)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            alter("b")
    await session.select(COUNT)
    alter("b")
    with pytest.raises(SQLSpecError):
        await session.select("select nothing from t")
    alter("c")
