"""The command line of the example: two databases, the files, the pipeline, and what is printed of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from examples.etl.files import write_files
from examples.etl.pipeline import run
from examples.flights.adapters import load_configs
from sqlspec import SQLSpec
from sqlspec.adapters.psycopg import PsycopgSyncConfig
from sqlspec.driver import AsyncConfig
from sqlspec.testing import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from examples.etl.pipeline import Step

DSN_VARIABLE = "SQLSPEC_TEST_DSN"
WIDTH = 110


def main(arguments: list[str] | None = None) -> int:
    """Run the example; return the exit status: 1 if a step did not do what was expected."""
    drivers: dict[str, Any] = {
        label: config for label, config in load_configs().items() if issubclass(config, AsyncConfig)
    }
    options = parse(arguments, list(drivers))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    steps: list[Step] = []

    def report(step: Step) -> None:
        steps.append(step)
        print_step(console, step)

    sql = SQLSpec()
    sql.load_sql_files(Path(__file__).with_name("schema.sql"))
    with ExitStack() as scopes:
        folder = options.folder or Path(scopes.enter_context(tempfile.TemporaryDirectory(prefix="sqlspec-etl-")))
        folder.mkdir(parents=True, exist_ok=True)
        delivery = write_files(folder, options.rows)
        console.print(f"[bold]wrote {delivery.rows:,} flights of 2013[/bold] as {delivery.flights.name}")
        first, second = scopes.enter_context(databases())
        configs = drivers[options.source]({"dsn": first}), drivers[options.target]({"dsn": second})
        console.print(f"from {options.source} to {options.target}")

        async def work() -> pa.Table:
            async with configs[0], configs[1]:
                return await run(*configs, delivery, sql, folder, report)

        print_rejected(console, asyncio.run(work()))
    right = all(step.right for step in steps)
    console.print(f"everything as expected: {'[bold green]yes' if right else '[bold red]no'}")
    return 0 if right else 1


def parse(arguments: list[str] | None, drivers: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.etl",
        description="Take flights from files to PostgreSQL, correct them, and pass them on.",
        epilog=f"The server is {DSN_VARIABLE} if that is set, else an embedded one.",
    )
    parser.add_argument("--rows", type=int, help="take only so many flights, at least 5000 (default: all 336,776)")
    parser.add_argument("--source", choices=drivers, default="asyncpg", help="driver of the first database")
    parser.add_argument("--target", choices=drivers, default="psycopg", help="driver of the second database")
    parser.add_argument("--folder", type=Path, help="keep the files in this folder")
    return parser.parse_args(arguments)


@contextmanager
def databases() -> Iterator[tuple[str, str]]:
    """Provide the DSNs of two empty databases; they are dropped at the end."""
    names = tuple(f"etl_{kind}_{os.getpid()}" for kind in ("warehouse", "reporting"))
    given = os.environ.get(DSN_VARIABLE)
    if not given:
        with EmbeddedPostgres(databases=names) as server:
            yield server.dsn_for(names[0]), server.dsn_for(names[1])
        return
    with PsycopgSyncConfig({"dsn": given}) as config, config.provide_session() as session:
        try:
            for name in names:
                session.execute(f"create database {name}")
            parts = urlsplit(given)
            first, second = (parts._replace(path=f"/{name}").geturl() for name in names)
            yield first, second
        finally:
            for name in names:
                session.execute(f"drop database if exists {name} with (force)")


def print_step(console: Console, step: Step) -> None:
    """Print one line for a step."""
    speed = f"{step.rows / step.seconds:,.0f} rows/s" if step.seconds and step.rows >= 1000 else ""
    mark = "[green]ok[/green]" if step.right else "[bold red]wrong[/bold red]"
    console.print(f"  {step.name:<11}{step.rows:>9,} rows {speed:>17}   {step.note}   {mark}", soft_wrap=True)


def print_rejected(console: Console, rejected: Any) -> None:
    """Print why rows were put aside."""
    table = Table(title="Rejected rows", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for name in ("row", "column", "sqlstate", "reason"):
        table.add_column(name, justify="right" if name == "row" else "left", overflow="fold")
    for row in rejected.to_pylist():
        table.add_row(str(row["row"]), row["column"] or "-", row["sqlstate"] or "-", row["reason"])
    console.print()
    console.print(table)
    console.print()


if __name__ == "__main__":
    sys.exit(main())
