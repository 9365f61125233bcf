"""One configuration for every adapter: spellings, sources, refusals, and that no value leaks.

The dialects are modelled on the drivers' real spellings; the adapters' own are tested with the adapters.
"""

from __future__ import annotations

import pathlib
import pickle
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.keys import PORTABLE_KEYS
from sqlspec.postgres.settings import (
    Alias,
    BadValueError,
    ConnectionSettings,
    KeyDialect,
    PoolSettings,
    Spread,
    resolve,
)


def asyncpg_ssl(value: object) -> dict[str, object]:
    if isinstance(value, bool):
        return {"sslmode": "require" if value else "disable"}
    return {"sslmode": value} if isinstance(value, str) else {"ssl": value}


def recycling(value: str) -> dict[str, object]:
    methods: dict[str, dict[str, object]] = {
        "fast": {"reset": "never", "validate": "never"},
        "auto": {"reset": "when_dirty"},
        "verified": {"validate": "always"},
        "clean": {"reset": "always"},
    }
    if value not in methods:
        raise BadValueError("one of fast, auto, verified, clean")
    return methods[value]


ASYNCPG = KeyDialect(
    adapter="asyncpg",
    aliases={
        "timeout": "connect_timeout",
        "ssl": Spread(asyncpg_ssl),
        "server_settings": "session_settings",
        "max_inactive_connection_lifetime": "max_idle",
    },
    native=frozenset({"statement_cache_size", "max_cacheable_statement_size"}),
    refused={"max_queries": "connections are not retired by a count of queries; use max_lifetime"},
)
PSYCOPG = KeyDialect(
    adapter="psycopg",
    aliases={"dbname": "database", "conninfo": "dsn", "timeout": "acquire_timeout"},
    native=frozenset({"prepare_threshold", "channel_binding", "gssencmode", "sslpassword"}),
)
PSQLPY = KeyDialect(
    adapter="psqlpy",
    aliases={
        "username": "user",
        "db_name": "database",
        "max_db_pool_size": "max_size",
        "conn_recycling_method": Spread(recycling),
        "connect_timeout_sec": Alias("connect_timeout", part=True),
        "connect_timeout_nanosec": Alias("connect_timeout", lambda value: value / 1e9, part=True),
        "tcp_user_timeout_sec": Alias("tcp_user_timeout", lambda value: value * 1000, part=True),
        "tcp_user_timeout_nanosec": Alias("tcp_user_timeout", lambda value: value / 1e6, part=True),
        "keepalives_idle_sec": "keepalives_idle",
        "keepalives_interval_sec": "keepalives_interval",
        "keepalives_retries": "keepalives_count",
        "ssl_mode": "sslmode",
        "ca_file": "sslrootcert",
    },
    refused={
        ("sslmode", "verify-full"): "the driver connects in plain text; use another adapter",
        "sslcert": "the driver has no client certificates; use another adapter",
    },
)
DIALECTS = [ASYNCPG, PSYCOPG, PSQLPY]
SECRET = "hunter2-S3cr3t"


def both(config: Any, dialect: KeyDialect = ASYNCPG, **environ: str) -> tuple[ConnectionSettings, PoolSettings]:
    return resolve(config, dialect, environ=environ, os_user=lambda: "me")


def settings(config: Any, dialect: KeyDialect = ASYNCPG, **environ: str) -> ConnectionSettings:
    return both(config, dialect, **environ)[0]


def pool(config: Any, dialect: KeyDialect = ASYNCPG, **environ: str) -> PoolSettings:
    return both(config, dialect, **environ)[1]


def refusal(config: Any, dialect: KeyDialect = ASYNCPG, **environ: str) -> str:
    with pytest.raises(ImproperConfigurationError, match=r"^cannot .+: .+; .+") as caught:
        both(config, dialect, **environ)
    # A chained error would be printed too, and a converter's quotes the value.
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    return str(caught.value)


