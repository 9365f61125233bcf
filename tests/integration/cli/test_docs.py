"""The commands of the guide, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.test_docs import PLACEHOLDER, ROOT, blocks_of

PAGE = ROOT / "docs" / "how-to" / "command-line.md"

# What differs from run to run.
VARYING = (
    (re.compile(r"[\d.]+ (s|ms|MB)\b"), r"N \1"),
    (re.compile(r"[\d,]+ rows/s"), "N rows/s"),
    (re.compile(r"^PostgreSQL [\w.]+, database \w+ as \w+:"), "PostgreSQL N, database N as N:"),
)


@pytest.fixture
def databases(dsn: str, schema: str, admin: psycopg.Connection[Any]) -> Iterator[dict[str, str]]:
    """Connection strings for those of the page."""
    found = {}
    for name in ("shop", "reporting"):
        database = f"{dsn.rpartition('/')[2]}_{schema}_{name}"
        admin.execute(f"create database {database}".encode())
        found[name] = f"{dsn.rpartition('/')[0]}/{database}"
    yield found
    for text in found.values():
        admin.execute(f"drop database {text.rpartition('/')[2]} with (force)".encode())


def steady(lines: list[str]) -> list[str]:
    for pattern, substitute in VARYING:
        lines = [pattern.sub(substitute, line.rstrip()) for line in lines]
    return lines


def commands_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block with the lines below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.splitlines()


def test_the_guide_shows_what_commands_print(databases: dict[str, str], directory: Path) -> None:
    def real(found: re.Match[str]) -> str:
        return databases[found[0].rpartition("/")[2]]

    # The name that the shell finds first is this checkout's.
    program = directory / "bin" / "sqlspec"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m sqlspec "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    run = 0
    status = 0
    for block in blocks_of(PAGE.read_text(encoding="utf-8")):
        if block.title is not None:
            (directory / block.title).write_text(PLACEHOLDER.sub(real, block.text))
        elif block.language == "console":
            for command, expected in commands_of(block.text):
                if command.startswith("pip "):
                    continue
                run += 1
                # As one shell would have it after the command before.
                script = f"(exit {status}); {command.replace('$DATABASE_URL', databases['shop'])}"
                done = subprocess.run(
                    ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False, cwd=directory
                )
                status = done.returncode
                seen = steady(done.stdout.splitlines() + done.stderr.splitlines())
                wanted = steady(expected)
                if "..." in wanted:
                    cut = wanted.index("...")
                    wanted, seen = wanted[:cut], seen[:cut]
                assert seen == wanted, command
    assert run > 12
