"""The driver, or the sentence that says how to install it."""

from __future__ import annotations

import atexit
import os
import time

from sqlspec.exceptions import MissingDependencyError, OperationalError

try:
    import psqlpy
    from psqlpy.exceptions import DatabaseError, Error
    from psqlpy.extra_types import CustomType
except ImportError as error:  # pragma: no cover - needs an environment without the driver
    raise MissingDependencyError("psqlpy", "psqlpy") from error

__all__ = ("CustomType", "DatabaseError", "Error", "psqlpy", "refuse_after_fork")

LEAVING = 0.02
"""Seconds that the driver's threads get at the exit to leave the interpreter."""


def _let_threads_leave() -> None:
    # psqlpy 0.13 wakes the event loop from threads of its own. One that is still about to release the interpreter when
    # that shuts down aborts the process ("PyGILState_Release: thread state must be current").
    time.sleep(LEAVING)


atexit.register(_let_threads_leave)


_processes: set[int] = set()


def refuse_after_fork() -> None:
    """Note which process uses the driver; called before each connection.

    Raises:
        OperationalError: A process uses it from which this one was forked. The driver's threads are not here, so
            everything would wait for ever.
    """
    _processes.add(os.getpid())
    if len(_processes) > 1:
        raise OperationalError(
            "cannot connect: psqlpy was used before this process was forked, and its threads have stayed behind; "
            'start processes with the method "spawn" or "forkserver", or fork before the first connection',
            adapter="psqlpy",
        )
