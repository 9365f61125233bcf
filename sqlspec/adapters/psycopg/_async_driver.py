# The synchronous twin is generated from this file by tools/unasync.py. Written for psycopg 3.3.
"""One psycopg connection behind the adapter contract.

Statements go straight to libpq, below psycopg's cursors: prepared by name, parameters in the binary format of
the types that the server described, so that no type is derived from a Python value.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from psycopg import pq
from psycopg.generators import execute as run

from sqlspec.adapters.psycopg import _protocol as protocol
from sqlspec.adapters.psycopg._async_batch import run_batch
from sqlspec.adapters.psycopg._async_copy import AsyncPsycopgFeed, copy_in
from sqlspec.adapters.psycopg._async_cursor import AsyncPsycopgCursor
from sqlspec.adapters.psycopg._async_native import AsyncNative
from sqlspec.adapters.psycopg._async_pooled import AsyncPooledStatements
from sqlspec.adapters.psycopg._async_stack import run_stack, stack_alone
from sqlspec.adapters.psycopg._async_statements import AsyncStatements
from sqlspec.adapters.psycopg._types import DECODE_ERRORS
from sqlspec.adapters.psycopg.spec import SPEC
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._aio import Expired, call_with_timeout
from sqlspec.driver._async_driver import AsyncCursor, AsyncDriver, AsyncRowFeed, aborted_commit
from sqlspec.driver._async_literals import with_literals
from sqlspec.driver._types import DriverStatus, Entries, Notification
from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import MissingTypesError
from sqlspec.postgres.errors import check_session
from sqlspec.postgres.poolers import check_kept, is_own_backend
from sqlspec.postgres.sql import listen as listen_sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from typing import Self

    from psycopg.pq.abc import PGresult

    from sqlspec.adapters.psycopg._async_statements import Prepared
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import CopyTarget
    from sqlspec.exceptions import ErrorInfo
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("AsyncPsycopgDriver",)

TUPLES_OK, FATAL_ERROR = pq.ExecStatus.TUPLES_OK, pq.ExecStatus.FATAL_ERROR
BINARY = pq.Format.BINARY

_STATUS: dict[int, DriverStatus] = {
    pq.TransactionStatus.IDLE: "idle",
    pq.TransactionStatus.INTRANS: "active",
    pq.TransactionStatus.INERROR: "failed",
}


class AsyncPsycopgDriver(AsyncDriver):
    """A connection of psycopg."""

    __slots__ = ("_connection", "_inbox", "_pgconn", "_run", "_statements", "_stopped", "_wait", "pooled")

    spec = SPEC
    native_errors = (protocol.Error,)
    numbers_rows = True
    movable = protocol.WAITS_FOR_FUTURES
    bulk_from = 100

    def __init__(self, connection: AsyncNative[Any], derived: Derived, cached: int) -> None:
        self._connection = connection
        self.derived = derived
        self.pooled = False
        self._pgconn = connection.pgconn
        self._run = connection.run
        self._wait = super(AsyncNative, connection).wait  # without the marks, which `execute` makes itself
        self._statements = AsyncStatements(connection, derived, cached, self.learn_types)
        self._stopped = False
        self._inbox: deque[Notification] = deque()

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        try:
            connection = await AsyncNative.connect(autocommit=True, **protocol.connect_options(settings))
        except BaseException as error:
            # The traceback of an interruption holds the connection, which would stay open as long as the error lives.
            error.__traceback__ = None
            raise
        try:
            protocol.check_library()
            check_session(*protocol.session_parameters(connection.pgconn))
            driver = cls(connection, derived, settings.native.get("statement_cache_size", 256))
            if settings.pooler or (settings.pooler is None and await driver._meets_pooler(settings.connect_timeout)):
                check_kept(settings, SPEC.name)
                driver.pooled = True
                driver._statements = AsyncPooledStatements(connection, derived, 1, driver.learn_types)
                protocol.restore_defaults(connection, pooled=True)
            return driver
        except BaseException:
            await connection.close()
            raise

    async def _meets_pooler(self, seconds: float | None) -> bool:
        query = is_own_backend(self._pgconn.backend_pid)
        try:
            rows = await (
                self.fetch_text(query) if seconds is None else call_with_timeout(seconds, self, self.fetch_text, query)
            )
        except Expired:
            raise protocol.ConnectionTimeout from None
        return not rows

    @property
    def connection(self) -> AsyncNative[Any]:
        return self._connection

    @property
    def backend_pid(self) -> int | None:
        return None if self.pooled else self._pgconn.backend_pid

    async def close(self) -> None:
        await self._connection.close()

    def is_closed(self) -> bool:
        return self._connection.closing or self._connection.closed

    def status(self) -> DriverStatus:
        request = self._connection.request
        if request is not None and request.woken:
            return "active"  # what is sent next may be stopped: not to be lent
        return _STATUS.get(self._pgconn.transaction_status, "unknown")

    # -- statements -------------------------------------------------------------------------------

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        known = prepared = self._statements.get(plan.sql)
        if prepared is None:
            if not plan.prepared:
                return await self._command(plan)
            prepared = await self._statements.prepare(plan.sql)
        elif prepared.learnt is not None:
            prepared = await self._statements.ready(plan.sql)
        prepared.used = True
        try:
            values = prepared.encode(args)
        except DataError as error:
            if prepared is not known and self._statements.kept:
                raise
            prepared = await self._statements.describe_again(plan.sql, prepared, error)
            values = prepared.encode(args)
        native = self._connection
        try:  # the same as in `AsyncNative.run`
            native.busy = True
            if native.closing:
                raise protocol.closed()
            prepared.send(prepared.name, values, prepared.formats, BINARY)
            result = (await self._wait(run(native.pgconn)))[-1]
        finally:
            native.busy = False
            if native.closing or native.request is not None:
                await native.calm()
        if result.status == FATAL_ERROR:
            prepared = await self._statements.prepare_again(plan, prepared, result)
            values = prepared.encode(args)
            result = await self._answer(None, prepared.send, prepared.name, values, prepared.formats, BINARY)
        if result.status != TUPLES_OK:
            if not plan.reads_or_writes:  # SELECT INTO, CREATE TABLE AS and others, with parameters
                self._statements.note_changes(plan.sql)
            return RawResult((), (), "tuple", result.command_tuples)
        # The same as in `AsyncStatements.rows`, spelled out: a call is a tenth of the package's share.
        loaders = prepared.loaders
        loaders.set_pgresult(result, set_loaders=False)
        try:
            rows = loaders.load_rows(0, result.ntuples, tuple)
        except DECODE_ERRORS:
            rows = await self._statements.decode_slowly(prepared, result)
        finally:
            loaders.set_pgresult(None, set_loaders=False)  # or the cache would keep each statement's last rows
        return raw_result((rows, prepared.columns, "tuple", result.command_tuples))

    async def _command(self, plan: Plan) -> RawResult:
        send = partial(self._pgconn.send_query_params, result_format=BINARY)
        result = await self._answer(plan.sql, send, plan.sql.encode(), None)
        self._statements.note_changes(plan.sql)
        return RawResult((), (), "tuple", result.command_tuples)

    async def _answer(self, sent: str | None, send: Callable[..., object], *args: Any) -> PGresult:
        """Send one query and return its result; `sent` is its text where that is the user's."""
        return protocol.checked((await self._run(send, *args))[-1], sent)

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        return await run_batch(self._pgconn, self._statements, plan, rows)

    def stack_alone(self, entries: Entries) -> Callable[[], Awaitable[list[RawResult]]] | None:
        return stack_alone(self, self._statements, entries)

    async def run_stack(self, entries: Entries) -> list[RawResult]:
        return await run_stack(self, self._statements, entries, super().run_stack)

    async def execute_script(self, text: str) -> None:
        try:
            for result in await self._run(self._pgconn.send_query, text.encode()):
                protocol.checked(result, text)
        finally:
            self._statements.note_changes(text)

    async def describe(self, plan: Plan) -> Described:
        prepared = await self._statements.ready(plan.sql)
        return Described(prepared.oids, prepared.columns)

    def forget(self, plan: Plan) -> None:
        self._statements.discard(plan.sql)

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        absorbed = self._connection.absorbed
        result = await self._answer(None, self._pgconn.send_query, text.encode())
        if self._connection.absorbed != absorbed:  # as in `begin`
            raise protocol.stopped()
        return protocol.text_rows(result)

    async def reset(self) -> None:
        await super().reset()
        # A borrower of the raw connection may have changed what its cursors do.
        await self._connection.set_autocommit(True)
        protocol.restore_defaults(self._connection, pooled=self.pooled)

    def names_changed(self) -> None:
        self._statements.names_changed()

    async def begin(self, text: str) -> None:
        if self._statements.unsettled:
            self._statements.settle()
        absorbed = self._connection.absorbed
        for result in await self._run(self._pgconn.send_query, text.encode()):
            protocol.checked(result, text)
        if self._connection.absorbed != absorbed:  # what was to be stopped is about to begin
            raise protocol.stopped()

    async def commit(self) -> None:
        # The tag tells what COMMIT did; a COMMIT of an aborted transaction answers ROLLBACK.
        result = protocol.checked((await self._run(self._pgconn.send_query, b"commit"))[-1])
        if result.command_status == b"ROLLBACK":
            raise aborted_commit(SPEC.name)

    async def open_cursor(self, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
        statements = self._statements
        known = statements.get(plan.sql)
        if known is not None and known.text is not None:
            statements.discard(plan.sql)  # the text around the user's hides what has changed since
        prepared, values = await statements.bound(plan.sql, args)
        name = statements.new_name()
        if not statements.still_gives(prepared, await self._declare(name, plan, prepared, values)):
            # The server plans the text of a cursor anew, so unlike `execute` it does not refuse what has changed. By
            # now it holds locks on all that the cursor reads: it cannot change once more.
            await self.execute_script(f"close {name}")
            statements.discard(plan.sql)
            prepared, values = await statements.bound(plan.sql, args)
            await self._declare(name, plan, prepared, values)
        return AsyncPsycopgCursor(self, prepared, name)

    async def _declare(self, name: str, plan: Plan, prepared: Prepared, values: list[bytes | None]) -> PGresult:
        """Declare a cursor and return its description, in one round trip."""
        pgconn = self._pgconn
        declare = f"declare {name} no scroll cursor for {prepared.text or plan.body}".encode()
        commands = (
            partial(pgconn.send_query_params, declare, values, prepared.oids, prepared.formats, BINARY),
            partial(pgconn.send_describe_portal, name.encode()),
        )
        answers: list[PGresult] = []
        await self._statements.pipeline(iter(commands), lambda _, result: answers.append(result))
        return answers[-1]

    async def fetch_from(self, prepared: Prepared, name: str, count: int) -> RawResult:
        """Return the next rows of a cursor that was declared for a prepared statement."""
        send = partial(self._pgconn.send_query_params, result_format=BINARY)
        result = await self._answer(None, send, f"fetch forward {count} from {name}".encode(), None)
        try:
            return self._statements.rows(prepared, result)
        except MissingTypesError:
            return await self._statements.late_rows(prepared, result)

    # -- in bulk ----------------------------------------------------------------------------------

    async def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
        feed = AsyncPsycopgFeed(self)
        await feed.open(await with_literals(self, plan, args))
        return feed

    async def copy_in(self, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
        self._stopped = False
        return await copy_in(self._connection, target, pieces, lambda: self._stopped)

    async def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        prepared = await self._statements.ready(sql)
        prepared.used = True
        values = [value for _, value in parameters]
        formats = [BINARY] * len(values)
        try:
            return (await self._answer(None, prepared.send, prepared.name, values, formats, BINARY)).command_tuples or 0
        except protocol.Error:
            self._statements.discard(sql)
            raise

    # -- errors and cancellation ------------------------------------------------------------------

    def error_info(self, error: BaseException) -> ErrorInfo:
        return protocol.error_info(error, self.is_broken(error))

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        return protocol.connect_error_info(error)

    def is_broken(self, error: BaseException) -> bool:
        return not self._connection.is_in_step() or protocol.ends_connection(error)

    async def cancel(self) -> None:
        self._stopped = True
        await self._connection.stop()

    def abort(self) -> None:
        self._connection.cut()

    # -- notifications ----------------------------------------------------------------------------

    async def subscribe(self, channels: Sequence[str]) -> None:
        for channel in channels:
            await self.execute_script(listen_sql(channel))

    async def notifications(self) -> AsyncIterator[Notification]:
        while not self._connection.closing:
            # What an iteration before has left behind comes first.
            if self._inbox:
                yield self._inbox.popleft()
            else:
                await self._connection.hear(self._inbox)
