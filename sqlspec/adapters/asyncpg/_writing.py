"""Writing to a server that takes no more for now. Written for asyncpg 0.32."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlspec.adapters.asyncpg._native import asyncpg

__all__ = ("writing",)


@contextmanager
def writing(connection: asyncpg.Connection, stop: Callable[[], None] | None = None) -> Iterator[None]:
    """Let asyncpg notice while it writes that the connection is lost: it would wait for ever to be let go on.

    Args:
        connection: Where it writes.
        stop: Called when it is lost; what is still to be written must end.
    """
    protocol: Any = connection._protocol

    def wake(_: object) -> None:
        if stop is not None:
            stop()
        protocol.resume_writing()

    connection.add_termination_listener(wake)
    try:
        yield
    finally:
        connection.remove_termination_listener(wake)
