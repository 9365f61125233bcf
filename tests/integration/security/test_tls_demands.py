"""However TLS is demanded, the config holds that demand or refuses it; `faults/test_tls.py` watches the wire."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from sqlspec.exceptions import ImproperConfigurationError
from tests.integration.harness import Flavour

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def context(verify: bool = True, host: bool = True) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname = verify and host
    made.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return made


def mode_of(flavour: Flavour, keys: dict[str, Any]) -> str | None:
    """Return the mode of the config that comes of it; `None` when it is refused."""
    try:
        mode: str = flavour.config_class(keys).settings.sslmode
    except ImproperConfigurationError:
        return None
    return mode


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["key", "dsn", "conninfo", "environment", "spelling"])
def test_a_mode_is_kept_or_refused(flavour: Flavour, monkeypatch: pytest.MonkeyPatch, source: str, mode: str) -> None:
    keys: dict[str, Any] = {
        "key": {"sslmode": mode},
        "dsn": {"dsn": f"postgresql://localhost/x?sslmode={mode}"},
        "conninfo": {"dsn": f"host=localhost sslmode={mode}"},
        "environment": {"host": "localhost"},
        "spelling": {"ssl" if flavour.name == "asyncpg" else "ssl_mode": mode},
    }[source]
    if source == "environment":
        monkeypatch.setenv("PGSSLMODE", mode)
    assert mode_of(flavour, keys) in (mode, None)
    # A weaker source changes nothing of what is asked for by the key.
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert mode_of(flavour, {"dsn": "postgresql://localhost/x?sslmode=disable", "sslmode": mode}) in (mode, None)


@pytest.mark.parametrize(
    ("mode", "other"), [("verify-full", "disable"), ("require", "prefer"), ("verify-ca", "require")]
)
def test_two_modes_are_a_conflict(flavour: Flavour, mode: str, other: str) -> None:
    spelling = {"asyncpg": "ssl", "psqlpy": "ssl_mode"}.get(flavour.name)
    if spelling is not None:
        assert mode_of(flavour, {"sslmode": mode, spelling: other}) is None


@pytest.mark.parametrize(
    "keys", [{"sslrootcert": "x"}, {"sslcert": "x"}, {"sslkey": "x"}], ids=lambda keys: next(iter(keys))
)
def test_certificates_are_used_or_refused(flavour: Flavour, keys: dict[str, str]) -> None:
    """None is dropped in silence."""
    try:
        settings = flavour.config_class(keys).settings
    except ImproperConfigurationError:
        return
    assert {key: getattr(settings, key) for key in keys} == keys


@pytest.mark.only("asyncpg")
@pytest.mark.parametrize("key", ["ssl", "ssl_context"])
def test_a_context_is_taken_for_what_it_verifies(flavour: Flavour, key: str) -> None:
    """A lax one beside a strict mode would win: asyncpg looks at the context alone."""
    kinds = {"require": context(verify=False), "verify-ca": context(host=False), "verify-full": context()}
    for mode, made in kinds.items():
        assert mode_of(flavour, {key: made}) == mode
        for asked in MODES:
            assert mode_of(flavour, {key: made, "sslmode": asked}) == (mode if asked == mode else None)
        for other in ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslpassword", "ssl_min_protocol_version"):
            assert mode_of(flavour, {key: made, other: "x"}) is None


@pytest.mark.parametrize(
    ("variable", "name", "value"),
    [
        ("PGGSSENCMODE", "gssencmode", "require"),
        ("PGCHANNELBINDING", "channel_binding", "require"),
        ("PGREQUIREAUTH", "require_auth", "scram-sha-256"),
        ("PGSSLCRL", "sslcrl", "revoked.pem"),
        ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version", "TLSv1.3"),
    ],
)
def test_a_demand_of_the_environment_is_the_drivers_or_refused(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: str
) -> None:
    """Psycopg reads the variables by itself, asyncpg those of TLS; others would go on without what is demanded."""
    monkeypatch.setenv(variable, value)
    is_taken = name in flavour.config_class.dialect.native
    assert (mode_of(flavour, {"host": "localhost"}) is not None) is is_taken
    monkeypatch.delenv(variable)
    assert (mode_of(flavour, {"dsn": f"host=localhost {name}={value}"}) is not None) is is_taken
