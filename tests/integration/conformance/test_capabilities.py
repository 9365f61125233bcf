"""Capabilities say the truth, in both directions: one probe for each, strict where an adapter says no."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import fields
from typing import Any

import pyarrow as pa
import pytest

from sqlspec import StatementStack
from sqlspec.core.capabilities import Capabilities
from sqlspec.driver._async_driver import AsyncDriver
from sqlspec.driver._sync_driver import SyncDriver
from sqlspec.driver._types import CopyTarget
from sqlspec.exceptions import (
    MappingError,
    NotSupportedError,
    OperationCancelledError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.harness import FLAVOURS, iterator_for, needs

ALL = [field.name for field in fields(Capabilities)]
# Rows come out alike with COPY and without; the connection under test has no TLS.
WITHOUT_PROBE = {"copy_out", "tls"}
PROBES: dict[str, Any] = {}

Probe = Callable[[Any, Any], Coroutine[Any, Any, None]]


def probe(function: Probe) -> Probe:
    name = function.__name__
    needed = ("concurrent_calls", name) if name == "cancel" else (name,)
    PROBES[name] = pytest.param(function, marks=needs(*needed), id=name)
    return function


@probe
async def rows_affected(session: Any, config: Any) -> None:
    await session.execute("create table t (a int)")
    assert (await session.execute("insert into t values (1), (2)")).rows_affected == 2
    assert (await session.execute_many("insert into t values ($1)", [1, 2, 3])).rows_affected == 3


@probe
async def columns_when_empty(session: Any, config: Any) -> None:
    assert [column.name for column in (await session.execute("select 1 as a where false")).columns] == ["a"]


@probe
async def duplicate_columns(session: Any, config: Any) -> None:
    assert await session.select("select 1 as a, 2 as a", schema_type=tuple) == [(1, 2)]


@probe
async def sqlstate(session: Any, config: Any) -> None:
    await session.execute("create table t (a int primary key)")
    await session.execute("insert into t values (1)")
    with pytest.raises(UniqueViolationError) as caught:
        await session.execute("insert into t values (1)")
    assert caught.value.sqlstate == "23505"


@probe
async def error_position(session: Any, config: Any) -> None:
    with pytest.raises(SQLSpecError) as caught:
        await session.execute("select 1,\n missing_column")
    assert caught.value.position == len("select 1,\n ") + 1


@probe
async def usable_after_error(session: Any, config: Any) -> None:
    for _ in range(3):
        with pytest.raises(SQLSpecError):
            await session.select("select 1 / $1::int", 0)
        assert await session.select_value("select $1::int", 5) == 5


@probe
async def savepoints(session: Any, config: Any) -> None:
    async with session.transaction():
        with pytest.raises(SQLSpecError):
            async with session.savepoint():
                await session.select("select 1 / 0")
        assert await session.select_value("select 1") == 1


@probe
async def isolation(session: Any, config: Any) -> None:
    async with session.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await session.select_value("show transaction_isolation") == "serializable"
        assert await session.select_value("show transaction_read_only") == "on"
        assert await session.select_value("show transaction_deferrable") == "on"


@probe
async def multi_statement(session: Any, config: Any) -> None:
    await session.execute_script("create table t (a int); insert into t values (1)")
    assert await session.select_value("select a from t") == 1


@probe
async def execute_many_returning(session: Any, config: Any) -> None:
    await session.execute("create table t (a int)")
    result = await session.execute_many("insert into t values ($1) returning a", [3, 1, 2])
    assert result.get_data(schema_type=int) == [3, 1, 2]


@probe
async def stream(session: Any, config: Any) -> None:
    async with session.select_stream("select n from generate_series(1, 5) as n", chunk_size=2) as rows:
        assert [row["n"] async for row in rows] == [1, 2, 3, 4, 5]


@probe
async def stack_in_one_trip(session: Any, config: Any) -> None:
    stack = StatementStack().push_execute("select $1::int as a", 1).push_execute("select 2 as b")
    assert [result.one() for result in await session.execute_stack(stack)] == [{"a": 1}, {"b": 2}]


@probe
async def listen(session: Any, config: Any) -> None:
    async with config.listen("probe") as notifications:
        await session.notify("probe", "payload")
        async for note in notifications:
            assert (note.channel, note.payload) == ("probe", "payload")
            break


@probe
async def concurrent_calls(session: Any, config: Any) -> None:
    async with config.provide_session() as other:
        await other.execute("select pg_advisory_lock(272)")
        waiting = asyncio.create_task(_wait(session))
        await other.execute("select pg_advisory_unlock(272)")
    await waiting


async def _wait(session: Any) -> None:
    await session.select("select pg_advisory_xact_lock(272)")


@probe
async def copy_in(session: Any, config: Any) -> None:
    await session.execute("create temp table t (a int2)")
    row = b"\0\1\0\0\0\2\0\5"
    pieces = (b"PGCOPY\n\xff\r\n\0" + bytes(8), row, row, b"\xff\xff")
    async with session.transaction():
        schema = await session.select_value("select nspname from pg_namespace where oid = pg_my_temp_schema()")
        assert (
            await session.driver.copy_in(CopyTarget(schema, "t", ("a",)), iterator_for(session.driver, iter(pieces)))
            == 2
        )
    assert await session.select("select a from t", schema_type=int) == [5, 5]


@probe
async def arrow_in(session: Any, config: Any) -> None:
    await session.execute("create table t (a int)")
    assert (await session.load_from_arrow("t", pa.table({"a": [1, 2]}))).rows == 2


@probe
async def arrow_out(session: Any, config: Any) -> None:
    found = await session.select_to_arrow("select 1::int8 as a")
    assert found.get_data().equals(pa.table({"a": [1]}))


@probe
async def cancel(session: Any, config: Any) -> None:
    running = asyncio.create_task(_sleep(session))
    async with config.provide_session() as other:
        while not await other.select_value("select count(*) from pg_locks where locktype = 'advisory' and objid = 271"):
            pass
    try:
        await session.cancel()
    except NotSupportedError:
        running.cancel()
        await asyncio.wait([running])
        raise
    with pytest.raises(OperationCancelledError):
        await running
    assert await session.select_value("select 1") == 1


async def _sleep(session: Any) -> None:
    await session.select("select pg_advisory_lock(271), pg_sleep(60)")


@pytest.mark.parametrize("check", PROBES.values())
async def test_a_capability_is_what_the_adapter_says(session: Any, config: Any, check: Probe) -> None:
    await check(session, config)


def test_every_capability_has_its_probe() -> None:
    assert set(PROBES) | WITHOUT_PROBE == set(ALL)
    assert not set(PROBES) & WITHOUT_PROBE


@pytest.mark.parametrize("name", FLAVOURS)
def test_what_an_adapter_refuses_it_explains(name: str) -> None:
    spec = FLAVOURS[name].spec
    for capability, support in spec.capabilities.items():
        refusal = spec.refusal(capability)
        assert isinstance(refusal, NotSupportedError)
        assert refusal.adapter == spec.name
        if support.level != "native":
            assert str(refusal) == f"{capability} is not available on {spec.name}: {support.reason}"
            assert support.reason[0].islower()
            assert not support.reason.endswith(".")


def test_both_flavours_of_an_adapter_are_one_spec() -> None:
    assert FLAVOURS["psycopg"].spec is FLAVOURS["psycopg-sync"].spec
    differing = {
        name
        for name, support in FLAVOURS["pyro"].spec.capabilities.items()
        if getattr(FLAVOURS["pyro-sync"].spec.capabilities, name) != support
    }
    assert differing == {"cancel", "concurrent_calls"}


@pytest.mark.parametrize("name", FLAVOURS)
def test_a_driver_keeps_the_signatures_of_the_contract(name: str) -> None:
    kind = FLAVOURS[name].driver_class
    contract = AsyncDriver if issubclass(kind, AsyncDriver) else SyncDriver
    assert not inspect.isabstract(kind)
    for method, declared in vars(contract).items():
        if method.startswith("_") or not inspect.isfunction(declared):
            continue
        found = getattr(kind, method)
        assert inspect.iscoroutinefunction(found) == inspect.iscoroutinefunction(declared), method
        ours, theirs = (list(inspect.signature(each).parameters.values()) for each in (declared, found))
        assert [(p.name, p.kind) for p in ours] == [(p.name, p.kind) for p in theirs], method


# -- where the driver tells nothing, the driver layer does not guess -----------------------------------------


async def test_a_refused_call_leaves_the_session_as_it_was(session: Any, flavour: Any) -> None:
    if flavour.spec.capabilities.stream:
        with pytest.raises(SQLSpecError, match="zero"):
            async with session.select_stream("select 1 / 0") as rows:
                assert [row async for row in rows]
    else:
        with pytest.raises(NotSupportedError, match="stream is not available on"):
            await session.select_stream("select 1").__aenter__()
    assert not session.in_transaction
    assert await session.select_value("select 1") == 1


async def test_a_commit_that_could_only_roll_back_is_noticed_on_every_adapter(session: Any) -> None:
    await session.execute("create table t (a int)")
    await session.begin()
    await session.execute("insert into t values (1)")
    with pytest.raises(SQLSpecError):
        await session.execute("select 1 / 0")
    with pytest.raises((TransactionError, SQLSpecError)):
        await session.commit()
    assert not session.in_transaction
    assert await session.select_value("select count(*) from t") == 0


async def test_rows_of_both_shapes_map_alike(session: Any) -> None:
    result = await session.execute("select 1 as a, null as b")
    assert result.all() == [{"a": 1, "b": None}]
    assert result.get_data(schema_type=tuple) == [(1, None)]
    with pytest.raises(MappingError):
        result.get_data(schema_type=int)
