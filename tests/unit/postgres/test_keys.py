"""What each portable key takes, seen through `resolve`: strict types, ranges, one canonical value."""

from __future__ import annotations

from typing import Any

import pytest

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.keys import KEYS, PORTABLE_KEYS
from sqlspec.postgres.settings import ConnectionSettings, KeyDialect, PoolSettings, redacted_dsn, resolve

SECRET = "hunter2-S3cr3t"


def both(config: Any, **environ: str) -> tuple[ConnectionSettings, PoolSettings]:
    return resolve(config, KeyDialect("any"), environ=environ, os_user=lambda: "me")


def settings(config: Any, **environ: str) -> ConnectionSettings:
    return both(config, **environ)[0]


def refusal(config: Any, **environ: str) -> str:
    with pytest.raises(ImproperConfigurationError, match=r"^cannot .+: .+; .+") as caught:
        both(config, **environ)
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("port", 0),
        ("port", 65536),
        ("port", True),
        ("port", "5432"),
        ("port", 5432.0),
        ("ports", []),
        ("ports", [1, None]),
        ("host", ""),
        ("host", 1),
        ("host", "a b"),
        ("host", "a/b"),
        ("host", "localhost:5432"),
        ("host", f"postgresql://u:{SECRET}@h"),
        ("hosts", []),
        ("hosts", ["a,b"]),
        ("hosts", ["a", None]),
        ("hosts", {"a"}),
        ("user", ""),
        ("user", 1),
        ("user", "a\0b"),
        ("password", b"x"),
        ("password", lambda: SECRET),
        ("database", ""),
        ("database", f"postgresql://u:{SECRET}@h/d"),
        ("dsn", ""),
        ("dsn", 1),
        ("application_name", 1),
        ("connect_timeout", -1),
        ("connect_timeout", True),
        ("connect_timeout", "10"),
        ("connect_timeout", float("inf")),
        ("connect_timeout", float("nan")),
        ("connect_timeout", 10**400),
        ("sslmode", "on"),
        ("sslmode", True),
        ("sslrootcert", ""),
        ("sslkey", b"k"),
        ("client_encoding", "latin1"),
        ("client_encoding", 6),
        ("target_session_attrs", "master"),
        ("load_balance_hosts", True),
        ("pooler", "transaction"),
        ("keepalives", 2),
        ("keepalives", 1.0),
        ("keepalives", "on"),
        ("keepalives_idle", 1.5),
        ("keepalives_idle", True),
        ("keepalives_count", -1),
        ("tcp_user_timeout", -1),
        ("statement_timeout", -1),
        ("statement_timeout", True),
        ("statement_timeout", "5 parsecs"),
        ("statement_timeout", "-5s"),
        ("statement_timeout", 2**31),
        ("statement_timeout", "25d"),
        ("session_settings", ["a"]),
        ("session_settings", {"a": None}),
        ("session_settings", {"a b": "x"}),
        ("session_settings", {"": "x"}),
        ("session_settings", {1: "x"}),
        ("session_settings", {"a": "x\0"}),
        ("session_settings", {"A": "x", "a": "x"}),
        ("session_settings", {"client_encoding": "latin1"}),
        ("session_settings", {"standard_conforming_strings": False}),
        ("min_size", -1),
        ("min_size", True),
        ("max_size", 0),
        ("max_size", "10"),
        ("acquire_timeout", -0.1),
        ("acquire_timeout", "1"),
        ("max_lifetime", -1),
        ("max_idle", False),
        ("reset", "sometimes"),
        ("reset", True),
        ("validate", False),
    ],
)
def test_wrong_values(key: str, value: object) -> None:
    message = refusal({key: value})
    assert message.startswith(f"cannot use {key!r}")
    assert "does not fit; give " in message


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_wrong_type_names_the_key_and_the_type(key: str) -> None:
    class Odd:
        def __repr__(self) -> str:
            return SECRET

    assert f"cannot use {key!r}: a value of type Odd does not fit; give " in refusal({key: Odd()})


@pytest.mark.parametrize(
    "key", sorted(PORTABLE_KEYS - {"connect_timeout", "acquire_timeout", "max_lifetime", "max_idle"})
)
def test_none_is_not_given(key: str) -> None:
    assert both({key: None}) == both({})


def test_timeouts_that_can_be_switched_off() -> None:
    off: dict[str, Any] = dict.fromkeys(("connect_timeout", "acquire_timeout", "max_lifetime", "max_idle"))
    found, pooled = both(off)
    assert found.connect_timeout is None
    assert (pooled.acquire_timeout, pooled.max_lifetime, pooled.max_idle) == (None, None, None)
    # Zero: no limit, as in libpq; only a borrower may ask not to wait at all.
    found, pooled = both(dict.fromkeys(off, 0))
    assert found.connect_timeout is None
    assert (pooled.acquire_timeout, pooled.max_lifetime, pooled.max_idle) == (0.0, None, None)
    assert settings({"connect_timeout": None}, PGCONNECT_TIMEOUT="5").connect_timeout is None


