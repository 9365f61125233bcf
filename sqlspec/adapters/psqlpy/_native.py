"""The driver, or the sentence that says how to install it."""

from __future__ import annotations

import atexit
import time

from sqlspec.exceptions import MissingDependencyError

try:
    import psqlpy
    from psqlpy.exceptions import DatabaseError, Error
    from psqlpy.extra_types import CustomType
except ImportError as error:  # pragma: no cover - needs an environment without the driver
    raise MissingDependencyError("psqlpy", "psqlpy") from error

__all__ = ("CustomType", "DatabaseError", "Error", "psqlpy")

LEAVING = 0.02
"""Seconds that the driver's threads get at the exit to leave the interpreter."""


def _let_threads_leave() -> None:
    # psqlpy 0.13 wakes the event loop from threads of its own. One that is still about to release the interpreter when
    # that shuts down aborts the process ("PyGILState_Release: thread state must be current").
    time.sleep(LEAVING)


atexit.register(_let_threads_leave)
