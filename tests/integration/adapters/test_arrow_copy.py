"""COPY below the session: what the drivers' own COPY does not forgive, and what adapters must therefore do."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.core.plan import Compiler
from sqlspec.driver._types import CopyTarget
from sqlspec.postgres.arrow._wire import Decoder, Encoder, WireError
from sqlspec.postgres.arrow.wire import Kind, WireType
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour, iterator_for

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync")

compiler = Compiler()

INT8, TEXT = WireType(Kind.INT8, 20), WireType(Kind.BYTES, 25)
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])

MANY = "select a, repeat('x', 100) as b from generate_series(1::int8, 1000000) as a"
"""More than any buffer on the way holds."""


def batch(*rows: tuple[int | None, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(list(column), field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)],
        schema=SCHEMA,
    )


def stream(*batches: pa.RecordBatch) -> Iterator[bytes]:
    encoder = Encoder([INT8, TEXT])
    yield Encoder.header()
    for each in batches:
        yield encoder.encode(each)
    yield Encoder.trailer()


def decoder(*types: pa.DataType) -> Any:
    fields = types or (pa.int64(), pa.string())
    wires = [INT8 if pa.types.is_int64(field) else TEXT for field in fields]
    return Decoder(pa.schema([(f"c{at}", field) for at, field in enumerate(fields)]), wires)


async def read(driver: Any, sql: str, *args: Any, size: int = 1 << 20) -> pa.RecordBatch:
    plan = compiler.plan(sql)
    feed = await driver.open_feed(plan, args, 2)
    rows = decoder()
    try:
        while await feed.feed(rows, size):
            pass
    except BaseException:  # as the session does: it may have been interrupted between two pieces
        with suppress(*driver.native_errors):
            await feed.close()
        raise
    found = rows.batch()
    rows.finish()
    await feed.close()
    return found


@asynccontextmanager
async def savepoint(driver: Any) -> AsyncIterator[None]:
    """A savepoint that is rolled back to: the transaction and the connection must be usable behind it."""
    await driver.execute_script("savepoint here")
    yield
    await driver.execute_script("rollback to here")
    ((answer,),) = await driver.fetch_text("select 'usable'")
    assert answer == "usable"


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


def target(flavour: Flavour, table: str = "t", *columns: str) -> CopyTarget:
    return CopyTarget(flavour.schema, table, columns or ("a", "b"))


# -- from the client ------------------------------------------------------------------------------------------


async def test_rows_are_stored_and_counted(driver: Any, flavour: Flavour) -> None:
    pieces = stream(batch((1, "one"), (2, None)), batch((3, "")))
    assert await driver.copy_in(target(flavour), iterator_for(driver, pieces)) == 3
    assert await driver.copy_in(target(flavour), iterator_for(driver, stream())) == 0
    assert (await read(driver, "select a, b from t order by a")).to_pylist() == [
        {"c0": 1, "c1": "one"},
        {"c0": 2, "c1": None},
        {"c0": 3, "c1": ""},
    ]


async def test_a_piece_may_be_large(driver: Any, flavour: Flavour) -> None:
    whole = b"".join(stream(batch(*((at, "x" * 1000) for at in range(5000)), (5000, "y" * (20 << 20)))))
    assert await driver.copy_in(target(flavour), iterator_for(driver, iter([whole]))) == 5001
    assert await driver.fetch_text("select sum(length(b))::text from t") == [(str(5_000_000 + (20 << 20)),)]


async def test_names_are_taken_as_they_are(driver: Any, flavour: Flavour) -> None:
    await driver.execute_script('create table "T.""able" ("A""b" text, "select" text, "a.b" int8)')
    into = target(flavour, 'T."able', "a.b", 'A"b')
    assert await driver.copy_in(into, iterator_for(driver, stream(batch((1, "x"))))) == 1
    assert await driver.fetch_text('select "a.b"::text, "A""b", "select" from "T.""able"') == [("1", "x", None)]


@pytest.mark.parametrize("good", [0, 1, 2, 5000])
async def test_an_error_of_the_source_is_passed_on_and_nothing_is_stored(
    driver: Any, flavour: Flavour, good: int
) -> None:
    failure = KeyError("the source")

    def pieces() -> Iterator[bytes]:
        yield from itertools.islice(stream(*[batch(*[(1, "x" * 1000)] * 10)] * good), good)
        raise failure

    async with savepoint(driver):
        with pytest.raises(KeyError) as raised:
            await driver.copy_in(target(flavour), iterator_for(driver, pieces()))
        assert raised.value is failure
    assert await driver.fetch_text("select a::text from t") == []


async def test_an_error_of_the_source_behind_a_row_that_the_server_has_refused(driver: Any, flavour: Flavour) -> None:
    failure = KeyError("the source")

    def pieces() -> Iterator[bytes]:
        rows = stream(batch((None, "x")))
        yield next(rows) + next(rows)
        for _ in range(200):  # by now the refusal is here, which neither driver looks at
            yield Encoder([INT8, TEXT]).encode(batch(*[(1, "x" * 1000)] * 100))
        raise failure

    async with savepoint(driver):
        with pytest.raises(KeyError):
            await driver.copy_in(target(flavour), iterator_for(driver, pieces()))


@pytest.mark.parametrize(
    ("table", "rows", "state"), [("t", (None, "x"), "23502"), ("nowhere", (1, "x"), "42P01"), ("v", (1, "x"), "42809")]
)
async def test_an_error_of_the_server(driver: Any, flavour: Flavour, table: str, rows: Any, state: str) -> None:
    await driver.execute_script("create view v as select 1::int8 as a, ''::text as b union all select a, b from t")
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await driver.copy_in(target(flavour, table), iterator_for(driver, stream(batch(rows))))
        assert sqlstate(driver, raised.value) == state


async def test_a_stream_without_its_end_stores_whole_rows_or_none(driver: Any, flavour: Flavour) -> None:
    async with savepoint(driver):
        with pytest.raises(driver.native_errors):
            await driver.copy_in(
                target(flavour), iterator_for(driver, iter([Encoder.header(), struct.pack(">hii", 2, 8, 0)]))
            )


async def test_a_copy_that_waits_for_a_lock_can_be_cancelled(
    driver: Any, flavour: Flavour, admin: psycopg.Connection[Any], dsn: str
) -> None:
    with psycopg.connect(dsn) as other:
        other.execute(f"lock table {flavour.schema}.t")
        async with savepoint(driver):
            running = asyncio.create_task(
                driver.copy_in(target(flavour), iterator_for(driver, stream(batch((1, "x")))))
            )
            await until_waiting(admin, driver.backend_pid, "relation")
            await driver.cancel()
            with pytest.raises(driver.native_errors) as raised:
                await running
            assert sqlstate(driver, raised.value) == "57014"


async def test_a_source_without_an_end_can_be_cancelled(
    driver: Any, flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    first, *_ = stream()
    rows = Encoder([INT8, TEXT]).encode(batch(*[(1, "x" * 1000)] * 100))
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for piece in itertools.chain((first,), itertools.repeat(rows)):
            yield piece
            taken += 1

    async with savepoint(driver):
        running = asyncio.create_task(driver.copy_in(target(flavour), iterator_for(driver, pieces())))
        async with asyncio.timeout(20):
            while taken < 100:
                await asyncio.sleep(0.01)
        await driver.cancel()
        with pytest.raises(driver.native_errors) as raised:
            await running
        assert sqlstate(driver, raised.value) == "57014"


@pytest.mark.only("asyncpg", "psycopg")
async def test_a_task_that_stores_rows_can_be_cancelled(driver: Any, flavour: Flavour) -> None:
    head, *_ = stream()
    rows = Encoder([INT8, TEXT]).encode(batch(*[(1, "x" * 1000)] * 100))
    started = asyncio.Event()

    def pieces() -> Iterator[bytes]:
        yield head
        for piece in itertools.repeat(rows):
            started.set()
            yield piece

    async with savepoint(driver):
        running = asyncio.create_task(driver.copy_in(target(flavour), iterator_for(driver, pieces())))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await driver.settle()


async def waiting(more: asyncio.Event, *pieces: bytes) -> AsyncIterator[bytes]:
    """Give some pieces, and wait for the last one."""
    for piece in pieces:
        yield piece
    await more.wait()
    yield pieces[-1]


@pytest.mark.only("asyncpg", "psycopg")
@pytest.mark.parametrize("how", ["task", "request"])
@pytest.mark.parametrize(
    "rows", [(), ((1, "x"),), ((None, "refused"),), ((1, "slow"),)], ids=["nothing", "a row", "a bad row", "a slow row"]
)
async def test_a_wait_for_the_source_can_be_cancelled(
    driver: Any, flavour: Flavour, admin: psycopg.Connection[Any], how: str, rows: tuple[Any, ...]
) -> None:
    await driver.execute_script("""
        create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
        create trigger slow before insert on t for each row when (new.b = 'slow') execute function slow();
    """)
    head, *_ = stream()
    # The server looks at rows when its buffer is full.
    many = [Encoder([INT8, TEXT]).encode(batch(*rows, *[(1, "x" * 1000)] * 1000))] if rows else []
    states = {(): "ClientRead", ((1, "slow"),): "PgSleep"}
    more = asyncio.Event()
    async with savepoint(driver):
        running = asyncio.create_task(driver.copy_in(target(flavour), waiting(more, head, *many)))
        if rows == ((None, "refused"),):
            await asyncio.sleep(0.2)
        else:
            await until_waiting(admin, driver.backend_pid, states.get(rows, "ClientRead"))
        async with asyncio.timeout(10):
            if how == "request":
                await driver.cancel()
                more.set()
                with pytest.raises(driver.native_errors):
                    await running
            else:
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running
                await driver.settle()


# -- to the client --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1000, 1 << 30])
async def test_rows_are_read_in_pieces_of_any_size(driver: Any, size: int) -> None:
    found = await read(driver, "select a, 'row ' || a as b from generate_series(1, $1::int8) a -- all", 300, size=size)
    assert found.column(0).to_pylist() == list(range(1, 301))
    assert found.column(1).to_pylist() == [f"row {at}" for at in range(1, 301)]


async def test_no_rows_are_a_whole_stream(driver: Any) -> None:
    assert (await read(driver, "select 1::int8 as a, ''::text as b where false")).num_rows == 0


async def test_a_change_of_data_that_returns_rows(driver: Any) -> None:
    found = await read(driver, "insert into t values ($1, $2), ($1 + 1, null) returning *", 7, "it's")
    assert found.to_pylist() == [{"c0": 7, "c1": "it's"}, {"c0": 8, "c1": None}]
    assert await driver.fetch_text("select count(*)::text from t") == [("2",)]


async def test_the_server_waits_for_a_reader_that_is_slow(driver: Any, admin: psycopg.Connection[Any]) -> None:
    feed = await driver.open_feed(compiler.plan(MANY), (), 2)
    rows = decoder()
    assert await feed.feed(rows, 1000)
    assert rows.nbytes < 10 << 20
    await until_waiting(admin, driver.backend_pid, "ClientWrite")
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


@pytest.mark.parametrize("count", [0, 1, 100])
async def test_reading_may_end_when_all_has_come_but_the_end_was_not_read(driver: Any, count: int) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(compiler.plan(f"select a, '' from generate_series(1::int8, {count}) a"), (), 2)
        await feed.feed(decoder(), 1)
        await feed.close()


@pytest.mark.parametrize("sql", [MANY, "select 1::int8, 'all in one piece'"])
async def test_an_error_of_the_decoder(driver: Any, sql: str) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(compiler.plan(sql), (), 2)
        with pytest.raises(WireError):
            await feed.feed(decoder(pa.int64()), 1 << 20)
        await feed.close()


@pytest.mark.parametrize("at", [1, 500_000])
async def test_an_error_of_the_server_in_the_middle(driver: Any, at: int) -> None:
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await read(driver, f"select 1 / (a - {at}), repeat('x', 100) from generate_series(1::int8, 1000000) as a")
        assert sqlstate(driver, raised.value) == "22012"


async def test_an_error_of_the_statement(driver: Any) -> None:
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await read(driver, "select a, b from nowhere")
        assert sqlstate(driver, raised.value) == "42P01"


SILENT = "select 1::int8, 'x' from pg_sleep(60)"
LATER = """
    select a, case when a < 200000 then repeat('x', 100) else pg_sleep(60)::text end
    from generate_series(1::int8, 200000) a"""


@pytest.mark.parametrize("sql", [SILENT, LATER])
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


@pytest.mark.only("asyncpg", "psycopg")
@pytest.mark.parametrize("sql", [SILENT, LATER])
async def test_a_task_that_waits_for_rows_can_be_cancelled(
    driver: Any, admin: psycopg.Connection[Any], sql: str
) -> None:
    async with savepoint(driver):
        running = asyncio.create_task(read(driver, sql))
        await until_waiting(admin, driver.backend_pid, "PgSleep")  # meanwhile the loop runs
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await driver.settle()


@pytest.mark.only("asyncpg", "psycopg")
@pytest.mark.parametrize("size", [1000, 1 << 30])
async def test_a_task_that_reads_rows_can_be_cancelled_at_any_moment(driver: Any, size: int) -> None:
    loop = asyncio.get_running_loop()
    for delay in range(20):
        async with savepoint(driver):
            feed = await driver.open_feed(compiler.plan(MANY), (), 2)

            async def read_on() -> None:
                rows = decoder()
                while await feed.feed(rows, size):  # noqa: B023 - it ends before the next round
                    rows.batch()

            running = asyncio.create_task(read_on())
            loop.call_later(delay / 500, running.cancel)
            await asyncio.wait([running])
            assert running.cancelled() or (delay and running.exception() is None)  # it may be at its end by then
            await feed.close()
            await driver.settle()


async def test_closing_ends_what_the_server_is_at(driver: Any, admin: psycopg.Connection[Any]) -> None:
    async with savepoint(driver):
        feed = await driver.open_feed(compiler.plan(LATER), (), 2)
        assert await feed.feed(decoder(), 1000)
        async with asyncio.timeout(20):
            await feed.close()


# -- values in the binary format ------------------------------------------------------------------------------


def int8_array(*values: int) -> bytes:
    return struct.pack(">iiiii", 1, 0, 20, len(values), 1) + b"".join(struct.pack(">iq", 8, value) for value in values)


async def test_binary_parameters_are_sent_as_they_are(driver: Any) -> None:
    sql = "insert into t select a, b from unnest($1::pg_catalog.int8[], $2::pg_catalog.text[]) as q(a, b)"
    texts = struct.pack(">iiiii", 1, 1, 25, 2, 1) + struct.pack(">i1si", 1, b"x", -1)
    assert await driver.execute_binary(sql, [(1016, int8_array(1, 2)), (1009, texts)]) == 2
    assert await driver.execute_binary(sql, [(1016, int8_array(3)), (1009, None)]) == 1
    assert await driver.execute_binary(sql, [(1016, None), (1009, None)]) == 0
    assert await driver.fetch_text("select a::text, b from t order by a") == [("1", "x"), ("2", None), ("3", None)]


async def test_ordinary_statements_bind_as_before(driver: Any, session: Any) -> None:
    sql = "insert into t select unnest($1::int8[]), 'x'"
    await session.execute("create type mood as enum ('fine')")
    for _ in range(2):
        assert await session.select_value("select $1::int8[]", [1, 2]) == [1, 2]
        assert await session.select_value("select $1::numeric[]", [None]) == [None]
        assert (await session.execute(sql, [1])).rows_affected == 1
        assert await driver.execute_binary(sql, [(1016, int8_array(1, 2))]) == 2
        empty = struct.pack(">iii", 0, 0, 1700)
        assert await driver.execute_binary("insert into t select unnest($1::numeric[]), 'x'", [(1231, empty)]) == 0


async def test_an_error_of_the_server_for_binary_parameters(driver: Any) -> None:
    sql = "insert into t select 1 / unnest($1::int8[]), 'x'"
    for value, state in ((int8_array(0), "22012"), (b"\0\0", "08P01")):
        async with savepoint(driver):
            with pytest.raises(driver.native_errors) as raised:
                await driver.execute_binary(sql, [(1016, value)])
            assert sqlstate(driver, raised.value) == state
    assert await driver.execute_binary(sql, [(1016, int8_array(1))]) == 1
