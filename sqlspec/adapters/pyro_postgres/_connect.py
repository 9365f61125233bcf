"""Where to connect and with which start parameters; what a server must be like. Written for pyro-postgres 0.3.1."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from sqlspec.adapters.pyro_postgres._native import Opts
from sqlspec.driver._sockets import CLIENT_PORT
from sqlspec.exceptions import DatabaseConnectionError, ImproperConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("SHOW_SESSION", "Session", "Target", "targets", "unfit")

SHOW_SESSION = (
    "show client_encoding; show standard_conforming_strings; show in_hot_standby; show transaction_read_only; "
    f"select pg_catalog.pg_backend_pid(); {CLIENT_PORT}"
)


class Session(NamedTuple):
    """What a new session says of itself, in the order of `SHOW_SESSION`."""

    client_encoding: str
    standard_conforming_strings: str
    in_hot_standby: str
    read_only: str
    backend_pid: str
    client_port: str | None


class Target(NamedTuple):
    """One host to try.

    Attributes:
        opts: The driver's options. Their `repr` shows the password.
        socket: File of a Unix socket; `None` for TCP.
    """

    opts: Any
    host: str
    port: int
    socket: str | None

    def __repr__(self) -> str:
        return f"Target({self.host!r}, {self.port!r})"


def targets(settings: ConnectionSettings) -> list[Target]:
    """Return the hosts in the order to try them.

    Raises:
        ImproperConfigurationError: A host is an abstract Unix socket, or there is no user.
    """
    if settings.user is None:
        raise ImproperConfigurationError("cannot connect: no user is given, and the system has no name for one; set it")
    made = [_target(settings, host, port) for host, port in zip(settings.hosts, settings.ports, strict=True)]
    if settings.load_balance_hosts == "random":
        random.shuffle(made)
    return made


def _target(settings: ConnectionSettings, host: str, port: int) -> Target:
    if host.startswith("@"):
        raise ImproperConfigurationError(
            "cannot connect: the driver opens no abstract Unix sockets; name the directory of one in the file system"
        )
    # Whatever else stands in the URL's query goes to the server as it is.
    start = {"client_encoding": "UTF8", **settings.session_settings}
    if settings.options:
        start["options"] = settings.options
    query = "".join(f"&{quote(key, safe='')}={quote(value, safe='')}" for key, value in start.items())
    # The driver would ask the server for a socket and go there by itself, and lose an error on its way.
    opts = Opts(f"postgres://localhost/?sslmode=disable&upgrade_to_unix_socket=no{query}")
    opts.user(settings.user).db(settings.database)
    if settings.password is not None:
        opts.password(settings.password)
    if settings.application_name is not None:
        opts.application_name(settings.application_name)
    socket = None
    if host.startswith("/"):
        socket = f"{host}/.s.PGSQL.{port}"
        opts.socket(socket)
    else:
        opts.host(host).port(port)
    return Target(opts, host, port, socket)


def unfit(wanted: str, session: Session) -> str:
    """Return why a session is not of the wanted kind (`target_session_attrs`); empty when it is."""
    standby = session.in_hot_standby == "on"
    read_only = standby or session.read_only == "on"
    match wanted:
        case "read-write" if read_only:
            return "the session is read-only"
        case "read-only" if not read_only:
            return "the session is not read-only"
        case "primary" if standby:
            return "the server is in hot standby mode"
        case "standby" | "prefer-standby" if not standby:
            return "the server is not in hot standby mode"
    return ""


def none_fits(wanted: str, reasons: Sequence[str]) -> DatabaseConnectionError:
    """Return the error for hosts of which none is of the wanted kind."""
    return DatabaseConnectionError(
        f"no host is as target_session_attrs={wanted} demands ({'; '.join(reasons)}); check the hosts"
    )
