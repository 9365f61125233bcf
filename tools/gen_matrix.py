"""Write the table "types x adapters" of the documentation, or check that it is up to date.

It is made from two things: the data files of the matrix, `tests/integration/matrix/types/*.toml`, and the report of
its last complete run, `tests/integration/matrix/report.json`. So neither writing nor checking needs a server.

    python tools/gen_matrix.py              write the page
    python tools/gen_matrix.py --check      compare it instead
    python tools/gen_matrix.py --record     run the matrix first, and keep what it gave in the report

A type that the server of a run does not have keeps what another server gave for it before: recording on a server with
more extensions adds to the report. A test compares every run of the matrix with the report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools._pages import ROOT, Notes, filled, markdown, run

MATRIX = ROOT / "tests" / "integration" / "matrix"
PAGE = ROOT / "docs" / "reference" / "types.md"

WRITE_TO = "SQLSPEC_MATRIX_OUTCOMES"
"""Environment variable: the file that a run of the matrix writes its outcomes to."""

Outcomes = dict[str, dict[str, dict[str, str]]]
"""Type -> flavour -> technique -> `right`, `wrong`, `absent`, or `refused: ` and the reason."""

Cell = str | dict[str, str]
"""`right` or `absent` when that is true of every technique, else the outcomes of those that differ from `right`."""

GROUPS = (
    "numbers",
    "text and bytes",
    "dates and times",
    "JSON",
    "networks",
    "containers",
    "geometry",
    "extensions",
    "system types",
)
# The adapter that exists to test the contract itself.
HIDDEN = "stub"


class Kind(NamedTuple):
    """What the table says of a type apart from the outcomes."""

    key: str
    title: str
    group: str
    python: str
    note: str
    refused: tuple[str, ...]
    without: dict[str, str]


def kinds() -> list[Kind]:
    """Read the data files.

    Raises:
        ValueError: A type belongs to no group.
    """
    found = []
    for path in sorted((MATRIX / "types").glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if data["group"] not in GROUPS:
            raise ValueError(f"{path.name}: there is no group {data['group']!r}")
        refused = tuple(value["sql"] for value in data.get("value", ()) if "refused" in value)
        without = data.get("without", {})
        title = data.get("title", f"`{data['name']}`")
        found.append(Kind(path.stem, title, data["group"], data["python"], data.get("note", ""), refused, without))
    return found


# -- the report -----------------------------------------------------------------------------------


class Report(NamedTuple):
    """What the last complete runs gave.

    Attributes:
        flavours: Adapters in their flavours, in the order of the columns.
        servers: Type -> major version of the server that it was tried on.
        cells: Type -> flavour -> cell.
    """

    flavours: tuple[str, ...]
    servers: dict[str, str]
    cells: dict[str, dict[str, Cell]]

    @classmethod
    def read(cls, path: Path) -> Report:
        """Read the file, empty when there is none."""
        if not path.exists():
            return cls((), {}, {})
        data = json.loads(path.read_text(encoding="utf-8"))
        types = data["types"]
        return cls(
            tuple(data["flavours"]),
            {key: entry["server"] for key, entry in types.items()},
            {key: entry["cells"] for key, entry in types.items()},
        )

    def write(self, path: Path) -> None:
        """Write the file, one line for each type."""
        lines = ",\n".join(
            f"    {json.dumps(key)}: {json.dumps({'server': self.servers[key], 'cells': self.cells[key]})}"
            for key in sorted(self.cells)
        )
        text = f'{{\n  "flavours": {json.dumps(list(self.flavours))},\n  "types": {{\n{lines}\n  }}\n}}\n'
        path.write_text(text, encoding="utf-8", newline="\n")

    def with_run(self, outcomes: Outcomes, flavours: Iterable[str], server: str) -> Report:
        """Return the report with a complete run added."""
        shown = tuple(name for name in flavours if name != HIDDEN)
        servers: dict[str, str] = {}
        cells: dict[str, dict[str, Cell]] = {}
        for key, found in outcomes.items():
            made = {name: cell_of(found.get(name, {})) for name in shown}
            if set(made.values() if all(isinstance(cell, str) for cell in made.values()) else ()) == {"absent"}:
                before = self.cells.get(key, {})
                made = {name: before.get(name, "absent") for name in shown}
                server_of = self.servers.get(key, server)
            else:
                server_of = server
            cells[key], servers[key] = made, server_of
        return Report(shown, servers, cells)

    def differences(self, outcomes: Outcomes) -> list[str]:
        """Return where a run, complete or not, differs from the report; what either server lacks is left out."""
        found = []
        for key, by_flavour in outcomes.items():
            for flavour, techniques in by_flavour.items():
                if flavour == HIDDEN:
                    continue
                cell = self.cells.get(key, {}).get(flavour)
                for technique, outcome in techniques.items():
                    known = cell if isinstance(cell, str) else (cell or {}).get(technique, "right" if cell else None)
                    if known != outcome and "absent" not in (known, outcome):
                        found.append(f"{key}, {flavour}, {technique}: {outcome}, the report says {known}")
        return found


def cell_of(techniques: Mapping[str, str]) -> Cell:
    """Sum up one type on one flavour."""
    values = set(techniques.values())
    if values in ({"right"}, {"absent"}):
        return values.pop()
    return {technique: outcome for technique, outcome in techniques.items() if outcome != "right"}


# -- the page -------------------------------------------------------------------------------------


def state_of(cell: Cell) -> str:
    """Say in one or two words what a cell holds."""
    if isinstance(cell, str):
        return {"right": "right", "absent": "not tried"}[cell]
    if not cell:
        return "not tried"
    return "wrong" if "wrong" in cell.values() else "in part"


def shown_cell(cell: Cell, notes: Notes) -> str:
    """Write a cell, with marks that lead to the reasons."""
    state = state_of(cell)
    if isinstance(cell, str) or not cell:
        return state
    reasons: dict[str, list[str]] = {}
    for technique, outcome in cell.items():
        reasons.setdefault(outcome.removeprefix("refused: "), []).append(technique.replace("_", " "))
    return state + notes.mark(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def marks_of(kind: Kind, report: Report, notes: Notes) -> str:
    """Return the marks behind the name of a type."""
    texts = [kind.note] if kind.note else []
    reasons: dict[str, list[str]] = {}
    for technique, reason in kind.without.items():
        reasons.setdefault(reason, []).append(technique.replace("_", " "))
    texts += [f"{reason}; not tried: {', '.join(names)}" for reason, names in reasons.items()]
    server = report.servers.get(kind.key)
    usual = Counter(report.servers.values()).most_common(1)
    if server and server != usual[0][0]:
        texts.append(f"tried on PostgreSQL {server}, because the usual server of the tests does not have the type")
    return notes.mark(texts)


def table(kinds_of_group: Iterable[Kind], report: Report) -> str:
    """Write the table of one group."""
    notes = Notes()
    rows = []
    for kind in kinds_of_group:
        cells = report.cells.get(kind.key, {})
        rows.append(
            [
                f"{kind.title}{marks_of(kind, report, notes)}",
                kind.python,
                *(shown_cell(cells.get(name, {}), notes) for name in report.flavours),
                ", ".join(f"`{sql}`" for sql in kind.refused) or "-",
            ]
        )
    return markdown(["type", "Python", *report.flavours, "refused on reading"], rows, notes)


def page(text: str, report: Report) -> str:
    """Return a page with its sections written anew.

    Raises:
        ValueError: A mark names no section, or a section has no mark.
    """
    return filled(PAGE.name, text, {"types": tables(report)})


def tables(report: Report) -> str:
    """Write one table for each group."""
    known = kinds()
    return "\n".join(
        f"## {group[0].upper()}{group[1:]}\n\n{table([kind for kind in known if kind.group == group], report)}"
        for group in GROUPS
    )


def counts(report: Report) -> str:
    """Say how many cells there are, and what they hold."""
    states = Counter(
        state_of(report.cells.get(kind.key, {}).get(flavour, {})) for kind in kinds() for flavour in report.flavours
    )
    held = ", ".join(f"{count} {state}" for state, count in states.most_common())
    return f"{len(kinds())} types x {len(report.flavours)} flavours = {states.total()} cells: {held}"


# -- the command line -----------------------------------------------------------------------------


def record(path: Path) -> str:
    """Run the matrix and merge what it gave into the report; return what went wrong."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "outcomes.json"
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", str(MATRIX / "test_types.py")],
            cwd=ROOT,
            env={**os.environ, WRITE_TO: str(target)},
            check=False,
        )
        if run.returncode or not target.exists():
            return "the matrix has failures; the report is left as it was"
        data: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    Report.read(path).with_run(data["outcomes"], data["flavours"], data["server"]).write(path)
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if anything is wrong."""

    def render(before: str) -> tuple[str, str]:
        report = Report.read(MATRIX / "report.json")
        return page(before, report), counts(report)

    return run(arguments, "gen_matrix", PAGE, lambda: record(MATRIX / "report.json"), render)


if __name__ == "__main__":
    sys.exit(main())
