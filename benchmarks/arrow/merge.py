"""Measure merges against plain loads of the same rows: `python -m benchmarks.arrow.merge`.

The table has a primary key and a second index. Half of the rows are in it already, with other values: an upsert inserts
the one half and updates the other. Both ways take turns in each round, on the same adapter. The bar is on the medians.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pkgutil import resolve_name
from typing import Any

import pyarrow as pa

from benchmarks.arrow.contestants import CONTESTANTS
from benchmarks.arrow.data import DATA_SETS
from benchmarks.arrow.server import Server, start

BAR = 3.0
"""An upsert may take that many times as long as a plain load."""

TABLE = "bench_arrow_merge"
BEFORE = f"{TABLE}_before"
MODES = ("upsert", "upsert again", "update", "delete")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit status: 1 if an adapter misses the bar."""
    adapters = {one.name: one for one in CONTESTANTS if one.factory.startswith("benchmarks.arrow.adapters:")}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", action="append", choices=adapters, help="an adapter; may be repeated")
    parser.add_argument("--mode", action="append", choices=MODES, help="what to measure; may be repeated")
    options = parser.parse_args(arguments)
    modes = tuple(options.mode or MODES)
    missed = False
    print(f"{'adapter':14}{'load ms':>9}" + "".join(f"{mode:>20}" for mode in modes))
    with start() as server:
        rows = set_up(server, options.rows)
        for name in options.only or adapters:
            contestant: Any = resolve_name(adapters[name].factory)(server.dsn, adapters[name].argument)
            try:
                found = measure(server, contestant, rows, options.rounds, modes)
            finally:
                contestant.close()
            plain = found.pop("load")
            missed |= found.get("upsert", 0) > BAR * plain
            print(
                f"{name:14}{plain * 1e3:9.0f}"
                + "".join(f"{found[mode] * 1e3:12.0f} {found[mode] / plain:6.2f}x" for mode in modes)
            )
        server.execute(f"drop table {TABLE}, {BEFORE}")
    return missed


def set_up(server: Server, count: int) -> pa.Table:
    """Make the tables; return the rows to load."""
    rows, types = next(data for data in DATA_SETS if data.name == "mixed").table(count)
    columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
    server.execute(f"drop table if exists {TABLE}, {BEFORE}")
    server.execute(f"create table {TABLE} ({columns}, primary key (id))")
    server.execute(f"create index on {TABLE} (kind)")
    server.execute(f"create table {BEFORE} ({columns})")
    return rows


def measure(server: Server, contestant: Any, rows: pa.Table, rounds: int, modes: tuple[str, ...]) -> dict[str, float]:
    """Return the median of each way in seconds."""
    seconds: dict[str, list[float]] = {}
    ways = ["load", *modes]
    server.execute(f"truncate {TABLE}, {BEFORE}")
    contestant.load(BEFORE, rows)
    for turn in range(rounds + 1):  # the first is to warm up
        random.Random(turn).shuffle(ways)
        for way in ways:
            prepare(server, way)
            source, options = rows, {"mode": way.split()[0], "key": ["id"]}
            if way == "load":
                options = {}
            elif way == "delete":
                source = rows.select(["id"])
            began = time.perf_counter()
            contestant.load(TABLE, source, **options)
            if turn:
                seconds.setdefault(way, []).append(time.perf_counter() - began)
    return {way: statistics.median(found) for way, found in seconds.items()}


def prepare(server: Server, way: str) -> None:
    """Bring the table into the state that a way begins with."""
    server.execute(f"truncate {TABLE}")
    if way == "upsert again":  # every row is there as it is
        server.execute(f"insert into {TABLE} select * from {BEFORE}")
    elif way != "load":
        half = f"(select count(*) / 2 from {BEFORE})"
        server.execute(
            f"insert into {TABLE} select id, kind + 1, value, active, moment, name from {BEFORE} limit {half}"
        )
    server.execute(f"vacuum analyze {TABLE}")
    server.execute("checkpoint")


if __name__ == "__main__":
    raise SystemExit(main())
