from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sqlspec.exceptions import (
    ConnectionTimeoutError,
    DatabaseConnectionError,
    ImproperConfigurationError,
    OperationalError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.harness import Flavour, needs
from tests.integration.loopback import Silent

SECRET = "hunter2-secret"


async def show(config: Any, name: str) -> str:
    async with config.provide_session() as session:
        value: str = await session.select_value("select current_setting($1)", name)
        return value


def unused_port() -> int:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
        return port


# -- keys -----------------------------------------------------------------------------------------------------


async def test_one_dict_serves_every_adapter(flavour: Flavour, dsn: str, admin: psycopg.Connection[Any]) -> None:
    server = urlsplit(dsn)
    config = flavour.make_config(
        {
            "host": server.hostname,
            "port": server.port,
            "user": server.username,
            "database": server.path[1:],
            "password": "not asked for",
            "application_name": f"app of {flavour.schema}",
            "connect_timeout": 5,
            "sslmode": "prefer",
            "options": "-c geqo=off -c app.o=5",
            "client_encoding": "utf-8",
            "target_session_attrs": "any",
            "load_balance_hosts": "random",
            "keepalives": True,
            "keepalives_idle": 60,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "statement_timeout": 7.5,
            "session_settings": {"app.x": "x", "work_mem": "9MB", "enable_seqscan": False, "app.n": 5},
            "min_size": 1,
            "max_size": 3,
            "acquire_timeout": 9,
            "max_lifetime": 600,
            "max_idle": 60,
            "reset": "always",
            "validate": "always",
        }
    )
    async with config.provide_session() as session:
        names = [
            "application_name",
            "geqo",
            "app.o",
            "statement_timeout",
            "app.x",
            "work_mem",
            "enable_seqscan",
            "app.n",
        ]
        shown = [await session.select_value("select current_setting($1)", name) for name in names]
        assert shown == [f"app of {flavour.schema}", "off", "5", "7500ms", "x", "9MB", "off", "5"]
        seen = admin.execute("select count(*) from pg_stat_activity where application_name = %s", [shown[0]]).fetchone()
        assert seen == (1,)
    pool = config.pool_settings
    assert (pool.min_size, pool.max_size, pool.acquire_timeout, pool.max_lifetime) == (1, 3, 9, 600)
    assert (pool.max_idle, pool.reset, pool.validate) == (60, "always", "always")


NATIVE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "asyncpg": (
        {"timeout": 4, "ssl": "prefer", "max_inactive_connection_lifetime": 60},
        {"connect_timeout": 4.0, "sslmode": "prefer", "max_idle": 60.0},
    ),
    "psycopg": ({"timeout": 4}, {"acquire_timeout": 4.0}),
}


async def test_the_drivers_own_spellings(flavour: Flavour) -> None:
    given, meant = NATIVE.get(flavour.spec.name, ({}, {}))
    config = flavour.make_config(given)
    settled = {key: getattr(config.settings, key, None) or getattr(config.pool_settings, key, None) for key in meant}
    assert settled == meant
    async with config.provide_session() as session:
        assert await session.select_value("select 1") == 1


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"max_sise": 5}, "max_size"),
        ({"hostt": "x"}, "host"),
        ({"totally": 1}, "totally"),
        ({"max_size": 0}, "max_size"),
        ({"max_size": "5"}, "max_size"),
        ({"min_size": 5, "max_size": 2}, "min_size"),
        ({"reset": "sometimes"}, "when_dirty"),
        ({"sslmode": "perhaps"}, "verify-full"),
        ({"client_encoding": "LATIN1"}, "UTF8"),
        ({"session_settings": {"standard_conforming_strings": "off"}}, "standard_conforming_strings"),
        ({"session_settings": {"a b": "c"}}, "session_settings"),
        ({"statement_timeout": -1}, "statement_timeout"),
        ({"dsn": "mysql://x/y"}, "DSN"),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_construction(
    flavour: Flavour, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperConfigurationError) as caught:
        flavour.make_config(keys)
    assert words in str(caught.value)


async def test_a_dsn_is_no_config(flavour: Flavour, dsn: str) -> None:
    for given in (dsn, [("dsn", dsn)], 5):
        with pytest.raises(ImproperConfigurationError, match="must be a dict|give a dict"):
            flavour.config_class(given)


async def test_passwords_are_hidden(flavour: Flavour) -> None:
    config = flavour.make_config(dsn=f"postgresql://u:{SECRET}@somewhere/db", session_settings={"app.token": SECRET})
    for text in (repr(config), str(config), repr(config.settings), f"{config.pool_settings}"):
        assert SECRET not in text
    assert "somewhere" in repr(config)
    with pytest.raises(ImproperConfigurationError) as caught:
        flavour.make_config(password=SECRET, pasword=SECRET)
    assert SECRET not in repr(caught.value)


# -- what settings do -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["a b", "it's", 'a "b"', "back\\slash \\ s", "tab\tnew\nline", "ünï ☃", "", "--", "$1 %s"]
)
async def test_session_settings_take_any_text(flavour: Flavour, value: str) -> None:
    config = flavour.make_config(session_settings={"app.x": value})
    assert await show(config, "app.x") == value


@needs("sqlstate")
async def test_the_statement_timeout_of_the_config(flavour: Flavour) -> None:
    async with flavour.make_config(statement_timeout="30ms").provide_session() as session:
        with pytest.raises(QueryTimeoutError):
            await session.select("select pg_sleep(30)")
        assert await session.select_value("select 1") == 1


