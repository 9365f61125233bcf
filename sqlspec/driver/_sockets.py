"""TCP options for drivers that have none of their own, and sockets that drivers keep to themselves."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sqlspec.exceptions import ImproperConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("CLIENT_PORT", "Link", "apply_keepalives", "link_of")

CLIENT_PORT = "select pg_catalog.inet_client_port()::pg_catalog.text"
"""Asks the server for the port that this process sends from; NULL on a Unix socket."""

_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")


def apply_keepalives(connected: socket.socket, settings: ConnectionSettings) -> None:
    """Set keepalives and the user timeout on a connected TCP socket (tcp(7)); leave others alone, as libpq does.

    Raises:
        ImproperConfigurationError: The platform has no such option.
    """
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(settings.keepalives))
    timeout = settings.tcp_user_timeout
    options = {"TCP_USER_TIMEOUT": None if timeout is None else round(timeout * 1000)}
    if settings.keepalives:
        options["TCP_KEEPIDLE"] = settings.keepalives_idle
        options["TCP_KEEPINTVL"] = settings.keepalives_interval
        options["TCP_KEEPCNT"] = settings.keepalives_count
    for name, value in options.items():
        if value is None:
            continue
        if not hasattr(socket, name):
            raise ImproperConfigurationError(f"cannot set {name}: this platform has no such option; leave its key out")
        connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


_Ends = tuple[object, ...]


class Link:
    """A TCP connection of this process, found by its ports, because the driver does not give its socket away."""

    __slots__ = ("__weakref__", "_descriptor", "_ends")

    def __init__(self, descriptor: int, ends: _Ends) -> None:
        self._descriptor = descriptor
        self._ends = ends

    def apply_keepalives(self, settings: ConnectionSettings) -> None:
        """Set keepalives and the user timeout; see the function of that name."""
        with _lent(self._descriptor) as connected:
            apply_keepalives(connected, settings)

    def abort(self) -> None:
        """Cut the connection, so that a call that waits for it fails. Never raises; callable from any thread."""
        with contextlib.suppress(OSError), _lent(self._descriptor) as connected:
            if _ends(connected) == self._ends:  # else the driver has closed it, and the number is another file's
                connected.shutdown(socket.SHUT_RDWR)


_links: WeakValueDictionary[_Ends, Link] = WeakValueDictionary()
"""Connections that were found: behind a translated address, another one may have the port that is looked for."""


def link_of(client_port: str | None, port: int, settings: ConnectionSettings) -> Link | None:
    """Find the socket of a connection just made and set its TCP options.

    Args:
        client_port: The server's answer to `CLIENT_PORT`.
        port: The port that was connected to.
        settings: Keepalives and the user timeout.

    Returns:
        `None` on a Unix socket, and where the server sees another port than was sent from (a pooler, a network that
        translates addresses), if there is no option to set.

    Raises:
        ImproperConfigurationError: There is an option to set on a socket that was not found.
    """
    if client_port is None:
        return None
    link = _find(int(client_port), port)
    if link is not None:
        link.apply_keepalives(settings)
    elif not settings.keepalives or _wishes(settings):
        raise ImproperConfigurationError(
            "cannot set TCP options: the driver hides its socket, and a pooler or a network that translates addresses "
            "hides its port; leave keepalives* and tcp_user_timeout out, or use another adapter"
        )
    return link


def _wishes(settings: ConnectionSettings) -> bool:
    given = (
        settings.keepalives_idle,
        settings.keepalives_interval,
        settings.keepalives_count,
        settings.tcp_user_timeout,
    )
    return any(value is not None for value in given)


def _find(local_port: int, port: int) -> Link | None:
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):  # closed meanwhile, or not connected
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with _lent(descriptor) as candidate:
                if candidate.family not in (socket.AF_INET, socket.AF_INET6) or candidate.type != socket.SOCK_STREAM:
                    continue
                ends = _ends(candidate)
                if ends in _links or candidate.getsockname()[1] != local_port or candidate.getpeername()[1] != port:
                    continue
            link = _links[ends] = Link(descriptor, ends)
            return link
    return None


def _descriptors() -> list[int]:
    """Return the numbers of all open files, and of the directory that is read for them."""
    for directory in _DESCRIPTORS:
        with contextlib.suppress(OSError):
            return [int(name) for name in os.listdir(directory)]
    return []


def _ends(connected: socket.socket) -> _Ends:
    """Return what tells a connection from all others: both addresses, and the socket's number, used once."""
    return connected.getsockname(), connected.getpeername(), os.fstat(connected.fileno()).st_ino


@contextlib.contextmanager
def _lent(descriptor: int) -> Iterator[socket.socket]:
    """Lend the socket of a descriptor whose owner keeps it."""
    copy = os.dup(descriptor)
    try:
        blocking = os.get_blocking(copy)
        lent = socket.socket(fileno=copy)
    except BaseException:
        os.close(copy)
        raise
    with lent:
        os.set_blocking(copy, blocking)  # with a default timeout for sockets it was changed, for the owner too
        yield lent
