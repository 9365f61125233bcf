"""Where output goes: results to stdout, as text or JSON; progress and errors to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from sqlspec.cli._cells import as_text, encode, printable
from sqlspec.cli._failures import OK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from sqlspec.cli._failures import Failure

__all__ = ("Outcome", "Screen", "Tally", "grid", "result_table")

UNLIMITED = 1_000_000
"""Columns of what is no terminal: nothing is wrapped or cut there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command gives.

    Attributes:
        document: The result for `--json`.
        shown: The same for people, in the order of printing.
        status: The exit status.
    """

    document: dict[str, Any]
    shown: Sequence[RenderableType] = field(default_factory=tuple)
    status: int = OK


class ClosedPipe(Exception):
    """Whoever read the output has gone."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave the end of the program to the caller."""
        raise ClosedPipe


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # rich takes FORCE_COLOR for a terminal; a log must not get bars for that.
    return _Console(
        stderr=stderr, highlight=False, markup=False, emoji=False, width=None if stream.isatty() else UNLIMITED
    )


class Screen:
    """The output of one command.

    Attributes:
        as_json: Results and errors are JSON on stdout.
        quiet: No progress is shown.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self._is_full = False  # stdout takes nothing more
        self.quiet = quiet

    def show(self, outcome: Outcome) -> None:
        """Print a result.

        Raises:
            ClosedPipe: Nobody reads it.
        """
        if self.as_json:
            self._write(encode(outcome.document) + "\n")
            return
        console = _console(stderr=False)
        with console.capture() as captured:
            for part in outcome.shown:
                if isinstance(part, str):
                    console.print(printable(part), soft_wrap=True)
                else:
                    console.print(part)
        lines = captured.get().split("\n")
        if not console.is_terminal:
            lines = [line.rstrip() for line in lines]
        self._write("\n".join(lines))

    def fail(self, failure: Failure) -> int:
        """Print an error, JSON to stdout or text to stderr, and return the exit status."""
        if self.as_json and not self._is_full:
            with contextlib.suppress(OSError):
                self._write(encode(failure.document) + "\n")
                return failure.status
        console = _console(stderr=True)
        with contextlib.suppress(ClosedPipe, OSError):
            for label, text in failure.lines:
                style = "bold red" if label == "error" else "bold"
                title = f"{label}: " if label else ""
                console.print(Text.assemble((title, style), printable(text, keep="\n")), soft_wrap=True)
        return failure.status

    def note(self, text: str) -> None:
        """Print a remark on stderr."""
        with contextlib.suppress(ClosedPipe):
            _console(stderr=True).print(text, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, verb: str, total: int | None = None) -> Iterator[Callable[[Any], None] | None]:
        """Show a bar with rows per second while the block runs, where stderr is a terminal.

        Args:
            verb: What is being done.
            total: Rows in all, where that is known.

        Yields:
            Function to call with a job so far; `None` where there is no bar.
        """
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
        )
        with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
            task = bar.add_task(printable(verb), total=total, state="")

            def update(job: Any) -> None:
                tally = Tally(job.rows, job.bytes, job.seconds)
                bar.update(task, completed=job.rows, state=f"{job.rows:,} rows in {tally}")

            yield update

    def _write(self, text: str) -> None:
        try:
            sys.stdout.flush()
            # With PYTHONUNBUFFERED a part of it may be written, and the number of bytes is the only sign of that.
            rest = memoryview(text.encode())
            while rest:
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise ClosedPipe from None
        except OSError:
            self._is_full = True
            abandon_stdout()
            raise


def abandon_stdout() -> None:
    """Send what is still buffered nowhere: Python would try again at its end, and complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


class Tally(NamedTuple):
    """How much was moved, and how fast.

    Attributes:
        rows: Number of rows.
        bytes: Their size.
        seconds: Time that it took.
    """

    rows: int
    bytes: int
    seconds: float

    def __str__(self) -> str:
        speed = f"{self.rows / self.seconds:,.0f}" if self.seconds > 0 else "-"
        return f"{self.seconds:.2f} s: {speed} rows/s, {self.bytes / 1e6:,.1f} MB"


def grid(rows: Sequence[tuple[str, str]]) -> Table:
    """Return labels with what they stand for, one below the other."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, printable(text))
    return table


def result_table(names: Sequence[str], rows: Sequence[Sequence[Any]], *, expanded: bool = False) -> RenderableType:
    """Return the rows of a result as a table; as one block per row if asked for, or if the terminal is too narrow."""
    texts = [[as_text(value) for value in row] for row in rows]
    headers = [printable(name) for name in names]
    widths = [max([cell_len(name), *(cell_len(row[at]) for row in texts)]) for at, name in enumerate(headers)]
    if expanded or sum(widths) + 2 * len(widths) > _console(stderr=False).width:
        return _blocks(headers, rows, texts)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for at, (name, width) in enumerate(zip(headers, widths, strict=True)):
        # As wide as its widest cell, which is measured already: looking at each cell again takes longer than drawing.
        table.add_column(name, justify="right" if _is_numeric(rows, at) else "left", width=width, no_wrap=True)
    for row, cells in zip(rows, texts, strict=True):
        table.add_row(*(_cell(value, text) for value, text in zip(row, cells, strict=True)))
    return table


def _blocks(headers: Sequence[str], rows: Sequence[Sequence[Any]], texts: Sequence[Sequence[str]]) -> RenderableType:
    parts: list[RenderableType] = []
    width = min(_console(stderr=False).width, 80)
    for number, (row, cells) in enumerate(zip(rows, texts, strict=True), 1):
        block = Table.grid(padding=(0, 2, 0, 0))
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for name, value, text in zip(headers, row, cells, strict=True):
            block.add_row(name, _cell(value, text))
        parts += [Text(f"row {number} ".ljust(width, "─"), style="dim"), block]
    return Group(*parts)


def _cell(value: Any, text: str) -> Text:
    return Text("NULL", style="dim") if value is None else Text(text)


def _is_numeric(rows: Sequence[Sequence[Any]], at: int) -> bool:
    kinds = {type(row[at]) for row in rows if row[at] is not None}
    return bool(kinds) and kinds <= {int, float, Decimal}
