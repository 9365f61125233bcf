"""Limits of a call, of a session and of a config: each stops the server's work and costs no connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.core.observe import StatementEnd
from sqlspec.exceptions import (
    CommitUnknownError,
    ImproperConfigurationError,
    ParameterError,
    QueryTimeoutError,
)
from tests.integration.harness import Flavour, needs

SLEEP = "select pg_sleep(30)"
NAP = "select 1 from pg_sleep(0.3)"

Call = Callable[..., Awaitable[Any]]


async def read_stream(session: Any, **limit: float) -> None:
    async with session.select_stream("select n, pg_sleep(30) from generate_series(1, 9) n", **limit) as stream:
        async for _ in stream:
            pass


async def read_batches(session: Any, **limit: float) -> None:
    reader = await session.select_to_arrow("select 1 as n, pg_sleep(30)::text", return_format="reader", **limit)
    async with reader:
        async for _ in reader:
            pass


CALLS: dict[str, Call] = {
    "select": lambda s, **limit: s.select(SLEEP, **limit),
    "select_value": lambda s, **limit: s.select_value("select 1 from pg_sleep($1)", 30, **limit),
    "execute": lambda s, **limit: s.execute("insert into t select 1 from pg_sleep(30)", **limit),
    "execute_many": lambda s, **limit: s.execute_many("insert into t select $1 from pg_sleep(10)", [1, 2, 3], **limit),
    "execute_script": lambda s, **limit: s.execute_script("insert into t values (1); select pg_sleep(30)", **limit),
    "execute_stack": lambda s, **limit: s.execute_stack(["insert into t values (1)", SLEEP], **limit),
}
MORE: dict[str, Call] = {
    "select_stream": read_stream,
    "select_to_arrow": lambda s, **limit: s.select_to_arrow("select 1 as n, pg_sleep(30)::text", **limit),
    "select_to_arrow reader": read_batches,
    "load_from_arrow": lambda s, **limit: s.load_from_arrow("slow", pa.table({"n": [1]}), **limit),
    "load_from_records": lambda s, **limit: s.load_from_records("slow", [{"n": 1}], **limit),
}
LIMIT = 0.1
SCHEMA = """
    create table {schema}.t (n int);
    create table {schema}.slow (n int);
    create function {schema}.nap() returns trigger language plpgsql as $$
    begin perform pg_sleep(30); return null; end $$;
    create trigger nap after insert on {schema}.slow for each row execute function {schema}.nap();
    create table {schema}.late (n int);
    create constraint trigger nap after insert on {schema}.late deferrable initially deferred
    for each row execute function {schema}.nap();
