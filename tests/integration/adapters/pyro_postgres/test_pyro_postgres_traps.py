"""What the driver does wrongly or not at all, and how the adapter gets along with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig, PyroPostgresSyncConfig, _async_connect, _connect
from sqlspec.adapters.pyro_postgres._errors import connect_error_info, error_info, read
from sqlspec.adapters.pyro_postgres._native import PostgresError
from sqlspec.adapters.pyro_postgres._state import status_after
from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
from sqlspec.core.plan import Compiler
from sqlspec.driver._sockets import _lent
from sqlspec.exceptions import (
    ConnectionTimeoutError,
    DatabaseConnectionError,
    DataError,
    ImproperConfigurationError,
    NotSupportedError,
    OperationCancelledError,
    QueryTimeoutError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.backends import until_waiting
from tests.integration.faults.proxy import Proxy
from tests.integration.loopback import Silent

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
SECRET = "pass w/@:%é"

CONFIGS = [PyroPostgresAsyncConfig, PyroPostgresSyncConfig]


@pytest.fixture
async def config(dsn: str) -> AsyncIterator[PyroPostgresAsyncConfig]:
    async with PyroPostgresAsyncConfig({"dsn": dsn, "max_size": 2}) as made:
        yield made


@pytest.fixture
def sync_config(dsn: str) -> Iterator[PyroPostgresSyncConfig]:
    with PyroPostgresSyncConfig({"dsn": dsn, "max_size": 2}) as made:
        yield made


# -- values and statements ------------------------------------------------------------------------------------


def test_types_that_the_driver_misreads(sync_config: PyroPostgresSyncConfig) -> None:
    sql = """select 0.00001::numeric as small, 'infinity'::numeric as inf, 4e9::int8::oid as oid, 0.1::float4 as f,
        '1999-12-31 23:59:59.5+00'::timestamptz as t, '1 year 2 mons'::interval as i"""
    with sync_config.provide_session() as session:
        for _ in range(3):
            row = session.select_one(sql)
            assert row["small"] == Decimal("0.00001")
            assert row["inf"] == Decimal("Infinity")
            assert row["oid"] == 4_000_000_000
            assert row["f"] == 0.10000000149011612
            assert row["t"].isoformat() == "1999-12-31T23:59:59.500000+00:00"
            assert row["i"].months == 14
        session.execute_script("create domain pg_temp.small as numeric; create domain pg_temp.smaller as pg_temp.small")
        assert session.select_value("select 0.00002::pg_temp.smaller") == Decimal("0.00002")


def test_names_that_occur_twice(sync_config: PyroPostgresSyncConfig) -> None:
    sql = "select 1 as a, now() as b, 2 as a, 'x' as c, 1.5 as b, 3 as a where $1"
    with sync_config.provide_session() as session:
        assert [column.name for column in session.execute(sql, False).columns] == ["a", "b", "a", "c", "b", "a"]
        assert session.select(sql, True, schema_type=tuple)[0][2:] == (2, "x", Decimal("1.5"), 3)


@pytest.mark.parametrize("verb", ["fetch 1 from c", "execute p"])
def test_what_cannot_be_read_is_refused_before_it_runs(sync_config: PyroPostgresSyncConfig, verb: str) -> None:
    with sync_config.provide_session() as session, session.transaction():
        session.execute("declare c cursor for select 1.5 as n")
        session.execute("prepare p as select 1.5 as n")
        with pytest.raises(NotSupportedError, match='column "n"'):
            session.execute(verb)
        session.execute("close c")
        session.execute("deallocate p")
        session.execute("declare c cursor for select 1.5::text as n")
        assert session.execute("fetch 1 from c").all() == [{"n": "1.5"}]


def test_thousands_of_texts_leave_no_statement_behind(sync_config: PyroPostgresSyncConfig) -> None:
    memory, prepared = (
        "select sum(total_bytes)::int8 from pg_backend_memory_contexts",
        "select count(*) from pg_prepared_statements",
    )
    shapes = ("select $1::int4 + {}", "select now(), {}.5 + $1::int4", "insert into w values ($1, {})", "show work_mem")
    seen = []
    with sync_config.provide_session() as session:
        session.execute("create temp table w (a int, n numeric)")
        for number in range(4_000):
            text = shapes[number % 4].format(number)
            session.execute(text, *([1] if "$1" in text else []))
            if number % 800 == 799:
                seen.append(session.select_value(memory))
                assert session.select_value(prepared) < 350
    assert seen[-1] <= seen[1] * 1.1


def test_a_reset_drops_what_the_borrower_prepared(dsn: str) -> None:
    # With one place in the pool the next borrower waits for the reset, which runs away from the one before.
    with PyroPostgresSyncConfig({"dsn": dsn, "max_size": 1}) as config:
        with config.provide_session() as session:
            pid = session.select_value("select pg_backend_pid()")
            assert session.select_value("select 1.5") == Decimal("1.5")
            session.execute("prepare mine as select 1")
        with config.provide_session() as session:
            assert session.select_value("select pg_backend_pid()") == pid
            assert session.select_value("select count(*) from pg_prepared_statements where name = 'mine'") == 0
            assert session.select_value("select 1.5") == Decimal("1.5")


def test_a_raw_connection_is_lent(sync_config: PyroPostgresSyncConfig) -> None:
    with sync_config.provide_connection() as raw:
        raw.query_drop("begin; set local work_mem = '77MB'; deallocate all")
    with sync_config.provide_session() as session:
        assert session.select_value("show work_mem") != "77MB"
        assert session.select_value("select 1.5") == Decimal("1.5")


# -- staying in step ------------------------------------------------------------------------------------------


async def test_errors_of_every_stage_leave_the_connection_in_step(config: PyroPostgresAsyncConfig) -> None:
    async with config.provide_session() as session:
        await session.execute("create temp table u (a int primary key deferrable initially deferred, n numeric)")
        failing: list[tuple[str, tuple[Any, ...]]] = [
            ("selec 1", ()),
            ("select nothing", ()),
            ("select 1 / ($1::int4 - 1)", (1,)),
            ("select 10 / (5000 - g)::numeric from generate_series(1, 6000) g", ()),
            ("insert into u values (1, 1), (1, 2) returning n", ()),
            ("select $1::int4", ("x",)),
        ]
        for round_ in range(20):
            for sql, args in failing:
                with pytest.raises(SQLSpecError):
                    await session.execute(sql, args)
                assert await session.select_value("select $1::int4 + 0.5", round_) == round_ + Decimal("0.5")
            with pytest.raises(UniqueViolationError):
                async with session.transaction():
                    await session.execute_many("insert into u values ($1, $2)", [(1, 1), (1, 2)])
            assert await session.select_value("select count(*) from u") == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_signals_in_the_middle_of_calls(dsn: str, seed: int) -> None:
    # In a process of its own: a call that hangs would let nothing else run.
    run = subprocess.run(
        [sys.executable, str(HERE / "fuzz_signals.py"), dsn, str(seed), "1000"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith("wrong=0")


async def test_a_cancelled_call_stops_the_server(
    config: PyroPostgresAsyncConfig, admin: psycopg.Connection[Any]
) -> None:
    async with config.provide_session() as session:
        for sql in ("select pg_sleep(30)", "select pg_sleep(30), 1.5"):
            pid = await session.select_value("select pg_backend_pid()")
            running = asyncio.create_task(session.select(sql))
            await until_waiting(admin, pid, call=running)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await session.select_value("select pg_backend_pid()") == pid
        assert not await others(admin, pid)


async def others(admin: psycopg.Connection[Any], pid: int) -> list[Any]:
    """Connections that were opened to cancel; they end by themselves."""
    query = "select pid from pg_stat_activity where datname = current_database() and pid not in (%s, %s)"
    async with asyncio.timeout(10):
        while found := admin.execute(query, [pid, admin.info.backend_pid]).fetchall():
            await asyncio.sleep(0.002)
    return found


def test_a_sync_limit_is_the_servers_and_taken_back(sync_config: PyroPostgresSyncConfig) -> None:
    shown = "show statement_timeout"
    with sync_config.provide_session() as session:
        session.execute("set statement_timeout = '50s'")
        assert session.select_value("select current_setting('statement_timeout')", timeout=2) == "2s"
        assert session.select_value("select current_setting('statement_timeout')", timeout=90) == "50s"
        with pytest.raises(QueryTimeoutError):
            session.select("select pg_sleep(10)", timeout=0.05)
        assert session.select_value(shown) == "50s"
        with session.transaction():
            with pytest.raises(QueryTimeoutError), session.savepoint():
                session.select("select pg_sleep(10)", timeout=0.05)
            assert session.select_value(shown) == "50s"
        with pytest.raises(QueryTimeoutError), session.transaction():
            session.select("select pg_sleep(10)", timeout=0.05)
        assert session.select_value(shown) == "50s"
        with pytest.raises(QueryTimeoutError):
            session.execute_script("begin; select pg_sleep(10); commit", timeout=0.05)
        assert session.select_value(shown) == "50s"
        session.execute("set statement_timeout = '40s'", timeout=5)
        assert session.select_value(shown) == "40s"


@pytest.mark.parametrize("inside", [False, True])
def test_a_sync_limit_that_strikes_while_it_is_taken_back_outlives_nothing(
    sync_config: PyroPostgresSyncConfig, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    """A server that is busy may not even get a SET done within a limit of some milliseconds."""
    script, slow = SyncWire.script, 3

    def be_busy(wire: SyncWire, text: str) -> int:
        nonlocal slow
        if text == "set statement_timeout = '0'" and slow:
            slow -= 1
            script(wire, "select pg_sleep(5)")
        return script(wire, text)

    monkeypatch.setattr(SyncWire, "script", be_busy)
    with sync_config.provide_session() as session:
        if inside:
            with pytest.raises(QueryTimeoutError), session.transaction():
                session.execute("select 1", timeout=0.02)
        else:
            assert session.select_value("select 1", timeout=0.02) == 1
        slow = 0
        assert session.select_value("show statement_timeout") == "0"
        assert session.select_value("select 2 from pg_sleep(0.05)") == 2


def test_a_sync_limit_that_the_server_takes_for_a_request_is_told_as_a_limit(
    sync_config: PyroPostgresSyncConfig,
) -> None:
    """When it strikes between two statements of a script, the server speaks of a request, and the clock tells more."""
    script = "select pg_sleep(0.03); select pg_sleep(0.03); select pg_cancel_backend(pg_backend_pid())"
    with sync_config.provide_session() as session:
        with pytest.raises(QueryTimeoutError):
            session.execute_script(script, timeout=0.05)
        with pytest.raises(OperationCancelledError):
            session.execute_script(script, timeout=50)


def read_stream(session: Any) -> None:
    with session.select_stream("select 1 as n", timeout=0.05) as stream:
        assert list(stream) == [{"n": 1}]


def read_arrow(session: Any) -> None:
    with session.select_to_arrow("select 1 as n", timeout=0.05, return_format="batches") as batches:
        assert sum(batch.num_rows for batch in batches) == 1


@pytest.mark.parametrize(("read", "calls"), [(read_stream, 3), (read_arrow, 3)])
def test_a_sync_limit_that_strikes_at_the_end_of_a_read_is_told_as_such(
    sync_config: PyroPostgresSyncConfig, monkeypatch: pytest.MonkeyPatch, read: Callable[[Any], None], calls: int
) -> None:
    """Each of the calls that a read is made of takes its limit back: the last one closes it, when all has come."""
    script = SyncWire.script

    def be_busy(wire: SyncWire, text: str) -> int:
        nonlocal calls
        calls -= text == "set statement_timeout = '0'"
        if not calls:
            calls = -1
            script(wire, "select pg_sleep(5)")
        return script(wire, text)

    monkeypatch.setattr(SyncWire, "script", be_busy)
    with sync_config.provide_session() as session:
        with pytest.raises(QueryTimeoutError):
            read(session)
        assert calls < 0
        assert not session.in_transaction
        assert session.select_value("show statement_timeout") == "0"


def test_a_failure_that_a_signal_hides_is_found_by_the_commit(
    sync_config: PyroPostgresSyncConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes when the driver has raised and before that is looked at."""

    def interrupted(wire: SyncWire, error: BaseException) -> None:
        raise KeyboardInterrupt

    with sync_config.provide_session() as session:
        driver = session._driver
        driver.begin("begin")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(SyncWire, "recover", interrupted)
            driver.execute_script("select 1 / 0")
        with pytest.raises(PostgresError, match="aborted"):
            driver.commit()


