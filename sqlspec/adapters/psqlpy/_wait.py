"""A wait for the driver that can be ended from outside, whatever task it is in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

__all__ = ("Wait",)

T = TypeVar("T")


class Wait(Generic[T]):
    """Waits for a call of the driver, in whatever task, and is cancelled from outside as a task is."""

    __slots__ = ("_call", "_cancelled", "_future")

    def __init__(self, call: Coroutine[Any, Any, T]) -> None:
        self._call = call
        self._future: asyncio.Future[Any] | None = None  # `None` while the call only lets others go first
        self._cancelled = False

    def __await__(self) -> Generator[Any, None, T]:
        try:
            while True:
                future = self._future = self._call.send(None)
                if self._cancelled:  # when it was about to go on; an answer would have come before that
                    raise asyncio.CancelledError
                yield future
                if future is not None:
                    future.result()  # raises when it was cancelled
        except StopIteration as end:
            answer: T = end.value
            return answer
        except BaseException:
            self._call.close()
            raise

    def cancel(self) -> None:
        """Let the wait raise `CancelledError`, whatever task it is in, unless the answer is there already."""
        self._cancelled = True
        if self._future is not None:
            self._future.cancel()
