# The synchronous twin is generated from this file by tools/unasync.py. Written for pyro-postgres 0.3.1.
"""One connection of pyro-postgres behind the adapter contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlspec.adapters.pyro_postgres import _errors as errors
from sqlspec.adapters.pyro_postgres._aio import LIMITS_ITSELF, SPEC, TASKS, close_connection, finish
from sqlspec.adapters.pyro_postgres._async_batch import counting, run_batch
from sqlspec.adapters.pyro_postgres._async_connect import open_wire
from sqlspec.adapters.pyro_postgres._async_cursor import open_cursor
from sqlspec.adapters.pyro_postgres._async_feed import open_feed
from sqlspec.adapters.pyro_postgres._async_limit import AsyncLimit
from sqlspec.adapters.pyro_postgres._async_prepare import AsyncStatements
from sqlspec.adapters.pyro_postgres._async_stack import run_stack, stack_alone
from sqlspec.adapters.pyro_postgres._async_utility import COUNTED_COMMANDS, run_utility
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.adapters.pyro_postgres._state import controls_transactions, status_after
from sqlspec.adapters.pyro_postgres._swap import reset_script, text_of
from sqlspec.adapters.pyro_postgres._types import make_decoder
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._async_driver import AsyncCursor, AsyncDriver, AsyncRowFeed, aborted_commit
from sqlspec.driver._async_learning import with_types
from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sqlspec.adapters.pyro_postgres._async_prepare import Prepared
    from sqlspec.adapters.pyro_postgres._async_wire import AsyncWire
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import DriverStatus, Entries
    from sqlspec.exceptions import ErrorInfo, Staleness
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("AsyncPyroPostgresDriver",)


class AsyncPyroPostgresDriver(AsyncDriver):
    """A connection of pyro-postgres.

    Attributes:
        wire: The driver's connection, kept in step with the server.
        statements: What it has prepared.
        limits: The limit of time of the running call.
    """

    __slots__ = ("_exec", "_get", "limits", "statements", "wire")

    spec = SPEC
    native_errors = NATIVE_ERRORS
    has_threads = TASKS
    limits_itself = LIMITS_ITSELF
    movable = True
    bulk_from = 40

    def __init__(self, wire: AsyncWire, derived: Derived, cached: int) -> None:
        self.wire = wire
        self.derived = derived
        self.statements = AsyncStatements(wire, derived, self.learn_types, cached)
        self._exec = wire.connection.exec
        self._get = self.statements.get
        self.limits = AsyncLimit(wire)

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        return cls(await open_wire(settings), derived, settings.native.get("statement_cache_size", 256))

    @property
    def connection(self) -> Any:
        self.wire.lent = self.wire.unsettled = True
        return self.wire.connection

    @property
    def backend_pid(self) -> int | None:
        return self.wire.pid

    async def close(self) -> None:
        wire = self.wire
        if wire.unsettled and not wire.broken:  # in the middle of a call, for which closing would wait
            await wire.stopper.cut()
            self.abort()  # what the server says of it may not arrive
        wire.mark_broken()
        await close_connection(wire.connection)

    def is_closed(self) -> bool:
        return self.wire.broken

    def status(self) -> DriverStatus:
        return "unknown" if self.wire.lent else self.wire.state

    # -- statements -------------------------------------------------------------------------------

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        prepared = self._get(plan.sql)
        wire = self.wire
        if prepared is None or prepared.learnt is not None or not prepared.plain or wire.unsettled:
            return await self._execute(plan, args)
        prepared.used = True
        try:
            values = prepared.encode(args)
        except DataError:
            return await self._execute(plan, args)
        # What `wire.rows` does, spelled out for the hot path.
        wire.unsettled = True
        try:
            rows: Any = self._exec(prepared.statement, values)
            rows = await finish(rows, wire)  # async-only
        except BaseException as error:
            await wire.recover(error)
            rows, prepared = await self._run_again(plan, args, prepared, error)
        wire.unsettled = wire.lent
        decode = prepared.decode
        if decode is not None:
            try:
                rows = decode(rows)
            except MissingTypesError:
                rows = await self.decode_slowly(prepared, rows)
        return raw_result((rows, prepared.columns or (), "tuple", len(rows)))

    async def _execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        """Run what is not plain, or is not prepared yet."""
        if not plan.prepared:
            return await self._command(plan)
        if not plan.reads_or_writes:
            return await run_utility(self, plan, args)
        known = self._get(text_of(plan))
        prepared, values = await self.statements.bound(text_of(plan), args)
        try:
            found = await self.run(prepared, values)
        except NATIVE_ERRORS as error:
            if prepared is not known and errors.staleness_of(error, 0) != "surely":
                raise
            found, prepared = await self._run_again(plan, args, prepared, error)
        if prepared.columns is None:
            if plan.verb == "SELECT":  # INTO
                self.statements.note_changes(plan.sql)
            return RawResult((), (), "tuple", found)
        return await self.result(plan, prepared, found)

    async def result(self, plan: Plan, prepared: Prepared, found: list[Any]) -> RawResult:
        """Return what a statement has given, of rows as the driver gives them."""
        if not plan.returns_rows:  # RETURNING was added to count
            return RawResult((), (), "tuple", len(found))
        rows = found if prepared.decode is None else await self.decoded(prepared, found)
        return raw_result((rows, prepared.columns or (), "tuple", len(rows)))

    async def run(self, prepared: Prepared, values: Sequence[Any]) -> Any:
        """Run a prepared statement for its rows, as the driver gives them, or for its count."""
        if prepared.columns is None:
            return await self.wire.count(prepared.statement, values)
        if prepared.plain:
            return await self.wire.rows(prepared.statement, values)
        return await self.wire.swapped_rows(prepared.statement, values)

    async def _run_again(
        self, plan: Plan, args: Sequence[Any], known: Prepared, error: BaseException
    ) -> tuple[Any, Prepared]:
        """Prepare anew after a change of the schema and run; raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user.
        """
        sql = text_of(plan)
        kind = self.forget_stale(sql, known, error)
        error = errors.in_usual_words(error)
        if not kind or self.status() != "idle" or not plan.reads_or_writes:
            raise error
        try:
            prepared = await self.statements.ready(sql)
        except NATIVE_ERRORS:
            if kind == "surely":
                raise
            raise error from None
        if kind == "maybe" and prepared.oids == known.oids:
            raise error
        return await self.run(prepared, prepared.encode(args)), prepared

    def forget_stale(self, sql: str, known: Prepared, error: BaseException) -> Staleness:
        """Forget a statement that the schema has, or may have, left behind."""
        kind = errors.staleness_of(error, len(known.oids)) if isinstance(error, NATIVE_ERRORS) else ""
        self.statements.forget_stale(sql, kind)
        return kind

    async def decoded(self, prepared: Prepared, rows: list[Any]) -> list[Any]:
        """Return rows of the driver as canonical values."""
        decode = prepared.decode
        if decode is None:
            return rows
        try:
            return decode(rows)
        except MissingTypesError:
            return await self.decode_slowly(prepared, rows)

    async def decode_slowly(self, prepared: Prepared, rows: list[Any]) -> list[Any]:
        """Decode rows with types that stand in the values themselves, and have to be learnt."""
        codecs, wire = self.derived.codecs, prepared.wire
        return await with_types(self.learn_types, lambda: (make_decoder(codecs, wire) or list)(rows))

    async def _command(self, plan: Plan) -> RawResult:
        """Run a command without parameters and rows."""
        count = await self._script(plan.sql)
        self.statements.note_changes(plan.sql)
        return RawResult((), (), "tuple", count if count or plan.verb in COUNTED_COMMANDS else None)

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        return await run_batch(self, plan, rows)

    def stack_alone(self, entries: Entries) -> Callable[[], Awaitable[list[RawResult]]] | None:
        return stack_alone(self, entries)

    async def run_stack(self, entries: Entries) -> list[RawResult]:
        return await run_stack(self, entries, super().run_stack)

    async def execute_script(self, text: str) -> None:
        try:
            await self._script(text)
        finally:  # it may have failed behind a COMMIT of its own
            self.statements.note_changes(text)

    async def _script(self, text: str) -> int:
        wire = self.wire
        if "statement_timeout" in text.lower():
            self.limits.forget()
        before, controls = wire.state, controls_transactions(text)
        if controls:
            wire.state = "unknown"  # until it is told: a signal may end this anywhere
        try:
            count = await wire.script(text)
        except BaseException:
            if controls:
                await wire.ask_state()
            raise
        after = status_after(text, before)
        if after is None:
            await wire.ask_state()
        else:
            wire.state = after
        if controls and "rollback to" in text.lower():
            await self.limits.after_undoing()
        return count

    async def describe(self, plan: Plan) -> Described:
        if plan.reads_or_writes:
            prepared = await self.statements.ready(plan.sql)
            return Described(prepared.oids, prepared.columns or ())
        if not plan.prepared:
            return Described((), ())
        return await self.statements.description(plan.sql)

    def forget(self, plan: Plan) -> None:
        self.statements.discard(plan.sql)
        self.statements.discard(counting(plan))

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        return await self.wire.query(text)

    def names_changed(self) -> None:
        self.statements.names_changed()

    async def begin(self, text: str) -> None:
        if self.statements.unsettled:
            self.statements.settle()
        self.wire.flawless = True
        await self._control(text, "active")

    async def commit(self) -> None:
        if self.status() == "failed":
            await self.rollback()
            raise aborted_commit(SPEC.name)
        # In an aborted transaction the first statement fails, and COMMIT, which would answer ROLLBACK, is not reached.
        certain = self.wire.flawless and not self.wire.unsettled
        await self._control("commit" if certain else "select 1;\ncommit", "idle")

    async def _control(self, text: str, after: DriverStatus) -> None:
        """Run statements that leave the transaction with this status when they succeed."""
        wire = self.wire
        wire.state = "unknown"  # until it is told: a signal may end this anywhere
        try:
            await wire.call(wire.connection.query_drop, text)
        except BaseException:
            await wire.ask_state()
            raise
        wire.state = after

    async def reset(self) -> None:
        lent = self.wire.lent
        if lent or self.wire.state != "idle":
            await self.rollback()
        self.wire.lent = False
        if lent:
            self.statements.forget_all()
        await self.execute_script(reset_script())
        self.limits.forget()

    async def open_cursor(self, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
        return await open_cursor(self, plan, args)

    # -- in bulk ----------------------------------------------------------------------------------

    async def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
        return await open_feed(self, plan, args, width)

    async def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        self.limits.check()
        # Bytes go out as they are.
        command = await self.statements.command(sql)
        try:
            return await self.wire.count(command, [value for _, value in parameters])
        except NATIVE_ERRORS:
            self.statements.discard(sql)
            raise

    # -- limits, errors and cancellation ----------------------------------------------------------

    async def limit(self, seconds: float | None) -> None:
        await (self.limits.take_back() if seconds is None else self.limits.set(seconds))

    async def renew_limit(self) -> None:
        await self.limits.renew()

    async def rollback(self) -> None:
        await super().rollback()
        await self.limits.after_rollback()

    def error_info(self, error: BaseException) -> ErrorInfo:
        return errors.error_info(error, self.is_broken(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return errors.connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return self.wire.broken

    async def cancel(self) -> None:
        await self.wire.stopper.cancel()

    def abort(self) -> None:
        if self.wire.link is not None:
            self.wire.link.abort()
        self.wire.stopper.give_up()