async def test_a_commit_after_any_failure_asks_the_server(config: PyroPostgresAsyncConfig) -> None:
    """Errors that are left unread tell nobody whose they are; a commit does not trust what was noted of them."""
    async with config.provide_session() as session:
        driver: Any = session._driver
        await driver.begin("begin")
        with pytest.raises(PostgresError, match="division"):
            await driver.execute_script("select 1 / 0")
        driver.wire.state = "active"
        with pytest.raises(PostgresError, match="aborted"):
            await driver.commit()


def test_what_fails_on_the_drivers_own_object_is_not_left_for_the_next_call(
    sync_config: PyroPostgresSyncConfig,
) -> None:
    with sync_config.provide_session() as session:
        session.execute("create temporary table t (n int)")
        raw = session.driver.connection
        for wanted in (1, 2):
            with pytest.raises(PostgresError, match="division"):
                raw.query_drop("select 1 / 0")
            assert session.select_value(f"select {wanted}") == wanted
        session.begin()
        session.execute("insert into t values (1)")
        with pytest.raises(PostgresError, match="division"):
            raw.query_drop("select 1 / 0")
        with pytest.raises(TransactionError, match="aborted"):
            session.commit()
        assert session.select("select n from t") == []


def test_a_process_ends_as_it_should(dsn: str) -> None:
    program = (
        "import asyncio, sys\n"
        "from sqlspec.adapters.pyro_postgres import PyroPostgresAsyncConfig\n"
        "async def main():\n"
        "    async with PyroPostgresAsyncConfig({'dsn': sys.argv[1]}) as config:\n"
        "        async with config.provide_session() as session:\n"
        "            assert await session.select_value('select 1') == 1\n"
        "asyncio.run(main())\n"
    )
    for _ in range(5):
        ended = subprocess.run(
            [sys.executable, "-c", program, dsn],
            check=False,
            capture_output=True,
            timeout=30,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        assert ended.returncode == 0, ended.stderr


# -- connecting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(
    "keys",
    [
        {"sslmode": "require"},
        {"sslmode": "verify-full"},
        {"sslrootcert": "/roots.pem"},
        {"sslcert": "/c.pem"},
        {"upgrade_to_unix_socket": True},
    ],
)
def test_what_the_driver_cannot_do_is_refused(kind: Any, keys: dict[str, Any]) -> None:
    with pytest.raises(ImproperConfigurationError, match=next(iter(keys))):
        kind({"host": "localhost", "password": SECRET, **keys})


