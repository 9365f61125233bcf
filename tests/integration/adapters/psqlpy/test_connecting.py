"""What psqlpy takes for configuration, and what it makes of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import psqlpy
import psycopg
import pytest
from psycopg import sql

from sqlspec.adapters.psqlpy import _connect, _errors
from sqlspec.adapters.psqlpy._listen import Subscription
from sqlspec.exceptions import (
    ConnectionTimeoutError,
    DatabaseConnectionError,
    ImproperConfigurationError,
    OperationalError,
    SQLSpecError,
)
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("psqlpy")


def settings_of(flavour: Flavour, **keys: Any) -> Any:
    return flavour.config_class(connection_config=keys)


async def test_every_spelling_of_the_driver(flavour: Flavour) -> None:
    config = settings_of(
        flavour,
        username="u",
        password="p",
        hosts=["a", "b"],
        ports=[1, 2],
        db_name="d",
        application_name="x",
        options="-c geqo=off",
        max_db_pool_size=7,
        conn_recycling_method=psqlpy.ConnRecyclingMethod.Clean,
        connect_timeout_sec=2,
        connect_timeout_nanosec=500_000_000,
        tcp_user_timeout_sec=3,
        tcp_user_timeout_nanosec=0,
        keepalives=True,
        keepalives_idle_sec=60,
        keepalives_idle_nanosec=0,
        keepalives_interval_sec=5,
        keepalives_interval_nanosec=0,
        keepalives_retries=4,
        ssl_mode=psqlpy.SslMode.Require,
        ca_file="/ca.crt",
        target_session_attrs=psqlpy.TargetSessionAttrs.ReadWrite,
        load_balance_hosts=psqlpy.LoadBalanceHosts.Random,
        statement_cache_size=50,
    )
    found, pool = config.settings, config.pool_settings
    assert (found.user, found.password, found.hosts, found.ports, found.database) == ("u", "p", ("a", "b"), (1, 2), "d")
    assert (found.connect_timeout, found.tcp_user_timeout) == (2.5, 3.0)
    assert (found.keepalives_idle, found.keepalives_interval, found.keepalives_count) == (60, 5, 4)
    assert (found.sslmode, found.sslrootcert) == ("require", "/ca.crt")
    assert (found.target_session_attrs, found.load_balance_hosts) == ("read-write", "random")
    assert (pool.max_size, pool.reset, pool.validate) == (7, "always", "always")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"sslmode": "verify-full"}, "verifies the certificate and the host's name"),
        ({"sslmode": "verify-ca"}, "would connect without TLS"),
        ({"ssl_mode": psqlpy.SslMode.VerifyFull}, "would connect without TLS"),
        ({"dsn": "postgresql://h/d?sslmode=verify-full"}, "would connect without TLS"),
        ({"sslrootcert": "system"}, "name a file"),
        ({"sslcert": "/c", "sslkey": "/k"}, "no client certificate"),
        ({"conn_recycling_method": "slow"}, "one of fast"),
        ({"keepalives_idle_sec": 1, "keepalives_idle_nanosec": 5}, "whole seconds"),
        ({"connect_timeout": 1, "connect_timeout_sec": 2}, "differ"),
        ({"max_size": 2, "max_db_pool_size": 3}, "differ"),
        ({"conn_recycling_method": "fast", "reset": "always"}, "differ"),
    ],
)
def test_what_the_driver_cannot_honour_is_refused(flavour: Flavour, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperConfigurationError) as caught:
        settings_of(flavour, **keys)
    assert words in str(caught.value)


def test_the_arguments_of_the_driver(flavour: Flavour) -> None:
    config = settings_of(
        flavour,
        host="h",
        user="o'brien",
        password="back\\slash and 'quote'",
        database="my db",
        keepalives=False,
        tcp_user_timeout=500,
        connect_timeout=0.25,
        pooler=False,
        session_settings={"app.x": "a b\\\n"},
    )
    arguments = _connect._arguments(config.settings, "h", 5, "Disable")
    assert arguments["dsn"] == (
        "host='h' port='5' user='o\\'brien' password='back\\\\slash and \\'quote\\'' dbname='my db' "
        "options='-c app.x=a\\\\ b\\\\\\\\\\\\\n' keepalives='0' tcp_user_timeout='1'"
    )
    assert (arguments["connect_timeout_sec"], arguments["connect_timeout_nanosec"]) == (0, 250_000_000)


async def test_names_and_passwords_arrive_as_they_are(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    role, name = f'o\'brien \\ "{flavour.schema}"', 'it\'s \\ "me"'
    quoted = sql.Identifier(role)
    admin.execute(sql.SQL("create role {} login").format(quoted))
    try:
        config = flavour.make_config(user=role, password="' \\ x", application_name=name)
        async with config.provide_session() as session:
            row = await session.select_one("select current_user::text as u, current_setting('application_name') as a")
            assert row == {"u": role, "a": name}
        await config.close()
    finally:
        admin.execute(sql.SQL("drop role {}").format(quoted))


async def test_a_server_that_is_too_old_is_refused(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connect, "_OLDEST", 990000)
    config = flavour.make_config()
    with pytest.raises(ImproperConfigurationError, match="16 is the oldest"):
        async with config.provide_session():
            pass
    assert config.stats().size == 0


async def test_messages_are_made_english(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the role's own language is: here the check is made to take it for a foreign one.
    monkeypatch.setattr(_connect, "_speaks_english", lambda _: False)
    config = flavour.make_config(max_size=1, session_settings={"lc_messages": "POSIX"}, reset="always")
    for _ in range(2):
        async with config.provide_session() as session:
            assert await session.select_value("show lc_messages") == "C"
    assert config.stats().opened == 1


async def test_a_listener_does_not_wait_for_a_silent_server_for_ever(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs a second connection, and the server may be silent by then."""

    async def silent(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(Subscription, "open", silent)
    config = flavour.make_config(connect_timeout=0.5)
    async with asyncio.timeout(5):
        with pytest.raises(ConnectionTimeoutError):
            async with config.listen("t"):
                pass


_FORKS = """
import asyncio, os, sys
from sqlspec.adapters.psqlpy import PsqlpyConfig
from sqlspec.exceptions import OperationalError

async def use():
    async with PsqlpyConfig(connection_config={"dsn": sys.argv[1]}) as config, config.provide_session() as session:
        assert await session.select_value("select 1") == 1

asyncio.run(use())
if (child := os.fork()) == 0:
    try:
        asyncio.run(use())
    except OperationalError as error:
        os._exit("its threads have stayed behind" not in str(error))
    os._exit(2)
assert os.waitpid(child, 0)[1] == 0
asyncio.run(use())
"""


async def test_a_forked_process_is_told_that_the_driver_does_not_work_there(dsn: str) -> None:
    command = [sys.executable, "-c", _FORKS, dsn]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr.decode()


# -- errors, which are texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "detail", "hint", "lost"),
    [
        ("Cannot execute query, error - db error: ERROR: a: b\nDETAIL: d\nHINT: h", "a: b", "d", "h", False),
        ("db error: ERROR: two\nlines\nHINT: h", "two\nlines", None, "h", False),
        ("db error: FATAL: terminating", "terminating", None, None, True),
        ("db error: ERROR: connection closed", "connection closed", None, None, False),
        ("db error: ERROR: FATAL: terminating", "FATAL: terminating", None, None, False),
        ("db error: ERROR: db error: FATAL: x", "db error: FATAL: x", None, None, False),
        ("Error occurred in `execute_many` statement: db error: ERROR: x", "x", None, None, False),
        (
            "Cannot open transaction wrap in execute_many: db error: FATAL: terminating",
            "terminating",
            None,
            None,
            True,
        ),
        ("Failed to finalize execute_many wrap: db error: FATAL: terminating", "terminating", None, None, True),
        ("Cannot build statement in execute_many: db error: ERROR: x\nDETAIL: d", "x", "d", None, False),
        (
            "Transaction commit error: Cannot execute COMMIT statement, error - db error: ERROR: x",
            "x",
            None,
            None,
            False,
        ),
        ("connection closed", "connection closed", None, None, True),
        ("error communicating with the server: reset", "error communicating with the server: reset", None, None, True),
        (
            "Database engine pool exception: Error occurred while creating a new object: error connecting to server: x",
            "error connecting to server: x",
            None,
            None,
            True,
        ),
    ],
)
def test_the_parts_of_a_text(
    flavour: Flavour, text: str, message: str, detail: str | None, hint: str | None, lost: bool
) -> None:
    told = _errors.read(psqlpy.Error(text))
    assert (told.message, told.detail, told.hint, told.ends_connection) == (message, detail, hint, lost)