async def test_values_are_utf8_whatever_the_role_says(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    role = f"{flavour.schema}_latin"
    admin.execute(f"create role {role} login".encode())
    try:
        admin.execute(f"alter role {role} set client_encoding = 'LATIN1'".encode())
        config = flavour.make_config(user=role)
        async with config.provide_session() as session:
            assert await session.select_value("select $1 || '☃'", "ünï") == "ünï☃"
        await config.close()
    finally:
        admin.execute(f"drop role {role}".encode())


async def test_a_role_that_reads_backslashes_otherwise_is_refused(
    flavour: Flavour, admin: psycopg.Connection[Any]
) -> None:
    role = f"{flavour.schema}_old"
    admin.execute(f"create role {role} login".encode())
    try:
        admin.execute(f"alter role {role} set standard_conforming_strings = off".encode())
        config = flavour.make_config(user=role)
        with pytest.raises(ImproperConfigurationError, match="standard_conforming_strings is off") as caught:
            async with config.provide_session():
                pass
        assert caught.value.adapter == flavour.spec.name
        assert config.stats().size == 0
    finally:
        admin.execute(f"drop role {role}".encode())


# -- where to connect -----------------------------------------------------------------------------------------


async def test_a_tls_demand_is_not_dropped(flavour: Flavour, admin: psycopg.Connection[Any]) -> None:
    assert admin.execute("show ssl").fetchone() == ("off",), "this test needs a server without TLS"
    with pytest.raises(SQLSpecError) as caught:
        async with flavour.make_config(sslmode="require").provide_session():
            pass
    assert isinstance(caught.value, (DatabaseConnectionError, ImproperConfigurationError))
    async with flavour.make_config(sslmode="disable").provide_session() as session:
        assert await session.select_value("select 1") == 1


@pytest.mark.parametrize("wanted", ["any", "read-write", "primary", "prefer-standby"])
async def test_a_server_that_is_acceptable(flavour: Flavour, wanted: str) -> None:
    assert await show(flavour.make_config(target_session_attrs=wanted), "transaction_read_only") == "off"


@pytest.mark.parametrize("wanted", ["standby", "read-only"])
async def test_a_server_that_is_not_acceptable(flavour: Flavour, wanted: str) -> None:
    with pytest.raises(DatabaseConnectionError):
        async with flavour.make_config(target_session_attrs=wanted).provide_session():
            pass


@pytest.mark.parametrize("order", ["disable", "random"])
async def test_the_next_host_is_tried_when_one_is_down(flavour: Flavour, dsn: str, order: str) -> None:
    server = urlsplit(dsn)
    config = flavour.make_config(
        hosts=["127.0.0.1", server.hostname], ports=[unused_port(), server.port], load_balance_hosts=order
    )
    for _ in range(4):
        async with config.provide_session() as session:
            assert await session.select_value("select 1") == 1


async def test_a_silent_host_is_passed_over(flavour: Flavour, dsn: str) -> None:
    server = urlsplit(dsn)
    with Silent() as silent:
        several = flavour.make_config(
            hosts=["127.0.0.1", server.hostname], ports=[silent.port, server.port], connect_timeout=0.5
        )
        alone = flavour.make_config(host="127.0.0.1", port=silent.port, connect_timeout=0.5)

        async def connect(config: Any) -> int:
            async with config.provide_session() as session:
                value: int = await session.select_value("select 1")
                return value

        calls = (asyncio.create_task(connect(config)) for config in (several, alone))
        answer, failure = await asyncio.gather(*calls, return_exceptions=True)
        assert answer == 1
        assert isinstance(failure, DatabaseConnectionError)
        assert alone.stats().size == 0
    if flavour.spec.capabilities.sqlstate:
        assert type(failure) is ConnectionTimeoutError
        assert "within connect_timeout" in str(failure)


async def test_a_directory_of_sockets_is_a_host(flavour: Flavour, dsn: str, admin: psycopg.Connection[Any]) -> None:
    found = admin.execute("show unix_socket_directories").fetchone()
    directory = found[0].split(",")[0].strip() if found else ""
    if not directory.startswith("/"):
        pytest.skip("the server listens on no socket")
    async with flavour.make_config(host=directory).provide_session() as session:
        assert await session.select_value("select inet_client_addr() is null")


# -- lifetime -------------------------------------------------------------------------------------------------


async def test_a_config_is_a_scope_that_closes(flavour: Flavour) -> None:
    config = flavour.make_config(min_size=1)
    async with config:
        assert config.stats().size == 1
        async with config.provide_session() as session:
            assert await session.select_value("select 1") == 1
    assert config.stats().size == 0
    await config.close()
    with pytest.raises(OperationalError):
        async with config.provide_session():
            pass


async def test_another_event_loop_is_refused_unless_there_is_none(flavour: Flavour) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        await session.select("select 1")

    async def use() -> int:
        async with config.provide_session() as session:
            value: int = await session.select_value("select 5")
            return value

    try:
        value = await asyncio.to_thread(asyncio.run, use())
    except OperationalError as error:
        assert not flavour.is_sync
        assert "another event loop" in str(error)
    else:
        assert flavour.is_sync
        assert value == 5


async def test_features_are_checked(flavour: Flavour) -> None:
    with pytest.raises(ImproperConfigurationError, match="did you mean 'infinity'"):
        flavour.make_config(driver_features={"infinty": "clamp"})
    async with flavour.make_config(driver_features={"infinity": "clamp"}).provide_session() as session:
        assert str(await session.select_value("select 'infinity'::date")) == "9999-12-31"