# --- defaults and the portable dict ---------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.adapter)
def test_defaults(dialect: KeyDialect) -> None:
    assert both({}, dialect) == (ConnectionSettings(user="me", database="me"), PoolSettings())
    assert settings({}, dialect).hosts == ("localhost",)
    assert settings({}, dialect).ports == (5432,)
    found = pool({}, dialect)
    assert (found.min_size, found.max_size, found.acquire_timeout) == (0, 10, 30.0)
    assert (found.max_lifetime, found.max_idle) == (3600.0, 600.0)
    assert (found.reset, found.validate) == ("when_dirty", "when_idle")


PORTABLE: dict[str, Any] = {
    "dsn": "postgresql://ignored@ignored:1/ignored",
    "hosts": ["a", "/run/pg"],
    "ports": [5433, 5434],
    "user": "u",
    "password": "p",
    "database": "d",
    "application_name": "app",
    "connect_timeout": 2,
    "sslmode": "verify_ca",
    "sslrootcert": "/ca.pem",
    "options": "-c geqo=off",
    "client_encoding": "utf-8",
    "target_session_attrs": "READ_WRITE",
    "load_balance_hosts": "random",
    "pooler": False,
    "keepalives": False,
    "keepalives_idle": 60,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 1500,
    "statement_timeout": 2.5,
    "command_timeout": 4,
    "session_settings": {"TimeZone": "UTC", "jit": False, "work_mem": 64},
    "min_size": 2,
    "max_size": 4,
    "acquire_timeout": 1,
    "max_lifetime": 60,
    "max_idle": None,
    "reset": "ALWAYS",
    "validate": "never",
    "leak_after": 5,
}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.adapter)
def test_one_dict_means_the_same_on_every_adapter(dialect: KeyDialect) -> None:
    assert PORTABLE_KEYS - PORTABLE.keys() == {"host", "port", "sslcert", "sslkey"}
    expected = ConnectionSettings(
        hosts=("a", "/run/pg"),
        ports=(5433, 5434),
        user="u",
        password="p",
        database="d",
        application_name="app",
        connect_timeout=2.0,
        sslmode="verify-ca",
        sslrootcert="/ca.pem",
        options="-c geqo=off",
        target_session_attrs="read-write",
        load_balance_hosts="random",
        pooler=False,
        keepalives=False,
        keepalives_idle=60,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=1.5,
        command_timeout=4.0,
        session_settings={"timezone": "UTC", "jit": "off", "work_mem": "64", "statement_timeout": "2500ms"},
    )
    assert both(PORTABLE, dialect) == (
        expected,
        PoolSettings(
            min_size=2,
            max_size=4,
            acquire_timeout=1.0,
            max_lifetime=60.0,
            max_idle=None,
            reset="always",
            validate="never",
            leak_after=5.0,
        ),
    )


def test_settings_survive_pickling() -> None:
    found = both(PORTABLE)
    assert pickle.loads(pickle.dumps(found)) == found


# --- the drivers' spellings -------------------------------------------------------------------------------


def test_asyncpg_spellings() -> None:
    found, pooled = both(
        {
            "timeout": 3,
            "ssl": True,
            "server_settings": {"application_name": "app", "search_path": "x"},
            "max_inactive_connection_lifetime": 0,
            "statement_cache_size": 0,
        }
    )
    assert (found.connect_timeout, found.sslmode, found.application_name) == (3.0, "require", "app")
    assert found.session_settings == {"search_path": "x"}
    assert found.native == {"statement_cache_size": 0}
    assert pooled.max_idle is None


def test_asyncpg_ssl_takes_words_and_contexts() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert settings({"ssl": "verify-full"}).sslmode == "verify-full"
    assert settings({"ssl": False}).sslmode == "disable"
    assert settings({"ssl": context}).native == {"ssl": context}
    assert all("'ssl'" in refusal({"ssl": odd}) for odd in ("nonsense", object()))
    assert "both 'ssl' and 'sslmode'" in refusal({"ssl": True, "sslmode": "disable"})


def test_psycopg_spellings() -> None:
    given = {"conninfo": "host=h dbname=a", "dbname": "b", "timeout": 5, "prepare_threshold": None}
    found, pooled = both(given, PSYCOPG)
    assert (found.hosts, found.database, found.native) == (("h",), "b", {"prepare_threshold": None})
    assert (found.connect_timeout, pooled.acquire_timeout) == (10.0, 5.0)


