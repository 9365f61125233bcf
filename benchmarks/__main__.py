"""Measure the package, its drivers and other libraries: `python -m benchmarks`.

The server is an embedded one that is started for the run, or that of `SQLSPEC_TEST_DSN`: a superuser's DSN. What others
need is installed below `.venvs` by the first run, from the package index; nothing else is fetched.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.book import Book
from benchmarks.cases import TWIN, Case, all_cases
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.harness.environments import ROOT, EnvironmentFailedError, pinned, python_with
from benchmarks.harness.numbers import Figure, noise
from benchmarks.harness.page import describe, fill, sentence, table
from benchmarks.harness.server import Control, start
from benchmarks.harness.timing import pace
from benchmarks.measure import Run, Team
from benchmarks.report import Section, sections
from benchmarks.store import Store, fingerprint

KEPT = ROOT / "benchmarks" / "results" / "speed.json"
PAGE = ROOT / "docs" / "explanation" / "speed.md"
FOLDER = ROOT / "build" / "bench"
MATPLOTLIB = ("matplotlib==3.11.2",)
PICTURE = """\
![Times of each contestant](speed.svg)

A bar is a median, the dark line in it the middle half of the rounds. What is longer than the panel is cut."""
WIDTH = 140


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; return the exit status: 1 if this package failed or gave wrong results."""
    options = parse(arguments)
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDTH)

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False)

    if options.list:
        for case in all_cases():
            say(f"{case.kind:9} {case.name}")
        return 0
    cases = chosen_cases(options)
    playing = tuple(one for one in CONTESTANTS if not options.contestant or one.name in options.contestant)
    with start() as (dsn, connection):
        control = Control(dsn, connection)
        about = describe(control.version, requirements(playing))
        about |= {"quick": options.quick}
        signature = {**about, "date": "", "code": fingerprint("sqlspec", "benchmarks")}
        store = Store(FOLDER / f"{'quick' if options.quick else 'full'}.json", signature, resume=options.resume)
        how = "in a run that went on from an earlier one" if store.figures() else "in one run"
        install(playing, say)
        paces = measure(Run(control, say, playing, options.quick), cases, store)
    figures = store.figures()
    book = Book(figures)
    found = sections(book)
    for section in found:
        show(console, section)
    off = f"{pace_sentence(paces)} {control_sentence(book)}"
    say(f"\n{off}")
    save(options.json, figures, about, playing)
    if options.write:
        save(KEPT, figures, about, playing)
        write(found, about, how, off)
    ours = {one.name for one in CONTESTANTS if one.group == "ours"}
    failed = [one for one in figures if one.error and one.contestant in ours]
    for one in failed:
        say(f"failed: {one.contestant}, {one.case}: {one.error}")
    return 1 if failed else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds: says whether all works, roughly")
    parser.add_argument(
        "--resume", action="store_true", help="keep the cases that an earlier run with the same code has measured"
    )
    parser.add_argument("--case", action="append", metavar="TEXT", help="only cases whose name has this in it")
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--contestant", action="append", choices=names, metavar="NAME", help="only this one")
    parser.add_argument("--list", action="store_true", help="list the cases")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", help="where the figures go")
    parser.add_argument("--write", action="store_true", help="write figures and plots into the documentation")
    options = parser.parse_args(arguments)
    if options.write and (options.quick or options.case or options.contestant):
        parser.error("--write needs a full run: leave out --quick, --case and --contestant")
    return options


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    """Return what is measured."""
    cases = all_cases()
    if options.case:
        return [case for case in cases if any(text in case.name for text in options.case)]
    return [case for case in cases if case.quick or not options.quick]


def requirements(playing: tuple[Contestant, ...]) -> list[str]:
    """Return what takes part, with versions."""
    own = ["asyncpg", "psycopg", "psqlpy", "pyro-postgres", "msgspec"]
    others = [package for one in playing for package in one.packages]
    return list(dict.fromkeys(map(pinned, [*own, *others])))


def install(playing: tuple[Contestant, ...], say: Any) -> None:
    """Make the virtual environments before anything is measured. One that cannot be made is told, and told again."""
    for environment, packages in {one.environment: one.packages for one in playing}.items():
        try:
            python_with(environment, packages)
        except EnvironmentFailedError as error:
            say(f"no environment {environment!r}; who needs it takes no part: {error}")


def measure(run: Run, cases: list[Case], store: Store) -> list[float]:
    """Measure what has not been measured; return the pace of the machine before each case."""
    paces = []
    missing = [case for case in cases if not store.has(case.name)]
    with Team(run) as team:
        for number, case in enumerate(missing, start=1):
            paces.append(pace())
            started = time.perf_counter()
            store.put(case.name, team.measure(case))
            run.say(f"{number}/{len(missing)} {case.name}: {time.perf_counter() - started:.1f} s")
    return paces


def save(path: Path, figures: list[Figure], about: dict[str, Any], playing: tuple[Contestant, ...]) -> None:
    """Write the figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    who = [{"name": one.name, "group": one.group} for one in playing]
    content = {"about": about, "contestants": who, "figures": list(map(asdict, figures))}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write(found: list[Section], about: dict[str, Any], how: str, off: str) -> None:
    """Fill the page, and draw its pictures in an environment that has matplotlib.

    Raises:
        EnvironmentFailedError: It cannot be installed; the tables are written all the same.
    """
    texts = {section.name: table(section.headings, section.rows, section.left) for section in found}
    fill(PAGE, texts | {"machine": f"{sentence(about, how)} {off}", "picture": PICTURE})
    pictures = [str(PAGE.with_suffix(suffix)) for suffix in (".svg", ".png")]
    python = python_with("matplotlib", MATPLOTLIB)
    subprocess.run([python, "-m", "benchmarks.plot", str(KEPT), *pictures], cwd=ROOT, check=True)


def pace_sentence(paces: list[float]) -> str:
    """Say how fast the machine was, which times of different runs depend on."""
    if not paces:
        return "Nothing was measured anew."
    least, middle, most = (found(paces) * 1e9 for found in (min, statistics.median, max))
    return f"An empty call in a loop of Python took {middle:.0f} ns ({least:.0f} to {most:.0f} during the run)."


def control_sentence(book: Book) -> str:
    """Say how far what took part twice was from itself: differences of that size mean nothing."""
    pairs = {(one.case, one.contestant, one.call): one for one in book.figures if not one.error}
    factors: dict[str, list[float]] = {"as calls of one process": [], "as processes": []}
    for (case, who, call), one in pairs.items():
        for twin, how in (
            ((case, who, call + TWIN), "as calls of one process"),
            ((case, who + TWIN, call), "as processes"),
        ):
            if twin in pairs and one.median and pairs[twin].median:
                factors[how].append(noise(one.median / pairs[twin].median))
    found = [
        f"{statistics.median(values) - 1:.1%} {how} (median of {len(values)}, {max(values) - 1:.0%} at most)"
        for how, values in factors.items()
        if values
    ]
    return (
        f"What took part twice is off from itself by {' and by '.join(found)}." if found else "Nothing took part twice."
    )


def show(console: Console, section: Section) -> None:
    """Print a table."""
    shown = Table(title=section.title, title_justify="left", title_style="bold")
    for number, heading in enumerate(section.headings):
        shown.add_column(heading, justify="left" if number < section.left else "right", no_wrap=number == 0)
    for row in section.rows:
        shown.add_row(*row)
    console.print()
    console.print(shown)


if __name__ == "__main__":
    sys.exit(main())
