"""The few figures that a list of measured times is reduced to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ("Figure", "noise", "spread")


def spread(values: Sequence[float]) -> float:
    """Return half the distance of the quartiles, as a part of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / middle if middle else 0.0


def noise(again: float) -> float:
    """Return the factor by which a contestant was off from itself, when it took part twice."""
    return max(again, 1 / again)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one call of one contestant.

    Attributes:
        case: What was done.
        contestant: Who did it.
        call: Which of the calls of a case that has several.
        median: Of all rounds: seconds per call, or bytes, or whatever the case measures.
        spread: Half the distance of the quartiles, as a part of the median.
        cpu: Median of the seconds in which the process had a processor; `None` where that says nothing.
        rounds: How many there were.
        error: Why there are no figures.
    """

    case: str
    contestant: str
    call: str = ""
    median: float = 0.0
    spread: float = 0.0
    cpu: float | None = None
    rounds: int = 0
    error: str = ""

    @classmethod
    def of(
        cls, case: str, contestant: str, values: Sequence[float], cpu: Sequence[float] = (), call: str = ""
    ) -> Figure:
        """Reduce what was measured."""
        median_cpu = statistics.median(cpu) if cpu else None
        return cls(case, contestant, call, statistics.median(values), spread(values), median_cpu, len(values))
