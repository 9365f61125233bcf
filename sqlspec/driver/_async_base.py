# The synchronous twin is generated from this file by tools/unasync.py.
"""What every session method stands on: turns, guards, translation of failures."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from sqlspec.core.excerpt import pointed_at
from sqlspec.core.statement import SQL
from sqlspec.driver._aio import (
    GRACE,
    PREEMPTIVE,
    WHO_BELONGS,
    Expired,
    Owner,
    Turn,
    call_with_timeout,
    current_runner,
)
from sqlspec.driver._outcome import commit_unknown, may_store
from sqlspec.exceptions import (
    DatabaseConnectionError,
    OperationalError,
    ParameterError,
    QueryTimeoutError,
    SQLSpecError,
    TransactionError,
    server_error,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlspec.core.observe import Operation, Outcome
    from sqlspec.core.plan import Compiler, Plan
    from sqlspec.core.result import RawResult
    from sqlspec.driver._async_arrow import AsyncArrowReader
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.driver._async_pool import Pooled

__all__ = ("AsyncSessionBase", "OpenTransaction", "check_limit")

T = TypeVar("T")

UNDO_LIMIT = 2.0
"""Seconds within which the server must roll back; a connection that does not answer by then is given up."""

_TYPED = {"select_value": "select_one", "select_value_or_none": "select_one_or_none"}


class OpenTransaction:
    """A transaction of a session.

    Attributes:
        owner: Who opened it, and may use it.
        savepoints: Names of the open savepoints, outermost first.
        purpose: Empty, or what keeps other calls out for now, and what to do about it.
        started: Clock reading at BEGIN, for observers.
        ended: Its end has been noted.
    """

    __slots__ = ("ended", "owner", "purpose", "savepoints", "started")

    def __init__(self, purpose: str = "", started: float = 0.0) -> None:
        self.owner = Owner()
        self.purpose = purpose
        self.savepoints: list[str] = []
        self.started = started
        self.ended = False


class AsyncSessionBase:
    """State and rules that all session methods share.

    Attributes:
        driver: The connection; `driver.connection` is the driver's own object.
    """

    __slots__ = (
        "_asked",
        "_broken",
        "_call",
        "_closed",
        "_compiler",
        "_dirty",
        "_driver",
        "_guarded",
        "_limit",
        "_number",
        "_plans",
        "_reader",
        "_run",
        "_run_limited",
        "_runner",
        "_stray",
        "_taken",
        "_transaction",
        "_turn",
        "_watch",
        "_withdrawn",
    )

    _asked: list[None]  # an item for each `cancel` of the call of several steps that runs now; unset before the first

    def __init__(self, driver: AsyncDriver, compiler: Compiler, limit: float | None = None) -> None:
        self._driver = driver
        self._compiler = compiler
        self._plans: dict[Any, Plan] = compiler.plans
        # Seconds for a call that has no limit of its own. Without any, the two below are the same.
        self._limit = limit
        self._run = driver.execute
        self._run_limited = driver.execute if limit is None else self._run_within
        self._turn = Turn()
        # The event loop that the connection belongs to. In another one a driver may crash the interpreter.
        self._runner = None if PREEMPTIVE else current_runner()
        self._transaction: OpenTransaction | None = None
        # True when any call must look closer: a transaction is open, or the session cannot be used.
        self._guarded = False
        self._closed = False
        self._broken = False
        # Who has taken the connection away: a fork, or the pool that was closed.
        self._withdrawn: Literal["", "fork", "close"] = ""
        self._dirty = False
        # What reads from the connection piece by piece, so that nothing else can be sent meanwhile.
        self._reader: AsyncArrowReader | None = None
        # True while a script runs that controls transactions: it may fail behind its BEGIN.
        self._stray = False
        # _call, _number, _taken and _watch are those of a session that is observed: any may be, later.

    @property
    def driver(self) -> AsyncDriver:
        """The adapter's connection. Through `driver.connection` its state can change unseen, so it is reset later."""
        self._check("driver")
        self._dirty = True
        return self._driver

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._transaction is not None

    def __repr__(self) -> str:
        # For people who look for a fault: it touches nothing and never fails, whatever state the session is in.
        driver = self._driver
        usable = not (self._closed or self._broken or driver.is_closed())
        backend = f", backend {driver.backend_pid}" if usable and driver.backend_pid is not None else ""
        return f"<{type(self).__name__} of {driver.spec.name}{backend}: {self._state()}>"

    def _state(self) -> str:
        if self._withdrawn == "fork":
            return "of the process that this one was forked from"
        if self._closed:
            return "given back"
        if self._broken or self._driver.is_closed():
            return "connection lost"
        states = ["busy" if self._turn.is_taken() else "idle"]
        transaction = self._transaction
        if transaction is not None:
            states.append(f"in a transaction opened by {transaction.owner.name}")
            if transaction.savepoints:
                states.append(f"savepoints {', '.join(transaction.savepoints)}")
        return "; ".join(states)

    # -- compiling and binding --------------------------------------------------------------------

    def _bind(
        self, method: str, sql: str | SQL, params: tuple[Any, ...], named: Mapping[str, Any]
    ) -> tuple[Plan, Sequence[Any]]:
        """Return plan and bound values, and note what the statement will do to the session.

        Raises:
            ParameterError: The parameters do not fit, or another method is meant for this text.
        """
        if self._guarded:
            self._check(method)
        plan = self._plans.get(sql) if sql.__class__ is str else None
        if plan is None or plan.special:
            if isinstance(sql, SQL):
                if params or named:
                    self._refuse(method, "the SQL object has parameters of its own; do not pass more", sql.text)
                text, params, named = sql.render()
                plan = self._plan(method, text)
            else:
                plan = self._plan(method, sql)
        try:
            return plan, plan.bind(params, named)
        except SQLSpecError as error:
            error.sql = plan.source
            error.adapter = self._driver.spec.name
            # Looked for on failure alone, because it may be the name of a placeholder.
            if "schema_type" in named and "schema_type" not in (plan.names or ()):
                raise ParameterError(
                    f"cannot call {method}(): it takes no schema_type; "
                    f"use {_TYPED.get(method, 'select')}(), which takes one, such as int for a single column",
                    sql=error.sql,
                    adapter=error.adapter,
                ) from None
            raise

    def _plan(self, method: str, text: Any) -> Plan:
        plan = self._compiler.plan(text)
        if plan.special:
            if plan.refusal:
                self._refuse(method, plan.refusal.reason, plan.source, plan.refusal.kind)
            self._dirty = True
            if plan.reads_or_writes and "search_path" in plan.sql.lower():  # by `set_config`
                self._driver.names_changed()
        return plan

    def _returns_rows(self, sql: str | SQL) -> bool:
        """Tell whether a statement that has run is one of those that return rows."""
        return self._compiler.plan(sql.render()[0] if isinstance(sql, SQL) else sql).returns_rows

    # -- guards -----------------------------------------------------------------------------------

    def _check(self, method: str) -> None:
        """Refuse a call that must not reach the connection.

        Raises:
            OperationalError: The session was given back, or belongs to another process or event loop.
            DatabaseConnectionError: The connection was lost, or cut by the pool.
            TransactionError: A transaction of another context is open.
        """
        if self._closed:
            if self._withdrawn == "fork":
                raise OperationalError(
                    f"cannot call {method}(): the session belongs to the process that this one was forked from; "
                    "make a new config here, and open a session of it",
                    adapter=self._driver.spec.name,
                )
            raise OperationalError(
                f"cannot call {method}(): the session was closed and its connection given back; "
                "open a new one with provide_session()",
                adapter=self._driver.spec.name,
            )
        if self._broken:
            lost = "the connection was lost; open a new session"
            if self._withdrawn == "close":
                lost = "the pool was closed and has cut this connection; end sessions before closing their config"
            raise DatabaseConnectionError(f"cannot call {method}(): {lost}", adapter=self._driver.spec.name)
        if PREEMPTIVE:
            self._turn.check()
        elif current_runner() is not self._runner:
            raise OperationalError(
                f"cannot call {method}(): the session was opened in another event loop; use one config per loop",
                adapter=self._driver.spec.name,
            )
        transaction = self._transaction
        if transaction is not None:
            if not transaction.owner.is_here():
                raise TransactionError(
                    f"cannot call {method}(): a transaction opened by {transaction.owner.name} is in progress; "
                    f"use a session of your own, or call from {WHO_BELONGS}",
                    adapter=self._driver.spec.name,
                )
            if transaction.purpose:
                raise TransactionError(
                    f"cannot call {method}(): the session is busy with {transaction.purpose}",
                    adapter=self._driver.spec.name,
                )

    async def _take_turn(self, method: str) -> None:
        """Wait until no other call runs. The caller must `_end_turn` afterwards."""
        if self._guarded or (not PREEMPTIVE and current_runner() is not self._runner):
            self._check(method)
        turn = self._turn
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            await self._wait_turn(method)
        elif PREEMPTIVE and self._guarded:
            self._check_again(method)
        turn.taken = True

    async def _wait_turn(self, method: str) -> None:
        await self._turn.wait()
        if self._guarded:
            self._check_again(method)

    def _check_again(self, method: str) -> None:
        """Check once more, now that the turn is taken: until then another call, or thread, may have changed it all."""
        try:
            self._check(method)
        except BaseException:
            self._end_turn()
            raise

    def _try_turn(self) -> bool:
        """Take the turn if it is free."""
        turn = self._turn
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            return False
        turn.taken = True
        return True

    def _end_turn(self) -> None:
        turn = self._turn
        if turn.waiters:
            turn.pass_on()
        elif PREEMPTIVE:
            turn.lock.release()
        else:
            turn.taken = False

    async def _exclusive(
        self,
        method: str,
        sql: str | None,
        timeout: float | None,
        operation: Callable[..., Awaitable[T]],
        *args: Any,
    ) -> T:
        """Run one operation of the driver alone, with its failures translated."""
        await self._take_turn(method)
        try:
            if timeout is None:
                timeout = self._limit
                if timeout is None:
                    return await operation(*args)
            return await self._timed(timeout, operation, *args)
        except BaseException as error:
            await self._fail_alone(error, sql)
            raise
        finally:
            self._end_turn()

    async def _observed(self, kind: Operation, sql: str, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run an operation; an observed session reports it."""
        return await operation(*args)

    async def _run_within(self, plan: Plan, args: Sequence[Any]) -> RawResult:
        return await self._timed(self._limit or 0, self._run, plan, args)

    async def _bounded(self, limit: float | None, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run a step of a transaction's control within the limit of the call that needs it, or of the session."""
        if limit is None or self._driver.limits_itself:  # the server counts no time at COMMIT
            return await operation(*args)
        return await self._timed(limit, operation, *args)

    async def _timed(self, seconds: float, operation: Callable[..., Awaitable[T]], *args: Any) -> T:
        check_limit(seconds)
        try:
            return await call_with_timeout(seconds, self._driver, operation, *args)
        except Expired as expired:
            raise self._timed_out(seconds) from expired.__cause__

    def _timed_out(self, seconds: float) -> QueryTimeoutError:
        return QueryTimeoutError(
            f"statement timed out: {seconds:g} s passed; it was cancelled on the server, "
            "give it more time or make it cheaper",
            adapter=self._driver.spec.name,
        )

    def _try_give_back(self, pooled: Pooled) -> bool:
        """End the session if nothing has to be waited for; otherwise return `False`: then `_give_back` is meant."""
        turn = self._turn
        if self._reader is not None or self._transaction is not None:
            return False
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            return False
        self._closed = self._guarded = True
        if PREEMPTIVE:
            turn.lock.release()
        return pooled.pool.try_release(pooled, dirty=self._dirty, broken=self._broken)

    async def _give_back(self, pooled: Pooled) -> None:
        """End the session: wait for a running call, forget an open transaction, return the connection."""
        try:
            if self._reader is not None:
                await self._reader.abandon()
            if not self._try_turn():
                await self._turn.wait()
        except BaseException:
            # Cancelled while another task's call still runs, or a reader is closed: its connection cannot be waited for
            # any longer.
            self._closed = self._guarded = True
            await pooled.pool.release(pooled, dirty=True, broken=True)
            raise
        self._closed = self._guarded = True
        if self._transaction is not None:
            self._dirty = True
            self._forget(self._transaction, "rollback")
        self._end_turn()
        await pooled.pool.release(pooled, dirty=self._dirty, broken=self._broken)

    def own_references(self) -> int:
        """Return how often the session refers to itself."""
        return sum(getattr(method, "__self__", None) is self for method in (self._run, self._run_limited))

    def leave_to_parent(self) -> None:
        """Refuse every call, and end every scope in silence: the connection belongs to another process."""
        self._withdrawn = "fork"
        self._closed = self._broken = self._guarded = True
        self._transaction = self._reader = None
        self._turn = Turn()  # the other one may be held by a thread that is not here

    def leave_to_pool(self) -> None:
        """Refuse every further call: the pool is closed and cuts the connection."""
        self._withdrawn = "close"
        self._set_broken()

    def _forget(self, transaction: OpenTransaction, outcome: Outcome) -> None:
        """Note the end of a transaction, once. An observed session reports it."""
        if transaction.ended:
            return
        transaction.ended = True
        transaction.owner.leave()
        if self._transaction is transaction:
            self._transaction = None
            self._guarded = self._closed or self._broken

    def _retrying(self, error: BaseException, left: int) -> None:
        """Do nothing; an observed session reports the attempt."""

    def _load_progressed(self, rows: int, nbytes: int) -> None:
        """Do nothing; an observed session reports what was sent so far."""

    # -- failures ---------------------------------------------------------------------------------

    async def _fail(self, error: BaseException, sql: str | None) -> None:
        """Note what a failure means for the connection, and raise our error for one of the driver's.

        Returns when `error` itself is what the caller should get.

        Raises:
            SQLSpecError: The translation of a driver's error.
        """
        driver = self._driver
        if isinstance(error, driver.native_errors):
            self._dirty = True
            if driver.is_broken(error):
                self._set_broken()
            translated = self._translated(error, sql)
            await self._end_stray_transaction()
            for note in getattr(error, "__notes__", ()):
                translated.add_note(note)
            raise translated from error
        if isinstance(error, SQLSpecError):
            error.sql = error.sql or sql
            error.adapter = error.adapter or driver.spec.name
            if not isinstance(error, QueryTimeoutError):
                return
        elif isinstance(error, Exception):
            # A failure that the adapter did not foresee: the protocol state is anyone's guess.
            self._set_broken()
            return
        self._dirty = True
        try:
            await call_with_timeout(GRACE, driver, driver.settle)
        except BaseException as failure:
            driver.abort()
            self._set_broken()
            if not isinstance(failure, Exception):
                raise  # whoever cancels this task, or interrupts this thread, must see it end
            if not isinstance(error, Exception):
                return
            raise QueryTimeoutError(
                "statement timed out: the server did not answer when it was to be cancelled; "
                "the connection was closed, but the server may still be working",
                sql=sql,
                adapter=driver.spec.name,
            ) from error.__cause__
        await self._end_stray_transaction()

    async def _fail_alone(self, error: BaseException, sql: str | None, stores: bool | None = None) -> None:
        """Do as `_fail`, for what the server commits without being told to unless a transaction is open.

        Args:
            error: What was raised.
            sql: Text for errors.
            stores: Whether something may have been stored; what the text says if absent.

        Raises:
            CommitUnknownError: The answer was lost, and what ran may have been stored.
            SQLSpecError: The translation of a driver's error.
        """
        driver = self._driver
        try:
            await self._fail(error, sql)
        except SQLSpecError as failure:
            lost = isinstance(failure, DatabaseConnectionError) and self._broken
            if lost or (isinstance(error, driver.native_errors) and driver.error_info(error).unanswered):
                if stores is None:
                    stores = sql is not None and may_store(sql)
                if self._transaction is None and stores:
                    raise commit_unknown(failure) from error
            raise

    async def _end_stray_transaction(self, *, suspected: bool = False) -> None:
        """Roll back what a script has left open that failed behind its BEGIN, or an interrupted BEGIN.

        Args:
            suspected: There may be one even if the driver cannot tell.
        """
        driver = self._driver
        if self._broken or self._transaction is not None or not (suspected or self._stray):
            return
        self._stray = False
        known = driver.status()
        if known == "idle" or (known == "unknown" and not suspected):
            return
        await self._undo(driver.rollback)

    async def _undo(self, operation: Callable[..., Awaitable[None]], *args: Any) -> None:
        """Roll back. The server does it by itself when the connection goes, so a lost or silent one is no error."""
        driver = self._driver
        try:
            if driver.limits_itself:  # an aborted transaction takes no limit
                await operation(*args)
            else:
                await call_with_timeout(UNDO_LIMIT, driver, operation, *args)
        except BaseException as error:
            if isinstance(error, Expired):
                driver.abort()
            self._set_broken()
            if not isinstance(error, (Expired, *driver.native_errors)):
                raise

    def _set_broken(self) -> None:
        self._broken = self._guarded = True

    def _translated(self, error: BaseException, sql: str | None) -> SQLSpecError:
        spec = self._driver.spec
        info = self._driver.error_info(error)
        translated = server_error(info, sql=sql, adapter=spec.name)
        if sql is not None:
            pointed = pointed_at(info, sql, by_words=spec.capabilities.error_position.level == "emulated")
            if pointed is not None:
                translated.position, translated.excerpt = pointed
        return translated

    def _refuse(self, method: str, reason: str, sql: str, kind: type[SQLSpecError] = ParameterError) -> NoReturn:
        raise kind(f"cannot call {method}(): {reason}", sql=sql, adapter=self._driver.spec.name)


def check_limit(seconds: Any) -> None:
    """Refuse what is no time limit.

    Raises:
        ParameterError: It is not a positive number.
    """
    known = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    # Larger integers are no floats, which all clocks count in.
    if not known or not (0 < seconds < 1e300 or seconds == inf):
        raise ParameterError("timeout must be a positive number of seconds; leave it out for no limit")
