# Generated from _async_driver.py by tools/unasync.py. Do not edit.
"""One connection of pyro-postgres behind the adapter contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sqlspec.adapters.pyro_postgres import _errors as errors
from sqlspec.adapters.pyro_postgres._sio import LIMITS_ITSELF, SPEC, TASKS, close_connection, finish
from sqlspec.adapters.pyro_postgres._sync_batch import counting, run_batch
from sqlspec.adapters.pyro_postgres._sync_connect import open_wire
from sqlspec.adapters.pyro_postgres._sync_cursor import open_cursor
from sqlspec.adapters.pyro_postgres._sync_feed import open_feed
from sqlspec.adapters.pyro_postgres._sync_limit import SyncLimit
from sqlspec.adapters.pyro_postgres._sync_prepare import SyncStatements
from sqlspec.adapters.pyro_postgres._sync_stack import run_stack, stack_alone
from sqlspec.adapters.pyro_postgres._sync_utility import COUNTED_COMMANDS, run_utility
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.adapters.pyro_postgres._state import controls_transactions, status_after
from sqlspec.adapters.pyro_postgres._swap import reset_script, text_of
from sqlspec.adapters.pyro_postgres._types import make_decoder
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._sync_driver import SyncCursor, SyncDriver, SyncRowFeed, aborted_commit
from sqlspec.driver._sync_learning import with_types
from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlspec.adapters.pyro_postgres._sync_prepare import Prepared
    from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import DriverStatus, Entries
    from sqlspec.exceptions import ErrorInfo, Staleness
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("SyncPyroPostgresDriver",)


class SyncPyroPostgresDriver(SyncDriver):
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

    def __init__(self, wire: SyncWire, derived: Derived, cached: int) -> None:
        self.wire = wire
        self.derived = derived
        self.statements = SyncStatements(wire, derived, self.learn_types, cached)
        self._exec = wire.connection.exec
        self._get = self.statements.get
        self.limits = SyncLimit(wire)

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        return cls(open_wire(settings), derived, settings.native.get("statement_cache_size", 256))

    @property
    def connection(self) -> Any:
        self.wire.lent = self.wire.unsettled = True
        return self.wire.connection

    @property
    def backend_pid(self) -> int | None:
        return self.wire.pid

    def close(self) -> None:
        wire = self.wire
        if wire.unsettled and not wire.broken:  # in the middle of a call, for which closing would wait
            wire.stopper.cut()
            self.abort()  # what the server says of it may not arrive
        wire.mark_broken()
        close_connection(wire.connection)

    def is_closed(self) -> bool:
        return self.wire.broken

    def status(self) -> DriverStatus:
        return "unknown" if self.wire.lent else self.wire.state

    # -- statements -------------------------------------------------------------------------------

    def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        prepared = self._get(plan.sql)
        wire = self.wire
        if prepared is None or prepared.learnt is not None or not prepared.plain or wire.unsettled:
            return self._execute(plan, args)
        prepared.used = True
        try:
            values = prepared.encode(args)
        except DataError:
            return self._execute(plan, args)
        # What `wire.rows` does, spelled out for the hot path.
        wire.unsettled = True
        try:
            rows: Any = self._exec(prepared.statement, values)

        except BaseException as error:
            wire.recover(error)
            rows, prepared = self._run_again(plan, args, prepared, error)
        wire.unsettled = wire.lent
        decode = prepared.decode
        if decode is not None:
            try:
                rows = decode(rows)
            except MissingTypesError:
                rows = self.decode_slowly(prepared, rows)
        return raw_result((rows, prepared.columns or (), "tuple", len(rows)))

    def _execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        """Run what is not plain, or is not prepared yet."""
        if not plan.prepared:
            return self._command(plan)
        if not plan.reads_or_writes:
            return run_utility(self, plan, args)
        known = self._get(text_of(plan))
        prepared, values = self.statements.bound(text_of(plan), args)
        try:
            found = self.run(prepared, values)
        except NATIVE_ERRORS as error:
            if prepared is not known and errors.staleness_of(error, 0) != "surely":
                raise
            found, prepared = self._run_again(plan, args, prepared, error)
        if prepared.columns is None:
            if plan.verb == "SELECT":  # INTO
                self.statements.note_changes(plan.sql)
            return RawResult((), (), "tuple", found)
        return self.result(plan, prepared, found)

    def result(self, plan: Plan, prepared: Prepared, found: list[Any]) -> RawResult:
        """Return what a statement has given, of rows as the driver gives them."""
        if not plan.returns_rows:  # RETURNING was added to count
            return RawResult((), (), "tuple", len(found))
        rows = found if prepared.decode is None else self.decoded(prepared, found)
        return raw_result((rows, prepared.columns or (), "tuple", len(rows)))

    def run(self, prepared: Prepared, values: Sequence[Any]) -> Any:
        """Run a prepared statement for its rows, as the driver gives them, or for its count."""
        if prepared.columns is None:
            return self.wire.count(prepared.statement, values)
        if prepared.plain:
            return self.wire.rows(prepared.statement, values)
        return self.wire.swapped_rows(prepared.statement, values)

    def _run_again(
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
            prepared = self.statements.ready(sql)
        except NATIVE_ERRORS:
            if kind == "surely":
                raise
            raise error from None
        if kind == "maybe" and prepared.oids == known.oids:
            raise error
        return self.run(prepared, prepared.encode(args)), prepared

    def forget_stale(self, sql: str, known: Prepared, error: BaseException) -> Staleness:
        """Forget a statement that the schema has, or may have, left behind."""
        kind = errors.staleness_of(error, len(known.oids)) if isinstance(error, NATIVE_ERRORS) else ""
        self.statements.forget_stale(sql, kind)
        return kind

    def decoded(self, prepared: Prepared, rows: list[Any]) -> list[Any]:
        """Return rows of the driver as canonical values."""
        decode = prepared.decode
        if decode is None:
            return rows
        try:
            return decode(rows)
        except MissingTypesError:
            return self.decode_slowly(prepared, rows)

    def decode_slowly(self, prepared: Prepared, rows: list[Any]) -> list[Any]:
        """Decode rows with types that stand in the values themselves, and have to be learnt."""
        codecs, wire = self.derived.codecs, prepared.wire
        return with_types(self.learn_types, lambda: (make_decoder(codecs, wire) or list)(rows))

    def _command(self, plan: Plan) -> RawResult:
        """Run a command without parameters and rows."""
        count = self._script(plan.sql)
        self.statements.note_changes(plan.sql)
        return RawResult((), (), "tuple", count if count or plan.verb in COUNTED_COMMANDS else None)

    def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        return run_batch(self, plan, rows)

    def stack_alone(self, entries: Entries) -> Callable[[], list[RawResult]] | None:
        return stack_alone(self, entries)

    def run_stack(self, entries: Entries) -> list[RawResult]:
        return run_stack(self, entries, super().run_stack)

    def execute_script(self, text: str) -> None:
        try:
            self._script(text)
        finally:  # it may have failed behind a COMMIT of its own
            self.statements.note_changes(text)

    def _script(self, text: str) -> int:
        wire = self.wire
        if "statement_timeout" in text.lower():
            self.limits.forget()
        before, controls = wire.state, controls_transactions(text)
        if controls:
            wire.state = "unknown"  # until it is told: a signal may end this anywhere
        try:
            count = wire.script(text)
        except BaseException:
            if controls:
                wire.ask_state()
            raise
        after = status_after(text, before)
        if after is None:
            wire.ask_state()
        else:
            wire.state = after
        if controls and "rollback to" in text.lower():
            self.limits.after_undoing()
        return count

    def describe(self, plan: Plan) -> Described:
        if plan.reads_or_writes:
            prepared = self.statements.ready(plan.sql)
            return Described(prepared.oids, prepared.columns or ())
        if not plan.prepared:
            return Described((), ())
        return self.statements.description(plan.sql)

    def forget(self, plan: Plan) -> None:
        self.statements.discard(plan.sql)
        self.statements.discard(counting(plan))

    def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        return self.wire.query(text)

    def names_changed(self) -> None:
        self.statements.names_changed()

    def begin(self, text: str) -> None:
        if self.statements.unsettled:
            self.statements.settle()
        self.wire.flawless = True
        self._control(text, "active")

    def commit(self) -> None:
        if self.status() == "failed":
            self.rollback()
            raise aborted_commit(SPEC.name)
        # In an aborted transaction the first statement fails, and COMMIT, which would answer ROLLBACK, is not reached.
        certain = self.wire.flawless and not self.wire.unsettled
        self._control("commit" if certain else "select 1;\ncommit", "idle")

    def _control(self, text: str, after: DriverStatus) -> None:
        """Run statements that leave the transaction with this status when they succeed."""
        wire = self.wire
        wire.state = "unknown"  # until it is told: a signal may end this anywhere
        try:
            wire.call(wire.connection.query_drop, text)
        except BaseException:
            wire.ask_state()
            raise
        wire.state = after

    def reset(self) -> None:
        lent = self.wire.lent
        if lent or self.wire.state != "idle":
            self.rollback()
        self.wire.lent = False
        if lent:
            self.statements.forget_all()
        self.execute_script(reset_script())
        self.limits.forget()

    def open_cursor(self, plan: Plan, args: Sequence[Any]) -> SyncCursor:
        return open_cursor(self, plan, args)

    # -- in bulk ----------------------------------------------------------------------------------

    def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> SyncRowFeed:
        return open_feed(self, plan, args, width)

    def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        self.limits.check()
        # Bytes go out as they are.
        command = self.statements.command(sql)
        try:
            return self.wire.count(command, [value for _, value in parameters])
        except NATIVE_ERRORS:
            self.statements.discard(sql)
            raise

    # -- limits, errors and cancellation ----------------------------------------------------------

    def limit(self, seconds: float | None) -> None:
        (self.limits.take_back() if seconds is None else self.limits.set(seconds))

    def renew_limit(self) -> None:
        self.limits.renew()

    def rollback(self) -> None:
        super().rollback()
        self.limits.after_rollback()

    def error_info(self, error: BaseException) -> ErrorInfo:
        return errors.error_info(error, self.is_broken(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return errors.connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return self.wire.broken

    def cancel(self) -> None:
        self.wire.stopper.cancel()

    def abort(self) -> None:
        if self.wire.link is not None:
            self.wire.link.abort()
        self.wire.stopper.give_up()
