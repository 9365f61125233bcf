"""The work of the commands, on configs that are given to them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sqlspec.cli._cells import as_json
from sqlspec.cli._failures import REJECTED
from sqlspec.cli._parameters import as_parameters
from sqlspec.cli._screen import Outcome, Tally, result_table
from sqlspec.exceptions import DatabaseConnectionError, MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from rich.console import RenderableType

    from sqlspec.cli._screen import Screen
    from sqlspec.core.result import LoadJob
    from sqlspec.driver import AsyncConfig

__all__ = ("copy", "export", "load", "ping", "query")

SHOWN_REJECTED = 10
"""Rejected rows that are listed for people; the file has all of them."""

AGAIN = 0.5
"""Seconds between two attempts to connect."""

COUNTS = ("inserted", "updated", "unchanged", "deleted", "unmatched")


async def ping(config: AsyncConfig[Any], *, wait: float) -> Outcome:
    """Connect, and ask the server who it is.

    Args:
        config: The database.
        wait: Seconds to go on trying for.
    """
    deadline = time.monotonic() + wait
    while True:
        began = time.perf_counter()
        try:
            async with config.provide_session() as session:
                connected = time.perf_counter()
                found = await session.select_one(
                    "select pg_catalog.current_setting('server_version') as server_version, "
                    'pg_catalog.current_database() as database, current_user as "user"'
                )
                answered = time.perf_counter()
                break
        except DatabaseConnectionError:
            if time.monotonic() + AGAIN > deadline:
                raise
        await asyncio.sleep(AGAIN)
    document = {
        **found,
        "driver": config.spec.name,
        "connect_ms": round((connected - began) * 1000, 1),
        "round_trip_ms": round((answered - connected) * 1000, 1),
    }
    text = (
        f"PostgreSQL {found['server_version']}, database {found['database']} as {found['user']}: connected by "
        f"{config.spec.name} in {document['connect_ms']} ms, answered in {document['round_trip_ms']} ms"
    )
    return Outcome(document, [text])


async def query(
    config: AsyncConfig[Any],
    screen: Screen,
    *,
    sql: str,
    given: dict[str, str | None],
    limit: int,
    expanded: bool,
    timeout: float | None,
) -> Outcome:
    """Run a statement and show what it returns.

    Args:
        config: The database.
        screen: Where the result will be shown: JSON has all rows in any case.
        sql: The statement.
        given: Its parameters.
        limit: Rows to show; 0: all.
        expanded: Show one column per line.
        timeout: Limit in seconds.

    Raises:
        MappingError: Columns of one name cannot be told apart in JSON.
    """
    async with config.provide_session() as session:
        parameters = await as_parameters(session, sql, given)
        result = await session.execute(sql, *parameters, timeout=timeout)
        names = [column.name for column in result.columns]
        rows: list[tuple[Any, ...]] = result.get_data(schema_type=tuple) if names else []
    if not names:
        affected = result.rows_affected
        text = result.verb if affected is None else f"{result.verb}: {_rows(affected)}"
        return Outcome({"rows_affected": affected}, [text])
    if screen.as_json:
        return Outcome({"columns": names, "rows": _objects(names, rows)})
    shown = rows[:limit] if limit else rows
    footer = _rows(len(rows))
    if len(shown) < len(rows):
        footer = f"the first {len(shown):,} of {footer}; --limit 0 shows all"
    return Outcome({}, [result_table(names, shown, expanded=expanded), Text(footer, style="dim")])


def _objects(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MappingError(
            f"cannot write rows as JSON objects: {', '.join(twice)} names several columns; give each a name with `as`"
        )
    return [dict(zip(names, map(as_json, row), strict=True)) for row in rows]


async def load(
    config: AsyncConfig[Any], screen: Screen, *, file: str, table: str, rejected: str | None, **options: Any
) -> Outcome:
    """Load a file into a table.

    Args:
        config: The database.
        screen: Where progress is shown.
        file: Path or URI.
        table: Name of the table.
        rejected: Where to store rejected rows.
        **options: As for `load_from_storage`.
    """
    from sqlspec.cli._rejected import rejected_file  # it imports pyarrow

    with rejected_file(rejected, options.get("storage_options")) as write:
        async with config.provide_session() as session:
            with screen.progress(f"loading {table}") as progress:
                job = await session.load_from_storage(table, file, progress=progress, **options)
        _write(write, job)
    return _loaded(job, {"table": table, **_measured(job), "technique": job.technique})


def _write(write: Callable[[pa.Table], None], load: LoadJob) -> None:
    if load.rejected is not None:
        write(load.rejected)


def _loaded(load: LoadJob, document: dict[str, Any], remark: str = "") -> Outcome:
    """Tell what a load or a copy has stored and what not."""
    counts = {name: count for name in COUNTS if (count := getattr(load, name)) is not None}
    # Those that were as they should be already, or not there, were moved too.
    moved = sum(counts.values())
    tally = Tally(moved, document["bytes"], document["seconds"])
    shown: list[RenderableType] = [f"{_rows(moved)} into {document['table']} in {tally}{remark}"]
    if len(counts) > 1 or "deleted" in counts:
        shown.append(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    document |= counts
    aside = load.rejected
    if aside is None:
        return Outcome(document, shown)
    document["rejected"] = aside.num_rows
    if not aside.num_rows:
        return Outcome(document, shown)
    return Outcome(document, [*shown, *_show_rejected(aside)], REJECTED)


def _show_rejected(rejected: Any) -> list[RenderableType]:
    names = ("row", "column", "sqlstate", "reason")
    few = rejected.select(names).slice(0, SHOWN_REJECTED).to_pylist()
    title = f"{_rows(rejected.num_rows)} rejected"
    if rejected.num_rows > len(few):
        title += f"; the first {len(few)}:"
    return [Text(title, style="bold"), result_table(names, [tuple(row[name] for name in names) for row in few])]


async def export(
    config: AsyncConfig[Any], screen: Screen, *, sql: str, given: dict[str, str | None], file: str, **options: Any
) -> Outcome:
    """Write the rows of a statement to a file.

    Args:
        config: The database.
        screen: Where progress is shown.
        sql: The statement.
        given: Its parameters.
        file: Path or URI.
        **options: As for `select_to_storage`.
    """
    async with config.provide_session() as session:
        parameters = await as_parameters(session, sql, given)
        with screen.progress(f"writing {file}") as progress:
            job = await session.select_to_storage(sql, file, *parameters, progress=progress, **options)
    document = {"file": file, **_measured(job)}
    return Outcome(document, [f"{_rows(job.rows)} into {file} in {Tally(job.rows, job.bytes, job.seconds)}"])


async def copy(
    source: AsyncConfig[Any],
    target: AsyncConfig[Any],
    screen: Screen,
    *,
    what: str,
    table: str,
    rejected: str | None,
    **options: Any,
) -> Outcome:
    """Copy rows from one database to another.

    Args:
        source: Where the rows are.
        target: Where they go.
        screen: Where progress is shown.
        what: A table of the source, or a query.
        table: The table of the target.
        rejected: Where to store rejected rows.
        **options: As for `copy_table`.
    """
    from sqlspec.cli._rejected import rejected_file  # these two import pyarrow
    from sqlspec.etl import copy_table

    with rejected_file(rejected, None) as write:
        with screen.progress(f"copying {table}") as progress:
            job = await copy_table(source, target, what, table, progress=progress, **options)
        _write(write, job.load)
    document = {"table": table, **_measured(job)}
    document |= {"technique": job.technique, "partitions": job.partitions, "verified": job.verified}
    verified = f"verified by {job.verified}" if job.verified else "not verified: others decide what is stored"
    return _loaded(job.load, document, f", {job.technique}, {verified}")


def _measured(job: Any) -> dict[str, Any]:
    return {"rows": job.rows, "bytes": job.bytes, "seconds": round(job.seconds, 3)}


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