@pytest.mark.parametrize("kind", CONFIGS)
async def test_tcp_options_are_set_on_the_hidden_socket(dsn: str, kind: Any) -> None:
    keys = {"keepalives_idle": 77, "keepalives_interval": 7, "keepalives_count": 3, "tcp_user_timeout": 5000}
    opening = kind({"dsn": dsn, **keys}).connect()
    driver = await opening if kind is PyroPostgresAsyncConfig else opening
    with _lent(driver.wire.link._descriptor) as found:
        assert found.getpeername()[1] == urlsplit(dsn).port
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        assert [found.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [77, 7, 3, 5000]
    closing = driver.close()
    if kind is PyroPostgresAsyncConfig:
        await closing


async def test_tcp_options_behind_a_proxy(proxy: Proxy) -> None:
    driver = await PyroPostgresAsyncConfig({"dsn": proxy.dsn}).connect()
    await driver.close()
    with pytest.raises(ImproperConfigurationError, match="cannot set TCP options"):
        await PyroPostgresAsyncConfig({"dsn": proxy.dsn, "keepalives_idle": 77}).connect()


async def test_a_cut_connection_ends_the_call_that_waits(
    config: PyroPostgresAsyncConfig, admin: psycopg.Connection[Any]
) -> None:
    driver = await config.connect()
    assert driver.backend_pid is not None
    running = asyncio.create_task(driver.execute(Compiler().plan("select pg_sleep(30)"), ()))
    async with asyncio.timeout(10):
        await until_waiting(admin, driver.backend_pid, call=running)
        driver.abort()
        with pytest.raises(driver.native_errors):
            await running
    assert driver.is_closed()
    await driver.close()
    admin.execute(
        "select pg_terminate_backend(%s, 5000)", [driver.backend_pid]
    )  # it does not look whether we are there


async def test_an_attempt_to_connect_that_is_cancelled_leaves_nothing(dsn: str, admin: psycopg.Connection[Any]) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    config = PyroPostgresAsyncConfig({"dsn": dsn, "application_name": "cancelled"})
    for step in range(60):
        connecting = asyncio.create_task(config.connect())
        for _ in range(step):
            await asyncio.sleep(0)
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await connecting).close()
    query = "select pid from pg_stat_activity where application_name = 'cancelled'"
    async with asyncio.timeout(10):
        while admin.execute(query).fetchall():
            await asyncio.sleep(0.002)
    assert not complaints


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_modes_that_allow_plain_text(dsn: str, mode: str) -> None:
    with PyroPostgresSyncConfig({"dsn": dsn, "sslmode": mode}) as config, config.provide_session() as session:
        assert session.select_value("select ssl from pg_stat_ssl where pid = pg_backend_pid()") is False


