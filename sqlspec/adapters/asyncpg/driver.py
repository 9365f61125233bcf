"""One asyncpg connection behind the adapter contract. Written for asyncpg 0.32."""

from __future__ import annotations

import asyncio
import itertools
import random
from asyncio import current_task
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from sqlspec.adapters.asyncpg._batch import run_batch
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg._types import Installed, type_refused
from sqlspec.adapters.asyncpg.spec import SPEC
from sqlspec.core.result import Column, Described, RawResult, raw_result
from sqlspec.driver._async_driver import AsyncCursor, AsyncDriver, aborted_commit
from sqlspec.driver._sockets import apply_keepalives
from sqlspec.driver._statements import StatementCache
from sqlspec.driver._types import DriverStatus, Notification
from sqlspec.exceptions import (
    ConnectionTimeoutError,
    DatabaseConnectionError,
    ErrorInfo,
    OperationalError,
    ends_session,
    is_stale_statement,
)
from sqlspec.postgres.errors import affected_rows, check_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from typing import Self

    from asyncpg.prepared_stmt import PreparedStatement

    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("AsyncpgDriver",)

T = TypeVar("T")

_COUNTED_VERBS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


class _Prepared:
    """A statement prepared on one connection; `learnt` is as `CodecRegistry.stamp` gives it."""

    __slots__ = ("check", "columns", "fetch", "learnt", "statement", "used")

    def __init__(
        self,
        statement: PreparedStatement,
        columns: tuple[Column, ...],
        check: Callable[[Sequence[Any]], Sequence[Any]],
        learnt: int | None,
    ) -> None:
        self.statement = statement
        self.fetch = statement.fetch
        self.columns = columns
        self.check = check
        self.learnt = learnt
        self.used = True


