"""COPY below the session: the driver takes whole streams, and loses the connection when the server refuses one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from sqlspec.adapters.psqlpy._copy import BLOCK
from sqlspec.driver._types import CopyTarget
from sqlspec.postgres.arrow._wire import Encoder
from sqlspec.postgres.arrow.wire import Kind, WireType
from tests.integration.backends import until_waiting
from tests.integration.harness import Flavour, iterator_for

pytestmark = pytest.mark.only("psqlpy")

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])
encoder = Encoder([WireType(Kind.INT8, 20), WireType(Kind.BYTES, 25)])


def rows(*given: tuple[int | None, str | None]) -> bytes:
    columns = zip(*given, strict=True)
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return encoder.encode(pa.RecordBatch.from_arrays(arrays, schema=SCHEMA))


def stream(*pieces: bytes) -> Iterator[bytes]:
    yield Encoder.header()
    yield from pieces
    yield Encoder.trailer()


@asynccontextmanager
async def savepoint(driver: Any) -> AsyncIterator[None]:
    """A savepoint that is rolled back to: the transaction and the connection must be usable behind it."""
    await driver.execute_script("savepoint here")
    yield
    await driver.execute_script("rollback to here")
    assert await driver.fetch_text("select 'usable'") == [("usable",)]


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


async def test_the_bare_driver_loses_the_connection_where_the_server_refuses_to_begin(raw: Any) -> None:
    with pytest.raises(raw_errors(), match="does not exist"):
        await raw.binary_copy_to_table(b"".join(stream()), "nowhere", ["a"], "public")
    with pytest.raises(raw_errors(), match="unexpected message|connection closed"):
        await raw.execute_batch("select 1")


def raw_errors() -> type[Exception]:
    import psqlpy.exceptions

    base: type[Exception] = psqlpy.exceptions.Error
    return base


async def test_rows_are_stored_and_counted(driver: Any, flavour: Flavour) -> None:
    assert (
        await driver.copy_in(target(flavour), iterator_for(driver, stream(rows((1, "one"), (2, None)), rows((3, "")))))
        == 3
    )
    assert await driver.copy_in(target(flavour), iterator_for(driver, stream())) == 0
    whole = b"".join(stream(rows((4, "x"))))
    assert await driver.copy_in(target(flavour), iterator_for(driver, iter([whole]))) == 1
    found = await driver.fetch_text("select a::text, b from t order by a")
    assert found == [("1", "one"), ("2", None), ("3", ""), ("4", "x")]


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK // 2, BLOCK, BLOCK + 1, 3 * BLOCK])
async def test_a_long_stream_goes_in_several_ones(driver: Any, flavour: Flavour, size: int) -> None:
    piece = rows((1, "x" * (size - 18)))
    assert len(piece) == size
    assert await driver.copy_in(target(flavour), iterator_for(driver, stream(*[piece] * 5, rows((2, "y"))))) == 6
    assert await driver.fetch_text("select count(*)::text, sum(length(b))::text from t") == [
        ("6", str(5 * (size - 18) + 1))
    ]


async def test_names_are_taken_as_they_are(driver: Any, flavour: Flavour) -> None:
    await driver.execute_script(
        'create table "T.""$(x)p" ("A""b" text, "select" text, "a.b" int8, g int generated always as (1) stored)'
    )
    into = target(flavour, 'T."$(x)p', "a.b", 'A"b')
    assert await driver.copy_in(into, iterator_for(driver, stream(rows((1, "x"))))) == 1
    found = await driver.fetch_text('select t."a.b"::text, t."A""b", t."select" from "T.""$' + '(x)p" as t')
    assert found == [("1", "x", None)]


async def test_no_trigger_runs_more_than_once_for_a_stream(driver: Any, flavour: Flavour) -> None:
    await driver.execute_script(
        "create table log (x int); create function note() returns trigger language plpgsql as "
        "$$ begin insert into log values (1); return null; end $$;"
        "create trigger tr after insert on t for each statement execute function note()"
    )
    assert await driver.copy_in(target(flavour), iterator_for(driver, stream(rows((1, "x"))))) == 1
    assert await driver.fetch_text("select count(*)::text from log") == [("1",)]


@pytest.mark.parametrize("good", [0, 1, 2, 500])
async def test_an_error_of_the_source_is_passed_on_and_nothing_is_stored(
    driver: Any, flavour: Flavour, good: int
) -> None:
    failure = KeyError("the source")
    piece = rows(*[(1, "x" * 1000)] * 20)

    def pieces() -> Iterator[bytes]:
        yield from itertools.islice(stream(*[piece] * good), good)
        raise failure

    async with savepoint(driver):
        with pytest.raises(KeyError) as raised:
            await driver.copy_in(target(flavour), iterator_for(driver, pieces()))
        assert raised.value is failure
    assert await driver.fetch_text("select a::text from t") == []


async def test_an_error_of_the_server_ends_the_reading_of_the_source(driver: Any, flavour: Flavour) -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield Encoder.header() + rows((None, "x"))
        for piece in itertools.repeat(rows((1, "x" * 1_000_000))):
            yield piece
            taken += 1

    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await driver.copy_in(target(flavour), iterator_for(driver, pieces()))
        info = driver.error_info(raised.value)
        assert (info.sqlstate, info.column, info.table) == ("23502", "a", "t")
        assert driver.status() == "failed"
    assert taken < 10


@pytest.mark.parametrize(
    ("before", "into", "state"),
    [
        ("", ("nowhere",), "42P01"),
        ("", ("t", "a", "none"), "42703"),
        ("create view v as select 1::int8 as a, ''::text as b union all select a, b from t", ("v",), "55000"),
        ("create role {role}; grant usage on schema {schema} to {role}; set local role {role}", ("t",), "42501"),
        ("set transaction read only", ("t",), "25006"),
    ],
)
async def test_what_the_server_refuses_leaves_the_connection(
    driver: Any, flavour: Flavour, before: str, into: tuple[str, ...], state: str
) -> None:
    async with savepoint(driver):
        if before:
            await driver.execute_script(before.format(role=f"role_{flavour.schema}", schema=flavour.schema))
        with pytest.raises(driver.native_errors) as raised:
            await driver.copy_in(target(flavour, *into), iterator_for(driver, stream(rows((1, "x")))))
        assert sqlstate(driver, raised.value) == state


async def test_a_temporary_table_takes_rows_where_only_reading_is_allowed(driver: Any) -> None:
    await driver.execute_script("create temp table tt (a int8, b text); savepoint here; set transaction read only")
    ((schema,),) = await driver.fetch_text("select pg_my_temp_schema()::regnamespace::text")
    assert (
        await driver.copy_in(CopyTarget(str(schema), "tt", ("a", "b")), iterator_for(driver, stream(rows((1, "x")))))
        == 1
    )


@pytest.mark.parametrize("stream_", [[], [b"nothing"], [Encoder.header() + rows((1, "x"))[:9]]])
async def test_what_is_no_stream_is_refused(driver: Any, flavour: Flavour, stream_: list[bytes]) -> None:
    async with savepoint(driver):
        with pytest.raises(driver.native_errors) as raised:
            await driver.copy_in(target(flavour), iterator_for(driver, iter(stream_)))
        assert sqlstate(driver, raised.value) == "22P04"


# -- stopping -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["request", "task", "lock_timeout"])
async def test_a_copy_that_waits_for_a_lock(
    driver: Any, flavour: Flavour, admin: psycopg.Connection[Any], dsn: str, how: str
) -> None:
    with psycopg.connect(dsn) as other:
        other.execute(sql.SQL("lock table {}.t").format(sql.Identifier(flavour.schema)))
        async with savepoint(driver):
            if how == "lock_timeout":
                await driver.execute_script("set local lock_timeout = 50")
            running = asyncio.create_task(driver.copy_in(target(flavour), iterator_for(driver, stream(rows((1, "x"))))))
            if how == "request":
                await until_waiting(admin, driver.backend_pid, "relation")
                await driver.cancel()
            elif how == "task":
                await until_waiting(admin, driver.backend_pid, "relation")
                running.cancel()
            with pytest.raises((*driver.native_errors, asyncio.CancelledError)) as raised:
                await running
            states = {"request": "57014", "lock_timeout": "55P03"}
            assert how == "task" or sqlstate(driver, raised.value) == states[how]
            await driver.settle()


@pytest.mark.parametrize("how", ["request", "task"])
async def test_a_source_without_an_end_can_be_stopped(driver: Any, flavour: Flavour, how: str) -> None:
    piece = rows(*[(1, "x" * 1000)] * 1000)
    for wanted in range(1, 40, 4):
        taken = 0
        started = asyncio.Event()

        def pieces(wanted: int = wanted, started: asyncio.Event = started) -> Iterator[bytes]:
            nonlocal taken
            yield Encoder.header()
            for each in itertools.repeat(piece):
                yield each
                taken += 1
                if taken == wanted:
                    started.set()

        async with savepoint(driver):
            running = asyncio.create_task(driver.copy_in(target(flavour), iterator_for(driver, pieces())))
            await started.wait()
            if how == "request":
                await driver.cancel()
                with pytest.raises(driver.native_errors) as raised:
                    await running
                assert sqlstate(driver, raised.value) == "57014"
            else:
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running
                await driver.settle()
        assert await driver.fetch_text("select count(*)::text from t") == [("0",)]
