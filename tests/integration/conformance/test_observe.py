"""What observers are told: every statement, batch, script, stack, stream, transaction and checkout, no value."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sqlspec import StatementStack
from sqlspec.core.observe import Checkout, StatementEnd, StatementStart, TransactionEnd
from sqlspec.exceptions import ParameterError, SQLSpecError
from tests.integration.harness import needs

SECRET = "s3cret-value"


@pytest.fixture
def events() -> list[Any]:
    return []


@pytest.fixture
def observed(flavour: Any, events: list[Any]) -> Any:
    return flavour.make_config(observers=[events.append])


def brief(events: list[Any]) -> list[Any]:
    """Return the events without times and adapters, and forget them."""
    told: list[Any] = []
    for event in events:
        match event:
            case StatementStart():
                told.append(("start", event.operation, event.sql))
            case StatementEnd():
                told.append(("end", event.operation, event.sql, event.rows, type(event.error)))
            case TransactionEnd():
                told.append(("transaction", event.outcome))
            case Checkout():
                told.append(("checkout",))
    events.clear()
    return told


def both(operation: str, sql: str, rows: int | None) -> list[Any]:
    return [("start", operation, sql), ("end", operation, sql, rows, type(None))]


async def test_a_checkout_and_nothing_else(observed: Any, events: list[Any], flavour: Any) -> None:
    async with observed.provide_session():
        pass
    async with observed.provide_connection():
        pass
    assert [type(event) for event in events] == [Checkout, Checkout]
    assert all(event.adapter == flavour.spec.name and event.seconds >= 0 for event in events)


async def test_every_way_to_run_one_statement(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        events.clear()
        sql = "select n from generate_series(1, :count) as n"
        for method in (session.select, session.execute):
            await method(sql, count=3)
            assert brief(events) == both("execute", sql, 3)
        for method in (session.select_one, session.select_one_or_none, session.select_value):
            await method(sql, {"count": 1})
            assert brief(events) == both("execute", sql, 1)
        await session.execute("create table t (a int)")
        assert brief(events) == both("execute", "create table t (a int)", 0)
        await session.notify("channel", SECRET)
        assert [entry[0] for entry in brief(events)] == ["start", "end"]


async def test_batches_scripts_and_stacks(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        await session.execute("create table t (a int)")
        events.clear()
        insert = "insert into t values ($1)"
        await session.execute_many(insert, [1, 2])
        told = brief(events)
        assert [entry for entry in told if entry[0] != "transaction"] == both("execute_many", insert, 0)
        await session.execute_script("select 1; select 2")
        assert brief(events) == both("execute_script", "select 1; select 2", None)
        await session.execute_stack(StatementStack().push_execute(insert, 3).push_execute("select 1"))
        told = brief(events)
        assert [entry for entry in told if entry[0] != "transaction"] == both(
            "execute_stack", f"{insert};\nselect 1", None
        )


@needs("stream")
async def test_streams(observed: Any, events: list[Any]) -> None:
    sql = "select n from generate_series(1, 5) as n"
    async with observed.provide_session() as session:
        events.clear()
        async with session.select_stream(sql, chunk_size=2) as stream:
            assert len([row async for row in stream]) == 5
    told = brief(events)
    assert {entry[1] for entry in told if entry[0] == "start"} == {"stream"}
    assert {entry[2] for entry in told if entry[0] == "end"} == {sql}
    assert sum(entry[3] or 0 for entry in told if entry[0] == "end") == 5
    assert told[-1] == ("transaction", "commit")


@needs("arrow_in", "arrow_out")
async def test_arrow(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        await session.execute("create table t (n int)")
        events.clear()
        await session.load_from_records("t", [(n,) for n in range(5)])
        assert brief(events) == [*both("load", 'load into "t"', 5), ("transaction", "commit")]
        await session.select_to_arrow("select * from t")
        assert brief(events) == [*both("stream", "select * from t", 5), ("transaction", "commit")]
        async with await session.select_to_arrow("select * from t", return_format="reader") as reader:
            await reader.read_all()
        told = brief(events)
        assert {entry[1] for entry in told if entry[0] == "start"} == {"stream"}
        assert sum(entry[3] or 0 for entry in told if entry[0] == "end") == 5
        assert told[-1] == ("transaction", "commit")


async def test_transactions(observed: Any, events: list[Any], flavour: Any) -> None:
    async with observed.provide_session() as session:
        events.clear()
        async with session.transaction():
            await session.execute("select 1")
            assert brief(events) == both("execute", "select 1", 1)
            async with session.savepoint():
                pass
        assert brief(events) == [("transaction", "commit")]
        await session.begin()
        await session.rollback()
        (end,) = events
        assert (end.adapter, end.outcome) == (flavour.spec.name, "rollback")
        assert 0 <= end.seconds < 60
        events.clear()
        with pytest.raises(SQLSpecError, match="zero"):
            async with session.transaction():
                await session.execute("select 1 / 0")
        assert brief(events)[-1] == ("transaction", "rollback")


async def test_an_error_is_told_as_the_caller_gets_it(observed: Any, events: list[Any], flavour: Any) -> None:
    async with observed.provide_session() as session:
        events.clear()
        for sql in ("selec 1", "select 1 / 0", "select $1::int"):
            args = (SECRET,) if "$1" in sql else ()
            with pytest.raises(SQLSpecError) as caught:
                await session.select(sql, *args)
            start, end = events
            assert (start.adapter, start.operation, start.sql) == (flavour.spec.name, "execute", sql)
            assert type(end.error) is type(caught.value)
            assert str(end.error) == str(caught.value)
            assert end.rows is None
            assert end.seconds >= 0
            events.clear()


async def test_what_is_refused_before_sending_is_not_told(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        events.clear()
        with pytest.raises(ParameterError):
            await session.select("select $1::int")
        with pytest.raises(SQLSpecError):
            await session.execute("select 1; select 2")
        with pytest.raises(SQLSpecError):
            await session.execute_script("")
    assert brief(events) == []


async def test_no_event_holds_a_value(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        await session.select("select $1::text as a", SECRET)
        await session.select("select :a::text as a", a=SECRET)
        await session.execute("create table t (a text primary key, b int)")
        await session.execute_many("insert into t values ($1, 1)", [SECRET])
        for bad in ((SECRET, 1), ("y", SECRET)):
            with pytest.raises(SQLSpecError):
                await session.execute("insert into t values ($1, $2)", bad)
        with pytest.raises(SQLSpecError):
            await session.execute_many("insert into t values ($1, $2)", [("y", SECRET)])
        await session.execute_stack([("select $1::text as a", SECRET)])
        async with session.with_settings({"my.setting": SECRET}):
            pass
    assert events
    for event in events:
        assert SECRET not in repr(event)


async def test_an_observer_that_raises_harms_nobody(
    flavour: Any, events: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Any) -> None:
        raise RuntimeError("own words")

    config = flavour.make_config(observers=[broken, events.append])
    with caplog.at_level(logging.ERROR, logger="sqlspec"):
        async with config.provide_session() as session:
            assert await session.select_value("select 1") == 1
    assert [type(event) for event in events] == [Checkout, StatementStart, StatementEnd]
    assert [record.message for record in caplog.records] == [
        "an observer failed on Checkout",
        "an observer failed on StatementStart",
        "an observer failed on StatementEnd",
    ]


async def test_every_observer_is_told_in_order(flavour: Any) -> None:
    calls: list[str] = []
    config = flavour.make_config(observers=[lambda _: calls.append("first"), lambda _: calls.append("second")])
    async with config.provide_session() as session:
        await session.execute("select 1")
    assert calls == ["first", "second"] * 3


async def test_a_session_without_observers_is_the_plain_class(config: Any, observed: Any) -> None:
    async with config.provide_session() as plain, observed.provide_session() as watched:
        kinds = {type(getattr(session, "_target", session)).__name__ for session in (plain, watched)}
    assert kinds in ({"AsyncSession", "AsyncObservedSession"}, {"SyncSession", "SyncObservedSession"})
