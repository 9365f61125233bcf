# Generated from _async_driver.py by tools/unasync.py. Do not edit.
"""One psycopg connection behind the adapter contract.

Statements go straight to libpq, below psycopg's cursors: prepared by name, parameters in the binary format of
the types that the server described, so that no type is derived from a Python value.
"""

from __future__ import annotations

import itertools
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import pq
from psycopg.generators import execute as run

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._protocol import SyncNative
from sqlspec.adapters.psycopg._types import (
    DECODE_ERRORS,
    columns_on_wire,
    decode_slowly,
    row_loaders,
    select_as_text,
)
from sqlspec.adapters.psycopg.spec import SPEC
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._sync_driver import SyncCursor, SyncDriver, aborted_commit
from sqlspec.driver._statements import StatementCache
from sqlspec.driver._types import DriverStatus, Notification
from sqlspec.exceptions import is_stale_statement
from sqlspec.postgres.codec import MissingTypesError
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.sql import listen as listen_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Callable, Iterable, Sequence
    from typing import Self

    from psycopg.abc import Transformer
    from psycopg.pq.abc import PGresult

    from sqlspec.core.plan import Plan
    from sqlspec.core.result import Column
    from sqlspec.driver._statements import Derived
    from sqlspec.exceptions import ErrorInfo
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("SyncPsycopgDriver",)

TUPLES_OK = pq.ExecStatus.TUPLES_OK
FATAL_ERROR = pq.ExecStatus.FATAL_ERROR
SQLSTATE = pq.DiagnosticField.SQLSTATE
MESSAGE = pq.DiagnosticField.MESSAGE_PRIMARY
BINARY = pq.Format.BINARY

_STATUS: dict[int, DriverStatus] = {
    pq.TransactionStatus.IDLE: "idle",
    pq.TransactionStatus.INTRANS: "active",
    pq.TransactionStatus.INERROR: "failed",
}
_SAVEPOINT = "savepoint sqlspec_stack"
_RELEASE = "release sqlspec_stack"
_UNDO = "rollback to sqlspec_stack; release sqlspec_stack"
_LEARNING_ROUNDS = 10
"""Look-ups of types for one result. More than one only where a record holds records, or a type is altered again."""


class _Prepared:
    """A statement prepared on one connection.

    Attributes:
        text: The statement that was prepared in place of the user's, to get some columns as text.
        wire: The columns as they are sent.
        learnt: Generation of the codecs; `None` when all types are built in.
    """

    __slots__ = ("columns", "encode", "formats", "learnt", "loaders", "name", "oids", "text", "used", "wire")

    encode: Callable[[Sequence[Any]], list[bytes | None]]
    formats: list[int]
    loaders: Transformer
    learnt: int | None

    def __init__(
        self,
        name: bytes,
        oids: tuple[int, ...],
        columns: tuple[Column, ...],
        wire: tuple[Column, ...],
        text: str | None,
    ) -> None:
        self.name = name
        self.oids = oids
        self.columns = columns
        self.wire = wire
        self.text = text
        self.used = True


class _Step(NamedTuple):
    """One statement of a pipeline: prepared, or a command without parameters and rows."""

    sql: str
    prepared: _Prepared | None
    values: list[bytes | None]


