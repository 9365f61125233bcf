"""Behind PgBouncer 1.18 in transaction mode, which lends another session of the server to each transaction."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from sqlspec.core.stack import StatementStack
from sqlspec.exceptions import (
    DataError,
    ImproperConfigurationError,
    NotSupportedError,
    QueryTimeoutError,
    UniqueViolationError,
)
from tests.integration.faults.pooler import SESSIONS, Pooler
from tests.integration.harness import AsAsync, Flavour

FIT = ("asyncpg", "psycopg", "psycopg-sync")

_BY_NUMBER = "it cancels by the number of a backend, which serves others too behind a pooler: refused when connecting"
_PROTOCOL = "it speaks protocol 3.2 only, which PgBouncer 1.18 does not: refused when connecting"
UNFIT = {"psqlpy": _BY_NUMBER, "pyro": _PROTOCOL, "pyro-sync": _PROTOCOL}

ROWS = "pooler: in transaction mode, statements of every kind give the right rows, whichever session runs them"
ONE_SESSION = "pooler: a transaction has one session of the server from BEGIN to its end"
STOPPED = "pooler: a call that is stopped ends on the server, and no other client's statement does"
NOTICED = "pooler: a pooler in transaction mode is noticed when connecting, also when it was not declared"
SETTINGS = "pooler: session settings that would be lost or leak to other clients are refused"
CLEAN = "pooler: what a borrower leaves open is rolled back, and the sessions of others are left alone"


@pytest.fixture(scope="module")
def pooler(dsn: str) -> Iterator[Pooler]:
    with Pooler(dsn) as made:
        yield made


@pytest.fixture(scope="module")
def dropping_pooler(dsn: str) -> Iterator[Pooler]:
    """A pooler that drops settings without a word."""
    with Pooler(dsn, ignored="options, statement_timeout, search_path") as made:
        yield made


def make_config(flavour: Flavour, dsn: str, **keys: Any) -> Any:
    """Return a config that has no settings of its own; a table must be named with its schema."""
    config = flavour.config_class({"dsn": dsn, "connect_timeout": 20, **keys})
    flavour._made.append(config)
    return AsAsync(config) if flavour.is_sync else config


@pytest.fixture
def config(flavour: Flavour, pooler: Pooler) -> Any:
    pooler.fill()
    return make_config(flavour, pooler.dsn, max_size=6)


@pytest.fixture
async def session(config: Any) -> AsyncIterator[Any]:
    async with config.provide_session() as opened:
        yield opened


async def backends(session: Any) -> set[int]:
    """Return the backends that have run a statement of the session."""
    return {await session.select_value("select pg_backend_pid()") for _ in range(2 * SESSIONS)}


@pytest.mark.only(*FIT)
@pytest.mark.promise(ROWS)
async def test_statements_of_every_kind_in_any_session(session: Any, flavour: Flavour, admin: Any) -> None:
    schema = flavour.schema
    admin.execute(f"create table {schema}.item (id int primary key, name text, price numeric)")
    admin.execute(f"create type {schema}.mood as enum ('sad', 'glad')")
    admin.execute(f"create type {schema}.pair as (a int, b {schema}.mood[])")
    await session.execute_many(f"insert into {schema}.item values ($1, $2, $3)", [(n, f"n{n}", n) for n in range(20)])
    for number in range(2 * SESSIONS):
        assert await session.select_value("select $1::int + $2", number, 1) == number + 1
        pair = await session.select_value(f"select row($1, array['glad'])::{schema}.pair as p", number)
        assert tuple(pair.values()) == (number, ["glad"])
        made = await session.execute(
            f"insert into {schema}.item values ($1, $2) returning id, name", 100 + number, "new"
        )
        assert made.one() == {"id": 100 + number, "name": "new"}
    stack = StatementStack().push_execute(f"select count(*) from {schema}.item where id < $1", 100)
    stack = stack.push_execute(f"delete from {schema}.item where id >= $1", 100)
    counted, deleted = await session.execute_stack(stack)
    assert (counted.scalar(), deleted.rows_affected) == (20, 2 * SESSIONS)
    async with session.select_stream(f"select id from {schema}.item where id < $1 order by 1", 9, chunk_size=2) as rows:
        assert [row["id"] async for row in rows] == list(range(9))
    await session.execute_script(f"update {schema}.item set price = 1; delete from {schema}.item where id > 9")
    await session.load_from_arrow(f"{schema}.item", pa.table({"id": pa.array([50, 51]), "name": ["x", "y"]}))
    arrow = await session.select_to_arrow(f"select id, name from {schema}.item where id >= $1 order by 1", 50)
    assert arrow.get_data().to_pylist() == [{"id": 50, "name": "x"}, {"id": 51, "name": "y"}]
    with pytest.raises(UniqueViolationError):
        await session.execute(f"insert into {schema}.item (id) values ($1)", 50)
    with pytest.raises(DataError):
        await session.execute(f"insert into {schema}.item (id) values ($1)", "fifty")
    assert len(await backends(session)) == SESSIONS


@pytest.mark.only(*FIT)
@pytest.mark.promise(ROWS)
async def test_many_clients_share_few_sessions(config: Any) -> None:
    async def work(client: int) -> None:
        async with config.provide_session() as session:
            for number in range(15):
                # The texts are few, so that one client's statement would meet another's of the same name.
                found = await session.select(f"select $1::text as t{number % 3}, $2::int as n", f"c{client}", number)
                assert [tuple(row.values()) for row in found] == [(f"c{client}", number)]

    async with asyncio.TaskGroup() as group:
        for client in range(6):
            group.create_task(work(client))


@pytest.mark.only(*FIT)
@pytest.mark.promise(ONE_SESSION)
async def test_a_transaction_keeps_its_session(config: Any, flavour: Flavour, admin: Any) -> None:
    admin.execute(f"create table {flavour.schema}.note (id int primary key)")
    insert = f"insert into {flavour.schema}.note values ($1)"
    async with config.provide_session() as session, config.provide_session() as other:
        async with session.transaction():
            first = await session.select_value("select pg_backend_pid()")
            for number in range(SESSIONS):
                await session.execute(insert, number)
                assert first not in await backends(other)
                with pytest.raises(UniqueViolationError):
                    async with session.savepoint("again"):
                        await session.execute(insert, number)
            async with session.with_settings(application_name="one transaction"):
                assert await session.select_value("show application_name") == "one transaction"
        with pytest.raises(RuntimeError, match="no more"):
            async with session.transaction():
                await session.execute(insert, 99)
                raise RuntimeError("no more")
        assert await other.select_value(f"select count(*) from {flavour.schema}.note") == SESSIONS


@pytest.mark.only(*FIT)
@pytest.mark.promise(STOPPED)
async def test_a_call_is_stopped_and_no_other(config: Any, admin: psycopg.Connection[Any]) -> None:
    running = (
        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and "
        "datname = current_database() and pid <> pg_backend_pid()"
    )
    async with config.provide_session() as session, config.provide_session() as other:
        unharmed = asyncio.create_task(other.select_value("select 7 from pg_sleep($1)", 1.0))
        for _ in range(3):
            with pytest.raises(QueryTimeoutError):
                await session.execute("select pg_sleep(60)", timeout=0.2)
            deadline = time.monotonic() + 1
            while admin.execute(running).fetchone() != (0,):
                assert time.monotonic() < deadline, "the server still works"
                await asyncio.sleep(0.01)
            assert await session.select_value("select $1::int", 3) == 3
        assert await unharmed == 7


@pytest.mark.only(*FIT)
@pytest.mark.promise(NOTICED)
async def test_a_pooler_is_noticed_or_declared(flavour: Flavour, pooler: Pooler, dsn: str) -> None:
    for place, declared, expected in (
        (pooler.dsn, None, True),
        (pooler.dsn, True, True),
        (pooler.session_dsn, None, True),
        (pooler.session_dsn, False, False),
        (dsn, None, False),
        (dsn, True, True),
    ):
        driver = await make_config(flavour, place, pooler=declared).connect()
        try:
            assert driver.pooled is expected
            assert (driver.backend_pid is None) is expected
        finally:
            await driver.close()


@pytest.mark.only(*UNFIT)
@pytest.mark.promise(ROWS, refuses=UNFIT)
@pytest.mark.promise(ONE_SESSION, refuses=UNFIT)
@pytest.mark.promise(STOPPED, refuses=UNFIT)
@pytest.mark.promise(CLEAN, refuses=UNFIT)
@pytest.mark.promise(NOTICED)
async def test_a_driver_that_cannot_work_there_is_refused(
    flavour: Flavour, pooler: Pooler, dropping_pooler: Pooler
) -> None:
    expected = "behind a pooler: the driver cancels by the number" if flavour.name == "psqlpy" else "protocol 3.2"
    for place in (pooler, dropping_pooler):
        for dsn in (place.dsn, place.session_dsn):
            config = make_config(flavour, dsn)
            with pytest.raises(ImproperConfigurationError, match=expected) as refused:
                await config.connect()
            assert "use the asyncpg or psycopg adapter" in str(refused.value)
    with pytest.raises(ImproperConfigurationError, match=f"'pooler' with True on {flavour.spec.name}"):
        make_config(flavour, pooler.dsn, pooler=True)


@pytest.mark.only("pyro", "pyro-sync")
@pytest.mark.promise(NOTICED)
async def test_a_pooler_that_speaks_the_protocol(flavour: Flavour, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer ones do; they too tell a number of their own."""
    module = importlib.import_module(
        f"sqlspec.adapters.pyro_postgres._{'sync' if flavour.is_sync else 'async'}_connect"
    )
    opened = module.open_connection

    async def later(*args: Any) -> Any:
        connection, pid = await opened(*args)
        return connection, pid + 1

    def now(*args: Any) -> Any:
        connection, pid = opened(*args)
        return connection, pid + 1

    monkeypatch.setattr(module, "open_connection", now if flavour.is_sync else later)
    with pytest.raises(ImproperConfigurationError, match="cannot use pyro_postgres behind a pooler: "):
        await make_config(flavour, dsn).connect()
    driver = await make_config(flavour, dsn, pooler=False).connect()
    await driver.close()


