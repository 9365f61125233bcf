"""Structured logs with correlation, and the record of slow statements with their plans."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sqlspec.exceptions import SQLSpecError
from sqlspec.observability import (
    CorrelationFilter,
    JSONFormatter,
    LoggingObserver,
    SlowStatements,
    correlation,
    correlation_id,
)
from tests.integration.harness import needs
from tests.secrets import VALUE as SECRET


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign, assignment]
    loggers = [logging.getLogger(name) for name in ("sqlspec.events", "sqlspec.slow")]
    for logger in loggers:
        caplog.set_level(logging.DEBUG, logger.name)
        logger.addHandler(handler)
    yield found
    for logger in loggers:
        logger.removeHandler(handler)


def told(records: list[Any]) -> list[dict[str, Any]]:
    found = [record.sqlspec for record in records if hasattr(record, "sqlspec")]
    records.clear()
    return found


async def test_the_fields_of_records(flavour: Any, records: list[Any]) -> None:
    config = flavour.make_config(observers=[LoggingObserver()])
    async with config.provide_session() as session:
        assert [entry["event"] for entry in told(records)] == ["pool.connect", "pool.checkout"]
        async with session.transaction():
            await session.select(f"select $1::text as a, '{SECRET}' as b", SECRET)
        begin, start, end, transaction = told(records)
        assert (begin["event"], begin["transaction"]) == ("transaction.start", transaction["transaction"])
        assert start == {
            "event": "statement.start",
            "adapter": flavour.spec.name,
            "operation": "execute",
            "sql": "select $1::text as a, ? as b",
            "call": end["call"],
        }
        assert (end["event"], end["rows"], end["sql"]) == ("statement.end", 1, start["sql"])
        assert 0 <= end["seconds"] < 60
        assert (transaction["event"], transaction["outcome"]) == ("transaction.end", "commit")
        with pytest.raises(SQLSpecError) as caught:
            await session.select(f"select '{SECRET}'::int")
        assert {record.levelname for record in records if "error.type=" in record.getMessage()} == {"WARNING"}
        assert SECRET not in " ".join(map(repr, (record.__dict__ for record in records)))
        assert told(records)[-1]["error.type"] == type(caught.value).__name__


async def test_records_of_tasks_have_the_identifiers_of_their_callers(flavour: Any, records: list[Any]) -> None:
    config = flavour.make_config(observers=[LoggingObserver()])

    async def work(number: int) -> None:
        with correlation(f"request-{number}") as chosen:
            assert correlation_id() == chosen == f"request-{number}"
            async with config.provide_session() as session:
                await session.select(f"select pg_sleep(0.01), 1 as task_{number}")
                await asyncio.sleep(0)
                await session.select(f"select 1 as task_{number}")

    await asyncio.gather(*map(work, range(3)))
    with correlation() as first, correlation() as second:
        assert len({first, second}) == 2
    assert correlation_id() is None
    statements = [record for record in records if "sql" in getattr(record, "sqlspec", {})]
    assert len(statements) == 12
    for record in statements:
        assert record.correlation_id == f"request-{record.sqlspec['sql'][-1]}"


async def test_lines_of_json(flavour: Any, records: list[Any]) -> None:
    config = flavour.make_config(observers=[LoggingObserver(level=logging.INFO)])
    with correlation("request-1"):
        async with config.provide_session() as session:
            records.clear()
            await session.select("select 1 as n")
        logging.getLogger("sqlspec.events").info("of the application")
    lines = [json.loads(JSONFormatter().format(record)) for record in records]
    end = next(line for line in lines if line.get("event") == "statement.end")
    assert (end["correlation_id"], end["level"], end["sql"]) == ("request-1", "INFO", "select ? as n")
    own = records[-1]
    with correlation("request-2"):
        assert CorrelationFilter().filter(own)
    assert own.correlation_id == "request-2"


@pytest.mark.parametrize("group", [False, True])
async def test_a_traceback_in_json_quotes_no_stored_value(config: Any, group: bool) -> None:
    async with config.provide_session() as session:
        await session.execute("create table t (a text primary key)")
        await session.execute("insert into t values ($1)", SECRET)
        try:
            try:
                await session.execute("insert into t values ($1)", SECRET)
            except SQLSpecError as error:
                own = RuntimeError("of the application")
                raise (ExceptionGroup("both", [error, own]) if group else own) from error
        except Exception:
            record = logging.LogRecord("app", logging.ERROR, "", 1, "failed", (), sys.exc_info())
    line = json.loads(JSONFormatter().format(record))
    assert "of the application" in line["exception"]
    assert "in test_a_traceback_in_json" in line["exception"]
    assert "sqlspec.exceptions." in line["exception"]
    assert SECRET not in line["exception"]


async def test_a_level_that_is_off_costs_no_text(flavour: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "sqlspec.events")
    config = flavour.make_config(observers=[LoggingObserver()])
    async with config.provide_session() as session:
        await session.select("select 1")
        with pytest.raises(SQLSpecError):
            await session.select("selec 1")
    (record,) = caplog.records
    assert record.sqlspec["event"] == "statement.end"  # type: ignore[attr-defined]


# -- slow statements -----------------------------------------------------------------------------------------


async def plan_of(entry: Any) -> str:
    """Wait until the plan has come."""
    async with asyncio.timeout(30):
        while entry.plan is None:
            await asyncio.sleep(0.01)
    plan: str = entry.plan
    return plan


async def test_slow_statements_are_logged_and_kept(flavour: Any, records: list[Any]) -> None:
    slow = SlowStatements(0.2, keep=2)
    config = flavour.make_config(observers=[slow])
    with correlation("request-7"):
        async with config.provide_session() as session:
            await session.select("select 1")
            await session.select("select pg_sleep($1::float8), 'x' as s", 0.25)
    (entry,) = slow.entries
    assert (entry.sql, entry.rows, entry.error, entry.plan) == ("select pg_sleep($1::float8), ? as s", 1, None, None)
    assert entry.correlation_id == "request-7"
    assert entry.seconds > 0.2
    (fields,) = told(records)
    assert (fields["event"], fields["sql"]) == ("statement.slow", entry.sql)


async def test_the_plan_of_a_slow_statement(flavour: Any, records: list[Any]) -> None:
    """Asked for inside the transaction that ran the statement, which goes on as if nothing had been."""
    slow = SlowStatements(0, explain=True)
    config = flavour.make_config(observers=[slow])
    async with config.provide_session() as session:
        await session.execute("create table t (id int primary key, name text)")
        slow.entries.clear()
        sql = f"update t set name = :name where name = '{SECRET}' and id < 77"
        async with session.transaction():
            await session.execute(sql, name=SECRET)
            entry = slow.entries[0]
            plan = await plan_of(entry)
            await session.execute("insert into t values (1, 'x')")
            assert session.in_transaction
        assert await session.select_value("select count(*) from t") == 1
    assert "Update on t" in plan
    assert "(name = ?::text)" in plan
    assert "(cost=" in plan
    assert SECRET not in plan
    assert "77" not in plan
    assert any(entry.get("plan") == plan for entry in told(records))


async def test_a_plan_on_demand(flavour: Any) -> None:
    slow = SlowStatements(0, query_text="verbatim")
    config = flavour.make_config(observers=[slow])
    async with config.provide_session() as session:
        await session.select("select 1 from pg_class where reltuples > $1::float8 and relpages = 5", 1)
        with pytest.raises(SQLSpecError) as caught:
            await session.select("select * from missing")
        await session.execute_script("select 1; select 2")
        for entry in slow.entries:
            assert entry.plan is None
            slow.explain(entry) if not flavour.is_sync else await asyncio.to_thread(slow.explain, entry)
        plans = [await plan_of(entry) for entry in slow.entries]
    # A plan for a NULL would be that nothing is found.
    assert "(reltuples > $1)" in plans[0]
    assert "(relpages = 5)" in plans[0]
    assert plans[1:] == [f"no plan: {type(caught.value).__name__}", "no plan: execute_script has none"]


async def test_planning_changes_nothing(flavour: Any) -> None:
    """What is declared as immutable is called by the planner, whatever it does."""
    slow = SlowStatements(0)
    config = flavour.make_config(observers=[slow])
    async with config.provide_session() as session:
        await session.execute("create sequence s")
        await session.execute(
            "create function lies() returns bigint language plpgsql immutable as $$ begin return nextval('s'); end $$"
        )
        await session.select("select 1 from pg_class where relpages > lies()")
        before = await session.select_value("select last_value from s")
        entry = slow.entries[-2]
        slow.explain(entry) if not flavour.is_sync else await asyncio.to_thread(slow.explain, entry)
        assert (await plan_of(entry)).startswith("no plan: ")
        assert await session.select_value("select last_value from s") == before


@pytest.mark.only("asyncpg", "psycopg")
async def test_a_plan_that_is_given_up_is_told(flavour: Any) -> None:
    """The planner waits for a lock when the pool is closed."""
    slow = SlowStatements(0)
    config = flavour.make_config(observers=[slow])
    waiting = "select exists (select from pg_locks where relation = 't'::regclass and not granted)"
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        await session.select("select a from t")
        entry = slow.entries[-1]
        await session.begin()
        await session.execute("lock table t in access exclusive mode")
        slow.explain(entry)
        while not await session.select_value(waiting):
            await asyncio.sleep(0.01)
        await config.close(0)
    assert await plan_of(entry) == "no plan: CancelledError"


async def test_no_plan_without_a_free_connection(flavour: Any) -> None:
    slow = SlowStatements(0, explain=True)
    config = flavour.make_config(observers=[slow], max_size=1)
    async with config.provide_session() as session:
        await session.select("select 1")
        assert await plan_of(slow.entries[0]) == "no plan: OperationalError"
        await session.select("select 1")
        assert slow.entries[1].plan is None  # the same text, a moment ago


@needs("arrow_in")
async def test_a_slow_load_has_no_plan(flavour: Any) -> None:
    slow = SlowStatements(0, explain=True)
    config = flavour.make_config(observers=[slow])
    async with config.provide_session() as session:
        await session.execute("create table t (a int)")
        await session.load_from_records("t", [(1,)])
    entry = slow.entries[-1]
    assert (entry.sql, entry.plan) == ('load into "t"', None)
    slow.explain(entry)
    assert entry.plan == "no plan: load has none"
