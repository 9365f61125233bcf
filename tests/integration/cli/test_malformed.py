"""Command lines that nobody means: a status and a line on stderr, never a traceback."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.cli.conftest import Done

JUNK = ("", "-", "-1", "1e999", "nan", "\ud800", "'", "$1", "=b", "x" * 3000)
FILES = (
    "rows.csv",
    "empty.csv",
    "broken.csv",
    "broken.parquet",
    "broken.arrow",
    "broken.jsonl",
    "nothing.csv",
    ".",
    "",
)
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ping": ((), ("--wait", "--driver", "--dsn", "--db")),
    "doctor": ((), ("--driver", "--dsn", "--db")),
    "query": (("select 1",), ("--param", "--timeout", "--limit", "--driver")),
    "load": (
        ("rows.csv", "t"),
        (
            "--max-rejected",
            "--batch-rows",
            "--storage-option",
            "--mode",
            "--key",
            "--column",
            "--delimiter",
            "--null",
            "--encoding",
            "--header",
        ),
    ),
    "export": (("select 1 as n", "out.csv"), ("--param", "--format", "--delimiter", "--null", "--partition-by")),
    "copy": (("nowhere", "nowhere", "t"), ("--from", "--mode", "--partitions", "--verify", "--max-rejected")),
    "nonsense": ((), ("--timeout",)),
}


def command_lines() -> list[tuple[str, ...]]:
    """Every command with junk for each argument, and behind each option."""
    lines: list[tuple[str, ...]] = [(name,) for name in (*COMMANDS, *JUNK)]
    for name, (arguments, options) in COMMANDS.items():
        for at, junk in itertools.product(range(len(arguments)), JUNK):
            lines.append((name, *arguments[:at], junk, *arguments[at + 1 :]))
        lines += [(name, *arguments, option, junk) for option in options for junk in JUNK]
    lines += [("load", file, "t") for file in FILES]
    lines += [("load", file, "t", "--format", kind) for file in FILES for kind in ("csv", "parquet", "arrow", "jsonl")]
    return lines


@pytest.mark.promise("input: a malformed command line gives a message and a status, never a traceback")
def test_malformed_command_lines(
    sqlspec: Callable[..., Done], tables: psycopg.Connection[Any], directory: Path
) -> None:
    tables.execute("create table t (n int); create table u (n int)")
    for name in FILES[:-3]:
        (directory / name).write_bytes(b"" if "empty" in name else b"\xff\0n\n{" if "broken" in name else b"n\n1\n")
    for line in command_lines():
        done = sqlspec(*line)
        assert done.status in (0, 1, 2, 3, 4), line
        assert "Traceback" not in done.out + done.err, line
        assert done.status == 0 or (done.out + done.err).strip(), line
