"""What was measured, and how it compares with what is asked."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.arrow.contestants import AGAIN, BASELINE, CONTESTANTS
from benchmarks.harness.numbers import noise, spread

if TYPE_CHECKING:
    from benchmarks.arrow.contestants import Direction

__all__ = ("FLOOR", "NOTHING", "Case", "Measured", "Streamed", "Verdict", "speedup", "verdicts")

FLOOR = "server and a file"
"""COPY between a table and a file of the server: no client, no network."""
NOTHING = "server, /dev/null"
LEAST_OF_BAR = 0.8
"""What part of its bar a contestant has to reach on each single data set."""


@dataclass(slots=True)
class Measured:
    """One contestant in one case.

    Attributes:
        seconds: One for each round.
        cpu: Those of them in which the contestant's process had a processor.
        peak: Bytes of memory that the first call of a new process needed at most, over what it had before.
        error: Why there are no times.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float | None = None
    error: str = ""

    @property
    def median(self) -> float:
        """Return the seconds in the middle."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Return half the distance of the quartiles, as a part of the median."""
        return spread(self.seconds)


@dataclass(slots=True)
class Case:
    """One data set in one direction.

    Attributes:
        direction: To the server or from it.
        data: Name of the data set.
        rows: Number of its rows.
        wire: Bytes of them as a binary COPY.
        found: What was measured, by contestant.
    """

    direction: Direction
    data: str
    rows: int
    wire: int
    found: dict[str, Measured] = field(default_factory=dict)


@dataclass(slots=True)
class Streamed:
    """One contestant that moved the long stream in one direction."""

    direction: Direction
    contestant: str
    rows: int
    wire: int
    seconds: float = 0.0
    peak: float = 0.0
    error: str = ""


@dataclass(slots=True)
class Verdict:
    """A contestant in one direction over all data sets.

    Attributes:
        contestant: Its name.
        speedups: How many times as fast as the baseline it was, by data set.
        mean: Their geometric mean.
        bar: What is asked of the mean; 0 if nothing is.
        met: Whether the mean reaches the bar and each speed-up a good part of it, or is short by less than the noise.
    """

    contestant: str
    speedups: dict[str, float]
    mean: float
    bar: float
    met: bool


def speedup(case: Case, name: str, of: str = BASELINE.name) -> float | None:
    """Return how many times as fast as another a contestant was, if both were measured to the end."""
    ours, theirs = case.found.get(name), case.found.get(of)
    if not (ours and theirs and ours.seconds and theirs.seconds) or ours.error or theirs.error:
        return None
    return theirs.median / ours.median


def verdicts(cases: list[Case], direction: Direction) -> list[Verdict]:
    """Compare everyone who was measured in all cases of a direction with what is asked."""
    chosen = [case for case in cases if case.direction == direction]
    again = {case.data: speedup(case, AGAIN.name) or 1.0 for case in chosen}
    results = []
    for contestant in CONTESTANTS:
        found = {case.data: speedup(case, contestant.name) for case in chosen}
        speedups = {data: value for data, value in found.items() if value is not None}
        if not chosen or len(speedups) < len(chosen):
            continue
        bar = contestant.bar(direction)
        mean = statistics.geometric_mean(speedups.values())
        met = mean * noise(statistics.geometric_mean(again.values())) >= bar and all(
            value * noise(again[data]) >= bar * LEAST_OF_BAR for data, value in speedups.items()
        )
        results.append(Verdict(contestant.name, speedups, mean, bar, met))
    return results
