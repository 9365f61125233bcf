"""Every key of the configuration in the guide that SQLSpec has for psqlpy: accepted with its type, or refused."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import psqlpy
import pytest

from sqlspec.adapters.psqlpy import PsqlpyConfig, PsqlpyDriverFeatures
from sqlspec.exceptions import DatabaseConnectionError, ImproperConfigurationError
from tests.integration.harness import Flavour

# Key -> its value in the guide, what it is called on every adapter, and the value there.
DOCUMENTED: dict[str, tuple[Any, str, Any]] = {
    "dsn": ("postgresql://user:pass@localhost:5432/dbname", "database", "dbname"),
    "username": ("myuser", "user", "myuser"),
    "password": ("mypass", "password", "mypass"),
    "db_name": ("mydb", "database", "mydb"),
    "host": ("localhost", "hosts", ("localhost",)),
    "port": (5432, "ports", (5432,)),
    "max_db_pool_size": (20, "max_size", 20),
    "connect_timeout_sec": (10, "connect_timeout", 10),
    "connect_timeout_nanosec": (250_000_000, "connect_timeout", 0.25),
    "tcp_user_timeout_sec": (30, "tcp_user_timeout", 30),
    "tcp_user_timeout_nanosec": (500_000_000, "tcp_user_timeout", 0.5),
    "keepalives": (False, "keepalives", False),
    "keepalives_idle_sec": (7200, "keepalives_idle", 7200),
    "keepalives_interval_sec": (75, "keepalives_interval", 75),
    "keepalives_retries": (9, "keepalives_count", 9),
    "ssl_mode": ("require", "sslmode", "require"),
    "sslrootcert": ("/path/to/ca-cert.pem", "sslrootcert", "/path/to/ca-cert.pem"),
    "ca_file": ("/path/to/ca-bundle.crt", "sslrootcert", "/path/to/ca-bundle.crt"),
    "options": ("-c statement_timeout=30000", "options", "-c statement_timeout=30000"),
    "application_name": ("myapp", "application_name", "myapp"),
    "target_session_attrs": ("read-write", "target_session_attrs", "read-write"),
    "load_balance_hosts": ("random", "load_balance_hosts", "random"),
}
SEVERAL: dict[str, Any] = {
    "hosts": ["primary.db.local", "replica1.db.local", "replica2.db.local"],
    "ports": [5432, 5433, 5434],
}
CHOICES: dict[str, dict[str, Any]] = {
    "ssl_mode": {"disable": "disable", "allow": "allow", "prefer": "prefer", "require": "require"},
    "load_balance_hosts": {"random": "random", "disable": "disable"},
    "target_session_attrs": {"read-write": "read-write", "read-only": "read-only"},
}
POLICIES = {"fast": ("never", "never"), "auto": ("when_dirty", "when_idle")}
REFUSED = {
    "sslcert": ("/path/to/client-cert.pem", "the driver sends no client certificate"),
    "sslkey": ("/path/to/client-key.pem", "the driver sends no client certificate"),
}


def meant(config: PsqlpyConfig, name: str) -> Any:
    return getattr(config.settings, name) if hasattr(config.settings, name) else getattr(config.pool_settings, name)


@pytest.mark.parametrize("key", DOCUMENTED)
def test_a_documented_key_is_taken(key: str) -> None:
    given, name, expected = DOCUMENTED[key]
    assert meant(PsqlpyConfig(connection_config={key: given}), name) == expected


def test_hosts_and_ports_belong_together() -> None:
    settings = PsqlpyConfig(connection_config=SEVERAL).settings
    assert (settings.hosts, settings.ports) == (tuple(SEVERAL["hosts"]), tuple(SEVERAL["ports"]))
    with pytest.raises(ImproperConfigurationError, match="ports"):
        PsqlpyConfig(connection_config={**SEVERAL, "ports": [1, 2]})


@pytest.mark.parametrize("key", [*DOCUMENTED, *SEVERAL, "client_encoding", "conn_recycling_method", *REFUSED])
def test_a_documented_key_takes_its_type_only(key: str) -> None:
    secret = object()
    with pytest.raises(ImproperConfigurationError, match=key) as caught:
        PsqlpyConfig(connection_config={key: secret})
    assert repr(secret) not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "choice", "expected"),
    [(key, choice, expected) for key, choices in CHOICES.items() for choice, expected in choices.items()],
)
def test_a_documented_choice(key: str, choice: str, expected: Any) -> None:
    assert meant(PsqlpyConfig(connection_config={key: choice}), DOCUMENTED[key][1]) == expected


@pytest.mark.parametrize("method", POLICIES)
def test_a_recycling_method(method: str) -> None:
    pool = PsqlpyConfig(connection_config={"conn_recycling_method": method}).pool_settings
    assert (pool.reset, pool.validate) == POLICIES[method]


@pytest.mark.parametrize("name", ["UTF8", "utf-8"])
def test_the_one_encoding(name: str) -> None:
    PsqlpyConfig(connection_config={"client_encoding": name})
    with pytest.raises(ImproperConfigurationError, match="UTF8"):
        PsqlpyConfig(connection_config={"client_encoding": "LATIN1"})


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", REFUSED)
def test_a_client_certificate_is_refused(key: str) -> None:
    given, reason = REFUSED[key]
    with pytest.raises(ImproperConfigurationError, match=f"'{key}' on psqlpy: {reason}; .*another adapter"):
        PsqlpyConfig(connection_config={key: given})


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_mode_that_the_driver_does_not_keep_is_refused(mode: str) -> None:
    with pytest.raises(ImproperConfigurationError, match="use require together with sslrootcert"):
        PsqlpyConfig(connection_config={"ssl_mode": mode})


def test_the_guide_names_two_files_for_one_thing() -> None:
    both = {key: DOCUMENTED[key][0] for key in ("sslrootcert", "ca_file")}
    with pytest.raises(ImproperConfigurationError, match="their values differ; give one of them"):
        PsqlpyConfig(connection_config=both)
    settings = PsqlpyConfig(connection_config=dict.fromkeys(both, "/ca.crt")).settings
    assert settings.sslrootcert == "/ca.crt"


def test_keys_beside_a_dsn_override_it() -> None:
    config = PsqlpyConfig(
        connection_config={key: given for key, (given, _, _) in DOCUMENTED.items() if key != "ca_file"}
    )
    assert (config.settings.user, config.settings.password, config.settings.database) == ("myuser", "mypass", "mydb")
    assert "pass" not in repr(config)


# -- driver_features ----------------------------------------------------------------------------------------------


def upper(value: Any) -> str:
    return json.dumps(value).upper()


@pytest.mark.only("psqlpy")
@pytest.mark.parametrize("as_class", [True, False])
async def test_the_driver_features(flavour: Flavour, vector_type: None, as_class: bool) -> None:
    features: dict[str, Any] = {"enable_pgvector": False, "json_serializer": upper, "json_deserializer": str}
    given: Any = PsqlpyDriverFeatures(**features) if as_class else features
    async with flavour.make_config(driver_features=given).provide_session() as session:
        assert await session.select_value("select $1::json", {"a": 1}) == '{"A": 1}'
        assert await session.select_value("select '[1,2]'::vector") == "[1,2]"


# -- what the keys do, as kernel and server see it ------------------------------------------------------------------


def socket_of(port: int) -> socket.socket:
    """Return a copy of this process's socket that has a local port."""
    for number in map(int, os.listdir("/dev/fd")):
        try:
            copy = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if copy.family in (socket.AF_INET, socket.AF_INET6) and copy.getsockname()[1] == port:
            return copy
        copy.close()
    raise AssertionError("no socket has this port")


