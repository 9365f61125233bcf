"""The bare driver as the tests of its traps use it: the address, and programs that may hang for ever."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping

__all__ = ("outputs", "raw_url", "run")

# What each program has before its own lines; it announces the call that is to hang.
PRELUDE = """
import asyncio, os, resource, sys, threading
from decimal import Decimal
from pyro_postgres import async_
from pyro_postgres.sync import Conn
url = sys.argv[1]
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
def before(): print("before", flush=True)
def after(*what): print("after", *what, flush=True)
"""


def raw_url(dsn: str) -> str:
    """Return the address for the bare driver, without the way that loses an answer."""
    return f"{dsn}{'&' if '?' in dsn else '?'}upgrade_to_unix_socket=no"


def run(program: str, url: str, seconds: float = 5) -> subprocess.CompletedProcess[str]:
    """Run a program that is to end."""
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + program, url], check=False, capture_output=True, text=True, timeout=seconds
    )


def outputs(programs: Mapping[str, str], url: str, patience: float) -> dict[str, list[str]]:
    """Run programs at the same time, and kill what has not ended so long after the last announcement.

    Returns:
        The lines that each has printed.
    """
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", PRELUDE + program, url],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, program in programs.items()
    }
    lines: dict[str, list[str]] = {}
    try:
        for name, process in running.items():
            assert process.stdout is not None
            lines[name] = [process.stdout.readline().strip()]
        deadline = time.monotonic() + patience
        for process in running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
    finally:
        for process in running.values():
            process.kill()
    for name, process in running.items():
        lines[name] += process.communicate()[0].split("\n")[:-1]
    return lines