@pytest.mark.only("psqlpy")
async def test_session_mode_is_as_good_as_the_server_itself(flavour: Flavour, pooler: Pooler) -> None:
    config = make_config(flavour, pooler.session_dsn, pooler=False, max_size=2)
    async with config.provide_session() as session:
        pids = await backends(session)
        assert len(pids) == 1
        with pytest.raises(QueryTimeoutError):
            await session.execute("select pg_sleep(60)", timeout=0.2)
        assert await backends(session) == pids


@pytest.mark.only(*FIT, *UNFIT)
@pytest.mark.promise(SETTINGS)
async def test_settings_of_the_session_are_refused(flavour: Flavour, pooler: Pooler, dropping_pooler: Pooler) -> None:
    if flavour.name in FIT:
        with pytest.raises(ImproperConfigurationError, match="cannot set search_path: .*ALTER ROLE"):
            make_config(flavour, pooler.dsn, pooler=True, session_settings={"search_path": "public", "timezone": "UTC"})
        with pytest.raises(ImproperConfigurationError, match="cannot set options"):
            make_config(flavour, pooler.dsn, pooler=True, options="-c geqo=off")
    for place in (pooler, dropping_pooler):
        config = make_config(flavour, place.dsn, statement_timeout=5)
        expected = "cannot set statement_timeout: .*pooler" if flavour.name in FIT else "pooler"
        with pytest.raises(ImproperConfigurationError, match=expected):
            await config.connect()


