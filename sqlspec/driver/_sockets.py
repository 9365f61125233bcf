"""TCP options for drivers that have none of their own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sqlspec.exceptions import ImproperConfigurationError

if TYPE_CHECKING:
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("apply_keepalives",)


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