@pytest.mark.only("psqlpy")
async def test_the_socket_is_as_configured(flavour: Flavour) -> None:
    config = flavour.make_config(
        {
            "tcp_user_timeout_sec": 30,
            "tcp_user_timeout_nanosec": 0,
            "keepalives": True,
            "keepalives_idle_sec": 7200,
            "keepalives_interval_sec": 75,
            "keepalives_retries": 9,
        }
    )
    async with config.provide_session() as session:
        assert await session.select_value("select inet_client_addr() is not null"), "this test needs TCP"
        with socket_of(await session.select_value("select inet_client_port()")) as connected:
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [connected.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [30_000, 7200, 75, 9]


@pytest.mark.only("psqlpy")
async def test_the_server_is_told(flavour: Flavour) -> None:
    config = flavour.make_config(
        {"options": "-c statement_timeout=30000", "application_name": "myapp", "client_encoding": "UTF8"}
    )
    async with config.provide_session() as session:
        shown = [
            await session.select_value("select current_setting($1)", name)
            for name in ("statement_timeout", "application_name", "client_encoding")
        ]
    assert shown == ["30s", "myapp", "UTF8"]


@pytest.mark.only("psqlpy")
async def test_a_server_without_tls_is_not_taken_for_one_with_it(flavour: Flavour) -> None:
    with pytest.raises(DatabaseConnectionError):
        async with flavour.make_config({"ssl_mode": "require"}).provide_session():
            pass


def test_the_enumerations_of_the_driver() -> None:
    config = PsqlpyConfig(
        connection_config={
            "ssl_mode": psqlpy.SslMode.Require,
            "load_balance_hosts": psqlpy.LoadBalanceHosts.Random,
            "target_session_attrs": psqlpy.TargetSessionAttrs.ReadWrite,
        }
    )
    settings = config.settings
    assert (settings.sslmode, settings.load_balance_hosts) == ("require", "random")
    assert settings.target_session_attrs == "read-write"