def test_psqlpy_spellings() -> None:
    found, pooled = both(
        {
            "username": "u",
            "db_name": "d",
            "max_db_pool_size": 20,
            "conn_recycling_method": "clean",
            "connect_timeout_sec": 10,
            "connect_timeout_nanosec": 500_000_000,
            "tcp_user_timeout_sec": 30,
            "tcp_user_timeout_nanosec": 250_000_000,
            "keepalives_idle_sec": 7200,
            "keepalives_interval_sec": 75,
            "keepalives_retries": 9,
            "ssl_mode": "require",
            "ca_file": pathlib.PurePosixPath("/ca.crt"),
        },
        PSQLPY,
    )
    assert (found.user, found.database, found.sslmode, found.sslrootcert) == ("u", "d", "require", "/ca.crt")
    assert (found.connect_timeout, found.tcp_user_timeout) == (10.5, 30.25)
    assert (found.keepalives_idle, found.keepalives_interval, found.keepalives_count) == (7200, 75, 9)
    assert (pooled.max_size, pooled.reset) == (20, "always")


@pytest.mark.parametrize(
    ("method", "reset", "validate"),
    [
        ("fast", "never", "never"),
        ("auto", "when_dirty", "when_idle"),
        ("verified", "when_dirty", "always"),
        ("clean", "always", "when_idle"),
    ],
)
def test_a_spelling_may_set_several_keys(method: str, reset: str, validate: str) -> None:
    found = pool({"conn_recycling_method": method}, PSQLPY)
    assert (found.reset, found.validate) == (reset, validate)


def test_parts_are_summed_before_they_are_compared() -> None:
    parts = {"connect_timeout_sec": 1, "connect_timeout_nanosec": 500_000_000}
    assert settings({**parts, "connect_timeout": 1.5}, PSQLPY).connect_timeout == 1.5
    assert settings({"connect_timeout_sec": 1}, PSQLPY).connect_timeout == 1.0
    assert settings({"connect_timeout_sec": 1, "connect_timeout_nanosec": None}, PSQLPY).connect_timeout == 1.0
    message = refusal({**parts, "connect_timeout": 1}, PSQLPY)
    assert "'connect_timeout' and 'connect_timeout_sec' and 'connect_timeout_nanosec'" in message


@pytest.mark.parametrize("value", [-1, "1", True, float("nan"), [1]])
def test_each_part_is_checked(value: object) -> None:
    message = refusal({"connect_timeout_nanosec": value, "connect_timeout_sec": 5}, PSQLPY)
    assert "'connect_timeout_nanosec'" in message
    assert f"type {type(value).__name__}" in message


def test_a_converter_that_fails_does_not_show_the_value() -> None:
    dialect = KeyDialect("x", {"odd": Alias("connect_timeout", float)})
    assert (
        refusal({"odd": SECRET}, dialect)
        == "cannot use 'odd': a value of type str does not fit; give a value of another type"
    )


# --- conflicts and precedence ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "dialect", "keys"),
    [
        ({"user": "a", "username": SECRET}, PSQLPY, ("'user'", "'username'")),
        ({"host": "a", "hosts": ["b"]}, ASYNCPG, ("'host'", "'hosts'")),
        ({"port": 1, "ports": [2]}, ASYNCPG, ("'port'", "'ports'")),
        ({"dsn": "host=a", "conninfo": f"host=a password={SECRET}"}, PSYCOPG, ("'dsn'", "'conninfo'")),
        (
            {"session_settings": {"a": 1}, "server_settings": {"a": 2}},
            ASYNCPG,
            ("'session_settings'", "'server_settings'"),
        ),
        (
            {"application_name": "a", "session_settings": {"application_name": "b"}},
            ASYNCPG,
            ("'application_name'", "'session_settings' (application_name)"),
        ),
        (
            {"statement_timeout": 5, "session_settings": {"statement_timeout": 5}},
            ASYNCPG,
            ("'statement_timeout'", "'session_settings' (statement_timeout)"),
        ),
        (
            {"reset": "never", "conn_recycling_method": "clean"},
            PSQLPY,
            ("'reset'", "'conn_recycling_method'"),
        ),
        ({"dsn": f"postgresql://u:{SECRET}@h?password=x"}, ASYNCPG, ("DSN parameter 'password'",)),
        ({"dsn": "postgresql://a?host=b"}, ASYNCPG, ("DSN parameter 'host'",)),
    ],
)
def test_two_spellings_that_differ(config: dict[str, Any], dialect: KeyDialect, keys: tuple[str, ...]) -> None:
    message = refusal(config, dialect)
    assert "their values differ" in message
    assert all(key in message for key in keys)


