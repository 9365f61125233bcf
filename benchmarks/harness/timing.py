"""Timing side by side: what absolute times hide, because they drift with the machine's neighbours.

`Rounds` says who is next: everybody once per round, in a new random order each time, until the time is up. One call at
a time compares what shares a backend. Blocks of calls compare what has a backend each, as the loop of a program runs
them: switching backends at every call would cost more than what tells the drivers apart. A contender that is the
baseline again (`A/A`) shows how much of a difference is noise.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

__all__ = ("Call", "Rounds", "pace", "take", "take_async")

_shuffle = random.Random(1).shuffle
"""Goes on from one `Rounds` to the next: begun anew, it would give every case the same few orders."""


def pace() -> float:
    """Return how many seconds an empty call in a loop takes just now: the pace of the machine.

    Times of different runs can only be compared with it beside them. It is the best of three loops of 100,000.
    """

    def nothing() -> None: ...

    found = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in repeat(None, 100_000):
            nothing()
        found.append((time.perf_counter() - start) / 100_000)
    return min(found)


@dataclass(frozen=True, slots=True)
class Call:
    """Something to measure.

    Attributes:
        run: Does it once.
        before: Runs before each block of calls, not measured.
        after: Runs behind each block of calls, not measured.
        close: Gives up what the call holds.
    """

    run: Callable[[], Any]
    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None
    close: Callable[[], Any] | None = None


class Rounds:
    """An iterator over names that keeps what was measured.

    Args:
        names: Who takes part.
        seconds: After so much time no new round begins.
        least: How many rounds there are however long they take.
        clock: Tells the time.

    Attributes:
        seconds: What one call took, by name, for each round.
        cpu: In how much of that the process had a processor; all its threads count.
    """

    def __init__(
        self, names: Iterable[str], seconds: float, least: int, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._names = list(names)
        self._limit = seconds
        self._least = least
        self._clock = clock
        self.seconds: dict[str, list[float]] = {name: [] for name in self._names}
        self.cpu: dict[str, list[float]] = {name: [] for name in self._names}

    def __iter__(self) -> Iterator[str]:
        started, done = self._clock(), 0
        while self._names and (done < self._least or self._clock() - started < self._limit):
            order = self._names.copy()
            _shuffle(order)
            for name in order:
                if name in self._names:
                    yield name
            done += 1

    def add(self, name: str, seconds: float, cpu: float) -> None:
        """Keep the times of a call."""
        self.seconds[name].append(seconds)
        self.cpu[name].append(cpu)

    def drop(self, name: str) -> None:
        """Go on without a contender that has failed."""
        self._names.remove(name)


def take(calls: Mapping[str, Call], rounds: Rounds, block: int) -> None:
    """Measure calls that wait for their results, `block` of them at a time."""
    wall, cpu = time.perf_counter, time.process_time
    for name in rounds:
        call = calls[name]
        if call.before is not None:
            call.before()
        run = call.run
        cpu_started, started = cpu(), wall()
        for _ in repeat(None, block):
            run()
        ended, cpu_ended = wall(), cpu()
        rounds.add(name, (ended - started) / block, (cpu_ended - cpu_started) / block)
        if call.after is not None:
            call.after()


async def take_async(calls: Mapping[str, Call], rounds: Rounds, block: int) -> None:
    """Measure calls that return something to await, `block` of them at a time."""
    wall, cpu = time.perf_counter, time.process_time
    for name in rounds:
        call = calls[name]
        if call.before is not None:
            await call.before()
        run = call.run
        cpu_started, started = cpu(), wall()
        for _ in repeat(None, block):
            await run()
        ended, cpu_ended = wall(), cpu()
        rounds.add(name, (ended - started) / block, (cpu_ended - cpu_started) / block)
        if call.after is not None:
            await call.after()
