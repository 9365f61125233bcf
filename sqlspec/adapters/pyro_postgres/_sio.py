"""Waiting for the driver, synchronous flavour: the same names as `_aio`, used by the generated code."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS, SyncNative
from sqlspec.adapters.pyro_postgres.spec import SYNC_SPEC as SPEC
from sqlspec.exceptions import ConnectionTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.adapters.pyro_postgres._connect import Target
    from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire

__all__ = (
    "LIMITS_ITSELF",
    "SPEC",
    "TASKS",
    "Stopper",
    "close_connection",
    "finish",
    "in_time",
    "open_connection",
    "start",
)

T = TypeVar("T")

LIMITS_ITSELF = True

TASKS = False
"""Whether waiting is done by tasks of an event loop."""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""Any server answers it with one byte before it does anything else (protocol message SSLRequest)."""


def in_time(target: Target, seconds: float | None, step: Callable[[], T]) -> T:
    """Do all that opening a connection takes.

    The driver waits without limit, and nothing else runs meanwhile. So the server is asked for a sign of life before.

    Raises:
        ConnectionTimeoutError: The server did not answer in time.
    """
    if seconds is not None:
        try:
            _probe(target, seconds)
        except TimeoutError:
            raise ConnectionTimeoutError(
                "the server did not answer within connect_timeout; check host and port"
            ) from None
        except OSError:
            pass  # the driver meets the same, and has its own words for it
    return step()


def open_connection(target: Target) -> tuple[Any, int]:
    """Open a connection of the driver; return it with the process ID of its backend."""
    connection: Any = SyncNative(target.opts)
    return connection, connection.id()


def _probe(target: Target, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    if target.socket is not None:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(seconds)
        with link:
            link.connect(target.socket)
            _ask(link, deadline)
        return
    with socket.create_connection((target.host, target.port), timeout=seconds) as link:
        _ask(link, deadline)


def _ask(link: socket.socket, deadline: float) -> None:
    link.settimeout(max(0.001, deadline - time.monotonic()))
    link.sendall(_SSL_REQUEST)
    link.recv(1)


def close_connection(connection: Any) -> None:
    """Close a connection of the driver."""
    try:
        connection.close()
    except NATIVE_ERRORS:
        pass


def start(answer: T) -> T:
    """Return what several steps of the driver gave: they have run already."""
    return answer


def finish(answer: T, wire: SyncWire) -> T:
    """Return the answer of a call, which has run already."""
    return answer


class Stopper:
    """Stands for what cannot be done here: nothing else runs while a call waits for the server."""

    __slots__ = ("abandoned", "asked", "failure", "heeding", "request")

    def __init__(self, target: Target, pid: int) -> None:
        self.failure: BaseException | None = None
        self.abandoned = False
        self.asked = 0
        self.heeding = False
        self.request = None

    def cancel(self) -> None:
        """Refuse."""
        raise SPEC.refusal("cancel")

    def let_request_pass(self) -> bool:
        """Do nothing: there are no requests."""
        return True

    def give_up(self) -> None:
        """Do nothing."""

    def cut(self) -> None:
        """Do nothing: a call that could be cut would not let this one run."""
