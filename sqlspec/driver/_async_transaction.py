# The synchronous twin is generated from this file by tools/unasync.py.
"""Transactions, savepoints, retries and settings of a session. `_async_scopes` has their `with` blocks."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlspec.core._settings import KEPT_REASON, misreads
from sqlspec.core.arguments import whole
from sqlspec.core.result import RawResult
from sqlspec.driver._aio import GRACE, PREEMPTIVE, begun, current_runner, sleep, uninterrupted
from sqlspec.driver._async_base import AsyncSessionBase, OpenTransaction, check_limit
from sqlspec.driver._async_scopes import AsyncSavepoint, AsyncSettings, AsyncTransaction
from sqlspec.driver._outcome import commit_unknown
from sqlspec.driver._types import OWN_SAVEPOINT
from sqlspec.exceptions import (
    RETRYABLE,
    ImproperConfigurationError,
    OperationCancelledError,
    ParameterError,
    QueryTimeoutError,
    SQLSpecError,
    TransactionError,
)
from sqlspec.postgres.sql import BEGIN, release, savepoint, set_config_sql, undo
from sqlspec.postgres.sql import begin as begin_sql

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

    from sqlspec.driver._async_arrow import AsyncArrowReader

__all__ = ("AsyncTransactions",)

T = TypeVar("T")

MAX_BACKOFF = 2.0
FIRST_BACKOFF = 0.01


class AsyncTransactions(AsyncSessionBase):
    """The transaction methods of a session.

    A transaction belongs to the context that opened it: to its task (or thread) and to the tasks started inside.
    """

    __slots__ = ()

    async def begin(
        self, *, isolation: str | None = None, readonly: bool | None = None, deferrable: bool | None = None
    ) -> None:
        """Open a transaction.

        Args:
            isolation: `"read committed"`, `"repeatable read"` or `"serializable"`; the server's default if absent.
            readonly: Refuse writes (`READ ONLY`), or allow them explicitly (`READ WRITE`).
            deferrable: Wait for a safe snapshot; only for serializable read-only transactions.

        Raises:
            TransactionError: A transaction is open already.
            ParameterError: An option is not one of the above.
        """
        await self._begin("begin", begin_sql(isolation, readonly, deferrable))

    async def _begin(self, method: str, text: str, purpose: str = "") -> None:
        # `_take_turn`, spelled out
        if self._guarded or (not PREEMPTIVE and current_runner() is not self._runner):
            self._check(method)
        turn = self._turn
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            await self._wait_turn(method)
        elif PREEMPTIVE and self._guarded:
            self._check_again(method)
        turn.taken = True
        try:
            if self._transaction is not None:
                raise TransactionError(
                    f"cannot call {method}(): a transaction is open already; use transaction() or savepoint() to nest"
                )
            begin, limit = self._driver.begin, self._limit
            transaction: OpenTransaction | None = None
            try:
                wait = begun(begin(text) if limit is None else self._bounded(limit, begin, text))
                transaction = OpenTransaction(purpose, time.monotonic())
                await wait()
                self._transaction, self._guarded = transaction, True
            except BaseException as error:
                self._transaction = None
                if transaction is not None:
                    transaction.owner.leave()
                try:
                    await self._fail(error, text)
                    raise
                finally:
                    await self._end_stray_transaction(suspected=True)  # an interrupted BEGIN may have been run
        finally:
            if turn.waiters:  # `_end_turn`, spelled out
                turn.pass_on()
            elif PREEMPTIVE:
                turn.lock.release()
            else:
                turn.taken = False

    async def commit(self) -> None:
        """Commit the open transaction.

        Raises:
            TransactionError: None is open; savepoints are still open; or the transaction had been aborted by an
                error and could only be rolled back.
            CommitUnknownError: The connection was lost, or the session's limit passed, before the answer came: it may
                or may not be stored.
            QueryTimeoutError: The session's limit passed, and the server has given the commit up; nothing is stored.
            IntegrityError: A deferred constraint is violated; nothing is stored.
        """
        await self._end_transaction("commit")

    async def rollback(self) -> None:
        """Roll the open transaction back, with all its savepoints.

        Raises:
            TransactionError: None is open.
        """
        await self._end_transaction("rollback")

    async def _close_reader(self, reader: AsyncArrowReader) -> None:
        """Close a reader that was opened inside the transaction or savepoint that is to end now."""
        if reader.is_inside and reader.transaction.owner.is_here():
            await reader.close()

    def _require_transaction(self, method: str) -> OpenTransaction:
        transaction = self._transaction
        if self._guarded and not (self._broken and transaction is not None):
            self._check(method)
        if transaction is None:
            raise TransactionError(f"cannot call {method}(): no transaction is open; call begin() first")
        return transaction

    async def _end_transaction(self, method: str, transaction: OpenTransaction | None = None) -> None:
        """Commit or roll back.

        Args:
            method: Which of them.
            transaction: That of a call of ours; of the user's, which is looked at first, if absent.
        """
        if transaction is None:
            if self._reader is not None:
                await self._close_reader(self._reader)
            transaction = self._transaction
            if transaction is None or self._broken:  # else `_require_transaction` would do no more than the check
                transaction = self._require_transaction(method)
            else:
                self._check(method)
            if transaction.savepoints and method == "commit":
                raise TransactionError(
                    f"cannot call commit(): savepoint {transaction.savepoints[-1]} is still open; leave it first"
                )
        turn = self._turn
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            await turn.wait()
        turn.taken = True
        try:
            if self._transaction is not transaction:
                raise TransactionError(f"cannot call {method}(): the transaction has been ended meanwhile")
            if self._broken:
                self._forget(transaction, "rollback")
                if method == "commit":
                    raise TransactionError("commit failed: the connection was lost before; nothing was stored")
                return
            if method == "commit":
                await self._commit_now(transaction, self._limit)
            else:
                await self._rollback_now(transaction)
        finally:
            if turn.waiters:  # `_end_turn`, spelled out
                turn.pass_on()
            elif PREEMPTIVE:
                turn.lock.release()
            else:
                turn.taken = False

    async def _commit_now(self, transaction: OpenTransaction, limit: float | None) -> None:
        driver = self._driver
        commit = driver.commit if limit is None else partial(self._bounded, limit, driver.commit)
        committed: list[None] = []
        try:
            # Interrupting a COMMIT would leave its outcome unknown; it is short, so it is waited for.
            movable = driver.movable and limit is None
            await uninterrupted(commit, GRACE, driver.abort, movable=movable, after=committed.append)
        except driver.native_errors as error:
            self._dirty = True
            translated = self._translated(error, "commit")
            if driver.is_broken(error):
                self._set_broken()
                self._forget(transaction, "unknown")
                raise commit_unknown(translated) from error
            unanswered = driver.error_info(error).unanswered
            self._forget(transaction, "unknown" if unanswered else "rollback")
            if driver.status() != "idle":
                await self._undo(driver.rollback)
            raise (commit_unknown(translated) if unanswered else translated) from error
        except QueryTimeoutError as late:
            await self._fail_late(late, transaction)
            raise
        except SQLSpecError:
            self._forget(transaction, "rollback")
            raise
        except BaseException:
            if not committed:
                self._set_broken()
            self._forget(transaction, "commit" if committed else "unknown")
            raise
        self._forget(transaction, "commit")

    async def _fail_late(self, late: QueryTimeoutError, transaction: OpenTransaction) -> None:
        """Note a COMMIT that was not answered in time. Returns when the server has said that it gave it up.

        Raises:
            CommitUnknownError: It has not said so.
        """
        driver = self._driver
        answer = late.__cause__
        refused = isinstance(answer, driver.native_errors) and not driver.is_broken(answer)
        self._forget(transaction, "rollback" if refused else "unknown")
        try:
            await self._fail(late, "commit")
        except QueryTimeoutError as silent:  # neither was the cancel answered
            raise commit_unknown(silent) from silent
        if not refused:
            raise commit_unknown(late) from late
        if driver.status() != "idle":
            await self._undo(driver.rollback)

    async def _rollback_now(self, transaction: OpenTransaction) -> None:
        try:
            await self._undo(self._driver.rollback)
        finally:  # interrupted, it has cost the connection, and the server rolls back what that had open
            self._forget(transaction, "rollback")

    def _abandon(self, transaction: OpenTransaction) -> None:
        """Leave a transaction to the server, which rolls it back when the connection goes: nothing else can end it."""
        self._set_broken()
        self._forget(transaction, "rollback")

    # -- several round trips as one call --------------------------------------------------------------

    async def _atomically(
        self,
        method: str,
        sql: str,
        timeout: float | None,
        operation: Callable[..., Awaitable[T]],
        *args: Any,
        alone: Callable[..., Callable[[], Awaitable[T]] | None] | None = None,
        undoes: bool = False,
    ) -> T:
        """Run one operation of the driver in a transaction of its own, or in a savepoint of the open one.

        All of it is one turn: calls of other tasks queue, as behind a single statement.

        Args:
            method: Name of the session's method.
            sql: Text for errors.
            timeout: Limit in seconds.
            operation: What to run.
            args: Its arguments.
            alone: Gives, from the same arguments, once the turn has come, what does it all or nothing by itself; or
                `None`. Not asked where the server keeps the limit, which would be one for each statement.
            undoes: It may go back to the savepoint, so there is one in a transaction of its own, too.
        """
        if timeout is None:
            timeout = self._limit
        else:
            check_limit(timeout)
        await self._take_turn(method)
        self._turn.enter(method)
        self._guarded, self._asked = True, []
        try:
            by_itself = None if alone is None or (self._driver.limits_itself and timeout is not None) else alone(*args)
            if by_itself is not None:
                return await self._by_itself(sql, timeout, by_itself)
            if self._transaction is None:
                begin = f"{BEGIN};\n{savepoint(OWN_SAVEPOINT)}" if undoes else BEGIN
                return await self._in_own_transaction(begin, sql, timeout, operation, *args)
            return await self._in_own_savepoint(sql, timeout, operation, *args)
        finally:
            self._turn.leave()
            self._guarded = self._closed or self._broken or self._transaction is not None
            self._end_turn()

    async def _by_itself(self, sql: str, timeout: float | None, operation: Callable[[], Awaitable[T]]) -> T:
        try:
            return await (operation() if timeout is None else self._timed(timeout, operation))
        except BaseException as error:
            await self._fail_alone(error, sql, stores=True)  # a query may call a function that does
            raise

    async def _in_own_transaction(
        self, begin: str, sql: str, timeout: float | None, operation: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        transaction = OpenTransaction(started=time.monotonic())
        try:
            await self._bounded(timeout, self._driver.begin, begin)
            result = await self._run_steps(timeout, operation, *args)
        except BaseException as error:
            try:
                await self._fail(error, sql)
                raise
            finally:
                await self._end_stray_transaction(suspected=True)
                self._forget(transaction, "rollback")
        await self._commit_now(transaction, timeout)
        return result

    async def _in_own_savepoint(
        self, sql: str, timeout: float | None, operation: Callable[..., Awaitable[T]], *args: Any
    ) -> T:
        script = self._driver.execute_script
        opened = False
        try:
            await self._bounded(timeout, script, savepoint(OWN_SAVEPOINT))
            opened = True
            result = await self._run_steps(timeout, operation, *args)
            await self._bounded(timeout, script, release(OWN_SAVEPOINT))
        except BaseException as error:
            try:
                await self._fail(error, sql)
                raise
            finally:
                if opened and not self._broken:
                    await self._undo(script, undo(OWN_SAVEPOINT))
        return result

    async def _run_steps(self, timeout: float | None, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run an operation of several statements, which is undone when it fails.

        It fails too when it ends behind its limit: a thread cannot be stopped between two statements, nor while it
        makes rows.
        """
        self._heed_request()
        if timeout is None:
            result = await operation(*args)
        else:
            until = time.monotonic() + timeout
            result = await self._timed(timeout, operation, *args)
            if time.monotonic() > until:
                raise self._timed_out(timeout)
        self._heed_request()
        return result

    def _heed_request(self) -> None:
        """End a call that `cancel` wants to stop, as long as it can be undone: the server may have had nothing to stop.

        Raises:
            OperationCancelledError: Always, then.
        """
        if self._asked:
            raise OperationCancelledError("the call was stopped by cancel(); nothing of it is stored")

    # -- scopes -----------------------------------------------------------------------------------

    def transaction(
        self, *, isolation: str | None = None, readonly: bool | None = None, deferrable: bool | None = None
    ) -> AsyncTransaction:
        """Return a scope that commits on success and rolls back on an exception.

        Inside an open transaction the scope is a savepoint, and takes no options.

        Args:
            isolation: As in `begin`.
            readonly: As in `begin`.
            deferrable: As in `begin`.

        Raises:
            TransactionError: On entering: options were given inside an open transaction.
        """
        plain = isolation is None and readonly is None and deferrable is None
        return AsyncTransaction(self, BEGIN if plain else begin_sql(isolation, readonly, deferrable))

    def savepoint(self, name: str | None = None) -> AsyncSavepoint:
        """Return a scope that is undone on an exception, inside an open transaction.

        Args:
            name: The savepoint's name; generated if absent. It is quoted, so any text will do.

        Raises:
            TransactionError: On entering: no transaction is open. On leaving: an inner savepoint is still open.
        """
        return AsyncSavepoint(self, name)

    async def run_in_transaction(
        self,
        function: Callable[[Self], Awaitable[T]],
        *,
        retries: int = 5,
        isolation: str | None = None,
        readonly: bool | None = None,
        deferrable: bool | None = None,
    ) -> T:
        """Run `function(session)` in a transaction; run it again when the server asks for that.

        Only serialization failures and deadlocks are retried, after a random pause that doubles each time
        (first at most 10 ms, never more than 2 s). An unknown commit is never retried, nor is anything when `function`
        has ended the transaction by itself.

        Args:
            function: Called with this session, once per attempt.
            retries: How often to try again after the first attempt.
            isolation: As in `begin`.
            readonly: As in `begin`.
            deferrable: As in `begin`.

        Returns:
            What the successful call returned.

        Raises:
            TransactionError: A transaction is open already: the retry could not undo what came before.
            SerializationConflictError: Every attempt failed.
            DeadlockError: Every attempt failed.
        """
        if self._transaction is not None:
            self._check("run_in_transaction")
            raise TransactionError("cannot call run_in_transaction(): a transaction is open already; use transaction()")
        if not callable(function):
            raise ParameterError(
                f"cannot call run_in_transaction(): {type(function).__name__} given; pass a function of the session"
            )
        whole("retries", retries, 0)
        pause = FIRST_BACKOFF
        while True:
            scope = self.transaction(isolation=isolation, readonly=readonly, deferrable=deferrable)
            try:
                async with scope:
                    return await function(self)
            except RETRYABLE as error:
                if retries <= 0 or scope.ended_inside:
                    raise
                self._retrying(error, retries)
            retries -= 1
            await sleep(random.random() * pause)
            pause = min(pause * 2, MAX_BACKOFF)

    def with_settings(self, settings: Mapping[str, Any] | None = None, /, **named: Any) -> AsyncSettings:
        """Return a scope with other server settings, in a transaction or savepoint of its own.

        Values go through `set_config(name, value, true)`, never through SQL text. They are restored on success and
        on failure. This is no security boundary: SQL run inside may set them back.

        Args:
            settings: Names and values, for names that are no Python identifiers (`{"app.tenant": "7"}`).
            **named: The same as keywords (`role="reader"`, `statement_timeout="5s"`).

        Raises:
            ParameterError: No setting was given.
            ImproperConfigurationError: One of them would make other text of statements and values.
        """
        if settings is not None and not isinstance(settings, Mapping):
            raise ParameterError(
                f"with_settings() needs a mapping: {type(settings).__name__} given; pass one, or name=value"
            )
        values = {name: _setting_text(value) for name, value in {**(settings or {}), **named}.items()}
        if not values:
            raise ParameterError("with_settings() needs a setting: none given; pass name=value")
        for name, value in values.items():
            if misreads(name, value):
                raise ImproperConfigurationError(f"cannot call with_settings(): {name} {KEPT_REASON}")
        return AsyncSettings(self, values)

    # -- savepoints -------------------------------------------------------------------------------

    async def _open_savepoint(self, name: str | None) -> str:
        transaction = self._require_transaction("savepoint")
        chosen = name if name is not None else f"sqlspec_{len(transaction.savepoints) + 1}"
        if chosen in transaction.savepoints:
            raise TransactionError(f"cannot open savepoint {chosen}: one of this name is open; choose another name")
        text = savepoint(chosen)
        # The name is taken at once: another task may open one while this call waits for its turn.
        transaction.savepoints.append(chosen)
        try:
            await self._exclusive("savepoint", None, None, self._driver.execute_script, text)
        except BaseException:
            transaction.savepoints.remove(chosen)
            raise
        return chosen

    async def _close_savepoint(self, name: str, opened_in: OpenTransaction | None, failed: bool) -> None:
        transaction = self._transaction
        if transaction is None or transaction is not opened_in or name not in transaction.savepoints or self._broken:
            return  # the transaction has ended meanwhile, and the savepoint with it
        if self._reader is not None:
            await self._close_reader(self._reader)
        self._check("savepoint")
        if transaction.savepoints[-1] != name:
            inner = transaction.savepoints[-1]
            raise TransactionError(f"cannot close savepoint {name}: {inner} inside it is still open; leave it first")
        try:
            if failed:
                await self._undo_savepoint(name)
            else:
                await self._release_savepoint(name)
        finally:
            transaction.savepoints.remove(name)

    async def _release_savepoint(self, name: str) -> None:
        try:
            await self._exclusive("savepoint", None, None, self._driver.execute_script, release(name))
        except BaseException:
            # An error inside was swallowed and has aborted the transaction: undo, so that it can go on. Or the call was
            # interrupted: what may have been released already cannot be undone, and aborts the transaction.
            if not self._broken:
                await self._undo_savepoint(name)
            raise

    async def _undo_savepoint(self, name: str) -> None:
        try:
            await self._take_turn("savepoint")
        except BaseException:
            self._set_broken()  # interrupted while it waited: what was done inside must not be committed
            raise
        try:
            await self._undo(self._driver.execute_script, undo(name))
        finally:
            self._end_turn()

    async def _setting_values(self, names: list[str]) -> list[Any]:
        columns = ", ".join(f"pg_catalog.current_setting(${n}, true) as s{n}" for n in range(1, len(names) + 1))
        plan = self._compiler.plan(f"select {columns}")
        raw: RawResult = await self._exclusive("with_settings", plan.source, None, self._driver.execute, plan, names)
        return list(raw.rows[0]) if raw.shape == "tuple" else list(raw.rows[0].values())

    async def _apply_settings(self, values: Mapping[str, str]) -> None:
        plan = self._compiler.plan(set_config_sql(list(values)))
        args = [part for pair in values.items() for part in pair]
        if any(name.lower() == "client_encoding" for name in values):
            self._dirty = True  # whoever depends on it looks closer then
        if any(name.lower() == "search_path" for name in values):
            self._driver.names_changed()
        await self._exclusive("with_settings", plan.source, None, self._driver.execute, plan, args)


def _setting_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (float, str)) or (isinstance(value, int) and abs(value) <= 2**63):
        return str(value)
    raise ParameterError(f"a setting must be a str, number of 64 bits or bool: {type(value).__name__} given")
