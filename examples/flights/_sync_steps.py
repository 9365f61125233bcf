# Generated from _async_steps.py by tools/unasync.py. Do not edit.
"""The steps of the demo. Each asks one adapter something and answers with what has to be the same on all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.flights.data import Checksum
from examples.flights.model import FORBIDDEN, Answer, Delay, Job, Outcome, Route, Visibility
from sqlspec import SQL
from sqlspec.exceptions import NotSupportedError, QueryTimeoutError, UniqueViolationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.driver import SyncConfig, SyncSession

    Step: TypeAlias = Callable[[SyncConfig[Any], SyncSession, Job], Answer]


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
    return Outcome(name, time.perf_counter() - started, answer)


def create_tables(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Create five tables with a script, and fill the small ones."""
    session.execute_script(job.sql.get_sql("create-tables"))
    session.execute_many(job.sql.get_sql("insert-airline"), job.data.airlines)
    session.execute_many(job.sql.get_sql("insert-airport"), job.data.airports)
    session.execute_many(job.sql.get_sql("insert-plane"), job.data.planes)
    session.execute_many(job.sql.get_sql("insert-weather"), job.data.weather)
    counts = session.select_one(
        """select (select count(*) from airlines) as airlines, (select count(*) from airports) as airports,
                  (select count(*) from planes) as planes, (select count(*) from weather) as weather"""
    )
    return Answer(sum(counts.values()), counts, "airlines, airports, planes, weather")


def load_flights(config: SyncConfig[Any], session: SyncSession, job: Job) -> Answer:
    """Load all flights in one transaction. The batch is read lazily, so the rows may come from a generator."""
    with session.transaction():
        session.execute_many(job.sql.get_sql("insert-flight"), job.watch(job.data.flights))
    count = session.select_value("select count(*) from flights")
    return Answer(count, count, "one batch in one transaction")


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
    "load": load_flights,
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
