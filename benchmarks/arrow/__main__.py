"""Measure Arrow tables in and out of PostgreSQL: `python -m benchmarks.arrow`.

The server is an embedded one that is started for the run, or that of `SQLSPEC_TEST_DSN`: a superuser's DSN, of a server
on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.arrow import page
from benchmarks.arrow.contestants import CONTESTANTS, DIRECTIONS
from benchmarks.arrow.measure import Run, measure, stream
from benchmarks.arrow.report import Report
from benchmarks.arrow.results import Case, Streamed, verdicts
from benchmarks.arrow.server import start
from benchmarks.harness.environments import ROOT, pinned
from benchmarks.harness.page import describe

ADAPTERS = {contestant.name for contestant in CONTESTANTS if not contestant.packages}
FOLDER = ROOT / "build" / "bench-arrow"
KEPT = ROOT / "benchmarks" / "results" / "arrow.json"
DRIVERS = ("asyncpg", "psycopg", "psqlpy", "pyro-postgres", "pyarrow")
QUICK, QUICK_ROUNDS = 0.1, 3


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; return the exit status: 1 if an adapter failed or gave wrong results."""
    options = parse(arguments)
    report = Report()
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in CONTESTANTS if not options.only or one.name in options.only]
    run = Run(chosen, options.scale, options.rounds, FOLDER, report.say)
    cases: list[Case] = []
    streamed: list[Streamed] = []
    with start() as server:
        packages = [pinned(name) for name in DRIVERS]
        packages += [pinned(name) for contestant in run.contestants for name in contestant.packages if name != "numpy"]
        about = describe(server.version, packages) | {"rounds": run.rounds, "scale": run.scale}
        if options.stream:
            streamed = stream(server, run)
        else:
            cases = measure(server, run)
    for case in cases:
        report.case(case)
    report.summaries(cases)
    report.streams(streamed)
    save(options.json, cases, streamed, about)
    if options.write:
        save(KEPT, cases, streamed, about)
        page.write(cases, streamed, about)
        if cases:
            page.draw(KEPT)
    failed = [name for case in cases for name, measured in case.found.items() if measured.error and name in ADAPTERS]
    failed += [one.contestant for one in streamed if one.error and one.contestant in ADAPTERS]
    return 1 if failed else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arrow", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each call is measured (default: 9)")
    parser.add_argument("--scale", type=float, help="part of the rows of a full run (default: 1)")
    parser.add_argument("--quick", action="store_true", help=f"--scale {QUICK} --rounds {QUICK_ROUNDS}")
    parser.add_argument("--stream", action="store_true", help="measure one long stream in each direction instead")
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--only", action="append", choices=names, help="may be given several times")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench-arrow.json", help="where the figures go")
    parser.add_argument("--write", action="store_true", help="write the figures and the plot into the documentation")
    options = parser.parse_args(arguments)
    if options.write and (options.quick or options.scale or options.only):
        parser.error("--write needs a full run: leave out --quick, --scale and --only")
    options.scale = options.scale or (QUICK if options.quick else 1.0)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else 9)
    return options


def save(path: Path, cases: list[Case], streamed: list[Streamed], about: dict[str, Any]) -> None:
    """Write the figures; those of the other kind of run stay in the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if cases:
        found = {direction: [asdict(one) for one in verdicts(cases, direction)] for direction in DIRECTIONS}
        figures |= {"about": about, "adapters": sorted(ADAPTERS), "verdicts": found, "cases": list(map(asdict, cases))}
    if streamed:
        figures |= {"stream": list(map(asdict, streamed))}
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
