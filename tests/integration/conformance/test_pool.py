from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from sqlspec.driver import _async_pool, _sync_pool
from sqlspec.exceptions import (
    DatabaseConnectionError,
    OperationalError,
    PoolTimeoutError,
    SQLSpecError,
    TransactionError,
)
from tests.integration.faults.proxy import Proxy
from tests.integration.harness import Flavour

PID = "select pg_backend_pid()"


@pytest.fixture
def role(flavour: Flavour, admin: psycopg.Connection[Any]) -> Iterator[str]:
    name = f"role_of_{flavour.schema}"
    admin.execute(f"create role {name}".encode())
    admin.execute(f"create sequence {flavour.schema}.seq".encode())
    admin.execute(f"create table {flavour.schema}.t (n int)".encode())
    yield name
    admin.execute(f"drop role {name}".encode())


async def raw(connection: Any, text: str) -> None:
    """Run a statement on the driver's own connection, whose interface each driver has its own way."""
    run = getattr(connection, "query_drop", None) or connection.execute
    answer = run(text)
    if inspect.isawaitable(answer):
        await answer


# What a borrower may leave behind: how, and a query that is true on a clean connection.
STATES: dict[str, tuple[Callable[[Any, str], Awaitable[Any]], str]] = {
    "a setting": (lambda s, _: s.execute("set work_mem = '77MB'"), "current_setting('work_mem') <> '77MB'"),
    "set_config": (
        lambda s, _: s.select("select set_config('app.leak', $1, false)", "x"),
        "coalesce(current_setting('app.leak', true), '') = ''",
    ),
    "a setting in a script": (
        lambda s, _: s.execute_script("set work_mem = '77MB'; select 1"),
        "current_setting('work_mem') <> '77MB'",
    ),
    "a setting in a stack": (
        lambda s, _: s.execute_stack(["select 1", "set work_mem = '77MB'"]),
        "current_setting('work_mem') <> '77MB'",
    ),
    "a role": (lambda s, role: s.execute(f"set role {role}"), "current_user = session_user"),
    "a session user": (
        lambda s, role: s.execute(f"set session authorization {role}"),
        "session_user not like 'role_of%'",
    ),
    "a temporary table": (
        lambda s, _: s.execute("create temp table leak (a int)"),
        "to_regclass('pg_temp.leak') is null",
    ),
    "a temporary table from select": (
        lambda s, _: s.execute("select 1 as a into temp leak"),
        "to_regclass('pg_temp.leak') is null",
    ),
    "a subscription": (lambda s, _: s.execute("listen leak"), "not exists (select from pg_listening_channels())"),
    "an advisory lock": (
        lambda s, _: s.select("select pg_advisory_lock(7)"),
        "not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
    ),
    "a sequence": (lambda s, _: s.select("select nextval('seq')"), "(select last_value from seq) > 0"),
    "a held cursor": (
        lambda s, _: s.execute_script("begin; declare leak cursor with hold for select 1; commit"),
        "not exists (select from pg_cursors where name = 'leak')",
    ),
    "an open transaction": (lambda s, _: s.begin(), "not exists (select from t)"),
    "an aborted transaction": (lambda s, _: leave_aborted(s), "not exists (select from t)"),
    "the driver's own connection": (
        lambda s, _: raw(s.driver.connection, "set work_mem = '77MB'"),
        "current_setting('work_mem') <> '77MB'",
    ),
}


async def leave_aborted(session: Any) -> None:
    await session.begin()
    await session.execute("insert into t values (1)")
    with pytest.raises(SQLSpecError):
        await session.execute("select 1/0")


@pytest.mark.parametrize("policy", ["when_dirty", "always"])
@pytest.mark.promise("pool: no setting, role, lock, table or transaction passes from one borrower to the next")
async def test_nothing_passes_from_one_borrower_to_the_next(flavour: Flavour, role: str, policy: str) -> None:
    config = flavour.make_config(max_size=1, reset=policy)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
    for name, (leave, clean) in STATES.items():
        async with config.provide_session() as session:
            await leave(session, role)
        async with config.provide_session() as session:
            assert await session.select_value(f"select {clean}"), name
            assert not session.in_transaction
            assert await session.select_value("select current_schema()") == flavour.schema
            if name == "a sequence":
                with pytest.raises(SQLSpecError):
                    await session.select("select lastval()")
    async with config.provide_session() as session:
        assert await session.select_value(PID) == pid, "a new connection is clean by itself"


