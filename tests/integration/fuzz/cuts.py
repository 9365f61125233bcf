"""Calls that are stopped at a random moment: what comes back is what was asked for, and a write is whole or not there.

A call is stopped by its limit, by a request from beside, or with the task that waits for it; each as early or as late
as it happens. The next call on the same connection must get its own answer and nothing of what was stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from sqlspec.exceptions import (
    CommitUnknownError,
    DatabaseConnectionError,
    OperationCancelledError,
    QueryTimeoutError,
    SQLSpecError,
)
from tests.integration.fuzz.worker import Worker

__all__ = ("cut",)

Row = tuple[int, Decimal, str]
Operation = Callable[[Worker, list[Row], float | None], Awaitable[None]]

PAUSES = (0.0, 0.0005, 0.001, 0.003)
"""Seconds that the server is to be busy."""
LIMITS = (0.0005, 0.001, 0.002, 0.004)
INSERT = "insert into fuzz (owner, id, v, note) values ($1, $2, $3, $4)"


# -- what is stopped: reads compare what they get, writes are given the rows to store ------------------------


async def value(w: Worker, _: list[Row], limit: float | None) -> None:
    nonce = w.nonce
    sql = "select $1::int8 from pg_sleep($2)"
    w.equal(await w.session.select_value(sql, nonce, w.random.choice(PAUSES), timeout=limit), nonce)


async def rows(w: Worker, _: list[Row], limit: float | None) -> None:
    nonce = w.nonce
    sql = "select $1::int8 + n as n, repeat('x', 300) as filler from generate_series(1, $2::int) n"
    found = await w.session.select(sql, nonce, w.random.choice((10, 2000)), timeout=limit)
    w.equal([row["n"] for row in found], list(range(nonce + 1, nonce + len(found) + 1)))


async def streamed(w: Worker, _: list[Row], limit: float | None) -> None:
    nonce, at = w.nonce, 0
    sql = "select $1::int8 + n as n from generate_series(1, 300) n"
    async with w.session.select_stream(sql, nonce, chunk_size=50, timeout=limit) as found:
        async for row in found:
            at += 1
            w.equal(row["n"], nonce + at)


async def as_arrow(w: Worker, _: list[Row], limit: float | None) -> None:
    nonce = w.nonce
    sql = "select $1::int8 + n as n from generate_series(1, 300) n"
    found = await w.session.select_to_arrow(sql, nonce, timeout=limit)
    w.equal(found.get_data()["n"].to_pylist(), list(range(nonce + 1, nonce + 301)))


async def stacked(w: Worker, _: list[Row], limit: float | None) -> None:
    nonce = w.nonce
    stack = [
        ("select $1::int8 as a", (nonce,)),
        "select 1 from pg_sleep(0.001)",
        ("select $1::int8 as b", (nonce + 1,)),
    ]
    found = await w.session.execute_stack(stack, timeout=limit)
    w.equal([found[0].scalar(), found[2].scalar()], [nonce, nonce + 1])


async def failing(w: Worker, _: list[Row], limit: float | None) -> None:
    """An error of its own at about the time it is stopped."""
    try:
        await w.session.select("select 1 / (n - 200) from generate_series(1, 300) n, pg_sleep(0.001)", timeout=limit)
    except (QueryTimeoutError, OperationCancelledError, DatabaseConnectionError):
        raise
    except SQLSpecError:
        w.report.errors += 1


async def one_by_one(w: Worker, stored: list[Row], limit: float | None) -> None:
    async with w.session.transaction():
        for row in stored:
            await w.session.execute(INSERT, w.owner, *row, timeout=limit)


async def at_once(w: Worker, stored: list[Row], limit: float | None) -> None:
    await w.session.execute_many(INSERT, [(w.owner, *row) for row in stored], timeout=limit)


async def as_script(w: Worker, stored: list[Row], limit: float | None) -> None:
    texts = (f"insert into fuzz (owner, id, v, note) values ({w.owner}, {n}, {v}, '{note}')" for n, v, note in stored)
    await w.session.execute_script("; ".join(texts), timeout=limit)


async def loaded(w: Worker, stored: list[Row], limit: float | None) -> None:
    names = ("owner", "id", "v", "note")
    records = [dict(zip(names, (w.owner, *row), strict=True)) for row in stored]
    await w.session.load_from_records("fuzz", records, timeout=limit)


READS: tuple[Operation, ...] = (value, value, rows, streamed, as_arrow, stacked, failing)
WRITES: tuple[Operation, ...] = (one_by_one, at_once, as_script, loaded)


# -- how ----------------------------------------------------------------------------------------------------


async def cut(w: Worker) -> None:
    """Make a call, stop it, and look at what is left."""
    writes = not w.depth and w.chance(0.3)
    operation = w.random.choice(WRITES if writes else READS)
    stored = [w.new_row() for _ in range(w.random.choice((1, 5, 30)))] if writes else []
    try:
        await _stopped(w, operation, stored)
    except (QueryTimeoutError, OperationCancelledError, asyncio.CancelledError):
        w.report.stopped += 1
    except (CommitUnknownError, DatabaseConnectionError):
        w.report.stopped += 1
        w.lost = True
    if w.depth:
        await w.probe()
        return
    try:
        nonce = w.nonce
        w.equal(await w.session.select_value("select $1::int8", nonce), nonce)
        await _look_for(w, stored, w.session)
    except DatabaseConnectionError:  # usable or closed, never anything between
        w.lost = True
        w.left.append(lambda session: _look_for(w, stored, session))


async def _stopped(w: Worker, operation: Operation, stored: list[Row]) -> None:
    ways = ["limit"]
    if w.spec.capabilities.cancel and not w.depth:
        ways.append("request")
        if hasattr(type(w.session), "execute"):  # nothing cancels a thread
            ways += ["task", "task"]
    way = w.random.choice(ways)
    if way == "limit":
        await operation(w, stored, w.random.choice(LIMITS))
        return
    task = asyncio.ensure_future(operation(w, stored, None))
    await asyncio.sleep(w.random.choice((0, 0, 0.0005, 0.001, 0.002, 0.004)))
    if way == "task":
        task.cancel()
    else:
        await w.session.cancel()
    await task


async def _look_for(w: Worker, stored: list[Row], session: Any) -> None:
    """Find the rows of a write that was stopped: all of them are there, or none."""
    if not stored:
        return
    sql = "select id, v, note from fuzz where owner = $1 and id = any($2) order by id"
    found = await session.select(sql, w.owner, [number for number, _, _ in stored], schema_type=tuple)
    if found:
        w.equal(found, stored)
        w.rows.update({number: (v, note) for number, v, note in stored})