async def test_a_silent_server_is_given_up(dsn: str) -> None:
    with Silent() as silent:
        keys = {"host": "127.0.0.1", "port": silent.port, "user": "u", "connect_timeout": 0.2}
        with pytest.raises(ConnectionTimeoutError), PyroPostgresSyncConfig(keys) as config, config.provide_session():
            pass
        with pytest.raises(ConnectionTimeoutError):
            async with PyroPostgresAsyncConfig(keys) as waiting, waiting.provide_session():
                pass
        server = urlsplit(dsn)
        hosts = {"hosts": ["127.0.0.1", server.hostname], "ports": [silent.port, server.port], "connect_timeout": 0.2}
        async with PyroPostgresAsyncConfig({"dsn": dsn, **hosts}) as found, found.provide_session() as session:
            assert await session.select_value("select 1") == 1


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("read-write", True),
        ("primary", True),
        ("prefer-standby", True),
        ("read-only", False),
        ("standby", False),
    ],
)
def test_the_kind_of_session(dsn: str, wanted: str, fits: bool) -> None:
    config = PyroPostgresSyncConfig({"dsn": dsn, "target_session_attrs": wanted})
    if fits:
        with config, config.provide_session() as session:
            assert session.select_value("select 1") == 1
    else:
        with pytest.raises(DatabaseConnectionError, match=wanted), config.provide_session():
            pass


