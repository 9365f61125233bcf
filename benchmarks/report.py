"""The tables of the report, as headings and rows of texts: for the terminal, and for the page of the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from benchmarks.bars import BARS
from benchmarks.book import Book, Claim, Ref
from benchmarks.cases import AGAIN, RAW, TWIN
from benchmarks.cases.concurrency import TASKS, tasks_at_once
from benchmarks.cases.many import ROWS, batch_of
from benchmarks.cases.observers import NOBODY, OBSERVED, OBSERVERS
from benchmarks.cases.point import SMALL_HEAP
from benchmarks.cases.pool import BARE
from benchmarks.cases.rows import BLOCKS, rows_to_dict
from benchmarks.cases.stack import SEQUENCE, STACK
from benchmarks.contestants import CONTESTANTS
from benchmarks.models import TARGETS
from benchmarks.seeds import data_bridge, hyperdjango, psqlpy_pull_request, pyro_introduction

__all__ = ("SEEDS", "Section", "sections")

SEEDS = {
    "pyro-introduction": pyro_introduction,
    "data-bridge": data_bridge,
    "hyperdjango": hyperdjango,
    "psqlpy-pull-request": psqlpy_pull_request,
}
FAILED = "failed"
"""What a table says of a contestant without figures; the reason was printed when it failed."""
Cell = Callable[[Book, str], str]
"""Returns what a column says of a contestant; nothing if it took no part."""


class Section(NamedTuple):
    """A table.

    Attributes:
        name: Of its marks in the page.
        title: Of the table on the terminal.
        headings: Of its columns.
        rows: Their texts.
        left: How many columns hold words.
    """

    name: str
    title: str
    headings: Sequence[str]
    rows: list[list[str]]
    left: int = 1


TYPES = {
    "int8, text, float8": "1000 rows of int8, text, float8, to dict",
    "with a timestamptz": "1000 rows of int8, text, float8, timestamptz, to dict",
    "with jsonb": "1000 rows with jsonb, to dict",
    "Struct": "1000 rows, to Struct",
}
POINT = {
    "dict": "one row by key, to dict",
    "dict, small heap": SMALL_HEAP,
    "Struct": "one row by key, to Struct",
    ":name": "one row by key, :name to dict",
    "checkout": "checkout and one row, to dict",
    "transaction": "transaction with one row, to dict",
}
POOL_CALLS = (BARE, BARE + TWIN, "checkout and query", "checkout alone")
TRANSACTION_CALLS = (RAW, AGAIN, "transaction", "driver, query alone", "query alone")
MEMORY = {name: f"100000 rows, to {name}" for name in ("dict", "Struct")}
START_CALLS = ("import", "connect", "first query", "all")


def sections(book: Book) -> list[Section]:
    """Return every table that there are figures for."""
    grids: dict[str, tuple[str, dict[str, Cell]]] = {
        "overhead": ("one row by key: microseconds over the driver", _overheads()),
        "point": ("microseconds", _columns(POINT, 1e6)),
        "thousand": ("1000 rows: times as long as the driver's own rows", _ratios()),
        "rows": ("to dict: microseconds", _columns({f"{rows}": rows_to_dict(rows) for rows in BLOCKS}, 1e6)),
        "types": ("1000 rows: microseconds", _columns(TYPES, 1e6)),
        **{f"many-{verb}": (f"execute_many, {verb}: ms", _many(verb)) for verb in ("insert", "update", "upsert")},
        "pool": ("pool checkout: microseconds", _calls("pool checkout", POOL_CALLS, 1e6)),
        "transaction": ("transaction: microseconds", _calls("transaction", TRANSACTION_CALLS, 1e6)),
        "observers": ("one row by key: microseconds over a session without observers", _observed()),
        "stack": ("20 queries: microseconds", _columns({"in turn": SEQUENCE, "together": STACK}, 1e6)),
        "concurrency": ("queries per second", {str(tasks): _rate(tasks_at_once(tasks)) for tasks in TASKS}),
        "start": ("new process: milliseconds", _calls("new process", START_CALLS, 1e3)),
        "memory": ("100,000 rows: MB", _columns(MEMORY, 1e-6)),
    }
    found = [bars(book)]
    found += [grid(book, name, title, columns) for name, (title, columns) in grids.items()]
    found += [claims(book, name, seed.TITLE, seed.CLAIMS) for name, seed in SEEDS.items()]
    return [one for one in found if one.rows]


def bars(book: Book) -> Section:
    """Return what is asked, and what was found."""
    rows = []
    for bar in BARS:
        value = bar.value(book)
        if value is not None:
            rows.append([bar.what, bar.on, bar.asked, bar.form.format(value), "yes" if bar.met(value) else "no"])
    return Section("bars", "what is asked", ("", "adapter", "asked", "found", "met"), rows, 2)


def claims(book: Book, name: str, title: str, lines: Iterable[Claim]) -> Section:
    """Return a published table with our figures beside each line."""
    rows = []
    for line in lines:
        best = book.least(line.ours)
        if best is None:
            continue
        rows.append(
            [line.what, line.says, _claimed(book, line, line.theirs), _claimed(book, line, best), best.contestant]
        )
    return Section(name, title, ("", "it says", "measured here", "sqlspec", ""), rows, 2)


def _claimed(book: Book, line: Claim, ref: Ref | None) -> str:
    seconds = None if ref is None else book.median(ref)
    if ref is None or seconds is None:
        return ""
    if line.absolute:
        return duration(seconds - (book.median(line.less[ref]) or 0.0 if ref in line.less else 0.0))
    over = None if line.over is None else book.median(line.over)
    return "" if over is None else f"{over / seconds:.2f}x"


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


def grid(book: Book, name: str, title: str, columns: dict[str, Cell]) -> Section:
    """Return a table with a row for each contestant, and a column for each value, that there is anything of."""
    cells = {one.name: [cell(book, one.name) for cell in columns.values()] for one in CONTESTANTS}
    used = [any(column) for column in zip(*cells.values(), strict=True)]
    rows = [[name, *compress(row, used)] for name, row in cells.items() if any(row)]
    return Section(name, title, ("", *compress(columns, used)), rows)


def _columns(cases: dict[str, str], scale: float) -> dict[str, Cell]:
    return {heading: _value(case, "", scale) for heading, case in cases.items()}


def _many(verb: str) -> dict[str, Cell]:
    return _columns({f"{rows} rows": batch_of(verb, rows) for rows in ROWS}, 1e3)


def _calls(case: str, calls: Iterable[str], scale: float) -> dict[str, Cell]:
    return {call: _value(case, call, scale) for call in calls}


def _value(case: str, call: str, scale: float) -> Cell:
    def cell(book: Book, contestant: str) -> str:
        ref = Ref(case, contestant, call)
        found = book.get(ref)
        if found is None:
            return FAILED if book.failed(ref) else ""
        value = found.median * scale
        return f"{value:.{1 if value < 100 else 0}f} ±{found.spread:.0%}"

    return cell


def _rate(case: str) -> Cell:
    def cell(book: Book, contestant: str) -> str:
        ref = Ref(case, contestant)
        seconds = book.median(ref)
        if not seconds:
            return FAILED if book.failed(ref) else ""
        return f"{1 / seconds:,.0f}"

    return cell


def _over(case: str, call: str, base: str) -> Cell:
    def cell(book: Book, contestant: str) -> str:
        less, value = (book.median(Ref(case, contestant, name)) for name in (base, call))
        return "" if less is None or value is None else f"{(value - less) * 1e6:+.1f}"

    return cell


def _overheads() -> dict[str, Cell]:
    case = "one row by key"
    calls = {"A/A": AGAIN, **{call: call for call in (*TARGETS, ":name")}}
    return {
        "the driver": _value(case, RAW, 1e6),
        **{heading: _over(case, call, RAW) for heading, call in calls.items()},
    }


def _observed() -> dict[str, Cell]:
    calls = {"A/A": NOBODY + TWIN, **{call: call for call in OBSERVERS}}
    return {
        "without": _value(OBSERVED, NOBODY, 1e6),
        **{heading: _over(OBSERVED, call, NOBODY) for heading, call in calls.items()},
    }


def _ratios() -> dict[str, Cell]:
    def ratio(call: str) -> Cell:
        def cell(book: Book, contestant: str) -> str:
            base, value = (book.median(Ref("1000 rows", contestant, name)) for name in (RAW, call))
            return f"{value / base:.2f}" if base and value else ""

        return cell

    return {
        "the driver, us": _value("1000 rows", RAW, 1e6),
        "A/A": ratio(AGAIN),
        "driver's dict": ratio("driver's dict"),
        **{call: ratio(call) for call in TARGETS},
    }
