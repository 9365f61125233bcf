"""Writing to a server that takes no more for now. Written for asyncpg 0.32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.adapters.asyncpg._native import asyncpg

__all__ = ("Writing",)


class Writing:
    """Let asyncpg notice while it writes that the connection is lost: it would wait for ever to be let go on.

    Not a generator: `contextlib` sets an attribute of what is raised, which some of asyncpg's exceptions refuse.
    """

    def __init__(self, connection: asyncpg.Connection, stop: Callable[[], None] | None = None) -> None:
        """Take what is written to.

        Args:
            connection: Where asyncpg writes.
            stop: Called when it is lost; what is still to be written must end.
        """
        self._connection = connection
        self._protocol: Any = connection._protocol  # by the time that it is lost, the connection has none
        self._stop = stop

    def __enter__(self) -> None:
        self._connection.add_termination_listener(self._wake)

    def __exit__(self, *_: object) -> None:
        self._connection.remove_termination_listener(self._wake)

    def _wake(self, _: object) -> None:
        if self._stop is not None:
            self._stop()
        self._protocol.resume_writing()