def test_passwords_stay_hidden(dsn: str) -> None:
    config = PyroPostgresSyncConfig({"dsn": dsn, "password": SECRET})
    assert SECRET not in repr(_connect.targets(config.settings))
    with pytest.raises(DatabaseConnectionError) as caught:
        PyroPostgresSyncConfig({"dsn": dsn, "password": SECRET, "database": "no_such"}).connect()
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_another_release_of_the_driver_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_async_connect, "_tested", [])
    monkeypatch.setattr(
        _async_connect, "stub", lambda oids, formats: "select 1, now(), 1.5, 'x' where $1 and $2 and $3"
    )
    with pytest.raises(ImproperConfigurationError, match=r"install pyro-postgres>=0\.3\.1"):
        await PyroPostgresAsyncConfig({"dsn": dsn}).connect()


@pytest.mark.parametrize("listener", ["psycopg", "asyncpg"])
async def test_another_driver_listens_where_it_is_named(dsn: str, listener: str) -> None:
    features: Any = {"listen_with": listener}
    config = PyroPostgresAsyncConfig({"dsn": dsn}, driver_features=features)
    async with config, config.listen("Mixed case") as notes, config.provide_session() as session:
        await session.notify("Mixed case", "hello")
        async for note in notes:
            assert note.payload == "hello"
            break


