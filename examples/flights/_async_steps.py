# Source of _sync_steps.py: after a change, run tools/unasync.py examples.
"""The steps of the demo. Each asks one adapter something and answers with what has to be the same on all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.flights.data import Checksum
from examples.flights.model import FORBIDDEN, Answer, Delay, Job, Outcome, Route, Visibility
from sqlspec import SQL
from sqlspec.exceptions import NotSupportedError, QueryTimeoutError, UniqueViolationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlspec.driver import AsyncConfig, AsyncSession

    Step: TypeAlias = Callable[[AsyncConfig[Any], AsyncSession, Job], Awaitable[Answer]]


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
    return Outcome(name, time.perf_counter() - started, answer)


async def create_tables(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Create five tables with a script, and fill the small ones."""
    await session.execute_script(job.sql.get_sql("create-tables"))
    await session.execute_many(job.sql.get_sql("insert-airline"), job.data.airlines)
    await session.execute_many(job.sql.get_sql("insert-airport"), job.data.airports)
    await session.execute_many(job.sql.get_sql("insert-plane"), job.data.planes)
    await session.execute_many(job.sql.get_sql("insert-weather"), job.data.weather)
    counts = await session.select_one(
        """select (select count(*) from airlines) as airlines, (select count(*) from airports) as airports,
                  (select count(*) from planes) as planes, (select count(*) from weather) as weather"""
    )
    return Answer(sum(counts.values()), counts, "airlines, airports, planes, weather")


async def load_flights(config: AsyncConfig[Any], session: AsyncSession, job: Job) -> Answer:
    """Load all flights in one transaction. The batch is read lazily, so the rows may come from a generator."""
    async with session.transaction():
        await session.execute_many(job.sql.get_sql("insert-flight"), job.watch(job.data.flights))
    count = await session.select_value("select count(*) from flights")
    return Answer(count, count, "one batch in one transaction")


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