def test_zero_leaves_keepalives_to_the_system() -> None:
    found = settings({"keepalives": 1, "keepalives_idle": 0, "tcp_user_timeout": 0})
    assert (found.keepalives, found.keepalives_idle, found.tcp_user_timeout) == (True, None, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5000ms"),
        (0, "0ms"),
        (0.25, "250ms"),
        (0.0001, "1ms"),
        ("5s", "5000ms"),
        (" 1.5 min ", "90000ms"),
        ("250", "250ms"),
        ("10us", "1ms"),
        ("1h", "3600000ms"),
        ("24d", "2073600000ms"),
        ("0", "0ms"),
        (1.1, "1100ms"),
        (2147483.647, "2147483647ms"),
    ],
)
def test_statement_timeout(value: float | str, text: str) -> None:
    assert settings({"statement_timeout": value}).session_settings == {"statement_timeout": text}


@pytest.mark.parametrize("value", ["UTF8", "utf-8", "UTF_8", "unicode", "Utf8"])
def test_client_encoding(value: str) -> None:
    assert settings({"client_encoding": value}) == settings({})


# --- hosts, ports, DSN -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "hosts", "ports"),
    [
        ({"host": "a"}, ("a",), (5432,)),
        ({"host": ["a", "b"]}, ("a", "b"), (5432, 5432)),
        ({"host": "a,b", "port": 1}, ("a", "b"), (1, 1)),
        ({"hosts": ("a", "b"), "ports": [1, 2]}, ("a", "b"), (1, 2)),
        ({"host": "::1"}, ("::1",), (5432,)),
        ({"host": "@abstract"}, ("@abstract",), (5432,)),
        ({"dsn": "postgresql://a:1,b/d"}, ("a", "b"), (1, 5432)),
        ({"dsn": "postgresql://a,b:2/d"}, ("a", "b"), (5432, 2)),
        ({"dsn": "postgresql://[::1]:1,%2Ftmp"}, ("::1", "/tmp"), (1, 5432)),
        ({"dsn": "postgresql:///d?host=/tmp&port=3"}, ("/tmp",), (3,)),
        ({"dsn": "postgresql://a:1/d", "host": "b"}, ("b",), (1,)),
        ({"dsn": "host=a,b port=1"}, ("a", "b"), (1, 1)),
        ({"dsn": "host=,b"}, ("localhost", "b"), (5432, 5432)),
    ],
)
def test_hosts_and_ports(config: dict[str, Any], hosts: tuple[str, ...], ports: tuple[int, ...]) -> None:
    found = settings(config)
    assert (found.hosts, found.ports) == (hosts, ports)


@pytest.mark.parametrize(
    ("config", "environ", "words"),
    [
        ({"hosts": ["a", "b"], "ports": [1, 2, 3]}, {}, ("'hosts'", "'ports'", "2 hosts and 3 ports")),
        ({"ports": [1, 2]}, {}, ("the default host", "1 hosts and 2 ports")),
        ({"dsn": "postgresql://a:1,b:2", "host": "c"}, {}, ("'host' with DSN parameter 'port'",)),
        ({"host": "a"}, {"PGPORT": "1,2"}, ("environment variable 'PGPORT'",)),
    ],
)
def test_hosts_that_cannot_be_paired(config: dict[str, Any], environ: dict[str, str], words: tuple[str, ...]) -> None:
    message = refusal(config, **environ)
    assert all(word in message for word in words)


def test_dsn_parameters_reach_their_fields() -> None:
    found = settings(
        {
            "dsn": "postgresql://u:p%40@h/d?sslmode=require&connect_timeout=3&keepalives=0&keepalives_idle=9"
            "&tcp_user_timeout=2500&target_session_attrs=standby&options=-c%20a%3Db&client_encoding=utf8"
        }
    )
    assert (found.password, found.sslmode, found.connect_timeout) == ("p@", "require", 3.0)
    assert (found.keepalives, found.keepalives_idle, found.tcp_user_timeout) == (False, 9, 2.5)
    assert (found.target_session_attrs, found.options) == ("standby", "-c a=b")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("port", "0"),
        ("port", "70000"),
        ("port", SECRET),
        ("connect_timeout", "-1"),
        ("connect_timeout", "1e9999"),
        ("keepalives", "2"),
        ("keepalives_idle", "1.5"),
        ("sslmode", SECRET),
        ("client_encoding", "LATIN1"),
        ("target_session_attrs", SECRET),
    ],
)
def test_dsn_parameters_are_checked(parameter: str, value: str) -> None:
    assert f"DSN parameter {parameter!r}: its text does not fit" in refusal({"dsn": f"{parameter}={value}"})


def test_configurations_that_are_no_dict_of_str() -> None:
    assert "type list" in refusal([("user", "x")])
    assert "type int" in refusal({1: "x"})


def test_pool_sizes_must_leave_room() -> None:
    assert "'min_size' with 'max_size'" in refusal({"min_size": 3, "max_size": 2})
    assert "'min_size' with the default 'max_size'" in refusal({"min_size": 11})
    assert both({"min_size": 2, "max_size": 2})[1] == PoolSettings(min_size=2, max_size=2)


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({"dsn": f"postgresql://u:{SECRET}@h:5433/d"}, "postgresql://u:***@h:5433/d"),
        ({"user": "u"}, "postgresql://u@localhost:5432/u"),
        (
            {"host": ["::1", "/tmp"], "user": "a@b", "password": ""},
            "postgresql://a%40b:***@[::1]:5432,%2Ftmp:5432/a%40b",
        ),
    ],
)
def test_redacted_dsn(config: dict[str, Any], url: str) -> None:
    assert redacted_dsn(settings(config)) == url
