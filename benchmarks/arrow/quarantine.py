"""Measure what putting bad rows aside costs: `python -m benchmarks.arrow.quarantine`.

The table has a primary key and a check constraint, which some rows of the source violate, evenly spread: so the server
finds them, and the client does not. Plain loads of rows without a bad one, and loads with `on_error="quarantine"` of as
many bad ones as told, take turns in each round, on the same adapter. The bars are on the medians.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.arrow.contestants import CONTESTANTS
from benchmarks.arrow.data import DATA_SETS
from benchmarks.arrow.server import Server, start

BARS = {0: 1.1, 10: 2.0}
"""A load with so many bad rows may take so many times as long as a plain one."""

BAD = (0, 1, 10, 100, 1000)
TABLE = "bench_arrow_quarantine"
REFUSED = 5000
"""A value that the constraint forbids; the data set has none so large."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit status: 1 if an adapter misses a bar."""
    adapters = {one.name: one for one in CONTESTANTS if one.factory.startswith("benchmarks.arrow.adapters:")}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bad", type=int, action="append", help="a number of bad rows; may be repeated")
    parser.add_argument("--only", action="append", choices=adapters, help="an adapter; may be repeated")
    options = parser.parse_args(arguments)
    counts = options.bad or BAD
    missed = False
    print(f"{'adapter':14}{'load ms':>9}" + "".join(f"{count:>14} bad" for count in counts))
    with start() as server:
        rows = set_up(server, options.rows)
        sources = {count: with_bad(rows, count) for count in counts}
        for name in options.only or adapters:
            contestant: Any = resolve_name(adapters[name].factory)(server.dsn, adapters[name].argument)
            try:
                found = measure(server, contestant, rows, sources, options.rounds)
            finally:
                contestant.close()
            plain = found.pop(None)
            missed |= any(found[count] > bar * plain for count, bar in BARS.items() if count in found)
            times = (f"{seconds * 1e3:10.0f} {seconds / plain:6.2f}x" for seconds in found.values())
            print(f"{name:14}{plain * 1e3:9.0f}{''.join(times)}", flush=True)
        server.execute(f"drop table {TABLE}")
    return missed


def set_up(server: Server, count: int) -> pa.Table:
    """Make the table; return the rows to load."""
    rows, types = next(data for data in DATA_SETS if data.name == "mixed").table(count)
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    server.execute(f"drop table if exists {TABLE}")
    server.execute(f"create table {TABLE} ({columns}, primary key (id), check (kind < {REFUSED}))")
    return rows


def with_bad(rows: pa.Table, count: int) -> pa.Table:
    """Return the rows with some bad ones, evenly spread."""
    values = rows["kind"].to_numpy().copy()
    values[((np.arange(count) + 0.5) * len(rows) / max(count, 1)).astype(int)] = REFUSED
    return rows.set_column(rows.schema.get_field_index("kind"), "kind", pa.array(values))


def measure(
    server: Server, contestant: Any, rows: pa.Table, sources: dict[int, pa.Table], rounds: int
) -> dict[int | None, float]:
    """Return the median in seconds by the number of bad rows; `None` stands for the plain load."""
    ways: list[int | None] = [None, *sources]
    seconds: dict[int | None, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + 1):  # the first is to warm up
        for way in random.Random(turn).sample(ways, len(ways)):
            server.execute(f"truncate {TABLE}")
            server.execute("checkpoint")
            began = time.perf_counter()
            if way is None:
                contestant.load(TABLE, rows)
            else:
                contestant.load(TABLE, sources[way], on_error="quarantine", max_rejected=None)
            if turn:
                seconds[way].append(time.perf_counter() - began)
    return {way: statistics.median(found) for way, found in seconds.items()}


if __name__ == "__main__":
    raise SystemExit(main())
