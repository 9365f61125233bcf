"""Run the benchmarks: `python -m benchmarks [--rounds N] [--json FILE]`.

The server is `SQLSPEC_TEST_DSN`, or an embedded one that is started for the run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.drivers import measure_drivers, measure_drivers_async
from benchmarks.harness import BLOCK, Row
from benchmarks.overhead import measure_async, measure_sync
from sqlspec.testing import EmbeddedPostgres

IMPORT_RUNS = 15


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Yield the DSN of a server."""
    given = os.environ.get("SQLSPEC_TEST_DSN")
    if given:
        yield given
        return
    with EmbeddedPostgres() as postgres:
        yield postgres.dsn


def import_time() -> list[Row]:
    """Measure `import sqlspec` in new interpreters, by the interpreter's own clock."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    medians = {}
    for module in ("json", "sqlspec"):
        runs = [float(subprocess.check_output([sys.executable, "-c", code.format(module)])) for _ in range(IMPORT_RUNS)]
        medians[module] = statistics.median(runs) * 1e6
    base = medians["json"]
    return [
        Row(
            "import",
            "-",
            f"import {name}",
            round(value, 1),
            round(value - base, 1),
            round(value / base, 3),
            IMPORT_RUNS,
        )
        for name, value in medians.items()
    ]


def show(rows: list[Row]) -> None:
    """Print one table per case."""
    console = Console(width=100)
    for case in dict.fromkeys(row.case for row in rows):
        table = Table(title=case)
        for heading in ("adapter", "call", "median us", "over raw us", "ratio", "rounds"):
            table.add_column(heading, justify="left" if heading in ("adapter", "call") else "right")
        for row in rows:
            if row.case == case:
                cells = (row.median_us, row.over_us, row.ratio, row.rounds)
                table.add_row(row.adapter, row.contender, *map(str, cells))
        console.print(table)


def main() -> None:
    """Measure, print, and write JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4000, help="rounds of single-row calls")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), help="where the figures go")
    options = parser.parse_args()
    with server() as dsn:
        rows = asyncio.run(measure_async(dsn, options.rounds))
        rows += measure_sync(dsn, options.rounds)
        blocks = max(5, options.rounds // BLOCK)
        rows += measure_drivers(dsn, blocks)
        rows += asyncio.run(measure_drivers_async(dsn, blocks))
    rows += import_time()
    show(rows)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    about = {"python": platform.python_version(), "rows": [asdict(row) for row in rows]}
    options.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
