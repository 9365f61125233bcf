"""The page of the documentation: its tables and its picture are written by the run that measured them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

from benchmarks.arrow.contestants import DIRECTIONS
from benchmarks.arrow.environments import ROOT, python_with
from benchmarks.arrow.report import STREAM_HEADINGS, SUMMARY_HEADINGS, case_rows, stream_rows, summary_rows
from benchmarks.arrow.results import verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.arrow.results import Case, Streamed

__all__ = ("draw", "write")

PAGE = ROOT / "docs" / "explanation" / "arrow-speed.md"
MARK = re.compile(r"(<!-- measured: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end of measured -->)", re.DOTALL)
PICTURE = """\
![Speed of each contestant as a multiple of ADBC's](arrow-speed.svg)

A bar is the geometric mean over the data sets, a dot one of them, a red mark what is asked of the mean."""
MATPLOTLIB = ("matplotlib==3.11.2",)


def write(cases: list[Case], streamed: list[Streamed], about: dict[str, Any]) -> None:
    """Fill the sections of what was measured; the others stay."""
    sections = {}
    if cases:
        sections["machine"] = sentence(about)
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

    def fill(mark: re.Match[str]) -> str:
        text = sections.get(mark["name"])
        return mark[0] if text is None else f"{mark[1]}\n{text}\n\n{mark[4]}"

    PAGE.write_text(MARK.sub(fill, PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def draw(results: Path) -> None:
    """Draw the picture from a file of results, in an environment that has matplotlib."""
    pictures = [PAGE.with_suffix(suffix) for suffix in (".svg", ".png")]
    command = [str(python_with(MATPLOTLIB)), "-m", "benchmarks.arrow.plot", str(results.resolve()), *map(str, pictures)]
    subprocess.run(command, cwd=ROOT, check=True)


def sentence(about: dict[str, Any]) -> str:
    """Say what was measured with what."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        f"Measured on {about['date']} with {about['rounds']} rounds on {about['cores']} cores ({about['processor']}), "
        f"which the server and its clients share. PostgreSQL {about['server']}, Python {about['python']}, {packages}."
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown: names on the left, numbers on the right."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    filled = [[*row, *[""] * (len(headings) - len(row))] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *filled))
