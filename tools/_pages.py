"""Pages of the documentation with sections that a tool writes from a report, between marks that name them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

__all__ = ("MARK", "ROOT", "Notes", "filled", "keep", "markdown", "run")

ROOT = Path(__file__).resolve().parent.parent
MARK = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end of generated -->)", re.DOTALL)


class Notes:
    """Numbered notes below a table; equal ones share a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, texts: Iterable[str]) -> str:
        """Return one mark for all of them: two in a row would be a link."""
        numbers = [self._numbers.setdefault(text, len(self._numbers) + 1) for text in texts]
        return f" [{', '.join(map(str, numbers))}]" if numbers else ""

    def __str__(self) -> str:
        return "".join(f"{number}. {text[0].upper()}{text[1:]}.\n" for text, number in self._numbers.items())


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Notes) -> str:
    """Write a table, and the notes below it."""
    lines = (headings, ["---"] * len(headings), *rows)
    text = "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)
    return f"{text}\n{notes}".rstrip() + "\n"


def filled(name: str, text: str, sections: Mapping[str, str]) -> str:
    """Return a page with its sections written anew.

    Raises:
        ValueError: A mark names no section, or a section has no mark.
    """
    marked = [mark["name"] for mark in MARK.finditer(text)]
    if sorted(marked) != sorted(sections):
        raise ValueError(f"{name}: the marks are {marked}, the sections {list(sections)}")
    return MARK.sub(lambda mark: f"{mark[1]}\n{sections[mark['name']].strip()}\n\n{mark[4]}", text)


def keep(page: Path, before: str, after: str, tool: str, *, check: bool) -> str:
    """Write a page that has changed, or with `check` say that it has; return what is wrong."""
    if after == before:
        return ""
    if check:
        return f"stale: {page.relative_to(ROOT)}; run: python tools/{tool}.py"
    page.write_text(after, encoding="utf-8", newline="\n")
    return ""


def run(
    arguments: Sequence[str] | None,
    tool: str,
    page: Path,
    record: Callable[[], str],
    render: Callable[[str], tuple[str, str]],
) -> int:
    """Run the command line of a tool that writes a page from the report of a test run.

    Args:
        arguments: Those of the command line; by default the program's.
        tool: Name of its module.
        page: What it writes.
        record: Makes a new report; returns what went wrong.
        render: Takes the page as it is; returns the page as it should be, and what the report says in a line.

    Returns:
        The exit status: 1 if anything is wrong.
    """
    parser = argparse.ArgumentParser(description=f"write {page.relative_to(ROOT)} from a report of the tests")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="compare instead of writing")
    choice.add_argument("--record", action="store_true", help="run the tests first, and keep their report")
    options = parser.parse_args(arguments)
    problem = record() if options.record else ""
    if not problem:
        before = page.read_text(encoding="utf-8")
        after, summary = render(before)
        problem = keep(page, before, after, tool, check=options.check)
        print(summary)
    if problem:
        print(problem, file=sys.stderr)
    return 1 if problem else 0