@pytest.mark.promise("pool: with reset=always, what a function has done to the session does not pass on either")
async def test_always_sees_what_a_function_did(flavour: Flavour, role: str) -> None:
    config = flavour.make_config(max_size=1, reset="always")
    async with config.provide_session() as session:
        await session.execute(
            "create function leak() returns text language sql as $$ select set_config('app.leak', 'x', false) $$"
        )
        await session.select("select leak()")
    async with config.provide_session() as session:
        assert await session.select_value("select coalesce(current_setting('app.leak', true), '')") == ""


async def test_never_keeps_settings_but_no_transaction(flavour: Flavour, role: str) -> None:
    config = flavour.make_config(max_size=1, reset="never")
    async with config.provide_session() as session:
        await session.execute("set app.kept = 'x'")
        await session.begin()
        await session.execute("insert into t values (1)")
    async with config.provide_session() as session:
        assert await session.select_value("select current_setting('app.kept')") == "x"
        assert await session.select_value("select count(*) from t") == 0


@pytest.mark.promise("pool: a reset keeps the settings of the config")
async def test_settings_of_the_config_outlive_a_reset(flavour: Flavour) -> None:
    config = flavour.make_config(
        max_size=1,
        reset="always",
        application_name="kept name",
        statement_timeout=77,
        session_settings={"app.kept": "a b"},
    )
    shown = """
        select current_setting('application_name') || current_setting('statement_timeout')
            || current_setting('app.kept')
    """
    async with config.provide_session() as session:
        assert await session.select_value(shown) == "kept name77sa b"
        await session.execute_script(
            "set application_name = 'other'; set app.kept = 'other'; set statement_timeout = 0"
        )
    async with config.provide_session() as session:
        assert await session.select_value(shown) == "kept name77sa b"


