"""Readers side by side, asynchronous flavour: tasks. `_sio` has the same names for threads."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.driver._aio import GRACE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from sqlspec.driver._async_driver import AsyncDriver

__all__ = ("Condition", "Worker", "blocking_iterator")

T = TypeVar("T")

Condition = asyncio.Condition


class Worker:
    """One reader at work."""

    __slots__ = ("_driver", "_task")

    def __init__(self, driver: AsyncDriver, operation: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        self._driver = driver
        self._task = asyncio.get_running_loop().create_task(operation(*args))

    async def stop(self) -> None:
        """End its work, also in the middle of a call, and wait until it has ended."""
        self._task.cancel()
        _, pending = await asyncio.wait((self._task,), timeout=GRACE)
        if pending:
            self._driver.abort()
            await asyncio.wait(pending, timeout=GRACE)
        with contextlib.suppress(asyncio.InvalidStateError, asyncio.CancelledError):
            self._task.exception()  # seen


def blocking_iterator(take: Callable[[], Awaitable[T | None]]) -> Iterator[T]:
    """Iterate, in another thread, over what is awaited here, up to `None`."""
    loop = asyncio.get_running_loop()

    async def one() -> T | None:
        return await take()

    def each() -> Iterator[T]:
        while (item := asyncio.run_coroutine_threadsafe(one(), loop).result()) is not None:
            yield item

    return each()
