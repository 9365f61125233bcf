"""Measure copies against `pg_dump -Fc | pg_restore` of the same rows: `python -m benchmarks.etl`.

A million rows of six columns go from one database of a server to another one. All ways take turns in each round, each
in processes of its own; medians are compared. The bars: no slower than dump and restore, and 64 MB of memory.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import psycopg

from benchmarks.arrow.server import start
from benchmarks.etl.worker import ADAPTERS
from sqlspec.testing._binaries import find_programs

TABLE = "bench_etl_copy"
COLUMNS = "id int, f float8, at timestamptz, name text, n numeric(10,2), b bool"
ROWS = "i, i * 1.5, now() + i * interval '1s', 'name ' || i, i % 1000, i % 2 = 0"
DATABASES = ("bench_etl_source", "bench_etl_target")
MEMORY = 64 << 20
DUMP = "pg_dump | pg_restore"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return the exit status: 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pair", action="append", help="READER:WRITER, two adapters; may be repeated")
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--verify", choices=("count", "checksum"), default="count")
    options = parser.parse_args(arguments)
    pairs = [pair.split(":") for pair in options.pair or []] or [[name, name] for name in ADAPTERS]
    chosen = {"partitions": options.partitions, "verify": options.verify}
    with start() as server:
        dsns = [urlsplit(server.dsn)._replace(path=f"/{name}").geturl() for name in DATABASES]
        set_up(server.dsn, dsns, options.rows)
        try:
            found = measure(dsns, pairs, chosen, options.rounds)
        finally:
            drop(server.dsn)
    return report(found, options.rows)


def set_up(dsn: str, dsns: list[str], rows: int) -> None:
    """Make both databases, and the rows in the first one."""
    drop(dsn)
    with psycopg.connect(dsn, autocommit=True) as server:
        for name in DATABASES:
            server.execute(f"create database {name}".encode())
    for each in dsns:
        with psycopg.connect(each, autocommit=True) as database:
            database.execute(f"create table {TABLE} ({COLUMNS})".encode())
            if each == dsns[0]:
                database.execute(f"insert into {TABLE} select {ROWS} from generate_series(1, {rows}) i".encode())
                database.execute(f"vacuum analyze {TABLE}".encode())


def drop(dsn: str) -> None:
    """Drop both databases."""
    with psycopg.connect(dsn, autocommit=True) as server:
        for name in DATABASES:
            server.execute(f"drop database if exists {name} with (force)".encode())


def measure(dsns: list[str], pairs: list[list[str]], options: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Return what each way has needed in each round."""
    found: dict[str, list[dict[str, Any]]] = {DUMP: [], **{" to ".join(pair): [] for pair in pairs}}
    ways = [None, *pairs]
    for turn in range(rounds + 1):  # the first is to warm up
        random.Random(turn).shuffle(ways)
        for pair in ways:
            with psycopg.connect(dsns[1], autocommit=True) as database:
                database.execute(f"truncate {TABLE}; checkpoint".encode())
            once = dump_and_restore(dsns) if pair is None else copy(dsns, pair, options)
            if turn:
                found[DUMP if pair is None else " to ".join(pair)].append(once)
    return found


def dump_and_restore(dsns: list[str]) -> dict[str, Any]:
    """Copy with the server's own programs."""
    with psycopg.connect(dsns[1]) as database:
        programs = find_programs(database.info.server_version // 10_000)
    begin = time.perf_counter()
    dump = subprocess.Popen([programs / "pg_dump", "-Fc", "--data-only", "-t", TABLE, dsns[0]], stdout=subprocess.PIPE)
    subprocess.run([programs / "pg_restore", "-d", dsns[1]], stdin=dump.stdout, check=True)
    if dump.wait():
        raise SystemExit("pg_dump has failed; see above")
    return {"seconds": time.perf_counter() - begin, "technique": "text", "partitions": 1, "peak": 0}


def copy(dsns: list[str], pair: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Copy in a new process."""
    given = json.dumps({"adapters": pair, "dsns": dsns, "table": TABLE, "options": options})
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.etl.worker", given], stdout=subprocess.PIPE, check=True, text=True
    )
    once: dict[str, Any] = json.loads(run.stdout)
    return once


def report(found: dict[str, list[dict[str, Any]]], rows: int) -> int:
    """Print the medians; return 1 if a bar is missed."""
    missed = False
    plain = statistics.median(once["seconds"] for once in found[DUMP])
    print(f"{'':28}{'ms':>8}{'rows/s':>12}{'ratio':>8}{'MB':>7}  way")
    for name, several in found.items():
        seconds = statistics.median(once["seconds"] for once in several)
        peak = max(once["peak"] for once in several)
        last = several[-1]
        missed |= seconds > plain or peak > MEMORY
        print(
            f"{name:28}{seconds * 1e3:8.0f}{rows / seconds:12,.0f}{plain / seconds:7.2f}x{peak / 2**20:7.1f}"
            f"  {last['technique']}, {last['partitions']} at a time"
        )
    return missed


if __name__ == "__main__":
    sys.exit(main())
