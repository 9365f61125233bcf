"""What is recorded of statements, and budgets for them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from sqlspec import StatementStack
from sqlspec.driver._listeners import listeners
from sqlspec.exceptions import ParameterError, SQLSpecError
from sqlspec.testing import Recorder, assert_queries, record_queries
from tests.integration.harness import AsAsync, needs

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")


def plain(target: Any) -> Any:
    return target._target if isinstance(target, AsAsync) else target


def brief(recorded: Recorder) -> list[Any]:
    return [(each.operation, each.sql, each.rows) for each in recorded.statements]


async def test_each_call_is_one_statement(config: Any) -> None:
    with record_queries() as recorded:
        async with config.provide_session() as session:
            await session.execute("create table t (a int)")
            async with session.transaction():
                await session.execute_many("insert into t values ($1)", [1, 2, 3])
            await session.execute_script("select 1; select 2")
            await session.execute_stack(StatementStack().push_execute("select 1").push_execute("select 2"))
            await session.select("select * from t where a < $1", 3)
    assert brief(recorded) == [
        ("execute", "create table t (a int)", 0),
        ("execute_many", "insert into t values ($1)", 0),
        ("execute_script", "select 1; select 2", None),
        ("execute_stack", "select 1;\nselect 2", None),
        ("execute", "select * from t where a < $1", 2),
    ]
    assert all(each.ended and each.seconds > 0 and each.error is None for each in recorded.statements)
    assert recorded.seconds == pytest.approx(sum(each.seconds for each in recorded.statements))


@needs("stream")
async def test_a_stream_counts_once(config: Any) -> None:
    sql = "select n from generate_series(1, 5) as n"
    with record_queries() as recorded:
        async with config.provide_session() as session:
            for _ in range(2):
                async with session.select_stream(sql, chunk_size=2) as stream:
                    assert len([row async for row in stream]) == 5
    assert brief(recorded) == [("stream", sql, 5), ("stream", sql, 5)]


@needs("arrow_in", "arrow_out")
async def test_loads_and_arrow(config: Any) -> None:
    with assert_queries(exactly=3) as recorded:
        async with config.provide_session() as session:
            await session.execute("create table t (n int)")
            await session.load_from_records("t", [(n,) for n in range(5)])
            await session.select_to_arrow("select * from t")
    assert [(operation, rows) for operation, _, rows in brief(recorded)[1:]] == [("load", 5), ("stream", 5)]


async def test_a_failure_is_recorded(config: Any) -> None:
    with record_queries(plain(config)) as recorded:
        async with config.provide_session() as session:
            with pytest.raises(SQLSpecError):
                await session.select("select $1::int / 0", 7)
    (statement,) = recorded.statements
    assert statement.ended
    assert type(statement.error).__name__ in str(statement)
    assert "7" not in str(recorded).replace(f"{statement.seconds * 1000:.2f}", "")


async def test_the_table_tells_timings_rows_and_repeats(config: Any) -> None:
    with record_queries(plain(config)) as recorded:
        async with config.provide_session() as session:
            await session.select_value("select 0")
            for _ in range(3):
                await session.select("select\n  1 as one")
    lines = str(recorded).splitlines()
    assert re.fullmatch(r"4 statements in [\d.]+ ms", lines[0])
    assert re.fullmatch(r" +2 +[\d.]+ ms  execute +1 row  select 1 as one", lines[2])
    assert lines[5:] == ["     3 times: select 1 as one"]
    assert recorded.repeated() == {"select\n  1 as one": 3}
    assert recorded.slowest(1)[0].seconds == max(each.seconds for each in recorded.statements)
    recorded.clear()
    assert (len(recorded), str(recorded)) == (0, "no statements")


async def test_a_budget(config: Any) -> None:
    with assert_queries(max=2):
        async with config.provide_session() as session:
            await session.select_value("select 1")
    for budget in ({"max": 1}, {"exactly": 1}, {"exactly": 3}):
        with (
            pytest.raises(
                AssertionError, match=r"statements expected, 2 were run:\n2 statements(?s:.)*select 1"
            ) as caught,
            assert_queries(**budget),
        ):
            async with config.provide_session() as session:
                await session.select_value("select 1")
                await session.select_value("select 2")
        assert str(caught.value).startswith("at most 1" if "max" in budget else f"exactly {budget['exactly']}")
    with assert_queries(exactly=0):
        async with config.provide_session():
            pass


async def test_an_error_is_not_hidden_by_a_budget(config: Any) -> None:
    with pytest.raises(SQLSpecError, match="zero"), assert_queries(exactly=5):
        async with config.provide_session() as session:
            await session.select("select 1 / 0")


async def test_a_budget_of_one_session(flavour: Any) -> None:
    config = flavour.make_config(observers=[lambda event: None])
    async with config.provide_session() as one, config.provide_session() as other:
        with assert_queries(plain(one), exactly=1):
            await one.select_value("select 1")
            await other.select_value("select 2")
        with assert_queries(exactly=2):
            await one.select_value("select 1")
            await other.select_value("select 2")


async def test_a_budget_of_one_config(flavour: Any) -> None:
    config, another = flavour.make_config(), flavour.make_config()
    with assert_queries(plain(config), exactly=1), assert_queries(exactly=2):
        for each in (config, another):
            async with each.provide_session() as session:
                await session.select_value("select 1")


async def test_a_session_that_is_open_already_is_counted(config: Any) -> None:
    async with config.provide_session() as session, config.provide_session() as other:
        await session.begin()
        await session.execute("create table t (a int)")
        for target, count in ((plain(session), 3), (plain(config), 4), (None, 4)):
            with assert_queries(target, exactly=count) as recorded:
                await session.select_value("select 1")
                await session.execute_many("insert into t values ($1)", [1, 2])
                with pytest.raises(SQLSpecError):
                    async with session.savepoint():
                        await session.select("selec 1")
                await other.select_value("select 2")
            assert [type(each.error) for each in recorded.statements[:2]] == [type(None)] * 2
            assert recorded.statements[2].error is not None
        await session.commit()
        await session.select_value("select 3")
    assert len(recorded) == 4


async def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ParameterError, match="str given"), assert_queries("x", max=1):  # type: ignore[arg-type]
        pytest.fail("the block is not entered")


@pytest.mark.parametrize("budget", [{}, {"exactly": 1, "max": 1}, {"max": -1}, {"exactly": 1.5}, {"max": True}])
@pytest.mark.only("asyncpg")
async def test_a_budget_is_one_number(flavour: Any, budget: Any) -> None:
    with pytest.raises(ParameterError), assert_queries(**budget):
        pytest.fail("the block is not entered")


async def test_observers_of_the_config_hear_as_before(flavour: Any) -> None:
    events: list[Any] = []
    config = flavour.make_config(observers=[events.append])
    async with config.provide_session() as session:
        before = len(events)
        await session.select_value("select 1")
        usual = len(events) - before
        with record_queries(plain(session)) as recorded, record_queries() as all_of_them:
            before = len(events)
            await session.select_value("select 1")
            assert len(events) - before == usual
        await session.select_value("select 2")
    assert (len(recorded), len(all_of_them)) == (1, 1)


async def test_nothing_stays_behind(config: Any) -> None:
    with record_queries(), record_queries(plain(config)):
        async with config.provide_session():
            pass
    assert listeners == []
    async with config.provide_session() as session:
        assert "Observed" not in type(plain(session)).__name__


async def test_a_session_that_outlives_the_block_is_heard_no_longer(config: Any) -> None:
    context = config.provide_session()
    with record_queries() as recorded:
        session = await context.__aenter__()
        await session.select_value("select 1")
    await session.select_value("select 2")
    await context.__aexit__(None, None, None)
    assert len(recorded) == 1


async def test_recordings_of_several_tasks_may_overlap(config: Any) -> None:
    async def record(first: asyncio.Event, second: asyncio.Event) -> int:
        with record_queries() as recorded:
            first.set()
            async with config.provide_session() as session:
                await session.select_value("select 1")
            await second.wait()
        return len(recorded)

    one, two = asyncio.Event(), asyncio.Event()
    counts = await asyncio.gather(record(one, two), record(two, one))
    assert sum(counts) >= 2
    with assert_queries(exactly=0):
        pass
    assert listeners == []


async def test_a_recorder_is_an_observer(flavour: Any) -> None:
    recorder = Recorder()
    config = flavour.make_config(observers=[recorder])
    async with config.provide_session() as session:
        await session.select_value("select 1")
    assert brief(recorder) == [("execute", "select 1", 1)]
    assert repr(recorder).startswith("<Recorder: 1 statements")
