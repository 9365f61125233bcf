"""Spans and metrics, as OpenTelemetry's own in-memory exporters get them."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from sqlspec import StatementStack
from sqlspec.exceptions import ParameterError, PoolTimeoutError, SerializationConflictError, SQLSpecError
from sqlspec.observability.opentelemetry import OpenTelemetryObserver
from tests.integration.harness import needs
from tests.integration.telemetry import Telemetry
from tests.secrets import VALUE as SECRET


@pytest.fixture
def telemetry() -> Any:
    made = Telemetry()
    yield made
    made.shutdown()


@pytest.fixture
def observed(flavour: Any, telemetry: Telemetry) -> Any:
    return flavour.make_config(observers=[telemetry.observer])


def settings_of(config: Any) -> Any:
    return config.settings


async def test_a_span_has_the_attributes_of_the_conventions(observed: Any, telemetry: Telemetry, flavour: Any) -> None:
    settings = settings_of(observed)
    async with observed.provide_session() as session:
        await session.select("select $1::int4 as n, 'x' as s /* c */", 7)
    (span,) = telemetry.spans()
    namespace = f"{settings.database}|{flavour.schema}"
    assert span.name == f"SELECT {namespace}"
    assert span.kind is SpanKind.CLIENT
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        "db.system.name": "postgresql",
        "db.namespace": namespace,
        "db.operation.name": "SELECT",
        "db.query.text": "select $1::int4 as n, ? as s",
        "server.address": settings.hosts[0],
        "server.port": settings.ports[0],
    }
    assert span.instrumentation_scope.schema_url.startswith("https://opentelemetry.io/schemas/")


async def test_spans_nest_under_the_callers(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        with telemetry.tracer.start_as_current_span("outer") as outer:
            await session.select("select 1")
            async with session.transaction():
                with telemetry.tracer.start_as_current_span("inner") as inner:
                    await session.execute("select 2")
            await session.execute_script("select 3; select 4")
    found = {span.attributes.get("db.query.text", span.name.split()[0]): span for span in telemetry.spans()}
    expected = {"select ?": inner, "TRANSACTION": outer, "select ?; select ?": outer}
    assert {text: found[text].parent.span_id for text in expected} == {
        text: parent.get_span_context().span_id for text, parent in expected.items()
    }
    assert {span.context.trace_id for span in found.values()} == {outer.get_span_context().trace_id}
    transaction = found["TRANSACTION"]
    assert transaction.attributes["sqlspec.transaction.outcome"] == "commit"
    assert transaction.start_time <= found["select ?"].start_time <= transaction.end_time


async def test_spans_of_tasks_that_take_turns(observed: Any, telemetry: Telemetry) -> None:
    """Each task has a span of its own, all run at the same time, and each waits in the middle of its statements."""

    async def work(number: int) -> tuple[int, int]:
        with telemetry.tracer.start_as_current_span(f"task {number}") as own:
            async with observed.provide_session() as session:
                for _ in range(3):
                    await session.select(f"select pg_sleep(0.01), 1 as task_{number}")
                    await asyncio.sleep(0)
            return number, own.get_span_context().span_id

    parents = dict(await asyncio.gather(*map(work, range(4))))
    spans = [span for span in telemetry.spans() if span.kind is SpanKind.CLIENT]
    assert len(spans) == 12
    for span in spans:
        number = int(span.attributes["db.query.text"].rpartition("_")[2])
        assert span.parent.span_id == parents[number]


@needs("concurrent_calls")
async def test_a_task_inherits_the_callers_span(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        with telemetry.tracer.start_as_current_span("caller") as caller:
            task = asyncio.ensure_future(session.select("select pg_sleep(0.05)"))
        with telemetry.tracer.start_as_current_span("other") as other:
            await session.select("select 1")
        await task
    parents = {span.attributes.get("db.query.text"): span.parent for span in telemetry.spans()}
    assert parents["select pg_sleep(?)"].span_id == caller.get_span_context().span_id
    assert parents["select ?"].span_id == other.get_span_context().span_id


@needs("sqlstate")
async def test_an_error(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        await session.execute("create table t (a text primary key)")
        await session.execute("insert into t values ($1)", SECRET)
        telemetry.spans()
        for sql, args, kind, code in (
            ("select 1 / 0", (), "DataError", "22012"),
            ("selec 1", (), "SQLParsingError", "42601"),
            ("insert into t values ($1)", (SECRET,), "UniqueViolationError", "23505"),
        ):
            with pytest.raises(SQLSpecError):
                await session.execute(sql, *args)
            (span,) = telemetry.spans()
            assert span.status.status_code is StatusCode.ERROR
            assert span.attributes["error.type"] == span.status.description == kind
            assert span.attributes["db.response.status_code"] == code
            assert SECRET not in span.to_json()
            (point,) = [
                point
                for point in telemetry.metrics()["db.client.operation.duration"]
                if point.attributes.get("error.type") == kind
            ]
            assert point.attributes["db.response.status_code"] == code
            assert point.count == 1


async def test_an_error_without_a_code(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        with pytest.raises(SQLSpecError):
            await session.select("select pg_sleep(20)", timeout=0.1)
    (span,) = telemetry.spans()
    assert span.attributes["error.type"] == "QueryTimeoutError"
    assert span.status.status_code is StatusCode.ERROR


async def test_several_statements_at_a_time(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        await session.execute("create table t (a int)")
        telemetry.spans()
        await session.execute_many("insert into t values ($1)", [1, 2, 3])
        await session.execute_script("select 1; update t set a = 5; select 3")
        await session.execute_stack(StatementStack().push_execute("select 1").push_execute("select a from t"))
    spans = [dict(span.attributes) for span in telemetry.spans() if span.kind is SpanKind.CLIENT]
    assert [
        (span["db.operation.name"], span["db.query.text"], span.get("db.operation.batch.size")) for span in spans
    ] == [
        ("BATCH INSERT", "insert into t values ($1)", None),
        ("BATCH", "select ?; update t set a = ?; select ?", 3),
        ("BATCH SELECT", "select ?;\nselect a from t", 2),
    ]


async def test_a_word_that_is_no_verb_is_no_name(observed: Any, telemetry: Telemetry) -> None:
    """What users type must not make a span's name, and a time series, of each first word."""
    async with observed.provide_session() as session:
        with pytest.raises(SQLSpecError):
            await session.select("hunter2 from t")
    (span,) = telemetry.spans()
    assert "db.operation.name" not in span.attributes
    assert span.name.startswith("execute ")
    assert "hunter2" not in repr(telemetry.metrics()).lower()