@pytest.mark.parametrize(
    ("config", "dialect"),
    [
        ({"user": "a", "username": "a"}, PSQLPY),
        ({"user": "a", "username": None}, PSQLPY),
        ({"host": "a", "hosts": ["a"]}, ASYNCPG),
        ({"host": "a,b", "hosts": ("a", "b")}, ASYNCPG),
        ({"port": 1, "ports": (1,)}, ASYNCPG),
        ({"sslmode": "VERIFY_CA", "ssl_mode": "verify-ca"}, PSQLPY),
        ({"statement_timeout": 5, "session_settings": {"STATEMENT_TIMEOUT": "5s"}}, ASYNCPG),
        ({"statement_timeout": 5, "session_settings": {"statement_timeout": 5000}}, ASYNCPG),
        ({"dsn": "postgresql://a?host=a"}, ASYNCPG),
    ],
)
def test_two_spellings_that_agree(config: dict[str, Any], dialect: KeyDialect) -> None:
    both(config, dialect)


def test_explicit_keys_win_over_the_dsn_and_the_dsn_over_the_environment() -> None:
    environ = {"PGHOST": "env", "PGPORT": "1", "PGUSER": "env", "PGPASSWORD": "env", "PGDATABASE": "env"}
    found = settings({"dsn": "postgresql://dsn:dsn@dsn/dsn", "user": "key"}, ASYNCPG, **environ)
    assert (found.user, found.password, found.database) == ("key", "dsn", "dsn")
    assert (found.hosts, found.ports) == (("dsn",), (1,))


def test_every_environment_variable_is_a_default() -> None:
    found = settings(
        {},
        PGHOST="a,/tmp",
        PGPORT="5433,",
        PGUSER="u",
        PGPASSWORD="p",
        PGDATABASE="d",
        PGAPPNAME="app",
        PGOPTIONS="-c geqo=off",
        PGSSLMODE="verify-full",
        PGSSLROOTCERT="ca",
        PGSSLCERT="cert",
        PGSSLKEY="key",
        PGCONNECT_TIMEOUT="7",
        PGCLIENTENCODING="UTF8",
        PGTARGETSESSIONATTRS="primary",
        PGLOADBALANCEHOSTS="random",
        PGTZ="UTC",
        PGDATESTYLE="ISO",
        PGGEQO="off",
    )
    assert found == ConnectionSettings(
        hosts=("a", "/tmp"),
        ports=(5433, 5432),
        user="u",
        password="p",
        database="d",
        application_name="app",
        options="-c geqo=off",
        sslmode="verify-full",
        sslrootcert="ca",
        sslcert="cert",
        sslkey="key",
        connect_timeout=7.0,
        target_session_attrs="primary",
        load_balance_hosts="random",
        session_settings={"timezone": "UTC", "datestyle": "ISO", "geqo": "off"},
    )


def test_environment_settings_yield_to_session_settings() -> None:
    found = settings({"session_settings": {"TimeZone": "CET"}}, PGTZ="UTC", PGGEQO="off")
    assert found.session_settings == {"timezone": "CET", "geqo": "off"}


def test_an_empty_variable_is_unset() -> None:
    assert settings({}, PGHOST="", PGPORT="", PGUSER="") == settings({})


