# The synchronous twin is generated from this file by tools/unasync.py.
"""A pool that knows who has its connections, to find those that are never given back. Used where it is asked for."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from functools import partial
from typing import TYPE_CHECKING

from sqlspec.driver._aio import Timer, current_name, later
from sqlspec.driver._async_pool import AsyncPool, Pooled
from sqlspec.exceptions import PoolTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from types import FrameType

    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.postgres.settings import PoolSettings

__all__ = ("AsyncWatchedPool",)

_log = logging.getLogger("sqlspec")

_DEPTH = 12
"""Frames of a borrower that are kept."""

_PLUMBING = frozenset({"asyncio", "concurrent", "contextlib", "sqlspec", "threading", "traceback"})
"""Packages whose frames say nothing about who has borrowed."""

_NAMED = 3
"""Borrowers that a timeout names."""


class Loan:
    """A connection in somebody's hands."""

    __slots__ = ("_stack", "_who", "since", "timer")

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.timer: Timer | None = None
        self._who = current_name()
        # Lines of source are read when they are shown, which is hardly ever.
        self._stack = traceback.StackSummary.extract(_frames(), limit=_DEPTH, lookup_lines=False)
        self._stack.reverse()

    def __str__(self) -> str:
        seconds = time.monotonic() - self.since
        return f"in use for {seconds:.3g} s, taken by {self._who} at:\n{''.join(self._stack.format()).rstrip()}"


def _frames() -> Iterator[tuple[FrameType, int]]:
    for frame, line in traceback.walk_stack(sys._getframe()):
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _PLUMBING:
            yield frame, line


class AsyncWatchedPool(AsyncPool):
    """Notes who takes a connection and where, and says so when it is not given back within `leak_after`."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncDriver]], settings: PoolSettings) -> None:
        super().__init__(connect, settings)
        self._loans: dict[Pooled, Loan] = {}

    def try_acquire(self) -> Pooled | None:
        return None  # so that there is one way to take a connection

    async def acquire(self) -> Pooled:
        try:
            pooled = await super().acquire()
        except PoolTimeoutError as error:
            for loan in sorted(self._loans.values(), key=lambda loan: loan.since)[:_NAMED]:
                error.add_note(f"connection {loan}")
            raise
        loan = self._loans[pooled] = Loan()
        if self._settings.leak_after is not None:
            loan.timer = later(self._settings.leak_after, partial(self._report, loan))
        return pooled

    def try_release(self, pooled: Pooled, *, dirty: bool, broken: bool) -> bool:
        self._end_loan(pooled)
        return super().try_release(pooled, dirty=dirty, broken=broken)

    def _report(self, loan: Loan) -> None:
        _log.warning("a connection was not given back within leak_after=%g s: %s", self._settings.leak_after, loan)

    def _end_loan(self, pooled: Pooled) -> Loan | None:
        loan = self._loans.pop(pooled, None)
        if loan is not None and loan.timer is not None:
            loan.timer.cancel()
        return loan

    def _whose(self, connections: Iterable[Pooled]) -> str:
        loans = map(self._end_loan, connections)
        return "".join(f"\n{loan}" for loan in loans if loan is not None)
