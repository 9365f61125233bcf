# The synchronous twin is generated from this file by tools/unasync.py.
"""Readers that work side by side for one writer, in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sqlspec.core.parameters import RowsError
from sqlspec.etl._aio import Condition, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlspec.driver._async_driver import AsyncDriver

__all__ = ("AsyncCrew", "Dismissed")


class Dismissed(Exception):
    """Nobody takes anything any more."""


class AsyncCrew:
    """Readers at work, and what they hand over.

    What waits to be taken has at most `room` bytes, or is one item: a reader that is faster than the writer waits.
    """

    __slots__ = ("_changed", "_closed", "_failure", "_items", "_reading", "_room", "_size", "_workers", "_working")

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[tuple[Any, int]] = deque()
        self._size = 0
        self._reading = self._working = 0
        self._failure: BaseException | None = None
        self._closed = False
        self._changed = Condition()
        self._workers: list[Worker] = []

    # -- for the writer ---------------------------------------------------------------------------

    def start(self, driver: AsyncDriver, operation: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """Start a reader.

        Args:
            driver: Its connection.
            operation: Called with `args`; it calls `give` for each item, and `end` behind the last one.
            *args: Its arguments.
        """
        self._reading += 1
        self._working += 1
        self._workers.append(Worker(driver, self._work, operation, args))

    async def take(self) -> Any:
        """Return the next item; `None` when every reader has come to its end.

        Raises:
            RowsError: A reader has failed.
            Dismissed: The crew was dismissed meanwhile.
        """
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._items or self._failure is not None or not self._reading or self._closed
            )
            self._check()
            if not self._items:
                return None
            item, size = self._items.popleft()
            self._size -= size
            self._changed.notify_all()
            return item

    async def finish(self) -> None:
        """Wait until all readers have ended.

        Raises:
            RowsError: One has failed.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None or not self._working)
            self._check()

    async def dismiss(self) -> None:
        """End all work that is still going on, and wait for its end."""
        async with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
        for worker in self._workers:
            await worker.stop()

    def _check(self) -> None:
        if isinstance(self._failure, Exception):
            raise RowsError(self._failure)
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise Dismissed

    # -- for readers ------------------------------------------------------------------------------

    async def give(self, item: Any, size: int) -> None:
        """Hand an item over; wait until there is room for it.

        Raises:
            Dismissed: Nobody takes it.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or not self._items or self._size + size <= self._room)
            if self._closed:
                raise Dismissed
            self._items.append((item, size))
            self._size += size
            self._changed.notify_all()

    async def end(self) -> None:
        """Note that a reader has handed over all it has."""
        async with self._changed:
            self._reading -= 1
            self._changed.notify_all()

    async def _work(self, operation: Callable[..., Coroutine[Any, Any, None]], args: tuple[Any, ...]) -> None:
        failure: BaseException | None = None
        try:
            await operation(*args)
        except BaseException as error:
            failure = error
        async with self._changed:
            self._working -= 1
            if self._failure is None and not self._closed:
                self._failure = failure
            self._changed.notify_all()