class SyncPsycopgDriver(SyncDriver):
    """A connection of psycopg."""

    __slots__ = (
        "_closing",
        "_connection",
        "_forgotten",
        "_inbox",
        "_keep_forgotten",
        "_listening",
        "_names",
        "_pgconn",
        "_statements",
        "_wait",
    )

    spec = SPEC
    native_errors = (protocol.Error,)
    atomic_stacks = True

    def __init__(self, connection: SyncNative[Any], derived: Derived, cached: int) -> None:
        self._connection = connection
        self.derived = derived
        self._pgconn = connection.pgconn
        self._wait = connection.wait
        self._statements: StatementCache[_Prepared] = StatementCache(cached)
        self._forgotten: list[bytes] = []
        self._keep_forgotten = False
        self._names = itertools.count(1)
        self._closing = False
        self._listening = False
        self._inbox: deque[Notification] = deque()

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        try:
            connection = SyncNative.connect(autocommit=True, **protocol.connect_options(settings))
        except BaseException as error:
            # The traceback of an interruption holds the connection, which would stay open as long as the error lives.
            error.__traceback__ = None
            raise
        try:
            protocol.check_library()
            check_session(*protocol.session_parameters(connection.pgconn))
        except BaseException:
            connection.close()
            raise
        return cls(connection, derived, settings.native.get("statement_cache_size", 256))

    @property
    def connection(self) -> SyncNative[Any]:
        return self._connection

    @property
    def backend_pid(self) -> int | None:
        return self._pgconn.backend_pid

    def close(self) -> None:
        self._closing = True
        if not self._listening:  # else the listening loop closes it: libpq must not be freed under its feet
            self._connection.close()

    def is_closed(self) -> bool:
        return self._connection.closed

    def status(self) -> DriverStatus:
        return _STATUS.get(self._pgconn.transaction_status, "unknown")

    # -- statements -------------------------------------------------------------------------------

    def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        prepared = self._statements.get(plan.sql)
        if prepared is None:
            if not plan.prepared:
                return self._command(plan)
            prepared = self._prepare(plan.sql)
        elif prepared.learnt is not None:
            prepared = self._ready(plan.sql)
        prepared.used = True
        pgconn = self._pgconn
        pgconn.send_query_prepared(prepared.name, prepared.encode(args), prepared.formats, BINARY)
        result = (self._wait(run(pgconn)))[-1]
        if result.status == FATAL_ERROR:
            prepared = self._prepare_again(plan, result)
            pgconn.send_query_prepared(prepared.name, prepared.encode(args), prepared.formats, BINARY)
            result = self._checked((self._wait(run(pgconn)))[-1])
        if result.status != TUPLES_OK:
            return RawResult((), (), "tuple", result.command_tuples)
        # The same as in `_rows`, spelled out for the hot path, where a call is a tenth of the package's share.
        loaders = prepared.loaders
        loaders.set_pgresult(result, set_loaders=False)
        try:
            rows = loaders.load_rows(0, result.ntuples, tuple)
        except DECODE_ERRORS:
            rows = self._decode_slowly(prepared, result)
        finally:
            loaders.set_pgresult(None, set_loaders=False)  # or the cache would keep each statement's last rows
        return raw_result((rows, prepared.columns, "tuple", result.command_tuples))

    def _checked(self, result: PGresult) -> PGresult:
        if result.status == FATAL_ERROR:
            raise protocol.failure(result)
        return result

    def _rows(self, prepared: _Prepared, result: PGresult) -> RawResult:
        """Decode a result that has the columns of a prepared statement.

        Raises:
            MissingTypesError: `_late_rows` can decode it once the connection is free.
        """
        if result.status != TUPLES_OK:
            return RawResult((), (), "tuple", result.command_tuples)
        loaders = prepared.loaders
        loaders.set_pgresult(result, set_loaders=False)
        try:
            rows = loaders.load_rows(0, result.ntuples, tuple)
        except DECODE_ERRORS:
            rows = decode_slowly(result, prepared.wire, self.derived.codecs)
        finally:
            loaders.set_pgresult(None, set_loaders=False)  # or the cache would keep each statement's last rows
        return RawResult(rows, prepared.columns, "tuple", result.command_tuples)

    def _late_rows(self, prepared: _Prepared, result: PGresult) -> RawResult:
        rows = self._decode_slowly(prepared, result)
        return RawResult(rows, prepared.columns, "tuple", result.command_tuples)

    def _decode_slowly(self, prepared: _Prepared, result: PGresult) -> list[tuple[Any, ...]]:
        """Decode by our codecs alone, which learn the types that stand in the values themselves."""
        for _ in range(_LEARNING_ROUNDS):
            try:
                return decode_slowly(result, prepared.wire, self.derived.codecs)
            except MissingTypesError as missing:
                self.learn_types(missing.oids)
        return decode_slowly(result, prepared.wire, self.derived.codecs)

    def _command(self, plan: Plan) -> RawResult:
        self._pgconn.send_query_params(plan.sql.encode(), None, result_format=BINARY)
        result = self._checked((self._wait(run(self._pgconn)))[-1])
        if plan.verb in ("DEALLOCATE", "DISCARD"):
            self._forget_all()
        elif plan.verb in ("ALTER", "DROP"):
            self.derived.codecs.forget_learnt()
        return RawResult((), (), "tuple", result.command_tuples)

    def _ready(self, sql: str) -> _Prepared:
        """Return a statement prepared with the types as they are known now."""
        prepared = self._statements.get(sql)
        if prepared is not None:
            if prepared.learnt is None or prepared.learnt == self.derived.codecs.generation:
                return prepared
            self._forgotten.append(prepared.name)
            self._statements.discard(sql)
        return self._prepare(sql)

    def _parse(self, sql: str) -> tuple[bytes, PGresult]:
        """Prepare a statement on the server, closing old ones in the same round trip; return its name and description.

        Statements are closed by protocol (message Close): that is no error for one that is gone already, and allowed
        in an aborted transaction, which SQL's DEALLOCATE is not.
        """
        name = b"sqlspec_%d" % next(self._names)
        pgconn = self._pgconn
        closed: list[bytes] = []
        if not self._keep_forgotten:
            closed, self._forgotten = self._forgotten, []
        commands = [
            *(partial(pgconn.send_close_prepared, old) for old in closed),
            partial(pgconn.send_prepare, name, sql.encode()),
            partial(pgconn.send_describe_prepared, name),
        ]
        answers: list[PGresult] = []
        try:
            self._pipeline(iter(commands), lambda _, result: answers.append(result))
        except BaseException:
            self._forgotten.append(name)  # cancelled, it may exist all the same
            raise
        return name, answers[-1]

    def _prepare(self, sql: str) -> _Prepared:
        name, described = self._parse(sql)
        oids = tuple(described.param_type(at) for at in range(described.nparams))
        columns = self.derived.columns(protocol.columns_of(described))
        types = (*oids, *(column.oid for column in columns))
        codecs = self.derived.codecs
        self.learn_types(types)
        learnt = codecs.stamp(types)
        wire, text = columns_on_wire(columns, codecs), None
        if wire is not columns:
            text = select_as_text(sql, columns, wire)
            if text is None:
                wire = columns
            else:
                self._forgotten.append(name)
                name, _ = self._parse(text)
        prepared = _Prepared(name, oids, columns, wire, text)
        prepared.learnt = learnt
        prepared.encode = codecs.encoder(oids)
        prepared.formats = [0 if (codec := codecs.get(oid)) is None or codec.is_text_fallback else 1 for oid in oids]
        prepared.loaders = row_loaders(self._connection, wire, codecs)
        evicted = self._statements.add(sql, prepared)
        if evicted is not None:
            self._forgotten.append(evicted.name)
        return prepared

    def _forget_all(self) -> None:
        self._forgotten += [prepared.name for prepared in self._statements.clear()]

    def _prepare_again(self, plan: Plan, result: PGresult) -> _Prepared:
        """Prepare anew after a change of the schema; raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user. So must that of a procedure,
        which may have committed before.
        """
        sql = plan.sql
        sqlstate, message = (result.error_field(field) or b"" for field in (SQLSTATE, MESSAGE))
        if is_stale_statement(sqlstate.decode(), message.decode(errors="replace")):
            self.derived.codecs.forget_learnt()
            stale = self._statements.discard(sql)
            if stale is not None:
                self._forgotten.append(stale.name)
            if self.status() == "idle" and plan.reads_or_writes:
                return self._prepare(sql)
        raise protocol.failure(result)

    def _discard_stale(self, sql: str, error: BaseException) -> None:
        """Forget a statement that the schema has left behind, where running it again is not for us to do."""
        if isinstance(error, protocol.Error) and protocol.is_stale(error):
            self.derived.codecs.forget_learnt()
            stale = self._statements.discard(sql)
            if stale is not None:
                self._forgotten.append(stale.name)

    def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        prepared = self._ready(plan.sql)
        prepared.used = True
        send, encode = self._pgconn.send_query_prepared, prepared.encode
        commands = (partial(send, prepared.name, encode(row), prepared.formats, BINARY) for row in rows)
        found: list[Any] = []
        late: list[tuple[int, PGresult]] = []
        count = 0
        known = True

        def receive(_: int, result: PGresult) -> None:
            nonlocal count, known
            if result.status == TUPLES_OK:
                try:
                    found.extend(self._rows(prepared, result).rows)
                except MissingTypesError:
                    late.append((len(found), result))
            affected = result.command_tuples
            known = known and affected is not None
            count += affected or 0

        try:
            self._pipeline(commands, receive)
        except protocol.Error as error:
            self._discard_stale(plan.sql, error)
            raise
        for at, result in reversed(late):
            found[at:at] = self._decode_slowly(prepared, result)
        return RawResult(found, prepared.columns, "tuple", count if known else None)

    def _pipeline(self, commands: Iterator[Callable[[], Any]], receive: Callable[[int, PGresult], None]) -> None:
        self._wait(protocol.pipeline(self._pgconn, commands, receive))

    def execute_script(self, text: str) -> None:
        self._pgconn.send_query(text.encode())
        for result in self._wait(run(self._pgconn)):
            self._checked(result)
        # A script may have dropped what was prepared; preparing again is cheap, a missing statement is an error.
        words = text.lower()
        if "discard" in words or "deallocate" in words:
            self._forget_all()
        if "alter" in words or "drop" in words:
            self.derived.codecs.forget_learnt()

    def describe(self, plan: Plan) -> Described:
        prepared = self._ready(plan.sql)
        return Described(prepared.oids, prepared.columns)

    def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        self._pgconn.send_query(text.encode())
        result = self._checked((self._wait(run(self._pgconn)))[-1])
        return protocol.text_rows(result)

    def reset(self) -> None:
        super().reset()
        # A borrower of the raw connection may have changed what its cursors do.
        self._connection.set_autocommit(True)
        protocol.restore_defaults(self._connection)

    def commit(self) -> None:
        # The tag tells what COMMIT did; a COMMIT of an aborted transaction answers ROLLBACK.
        self._pgconn.send_query(b"commit")
        result = self._checked((self._wait(run(self._pgconn)))[-1])
        if result.command_status == b"ROLLBACK":
            raise aborted_commit(SPEC.name)

    def open_cursor(self, plan: Plan, args: Sequence[Any]) -> SyncCursor:
        prepared = self._ready(plan.sql)
        name = f"sqlspec_{next(self._names)}"
        declare = f"declare {name} no scroll cursor for {prepared.text or plan.body}"
        self._pgconn.send_query_params(declare.encode(), prepared.encode(args), prepared.oids, prepared.formats, BINARY)
        self._checked((self._wait(run(self._pgconn)))[-1])
        return SyncPsycopgCursor(self, prepared, name)

    def fetch_from(self, prepared: _Prepared, name: str, count: int) -> RawResult:
        """Return the next rows of a cursor that was declared for a prepared statement."""
        self._pgconn.send_query_params(f"fetch forward {count} from {name}".encode(), None, result_format=BINARY)
        result = self._checked((self._wait(run(self._pgconn)))[-1])
        try:
            return self._rows(prepared, result)
        except MissingTypesError:
            return self._late_rows(prepared, result)

    def run_stack(self, entries: Sequence[tuple[Plan, Sequence[Any]]]) -> list[RawResult]:
        nested = self.status() != "idle"
        if not self._can_send_together(entries, nested):
            return self._run_in_turn(entries)
        steps = []
        self._keep_forgotten = True  # a stack larger than the cache must not close its own statements
        try:
            for index, (plan, args) in enumerate(entries):
                try:
                    steps.append(self._make_step(plan, args))
                except Exception as error:
                    error.add_note(f"statement {index} of the stack: {plan.source}")
                    raise
        finally:
            self._keep_forgotten = False
        if nested:  # all or nothing there too, in the same round trip
            steps = [_Step(_SAVEPOINT, None, []), *steps, _Step(_RELEASE, None, [])]
        results: list[RawResult] = []
        late: list[tuple[int, _Prepared, PGresult]] = []

        def receive(index: int, result: PGresult) -> None:
            prepared = steps[index].prepared
            if prepared is None:
                results.append(RawResult((), (), "tuple", result.command_tuples))
                return
            try:
                results.append(self._rows(prepared, result))
            except MissingTypesError:
                late.append((len(results), prepared, result))
                results.append(RawResult((), (), "tuple", None))

        try:
            self._pipeline(map(self._sender, steps), receive)
        except BaseException as error:
            index = len(results) - nested
            if 0 <= index < len(entries):  # else a constraint was checked at the end
                plan = entries[index][0]
                error.add_note(f"statement {index} of the stack: {plan.source}")
                self._discard_stale(plan.sql, error)
            if nested:
                self._undo_stack()
            raise
        for at, prepared, result in late:
            results[at] = self._late_rows(prepared, result)
        return results[1:-1] if nested else results

    def _undo_stack(self) -> None:
        if self.status() in ("active", "failed"):
            try:
                self.execute_script(_UNDO)
            except protocol.Error:
                pass  # the transaction had been aborted before, so there is no savepoint

    def _can_send_together(self, entries: Sequence[tuple[Plan, Sequence[Any]]], nested: bool) -> bool:
        """Tell whether all can be prepared first.

        They cannot after a command that may create what they need, nor where a failure would abort the caller's
        transaction before there is a savepoint.
        """
        ahead = not nested
        for plan, _ in entries:
            if not ahead and plan.prepared and plan.sql not in self._statements.entries:
                return False
            ahead = ahead and plan.reads_or_writes and not plan.changes_session
        return True

    def _run_in_turn(self, entries: Sequence[tuple[Plan, Sequence[Any]]]) -> list[RawResult]:
        nested = self.status() != "idle"
        self.execute_script(_SAVEPOINT if nested else "begin")
        try:
            results = super().run_stack(entries)
        except BaseException:
            if nested:
                self._undo_stack()
            elif not self.is_closed():
                self.rollback()
            raise
        (self.execute_script(_RELEASE) if nested else self.commit())
        return results

    def _make_step(self, plan: Plan, args: Sequence[Any]) -> _Step:
        if not plan.prepared:
            return _Step(plan.sql, None, [])
        prepared = self._ready(plan.sql)
        prepared.used = True
        return _Step(plan.sql, prepared, prepared.encode(args))

    def _sender(self, step: _Step) -> Callable[[], Any]:
        if step.prepared is None:
            return partial(self._pgconn.send_query_params, step.sql.encode(), None, result_format=BINARY)
        prepared = step.prepared
        return partial(self._pgconn.send_query_prepared, prepared.name, step.values, prepared.formats, BINARY)

    # -- errors and cancellation ------------------------------------------------------------------

    def error_info(self, error: BaseException) -> ErrorInfo:
        return protocol.error_info(error, self.is_broken(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return protocol.connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return (
            self._connection.closed or self._pgconn.transaction_status not in _STATUS or protocol.ends_connection(error)
        )

    def cancel(self) -> None:
        self._connection.cancel_safe(timeout=1.0)

    def abort(self) -> None:
        protocol.cut(self._pgconn)

    # -- notifications ----------------------------------------------------------------------------

    def subscribe(self, channels: Sequence[str]) -> None:
        for channel in channels:
            self.execute_script(listen_sql(channel))

    def notifications(self) -> Iterator[Notification]:
        while not self._closing:
            # What an iteration before has left behind comes first.
            if self._inbox:
                yield self._inbox.popleft()
            else:
                self._wait_for_notifications()

    def _wait_for_notifications(self) -> None:
        # Nothing is yielded in here: a reader who stops early must not keep the connection from being closed.
        self._listening = True
        try:
            # The wait is limited so that `close` from another task or thread is noticed.
            for note in self._connection.notifies(timeout=0.5, stop_after=1):
                self._inbox.append(Notification(note.channel, note.payload, note.pid))
        finally:
            self._listening = False
            if self._closing:
                self._connection.close()


class SyncPsycopgCursor(SyncCursor):
    """A cursor that was declared in the open transaction."""

    __slots__ = ("_driver", "_name", "_prepared")

    def __init__(self, driver: SyncPsycopgDriver, prepared: _Prepared, name: str) -> None:
        self._driver = driver
        self._prepared = prepared
        self._name = name

    def fetch(self, count: int) -> RawResult:
        return self._driver.fetch_from(self._prepared, self._name, count)

    def close(self) -> None:
        self._driver.execute_script(f"close {self._name}")
