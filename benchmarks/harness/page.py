"""Pages of the documentation whose tables are written by the run that measured them."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ("describe", "fill", "sentence", "table")

MARK = re.compile(r"(<!-- measured: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end of measured -->)", re.DOTALL)


def fill(page: Path, sections: Mapping[str, str]) -> None:
    """Replace the text between the marks of these names; all other text stays."""

    def replace(mark: re.Match[str]) -> str:
        text = sections.get(mark["name"])
        return mark[0] if text is None else f"{mark[1]}\n{text}\n\n{mark[4]}"

    page.write_text(MARK.sub(replace, page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table in Markdown: the first `left` columns hold words, the others numbers."""
    rule = ["---"] * left + ["---:"] * (len(headings) - left)
    filled = [[*row, *[""] * (len(headings) - len(row))] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *filled))


def describe(server: str, requirements: Sequence[str]) -> dict[str, Any]:
    """Return what the figures depend on: day, machine, server, and packages given as `name[extra]==version`."""
    packages = dict(requirement.split("==") for requirement in requirements)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "server": server.split(maxsplit=1)[0],
        "processor": processor(),
        "cores": os.cpu_count(),
        "packages": {name.partition("[")[0]: number for name, number in packages.items()},
    }


def sentence(about: Mapping[str, Any], how: str) -> str:
    """Say what was measured with what."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    return (
        f"Measured on {about['date']} {how} on {about['cores']} cores ({about['processor']}), which the server and its "
        f"clients share. PostgreSQL {about['server']}, Python {about['python']}, {packages}."
    )


def processor() -> str:
    """Return the name of the processor."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", path.read_text(), re.MULTILINE) if path.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()
