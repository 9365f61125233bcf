# Generated from _async_steps.py by tools/unasync.py. Do not edit.
"""The steps of the demo. Each asks one adapter something and answers with what has to be the same on all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.flights.data import Checksum
from examples.flights.model import FORBIDDEN, Answer, Delay, Job, Outcome, Route, Visibility
from examples.flights.tables import differences
from sqlspec import SQL
from sqlspec.exceptions import NotSupportedError, QueryTimeoutError, UniqueViolationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.driver import SyncConfig, SyncSession

    Step: TypeAlias = Callable[[SyncConfig[Any], SyncSession, Job], Answer]

INSERTED = 50_000
"""How many flights are inserted row by row."""


def run(config: SyncConfig[Any], job: Job, report: Callable[[Outcome], None]) -> None:
    """Run every step on one adapter, in a schema of its own, and report how each one went."""
    drop = f"drop schema if exists {job.schema} cascade"
    with config:
        try:
            with config.provide_session() as session:
                session.execute_script(f"{drop}; create schema {job.schema}")
                for name, step in STEPS.items():
                    report(measure(name, step, config, session, job))
        finally:
            with config.provide_session() as session:
                session.execute(drop)


def measure(name: str, step: Step, config: SyncConfig[Any], session: SyncSession, job: Job) -> Outcome:
    """Run one step and take its time."""
    started = time.perf_counter()
    try:
        answer = step(config, session, job)
    except NotSupportedError as error:
        return Outcome(name, time.perf_counter() - started, None, str(error))
    return Outcome(name, answer.seconds or time.perf_counter() - started, answer)


def create_tables(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Create the tables with a script."""
    session.execute_script(job.sql.get_sql("create-tables"))
    names = session.select(
        "select tablename from pg_tables where schemaname = current_schema() order by 1", schema_type=str
    )
    return Answer(len(names), names, ", ".join(names))


def load(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Load Arrow tables, all of them in one transaction."""
    with session.transaction():
        loads = [session.load_from_arrow(name, table) for name, table in job.tables.items()]
    rows = {name: done.rows for name, done in zip(job.tables, loads, strict=True)}
    size = sum(done.bytes for done in loads)
    techniques = " and ".join(sorted({done.technique for done in loads}))
    return Answer(
        sum(rows.values()), rows, f"{size / 1e6:.1f} MB sent by {techniques}, five tables in one transaction", size
    )


def read(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Read all tables as Arrow data. Every column has the type, and every row the values, that were loaded."""
    started = time.perf_counter()
    found = {name: session.select_to_arrow(f"select * from {name}") for name in job.tables}
    seconds = time.perf_counter() - started
    different = [
        difference
        for name, table in job.tables.items()
        for difference in differences(name, found[name].get_data(), table)
    ]
    rows, size = (sum(getattr(one, count) for one in found.values()) for count in ("num_rows", "nbytes"))
    note = f"not as in the files: {', '.join(different)}" if different else "every type and value as in the files"
    return Answer(rows, different, note, size, seconds)


def insert(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Insert the first flights once more, row by row in one batch, which is read lazily: it may be a generator."""
    with session.transaction():
        session.execute_many(job.sql.get_sql("insert-flight"), job.watch(job.data.flights[:INSERTED]))
    count = session.select_value("select count(*) from first_flights")
    others = session.select(job.sql.get_sql("not-loaded"))
    return Answer(count, (count, others), f"one batch in one transaction, {len(others)} unlike those of the load")


def add_keys(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Add the keys after the load, and read from the catalog what the tables have now."""
    session.execute_script(job.sql.get_sql("add-keys"))
    found = session.select(job.sql.get_sql("constraints"))
    return Answer(len(found), found, "primary, unique and foreign keys, checks")


def busiest_routes(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Read rows as objects of a class."""
    routes = session.select(job.sql.get_sql("busiest-routes"), top=10, schema_type=Route)
    first = routes[0]
    return Answer(
        len(routes), routes, f"{first.origin} to {first.dest} with {first.airline}: {first.flights:,} flights"
    )


def worst_delays(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Read dates, times and columns that may be NULL."""
    delays = session.select(job.sql.get_sql("worst-delays"), top=10, schema_type=Delay)
    first = delays[0]
    return Answer(
        len(delays), delays, f"{first.origin} to {first.dest} on {first.hour:%Y-%m-%d}: {first.minutes:,} minutes"
    )


def weather(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Join with the weather; the sums and means are exact decimals."""
    found = session.select(job.sql.get_sql("delays-by-weather"), schema_type=Visibility)
    first = found[0]
    return Answer(len(found), found, f"visibility {first.visibility}: {first.mean_delay} minutes late on average")


def page(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Take one page of a query, and the number of rows on all pages."""
    late = SQL(job.sql.get_sql("long-delays"), least=60).order_by("dep_delay", desc=True).order_by("id")
    rows, total = session.select_with_total(late.paginate(page=2, page_size=25))
    return Answer(len(rows), (rows, total), f"page 2 of {-(-total // 25):,}")


def stream(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Read the whole table in little memory."""
    checksum = Checksum()
    with session.select_stream("select * from flights order by id", chunk_size=5000, schema_type=tuple) as rows:
        for chunk in rows.chunks():
            checksum.add(chunk)
    origin = "as" if str(checksum) == job.source else "not as"
    return Answer(checksum.rows, str(checksum), f"checksum {checksum}, {origin} in the files")


def errors(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Break four constraints. Each error has a class of its own, and knows the constraint or column.

    Not compared is `error.table`, which two drivers hide and the server's message on a unique constraint does not name.
    """
    caught = []
    for expected, sql in FORBIDDEN:
        try:
            session.execute(sql)
        except expected as error:
            caught.append((type(error).__name__, error.sqlstate, error.constraint, error.column))
    return Answer(len(caught), caught, f"{caught[0][0]} of {caught[0][2]}, and {len(caught) - 1} others")


def timeout(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Stop a query that takes too long. The server stops it, and the session goes on."""
    caught = ""
    try:
        session.execute("select pg_sleep(60)", timeout=0.5)
    except QueryTimeoutError as error:
        caught = type(error).__name__
    value = session.select_value("select 6 * 7")
    return Answer(1, (caught, value), f"{caught or 'nothing'} after 0.5 s, then the session answered {value}")


def rollback(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Undo the inner one of two nested transactions, then the outer one."""
    count = "select count(*) from airlines"
    found = [session.select_value(count)]
    session.begin()
    session.execute("insert into airlines values ('ZZ', 'Zeppelin')")
    try:
        with session.transaction():
            session.execute("insert into airlines values ('YY', 'Yodel Air')")
            session.execute("insert into airlines values ('ZZ', 'Zeppelin')")
    except UniqueViolationError:
        found.append(session.select_value(count))
    session.rollback()
    found.append(session.select_value(count))
    return Answer(len(found), found, f"airlines before, after the inner one, at the end: {found}")


def notify(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Listen on a channel, on a connection of its own, and send to it."""
    received = ""
    with config.listen(job.schema) as notifications:
        session.notify(job.schema, "now boarding")
        for notification in notifications:
            received = notification.payload
            break
    return Answer(1, received, f"received: {received}")


STEPS: dict[str, Step] = {
    "tables": create_tables,
    "load": load,
    "read": read,
    "insert": insert,
    "keys": add_keys,
    "routes": busiest_routes,
    "delays": worst_delays,
    "weather": weather,
    "page": page,
    "stream": stream,
    "errors": errors,
    "timeout": timeout,
    "rollback": rollback,
    "notify": notify,
}
