"""Connecting: which server, and with which options."""

from __future__ import annotations

import contextlib
import random
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg.spec import SPEC, TLS_KEYS
from sqlspec.postgres.poolers import check_kept, is_own_backend

if TYPE_CHECKING:
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("connect_options", "connect_to_any", "cut", "leads_to_pooler")


async def connect_to_any(settings: ConnectionSettings) -> asyncpg.Connection:
    """Connect to the first server that answers and is acceptable.

    The driver takes several hosts too, but its time limit covers them all: one that is silent would use it up.
    """
    servers = list(zip(settings.hosts, settings.ports, strict=True))
    if settings.load_balance_hosts == "random":
        random.shuffle(servers)
    wanted: str = settings.target_session_attrs
    failure: BaseException | None = None
    for attributes in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        options: dict[str, Any] = {**connect_options(settings), "target_session_attrs": attributes}
        for host, port in servers:
            try:
                return await asyncpg.connect(host=host, port=port, **options)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched) as error:
                failure = error
    assert failure is not None
    raise failure


def cut(connection: asyncpg.Connection) -> None:
    """Cut a connection at once, also one of an event loop that is closed."""
    transport = connection._transport
    try:
        connection.terminate()
    except RuntimeError:  # the transport would do it in its event loop
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(RuntimeError):
            transport.abort()
        # Closes the socket, which would be reported as left open when it is collected. It has no public name; under TLS
        # it is the transport below that has one.
        below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", transport)
        with contextlib.suppress(AttributeError, RuntimeError):
            below._call_connection_lost(None)


async def leads_to_pooler(connection: asyncpg.Connection, settings: ConnectionSettings) -> bool:
    """Tell whether a connection leads to a pooler; if it does, keep the driver from leaving settings there.

    Raises:
        ImproperConfigurationError: It does, and there are settings that it would not keep.
    """
    pooled = settings.pooler
    if pooled is None:
        query = is_own_backend(connection.get_server_pid())
        pooled = await connection.execute(query, timeout=settings.connect_timeout) != "SELECT 1"
    if pooled:
        check_kept(settings, SPEC.name)
        # To look a type up, the driver switches `jit` off and on, which takes three transactions.
        connection._server_caps = connection._server_caps._replace(jit=False)
    return pooled


def connect_options(settings: ConnectionSettings) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect`, without the server."""
    startup = {"application_name": settings.application_name, "options": settings.options}
    server_settings = {key: value for key, value in startup.items() if value is not None}
    server_settings.update(settings.session_settings)
    native = settings.native
    passfile = native.get("passfile")
    # The driver takes certificates only as parts of a DSN; all else is given by name and has precedence over it.
    tls = {key: getattr(settings, key) for key in ("sslrootcert", "sslcert", "sslkey")}
    tls |= {key: native.get(key) for key in (*TLS_KEYS, "sslnegotiation")}
    query = urlencode({key: value for key, value in tls.items() if value is not None})
    return {
        "dsn": f"postgresql://?{query}",
        "user": settings.user,
        "password": settings.password,
        "passfile": None if passfile is None else str(passfile),
        "database": settings.database,
        "timeout": settings.connect_timeout,
        "ssl": native.get("ssl_context") or settings.sslmode,
        "direct_tls": native.get("direct_tls"),
        "server_settings": server_settings,
        # Statements are kept by this package, with the types that their parameters were checked against.
        "statement_cache_size": 0,
    }
