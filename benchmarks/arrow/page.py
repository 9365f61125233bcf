"""The page of the documentation: its tables and its picture are written by the run that measured them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from benchmarks.arrow.contestants import DIRECTIONS
from benchmarks.arrow.report import STREAM_HEADINGS, SUMMARY_HEADINGS, case_rows, stream_rows, summary_rows
from benchmarks.arrow.results import verdicts
from benchmarks.harness.environments import ROOT, python_with
from benchmarks.harness.page import fill, sentence, table

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.arrow.results import Case, Streamed

__all__ = ("draw", "write")

PAGE = ROOT / "docs" / "explanation" / "arrow-speed.md"
PICTURE = """\
![Speed of each contestant as a multiple of ADBC's](arrow-speed.svg)

A bar is the geometric mean over the data sets, a dot one of them, a red mark what is asked of the mean."""
MATPLOTLIB = ("matplotlib==3.11.2",)


def write(cases: list[Case], streamed: list[Streamed], about: dict[str, Any]) -> None:
    """Fill the sections of what was measured; the others stay."""
    sections = {}
    if cases:
        sections["machine"] = sentence(about, f"with {about['rounds']} rounds")
        sections["picture"] = PICTURE
    for direction in DIRECTIONS:
        chosen = [case for case in cases if case.direction == direction]
        if chosen:
            headings = ("", *(case.data for case in chosen), *SUMMARY_HEADINGS)
            sections[direction] = table(headings, summary_rows(verdicts(cases, direction)))
            sections[f"{direction}-seconds"] = "\n\n".join(
                f"{case.data}: {case.rows:,} rows, {case.wire / 1e6:.0f} MB\n\n{table(*case_rows(case))}"
                for case in chosen
            )
        moved = [one for one in streamed if one.direction == direction]
        if moved:
            sections[f"{direction}-stream"] = table(STREAM_HEADINGS, stream_rows(moved))

    fill(PAGE, sections)


def draw(results: Path) -> None:
    """Draw the picture from a file of results, in an environment that has matplotlib."""
    pictures = [PAGE.with_suffix(suffix) for suffix in (".svg", ".png")]
    command = [
        str(python_with("matplotlib", MATPLOTLIB)),
        "-m",
        "benchmarks.arrow.plot",
        str(results.resolve()),
        *map(str, pictures),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