"""


@pytest.fixture(autouse=True)
def tables(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    admin.execute(SCHEMA.format(schema=flavour.schema).encode())


class Server:
    """What the server does for the connections of one test."""

    def __init__(self, flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
        self._admin = admin
        self.name = f"app {flavour.schema}"

    def working(self) -> int:
        row = self._admin.execute(
            "select count(*) from pg_stat_activity where application_name = %s and state = 'active'", [self.name]
        ).fetchone()
        assert row is not None
        return int(row[0])

    async def stopped(self) -> None:
        """Fail unless it works for none of them within a second."""
        deadline = time.monotonic() + 1.0
        while self.working():
            assert time.monotonic() < deadline, "the server still works"
            await asyncio.sleep(0.002)


@pytest.fixture
def server(flavour: Flavour, admin: psycopg.Connection[Any]) -> Server:
    return Server(flavour, admin)


async def assert_stopped(config: Any, server: Server, calls: dict[str, Call], open_: Any, **limit: Any) -> None:
    """Let each call run into the limit, on the only connection of a pool, which must stay the same."""
    for name, call in calls.items():
        async with open_(config) as session:
            began = time.monotonic()
            with pytest.raises(QueryTimeoutError):
                await call(session, **limit)
            assert time.monotonic() - began < 5, name
            await server.stopped()
        async with config.provide_session(timeout=30) as session:
            assert await session.select("select n from t union all select n from slow") == [], name
    stats = config.stats()
    assert (stats.opened, stats.size, stats.in_use, stats.waiting) == (1, 1, 0, 0)


# How a limit is set: keys of the config, how the session is opened, and what the call is given.
PLAIN = lambda config: config.provide_session()  # noqa: E731
WAYS: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "call": ({}, PLAIN, {"timeout": LIMIT}),
    "session": ({}, lambda config: config.provide_session(timeout=LIMIT), {}),
    "config": ({"command_timeout": LIMIT}, PLAIN, {}),
}


async def assert_way(flavour: Flavour, server: Server, way: str, calls: dict[str, Call]) -> None:
    keys, open_, limit = WAYS[way]
    config = flavour.make_config(max_size=1, application_name=server.name, **keys)
    await assert_stopped(config, server, calls, open_, **limit)


@pytest.mark.promise(
    "timeouts: a limit of a call, a session or a config stops the server's work and costs no connection"
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_limit_stops_the_server_and_costs_no_connection(flavour: Flavour, server: Server, way: str) -> None:
    await assert_way(flavour, server, way, CALLS)


@needs("stream", "arrow_in", "arrow_out")
@pytest.mark.promise("timeouts: streams, Arrow readers and loads keep the limit of a call, a session or a config")
@pytest.mark.parametrize("way", WAYS)
async def test_a_limit_stops_what_moves_many_rows(flavour: Flavour, server: Server, way: str) -> None:
    await assert_way(flavour, server, way, MORE)


@needs("sqlstate", "stream")
@pytest.mark.promise("timeouts: statement_timeout lets the server keep the time, and costs no connection")
async def test_a_limit_that_the_server_keeps(flavour: Flavour, server: Server) -> None:
    config = flavour.make_config(max_size=1, application_name=server.name, statement_timeout=0.3)
    calls = {name: (CALLS | MORE)[name] for name in ("select", "execute_many", "select_stream")}
    await assert_stopped(config, server, calls, PLAIN)


@needs("sqlstate")
@pytest.mark.promise("timeouts: with_settings(statement_timeout=...) limits the statements of its block alone")
async def test_a_limit_by_a_setting_for_a_while(flavour: Flavour, server: Server) -> None:
    config = flavour.make_config(max_size=1, application_name=server.name)
    async with config.provide_session() as session:
        with pytest.raises(QueryTimeoutError):
            async with session.with_settings(statement_timeout=f"{LIMIT}s"):
                await session.select(SLEEP)
        await server.stopped()
        assert await session.select_value("show statement_timeout") == "0"
        assert await session.select_value(NAP) == 1
    assert config.stats().opened == 1


@pytest.mark.promise("timeouts: the limit of a call goes before that of its session, and that before the config's")
async def test_the_nearest_limit_counts(flavour: Flavour, server: Server) -> None:
    config = flavour.make_config(command_timeout=0.1)
    async with config.provide_session() as session:
        assert await session.select_value(NAP, timeout=30) == 1
        assert await session.execute(NAP, timeout=30).scalar() == 1
        assert (await session.execute_stack([NAP], timeout=30))[0].scalar() == 1
        with pytest.raises(QueryTimeoutError):
            await session.select(NAP)
    async with config.provide_session(timeout=30) as session:
        assert await session.select(NAP, schema_type=int) == [1]
        with pytest.raises(QueryTimeoutError):
            await session.select(NAP, timeout=0.1)


async def test_an_observed_session_keeps_its_limit_and_reports_it(flavour: Flavour) -> None:
    ends: list[Any] = []

    def observe(event: Any) -> None:
        if isinstance(event, StatementEnd):
            ends.append(event.error)

    config = flavour.make_config(command_timeout=0.1, observers=[observe])
    async with config.provide_session() as session:
        for name in ("select", "execute", "execute_stack"):
            with pytest.raises(QueryTimeoutError):
                await CALLS[name](session)
        assert await session.select_value(NAP, timeout=30) == 1
    *failed, last = ends
    assert len(failed) == 3
    assert None not in failed
    assert last is None


async def test_a_limit_that_is_not_reached_changes_nothing(flavour: Flavour) -> None:
    config = flavour.make_config(command_timeout=30, max_size=1)
    async with config.provide_session() as session:
        for number in range(5):
            async with session.transaction():
                await session.execute("insert into t values ($1)", number)
                async with session.savepoint():
                    await session.execute_many("insert into t values ($1)", [number])
                with pytest.raises(KeyError):
                    async with session.savepoint():
                        raise KeyError
        assert await session.select_value("select count(*) from t") == 10
    assert config.stats().opened == 1


@pytest.mark.parametrize("wrong", [0, -1, True, "5", float("nan")])
def test_what_is_no_limit_of_a_session_is_refused(flavour: Flavour, wrong: Any) -> None:
    config = flavour.config_class(connection_config={"dsn": "postgresql://localhost"})
    with pytest.raises(ParameterError, match="timeout must be a positive number of seconds"):
        config.provide_session(timeout=wrong)


@pytest.mark.parametrize("wrong", [-1, "soon", float("nan")])
def test_what_is_no_limit_of_a_config_is_refused(flavour: Flavour, wrong: Any) -> None:
    with pytest.raises(ImproperConfigurationError, match="command_timeout"):
        flavour.config_class(connection_config={"dsn": "postgresql://localhost", "command_timeout": wrong})


@pytest.mark.promise("timeouts: a statement that waits for a lock gives up with its limit and waits no longer")
async def test_a_wait_for_a_lock_ends_with_the_limit(
    flavour: Flavour, server: Server, admin: psycopg.Connection[Any]
) -> None:
    config = flavour.make_config(max_size=1, application_name=server.name)
    with admin.transaction():
        admin.execute(f"lock table {flavour.schema}.t".encode())
        async with config.provide_session(timeout=LIMIT) as session:
            with pytest.raises(QueryTimeoutError):
                await session.execute("insert into t values (1)")
            await server.stopped()
    async with config.provide_session() as session:
        assert await session.select("select n from t") == []
    assert config.stats().opened == 1


@needs("concurrent_calls")
@pytest.mark.promise("timeouts: a COMMIT that takes longer than its session's limit is stopped on the server")
async def test_a_commit_keeps_the_limit_of_its_session(flavour: Flavour, server: Server) -> None:
    config = flavour.make_config(max_size=1, application_name=server.name)
    async with config.provide_session(timeout=LIMIT) as session:
        # The outcome is known where the driver hands on what the server says to a cancel.
        with pytest.raises((CommitUnknownError, QueryTimeoutError)):
            async with session.transaction():
                await session.execute("insert into late values (1)")
        assert not session.in_transaction
        await server.stopped()
        assert await session.select("select n from late") == []
        await session.execute("insert into t values (1)")
    stats = config.stats()
    assert (stats.opened, stats.in_use) == (1, 0)


@pytest.mark.only("psycopg-sync")
async def test_a_commit_that_the_server_has_given_up_is_no_unknown_one(flavour: Flavour) -> None:
    async with flavour.make_config().provide_session(timeout=LIMIT) as session:
        with pytest.raises(QueryTimeoutError, match="it was cancelled on the server"):
            async with session.transaction():
                await session.execute("insert into late values (1)")
