"""What is only shown on a terminal: progress, colours, a layout that fits."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROWS = 100_000


def on_terminal(*arguments: object, stream: str, width: int = 120) -> tuple[int, str, str]:
    """Run a command with stdout or stderr on a terminal; return status, what the terminal got, and the other one."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    other = "stderr" if stream == "stdout" else "stdout"
    environment = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "CI", "COLUMNS")}
    environment |= {"TERM": "xterm"}
    pipes: dict[str, Any] = {stream: theirs, other: subprocess.PIPE}
    command = [sys.executable, "-m", "sqlspec", *map(str, arguments)]
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:  # the end of a terminal
            pass
        os.close(ours)
        out, err = process.communicate(timeout=60)
    return process.returncode, seen.decode(), out or err or ""


def plain(seen: str) -> list[str]:
    """Return what a terminal shows, without colours."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", seen).splitlines()]


@pytest.fixture
def numbers(tables: psycopg.Connection[Any], directory: Path) -> str:
    tables.execute("create table numbers (n int, text text)")
    (directory / "numbers.csv").write_text("n,text\n" + "".join(f"{n},row {n}\n" for n in range(ROWS)))
    return "numbers.csv"


def test_a_terminal_sees_how_a_load_gets_on(numbers: str) -> None:
    status, seen, out = on_terminal("load", numbers, "numbers", stream="stderr")
    assert (status, out.startswith("100,000 rows into numbers in ")) == (0, True)
    assert "loading numbers" in seen
    assert "rows/s" in seen
    assert "\x1b" not in out


def test_a_terminal_sees_how_an_export_and_a_copy_get_on(
    numbers: str, server: str, tables: psycopg.Connection[Any]
) -> None:
    tables.execute(f"insert into numbers select n, 'row ' || n from generate_series(1, {ROWS}) n".encode())
    status, seen, _ = on_terminal("export", "select * from numbers", "again.parquet", stream="stderr")
    assert (status, "writing again.parquet" in seen, "rows/s" in seen) == (0, True, True)
    copy = ("copy", server, server, "more", "--from", "numbers", "--create")
    status, seen, _ = on_terminal(*copy, stream="stderr")
    assert (status, "copying more" in seen, "rows/s" in seen) == (0, True, True)


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_progress_can_be_switched_off(numbers: str, option: str) -> None:
    status, seen, out = on_terminal("load", numbers, "numbers", option, stream="stderr")
    assert (status, seen, out.startswith("100,000 rows")) == (0, "", True)


def test_errors_on_a_terminal_are_marked(server: str) -> None:
    status, seen, out = on_terminal("query", "select 1/0", stream="stderr")
    assert (status, out) == (1, "")
    assert seen == "\x1b[1;31merror: \x1b[0mdivision by zero [22012]\r\n"


def test_a_result_that_is_too_wide_is_shown_in_blocks(server: str) -> None:
    sql = "select 1 as n, repeat('x', 50) as text, null as gap"
    status, seen, _ = on_terminal("query", sql, stream="stdout", width=80)
    assert (status, "\x1b[" in seen) == (0, True)
    assert plain(seen)[0].split() == ["n", "text", "gap"]
    status, seen, _ = on_terminal("query", sql, stream="stdout", width=40)
    assert (status, max(map(len, plain(seen)))) == (0, 40)
    cells = [line.split() for line in plain(seen)]
    assert cells[:2] == [["row", "1", "\u2500" * 34], ["n", "1"]]
    # A long cell goes on below itself.
    assert [cells[2][0], cells[2][1] + cells[3][0], cells[4]] == ["text", "x" * 50, ["gap", "NULL"]]


def test_names_are_shown_as_they_are_and_drive_no_terminal(server: str, tables: psycopg.Connection[Any]) -> None:
    tables.execute('create table "[/x] :car:\x1b[2J" (n int)')
    copy = ("copy", server, server, '"[/x] :car:\x1b[2J"', "--from", "select 1 as n")
    status, seen, out = on_terminal(*copy, stream="stderr")
    assert (status, 'copying "[/x] :car:\\x1b[2J"' in seen) == (0, True)
    assert '1 row into "[/x] :car:\\x1b[2J" in' in out
    status, seen, _ = on_terminal("query", 'select 1 as ":car:"', stream="stdout")
    assert (status, plain(seen)[0]) == (0, ":car:")


def test_quiet_may_be_joined_to_other_options(server: str, numbers: str) -> None:
    rows = "select n from generate_series(1, :last) n"
    status, seen, out = on_terminal("export", rows, "n.csv", "-qp", "last=100000", stream="stderr")
    assert (status, seen, out.startswith("100,000 rows")) == (0, "", True)
