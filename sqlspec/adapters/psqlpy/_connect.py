"""Opening a connection: the options, one host after the other, and what must hold of the session."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.adapters.psqlpy._errors import read
from sqlspec.adapters.psqlpy._native import Error, psqlpy
from sqlspec.exceptions import ConnectionTimeoutError, DatabaseConnectionError, ImproperConfigurationError
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.poolers import DIRECT, refuses_settings, unfit_driver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("ENGLISH_SCRIPT", "Link", "in_time", "open_link")

ENGLISH_SCRIPT = "set lc_messages to 'C'"
"""Makes the server's messages readable; only a superuser may, or whom one has granted it."""

_OLDEST = 160000
"""pg_prepared_statements tells the types of result columns from this version on."""

_FACTS = """\
select pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),
  pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('client_encoding'),
  pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('lc_messages'),
  pg_catalog.current_setting('server_version_num'),
  pg_catalog.current_setting('sqlspec.direct', true)"""

# How TLS is tried, in turn. The driver's own modes for falling back never try TLS at all.
_ATTEMPTS = {
    "disable": ("Disable",),
    "allow": ("Disable", "Require"),
    "prefer": ("Require", "Disable"),
    "require": ("Require",),
}
_SSL_REQUEST = struct.pack(">ii", 8, 80877103)
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'"})


class Link(NamedTuple):
    """A connection and what was found out about it.

    Attributes:
        connection: The driver's object.
        arguments: What it was opened with, to open another one to the same server.
        pid: Process ID of the backend.
        forces_english: The messages were in another language before, so a reset has to be followed by `ENGLISH_SCRIPT`.
        timeout: Seconds in which another connection has to be open.
    """

    connection: psqlpy.Connection
    arguments: dict[str, Any]
    pid: int
    forces_english: bool
    timeout: float | None

    def __repr__(self) -> str:
        return f"<Link to backend {self.pid}>"  # the arguments hold the password


class _Facts(NamedTuple):
    pid: int
    in_recovery: bool
    read_only: str
    client_encoding: str
    standard_conforming_strings: str
    lc_messages: str
    version: str
    direct: str | None

    def is_wanted(self, attributes: str) -> bool:
        match attributes:
            case "read-write":
                return self.read_only == "off"
            case "read-only":
                return self.read_only == "on"
            case "primary":
                return not self.in_recovery
            case "standby":
                return self.in_recovery
            case _:
                return True


async def open_link(settings: ConnectionSettings) -> Link:
    """Connect to the first server that answers and is acceptable.

    Raises:
        ConnectionTimeoutError: The last host did not answer within `connect_timeout`.
        DatabaseConnectionError: None is acceptable.
        ImproperConfigurationError: One is, but cannot be used.
    """
    servers = list(zip(settings.hosts, settings.ports, strict=True))
    if settings.load_balance_hosts == "random":
        random.shuffle(servers)
    wanted: str = settings.target_session_attrs
    failure: Exception | None = None
    for attributes in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        for host, port in servers:
            try:
                async with in_time(settings.connect_timeout):
                    return await _open_one(settings, host, port, attributes)
            except (Error, DatabaseConnectionError) as error:
                failure = error
    assert failure is not None
    raise failure


@contextlib.asynccontextmanager
async def in_time(seconds: float | None, failed: str = "") -> AsyncIterator[None]:
    """Limit an attempt to connect. The driver's own limit ends with TCP; a server may be silent after that.

    Args:
        seconds: The limit.
        failed: How the error's message begins, where nobody puts the hosts in front of it.

    Raises:
        ConnectionTimeoutError: The limit passed.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ConnectionTimeoutError(
            f"{failed}the server did not answer within connect_timeout; check host and port"
        ) from None


async def _open_one(settings: ConnectionSettings, host: str, port: int, attributes: str) -> Link:
    connection, arguments = await _connect(settings, host, port)
    try:
        answer: Any = await connection.fetch(_FACTS, None, False)
        facts = _Facts(*answer.result(None, True)[0])
        if settings.pooler is None and not facts.direct:
            raise unfit_driver("psqlpy")
        if not facts.is_wanted(attributes):
            raise DatabaseConnectionError(
                f"the server is not what target_session_attrs={attributes!r} asks for; "
                "name other hosts, or ask for less"
            )
        check_session(facts.client_encoding, facts.standard_conforming_strings)
        if int(facts.version) < _OLDEST:
            raise ImproperConfigurationError(
                f"cannot use psqlpy: the server is PostgreSQL {int(facts.version) // 10000}, and 16 is the oldest "
                "that tells the types of a statement's columns; use another adapter"
            )
        forced = await _speak_english(connection, facts.lc_messages)
        return Link(connection, arguments, facts.pid, forced, settings.connect_timeout)
    except BaseException:
        connection.close()
        raise


async def _speak_english(connection: psqlpy.Connection, lc_messages: str) -> bool:
    """Have the server's messages in English where it can be done; tell whether anything had to be changed."""
    if _speaks_english(lc_messages):
        return False
    try:
        await connection.execute_batch(ENGLISH_SCRIPT)
    except Error:
        return False  # not allowed: such errors have no SQLSTATE then
    return True


