"""One asyncpg connection behind the adapter contract. Written for asyncpg 0.32."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.asyncpg._batch import run_batch
from sqlspec.adapters.asyncpg._calls import Calling, refusal
from sqlspec.adapters.asyncpg._connect import connect_to_any, leads_to_pooler
from sqlspec.adapters.asyncpg._copy import CopyFeed, copy_in
from sqlspec.adapters.asyncpg._cursor import Cursor
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg._statements import PooledStatements, Statements
from sqlspec.adapters.asyncpg.spec import SPEC
from sqlspec.core.result import Described, RawResult, raw_result
from sqlspec.driver._async_driver import AsyncCursor, AsyncRowFeed, aborted_commit
from sqlspec.driver._async_literals import with_literals
from sqlspec.driver._sockets import apply_keepalives
from sqlspec.driver._statements import COUNTED_VERBS, ROW_COUNT_VERBS, with_returning
from sqlspec.driver._types import Notification
from sqlspec.exceptions import DataError
from sqlspec.postgres.errors import affected_rows, check_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from typing import Self

    from sqlspec.adapters.asyncpg._statements import Prepared
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.driver._types import CopyTarget
    from sqlspec.postgres.settings import ConnectionSettings

__all__ = ("AsyncpgDriver",)


class AsyncpgDriver(Calling):
    """A connection of asyncpg."""

    __slots__ = ("_codecs", "_inbox", "_statements", "pooled")

    spec = SPEC
    bulk_from = 120

    def __init__(self, connection: asyncpg.Connection, derived: Derived, cached: int, *, pooled: bool = False) -> None:
        super().__init__(connection)
        self.derived = derived
        self.pooled = pooled
        self._statements = (PooledStatements if pooled else Statements)(connection, derived, cached, self.learn_types)
        self._codecs = self._statements.codecs
        self._inbox: asyncio.Queue[Notification | None] | None = None

    # -- the connection ---------------------------------------------------------------------------

    @classmethod
    async def connect(cls, settings: ConnectionSettings, derived: Derived) -> Self:
        connection = await connect_to_any(settings)
        try:
            server = connection.get_settings()
            check_session(server.client_encoding, server.standard_conforming_strings)
            # There is no option for this: the driver hides its socket, so the transport is asked for it.
            apply_keepalives(connection._transport.get_extra_info("socket"), settings)
            pooled = await leads_to_pooler(connection, settings)
            return cls(connection, derived, settings.native.get("statement_cache_size", 256), pooled=pooled)
        except BaseException:
            connection.terminate()
            raise

    @property
    def connection(self) -> asyncpg.Connection:
        return self._connection

    @property
    def backend_pid(self) -> int | None:
        return None if self.pooled else int(self._connection.get_server_pid())

    async def close(self) -> None:
        if self._inbox is not None:
            self._inbox.put_nowait(None)
        try:
            await self._connection.close(timeout=2)
        except (*self.native_errors, asyncio.CancelledError) as error:
            self._connection.terminate()
            if isinstance(error, asyncio.CancelledError):
                raise

    # -- statements -------------------------------------------------------------------------------

    async def execute(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        known = prepared = self._statements.get(plan.sql)
        if prepared is None and not plan.prepared:
            return await self._command(plan)
        self._running = True
        try:
            if prepared is None:
                prepared = await self._statements.prepare(plan.sql)
            elif prepared.learnt is not None:
                prepared = await self._statements.ready(plan.sql)
            prepared.used = True
            if self._request is not None:  # it came between two statements
                raise refusal()
            try:
                rows = await prepared.fetch(*prepared.encode(args))
            except DataError as error:
                if prepared is not known and self._statements.kept:
                    raise
                prepared = await self._statements.describe_again(plan.sql, prepared, error)
                rows = await self._fetch_again(prepared, args)
            except asyncpg.PostgresError as error:
                prepared = await self._statements.prepare_again(plan, prepared, error)
                rows = await self._fetch_again(prepared, args)
            if self._request is not None:
                await self.let_request_pass()
        except BaseException as error:
            await self.failed(error)
            raise
        finally:
            self._running = False
        columns = prepared.columns
        if self._codecs.met:
            rows = await self._codecs.read_again(rows, columns, self.learn_types)
        if plan.verb == "SELECT":
            if plan.returns_rows:
                return raw_result((rows, columns, "tuple", len(rows)))
            self._statements.note_changes(plan.sql)  # INTO, with parameters
        return raw_result((rows, columns, "tuple", affected_rows(prepared.statement.get_statusmsg())))

    async def _fetch_again(self, prepared: Prepared, args: Sequence[Any]) -> list[Any]:
        if self._request is not None:
            raise refusal()
        rows: list[Any] = await prepared.fetch(*prepared.encode(args))
        return rows

    async def _command(self, plan: Plan) -> RawResult:
        tag = await self.run(self._connection.execute(plan.sql))
        self._statements.note_changes(plan.sql)
        return RawResult((), (), "tuple", affected_rows(tag))

    async def execute_many(self, plan: Plan, rows: Iterable[Sequence[Any]]) -> RawResult:
        # The driver reports no count for a batch; the rows of RETURNING can be counted.
        counted = plan.verb in COUNTED_VERBS and not plan.returns_rows and await self._can_return(plan)
        sql = with_returning(plan.body) if counted else plan.sql
        prepared, checked = await self._statements.bound_rows(sql, rows)
        statement = prepared.statement
        try:
            if not plan.returns_rows and not counted:
                await self.stoppable(run_batch(statement.executemany, checked, self._connection))
                return RawResult((), (), "tuple", None)
            found = await self.stoppable(run_batch(statement.fetchmany, checked, self._connection))
        except asyncpg.PostgresError as error:
            self._statements.discard_stale(plan, error, sql)
            raise
        if counted:
            return RawResult((), (), "tuple", len(found))
        if self._codecs.met:
            found = await self._codecs.read_again(found, prepared.columns, self.learn_types)
        return RawResult(found, prepared.columns, "tuple", len(found) if plan.verb in ROW_COUNT_VERBS else None)

    async def _can_return(self, plan: Plan) -> bool:
        """Prepare a batch with RETURNING; `False` when a rule of the table forbids that.

        The refusal would abort the caller's transaction, so the first attempt is made in a savepoint.
        """
        sql = with_returning(plan.body)
        if self._statements.get(sql) is not None:
            return True
        await self._connection.execute("savepoint sqlspec_count")
        try:
            await self._statements.prepare(sql)
        except asyncpg.FeatureNotSupportedError:
            await self._connection.execute("rollback to sqlspec_count; release sqlspec_count")
            return False
        await self._connection.execute("release sqlspec_count")
        return True

    async def execute_script(self, text: str) -> None:
        try:
            await self.run(self._connection.execute(text))
        finally:
            self._statements.note_changes(text)

    async def describe(self, plan: Plan) -> Described:
        prepared = await self._statements.ready(plan.sql)
        await self.end_preparing()
        return Described(prepared.oids, prepared.columns)

    def forget(self, plan: Plan) -> None:
        self._statements.discard(plan.sql)
        self._statements.discard(with_returning(plan.body))

    async def fetch_text(self, text: str) -> Sequence[Sequence[str | None]]:
        return [tuple(row) for row in await self._connection.fetch(text)]

    async def reset(self) -> None:
        # A borrower of the raw connection may have left listeners and a transaction object in the driver, which logs a
        # warning when it has to end an open transaction itself.
        if self.status() != "idle":
            await self.rollback()
        if not self.pooled:
            await self._connection.reset()
        await super().reset()

    def names_changed(self) -> None:
        self._statements.names_changed()

    async def begin(self, text: str) -> None:
        if self._statements.unsettled:
            self._statements.settle()
        self._heeding = True  # nothing is lost, and what is to come in the transaction is meant too
        try:
            await self.run(self._connection.execute(text))
        finally:
            self._heeding = False

    async def commit(self) -> None:
        # The tag tells what COMMIT did; a COMMIT of an aborted transaction answers ROLLBACK.
        if await self._connection.execute("commit") == "ROLLBACK":
            raise aborted_commit(SPEC.name)

    async def open_cursor(self, plan: Plan, args: Sequence[Any]) -> AsyncCursor:
        prepared, values = await self._statements.bound(plan.sql, args)
        try:
            cursor = await self.run(prepared.statement.cursor(*values))
        except asyncpg.PostgresError as error:
            self._statements.discard_stale(plan, error)
            raise
        return Cursor(self, cursor, prepared.columns)

    # -- in bulk ----------------------------------------------------------------------------------

    async def open_feed(self, plan: Plan, args: Sequence[Any], width: int) -> AsyncRowFeed:
        return CopyFeed(self, await with_literals(self, plan, args))

    async def copy_in(self, target: CopyTarget, pieces: AsyncIterator[bytes]) -> int:
        return await self.stoppable(copy_in(self._connection, target, pieces))

    async def execute_binary(
        self, sql: str, parameters: Sequence[tuple[int, bytes | None]], *, rows: int | None = None
    ) -> int:
        prepared = await self._statements.taking_bytes(sql, tuple(oid for oid, _ in parameters))
        try:
            await self.run(prepared.fetch(*(value for _, value in parameters)))
        except asyncpg.PostgresError:
            self._statements.forget_taking_bytes(sql, prepared.oids)
            raise
        return affected_rows(prepared.statement.get_statusmsg()) or 0

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