@needs("arrow_in")
async def test_a_load(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        await session.execute("create table t (a text)")
        telemetry.spans()
        await session.load_from_records("t", [(SECRET,)] * 5, batch_rows=2)
    span = next(span for span in telemetry.spans() if span.kind is SpanKind.CLIENT)
    assert span.name == 'LOAD "t"'
    assert (span.attributes["db.operation.name"], span.attributes["db.collection.name"]) == ("LOAD", '"t"')
    assert "db.query.text" not in span.attributes
    metrics = telemetry.metrics()
    assert [point.value for point in metrics["sqlspec.load.rows"]] == [5]
    assert metrics["sqlspec.load.size"][0].value > 5 * len(SECRET)


async def test_the_metrics(flavour: Any, telemetry: Telemetry) -> None:
    config = flavour.make_config(observers=[telemetry.observer], max_size=1, acquire_timeout=0.05)
    attempts: list[int] = []

    async def work(session: Any) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise SerializationConflictError("made up")

    async with config.provide_session() as session:
        await session.select("select generate_series(1, 3)")
        await session.run_in_transaction(work)
        with pytest.raises(PoolTimeoutError):
            async with config.provide_session():
                pass
        busy = telemetry.metrics()
    idle = telemetry.metrics()
    (duration,) = busy["db.client.operation.duration"]
    assert duration.count == 1
    assert duration.attributes["db.operation.name"] == "SELECT"
    assert duration.explicit_bounds == (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
    assert busy["db.client.response.returned_rows"][0].sum == 3
    outcomes = {
        point.attributes["sqlspec.transaction.outcome"]: point.count for point in busy["sqlspec.transaction.duration"]
    }
    assert outcomes == {"rollback": 1, "commit": 1}
    (retry,) = busy["sqlspec.transaction.retries"]
    assert (retry.value, retry.attributes["error.type"]) == (1, "SerializationConflictError")
    for name in ("create_time", "wait_time"):
        assert busy[f"db.client.connection.{name}"][0].count == 1
    assert busy["db.client.connection.timeouts"][0].value == 1
    assert idle["db.client.connection.use_time"][0].count == 1
    settings = settings_of(config)
    pool = f"{settings.hosts[0]}:{settings.ports[0]}/{settings.database}|{flavour.schema}"
    for name, value in (("max", 1), ("idle.max", 1), ("idle.min", 0), ("pending_requests", 0)):
        (point,) = busy[f"db.client.connection.{name}"]
        assert (dict(point.attributes), point.value) == ({"db.client.connection.pool.name": pool}, value)
    assert [counts(each) for each in (busy, idle)] == [{"idle": 0, "used": 1}, {"idle": 1, "used": 0}]


def counts(metrics: dict[str, list[Any]]) -> dict[str, int]:
    points = metrics["db.client.connection.count"]
    return {point.attributes["db.client.connection.state"]: point.value for point in points}


async def test_a_config_that_is_gone_is_no_longer_measured(flavour: Any, telemetry: Telemetry) -> None:
    config = flavour.config_class({"host": "nowhere.invalid"}, observers=[telemetry.observer])
    assert "db.client.connection.max" in telemetry.metrics()
    del config
    gc.collect()
    assert "db.client.connection.max" not in telemetry.metrics()


async def test_texts_as_they_are_or_not_at_all(flavour: Any, telemetry: Telemetry) -> None:
    sql = "select 1 as n -- why"
    choices: list[tuple[Any, str | None]] = [("verbatim", sql), ("none", None)]
    for choice, text in choices:
        observer = OpenTelemetryObserver(tracer_provider=telemetry.spans_of, query_text=choice, transactions=False)
        config = flavour.make_config(observers=[observer])
        async with config.provide_session() as session, session.transaction():
            await session.select(sql)
        (span,) = telemetry.spans()
        assert span.attributes.get("db.query.text") == text
        assert span.attributes["db.operation.name"] == "SELECT"
    with pytest.raises(ParameterError, match="query_text"):
        OpenTelemetryObserver(query_text="all")  # type: ignore[arg-type]


@needs("stream")
async def test_no_value_and_no_literal_is_exported(observed: Any, telemetry: Telemetry) -> None:
    async with observed.provide_session() as session:
        await session.select("select :a::text as a", a=SECRET)
        await session.select(f"select '{SECRET}' as a, $x${SECRET}$x$ as b")
        await session.execute_script(f"select E'{SECRET}'; /* {SECRET} */ select 1")
        await session.execute("create table t (a text primary key, b int)")
        await session.execute_many("insert into t values ($1, 1)", [SECRET])
        for bad in ((SECRET, 1), ("y", SECRET)):
            with pytest.raises(SQLSpecError):
                await session.execute("insert into t values ($1, $2)", bad)
        with pytest.raises(SQLSpecError):
            await session.execute(f"select '{SECRET}'::int")
        async with session.select_stream("select a from t where a = $1", SECRET) as stream:
            assert [row async for row in stream] == [{"a": SECRET}]
    spans = telemetry.spans()
    assert len(spans) > 8
    assert [span.name for span in spans if SECRET in span.to_json()] == []
    assert SECRET not in repr(telemetry.metrics())
