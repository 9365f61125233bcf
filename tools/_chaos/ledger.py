"""What workers did, written so that it survives them: outcomes in a file, running calls in shared memory."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

__all__ = ("ABSENT", "FAILED", "RIGHT", "STORED", "UNKNOWN", "WRONG", "Entry", "Ledger", "Running", "Slots", "payload")

STORED = "stored"
"""The write was acknowledged: it must be there, once."""
ABSENT = "absent"
"""The write failed or was rolled back: nothing of it may be there."""
UNKNOWN = "unknown"
"""The caller was told that it cannot be known: all of it is there, once, or nothing is."""
RIGHT = "right"
"""A read gave what it must."""
FAILED = "failed"
"""A read, or a checkout, failed with one of the package's errors."""
WRONG = "wrong"
"""A call did something that it must never do; the note says what."""

_SLOT = struct.Struct("<ddq24s")


class Running(NamedTuple):
    """A call that runs.

    Attributes:
        worker: Who made it.
        started: Reading of the monotonic clock, which all processes share.
        limit: Seconds within which it has to end by its own timeouts.
        number: The worker's count of calls.
        kind: What is called.
    """

    worker: int
    started: float
    limit: float
    number: int
    kind: str


class Slots:
    """One place per worker in a file that the watchdog maps too: which call runs, and since when."""

    def __init__(self, path: Path, workers: int) -> None:
        size = workers * _SLOT.size
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, size)
            self._memory = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        self._workers = workers

    def enter(self, worker: int, kind: str, number: int, limit: float) -> float:
        """Note that a call begins; return the time."""
        started = time.monotonic()
        _SLOT.pack_into(self._memory, worker * _SLOT.size, started, limit, number, kind.encode())
        return started

    def leave(self, worker: int) -> None:
        """Note that the call has ended."""
        struct.pack_into("<d", self._memory, worker * _SLOT.size, 0.0)

    def running(self) -> Iterator[Running]:
        """Yield the calls that run now."""
        for worker in range(self._workers):
            started, limit, number, kind = _SLOT.unpack_from(self._memory, worker * _SLOT.size)
            if started:
                yield Running(worker, started, limit, number, kind.rstrip(b"\0").decode())


class Entry(NamedTuple):
    """One call that has ended.

    Attributes:
        visit: When the session was asked for that it used.
        started: When it began.
        ended: When it ended.
        note: The failure, by the name of its class first; empty when all went well.
    """

    worker: int
    number: int
    kind: str
    outcome: str
    visit: float
    started: float
    ended: float
    note: str

    @classmethod
    def parse(cls, line: str) -> Self:
        worker, number, kind, outcome, visit, started, ended, note = line.split("\t")
        return cls(int(worker), int(number), kind, outcome, float(visit), float(started), float(ended), note)

    def __str__(self) -> str:
        return f"worker {self.worker}, call {self.number} ({self.kind}): {self.note}"


class Ledger:
    """The file of all calls that have ended. Several processes append to it, a line at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, entry: Entry) -> None:
        """Append a call."""
        times = (f"{moment:.3f}" for moment in (entry.visit, entry.started, entry.ended))
        fields = (*map(str, entry[:4]), *times, " ".join(entry.note.split()))
        os.write(self._descriptor, ("\t".join(fields) + "\n").encode())

    def entries(self) -> Iterator[Entry]:
        """Yield all calls."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                yield Entry.parse(line.rstrip("\n"))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def payload(worker: int, number: int, part: int) -> str:
    """Return the text that a row must hold: some are longer than a packet."""
    length = (number * 7919 + part * 31) % 97 * (40 if number % 11 == 0 else 1)
    return f"{worker}:{number}:{part}:" + "x" * length