class AsyncpgDriver(AsyncDriver):
    """A connection of asyncpg."""

    __slots__ = (
        "_caller",
        "_codecs",
        "_connection",
        "_inbox",
        "_names",
        "_statements",
        "_stopped",
        "_uncounted",
    )

    spec = SPEC
    native_errors = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

    def __init__(self, connection: asyncpg.Connection, derived: Derived, cached: int) -> None:
        self._connection = connection
        self.derived = derived
        self._codecs = Installed(connection, derived.codecs)
        self._statements: StatementCache[_Prepared] = StatementCache(cached)
        self._names = itertools.count(1)
        self._caller: asyncio.Task[Any] | None = None
        self._stopped = False
        self._uncounted: set[str] = set()
        self._inbox: asyncio.Queue[Notification | None] | None = None

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        connection = await _connect_to_any(settings)
        try:
            server = connection.get_settings()
            check_session(server.client_encoding, server.standard_conforming_strings)
            # There is no option for this: the driver hides its socket, so the transport is asked for it.
            apply_keepalives(connection._transport.get_extra_info("socket"), settings)
            return cls(connection, derived, settings.native.get("statement_cache_size", 256))
        except BaseException:
            connection.terminate()
            raise

    @property
    def connection(self) -> asyncpg.Connection:
        return self._connection

    @property
    def backend_pid(self) -> int | None:
        pid: int = self._connection.get_server_pid()
        return pid

    async def close(self) -> None:
        if self._inbox is not None:
            self._inbox.put_nowait(None)
        try:
            await self._connection.close(timeout=2)
        except (*self.native_errors, asyncio.CancelledError) as error:
            self._connection.terminate()
            if isinstance(error, asyncio.CancelledError):
                raise

    def is_closed(self) -> bool:
        return bool(self._connection.is_closed())

    def status(self) -> DriverStatus:
        if self._connection.is_closed():
            return "unknown"
        return "active" if self._connection.is_in_transaction() else "idle"

    # -- statements -------------------------------------------------------------------------------

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        prepared = self._statements.get(plan.sql)
        self._caller = current_task()
        try:
            if prepared is None:
                if not plan.prepared:
                    return RawResult((), (), "tuple", affected_rows(await self._command(plan)))
                prepared = await self._prepare(plan.sql)
            elif prepared.learnt is not None:
                prepared = await self._ready(plan.sql)
            prepared.used = True
            try:
                rows = await prepared.fetch(*prepared.check(args))
            except asyncpg.PostgresError as error:
                prepared = await self._prepare_again(plan, error)
                rows = await prepared.fetch(*prepared.check(args))
        except asyncio.CancelledError:
            await self._absorb_stop()
            raise
        finally:
            self._caller = None
        columns = prepared.columns
        if self._codecs.met:
            rows = await self._codecs.read_again(rows, columns, self.learn_types)
        if plan.verb == "SELECT" and plan.returns_rows:
            return raw_result((rows, columns, "tuple", len(rows)))
        return raw_result((rows, columns, "tuple", affected_rows(prepared.statement.get_statusmsg())))

    async def _command(self, plan: Plan) -> str | None:
        tag: str | None = await self._connection.execute(plan.sql)
        if plan.verb in ("DEALLOCATE", "DISCARD"):
            self._statements.clear()
        elif plan.verb in ("ALTER", "DROP"):
            self.derived.codecs.forget_learnt()
        return tag

    async def _ready(self, sql: str) -> _Prepared:
        """Return a statement prepared with the types as they are known now."""
        prepared = self._statements.get(sql)
        if prepared is not None:
            if prepared.learnt is None or prepared.learnt == self.derived.codecs.generation:
                return prepared
            self._statements.discard(sql)
        return await self._prepare(sql)

    async def _parse(self, sql: str) -> PreparedStatement:
        """Prepare a statement on the server."""
        while True:
            try:
                return await self._connection.prepare(sql, name=f"sqlspec_{next(self._names)}")
            except asyncpg.UnsupportedClientFeatureError as error:
                query = type_refused(error)
                if query is None:
                    raise
                oids = [int(oid or 0) for (oid,) in await self.fetch_text(query)]
                await self.learn_types(oids)
                if not self._codecs.install(oids):
                    raise

    async def _prepare(self, sql: str) -> _Prepared:
        statement = await self._parse(sql)
        oids = tuple(parameter.oid for parameter in statement.get_parameters())
        columns = tuple(Column(attribute.name, attribute.type.oid) for attribute in statement.get_attributes())
        types = (*oids, *(column.oid for column in columns))
        codecs = self.derived.codecs
        await self.learn_types(types)
        learnt = codecs.stamp(types)
        if self._codecs.install(types):
            statement = await self._parse(sql)
        prepared = _Prepared(statement, self.derived.columns(columns), codecs.checker(oids), learnt)
        # The statement that is evicted is closed on the server by asyncpg once it is garbage.
        self._statements.add(sql, prepared)
        return prepared

    async def _prepare_again(self, plan: Plan, error: asyncpg.PostgresError) -> _Prepared:
        """Prepare anew after a change of the schema; re-raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user. So must that of a procedure,
        which may have committed before.
        """
        sql = plan.sql
        fields: Any = error
        # asyncpg puts words of its own in place of the server's for this one.
        stale = isinstance(error, asyncpg.InvalidCachedStatementError)
        if not stale and not is_stale_statement(fields.sqlstate, _words(error)):
            raise error
        self.derived.codecs.forget_learnt()
        self._statements.discard(sql)
        if self._connection.is_in_transaction() or not plan.reads_or_writes:
            raise error
        await self._connection.reload_schema_state()
        return await self._prepare(sql)

    async def _stoppable(self, operation: Awaitable[T]) -> T:
        """Await an operation of the driver so that `cancel` can stop it; `execute` does the same in place."""
        self._caller = current_task()
        try:
            return await operation
        except asyncio.CancelledError:
            await self._absorb_stop()
            raise
        finally:
            self._caller = None

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        # The driver reports no count for a batch; the rows of RETURNING can be counted.
        counted = plan.verb in _COUNTED_VERBS and not plan.returns_rows and await self._can_return(plan)
        sql = f"{plan.body}\nreturning 1" if counted else plan.sql
        prepared = await self._ready(sql)
        prepared.used = True
        statement = prepared.statement
        try:
            if not plan.returns_rows and not counted:
                await self._stoppable(run_batch(statement.executemany, rows, prepared.check, self.abort))
                return RawResult((), (), "tuple", None)
            found = await self._stoppable(run_batch(statement.fetchmany, rows, prepared.check, self.abort))
        except asyncpg.PostgresError as error:
            fields: Any = error
            if is_stale_statement(fields.sqlstate, _words(error)):
                self.derived.codecs.forget_learnt()
                self._statements.discard(sql)
            raise
        if counted:
            return RawResult((), (), "tuple", len(found))
        if self._codecs.met:
            found = await self._codecs.read_again(found, prepared.columns, self.learn_types)
        return RawResult(found, prepared.columns, "tuple", len(found))

    async def _can_return(self, plan: Plan) -> bool:
        """Prepare a batch with RETURNING; `False` when a rule of the table forbids that.

        The refusal would abort the caller's transaction, so the first attempt is made in a savepoint.
        """
        sql = f"{plan.body}\nreturning 1"
        if sql in self._statements.entries:
            return True
        if plan.sql in self._uncounted:
            return False
        await self._connection.execute("savepoint sqlspec_count")
        try:
            await self._prepare(sql)
        except asyncpg.FeatureNotSupportedError:
            await self._connection.execute("rollback to sqlspec_count; release sqlspec_count")
            self._uncounted.add(plan.sql)
            return False
        await self._connection.execute("release sqlspec_count")
        return True

    async def execute_script(self, text: str) -> None:
        await self._stoppable(self._connection.execute(text))
        # A script may have dropped what was prepared; preparing again is cheap, a missing statement is an error.
        words = text.lower()
        if "deallocate" in words or "discard" in words:
            self._statements.clear()
        if "alter" in words or "drop" in words:
            self.derived.codecs.forget_learnt()

    async def describe(self, plan: Plan) -> Described:
        prepared = await self._ready(plan.sql)
        oids = tuple(parameter.oid for parameter in prepared.statement.get_parameters())
        return Described(oids, prepared.columns)

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        return [tuple(row) for row in await self._connection.fetch(text)]

    async def reset(self) -> None:
        # A borrower of the raw connection may have left listeners and a transaction object in the driver.
        await self._connection.reset()
        await super().reset()

    async def commit(self) -> None:
        # The tag tells what COMMIT did; a COMMIT of an aborted transaction answers ROLLBACK.
        if await self._connection.execute("commit") == "ROLLBACK":
            raise aborted_commit(SPEC.name)

    async def open_cursor(self, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
        prepared = await self._ready(plan.sql)
        cursor = await self._stoppable(prepared.statement.cursor(*prepared.check(args)))
        return _Cursor(self, cursor, prepared.columns)

    # -- errors and cancellation ------------------------------------------------------------------

    def error_info(self, error: BaseException) -> ErrorInfo:
        cause = error.__cause__
        if isinstance(error, asyncpg.ConnectionDoesNotExistError) and isinstance(cause, asyncpg.PostgresError):
            error = cause  # what the server said when it ended the connection
        fields: Any = error
        if isinstance(error, asyncpg.PostgresError) and fields.sqlstate is not None:
            return ErrorInfo(
                message=_words(error),
                sqlstate=fields.sqlstate,
                detail=fields.detail,
                hint=fields.hint,
                constraint=fields.constraint_name,
                table=fields.table_name,
                column=fields.column_name,
            )
        lost = isinstance(error, OSError) or self._connection.is_closed()
        return ErrorInfo(_words(error), fallback=DatabaseConnectionError if lost else OperationalError)

    @classmethod
    def connect_error_info(cls, error: BaseException) -> ErrorInfo:
        fields: Any = error
        if isinstance(error, asyncpg.PostgresError) and fields.sqlstate is not None:
            words = f"cannot connect: {_words(error)}"
            return ErrorInfo(words, fields.sqlstate, fields.detail, fields.hint, fallback=DatabaseConnectionError)
        if isinstance(error, TimeoutError):
            return ErrorInfo(
                "connecting timed out: the server did not answer within connect_timeout; check host and port",
                fallback=ConnectionTimeoutError,
            )
        return ErrorInfo(f"cannot connect: {_words(error)}", fallback=DatabaseConnectionError)

    def is_broken(self, error: BaseException) -> bool:
        if self._connection.is_closed() or isinstance(error, (OSError, asyncpg.InternalClientError)):
            return True
        fields: Any = error
        if not isinstance(error, asyncpg.PostgresError):
            return False
        return ends_session(fields.sqlstate) or fields.severity_en in ("FATAL", "PANIC")

    async def cancel(self) -> None:
        # asyncpg sends a CancelRequest when the task that waits for a statement is cancelled; there is no other
        # public way. `execute` turns that into the server's own answer and takes the cancellation back.
        caller = self._caller
        if caller is not None and not self._stopped:
            self._stopped = True
            caller.cancel()

    def abort(self) -> None:
        self._connection.terminate()

    async def _absorb_stop(self) -> None:
        caller, self._caller = self._caller, None
        if self._stopped and caller is not None:
            self._stopped = False
            if caller.uncancel() == 0:
                # Until the server has answered, the driver's view of the transaction is that from before the statement.
                await self.settle()
                raise asyncpg.QueryCanceledError("canceling statement due to user request")

    # -- notifications ----------------------------------------------------------------------------

    async def subscribe(self, channels: Sequence[str]) -> None:
        inbox: asyncio.Queue[Notification | None] = asyncio.Queue()
        self._inbox = inbox
        self._connection.add_termination_listener(lambda _: inbox.put_nowait(None))
        for channel in channels:
            await self._connection.add_listener(
                channel, lambda _, pid, name, payload: inbox.put_nowait(Notification(name, payload, pid))
            )

    async def notifications(self) -> AsyncIterator[Notification]:
        inbox = self._inbox
        while inbox is not None:
            notification = await inbox.get()
            if notification is None:
                return
            yield notification


class _Cursor(AsyncCursor):
    """A portal of the extended query protocol."""

    __slots__ = ("_columns", "_cursor", "_driver")

    def __init__(self, driver: AsyncpgDriver, cursor: Any, columns: tuple[Column, ...]) -> None:
        self._driver = driver
        self._cursor: Any = cursor
        self._columns = columns

    async def fetch(self, count: int) -> RawResult:
        driver = self._driver
        rows = await driver._stoppable(self._cursor.fetch(count))
        if driver._codecs.met:
            rows = await driver._codecs.read_again(rows, self._columns, driver.learn_types)
        return RawResult(rows, self._columns, "tuple", None)

    async def close(self) -> None:
        # The driver has no public way. An open portal would keep its snapshot and locks until the transaction ends.
        cursor, self._cursor = self._cursor, None
        if cursor is not None and cursor._portal_name:
            await cursor._close_portal(None)


def _words(error: BaseException) -> str:
    return str(error.args[0]) if error.args and isinstance(error.args[0], str) else str(error) or type(error).__name__


async def _connect_to_any(settings: ConnectionSettings) -> asyncpg.Connection:
    """Connect to the first server that answers and is acceptable.

    The driver takes several hosts too, but its time limit covers them all: one that is silent would use it up.
    """
    servers = list(zip(settings.hosts, settings.ports, strict=True))
    if settings.load_balance_hosts == "random":
        random.shuffle(servers)
    wanted: str = settings.target_session_attrs
    failure: BaseException | None = None
    for attributes in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        options: dict[str, Any] = {**_connect_options(settings), "target_session_attrs": attributes}
        for host, port in servers:
            try:
                return await asyncpg.connect(host=host, port=port, **options)
            except (OSError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched) as error:
                failure = error
    assert failure is not None
    raise failure


def _connect_options(settings: ConnectionSettings) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect`, without the server."""
    startup = {"application_name": settings.application_name, "options": settings.options}
    server_settings = {key: value for key, value in startup.items() if value is not None}
    server_settings.update(settings.session_settings)
    native = settings.native
    # The driver takes certificates only as parts of a DSN; all else is given by name and has precedence over it.
    tls = {key: getattr(settings, key) for key in ("sslrootcert", "sslcert", "sslkey")}
    tls |= {key: native.get(key) for key in ("sslcrl", "sslpassword", "sslnegotiation")}
    query = urlencode({key: value for key, value in tls.items() if value is not None})
    return {
        "dsn": f"postgresql://?{query}",
        "user": settings.user,
        "password": settings.password,
        "passfile": native.get("passfile"),
        "database": settings.database,
        "timeout": settings.connect_timeout,
        "ssl": native.get("ssl_context") or settings.sslmode,
        "direct_tls": native.get("direct_tls"),
        "server_settings": server_settings,
        # Statements are kept by this package, with the types that their parameters were checked against.
        "statement_cache_size": 0,
    }
