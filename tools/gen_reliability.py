"""Write the tables "promises x adapters" of the documentation, or check that they are up to date.

They are made from the report of the last complete run of the tests that prove a promise, `tests/promises.json`: neither
writing nor checking needs a server.

    python tools/gen_reliability.py              write the page
    python tools/gen_reliability.py --check      compare it instead
    python tools/gen_reliability.py --record     run the tests first, and keep what they gave in the report

A test compares the report with the marks of the tests, so it cannot fall behind unnoticed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools._pages import ROOT, Notes, filled, markdown, run

REPORT = ROOT / "tests" / "promises.json"
PAGE = ROOT / "docs" / "explanation" / "reliability.md"

WRITE_TO = "SQLSPEC_PROMISES_OUTCOMES"
"""Environment variable: the file that a run of the tests writes its outcomes to."""

FLAVOURS = ("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")
"""The columns of the tables."""

AREAS = {
    "pool": "The pool",
    "transactions": "Transactions",
    "timeouts": "Time limits",
    "cancellation": "Cancellation",
    "network": "The network",
    "server": "The server",
    "standby": "Standby servers",
    "pooler": "Connection poolers",
    "tls": "TLS",
    "input": "Input",
}
"""What a promise is about -> the heading of its table, in the order of the page."""

DRIVERS = ("asyncpg", "psycopg", "psqlpy", "pyro-postgres")
SENTENCE = re.compile(r"(?P<area>[a-z]+): (?P<words>[^A-Z\s](?:.*[^.\s])?)", re.DOTALL)


def problem_with(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> str:
    """Return what is wrong with a mark, empty when nothing is."""
    if len(arguments) != 1 or not isinstance(arguments[0], str) or keywords.keys() - {"refuses"}:
        return "a promise is one sentence, and may name who refuses it: promise('<area>: <sentence>', refuses={...})"
    found = SENTENCE.fullmatch(arguments[0])
    if found is None or found["area"] not in AREAS:
        return f"not '<area>: <sentence without capital and full stop>', area one of {', '.join(AREAS)}: {arguments[0]}"
    unknown = set(keywords.get("refuses", ())) - set(FLAVOURS)
    return f"no such flavour: {', '.join(sorted(unknown))}" if unknown else ""


class Outcomes:
    """What tests proved.

    Attributes:
        cells: Promise -> flavour -> for each way a test came out, `""` for what holds and else why not, in order.
    """

    def __init__(self, cells: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        self.cells: dict[str, dict[str, list[str]]] = {
            promise: {flavour: list(ways) for flavour, ways in by_flavour.items()}
            for promise, by_flavour in (cells or {}).items()
        }

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read what a run wrote to a file."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def add(self, promise: str, flavour: str, reason: str | None) -> None:
        """Add what one test gave; `reason`: why the promise does not hold there."""
        ways = self.cells.setdefault(promise, {}).setdefault(flavour, [])
        if (reason or "") not in ways:
            ways.append(reason or "")
            ways.sort()

    def missing(self, others: Outcomes) -> list[str]:
        """Return what `others` say and these do not."""
        return [
            f"{promise}, {flavour}: {way or 'holds'}"
            for promise, by_flavour in others.cells.items()
            for flavour, ways in by_flavour.items()
            for way in ways
            if way not in self.cells.get(promise, {}).get(flavour, ())
        ]


# -- the report -----------------------------------------------------------------------------------


def read_report() -> tuple[Outcomes, dict[str, str]]:
    """Return what the last complete run proved, and the versions it ran with; empty when there was none."""
    if not REPORT.exists():
        return Outcomes(), {}
    data = json.loads(REPORT.read_text(encoding="utf-8"))
    return Outcomes(data["promises"]), data["versions"]


def write_report(outcomes: Outcomes, versions: Mapping[str, str]) -> None:
    """Write the report, one line for each promise."""
    ordered = sorted(outcomes.cells, key=lambda promise: (list(AREAS).index(promise.partition(":")[0]), promise))
    lines = ",\n".join(
        f"    {json.dumps(promise)}: "
        f"{json.dumps({name: outcomes.cells[promise][name] for name in FLAVOURS if name in outcomes.cells[promise]})}"
        for promise in ordered
    )
    text = f'{{\n  "versions": {json.dumps(dict(versions))},\n  "promises": {{\n{lines}\n  }}\n}}\n'
    REPORT.write_text(text, encoding="utf-8", newline="\n")


def record() -> str:
    """Run the tests that prove a promise and keep what they gave; return what went wrong."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "outcomes.json"
        options = "-q -m promise -n 2 --dist loadfile -p no:cacheprovider"
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *options.split(), "tests"],
            cwd=ROOT,
            env={**os.environ, WRITE_TO: str(target)},
            check=False,
        )
        if run.returncode or not target.exists():
            return "tests of promises have failures; the report is left as it was"
        outcomes = Outcomes.of(target)
    write_report(outcomes, {name: version(name) for name in DRIVERS})
    return ""


# -- the page -------------------------------------------------------------------------------------


def state_of(ways: Sequence[str]) -> str:
    """Say in a word or two what a cell holds."""
    if not ways:
        return "-"
    if "" not in ways:
        return "no"
    return "in part" if len(ways) > 1 else "yes"


def plain(reason: str) -> str:
    """Return a reason without the name of the capability that it belongs to, such as `concurrent_calls: `."""
    return re.sub(r"^[a-z_]+: ", "", reason)


def table(promises: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Write the table of one area."""
    notes = Notes()
    rows = []
    for promise, cells in promises.items():
        words = promise.partition(": ")[2]
        shown = [cells.get(name, ()) for name in FLAVOURS]
        states = [f"{state_of(ways)}{notes.mark(plain(way) for way in ways if way)}" for ways in shown]
        # Names of the program stay as they are: `timeout=`, `run_in_transaction`.
        first = words.split()[0]
        rows.append([f"{words[0].upper()}{words[1:]}" if first.isalpha() else words, *states])
    return markdown(["promise", *FLAVOURS], rows, notes)


def tables(outcomes: Outcomes) -> str:
    """Write one table for each area."""
    return "\n".join(
        f"### {title}\n\n{table(promises)}"
        for area, title in AREAS.items()
        if (promises := {key: cells for key, cells in outcomes.cells.items() if key.startswith(f"{area}:")})
    )


def counts(outcomes: Outcomes) -> str:
    """Say how many promises there are and how many hold where."""
    states = Counter(state_of(cells.get(name, ())) for cells in outcomes.cells.values() for name in FLAVOURS)
    held = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"{len(outcomes.cells)} promises x {len(FLAVOURS)} flavours = {states.total()} cells: {held}"


def page(text: str, outcomes: Outcomes, versions: Mapping[str, str]) -> str:
    """Return a page with its sections written anew.

    Raises:
        ValueError: A mark names no section, or a section has no mark.
    """
    sections = {
        "promises": tables(outcomes),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }
    return filled(PAGE.name, text, sections)


# -- the command line -----------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if anything is wrong."""

    def render(before: str) -> tuple[str, str]:
        outcomes, versions = read_report()
        return page(before, outcomes, versions), counts(outcomes)

    return run(arguments, "gen_reliability", PAGE, record, render)


if __name__ == "__main__":
    sys.exit(main())
