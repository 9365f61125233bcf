"""What the demo prints: lines while it runs, then what was found, and one table that compares the adapters."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from examples.flights.data import checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from examples.flights.data import Row
    from examples.flights.model import Outcome

Outcomes: TypeAlias = "Mapping[str, Sequence[Outcome]]"

WIDTH = 110
UNWRAPPED = 16
MANY = 1000
"""Rows from which on a speed says something, and between two looks of the progress bar."""


class Comparison(NamedTuple):
    """How the outcomes of several adapters compare.

    Attributes:
        compared: How many answers were held against that of another adapter, or against the source.
        differences: Where they differ; empty if they do not.
    """

    compared: int
    differences: list[str]


def compare(outcomes: Outcomes, source: str) -> Comparison:
    """Compare the answers to each step, and the tables and the checksum of all rows with the files they came from."""
    as_loaded: dict[str, object] = {"read": [], "stream": source}
    first = {step: ("the source", checksum([found])) for step, found in as_loaded.items()}
    compared = 0
    differences = []
    for adapter, steps in outcomes.items():
        for outcome in steps:
            if outcome.answer is None:
                continue
            digest = checksum([outcome.answer.found])
            reference, expected = first.setdefault(outcome.step, (adapter, digest))
            compared += reference != adapter
            if digest != expected:
                differences.append(f"{outcome.step}: {adapter} differs from {reference}")
    return Comparison(compared, differences)


class Report:
    """Writes to the terminal; to a file or a log without colours, bars and other control characters."""

    def __init__(self, console: Console | None = None) -> None:
        if console is None:
            console = Console(highlight=False)
            if not console.is_terminal:
                console = Console(highlight=False, width=WIDTH)
        self._console = console

    def say(self, text: str = "") -> None:
        self._console.print(text, soft_wrap=True)

    def heading(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/bold]")

    def outcome(self, outcome: Outcome) -> None:
        """Print one line for a step."""
        answer = outcome.answer
        rows, note = (
            (f"{answer.rows:,}", answer.note)
            if answer
            else ("-", f"not supported: {outcome.refusal.rpartition(': ')[2].partition(';')[0]}")
        )
        speed = f"{_speed(outcome)} rows/s" if answer and answer.rows >= MANY else ""
        line = f"  {outcome.step:<8} {rows:>7} rows {_milliseconds(outcome):>6} ms {speed:>14}   {note}"
        self._console.print(line, markup=False, soft_wrap=True)
        sys.stdout.flush()

    def watch(self, rows: Sequence[Row]) -> Iterable[Row]:
        """Return the rows, with a progress bar while they are read, if this is a terminal."""
        return self._with_bar(rows) if self._console.is_terminal else rows

    def _with_bar(self, rows: Sequence[Row]) -> Iterator[Row]:
        with self._bar() as bar:
            task = bar.add_task("  load", total=len(rows), speed="")
            for number, row in enumerate(rows):
                if number % MANY == 0:
                    speed = bar.tasks[task].speed or 0
                    bar.update(task, completed=number, speed=f"{speed:,.0f} rows/s")
                yield row

    @contextmanager
    def _bar(self) -> Iterator[Progress]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            yield bar

    def found(self, title: str, rows: Sequence[Any]) -> None:
        """Print some objects as a table: their fields are the columns."""
        table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        columns = []
        for name in rows[0].__struct_fields__ if rows else ():
            values = [getattr(row, name) for row in rows]
            texts = [_text(value) for value in values]
            header = name.replace("_", " ")
            longest = max(map(len, (header, *texts)))
            # On a narrow terminal only long names are wrapped.
            table.add_column(
                header,
                justify="right" if isinstance(values[0], (int, float, Decimal)) else "left",
                no_wrap=longest <= UNWRAPPED,
            )
            columns.append(texts)
        for line in zip(*columns, strict=True):
            table.add_row(*line)
        self._console.print()
        self._console.print(table)

    def summary(self, outcomes: Outcomes, comparison: Comparison) -> None:
        """Print the tables of times, and whether all answers were the same."""
        self._arrow(outcomes)
        table = Table(title="Milliseconds per step", title_justify="left", title_style="bold")
        for column, justify in (("step", "left"), ("rows", "right")):
            table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        for adapter in outcomes:
            table.add_column(adapter, justify="right")
        for steps in zip(*outcomes.values(), strict=True):
            times = (_milliseconds(outcome) if outcome.answer else "no" for outcome in steps)
            table.add_row(steps[0].step, _same_rows(steps), *times)
        totals = (f"{sum(step.seconds for step in steps) * 1000:,.0f}" for steps in outcomes.values())
        table.add_section()
        table.add_row("total", "", *totals, style="bold")
        self._console.print()
        self._console.print(table)
        for difference in comparison.differences:
            self._console.print(f"  {difference}", style="red", markup=False)
        self.say(f"{comparison.compared} answers compared, in value, type and order")
        word = "[bold red]no[/bold red]" if comparison.differences else "[bold green]yes[/bold green]"
        self.say(f"identical results: {word}")

    def _arrow(self, outcomes: Outcomes) -> None:
        """Print how fast each adapter moved Arrow data."""
        caption = "MB that were sent to load, and that the tables take which were read"
        table = Table(title="Arrow data in and out", title_justify="left", title_style="bold", caption=caption)
        for column in ("adapter", "step", "rows", "MB", "seconds", "rows/s", "MB/s"):
            table.add_column(column, justify="left" if column in ("adapter", "step") else "right")
        for adapter, steps in outcomes.items():
            table.add_section()
            for outcome in steps:
                if (answer := outcome.answer) and answer.size:
                    size, seconds = answer.size / 1e6, outcome.seconds
                    figures = (f"{answer.rows:,}", f"{size:.1f}", f"{seconds:.2f}", _speed(outcome))
                    table.add_row(adapter, outcome.step, *figures, f"{size / seconds:.0f}")
        self._console.print()
        self._console.print(table)


def _milliseconds(outcome: Outcome) -> str:
    return f"{outcome.seconds * 1000:,.0f}"


def _same_rows(steps: Sequence[Outcome]) -> str:
    """Return the number of rows of a step, or all of them where adapters differ."""
    return " / ".join(dict.fromkeys(f"{step.answer.rows:,}" for step in steps if step.answer))


def _speed(outcome: Outcome) -> str:
    return f"{outcome.answer.rows / outcome.seconds:,.0f}" if outcome.answer else "-"


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)
