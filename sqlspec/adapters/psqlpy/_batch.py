"""Many rows for one statement, inside the caller's transaction.

Few rows, and those that give rows, go as single statements that are sent ahead of the answers. For many, the driver's
own `execute_many` is several times faster. By itself it would commit the caller's transaction, of which it does not
know: it opens one and commits it. Only while its flag says that a transaction is open does it set a savepoint instead,
and only its own transaction object sets that flag.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._native import CustomType
from sqlspec.driver._many import set_row
from sqlspec.exceptions import DataError
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from sqlspec.adapters.psqlpy._statements import Prepared
    from sqlspec.adapters.psqlpy.driver import PsqlpyDriver

__all__ = ("AHEAD", "FEW", "Values", "answers", "encoded", "large_statement", "run_large")

Values = list[CustomType | None]

FEW = 24
"""Rows that are rather sent one by one: a large batch needs some round trips of its own."""

AHEAD = 128
"""Statements that are under way at a time."""

CHUNK = 1000
"""Rows for one call of the driver, which holds all of them in memory."""

# The driver drops what a batch returns, so the statements themselves keep count, in a setting of the transaction.
_ROWS = "sqlspec.rows"
_ADD = (
    f"pg_catalog.set_config('{_ROWS}', (pg_catalog.current_setting('{_ROWS}')::pg_catalog.int8 "
    "operator(pg_catalog.+) pg_catalog.count(*))::pg_catalog.text, true)"
)
_START = f"select pg_catalog.set_config('{_ROWS}', '0', true)"
_READ = f"select pg_catalog.current_setting('{_ROWS}')"


def encoded(prepared: Prepared, rows: Iterator[Sequence[Any]], first: int) -> Iterator[Values]:
    """Yield the rows as they are sent, lazily; `first` is the number of the first of them.

    Raises:
        DataError: A value does not fit; with the row's number (`set_row`).
    """
    bind = prepared.bind
    for number, row in enumerate(rows, first):
        try:
            values = bind(row)
        except DataError as refusal:
            set_row(refusal, number)
            raise
        yield values


async def answers(driver: PsqlpyDriver, prepared: Prepared, values: Iterator[Values]) -> AsyncIterator[Any]:
    """Run a prepared statement for each row, in their order; yield the driver's answers.

    What was sent behind a row that fails does nothing: it is in the transaction that has failed. A statement that is
    not kept is prepared for each row, and the driver would run whichever is ready first.
    """
    fetch, text, cached = driver._fetch, prepared.text, not prepared.once
    while chunk := list(itertools.islice(values, AHEAD if cached else 1)):
        for answer in await driver.run(together([fetch(text, each, cached) for each in chunk])):
            yield answer


async def together(calls: list[Any], ended: list[Any] | None = None) -> list[Any]:
    """Start all, in order; wait for all, whatever happens to one of them; raise the first error.

    Args:
        calls: What to await.
        ended: Gets what each has given or raised, when all have ended.
    """
    ended = [] if ended is None else ended
    ended += await asyncio.gather(*calls, return_exceptions=True)
    for end in ended:
        if isinstance(end, BaseException):
            raise end
    return ended


async def large_statement(driver: PsqlpyDriver, prepared: Prepared) -> str | None:
    """Return the text for a large batch that counts its rows; `None` when it has to be run in another way."""
    if prepared.reader is not None or prepared.once or driver.status() != "active":
        return None
    if not prepared.counted:
        return prepared.text
    if prepared.counting is None:
        text = enclose(prepared.body, 1, [_ADD])
        if text is None or not await driver._can_be_prepared(text):
            return None
        prepared.counting, _ = await driver._describe(text, text, len(prepared.oids))
    return prepared.counting.text


async def run_large(driver: PsqlpyDriver, prepared: Prepared, text: str, values: Iterator[Values]) -> int | None:
    """Run the statement for each row; return the number of rows that were changed, if that is counted."""
    connection: Any = driver._link.connection
    await driver.open_native_transaction()
    if prepared.counted:
        await driver.run(driver._fetch(_START, None, False))
    while chunk := list(itertools.islice(values, CHUNK)):
        if not await connection.in_transaction():
            raise AssertionError("the driver does not know of the transaction: it would commit it")
        await driver.run(connection.execute_many(text, chunk))
    if not prepared.counted:
        return None
    ((count,),) = await driver.fetch_text(_READ)
    return int(count or 0)
