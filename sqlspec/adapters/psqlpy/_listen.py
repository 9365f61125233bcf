"""Notifications, by the stream of the driver's listener; its callbacks take names unquoted and die of an error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._errors import lost
from sqlspec.adapters.psqlpy._native import Error, psqlpy
from sqlspec.driver._types import Notification
from sqlspec.postgres.sql import listen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ("Subscription",)


class Subscription:
    """A connection whose notifications can be read: those of an ordinary one are thrown away by the driver."""

    __slots__ = ("_closed", "_listener", "_next", "connection")

    def __init__(self, listener: psqlpy.Listener) -> None:
        self._listener: Any = listener
        self.connection: Any = listener.connection
        self._next: asyncio.Future[Any] | None = None
        self._closed = False

    @classmethod
    async def open(cls, arguments: dict[str, Any], channels: Sequence[str]) -> Subscription:
        """Connect as `arguments` say and LISTEN to the channels."""
        # The pool itself connects to nothing; it is the only way to a listener.
        listener = psqlpy.ConnectionPool(**arguments, max_db_pool_size=2).listener()
        await listener.startup()
        made = cls(listener)
        try:
            await made.connection.execute_batch(";\n".join(map(listen, channels)))
        except BaseException:
            await made.close()
            raise
        return made

    async def __aiter__(self) -> AsyncIterator[Notification]:
        while not self._closed:
            # Kept over iterations: a reader that stops early must not lose the notification that comes next.
            done = self._next = self._next or asyncio.ensure_future(self._listener.__anext__())
            await asyncio.wait((done,))
            if self._closed:
                return
            self._next = None
            try:
                note = done.result()
            except Error:
                await self._look()
                continue
            made = Notification(note.channel, note.payload, note.process_id)
            # They hold the connection, which must close even if nobody asks for the next one. The driver lets go of the
            # future, and so of its result, only when it has the interpreter the next time: it is emptied instead.
            asyncio.Future.__init__(done, loop=asyncio.get_running_loop())
            del note, done
            yield made

    async def _look(self) -> None:
        """Find out why the stream raised. It does so for a NOTICE, too, and does not say which it is.

        Raises:
            Error: The connection is gone.
        """
        try:
            await self.connection.execute_batch("")
        except Error as error:
            raise lost() from error

    async def close(self) -> None:
        """Close the connection; an iteration ends."""
        self._closed = True
        pending, self._next = self._next, None
        if pending is not None:
            pending.cancel()
            await asyncio.wait((pending,))
        # A reader that stopped early still holds this object, and the driver's two would hold the connection open.
        listener, self._listener = self._listener, None
        connection, self.connection = self.connection, None
        if listener is not None:
            await listener.shutdown()
            connection.close()
