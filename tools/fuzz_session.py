"""Make random calls on sessions of one flavour and compare every result with what it must be.

    python tools/fuzz_session.py --flavour asyncpg [--statements 5000] [--seed 1] [--dsn ...] [--cancels | --cuts]

Half of the statements run on a pool of one connection, half on one of four, in a database schema of its own that is
dropped in the end. Prints what was wrong and one line of counts; exits with 1 when a result was wrong, with a traceback
of every thread when a call hangs. The same seed makes the same calls, one connection given.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.integration.fuzz.statements import SCHEMA, Report, fuzz, left_behind
from tests.integration.harness import FLAVOURS, Flavour

SECONDS_PER_STATEMENT = 0.1
"""No statement takes as long on the average; a run that does hangs."""


async def run(flavour: Flavour, options: argparse.Namespace) -> list[Report]:
    reports = []
    admin: psycopg.Connection[Any]
    with psycopg.connect(options.dsn, autocommit=True) as admin:
        for size, workers in ((1, 2), (4, 6)):
            flavour.schema = schema = f"fuzz_{os.getpid()}_{size}"
            admin.execute(f"create schema {schema}; set search_path = {schema}; {SCHEMA}".encode())
            try:
                config = flavour.make_config(max_size=size, application_name=schema, acquire_timeout=600)
                report = await fuzz(
                    config,
                    flavour.spec,
                    statements=options.statements // 2,
                    seed=options.seed,
                    workers=workers,
                    cancels=options.cancels,
                    cuts=options.cuts,
                )
                report.wrong += await left_behind(admin, config, schema, report)
                reports.append(report)
            finally:
                await flavour.close()
                admin.execute(f"drop schema {schema} cascade".encode())
    return reports


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--flavour", choices=sorted(FLAVOURS), required=True)
    parser.add_argument("--statements", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    dsn = os.environ.get("SQLSPEC_TEST_DSN")
    parser.add_argument("--dsn", default=dsn, required=dsn is None, help="a server; default: SQLSPEC_TEST_DSN")
    parser.add_argument(
        "--cancels",
        action="store_true",
        help="stop statements too, by limit and, where it can be, by request",
    )
    parser.add_argument("--cuts", action="store_true", help="only calls that are stopped at a random moment")
    parser.add_argument("--kinds", action="store_true", help="print how often each kind of call was made")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse()
    # A sync driver may hang with the interpreter's lock held, where no timer of Python's own can fire.
    faulthandler.dump_traceback_later(60 + options.statements * SECONDS_PER_STATEMENT, exit=True)
    started = time.perf_counter()
    reports = asyncio.run(run(Flavour(options.flavour, options.dsn, ""), options))
    seconds = time.perf_counter() - started
    faulthandler.cancel_dump_traceback_later()
    for report in reports:
        for words in report.wrong:
            print(f"WRONG {words}")
    if options.kinds:
        for kind, count in sum((report.kinds for report in reports), start=type(reports[0].kinds)()).most_common():
            print(f"{count:6} {kind}")
    totals = "; ".join(str(report) for report in reports)
    print(f"{options.flavour} seed {options.seed}: {totals}; {seconds:.1f} s")
    return int(any(report.wrong for report in reports))


if __name__ == "__main__":
    sys.exit(main())