def test_another_language_has_no_sqlstate(flavour: Flavour) -> None:
    text = 'db error: FEHLER: doppelter Schluesselwert verletzt Unique-Constraint "x"'
    info = _errors.error_info(psqlpy.Error(text), closed=False)
    assert (info.sqlstate, info.fallback) == (None, OperationalError)
    fatal = _errors.connect_error_info(psqlpy.Error("db error: FATAL: Rolle fehlt"))
    assert (fatal.sqlstate, fatal.fallback) == (None, DatabaseConnectionError)


def test_a_panic_holds_no_value(flavour: Flavour) -> None:
    class PanicException(BaseException):
        pass

    assert _errors.is_panic(PanicException("secret"))
    error = _errors.panicked(PanicException("secret"))
    assert "secret" not in str(error)
    assert _errors.is_lost(error)


async def test_a_panic_closes_the_connection(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    async def panic(*_: Any) -> None:
        raise PanicException("secret")

    config = flavour.make_config()
    async with config.provide_session() as session:
        driver = session.driver
        monkeypatch.setattr(driver, "_fetch", panic)
        with pytest.raises(DatabaseConnectionError, match="the driver panicked") as caught:
            await session.select("select 1")
        assert "secret" not in str(caught.value)
        with pytest.raises(SQLSpecError, match="the connection was lost"):
            await session.select("select 1")
    assert config.stats().size == 0