def test_a_wrong_variable_is_named_and_only_matters_where_it_is_used() -> None:
    assert "environment variable 'PGPORT'" in refusal({}, PGPORT=SECRET)
    assert settings({"port": 1}, PGPORT=SECRET).ports == (1,)
    assert "environment variable 'PGCLIENTENCODING'" in refusal({}, PGCLIENTENCODING="LATIN1")
    assert settings({"client_encoding": "UTF8"}, PGCLIENTENCODING="LATIN1") == settings({})


@pytest.mark.parametrize("name", ["SERVICE", "HOSTADDR", "REQUIREAUTH", "CHANNELBINDING", "GSSENCMODE", "SSLCRL"])
def test_variables_that_choose_or_protect_the_server_are_not_ignored(name: str) -> None:
    assert f"environment variable 'PG{name}'" in refusal({}, ASYNCPG, **{f"PG{name}": "x"})


def test_variables_that_demand_nothing_here() -> None:
    found = settings({"host": "h"}, PGSERVICE="s", PGHOSTADDR="::1", PGCHANNELBINDING="prefer")
    assert found == settings({"host": "h"})
    assert settings({}, PSYCOPG, PGCHANNELBINDING="require") == settings({}, PSYCOPG)
    plain = {"sslmode": "disable"}
    assert settings(plain, PGSSLCRL="x") == settings(plain)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGAPPNAME", "from the process")
    assert resolve({}, ASYNCPG)[0].application_name == "from the process"
    assert resolve({}, ASYNCPG, environ={})[0].application_name is None


def test_database_defaults_to_user_and_user_to_the_operating_system() -> None:
    assert (settings({"user": "u"}).database, settings({}).user) == ("u", "me")
    nobody = resolve({}, ASYNCPG, environ={}, os_user=lambda: None)[0]
    assert (nobody.user, nobody.database) == (None, None)


def test_a_nameless_operating_system_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", fail)
    assert resolve({}, ASYNCPG, environ={})[0].user is None


def test_native_dsn_parameters() -> None:
    found = settings({"dsn": "host=h channel_binding=require prepare_threshold=3", "prepare_threshold": 5}, PSYCOPG)
    assert found.native == {"channel_binding": "require", "prepare_threshold": 5}
    assert "twice" in refusal({"dsn": "prepare_threshold=1 prepare_threshold=2"}, PSYCOPG)


# --- unknown, refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "dialect", "near"),
    [
        ("databse", ASYNCPG, "database"),
        ("USER", ASYNCPG, "user"),
        ("ssl_mode", ASYNCPG, "sslmode"),
        ("username", ASYNCPG, "user"),
        ("dbname", ASYNCPG, "database"),
        ("conninfo", ASYNCPG, "dsn"),
        ("url", PSYCOPG, "dsn"),
        ("pool_size", PSYCOPG, "max_size"),
        ("statement_cache_sise", ASYNCPG, "statement_cache_size"),
        ("server_settings", PSQLPY, "session_settings"),
        ("comand_timeout", PSQLPY, "command_timeout"),
        ("max_db_pool_sise", PSQLPY, "max_db_pool_size"),
    ],
)
def test_unknown_keys_name_the_nearest(key: str, dialect: KeyDialect, near: str) -> None:
    expected = f"cannot use {key!r}: {dialect.adapter} has no such configuration key; did you mean {near!r}?"
    assert refusal({key: SECRET}, dialect) == expected
    assert refusal({key: None}, dialect) == expected


def test_unknown_key_without_a_near_one_lists_the_valid_ones() -> None:
    message = refusal({"zzzzzz": 1}, PSQLPY)
    assert all(key in message for key in ("acquire_timeout", "conn_recycling_method"))


@pytest.mark.parametrize("key", sorted(PORTABLE_KEYS))
def test_every_portable_key_is_suggested(key: str) -> None:
    assert refusal({f"{key}_": 1}).endswith(f"did you mean {key!r}?")


def test_refused_keys() -> None:
    assert refusal({"max_queries": 5}) == (
        "cannot use 'max_queries' on asyncpg: connections are not retired by a count of queries; use max_lifetime"
    )
    assert settings({"max_queries": None}) == settings({})
    assert "'sslcert' on psqlpy" in refusal({"sslcert": "c"}, PSQLPY)
    assert "environment variable 'PGSSLCERT'" in refusal({}, PSQLPY, PGSSLCERT="c")
    assert "DSN parameter 'sslcert'" in refusal({"dsn": "sslcert=c"}, PSQLPY)