def test_listening_is_refused_or_must_fit(dsn: str) -> None:
    with pytest.raises(NotSupportedError, match="listen_with"):
        PyroPostgresSyncConfig({"dsn": dsn}).listen("c")
    features: Any = {"listen_with": "asyncpg"}
    with pytest.raises(ImproperConfigurationError, match="psycopg"):
        PyroPostgresSyncConfig({"dsn": dsn}, driver_features=features)


# -- texts ----------------------------------------------------------------------------------------------------


def test_errors_are_read_from_their_text() -> None:
    state = "2" + "2012"
    words = f"PostgreSQL error: ERROR: a (SQLSTATE 99999) b (SQLSTATE {state})\nDETAIL: c (SQLSTATE x)\nd\nHINT: e"
    fault = read(PostgresError(words))
    assert fault[:5] == ("a (SQLSTATE 99999) b", "ERROR", state, "c (SQLSTATE x)\nd", "e")
    assert error_info(PostgresError("I/O error: Broken pipe (os error 32)"), True).fallback is DatabaseConnectionError
    old = PostgresError("Server does not support protocol 3.2 (requires PostgreSQL 17+)")
    assert "PostgreSQL 18" in connect_error_info(old).message


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("select 1", "active", "active"),
        ("begin", "idle", "active"),
        ("start transaction; select 1", "idle", "active"),
        ("begin; select 'rollback'; commit", "idle", "idle"),
        ("/* x */ rollback", "failed", "idle"),
        ("rollback to savepoint a; release a", "failed", "active"),
        ("rollback work to a", "failed", "active"),
        ("savepoint a", "active", "active"),
        ("commit and chain", "active", None),
        ("prepare transaction 'x'", "active", None),
    ],
)
def test_scripts_tell_the_transaction_status(text: str, before: Any, after: Any) -> None:
    assert status_after(text, before) == after


def test_a_value_is_in_no_error(sync_config: PyroPostgresSyncConfig) -> None:
    with sync_config.provide_session() as session, pytest.raises(DataError) as caught:
        session.select("select $1::numeric", "secret value")
    assert "secret" not in str(caught.value)


async def test_a_stack_of_parameters_that_are_null_does_not_fill_the_buffers(session: Any) -> None:
    """More than both buffers hold would make both sides wait for each other."""
    many = 12_000
    marks = ", ".join(f"${n}::int" for n in range(1, many + 1))
    stack = [(f"select repeat('x', 8000000) as b where coalesce({marks}) is null", (None,) * many)] * 30
    for _ in range(2):
        results = await session.execute_stack(stack)
        assert {len(result.scalar()) for result in results} == {8_000_000}
