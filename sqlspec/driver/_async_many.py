# The synchronous twin is generated from this file by tools/unasync.py.
"""One statement for many rows, in the quickest way that has the effect of running it row by row."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.core.plan import Compiler
from sqlspec.core.result import RawResult
from sqlspec.driver._aio import closing
from sqlspec.driver._async_learning import with_types
from sqlspec.driver._many import may_be_outdated, row_of, set_row, tells_of_row
from sqlspec.driver._types import OWN_SAVEPOINT, CopyTarget
from sqlspec.exceptions import CONDITIONS, DataError, SQLSpecError
from sqlspec.postgres._fields import fill
from sqlspec.postgres.inserts import COPY_HEADER, COPY_TRAILER, TARGET_QUERY, parse_insert, writers
from sqlspec.postgres.sql import release, rollback_to, savepoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from sqlspec.core._inserts import PlainInsert
    from sqlspec.core.plan import Plan
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.postgres.codec import CodecRegistry
    from sqlspec.postgres.inserts import InsertTarget, Writer, Writers

__all__ = ("execute_many",)

CHUNK, BULK_CHUNK = 1000, 10_000
"""Rows of a batch that are kept until the server has taken them, so that the one that it refuses can be looked for; the
same where they are stored all at once, but for a block."""

CHUNK_BYTES = 4 << 20
"""About how many bytes these may have."""

BLOCK, BLOCK_BYTES = 2000, 1 << 20
"""Rows that are written at a time, and about how many bytes these may have. More rows are faster stored by COPY, which
first makes the table larger by several pages."""

_SAVEPOINT = "sqlspec_rows"
_TARGET = Compiler().plan(TARGET_QUERY)


async def execute_many(driver: AsyncDriver, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
    """Run one statement for each row of values, in the caller's transaction and behind its `OWN_SAVEPOINT`.

    An error of the server that tells of a row gets a note which one it was.
    """
    return await _AsyncBatch(driver, plan, rows).run()


class _Store(NamedTuple):
    """How rows are stored all at once.

    Attributes:
        target: Where.
        writers: For its columns.
        learnt: As `CodecRegistry.stamp` gives it.
    """

    target: InsertTarget
    writers: Writers
    learnt: int | None


class _AsyncBatch:
    """A batch under way.

    Rows that are held can be stored once more: the state before them is that of a savepoint.
    """

    __slots__ = (
        "_count",
        "_done",
        "_driver",
        "_failures",
        "_first",
        "_found",
        "_held",
        "_last",
        "_left",
        "_plan",
        "_spare",
        "_undo",
    )

    def __init__(self, driver: AsyncDriver, plan: Plan, rows: Iterable[Sequence[Any]]) -> None:
        self._driver = driver
        self._failures: tuple[type[BaseException], ...] = (SQLSpecError, *driver.native_errors)
        self._plan = plan
        self._left = iter(rows)
        self._held: list[Sequence[Any]] = []
        self._spare: list[Sequence[Any]] = []  # taken, for the next ones to be held
        self._first = 0  # number of the first of them
        self._done = 0  # how many of them are stored
        self._undo = OWN_SAVEPOINT
        self._found: list[Any] = []
        self._last = RawResult((), (), "tuple", None)
        self._count: int | None = 0

    async def run(self) -> RawResult:
        """Store all."""
        insert, few = self._plan.insert, self._driver.bulk_from
        if insert is None or not few or self._fill(0, few, CHUNK_BYTES) < few or not await self._in_bulk(insert):
            await self._in_turn()
        return self._result()

    def _result(self) -> RawResult:
        return self._last._replace(rows=self._found, rows_affected=self._count)

    def _add(self, raw: RawResult) -> None:
        self._last = raw
        self._found += raw.rows
        self._add_count(raw.rows_affected)

    def _add_count(self, count: int | None) -> None:
        self._count = None if self._count is None or count is None else self._count + count

    # -- rows -------------------------------------------------------------------------------------

    def _fill(self, start: int, count: int, size: int) -> int:
        """Hold so many rows, or bytes, behind a row that is held; return where they end."""
        return fill(self._held, self._left, start, count, size)

    async def _next(self) -> bool:
        """Let go of the rows that are held, which are stored, and take the next one; tell whether there is one."""
        following = self._spare or list(islice(self._left, 1))
        if not following:
            return False
        again = f"{release(_SAVEPOINT)};\n" if self._undo == _SAVEPOINT else ""
        await self._driver.execute_script(again + savepoint(_SAVEPOINT))
        self._undo = _SAVEPOINT
        self._first += len(self._held)
        self._held, self._spare, self._done = following, [], 0
        return True

    # -- in turn ----------------------------------------------------------------------------------

    async def _in_turn(self) -> None:
        """Run the statement for each row that is left."""
        done = self._done
        if self._driver.numbers_rows:
            await self._checked(self._first + done, self._run, chain(self._held[done:], self._left))
            return
        while True:
            self._fill(self._done, CHUNK, CHUNK_BYTES)
            await self._checked(self._first + self._done, self._run_held)
            if not await self._next():
                return

    async def _run_held(self, end: int | None = None) -> None:
        """Run the statement for what is held and not stored, up to a row.

        The columns may have changed since it was prepared; or a new rule forbids what an adapter adds to count rows,
        such as RETURNING.
        """
        driver = self._driver
        try:
            await self._run(self._held[self._done : end])
        except driver.native_errors as error:
            if driver.error_info(error).sqlstate != CONDITIONS["feature_not_supported"]:
                raise
        else:
            return
        await driver.execute_script(rollback_to(self._undo))
        driver.forget(self._plan)
        if self._done:  # the first row of all, which is undone as well
            self._found, self._count, self._done = [], 0, 0
        await self._run(self._held[:end])

    async def _run(self, rows: Iterable[Sequence[Any]]) -> None:
        self._add(await self._driver.execute_many(self._plan, rows))

    # -- all at once ------------------------------------------------------------------------------

    async def _in_bulk(self, insert: PlainInsert) -> bool:
        """Store all, if that is the same; else at most the first row. Tell which."""
        driver = self._driver
        if await self._as_before(insert):
            return True
        await self._checked(0, self._run_held, 1)  # as ever; by that, the table is locked
        self._done = 1
        target = await self._target(insert)
        if target is None:
            return False
        await driver.learn_types(target.oids)
        store = await with_types(driver.learn_types, _store_of, target, driver.derived.codecs)
        if store is None:
            return False
        driver.derived.keep_insert(self._plan.sql, store)
        while True:
            await self._checked(self._first, self._store_held, insert, store)
            if not await self._next():
                return True

    async def _as_before(self, insert: PlainInsert) -> bool:
        """Store all as an earlier batch, and then see whether that was right: now nothing can change any more.

        Saves the first row's round trip. Whatever is wrong is undone, and will be found out in the usual way.
        """
        driver = self._driver
        store: _Store | None = driver.derived.inserts.get(self._plan.sql)
        if store is None or store.learnt not in (None, driver.derived.codecs.generation):
            return False
        try:
            if self._is_more_than_a_block():
                return False
            ((sql, parameters, rows),) = self._arrays(insert, store)
            count, raw = await driver.execute_binary_then(sql, parameters, rows, _TARGET, self._whereabouts(insert))
            self._add_count(count)
            if parse_insert(raw.rows) == store.target:
                return True
        except self._failures as error:
            ours = isinstance(error, SQLSpecError)
            if not (isinstance(error, DataError) if ours else may_be_outdated(driver.error_info(error))):
                raise
        driver.derived.inserts.pop(self._plan.sql, None)
        await driver.execute_script(rollback_to(self._undo))
        self._count = 0
        return False

    async def _target(self, insert: PlainInsert) -> InsertTarget | None:
        return parse_insert((await self._driver.execute(_TARGET, self._whereabouts(insert))).rows)

    def _whereabouts(self, insert: PlainInsert) -> tuple[Any, ...]:
        """Return the parameters of the query for the target."""
        return insert.table, None if insert.columns is None else list(insert.columns), self._plan.arity

    async def _store_held(self, insert: PlainInsert, store: _Store) -> None:
        if store.target.steady and self._driver.spec.capabilities.copy_in and self._is_more_than_a_block():
            await self._copy(store)
        else:
            await self._unnest(insert, store)

    def _is_more_than_a_block(self) -> bool:
        end = self._fill(self._done, BLOCK, BLOCK_BYTES)
        return self._fill(end, 1, 1) > end

    async def _copy(self, store: _Store) -> None:
        target = store.target
        proven = CopyTarget(target.schema, target.table, target.columns, proven=True)
        async with closing(self._stream(store)) as stream:
            self._add_count(await self._driver.copy_in(proven, stream))

    async def _stream(self, store: _Store) -> AsyncIterator[bytes]:
        yield COPY_HEADER
        for pieces, _ in self._blocks(store, store.writers.copy):
            for piece in pieces:
                yield piece
        yield COPY_TRAILER

    async def _unnest(self, insert: PlainInsert, store: _Store) -> None:
        for sql, parameters, rows in self._arrays(insert, store):
            self._add_count(await self._driver.execute_binary(sql, parameters, rows=rows))

    def _arrays(self, insert: PlainInsert, store: _Store) -> Iterator[tuple[str, list[tuple[int, bytes | None]], int]]:
        """Yield blocks as they are sent: a statement, a parameter for each column, and the number of rows."""
        sql, oids = store.target.insert_sql(insert.table), store.target.array_oids
        for arrays, rows in self._blocks(store, store.writers.arrays):
            yield sql, list(zip(oids, arrays, strict=True)), rows

    def _blocks(self, store: _Store, write: Writer) -> Iterator[tuple[list[bytes], int]]:
        """Yield what is left of a chunk of rows as it is sent, with the number of rows; take further ones meanwhile."""
        held, at, size = self._held, self._done, 0
        while size < CHUNK_BYTES and at < BULK_CHUNK and (end := self._fill(at, BLOCK, BLOCK_BYTES)) > at:
            written = self._written(store, write, held[at:end], at)
            yield written, end - at
            at = end
            size += sum(map(len, written))
        self._spare = held[at:]
        del held[at:]

    def _written(self, store: _Store, write: Writer, rows: list[Sequence[Any]], first: int) -> list[bytes]:
        try:
            return write(rows)
        except Exception:
            for number, row in enumerate(rows, first):
                try:
                    store.writers.encode(row)
                except DataError as error:
                    set_row(error, number)
                    raise
            raise

    # -- the row that is refused ------------------------------------------------------------------

    async def _checked(self, first: int, operation: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Store rows, the first of which has this number; a failure gets a note which one it belongs to."""
        driver = self._driver
        try:
            await operation(*args)
        except self._failures as error:
            row, ours = row_of(error), isinstance(error, SQLSpecError)
            if not (ours or tells_of_row(driver.error_info(error))):
                raise
            if row is not None:
                _add_note(error, first + row)
            if row is not None or ours:
                raise
            failure: BaseException = error
        else:
            return
        raise await self._located(failure)

    async def _located(self, failure: BaseException) -> BaseException:
        """Store what is held once more, in halves, up to the first row that is refused; return its error.

        The given one where no row is to blame: then it was all of them together, or somebody else.
        """
        driver, held = self._driver, self._held
        await driver.execute_script(f"{rollback_to(self._undo)};\n{savepoint(_SAVEPOINT)}")
        good, bad = 0, len(held)
        end = bad if driver.numbers_rows else (bad + 1) // 2
        while good < bad:
            try:
                await driver.execute_many(self._plan, held[good:end])
            except driver.native_errors as error:
                if not tells_of_row(driver.error_info(error)):
                    break
                row = 0 if end - good == 1 else row_of(error)
                if row is not None:
                    _add_note(error, self._first + good + row)
                    return error
                bad = end
                await driver.execute_script(rollback_to(_SAVEPOINT))
            else:
                good = end
                await driver.execute_script(f"{release(_SAVEPOINT)};\n{savepoint(_SAVEPOINT)}")
            end = (good + bad + 1) // 2
        return failure


def _store_of(target: InsertTarget, codecs: CodecRegistry) -> _Store | None:
    learnt = codecs.stamp(target.oids)
    made = writers(codecs, target.oids)
    return None if made is None else _Store(target, made, learnt)


def _add_note(error: BaseException, row: int) -> None:
    error.add_note(f"row {row} of the batch")
