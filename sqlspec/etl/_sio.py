"""Readers side by side, thread flavour: the same names as `_aio`, used by the generated synchronous code."""

from __future__ import annotations

import contextlib
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.driver._sio import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlspec.driver._sync_driver import SyncDriver

__all__ = ("Condition", "Worker", "blocking_iterator")

T = TypeVar("T")


class Worker:
    """One reader at work."""

    __slots__ = ("_driver", "_thread")

    def __init__(self, driver: SyncDriver, operation: Callable[..., None], *args: Any) -> None:
        self._driver = driver
        self._thread = Thread(target=operation, args=args, name="sqlspec-reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End its work, also in the middle of a call, and wait until it has ended."""
        driver, thread = self._driver, self._thread
        if not thread.is_alive():
            return
        if driver.spec.capabilities.cancel:
            # Not needed by one that only waits to hand something over; it hears that nobody takes it.
            with contextlib.suppress(Exception):
                driver.cancel()
            thread.join(GRACE)
            if thread.is_alive():
                driver.abort()
        thread.join(GRACE)


def blocking_iterator(take: Callable[[], T | None]) -> Iterator[T]:
    """Iterate over what is taken, up to `None`."""
    return iter(take, None)
