"""Timing side by side: what absolute times hide, because they drift with the machine's neighbours.

`interleave` compares contenders on the same backend: each is called once per round, in random order. `alternate`
compares drivers, which have a backend each: blocks of calls in turn, as the loop of a program runs them. Switching
backends at every call would cost more than what tells the drivers apart. A contender that is the baseline again
(`A/A`) shows how much of a difference is noise.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

__all__ = ("Row", "alternate", "alternate_async", "interleave", "interleave_async", "rows_of")

WARM_UP = 100
BLOCK = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a result table.

    Attributes:
        case: What was measured.
        adapter: The adapter and flavour.
        contender: Name of the contender; the baseline comes first.
        median_us: Median of all rounds, in microseconds.
        over_us: Difference to the baseline's median, in microseconds.
        ratio: Median divided by the baseline's.
        rounds: Number of rounds.
    """

    case: str
    adapter: str
    contender: str
    median_us: float
    over_us: float
    ratio: float
    rounds: int


async def interleave_async(contenders: dict[str, Callable[[], Awaitable[Any]]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each call, by contender."""
    for call in contenders.values():
        for _ in range(WARM_UP):
            await call()
    order = list(contenders.items())
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    shuffle, clock = random.Random(1).shuffle, time.perf_counter
    for _ in range(rounds):
        shuffle(order)
        for name, call in order:
            start = clock()
            await call()
            seconds[name].append(clock() - start)
    return seconds


def interleave(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each call, by contender."""
    for call in contenders.values():
        for _ in range(WARM_UP):
            call()
    order = list(contenders.items())
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    shuffle, clock = random.Random(1).shuffle, time.perf_counter
    for _ in range(rounds):
        shuffle(order)
        for name, call in order:
            start = clock()
            call()
            seconds[name].append(clock() - start)
    return seconds


async def alternate_async(contenders: dict[str, Callable[[], Awaitable[Any]]], blocks: int) -> dict[str, list[float]]:
    """Return the seconds per call of each block of `BLOCK` calls, by contender."""
    order = list(contenders.items())
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    shuffle, clock = random.Random(1).shuffle, time.perf_counter
    for _ in range(blocks + 1):
        shuffle(order)
        for name, call in order:
            start = clock()
            for _ in range(BLOCK):
                await call()
            seconds[name].append((clock() - start) / BLOCK)
    return {name: values[1:] for name, values in seconds.items()}  # the first warms up


def alternate(contenders: dict[str, Callable[[], Any]], blocks: int) -> dict[str, list[float]]:
    """Return the seconds per call of each block of `BLOCK` calls, by contender."""
    order = list(contenders.items())
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    shuffle, clock = random.Random(1).shuffle, time.perf_counter
    for _ in range(blocks + 1):
        shuffle(order)
        for name, call in order:
            start = clock()
            for _ in range(BLOCK):
                call()
            seconds[name].append((clock() - start) / BLOCK)
    return {name: values[1:] for name, values in seconds.items()}  # the first warms up


def rows_of(case: str, adapter: str, seconds: dict[str, list[float]]) -> list[Row]:
    """Summarise timings; the first contender is the baseline."""
    medians = {name: statistics.median(values) * 1e6 for name, values in seconds.items()}
    base = next(iter(medians.values()))
    rounds = len(next(iter(seconds.values())))
    return [
        Row(case, adapter, name, round(value, 1), round(value - base, 1), round(value / base, 3), rounds)
        for name, value in medians.items()
    ]
