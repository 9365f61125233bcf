"""What is sent and what protects it stays out of logs, events, errors and every `repr`.

Beside what is asserted here, the plugin of `tests/secrets.py` searches all that the run writes.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec import SQL, StatementStack
from sqlspec.core.filters import Equals, InCollection, Search, Where
from sqlspec.exceptions import DatabaseConnectionError, SQLSpecError
from sqlspec.observability import LoggingObserver, SlowStatements
from sqlspec.observability.prometheus import PrometheusObserver
from tests.integration.harness import Flavour
from tests.integration.security.registry import ENTRIES, How, Scene, shapes
from tests.integration.telemetry import Telemetry
from tests.secrets import PASSWORD, VALUE, leaks

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

SENT = {name: entry for name, entry in ENTRIES.items() if entry.call is not None and How.VALUE in entry.args.values()}


@pytest.fixture
async def scene(flavour: Flavour, admin: psycopg.Connection[Any], tmp_path: Path) -> AsyncIterator[Scene]:
    events: list[Any] = []
    admin.execute(f"create table {flavour.schema}.t (id int primary key, name text)".encode())
    admin.execute(f"create table {flavour.schema}.o (id int primary key, name text)".encode())
    telemetry = Telemetry()
    outward = [telemetry.observer, PrometheusObserver(telemetry.registry), LoggingObserver(), SlowStatements(0)]
    config = flavour.make_config(observers=[events.append, *outward], max_size=2)
    async with config.provide_session() as session:
        yield Scene(config, session, tmp_path, pa.table({"id": pa.array([7], pa.int32()), "name": [VALUE]}))
        assert leaks(f"{session!r} {session.driver!r}") == []
    assert telemetry.spans()
    telemetry.shutdown()  # all that was exported has been searched
    assert events
    for event in events:
        assert leaks(f"{event!r} {event}") == []
    assert leaks(f"{config!r} {config} {config.settings!r} {config.pool_settings!r} {config.stats!r}") == []


@pytest.mark.parametrize("name", SENT)
async def test_values_are_not_told(name: str, scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Neither when the call succeeds nor when it fails: each value is also given where it does not fit."""
    entry = SENT[name]
    assert entry.call is not None
    caplog.set_level(logging.DEBUG)
    for argument, how in entry.args.items():
        if how is How.VALUE:
            for value in [{"a": VALUE}] if argument == "named" else shapes(argument, VALUE):
                try:
                    await entry.call(scene, **{argument: value})
                except SQLSpecError as error:
                    assert leaks(f"{error} {error!r}") == []


FAILURES: dict[str, Callable[[Any], Any]] = {
    "a value of another type": lambda s: s.execute("insert into t values ($1, 'x')", VALUE),
    "a duplicate": lambda s: s.execute_many("insert into t values (1, $1)", [(VALUE,), (VALUE,)]),
    "a key that is there": lambda s: s.execute("insert into u values ($1), ($1)", VALUE),
    "a check": lambda s: s.execute("insert into c values ($1)", VALUE),
    "too many parameters": lambda s: s.execute("select $1::text", VALUE, VALUE),
    "no such name": lambda s: s.execute("select :a::text", {"b": VALUE}),
    "no such column": lambda s: s.execute("select nope from t where name = $1", VALUE),
    "a limit": lambda s: s.execute("select $1::text, pg_sleep(9)", VALUE, timeout=0.1),
    "a row that does not fit": lambda s: s.load_from_records("t", [{"id": VALUE, "name": VALUE}]),
    "rows that repeat a key": lambda s: s.load_from_records("u", [{"name": VALUE}] * 2, mode="upsert", key=["name"]),
    "a row that is refused": lambda s: s.load_from_records("c", [{"name": VALUE}]),
    "several rows": lambda s: s.select_value("select $1::text from generate_series(1, 2)", VALUE),
    "a schema that does not fit": lambda s: s.select("select $1::text as v", VALUE, schema_type=int, validate=True),
}


@pytest.mark.parametrize("kind", FAILURES)
async def test_errors_tell_no_value(kind: str, scene: Scene) -> None:
    await scene.session.execute_script(
        "create table u (name text primary key); create table c (name text check (length(name) < 3))"
    )
    with pytest.raises(SQLSpecError) as caught:
        await FAILURES[kind](scene.session)
    assert leaks(f"{caught.value} {caught.value!r}") == []
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_the_message_of_the_server_is_its_own(config: Any) -> None:
    """The one way by which a value gets into an error: the documentation says so."""
    async with config.provide_session() as session:
        with pytest.raises(SQLSpecError) as caught:
            await session.execute("select $1::text::int", VALUE)
    assert VALUE in str(caught.value)


async def test_objects_show_no_value(scene: Scene) -> None:
    filters = (Equals("name", VALUE), InCollection("name", [VALUE]), Search("name", VALUE), Where("name = :a", a=VALUE))
    query = SQL("select * from t where name = $1", VALUE).filter(*filters[:3])
    stack = StatementStack().push_execute("select $1::text", VALUE)
    result = await scene.session.execute("select $1::text as v", VALUE)
    job = await scene.session.load_from_arrow("t", scene.data)
    read = await scene.session.select_to_arrow("select * from t")
    for thing in (*filters, query, stack, result, job, read):
        assert leaks(repr(thing)) == [], type(thing)


async def test_a_connection_that_fails_shows_no_password(flavour: Flavour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong: list[dict[str, Any]] = [
        {"port": 1}, {"user": "nobody there"}, {"database": "nothing there"}, {"sslmode": "require"}
    ]  # fmt: skip
    for keys in wrong:
        try:
            config = flavour.make_config(connect_timeout=5, **keys)
        except SQLSpecError as error:
            assert leaks(f"{error} {error!r}") == []
            continue
        with pytest.raises((DatabaseConnectionError, SQLSpecError)) as caught:
            await config.connect()
        assert leaks("".join(traceback.format_exception(caught.value)) + repr(config)) == []


async def test_an_observer_that_fails_tells_no_value(flavour: Flavour, admin: Any) -> None:
    """Its error is logged: with its own traceback, not with the driver's error that it was told of."""
    admin.execute(f"create table {flavour.schema}.u (name text primary key)".encode())

    def observer(event: Any) -> None:
        if getattr(event, "error", None) is not None:
            failed.append(event)
            raise RuntimeError("the observer is broken")

    failed: list[Any] = []
    config = flavour.make_config(observers=[observer])
    async with config.provide_session() as session:
        with pytest.raises(SQLSpecError):
            await session.execute("insert into u values ($1), ($1)", VALUE)
    assert failed
