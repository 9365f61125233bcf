"""Calls of every kind, each with what it must give and what it must store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ("CALLS", "ROWS", "Call")

ROWS = 100
NUMBERS = "select n, repeat('x', 40) as t from generate_series(1, $1::int) n"


@dataclass(frozen=True)
class Call:
    """One call of a session.

    Attributes:
        run: The call; returns numbers.
        gives: Sum of the numbers that it returns.
        stores: Number of rows that it adds to the table `t (n int)`.
    """

    run: Callable[[Any], Awaitable[list[int]]]
    gives: int = 0
    stores: int = 0


async def _stream(session: Any) -> list[int]:
    async with session.select_stream(NUMBERS, ROWS, chunk_size=30) as stream:
        return [row["n"] async for row in stream]


async def _arrow(session: Any) -> list[int]:
    result = await session.select_to_arrow(NUMBERS, ROWS)
    numbers: list[int] = result.get_data().column("n").to_pylist()
    return numbers


async def _many(session: Any) -> list[int]:
    await session.execute_many("insert into t values ($1)", list(range(ROWS)))
    return []


async def _script(session: Any) -> list[int]:
    await session.execute_script("insert into t select generate_series(1, 7); insert into t values (8); select 1")
    return []


async def _stack(session: Any) -> list[int]:
    results = await session.execute_stack(["insert into t values (1)", (NUMBERS, (ROWS,)), "insert into t values (2)"])
    return [row["n"] for row in results[1].all()]


async def _transaction(session: Any) -> list[int]:
    async with session.transaction():
        await session.execute("insert into t values (1)")
        rows = await session.select(NUMBERS, ROWS)
        async with session.savepoint():
            await session.execute("insert into t values ($1)", 2)
    return [row["n"] for row in rows]


async def _load(session: Any) -> list[int]:
    await session.load_from_arrow("t", pa.table({"n": pa.array(range(ROWS), pa.int32())}))
    return []


async def _insert(session: Any) -> list[int]:
    result = await session.execute("insert into t select generate_series(1, $1::int) returning n", ROWS)
    return [row["n"] for row in result.all()]


async def _select(session: Any) -> list[int]:
    return [row["n"] for row in await session.select(NUMBERS, ROWS)]


_SUM = ROWS * (ROWS + 1) // 2

CALLS: dict[str, Call] = {
    "select": Call(_select, _SUM),
    "stream": Call(_stream, _SUM),
    "arrow": Call(_arrow, _SUM),
    "insert": Call(_insert, _SUM, ROWS),
    "execute_many": Call(_many, 0, ROWS),
    "script": Call(_script, 0, 8),
    "stack": Call(_stack, _SUM, 2),
    "transaction": Call(_transaction, _SUM, 2),
    "load from arrow": Call(_load, 0, ROWS),
}