def _speaks_english(lc_messages: str) -> bool:
    return lc_messages in ("", "C", "POSIX") or lc_messages.lower().startswith(("en_", "en-", "english", "c."))


async def _connect(settings: ConnectionSettings, host: str, port: int) -> tuple[psqlpy.Connection, dict[str, Any]]:
    local = host.startswith(("/", "@"))  # as with libpq, there is no TLS over a Unix socket
    modes = ("Disable",) if local and settings.sslmode != "require" else _ATTEMPTS[settings.sslmode]
    if len(modes) > 1 and modes[0] == "Require" and not await _offers_tls(host, port):
        modes = ("Disable",)
    for mode in modes:
        arguments = _arguments(settings, host, port, mode)
        try:
            return await psqlpy.connect(**arguments), arguments
        except Error as error:
            if settings.pooler is None and refuses_settings(read(error).message):
                raise unfit_driver("psqlpy") from error
            if mode == modes[-1] or not _another_mode_may_help(error):
                raise
    raise AssertionError("there is at least one mode")


async def _offers_tls(host: str, port: int) -> bool:
    """Ask a server whether it takes TLS connections (PostgreSQL manual, 54.2.10).

    The driver could find out by trying, but it reads all certificates of the system before it does, each time.
    """
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False  # the driver will say why
    try:
        writer.write(_SSL_REQUEST)
        return await reader.read(1) == b"S"
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _another_mode_may_help(error: Error) -> bool:
    told = read(error)
    return told.fatal or "TLS" in told.message


def _arguments(settings: ConnectionSettings, host: str, port: int, mode: str) -> dict[str, Any]:
    """Return the arguments of `psqlpy.connect` for one server.

    They go through a connection string, because the driver forgets `keepalives=False` when it is an argument.
    """
    options = [settings.options] if settings.options else []
    for name, value in settings.session_settings.items():
        # White space of any kind parts options.
        escaped = "".join(f"\\{letter}" if letter.isspace() or letter == "\\" else letter for letter in value)
        options.append(f"-c {name}={escaped}")
    if settings.pooler is None:
        options.append(f"-c {DIRECT}=on")
    given = {
        "host": host,
        "port": port,
        "user": settings.user,
        "password": settings.password,
        "dbname": settings.database,
        "application_name": settings.application_name,
        "options": " ".join(options) or None,
        **_tcp(settings),
    }
    timeout = settings.connect_timeout
    return {
        "dsn": " ".join(
            f"{key}='{str(value).translate(_ESCAPES)}'" for key, value in given.items() if value is not None
        ),
        "connect_timeout_sec": None if timeout is None else int(timeout),
        "connect_timeout_nanosec": None if timeout is None else int(timeout % 1 * 1e9),
        "ssl_mode": getattr(psqlpy.SslMode, mode),
        "ca_file": settings.sslrootcert if settings.sslmode == "require" else None,
    }


def _tcp(settings: ConnectionSettings) -> dict[str, Any]:
    timeout = settings.tcp_user_timeout
    return {
        "keepalives": int(settings.keepalives),
        "keepalives_idle": settings.keepalives_idle,
        "keepalives_interval": settings.keepalives_interval,
        "keepalives_retries": settings.keepalives_count,
        # The driver counts whole seconds here, and 0 is none.
        "tcp_user_timeout": None if timeout is None else max(1, round(timeout)),
    }
