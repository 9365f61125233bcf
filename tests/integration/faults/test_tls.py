"""TLS: right and wrong certificates, and servers that claim to have none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sqlspec.exceptions import (
    DatabaseConnectionError,
    ImproperConfigurationError,
    PermissionDeniedError,
    QueryTimeoutError,
)
from tests.integration.faults.certificates import CLIENT, RIGHT_HOST, WRONG_HOST, Certificates
from tests.integration.faults.tls import Debian, Double
from tests.integration.harness import AsAsync, Flavour

LIBRARIES = ("asyncpg", "psycopg", "psycopg-sync")
"""What knows every mode; psqlpy knows `require`, and verifies the certificate and the name if it has an authority."""
CAPABLE = (*LIBRARIES, "psqlpy")
WITHOUT = ("pyro", "pyro-sync")

_NO_TLS = "the driver is built without TLS: the configuration is refused"
_NO_PLAIN_MODE = (
    "the configuration is refused, as the driver's own mode falls back to plain text; require with sslrootcert "
    "verifies the same, as this test shows"
)
NO_TLS = dict.fromkeys(WITHOUT, _NO_TLS)

VERIFIED = "tls: verify-full connects to the host that the certificate is for, if a trusted authority has made it"
NOT_VERIFIED = "tls: verify-full refuses another host, an unknown authority and an expired certificate"
NEVER_PLAIN = "tls: where TLS is demanded, nothing goes out in plain text to a server that claims to have none"
CLIENT_CERTIFICATE = "tls: a client's certificate stands in for a password"


class Ends:
    """A server with TLS for each driver: psqlpy needs a newer one than has OpenSSL, so it gets a double before that."""

    def __init__(self, certificates: Certificates, server: Debian, doubles: dict[str, Double]) -> None:
        self.certificates = certificates
        self.server = server
        self.doubles = doubles

    def port(self, flavour: Flavour, kind: str) -> int:
        """Return the port of a server with this certificate."""
        if flavour.name not in LIBRARIES:
            return self.doubles[kind].port
        self.server.serve(getattr(self.certificates, kind))
        return self.server.port


@pytest.fixture(scope="module")
def ends(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    with ExitStack() as cleanup:
        server = cleanup.enter_context(Debian(certificates))
        pairs = {kind: getattr(certificates, kind) for kind in ("good", "expired", "unknown")}
        doubles = {kind: cleanup.enter_context(Double(dsn, pair)) for kind, pair in pairs.items()}
        doubles["none"] = cleanup.enter_context(Double(dsn, None))
        yield Ends(certificates, server, doubles)


def make_config(flavour: Flavour, port: int, host: str = RIGHT_HOST, **keys: Any) -> Any:
    given = {"user": "postgres", "database": "postgres", "connect_timeout": 20, "max_size": 1, **keys}
    config = flavour.config_class({"host": host, "port": port, **given})
    flavour._made.append(config)
    return AsAsync(config) if flavour.is_sync else config


def verifying(flavour: Flavour, ends: Ends) -> dict[str, Any]:
    """Return the keys that verify the certificate and the host."""
    mode = "verify-full" if flavour.name in LIBRARIES else "require"
    return {"sslmode": mode, "sslrootcert": ends.certificates.authority}


async def uses_tls(flavour: Flavour, ends: Ends, session: Any) -> bool:
    if flavour.name in LIBRARIES:
        used: bool = await session.select_value("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        return used
    assert not ends.doubles["good"].plain
    return ends.doubles["good"].secured > 0


@pytest.mark.only(*CAPABLE)
@pytest.mark.promise(VERIFIED, refuses={"psqlpy": _NO_PLAIN_MODE})
async def test_the_right_host(flavour: Flavour, ends: Ends) -> None:
    config = make_config(flavour, ends.port(flavour, "good"), **verifying(flavour, ends))
    async with config.provide_session() as session:
        assert await uses_tls(flavour, ends, session)
        # A request to stop a call takes a connection of its own.
        with pytest.raises(QueryTimeoutError):
            await session.execute("select pg_sleep(60)", timeout=0.3)
        assert await session.select_value("select $1::int", 1) == 1


@pytest.mark.only(*CAPABLE)
@pytest.mark.promise(NOT_VERIFIED, refuses={"psqlpy": _NO_PLAIN_MODE})
@pytest.mark.parametrize("wrong", ["host", "expired", "unknown", "authority"])
async def test_a_wrong_certificate(flavour: Flavour, ends: Ends, wrong: str) -> None:
    keys = verifying(flavour, ends)
    if wrong == "authority":
        keys["sslrootcert"] = ends.certificates.stranger
    host = WRONG_HOST if wrong == "host" else RIGHT_HOST
    kind = wrong if wrong in ("expired", "unknown") else "good"
    config = make_config(flavour, ends.port(flavour, kind), host, **keys)
    with pytest.raises(DatabaseConnectionError, match="certificate|does not match host name|TLS handshake"):
        await config.connect()
    assert not any(double.plain for name, double in ends.doubles.items() if name != "none")


@pytest.mark.only(*LIBRARIES)
@pytest.mark.promise("tls: verify-ca refuses an unknown authority and an expired certificate, for any name of the host")
async def test_the_authority_alone(flavour: Flavour, ends: Ends) -> None:
    keys: dict[str, Any] = {**verifying(flavour, ends), "sslmode": "verify-ca"}
    async with make_config(flavour, ends.port(flavour, "good"), WRONG_HOST, **keys).provide_session() as session:
        assert await uses_tls(flavour, ends, session)
    for kind in ("expired", "unknown"):
        with pytest.raises(DatabaseConnectionError, match="certificate"):
            await make_config(flavour, ends.port(flavour, kind), WRONG_HOST, **keys).connect()


@pytest.mark.only(*CAPABLE)
@pytest.mark.promise("tls: require and prefer use TLS where the server has it")
@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_tls_is_used_where_there_is_tls(flavour: Flavour, ends: Ends, mode: str) -> None:
    before = ends.doubles["unknown"].secured
    config = make_config(flavour, ends.port(flavour, "unknown"), WRONG_HOST, sslmode=mode)
    async with config.provide_session() as session:
        assert await session.select_value("select $1::int", 1) == 1
        if flavour.name in LIBRARIES:
            assert await uses_tls(flavour, ends, session)
    if flavour.name not in LIBRARIES:
        assert ends.doubles["unknown"].secured > before
        assert not ends.doubles["unknown"].plain


@pytest.mark.only(*CAPABLE)
@pytest.mark.promise(NEVER_PLAIN)
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_that_claims_to_have_no_tls(flavour: Flavour, ends: Ends, mode: str) -> None:
    liar = ends.doubles["none"]
    before = liar.plain
    keys: dict[str, Any] = {"sslmode": mode, "sslrootcert": ends.certificates.authority}
    if flavour.name == "psqlpy" and mode != "require":
        with pytest.raises(ImproperConfigurationError, match="would connect without TLS"):
            make_config(flavour, liar.port, **keys)
        return
    with pytest.raises(DatabaseConnectionError):
        await make_config(flavour, liar.port, **keys).connect()
    assert liar.plain == before
    async with make_config(flavour, liar.port, sslmode="prefer").provide_session() as session:
        assert await session.select_value("select $1::int", 1) == 1
    assert liar.plain > before


@pytest.mark.only(*LIBRARIES)
@pytest.mark.promise(CLIENT_CERTIFICATE)
async def test_a_certificate_of_the_client(flavour: Flavour, ends: Ends) -> None:
    port = ends.port(flavour, "good")
    keys = {**verifying(flavour, ends), "user": CLIENT}
    own: dict[str, Any] = {"sslcert": ends.certificates.client.certificate, "sslkey": ends.certificates.client.key}
    async with make_config(flavour, port, **keys, **own).provide_session() as session:
        assert await session.select_value("select session_user::text") == CLIENT
    with pytest.raises(PermissionDeniedError, match="certificate"):
        await make_config(flavour, port, **keys).connect()


@pytest.mark.only("psqlpy")
@pytest.mark.promise(CLIENT_CERTIFICATE, refuses={"psqlpy": "the driver sends no client certificate: it is refused"})
async def test_a_certificate_that_would_not_be_sent(flavour: Flavour, ends: Ends) -> None:
    for key in ("sslcert", "sslkey"):
        keys: dict[str, Any] = {"sslmode": "require", key: ends.certificates.client.certificate}
        with pytest.raises(ImproperConfigurationError, match=f"'{key}'.* sends no client certificate"):
            make_config(flavour, 5432, **keys)


@pytest.mark.only("psqlpy")
async def test_a_server_that_is_too_old_is_refused_by_its_version(flavour: Flavour, ends: Ends) -> None:
    """TLS itself works with it: whoever it is comes out after the certificate was verified."""
    ends.server.serve(ends.certificates.good)
    config = make_config(flavour, ends.server.port, **verifying(flavour, ends))
    with pytest.raises(ImproperConfigurationError, match="the server is PostgreSQL 15"):
        await config.connect()


@pytest.mark.only(*WITHOUT)
@pytest.mark.promise(VERIFIED, refuses=NO_TLS)
@pytest.mark.promise(NOT_VERIFIED, refuses=NO_TLS)
@pytest.mark.promise(NEVER_PLAIN)
@pytest.mark.promise(CLIENT_CERTIFICATE, refuses=NO_TLS)
@pytest.mark.parametrize(
    "keys",
    [
        {"sslmode": "require"},
        {"sslmode": "verify-ca"},
        {"sslmode": "verify-full"},
        {"sslrootcert": "roots.crt"},
        {"sslcert": "client.crt"},
        {"sslkey": "client.key"},
        {"dsn": "postgresql://postgres@localhost/postgres?sslmode=require"},
    ],
    ids=lambda keys: ",".join(keys.values()),
)
async def test_a_driver_without_tls_refuses_what_demands_it(flavour: Flavour, keys: dict[str, Any]) -> None:
    with pytest.raises(ImproperConfigurationError, match="the driver is built without TLS"):
        flavour.config_class(keys)