async def test_the_drivers_own_connection_is_lent_and_reset(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_connection() as connection:
        await raw(connection, "set work_mem = '77MB'")
        assert config.stats().in_use == 1
    async with config.provide_session() as session:
        assert await session.select_value("show work_mem") != "77MB"
        assert await session.select_value("select $1::int", 5) == 5


# -- round trips ----------------------------------------------------------------------------------------------
@pytest.mark.promise("pool: a checkout after a clean session costs no round trip")
async def test_a_clean_session_costs_no_round_trip(flavour: Flavour, proxy: Proxy) -> None:
    config = flavour.make_config(dsn=proxy.dsn, max_size=1)

    async def turns(call: Callable[[], Awaitable[Any]]) -> int:
        before = proxy.turns
        await call()
        return proxy.turns - before

    async def borrow_and_select() -> None:
        async with config.provide_session() as session:
            await session.select("select $1::int as a", 1)

    async with config.provide_session() as session:
        await session.select("select $1::int as a", 1)
        alone = await turns(lambda: session.select("select $1::int as a", 1))
    for _ in range(10):
        assert await turns(borrow_and_select) == alone


# -- connections that die -------------------------------------------------------------------------------------


@pytest.mark.parametrize("validate", ["always", "when_idle"])
@pytest.mark.promise("pool: an idle connection that has died is noticed and replaced before use")
async def test_a_dead_idle_connection_is_noticed_before_use(
    flavour: Flavour, admin: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, validate: str
) -> None:
    for module in (_async_pool, _sync_pool):
        monkeypatch.setattr(module, "TRUSTED_IDLE", -1.0)
    config = flavour.make_config(max_size=3, validate=validate)
    async with config.provide_session() as one, config.provide_session() as two:
        pids = [await session.select_value(PID) for session in (one, two)]
    for pid in pids:
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
    async with config.provide_session() as one, config.provide_session() as two:
        assert await one.select_value(PID) not in pids
        assert await two.select_value(PID) not in pids
    assert (config.stats().opened, config.stats().closed) == (4, 2)


@pytest.mark.promise("pool: a broken connection never comes back")
async def test_a_connection_that_dies_in_use_is_replaced(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        pid = await session.select_value(PID)
        admin.execute("select pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(SQLSpecError):
            await session.select("select 1")
    async with config.provide_session() as session:
        assert await session.select_value(PID) != pid
    assert config.stats().size == 1


@pytest.mark.promise("pool: a connection older than max_lifetime is replaced")
async def test_a_connection_past_its_lifetime_is_replaced(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1, max_lifetime=1e-9)
    pids = set()
    for _ in range(3):
        async with config.provide_session() as session:
            pids.add(await session.select_value(PID))
    assert len(pids) == 3
    assert (config.stats().opened, config.stats().size) == (3, 1)


# -- sizes ----------------------------------------------------------------------------------------------------


async def test_a_hundred_tasks_share_one_connection(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)

    async def work(number: int) -> int:
        async with config.provide_session() as session:
            value: int = await session.select_value("select $1::int", number)
            return value

    tasks = [asyncio.create_task(work(number)) for number in range(100)]
    assert await asyncio.gather(*tasks) == list(range(100))
    assert config.stats().opened == 1


@pytest.mark.promise("pool: the server never sees more than max_size connections")
async def test_the_server_never_sees_more_than_max_size(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    name = f"pool of {flavour.schema}"
    config = flavour.make_config(max_size=3, application_name=name)
    most = 0

    async def work(number: int) -> None:
        nonlocal most
        async with config.provide_session() as session:
            found = admin.execute(
                "select count(*) from pg_stat_activity where application_name = %s", [name]
            ).fetchone()
            assert found is not None
            most = max(most, found[0])
            if number % 3 == 0:
                await session.execute("set work_mem = '7MB'")

    await asyncio.gather(*(asyncio.create_task(work(number)) for number in range(30)))
    assert most <= 3
    assert config.stats().opened <= 3


async def test_the_minimum_is_opened_ahead(flavour: Flavour) -> None:
    config = flavour.make_config(min_size=2, max_size=4)
    await config.open()
    await config.open()
    assert (config.stats().size, config.stats().idle) == (2, 2)


@pytest.mark.promise("pool: waiting for a connection ends in time, and says how long it was and how many wait")
async def test_waiting_in_vain_tells_what_to_do(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1, acquire_timeout=0.02)
    async with config.provide_session():
        with pytest.raises(PoolTimeoutError) as caught:
            async with config.provide_session():
                pass
    assert str(caught.value) == (
        "no connection became free within 0.02 s: 1 in use, 0 others waiting, max_size=1; "
        "raise max_size or give connections back sooner"
    )
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


@pytest.mark.promise("pool: closing cuts what is in use after its timeout, and ends every backend")
async def test_closing_cuts_what_is_in_use_and_ends_every_backend(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    name = f"pool of {flavour.schema}"
    config = flavour.make_config(application_name=name)
    context = config.provide_session()
    session = await context.__aenter__()
    async with config.provide_session():
        pass
    await config.close(0.01)
    with pytest.raises(SQLSpecError):
        await session.select("select 1")
    await context.__aexit__(None, None, None)
    assert config.stats().size == 0
    async with asyncio.timeout(10):
        while admin.execute("select 1 from pg_stat_activity where application_name = %s", [name]).fetchone():
            await asyncio.sleep(0.002)
    with pytest.raises(OperationalError, match="closed"):
        await config.open()


@pytest.mark.parametrize("inside", ["", "transaction"])
async def test_a_session_that_the_closing_pool_has_cut_says_so(flavour: Flavour, inside: str) -> None:
    config = flavour.make_config()
    context = config.provide_session()
    session = await context.__aenter__()
    await session.select("select 1")
    if inside:
        await session.begin()
    await config.close(0.01)
    calls: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("select", lambda: session.select("select 1")),
        ("execute", lambda: session.execute("create table never (a int)")),
        ("execute_many", lambda: session.execute_many("insert into t values ($1)", [1, 2])),
        ("execute_script", lambda: session.execute_script("select 1")),
    ]
    for method, call in calls * 2:
        reason = r"the pool was closed and has cut this connection; end sessions before closing their config"
        with pytest.raises(DatabaseConnectionError, match=rf"^cannot call {method}\(\): {reason}$") as caught:
            await call()
        assert type(caught.value) is DatabaseConnectionError
    if inside:
        with pytest.raises(TransactionError, match="nothing was stored"):
            await session.commit()
        assert not session.in_transaction
    await context.__aexit__(None, None, None)
    with pytest.raises(OperationalError, match="the session was closed and its connection given back"):
        await session.select("select 1")


async def test_counters_before_the_first_session(flavour: Flavour) -> None:
    config = flavour.make_config()
    assert set(config.stats()) == {0}
    await config.close()
