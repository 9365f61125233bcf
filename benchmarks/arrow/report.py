"""What the run prints: one table per case, and one for each direction that compares with what is asked."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.arrow.contestants import BASELINE, DIRECTIONS
from benchmarks.arrow.results import FLOOR, speedup, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.arrow.results import Case, Streamed, Verdict

__all__ = ("STREAM_HEADINGS", "SUMMARY_HEADINGS", "Report", "case_rows", "stream_rows", "summary_rows")

WIDTH = 120
CASE_HEADINGS = ("contestant", "median s", "spread", "cpu s", "MB/s", "Mrow/s", "x adbc", "x floor", "peak MB")
SUMMARY_HEADINGS = ("mean", "bar", "met")
FAILED = "failed"
"""What a table says of a contestant without figures; the reason was printed when it failed."""
STREAM_HEADINGS = ("contestant", "s", "Mrow/s", "MB/s", "peak MB")


class Report:
    """Writes to the terminal."""

    def __init__(self) -> None:
        console = Console(highlight=False)
        self._console = console if console.is_terminal else Console(highlight=False, width=WIDTH)

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True, markup=False)

    def case(self, case: Case) -> None:
        """Print what was measured in a case."""
        title = f"{case.direction} {case.data}: {case.rows:,} rows, {case.wire / 1e6:.0f} MB"
        self._table(title, *case_rows(case))

    def summaries(self, cases: list[Case]) -> None:
        """Print how everyone compares with the baseline, and with the server alone."""
        for direction in DIRECTIONS:
            chosen = [case for case in cases if case.direction == direction]
            found = verdicts(cases, direction)
            if found:
                headings = ("contestant", *(case.data for case in chosen), *SUMMARY_HEADINGS)
                self._table(f"{direction}: times as fast as ADBC", headings, summary_rows(found))

    def streams(self, streamed: Sequence[Streamed]) -> None:
        """Print how the long stream went."""
        for direction in DIRECTIONS:
            chosen = [one for one in streamed if one.direction == direction]
            if chosen:
                title = f"{direction} as a stream: {chosen[0].rows:,} rows, {chosen[0].wire / 1e6:.0f} MB"
                self._table(title, STREAM_HEADINGS, stream_rows(chosen))

    def _table(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(title=title, title_justify="left", title_style="bold")
        for number, heading in enumerate(headings):
            table.add_column(heading, justify="right" if number else "left", no_wrap=number == 0)
        for row in rows:
            table.add_row(*row)
        self._console.print()
        self._console.print(table)


def case_rows(case: Case) -> tuple[Sequence[str], list[list[str]]]:
    """Return headings, and a row of texts for each contestant."""
    rows = []
    for name, measured in case.found.items():
        if not measured.seconds or measured.error:
            rows.append([name, FAILED])
            continue
        median = measured.median
        row = [name, f"{median:.3f}", f"±{measured.spread:.0%}"]
        row += [f"{statistics.median(measured.cpu):.3f}" if measured.cpu else "", f"{case.wire / median / 1e6:.0f}"]
        row += [f"{case.rows / median / 1e6:.2f}", _number(speedup(case, name)), _number(_times_floor(case, name))]
        rows.append([*row, _megabytes(measured.peak)])
    return CASE_HEADINGS, rows


def summary_rows(found: Sequence[Verdict]) -> list[list[str]]:
    """Return a row of texts for each verdict."""
    return [
        [
            verdict.contestant,
            *(_number(value) for value in verdict.speedups.values()),
            _number(verdict.mean),
            f"{verdict.bar:g}" if verdict.bar else "",
            ("yes" if verdict.met else "no") if verdict.bar else "",
        ]
        for verdict in found
        if verdict.contestant != BASELINE.name
    ]


def stream_rows(streamed: Sequence[Streamed]) -> list[list[str]]:
    """Return a row of texts for each contestant."""
    return [
        [one.contestant, FAILED]
        if one.error
        else [
            one.contestant,
            f"{one.seconds:.2f}",
            f"{one.rows / one.seconds / 1e6:.2f}",
            f"{one.wire / one.seconds / 1e6:.0f}",
            _megabytes(one.peak),
        ]
        for one in streamed
    ]


def _times_floor(case: Case, name: str) -> float | None:
    """Return how many times as long as the server alone a contestant took."""
    inverse = speedup(case, name, FLOOR)
    return 1 / inverse if inverse else None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:.0f}"
