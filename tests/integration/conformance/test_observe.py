"""What observers are told: every statement, batch, script, stack, stream, transaction and checkout, no value."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sqlspec import StatementStack
from sqlspec.core.observe import (
    Checkin,
    Checkout,
    Connect,
    LoadProgress,
    PoolWait,
    Retry,
    StatementEnd,
    StatementStart,
    TransactionEnd,
    TransactionStart,
)
from sqlspec.exceptions import (
    DataError,
    ParameterError,
    PoolTimeoutError,
    QueryTimeoutError,
    SerializationConflictError,
    SQLSpecError,
)
from tests.integration.harness import needs
from tests.secrets import VALUE

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
            case TransactionStart():
                pass
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
    assert [type(event) for event in events] == [Connect, Checkout, Checkin, Checkout, Checkin]
    assert all(event.adapter == flavour.spec.name and event.seconds >= 0 for event in events)
    connect, checkout, checkin = events[:3]
    assert connect.error is checkout.error is None
    assert checkout.seconds >= connect.seconds > 0
    assert checkin.seconds < 60


async def test_waiting_in_vain_for_a_connection(flavour: Any, events: list[Any]) -> None:
    config = flavour.make_config(observers=[events.append], max_size=1, acquire_timeout=0.05)
    async with config.provide_session():
        events.clear()
        with pytest.raises(PoolTimeoutError):
            async with config.provide_session():
                pass
        wait, checkout = events
    assert type(wait) is PoolWait
    assert type(checkout) is Checkout
    assert type(checkout.error) is PoolTimeoutError
    assert 0.04 < checkout.seconds < 30


async def test_a_connection_that_cannot_be_opened(flavour: Any, events: list[Any]) -> None:
    config = flavour.make_config(observers=[events.append], database="no_such_database")
    with pytest.raises(SQLSpecError) as caught:
        async with config.provide_session():
            pass
    connect, checkout = events
    assert (type(connect), type(checkout)) == (Connect, Checkout)
    assert type(connect.error) is type(checkout.error) is type(caught.value)


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
        start, end = events
        assert type(start) is TransactionStart
        assert start.transaction == end.transaction
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


async def test_a_limit_is_told_as_the_caller_gets_it(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        events.clear()
        for call in (session.select, session.execute, session.execute_script):
            with pytest.raises(QueryTimeoutError):
                await call("select pg_sleep(20)", timeout=0.1)
            assert brief(events)[-1][-1] is QueryTimeoutError
        assert await session.select_value("select 1") == 1


async def test_start_and_end_have_the_same_number(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        events.clear()
        await session.select("select 1")
        await session.execute_script("select 1; select 2")
        with pytest.raises(SQLSpecError):
            await session.select("select 1 / 0")
    numbers = [event.call for event in events if isinstance(event, (StatementStart, StatementEnd))]
    assert numbers[0::2] == numbers[1::2]
    assert len(set(numbers)) == 3
    assert sorted(numbers) == numbers


async def test_a_transaction_that_is_run_again(observed: Any, events: list[Any], flavour: Any) -> None:
    attempts: list[int] = []

    async def work(session: Any) -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise SerializationConflictError("made up")
        return "done"

    async with observed.provide_session() as session:
        events.clear()
        assert await session.run_in_transaction(work, retries=4) == "done"
    retries = [event for event in events if isinstance(event, Retry)]
    assert [(retry.adapter, retry.left) for retry in retries] == [(flavour.spec.name, 4), (flavour.spec.name, 3)]
    assert {type(retry.error) for retry in retries} == {SerializationConflictError}
    outcomes = [event.outcome for event in events if isinstance(event, TransactionEnd)]
    assert outcomes == ["rollback", "rollback", "commit"]


@needs("arrow_in")
async def test_the_progress_of_loads(observed: Any, events: list[Any], tmp_path: Path) -> None:
    own: list[int] = []
    file = tmp_path / "rows.csv"
    file.write_text("n\n1\n2\n3\n")
    async with observed.provide_session() as session:
        await session.execute("create table t (n int)")
        records = [(n,) for n in range(5)]
        for call, sent in (
            (partial(session.load_from_records, "t", records, progress=lambda job: own.append(job.rows)), [2, 4, 5]),
            (partial(session.load_from_storage, "t", file), [2, 3]),
        ):
            events.clear()
            await call(batch_rows=2)
            told = [event for event in events if isinstance(event, LoadProgress)]
            (start,) = (event for event in events if isinstance(event, StatementStart))
            (end,) = (event for event in events if isinstance(event, StatementEnd))
            assert {(event.call, event.sql) for event in told} == {(start.call, 'load into "t"')}
            assert (end.call, end.sql, end.rows) == (start.call, start.sql, sent[-1])
            assert [event.rows for event in told] == sent
            sizes = [event.bytes for event in told]
            assert sizes == sorted(sizes)
            assert sizes[0] > 0
    assert own == [2, 4, 5]


@needs("arrow_in")
async def test_a_load_that_fails_is_told_once(observed: Any, events: list[Any]) -> None:
    async with observed.provide_session() as session:
        await session.execute("create domain small as int check (value < 3)")
        await session.execute("create table t (n small)")
        events.clear()
        with pytest.raises(SQLSpecError):
            await session.load_from_records("t", [(1,), (7,)])
        with pytest.raises(ParameterError):
            await session.load_from_records("t", [(1,)], progress="no function")
        with pytest.raises(DataError):
            await session.load_from_records("t", [("no number",)])
    ends = [event for event in events if isinstance(event, StatementEnd)]
    starts = [event for event in events if isinstance(event, StatementStart)]
    assert [start.call for start in starts] == [end.call for end in ends]
    assert len(ends) == 2
    assert type(ends[1].error) is DataError


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
        async with config.provide_session() as session, session.transaction():
            assert await session.select_value("select 1") == 1
    assert [type(event) for event in events] == [
        *(Connect, Checkout, TransactionStart, StatementStart, StatementEnd, TransactionEnd, Checkin)
    ]
    (record,) = caplog.records
    assert record.message == "an observer failed on Connect; its next failures are not logged"


async def test_an_observer_that_raises_what_it_is_told_of(flavour: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The caller's error keeps its cause, and the server's words are not logged."""

    def broken(event: Any) -> None:
        if getattr(event, "error", None) is not None:
            raise event.error

    config = flavour.make_config(observers=[broken])
    async with config.provide_session() as session:
        with pytest.raises(SQLSpecError) as caught:
            await session.select(f"select '{VALUE}'::int")
    assert caught.value.__cause__ is not None
    assert [record.exc_info for record in caplog.records if record.name == "sqlspec"] == [None]


