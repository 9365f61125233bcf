"""Rows in bulk below the session, on the drivers that have no COPY to the client."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.core.plan import Compiler
from sqlspec.postgres.arrow._wire import Decoder, WireError
from sqlspec.postgres.arrow.wire import Kind, WireType
from tests.integration.backends import until_waiting

pytestmark = pytest.mark.only("psqlpy", "pyro", "pyro-sync")

compiler = Compiler()

INT8, TEXT = WireType(Kind.INT8, 20), WireType(Kind.BYTES, 25)

MANY = "select a, repeat('x', 100) as b from generate_series(1::int8, 1000000) as a"
"""More than any buffer on the way holds."""


def decoder(*types: pa.DataType) -> Any:
    fields = types or (pa.int64(), pa.string())
    wires = [INT8 if pa.types.is_int64(field) else TEXT for field in fields]
    return Decoder(pa.schema([(f"c{at}", field) for at, field in enumerate(fields)]), wires)


async def read(driver: Any, sql: str, *args: Any, size: int = 1 << 20) -> pa.RecordBatch:
    feed = await driver.open_feed(compiler.plan(sql), args, 2)
    rows = decoder()
    while await feed.feed(rows, size):
        pass
    await feed.close()
    return rows.batch()


@asynccontextmanager
async def savepoint(driver: Any) -> AsyncIterator[None]:
    """A savepoint that is rolled back to: the transaction and the connection must be usable behind it."""
    await driver.execute_script("savepoint here")
    yield
    await driver.execute_script("rollback to here")
    for nonce in ("one", "two"):  # not the answer to something else
        assert [tuple(row) for row in await driver.fetch_text(f"select '{nonce}'")] == [(nonce,)]


async def texts(driver: Any, sql: str) -> list[tuple[str | None, ...]]:
    return [tuple(row) for row in await driver.fetch_text(sql)]


def sqlstate(driver: Any, error: BaseException) -> str | None:
    code: str | None = driver.error_info(error).sqlstate
    return code


@pytest.fixture
async def driver(session: Any) -> AsyncIterator[Any]:
    """The connection, in a transaction, with a table `t`."""
    await session.execute_script("create table t (a int8 not null, b text)")
    made = session.driver
    await made.begin("begin")
    yield made
    await made.rollback()


# -- reading --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1000, 1 << 30])
async def test_rows_are_read_in_pieces_of_any_size(driver: Any, size: int) -> None:
    found = await read(driver, "select a, 'row ' || a as b from generate_series(1, $1::int8) a -- all", 3000, size=size)
    assert found.column(0).to_pylist() == list(range(1, 3001))
    assert found.column(1).to_pylist() == [f"row {at}" for at in range(1, 3001)]


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1088, 100_000])
async def test_rows_come_in_order_and_none_is_lost(driver: Any, count: int) -> None:
    found = await read(driver, f"select a, null::text from generate_series(1::int8, {count}) a")
    assert found.column(0).to_pylist() == list(range(1, count + 1))
    assert found.column(1).null_count == count


async def test_rows_of_very_different_width(driver: Any) -> None:
    sql = "select a, case when a % 500 = 0 then repeat('x', 2000000) else 'y' end from generate_series(1::int8, 2000) a"
    found = await read(driver, sql)
    assert found.column(0).to_pylist() == list(range(1, 2001))
    lengths = [len(text.as_py()) for text in found.column(1)]
    assert lengths == [2_000_000 if at % 500 == 0 else 1 for at in range(1, 2001)]


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("values (1::int8, $1::text)", ("x",)),
        ("with q as (select 1::int8 as a) select a, $1::text from q", ("x",)),
        ("select 1::int8, $1::text union all select 1, 'x' limit 1", ("x",)),
        ("select 1::int8, $1::tsquery::text", ("x",)),
        ("select count(*), max($1::text) from (select 'merge' as \"update\" for update) q", ("x",)),
        ("(select 1::int8, coalesce($1::text, 'x'))", (None,)),
    ],
)
async def test_queries_with_parameters(driver: Any, sql: str, args: tuple[Any, ...]) -> None:
    for _ in range(2):
        found = await read(driver, sql, *args)
        assert [str(row["c1"]).strip("'") for row in found.to_pylist()] == ["x"]


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(
    "sql",
    [
        "insert into t select a, $1 || a from generate_series(1, 300) a returning a, b",
        "with q as (insert into t select a, $1 || a from generate_series(1, 300) a returning a, b) select * from q",
    ],
)
async def test_a_change_of_data_that_returns_rows(driver: Any, sql: str, size: int) -> None:
    found = await read(driver, sql, "row ", size=size)
    assert found.column(1).to_pylist() == [f"row {at}" for at in range(1, 301)]
    assert await texts(driver, "select count(*)::text from t") == [("300",)]


async def test_two_statements_may_be_read_in_turns(driver: Any) -> None:
    feeds = [await driver.open_feed(compiler.plan(MANY), (), 2) for _ in range(2)]
    sinks = [decoder(), decoder()]
    for _ in range(3):
        for feed, rows in zip(feeds, sinks, strict=True):
            assert await feed.feed(rows, 1000)
        assert await texts(driver, "select 'between'") == [("between",)]
    for feed, rows in zip(feeds, sinks, strict=True):
        found = rows.batch().column(0).to_pylist()
        assert found == list(range(1, len(found) + 1))
        await feed.close()


async def test_rows_of_a_reader_that_is_slow_stay_with_the_server(driver: Any) -> None:
    feed = await driver.open_feed(compiler.plan(MANY), (), 2)
    rows = decoder()
    for _ in range(4):
        before = rows.nbytes
        assert await feed.feed(rows, 1 << 20)
        assert rows.nbytes - before < 2 << 20
    await feed.close()


@pytest.mark.parametrize("fed", [0, 1, 3])
async def test_reading_may_end_early(driver: Any, fed: int) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(compiler.plan(MANY), (), 2)
        rows = decoder()
        for _ in range(fed):
            assert await feed.feed(rows, 1000)
        await feed.close()
        await feed.close()
        assert await texts(driver, "select count(*)::text from pg_cursors where is_holdable or name <> ''") == [("0",)]


async def test_nothing_of_a_feed_stays_on_the_server(driver: Any) -> None:
    plan = compiler.plan("select a, null::text from generate_series(1::int8, 3000) a")
    for _ in range(50):
        driver.forget(plan)
        await driver.describe(plan)
        await read(driver, plan.sql)
    ((count,),) = await texts(driver, "select count(*)::text from pg_prepared_statements")
    assert int(count or 0) < 50


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql", [MANY, "select 1::int8, 'all in one piece'", "insert into t values (1, '') returning *"]
)
async def test_an_error_of_the_decoder(driver: Any, sql: str) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(compiler.plan(sql), (), 2)
        with pytest.raises(WireError):
            await feed.feed(decoder(pa.int64()), 1 << 20)
        await feed.close()


@pytest.mark.parametrize("at", [1, 64, 100_000])
async def test_an_error_of_the_server_in_the_middle(driver: Any, at: int) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(
            compiler.plan(f"select 1 / (a - {at}), repeat('x', 9) from generate_series(1::int8, 200000) as a"), (), 2
        )
        rows = decoder()
        with pytest.raises(driver.native_errors) as raised:
            while await feed.feed(rows, 1 << 20):
                pass
        assert sqlstate(driver, raised.value) == "22012"
        assert driver.status() == "failed"
        await feed.close()


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("select a, b from nowhere", "42P01"),
        ("select 1 / 0::int8, ''", "22012"),
        ("insert into t values (null, '') returning a, b", "23502"),
    ],
)
async def test_an_error_of_the_statement(driver: Any, sql: str, state: str) -> None:
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await read(driver, sql)
        assert sqlstate(driver, raised.value) == state


# -- stopping -------------------------------------------------------------------------------------------------

SILENT = "select 1::int8, 'x' from pg_sleep(60)"
LATER = """
    select a, case when a < 100000 then repeat('x', 100) else pg_sleep(60)::text end
    from generate_series(1::int8, 100000) a"""


@pytest.mark.only("psqlpy", "pyro")
@pytest.mark.parametrize("sql", [SILENT, LATER, f"with q as (insert into t {SILENT} returning *) select a, b from q"])
async def test_a_server_that_says_nothing_can_be_cancelled(
    driver: Any, admin: psycopg.Connection[Any], sql: str
) -> None:
    async with savepoint(driver):
        running = asyncio.create_task(read(driver, sql))
        await until_waiting(admin, driver.backend_pid, "PgSleep")
        await driver.cancel()
        with pytest.raises(driver.native_errors) as raised:
            await running
        assert sqlstate(driver, raised.value) == "57014"


@pytest.mark.only("psqlpy", "pyro")
@pytest.mark.parametrize("sql", [SILENT, LATER])
async def test_a_task_that_waits_for_rows_can_be_cancelled(
    driver: Any, admin: psycopg.Connection[Any], sql: str
) -> None:
    async with savepoint(driver):
        running = asyncio.create_task(read(driver, sql))
        await until_waiting(admin, driver.backend_pid, "PgSleep")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await driver.settle()


@pytest.mark.only("psqlpy", "pyro")
async def test_a_task_that_reads_rows_can_be_cancelled_at_any_moment(driver: Any) -> None:
    loop = asyncio.get_running_loop()
    for delay in range(30):
        async with savepoint(driver):
            feed = await driver.open_feed(compiler.plan(MANY), (), 2)
            await feed.feed(decoder(), 1)
            running = asyncio.create_task(feed.feed(decoder(), 1 << 30))
            loop.call_later(delay / 500, running.cancel)
            with pytest.raises(asyncio.CancelledError):
                await running
            await feed.close()
            await driver.settle()


@pytest.mark.only("psqlpy", "pyro")
async def test_a_request_to_cancel_is_heeded_at_any_moment(driver: Any) -> None:
    loop = asyncio.get_running_loop()
    for delay in range(20):
        async with savepoint(driver):
            feed = await driver.open_feed(compiler.plan(MANY), (), 2)
            await feed.feed(decoder(), 1)
            running = asyncio.create_task(feed.feed(decoder(), 1 << 30))
            asked = loop.create_future()
            loop.call_later(delay / 200, asked.set_result, None)
            await asked
            await driver.cancel()
            with pytest.raises(driver.native_errors) as raised:
                await running
            assert sqlstate(driver, raised.value) == "57014"
            await feed.close()


@pytest.mark.only("pyro-sync")
@pytest.mark.parametrize("sql", [SILENT, LATER])
async def test_the_server_keeps_a_limit_of_time(driver: Any, sql: str) -> None:
    async with savepoint(driver):
        await driver.limit(0.2)
        with pytest.raises(driver.native_errors) as raised:
            await read(driver, sql)
        assert sqlstate(driver, raised.value) == "57014"
        await driver.limit(None)


async def test_a_connection_that_is_lost(session: Any, admin: psycopg.Connection[Any]) -> None:
    driver = session.driver
    await driver.begin("begin")
    feed = await driver.open_feed(compiler.plan(MANY), (), 2)
    rows = decoder()
    assert await feed.feed(rows, 1)
    admin.execute("select pg_terminate_backend(%s, 10000)", (driver.backend_pid,))
    with pytest.raises(driver.native_errors) as raised:
        await feed.feed(rows, 1 << 20)
    assert driver.is_broken(raised.value)
    await feed.close()


# -- values in the binary format ------------------------------------------------------------------------------


def int8_array(*values: int) -> bytes:
    return struct.pack(">iiiii", 1, 0, 20, len(values), 1) + b"".join(struct.pack(">iq", 8, value) for value in values)


async def test_binary_parameters_are_sent_as_they_are(driver: Any) -> None:
    sql = "insert into t select unnest($1::pg_catalog._int8), unnest($2::pg_catalog._text)"
    strings = struct.pack(">iiiii", 1, 1, 25, 2, 1) + struct.pack(">i1si", 1, b"x", -1)
    assert await driver.execute_binary(sql, [(1016, int8_array(1, 2)), (1009, strings)]) == 2
    assert await driver.execute_binary(sql, [(1016, int8_array(3)), (1009, None)]) == 1
    assert await driver.execute_binary(sql, [(1016, None), (1009, None)]) == 0
    assert await texts(driver, "select a::text, b from t order by a") == [("1", "x"), ("2", None), ("3", None)]


async def test_a_numeric_array_is_sent_as_it_is(driver: Any) -> None:
    one = struct.pack(">hhhhh", 1, 0, 0, 0, 1)
    array = struct.pack(">iiiii", 1, 0, 1700, 1, 1) + struct.pack(">i", len(one)) + one
    sql = "insert into t select 1, unnest($1::pg_catalog._numeric)"
    assert await driver.execute_binary(sql, [(1231, array)]) == 1
    assert await driver.execute_binary(sql, [(1231, struct.pack(">iii", 0, 0, 1700))]) == 0
    assert await texts(driver, "select b from t") == [("1",)]


async def test_an_error_of_the_server_for_binary_parameters(driver: Any) -> None:
    sql = "insert into t select 1 / unnest($1::int8[]), 'x'"
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await driver.execute_binary(sql, [(1016, int8_array(1, 0))])
        assert sqlstate(driver, raised.value) == "22012"
    assert await driver.execute_binary(sql, [(1016, int8_array(1))]) == 1


async def test_a_table_whose_rule_forbids_returning_takes_rows(driver: Any) -> None:
    await driver.execute_script(
        "create table u (a int8); create rule r as on insert to t do instead insert into u values (new.a)"
    )
    sql = "insert into t select unnest($1::pg_catalog._int8)"
    for _ in range(2):
        await driver.execute_binary(sql, [(1016, int8_array(1, 2))])
    assert await texts(driver, "select a::text from u order by a") == [("1",), ("1",), ("2",), ("2",)]


@pytest.fixture(autouse=True)
def nothing_was_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No task ends with an error that nobody looks at."""
    yield
    assert [record for record in caplog.records if record.name == "asyncio"] == []
