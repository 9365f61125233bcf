"""One psqlpy connection behind the adapter contract. Written for psqlpy 0.13."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from asyncio import current_task
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._batch import FEW, answers, encoded, large_statement, run_large
from sqlspec.adapters.psqlpy._connect import ENGLISH_SCRIPT, in_time, open_link
from sqlspec.adapters.psqlpy._copy import copy_in, execute_binary, execute_binary_then
from sqlspec.adapters.psqlpy._cursor import Cursor
from sqlspec.adapters.psqlpy._errors import set_verb
from sqlspec.adapters.psqlpy._feed import open_feed
from sqlspec.adapters.psqlpy._listen import Subscription
from sqlspec.adapters.psqlpy._native import Error
from sqlspec.adapters.psqlpy._prepare import Preparing
from sqlspec.adapters.psqlpy._results import read_rows, read_slowly
from sqlspec.adapters.psqlpy._stack import run_stack
from sqlspec.adapters.psqlpy._statements import (
    Prepared,
    controls_transactions,
    probe_sql,
    spare_the_drivers,
    staleness_of,
    status_after,
)
from sqlspec.adapters.psqlpy._wait import Wait
from sqlspec.adapters.psqlpy.spec import SPEC
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._async_driver import AsyncCursor, AsyncRowFeed, aborted_commit
from sqlspec.driver._many import set_row
from sqlspec.driver._statements import COUNTED_VERBS, ROW_COUNT_VERBS
from sqlspec.exceptions import DataError
from sqlspec.postgres.sql import reset_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from typing import Self

    from sqlspec.adapters.psqlpy._connect import Link
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import CopyTarget, Entries, Notification
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("PsqlpyDriver",)


class PsqlpyDriver(Preparing):
    """A connection of psqlpy."""

    __slots__ = ("_lent", "_listening", "_names", "_native")

    spec = SPEC
    bulk_from = 16

    def __init__(self, link: Link, derived: Derived, cached: int) -> None:
        super().__init__(link, derived, cached)
        self._names = itertools.count(1)
        self._native: Any = None  # the driver's own object for the open transaction, where a batch needed one
        self._listening: Subscription | None = None
        self._lent = False  # the user has had the driver's own object, whose failures nobody notes

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        link = await open_link(settings)
        return cls(link, derived, settings.native.get("statement_cache_size", 256))

    @property
    def connection(self) -> Any:
        # Whoever has it may open a transaction, which nobody would notice.
        self._status = "unknown"
        self._strayed = self._lent = True
        return self._link.connection

    @property
    def backend_pid(self) -> int | None:
        return self._link.pid

    async def close(self) -> None:
        self._native = None  # it would keep the connection open
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(Error):
                await listening.close()
        await super().close()

    # -- statements -------------------------------------------------------------------------------

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        prepared = self._statements.get(plan.sql)
        if prepared is None:
            if not plan.prepared:
                return await self._command(plan)
            prepared = await self._prepare(plan)
        elif prepared.learnt is not None:
            prepared = await self._ready(plan)
        prepared.used = True
        try:
            values = prepared.bind(args) if args else []
        except DataError as refusal:
            prepared, values = await self._bind_anew(plan, prepared, args, refusal)
        caller = self._caller = current_task()
        self._before = caller.cancelling() if caller is not None else 0
        try:
            if prepared.execute is None:
                answer = await self._fetch(prepared.text, values, not prepared.once)
            else:  # not kept in a variable, where a traceback would keep it, and with it the connection
                answer = await prepared.execute()
            if self._request is not None:
                await self._let_request_pass()
        except asyncio.CancelledError:
            await self._absorb_stop()
            raise
        except BaseException as error:
            prepared, answer = await self._repeat(plan, prepared, args, await self.failed(error))
        finally:
            self._caller = None
        reader = prepared.reader
        if reader is None:
            if prepared.counted:
                return RawResult((), (), "tuple", len(answer.result(None, True)))
            if plan.verb not in COUNTED_VERBS:
                self._note_script(plan.sql)  # it may have made a table
            return RawResult((), (), "tuple", None)
        if reader.by_position:
            rows = await read_slowly(self, reader, answer)
        else:
            try:
                rows = answer.result(reader.decoders, True)
            except Exception:  # of the driver, for a date that Python cannot hold; or of a codec
                rows = await read_slowly(self, reader, answer)
        return raw_result((rows, prepared.columns, "tuple", len(rows) if plan.verb in ROW_COUNT_VERBS else None))

    async def _command(self, plan: Plan) -> RawResult:
        text = spare_the_drivers(plan.sql) if self._status == "idle" or plan.verb == "DEALLOCATE" else plan.sql
        try:
            if text is plan.sql:
                await self.run(self._fetch(text, None, False))
            else:
                await self.run(self._link.connection.execute_batch(text))
        except Error as error:
            set_verb(error, plan.verb)
            raise
        self._note_script(plan.sql)
        if plan.verb == "PREPARE":
            self._status = status_after(plan.sql, self._status)
        return RawResult((), (), "tuple", None)

    async def _repeat(
        self, plan: Plan, prepared: Prepared, args: Sequence[Any], failure: BaseException
    ) -> tuple[Prepared, Any]:
        """Run a statement again that was prepared before the schema changed; raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user. So must that of a procedure,
        which may have committed before. That the statement is a stale one is believed when the server refuses to plan
        it, or describes it otherwise now: user code may raise the same words in the middle of its work.
        """
        staleness = staleness_of(plan, prepared, self.error_info(failure))
        if not staleness:
            raise failure
        repeatable = self._status == "idle" and plan.reads_or_writes
        if repeatable and staleness == "doubtful" and not await self._has_other_types(plan, prepared):
            raise failure
        # A description has no length or precision of columns, of which the server allows no change either.
        refused = repeatable and staleness == "stale" and await self.is_refused(probe_sql(prepared))
        self._forget_stale(plan, staleness)
        if not repeatable:
            raise failure
        again = await self._prepare(plan)
        if not refused and staleness != "missing" and again.is_like(prepared):
            raise failure
        return again, await self.run(self._fetch(again.text, again.bind(args)))

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        remaining = iter(rows)
        first = next(remaining, None)
        if first is None:
            prepared = await self._ready(plan)
            return RawResult((), prepared.columns, "tuple", 0 if prepared.counted or prepared.columns else None)
        try:
            prepared, values = await self._bound(plan, first)
        except DataError as refusal:
            set_row(refusal, 0)
            raise
        queue = itertools.chain((values,), encoded(prepared, remaining, 1))
        found: list[Any] = []
        count: int | None = 0 if prepared.counted else None
        try:
            few = list(itertools.islice(queue, FEW))
            large = await large_statement(self, prepared) if len(few) == FEW else None
            queue = itertools.chain(few, queue)
            if large is not None:
                count = await run_large(self, prepared, large, queue)
            else:
                async for answer in answers(self, prepared, queue):
                    if prepared.reader is not None:
                        found.extend(await read_rows(self, prepared, answer))
                    elif count is not None:
                        count += len(answer.result(None, True))
        except DataError:
            self._forget(plan)  # the next call will ask what the types are by then
            raise
        except Error as error:
            self._forget_stale(plan, staleness_of(plan, prepared, self.error_info(error)))
            raise
        if prepared.reader is not None:
            count = len(found) if plan.verb in ROW_COUNT_VERBS else None
            return RawResult(found, prepared.columns, "tuple", count)
        return RawResult((), (), "tuple", count)

    async def run_stack(self, entries: Entries) -> list[RawResult]:
        return await run_stack(self, entries, super().run_stack)

    async def execute_script(self, text: str) -> None:
        after = status_after(text, self._status)
        if controls_transactions(text):
            self._status = "unknown"  # should it fail, or be interrupted: nobody can tell where
        try:
            await self.run(self._link.connection.execute_batch(spare_the_drivers(text)))
        finally:  # it may have failed behind a COMMIT of its own
            self._note_script(text)
        self._status = after

    async def describe(self, plan: Plan) -> Described:
        prepared = await self._ready(plan)
        return Described(prepared.oids, prepared.columns)

    def forget(self, plan: Plan) -> None:
        if self._status != "failed":
            self._forget(plan)

    async def begin(self, text: str) -> None:
        if self._brief:
            self._forget_all()
            self._brief = False
        self._status = "unknown"  # should it fail, or be interrupted: then it is asked for
        self._flawless = True
        await self.run(self._link.connection.execute_batch(text))
        self._status = "active"

    async def commit(self) -> None:
        if self._status == "failed":
            await self.rollback()
            raise aborted_commit(SPEC.name)
        # In an aborted transaction the COMMIT is not reached. After an error it is not known where that came from.
        self._status = "unknown"
        check = "" if self._flawless and not self._lent else "select 1;\n"
        if self._native is None:
            await self.run(Wait(self._link.connection.execute_batch(f"{check}commit")))
        else:
            if check:
                await self.run(Wait(self._link.connection.execute_batch(check)))
            native, self._native = self._native, None
            await self.run(Wait(native.commit()))
        self._status = "idle"

    async def rollback(self) -> None:
        self._status = "unknown"
        native, self._native = self._native, None
        call = self._link.connection.execute_batch("rollback") if native is None else native.rollback()
        await self.run(Wait(call))
        self._status = "idle"

    async def open_native_transaction(self) -> None:
        """Make the driver know of the open transaction; it forgets it with `commit` and `rollback`."""
        if self._native is None:
            native = self._link.connection.transaction()
            await self.run(native.begin())  # to the server a second BEGIN, which does nothing but earn a warning
            self._native = native

    async def reset(self) -> None:
        # There may be a transaction that nobody knows of, opened on the raw connection.
        english = f";\n{ENGLISH_SCRIPT}" if self._link.forces_english else ""
        self._status = "unknown"
        if self._native is not None:
            await self.rollback()
        await self.run(self._link.connection.execute_batch(f"rollback;\n{reset_script()}{english}"))
        self._status = "idle"
        self._lent = False
        if self._strayed:
            self._forget_all()
            self._strayed = False

    async def open_cursor(self, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
        # DECLARE takes the text for what it means by now; what an earlier call was told may be out of date. Being told
        # inside the transaction keeps the tables from changing in between.
        self.forget(plan)
        prepared, values = await self._bound(plan, args)
        return Cursor(self, prepared, await self.declare(prepared.body, values))

    async def declare(self, query: str, values: list[Any]) -> str:
        """Declare a cursor in the open transaction; return its name."""
        name = f"sqlspec_{next(self._names)}"
        await self.run(self._fetch(f"declare {name} no scroll cursor for {query}", values or None, False))
        return name

    # -- in bulk ----------------------------------------------------------------------------------

    async def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
        return await open_feed(self, plan, args, width)

    async def copy_in(self, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
        return await copy_in(self, target, pieces)

    async def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        return await execute_binary(self, sql, parameters, rows)

    async def execute_binary_then(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], rows: int, plan: Plan, args: Sequence[Any]
    ) -> tuple[int, RawResult]:
        return await execute_binary_then(self, sql, parameters, rows, plan, args)

    # -- notifications ----------------------------------------------------------------------------

    async def subscribe(self, channels: Sequence[str]) -> None:
        # This connection cannot hear anything: another one takes its place.
        link = self._link
        async with in_time(link.timeout, "cannot listen: "):
            listening = self._listening = await Subscription.open(link.arguments, channels)
            link.connection.close()
            with contextlib.suppress(Error):
                # The server must never see two of them for one listener.
                await listening.connection.fetch(
                    f"select pg_catalog.pg_terminate_backend({link.pid:d}, 1000)", None, False
                )

    async def notifications(self) -> AsyncIterator[Notification]:
        if self._listening is not None:
            async for note in self._listening:
                yield note