@pytest.mark.parametrize(
    "config", [{"sslmode": "Verify_Full"}, {"ssl_mode": "verify-full"}, {"dsn": "sslmode=verify-full"}]
)
def test_refused_values(config: dict[str, Any]) -> None:
    message = refusal(config, PSQLPY)
    assert "with 'verify-full' on psqlpy: the driver connects in plain text" in message


def test_only_the_value_that_counts_is_refused() -> None:
    assert settings({"sslmode": "require"}, PSQLPY, PGSSLMODE="verify-full").sslmode == "require"


@pytest.mark.parametrize("config", [{"channel_binding": "require"}, {"dsn": "channel_binding=require"}])
def test_parameters_that_only_libpq_knows(config: dict[str, Any]) -> None:
    assert "asyncpg cannot honour this parameter of libpq" in refusal(config)
    assert settings(config, PSYCOPG).native == {"channel_binding": "require"}


@pytest.mark.parametrize(
    "config",
    [{"channel_binding": "prefer"}, {"dsn": "gssencmode=disable sslcompression=0"}, {"sslcompression": 0}],
)
def test_parameters_of_libpq_that_ask_for_nothing(config: dict[str, Any]) -> None:
    assert settings(config) == settings({})


def test_system_certificates_demand_the_name() -> None:
    assert settings({"sslrootcert": "system"}).sslmode == "verify-full"
    assert settings({"sslrootcert": "system", "sslmode": "verify-full"}).sslmode == "verify-full"
    assert "'sslmode'" in refusal({"sslrootcert": "system", "sslmode": "require"})
    assert "'sslrootcert' with 'verify-full' on psqlpy" in refusal({"sslrootcert": "system"}, PSQLPY)


# --- nothing leaks ---------------------------------------------------------------------------------------


def test_values_of_the_drivers_own_classes_under_a_portable_key() -> None:
    dialect = KeyDialect("test", accepts={"sslmode": lambda mode: {1: "verify-full"}.get(mode, mode)})
    for value in (1, "verify-full"):
        assert resolve({"sslmode": value}, dialect, environ={})[0].sslmode == "verify-full"
    with pytest.raises(ImproperConfigurationError, match=r"'sslmode'.*give one of disable"):
        resolve({"sslmode": object()}, dialect, environ={})


def test_repr_shows_no_secret() -> None:
    found = settings(
        {
            "user": "u",
            "password": SECRET,
            "sslpassword": SECRET,
            "session_settings": {"app.token": SECRET},
            "host": "h",
        },
        PSYCOPG,
    )
    assert SECRET not in repr(found)
    assert SECRET not in str(found)
    assert "password='***'" in repr(found)
    assert "['sslpassword']" in repr(found)
    assert "['app.token']" in repr(found)
    assert "user='u'" in repr(found)
    assert "password=None" in repr(settings({}))


@given(key=st.sampled_from(sorted(PORTABLE_KEYS | PSQLPY.aliases.keys())), value=st.text(min_size=8))
def test_no_text_under_any_key_is_shown(key: str, value: str) -> None:
    error: ImproperConfigurationError | None = None
    try:
        both({key: value}, PSQLPY)
    except ImproperConfigurationError as caught:
        error = caught
    # Eight drawn characters are not found in the words of an error by chance.
    assert error is None or (value not in str(error) and error.__context__ is None)


# --- dialects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys",
    [
        {"aliases": {"tcp_user_timeout": Alias("tcp_user_timeout", lambda value: value / 1000)}},
        {"aliases": {"port": "max_size"}},
        {"aliases": {"dbname": "datbase"}},
        {"native": frozenset({"options"})},
    ],
)
def test_dialects_must_not_change_what_a_portable_key_means(keys: dict[str, Any]) -> None:
    with pytest.raises(ImproperConfigurationError, match="cannot define the keys of x"):
        KeyDialect("x", **keys)
