# Source of _sync_steps.py: after a change, run tools/unasync.py examples.
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
    from collections.abc import Awaitable, Callable

    from sqlspec.driver import AsyncConfig, AsyncSession

    Step: TypeAlias = Callable[[AsyncConfig[Any], AsyncSession, Job], Awaitable[Answer]]

INSERTED = 50_000
"""How many flights are inserted row by row."""


async def run(config: AsyncConfig[Any], job: Job, report: Callable[[Outcome], None]) -> None:
    """Run every step on one adapter, in a schema of its own, and report how each one went."""
    drop = f"drop schema if exists {job.schema} cascade"
    async with config:
        try:
            async with config.provide_session() as session:
                await session.execute_script(f"{drop}; create schema {job.schema}")
                for name, step in STEPS.items():
                    report(await measure(name, step, config, session, job))
        finally:
            async with config.provide_session() as session:
                await session.execute(drop)


async def measure(name: str, step: Step, config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Outcome:
    """Run one step and take its time."""
    started = time.perf_counter()
    try:
        answer = await step(config, session, job)
    except NotSupportedError as error:
        return Outcome(name, time.perf_counter() - started, None, str(error))
    return Outcome(name, answer.seconds or time.perf_counter() - started, answer)


async def create_tables(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Create the tables with a script."""
    await session.execute_script(job.sql.get_sql("create-tables"))
    names = await session.select(
        "select tablename from pg_tables where schemaname = current_schema() order by 1", schema_type=str
    )
    return Answer(len(names), names, ", ".join(names))


async def load(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Load Arrow tables, all of them in one transaction."""
    async with session.transaction():
        loads = [await session.load_from_arrow(name, table) for name, table in job.tables.items()]
    rows = {name: done.rows for name, done in zip(job.tables, loads, strict=True)}
    size = sum(done.bytes for done in loads)
    techniques = " and ".join(sorted({done.technique for done in loads}))
    return Answer(
        sum(rows.values()), rows, f"{size / 1e6:.1f} MB sent by {techniques}, five tables in one transaction", size
    )


async def read(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Read all tables as Arrow data. Every column has the type, and every row the values, that were loaded."""
    started = time.perf_counter()
    found = {name: await session.select_to_arrow(f"select * from {name}") for name in job.tables}
    seconds = time.perf_counter() - started
    different = [
        difference
        for name, table in job.tables.items()
        for difference in differences(name, found[name].get_data(), table)
    ]
    rows, size = (sum(getattr(one, count) for one in found.values()) for count in ("num_rows", "nbytes"))
    note = f"not as in the files: {', '.join(different)}" if different else "every type and value as in the files"
    return Answer(rows, different, note, size, seconds)


async def insert(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Insert the first flights once more, row by row in one batch, which is read lazily: it may be a generator."""
    async with session.transaction():
        await session.execute_many(job.sql.get_sql("insert-flight"), job.watch(job.data.flights[:INSERTED]))
    count = await session.select_value("select count(*) from first_flights")
    others = await session.select(job.sql.get_sql("not-loaded"))
    return Answer(count, (count, others), f"one batch in one transaction, {len(others)} unlike those of the load")


async def add_keys(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Add the keys after the load, and read from the catalog what the tables have now."""
    await session.execute_script(job.sql.get_sql("add-keys"))
    found = await session.select(job.sql.get_sql("constraints"))
    return Answer(len(found), found, "primary, unique and foreign keys, checks")


async def busiest_routes(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Read rows as objects of a class."""
    routes = await session.select(job.sql.get_sql("busiest-routes"), top=10, schema_type=Route)
    first = routes[0]
    return Answer(
        len(routes), routes, f"{first.origin} to {first.dest} with {first.airline}: {first.flights:,} flights"
    )


async def worst_delays(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Read dates, times and columns that may be NULL."""
    delays = await session.select(job.sql.get_sql("worst-delays"), top=10, schema_type=Delay)
    first = delays[0]
    return Answer(
        len(delays), delays, f"{first.origin} to {first.dest} on {first.hour:%Y-%m-%d}: {first.minutes:,} minutes"
    )


async def weather(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Join with the weather; the sums and means are exact decimals."""
    found = await session.select(job.sql.get_sql("delays-by-weather"), schema_type=Visibility)
    first = found[0]
    return Answer(len(found), found, f"visibility {first.visibility}: {first.mean_delay} minutes late on average")


async def page(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Take one page of a query, and the number of rows on all pages."""
    late = SQL(job.sql.get_sql("long-delays"), least=60).order_by("dep_delay", desc=True).order_by("id")
    rows, total = await session.select_with_total(late.paginate(page=2, page_size=25))
    return Answer(len(rows), (rows, total), f"page 2 of {-(-total // 25):,}")


async def stream(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Read the whole table in little memory."""
    checksum = Checksum()
    async with session.select_stream("select * from flights order by id", chunk_size=5000, schema_type=tuple) as rows:
        async for chunk in rows.chunks():
            checksum.add(chunk)
    origin = "as" if str(checksum) == job.source else "not as"
    return Answer(checksum.rows, str(checksum), f"checksum {checksum}, {origin} in the files")


async def errors(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Break four constraints. Each error has a class of its own, and knows the constraint or column.

    Not compared is `error.table`, which two drivers hide and the server's message on a unique constraint does not name.
    """
    caught = []
    for expected, sql in FORBIDDEN:
        try:
            await session.execute(sql)
        except expected as error:
            caught.append((type(error).__name__, error.sqlstate, error.constraint, error.column))
    return Answer(len(caught), caught, f"{caught[0][0]} of {caught[0][2]}, and {len(caught) - 1} others")


async def timeout(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Stop a query that takes too long. The server stops it, and the session goes on."""
    caught = ""
    try:
        await session.execute("select pg_sleep(60)", timeout=0.5)
    except QueryTimeoutError as error:
        caught = type(error).__name__
    value = await session.select_value("select 6 * 7")
    return Answer(1, (caught, value), f"{caught or 'nothing'} after 0.5 s, then the session answered {value}")


async def rollback(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Undo the inner one of two nested transactions, then the outer one."""
    count = "select count(*) from airlines"
    found = [await session.select_value(count)]
    await session.begin()
    await session.execute("insert into airlines values ('ZZ', 'Zeppelin')")
    try:
        async with session.transaction():
            await session.execute("insert into airlines values ('YY', 'Yodel Air')")
            await session.execute("insert into airlines values ('ZZ', 'Zeppelin')")
    except UniqueViolationError:
        found.append(await session.select_value(count))
    await session.rollback()
    found.append(await session.select_value(count))
    return Answer(len(found), found, f"airlines before, after the inner one, at the end: {found}")


async def notify(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Listen on a channel, on a connection of its own, and send to it."""
    received = ""
    async with config.listen(job.schema) as notifications:
        await session.notify(job.schema, "now boarding")
        async for notification in notifications:
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
