# The synchronous twin is generated from this file by tools/unasync.py.
"""A load that puts bad rows aside: it goes in blocks, and a block that the server refuses is sifted.

Imports pyarrow, so it is imported by the first load that puts rows aside.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa

from sqlspec.driver._aio import blocking, closing
from sqlspec.driver._async_sifting import AsyncSieve, AsyncTrial, Range, Refusal, divide, sift
from sqlspec.driver._blame import line_of, suspect
from sqlspec.driver._sifting import Block, Fault, Held, faults, misfits, runs
from sqlspec.exceptions import (
    DataError,
    ExclusionViolationError,
    ForeignKeyViolationError,
    UniqueViolationError,
    error_class,
)
from sqlspec.postgres.arrow._wire import Encoder, WireError
from sqlspec.postgres.arrow.merging import Merged
from sqlspec.postgres.arrow.plan import FAULTS_QUERY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._loading import Load
    from sqlspec.driver._sifting import Given, Rejects
    from sqlspec.exceptions import ErrorInfo
    from sqlspec.postgres.arrow.merging import MergeSQL

__all__ = ("faults_of", "merge_sifted", "store_sifted")

OF_SEVERAL_ROWS = (ExclusionViolationError, ForeignKeyViolationError, UniqueViolationError)
"""Errors that no value has by itself."""

BAD_KEY = ("several rows of the source have its key", "its key is NULL")

LEAST, MOST = 8 << 10, 8 << 20
"""Bytes of a block."""

EXPECTED = 32 << 20
"""Bytes that are taken to be without a bad row before one was met."""

COST = 128 << 10
"""Bytes that could be sent in the time that a block takes for itself."""

PIECES = 4
"""Pieces of a block, or more: the next one is made ready while the server is busy with the last."""


class Sent(NamedTuple):
    """What was sent.

    Attributes:
        stored: Rows that the server has stored for it.
        rows: Its rows.
        nbytes: Its bytes.
    """

    stored: int
    rows: int
    nbytes: int


class Packed(NamedTuple):
    """Rows as they are sent.

    Attributes:
        rows: How many.
        nbytes: Their bytes.
        piece: For a COPY: part of its stream.
        arrays: For an INSERT: its parameters.
    """

    rows: int
    nbytes: int
    piece: bytes
    arrays: list[tuple[int, bytes | None]]


async def store_sifted(driver: AsyncDriver, load: Load, rejects: Rejects) -> int:
    """Send all rows of a load that the server takes; return how many it has stored.

    Args:
        driver: The connection, in a transaction.
        load: What to send.
        rejects: Takes the other rows.

    Raises:
        DataError: There are too many of them.
    """
    return await AsyncStoring(driver, load, rejects).run()


async def merge_sifted(driver: AsyncDriver, load: Load, sql: MergeSQL, rejects: Rejects) -> Merged:
    """Change the target by the rows in the temporary table that it takes.

    Args:
        driver: The connection, in a transaction.
        load: What has sent the rows.
        sql: The statements.
        rejects: Takes the other rows.

    Raises:
        DataError: There are too many of them.
    """
    found = await driver.fetch_text(sql.find_bad_keys)
    for number, is_null in found:
        rejects.add_kept(int(number or 0), Fault(sql.key_column, None, BAD_KEY[is_null == "true"]))
    if found:
        await driver.execute_script(sql.discard(int(number or 0) for number, _ in found))
    trial = AsyncTrial(driver)
    total = load.rows + rejects.count
    merging = AsyncMerging(driver, trial, load, sql, rejects)
    done = await sift(trial, merging, [Range(0, total)])
    while waiting := await merging.wait():
        done += await sift(trial, merging, [Range(0, total)])
        if len(merging.waiting) == waiting:
            break
    merging.give_up()
    await trial.end()
    return Merged.of(done)


class AsyncSource:
    """Rows of a load's source, packed, but for those that cannot be sent.

    Attributes:
        nbytes: Bytes of all that were packed so far.
    """

    def __init__(self, load: Load, rejects: Rejects) -> None:
        self.nbytes = 0
        self._load = load
        self._rejects = rejects
        self._taken = 0
        self._converted: deque[Held] = deque()
        self._ready: deque[tuple[Held, Packed]] = deque()

    def block(self, more: int = 0) -> int:
        """Return the bytes for a block.

        A block costs something by itself, and each bad row costs a part of a block that was sent in vain. Both together
        are the least for the geometric mean of what a block costs and of the distance between bad rows.

        Args:
            more: Bad rows that will be put aside now.
        """
        rejected = self._rejects.count + self._rejects.waiting + more
        distance = self.nbytes // rejected if rejected else max(self.nbytes, EXPECTED)
        return max(LEAST, min(isqrt(COST * distance), MOST))

    async def ready(self) -> bool:
        """Make rows ready, and tell whether there are any."""
        load = self._load
        while not self._ready:
            if self._converted:
                self._pack(self._cut(self._converted.popleft()))
                continue
            batch = await blocking(load.take) if load.source.blocks else load.take()
            if batch is None:
                return False
            self._prepare(self._taken, batch)
            self._taken += batch.num_rows
        return True

    def take(self) -> tuple[Held, Packed]:
        """Return rows that are ready."""
        return self._ready.popleft()

    def _prepare(self, number: int, batch: pa.RecordBatch) -> None:
        """Convert rows; put those aside that do not fit."""
        history = self._load.source.history
        given: Given = batch if history is None else history.take(batch.num_rows)
        if self._load.merge is not None:
            self._rejects.keep(number, given)
        if history is not None and history.refused:
            refused = {place: history.refused.pop(number + place, None) for place in range(batch.num_rows)}
            bad = {place: Fault(each.column, None, each.reason) for place, each in refused.items() if each is not None}
            for start, stop in self._put_aside(number, given, bad):
                self._convert(number + start, given[start:stop], batch.slice(start, stop - start))
        else:
            self._convert(number, given, batch)

    def _convert(self, number: int, given: Given, batch: pa.RecordBatch) -> None:
        plan = self._load.plan
        try:
            self._converted.append(Held(number, given, plan.convert(batch, number)))
        except DataError:
            bad = misfits(plan, batch)
            if not bad:
                raise
            for start, stop in self._put_aside(number, given, bad):
                converted = plan.convert(batch.slice(start, stop - start), number + start)
                self._converted.append(Held(number + start, given[start:stop], converted))

    def _cut(self, held: Held) -> Held:
        """Take rows for a piece of a block, and leave the others."""
        rows = held.converted.num_rows
        count = max(1, rows * self.block() // (PIECES * max(1, held.converted.nbytes)))
        if count < rows:
            self._converted.appendleft(held.part(count, rows))
            return held.part(0, count)
        return held

    def _pack(self, held: Held) -> None:
        """Write rows as they are sent; put those aside that cannot be written."""
        number, source, converted = held
        try:
            self._add(held)
        except DataError as error:
            if unwritable(error) is None:
                raise
            bad = faults(converted.num_rows, partial(self._misfit, converted))
            for start, stop in self._put_aside(number, source, bad):
                self._add(held.part(start, stop))

    def _add(self, held: Held) -> None:
        piece = packed(self._load, held.converted)
        self._ready.append((held, piece))
        self.nbytes += piece.nbytes

    def _misfit(self, converted: pa.RecordBatch, start: int, stop: int) -> tuple[int, Fault] | None:
        try:
            packed(self._load, converted.slice(start, stop - start))
        except DataError as error:
            found = unwritable(error)
            if found is None:
                raise
            return found
        return None

    def _put_aside(self, number: int, given: Given, bad: dict[int, Fault]) -> Iterator[tuple[int, int]]:
        """Put rows aside; return the ranges of the others."""
        for index in sorted(bad):
            self._rejects.add(number + index, given, index, bad[index])
        return runs(0, len(given), bad)


def packed(load: Load, batch: pa.RecordBatch) -> Packed:
    """Write converted rows as they are sent.

    Raises:
        DataError: A value cannot be written.
    """
    if load.plan.technique == "copy":
        piece = load.encode(batch)
        return Packed(batch.num_rows, len(piece), piece, [])
    arrays = load.arrays(batch)
    return Packed(batch.num_rows, sum(len(value) for _, value in arrays if value is not None), b"", arrays)


def unwritable(error: DataError) -> tuple[int, Fault] | None:
    """Return the value that could not be written: the index of its row, and why."""
    cause = error.__cause__
    if not isinstance(cause, WireError) or cause.row < 0:
        return None
    return cause.row, Fault(error.column, None, cause.reason)


class AsyncStoring(AsyncSieve[Sent]):
    """Rows on their way into the table: those of one block at a time, kept until they are stored."""

    def __init__(self, driver: AsyncDriver, load: Load, rejects: Rejects) -> None:
        self._driver = driver
        self._load = load
        self._rejects = rejects
        self._source = AsyncSource(load, rejects)
        self._trial = AsyncTrial(driver)
        self._block = Block()
        self._diagnosed = False
        self._stored = 0
        # Rows that refer to others of the same table, which may still come.
        self._waiting: list[tuple[Held, Fault]] = []
        self._references: frozenset[str | None] | None = None

    @property
    def rejected(self) -> int:
        return self._rejects.count + self._rejects.waiting

    @property
    def part(self) -> int:
        return max(1, self._source.block(1) * self._block.rows // max(1, self._block.nbytes))

    async def run(self) -> int:
        """Store what can be; return the number of rows that the server has stored."""
        while await self._source.ready():
            self._block, self._diagnosed = Block(), False
            outcome = await self._trial.run(self._fill)
            if isinstance(outcome, Refusal):
                self._count(await sift(self._trial, self, await divide(self, 0, self._block.rows, outcome)))
            else:
                self._count([outcome])
        while self._waiting and await self._try_again():
            pass
        for held, fault in self._waiting:
            self._rejects.add(held.number, held.source, 0, fault)
        await self._trial.end()
        return self._stored

    async def _try_again(self) -> bool:
        """Store rows that wait for others; tell whether it is worth while to do it once more."""
        waiting, self._waiting = self._waiting, []
        self._rejects.waiting = 0
        self._block, self._diagnosed = Block(), True
        for held, _ in reversed(waiting):
            self._block.hold(held, 0)
        rows = Range(0, len(waiting))
        # In one statement they all see each other: who still misses one will miss it for ever.
        while isinstance(outcome := await self._trial.run(self.attempt, *rows[:2]), Refusal):
            place = self.place(*rows[:2], outcome.info) if is_foreign_key(outcome.info) else None
            if place is None:
                self._count(await sift(self._trial, self, await divide(self, *rows[:2], outcome)))
                return len(self._waiting) < len(waiting)
            self._bury(place, waiting[-1 - place][1])
        self._count([outcome])
        return False

    def _count(self, done: list[Sent]) -> None:
        for sent in done:
            self._stored += sent.stored
            self._load.sent(sent.rows, sent.nbytes)

    # -- sending ----------------------------------------------------------------------------------

    async def _fill(self) -> Sent:
        """Take rows that were not sent yet, as many as a block has, and send them."""
        async with closing(self._fresh()) as batches:
            return await self._send(batches)

    async def attempt(self, start: int, stop: int) -> Sent:
        """Send rows once more."""
        async with closing(self._again(start, stop)) as batches:
            return await self._send(batches)

    def hold_back(self, position: int) -> None:
        """Leave a row out."""
        self._block.dead.add(position)

    async def attempt_alone(self, position: int) -> Sent:
        """Send a row that was left out."""
        self._block.dead.remove(position)
        try:
            return await self.attempt(position, position + 1)
        finally:
            self._block.dead.add(position)

    async def _fresh(self) -> AsyncIterator[Packed]:
        source = self._source
        left = source.block()
        while await source.ready() and left > 0:
            held, piece = source.take()
            self._block.hold(held, piece.nbytes)
            left -= piece.nbytes
            yield piece

    async def _again(self, start: int, stop: int) -> AsyncIterator[Packed]:
        batches = [batch for _, batch in self._block.batches(start, stop)]
        if self._load.plan.technique == "unnest" and batches:
            batches = [pa.concat_batches(batches)]  # one statement, so that rows may refer to each other
        for batch in batches:
            yield packed(self._load, batch)

    async def _send(self, batches: AsyncIterator[Packed]) -> Sent:
        load, driver = self._load, self._driver
        stored = rows = nbytes = 0

        async def stream() -> AsyncIterator[bytes]:
            nonlocal rows, nbytes
            yield Encoder.header()
            async for each in batches:
                yield each.piece
                rows += each.rows
                nbytes += each.nbytes
            yield Encoder.trailer()

        if load.plan.technique == "copy":
            async with closing(stream()) as pieces:
                return Sent(await driver.copy_in(load.copy_target, pieces), rows, nbytes)
        async for each in batches:
            stored += await driver.execute_binary(load.plan.insert_sql, each.arrays)
            rows += each.rows
            nbytes += each.nbytes
        return Sent(stored, rows, nbytes)

    # -- what the server has refused --------------------------------------------------------------

    def reject(self, position: int, info: ErrorInfo) -> None:
        """Put a row aside that the server refuses, or let it wait."""
        if self._may_wait(info):
            self._wait(position, info)
        else:
            self._bury(position, self._fault(info))

    def _fault(self, info: ErrorInfo) -> Fault:
        column = info.column or line_of(info, self._load.copy_target.table, self._load.plan.names)[1]
        return Fault(column, info.sqlstate, info.message)

    def _may_wait(self, info: ErrorInfo) -> bool:
        """Tell whether a row is refused for another of the same table, which may still come."""
        return is_foreign_key(info) and info.constraint in (self._references or ())

    def _wait(self, position: int, info: ErrorInfo) -> None:
        self._block.dead.add(position)
        index, held = self._block.find(position)
        self._waiting.append((held.row(index), self._fault(info)))
        self._rejects.waiting = len(self._waiting)

    def _bury(self, position: int, fault: Fault) -> None:
        self._block.dead.add(position)
        index, held = self._block.find(position)
        self._rejects.add(held.number + index, held.source, index, fault)

    def place(self, start: int, stop: int, info: ErrorInfo) -> int | None:
        """Return the row that an error seems to be about."""
        line, _ = line_of(info, self._load.copy_target.table)
        if line is not None:
            return self._block.alive(start, stop, line)
        columns = [column.name for column in self._load.target.columns]
        return suspect(info, columns, self._block.batches(start, stop))

    async def diagnose(self, start: int, stop: int, info: ErrorInfo) -> bool:
        """Let the server read all values of the block by themselves that it has to parse; let rows wait for others."""
        if is_foreign_key(info) and self._references is None:
            self._references = await references_of(self._driver, self._load)
        if self._may_wait(info) and stop - start <= self.part:
            # It is tried again anyway, so it may be taken at its word.
            place = self.place(start, stop, info)
            if place is not None:
                self._wait(place, info)
                return True
        if self._diagnosed or error_class(info.sqlstate) in OF_SEVERAL_ROWS:
            return False
        self._diagnosed = True
        found: dict[int, Fault] = {}
        for first, batch in self._block.batches(0, self._block.rows):
            for column, probe in self._load.plan.probes(batch, batch.num_rows):
                outcome = await self._trial.run(faults_of, self._driver, probe)
                if not isinstance(outcome, Refusal):
                    for index, sqlstate, reason in outcome:
                        found.setdefault(first + index, Fault(column, sqlstate, reason))
        for position in sorted(found):
            self._bury(position, found[position])
        return bool(found)


class AsyncMerging(AsyncSieve["Sequence[str | None]"]):
    """Rows in a temporary table on their way into another, each known by its number in the source.

    Attributes:
        waiting: Rows that refer to others of the same table, or are referred to, which may still come or go.
    """

    def __init__(self, driver: AsyncDriver, trial: AsyncTrial, load: Load, sql: MergeSQL, rejects: Rejects) -> None:
        self._driver = driver
        self._trial = trial
        self._load = load
        self._sql = sql
        self._rejects = rejects
        self._indexed = False
        self._references: frozenset[str | None] | None = None
        self.waiting: dict[int, Fault] = {}

    @property
    def rejected(self) -> int:
        return self._rejects.count + len(self.waiting)

    async def wait(self) -> int:
        """Leave only the rows in the temporary table that wait, to be tried once more; return how many there are."""
        waiting, self.waiting = self.waiting, {}
        if waiting:
            # Not where a rollback to the last savepoint would undo it.
            await self._trial.run(self._driver.execute_script, self._sql.discard_others(waiting))
        return len(waiting)

    def give_up(self) -> None:
        """Put the rows aside that wait in vain."""
        for number, fault in self.waiting.items():
            self._rejects.add_kept(number, fault)

    async def attempt(self, start: int, stop: int) -> Sequence[str | None]:
        """Change the target by the rows of a range; return the counts."""
        (counts,) = await self._driver.fetch_text(self._sql.apply(start, stop))
        return counts

    def reject(self, position: int, info: ErrorInfo) -> None:
        """Put a row aside that the target refuses, or let it wait."""
        fault = Fault(info.column, info.sqlstate, info.message)
        if is_foreign_key(info) and info.constraint in (self._references or ()):
            self.waiting[position] = fault
        else:
            self._rejects.add_kept(position, fault)

    async def diagnose(self, start: int, stop: int, info: ErrorInfo) -> bool:
        """See to it that a range can be found without reading all rows; learn which rows may wait for others."""
        if is_foreign_key(info) and self._references is None:
            self._references = await references_of(self._driver, self._load)
        if not self._indexed:
            self._indexed = True
            # Not where a rollback to the last savepoint would undo it.
            await self._trial.run(self._driver.execute_script, self._sql.index)
        return False


def is_foreign_key(info: ErrorInfo) -> bool:
    """Tell whether a row is refused for one that is not there."""
    return error_class(info.sqlstate) is ForeignKeyViolationError


async def references_of(driver: AsyncDriver, load: Load) -> frozenset[str | None]:
    """Return the foreign keys of a table to itself; `None` is for a driver that does not tell which one it was."""
    names = await driver.fetch_text(load.references_query)
    return frozenset(name for (name,) in names) | ({None} if names else set())


async def faults_of(driver: AsyncDriver, probe: str) -> list[tuple[int, str, str]]:
    """Return what a probe of `LoadPlan.probes` has found: the index, SQLSTATE and message of refused values."""
    await driver.execute_script(probe)
    ((found,),) = await driver.fetch_text(FAULTS_QUERY)
    return msgspec.json.decode(found or "[]", type=list[tuple[int, str, str]])