async def test_an_observer_may_ask_for_its_database(flavour: Any) -> None:
    class Curious:
        databases: list[Any] = []
        events: list[Any] = []

        def for_database(self, database: Any) -> Any:
            self.databases.append(database)
            return self.events.append

        def __call__(self, event: Any) -> None:
            raise AssertionError("not told itself")

    config = flavour.make_config(observers=[Curious()], max_size=3, password="s3cret-value")
    async with config.provide_session() as session:
        await session.select("select 1")
        (database,) = Curious.databases
        assert (database.adapter, database.schema) == (flavour.spec.name, flavour.schema)
        assert database.max_size == 3
        assert database.stats().in_use == 1
        assert SECRET not in repr(database)
    assert StatementEnd in map(type, Curious.events)


async def test_every_observer_is_told_in_order(flavour: Any) -> None:
    calls: list[str] = []
    config = flavour.make_config(observers=[lambda _: calls.append("first"), lambda _: calls.append("second")])
    async with config.provide_session() as session:
        await session.execute("select 1")
    assert calls == ["first", "second"] * 5


async def test_a_session_without_observers_is_the_plain_class(config: Any, observed: Any) -> None:
    async with config.provide_session() as plain, observed.provide_session() as watched:
        kinds = {type(getattr(session, "_target", session)).__name__ for session in (plain, watched)}
    assert kinds in ({"AsyncSession", "AsyncObservedSession"}, {"SyncSession", "SyncObservedSession"})