@pytest.mark.only("asyncpg")
async def test_settings_that_a_pooler_passes_on(flavour: Flavour, pooler: Pooler) -> None:
    settings = {"timezone": "Pacific/Kiritimati", "datestyle": "SQL, DMY"}
    config = make_config(flavour, pooler.dsn, session_settings=settings, application_name="passed on")
    async with config.provide_session() as session:
        for _ in range(SESSIONS):
            assert await session.select_value("show timezone") == "Pacific/Kiritimati"
            assert await session.select_value("show application_name") == "passed on"


@pytest.mark.only(*FIT)
@pytest.mark.promise(CLEAN)
async def test_what_a_borrower_leaves_open_is_rolled_back(flavour: Flavour, pooler: Pooler, admin: Any) -> None:
    admin.execute(f"create table {flavour.schema}.kept (id int)")
    config = make_config(flavour, pooler.dsn, max_size=1, acquire_timeout=20, application_name="mine", pooler=True)
    async with config.provide_session() as session:
        await session.begin()
        await session.execute(f"lock table {flavour.schema}.kept")
        await session.execute(f"insert into {flavour.schema}.kept values ($1)", 1)
    async with config.provide_session() as session:
        assert await session.select_value(f"select count(*) from {flavour.schema}.kept") == 0
        # A reset of settings would undo what the pooler has set for this client.
        assert {await session.select_value("show application_name") for _ in range(SESSIONS)} == {"mine"}
        assert {await session.select_value("show client_encoding") for _ in range(SESSIONS)} == {"UTF8"}


@pytest.mark.only(*FIT)
async def test_listening_is_refused(flavour: Flavour, config: Any) -> None:
    with pytest.raises(NotSupportedError, match="passes no notifications on"):
        async with config.listen("news"):
            pass


@pytest.mark.only("psycopg", "psycopg-sync")
async def test_a_change_of_the_schema_between_describing_and_running(
    flavour: Flavour, config: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one adapter that takes two transactions: bytes go out with their types, and rows are read as they are."""
    place = f"{flavour.schema}.shifting"
    admin.execute(f"create table {place} (a int, b text)")
    admin.execute(f"insert into {place} values (1, 'one')")
    async with config.provide_session() as session:
        driver = getattr(session, "_target", session).driver
        changes: list[str] = []
        parse = type(driver._statements)._parse

        def change_behind(self: Any, sql: str) -> Any:
            answer = parse(self, sql)
            if not flavour.is_sync:
                return _then(answer, lambda: _run_all(admin, changes))
            _run_all(admin, changes)
            return answer

        monkeypatch.setattr(type(driver._statements), "_parse", change_behind)
        changes[:] = [f"alter table {place} alter a type text using a::text || '!'"]
        assert await session.select(f"select * from {place}") == [{"a": "1!", "b": "one"}]
        changes[:] = [f"alter table {place} add c float8 default 2.5"]
        assert await session.select(f"select * from {place}") == [{"a": "1!", "b": "one", "c": 2.5}]
        changes[:] = [f"alter table {place} alter c type int8"]
        await session.execute(f"update {place} set c = $1", 7.0)
        assert await session.select_value(f"select c from {place}") == 7


async def _then(answer: Any, work: Any) -> Any:
    found = await answer
    work()
    return found


def _run_all(admin: Any, changes: list[str]) -> None:
    while changes:
        admin.execute(changes.pop())
