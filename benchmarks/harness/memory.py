"""How much memory a call needed at most, as the operating system counts it for the process."""

from __future__ import annotations

import gc
import resource
import sys
from pathlib import Path

__all__ = ("Peak",)

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
KEPT_BY_PEAK_RESET = "5"  # proc(5): forget the peak of the resident set, touch nothing else


class Peak:
    """Resident memory from now on, over what it is now.

    Linux can forget an earlier peak. Elsewhere the largest since the process began counts, which is right as long as
    nothing before needed more: so measure the first call of a new process.
    """

    def __init__(self) -> None:
        gc.collect()
        if "pyarrow" in sys.modules:
            sys.modules["pyarrow"].default_memory_pool().release_unused()
        if CLEAR.exists():
            CLEAR.write_text(KEPT_BY_PEAK_RESET)
        self._before = _now()

    def bytes(self) -> int:
        """Return the peak so far."""
        return max(0, _highest() - self._before)


def _now() -> int:
    return _status("VmRSS") if STATUS.exists() else _highest()


def _highest() -> int:
    if STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
