# Generated from _async_session.py by tools/unasync.py. Do not edit.
"""The session: what users call. One per checkout; it has a driver and is not one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar, overload

from sqlspec.core._verbs import CONTROL
from sqlspec.core.arguments import is_whole
from sqlspec.core.parameters import AMBIGUOUS, RowsError
from sqlspec.core.plan import part_refusal
from sqlspec.core.result import RawResult, SQLResult, at_most_one, exactly_one, only_value, only_value_or_none
from sqlspec.core.scan import scan, statement_text
from sqlspec.core.stack import StatementStack
from sqlspec.core.statement import SQL
from sqlspec.driver._sio import PREEMPTIVE, SyncExecution, begin_execution, current_runner
from sqlspec.driver._sync_base import check_limit
from sqlspec.driver._sync_explain import SyncExplaining
from sqlspec.driver._sync_many import execute_many
from sqlspec.driver._sync_stream import SyncStream
from sqlspec.exceptions import SQLParsingError, SQLSpecError, TransactionError
from sqlspec.postgres.sql import NOTIFY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlspec.core.plan import Plan

__all__ = ("SyncSession",)

T = TypeVar("T")

# Told apart word by word, because a comment in between may hold any word. A comment within a comment is not followed:
# such a statement counts as one that ends the transaction.
_GAP = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)"
_END = rf"{_GAP}*(?:commit|end|rollback|abort)(?:{_GAP}+(?:work|transaction))?{_GAP}+"
_TO_SAVEPOINT = re.compile(rf"{_END}to\b", re.IGNORECASE | re.DOTALL)
_AND_CHAIN = re.compile(rf"{_END}and{_GAP}+chain\b", re.IGNORECASE | re.DOTALL)


class SyncSession(SyncExplaining):
    """Runs statements on one connection.

    Every method that runs a statement takes SQL text or an `SQL` object, and parameters as `*args`, as one
    sequence, as one mapping or as keywords. `timeout` is in seconds; when it passes, the statement is stopped on
    the server and `QueryTimeoutError` is raised. Calls of several tasks queue; none is lost or mixed up.

    Errors common to all: `ParameterError` before anything is sent, when the parameters do not fit;
    `DataError` when a value does not fit its type; and the class of whatever the server reports. A connection that
    is lost raises `DatabaseConnectionError`: nothing of the call is stored; or, where that cannot be known,
    `CommitUnknownError`.
    """

    __slots__ = ()

    # -- rows -------------------------------------------------------------------------------------

    @overload
    def select(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: type[T],
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> list[T]: ...
    @overload
    def select(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: None = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> list[dict[str, Any]]: ...
    def select(  # noqa: C901 - the hot path, spelled out
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: Any = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> Any:
        """Return every row of a statement.

        Args:
            sql: The statement.
            *params: Its parameters.
            schema_type: Class of a row: a Struct, dataclass, attrs class, NamedTuple, TypedDict, pydantic model,
                `tuple`, or a scalar type for a single column. Without it a row is a `dict`.
            validate: Check every value against the field types of `schema_type`.
            timeout: Limit in seconds.
            **named: Parameters by name.

        Raises:
            MappingError: The columns, or a NULL, do not fit `schema_type`; or a name is there twice.
        """
        if self._guarded or (not PREEMPTIVE and current_runner() is not self._runner):
            self._check("select")
        # The common cases are spelled out here, because each call of a helper costs as much as the whole lookup.
        plan = self._plans.get(sql) if sql.__class__ is str else None
        args: Sequence[Any] | None = None
        if plan is not None and not plan.special:
            if plan.names is None:
                if not named:
                    args = params
                    if len(params) == 1 and params[0].__class__ in AMBIGUOUS:
                        args = params[0] if params[0].__class__ is tuple else None
                    if args is not None and len(args) != plan.arity:
                        args = None
            else:
                source: Any = named if not params else params[0] if len(params) == 1 and not named else None
                if source.__class__ is dict and len(source) == plan.arity:
                    try:
                        args = tuple(map(source.__getitem__, plan.names))
                    except KeyError:
                        args = None
        if plan is None or args is None:
            plan, args = self._bind("select", sql, params, named)
        turn = self._turn
        if not turn.lock.acquire(False) if PREEMPTIVE else turn.taken:
            self._wait_turn("select")
        elif PREEMPTIVE and self._guarded:
            self._check_again("select")
        turn.taken = True
        try:
            if timeout is None:
                raw = self._run_limited(plan, args)
            else:
                raw = self._timed(timeout, self._run, plan, args)
        except BaseException as error:
            self._fail_alone(error, plan.source)
            raise
        finally:
            if turn.waiters:
                turn.pass_on()
            elif PREEMPTIVE:
                turn.lock.release()
            else:
                turn.taken = False
        try:
            entry = plan.mappers.get(schema_type)
        except TypeError:
            entry = None  # it cannot be hashed, so it is no type
        if entry is None or entry[0] is not raw.columns or validate is not False:
            return plan.mapper(raw, schema_type, validate)(raw.rows)
        return entry[1](raw.rows)

    @overload
    def select_one(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: type[T],
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> T: ...
    @overload
    def select_one(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: None = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> dict[str, Any]: ...
    def select_one(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: Any = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> Any:
        """Return the only row of a statement.

        Raises:
            NotFoundError: There is no row.
            MultipleResultsFoundError: There is more than one.
        """
        rows = self.select(sql, *params, schema_type=schema_type, validate=validate, timeout=timeout, **named)
        return exactly_one(rows, bool(rows) or self._returns_rows(sql))

    @overload
    def select_one_or_none(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: type[T],
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> T | None: ...
    @overload
    def select_one_or_none(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: None = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> dict[str, Any] | None: ...
    def select_one_or_none(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: Any = None,
        validate: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> Any:
        """Return the only row of a statement, or `None`.

        Raises:
            MultipleResultsFoundError: There is more than one row.
        """
        return at_most_one(
            self.select(sql, *params, schema_type=schema_type, validate=validate, timeout=timeout, **named)
        )

    def select_value(self, sql: str | SQL, /, *params: Any, timeout: float | None = None, **named: Any) -> Any:
        """Return the first column of the only row, as it is; `select_one` makes a type of its own of a single column.

        Raises:
            NotFoundError: There is no row.
            MultipleResultsFoundError: There is more than one.
        """
        _, raw = self._execute("select_value", sql, params, named, timeout)
        return only_value(raw)

    def select_value_or_none(
        self, sql: str | SQL, /, *params: Any, timeout: float | None = None, **named: Any
    ) -> Any:
        """Return the first column of the only row, or `None` when there is no row.

        Raises:
            MultipleResultsFoundError: There is more than one row.
        """
        _, raw = self._execute("select_value_or_none", sql, params, named, timeout)
        return only_value_or_none(raw)

    @overload
    def select_with_total(
        self, sql: SQL, /, *, schema_type: type[T], timeout: float | None = None
    ) -> tuple[list[T], int]: ...
    @overload
    def select_with_total(
        self, sql: SQL, /, *, schema_type: None = None, timeout: float | None = None
    ) -> tuple[list[dict[str, Any]], int]: ...
    def select_with_total(
        self, sql: SQL, /, *, schema_type: Any = None, timeout: float | None = None
    ) -> tuple[list[Any], int]:
        """Return one page of rows, and the number of rows without the page's limit and offset.

        Two statements are sent; run them in a `repeatable read` transaction if they must agree exactly.

        Args:
            sql: A statement with a page: `SQL(...).paginate(page=1, page_size=50)`.
            schema_type: As in `select`.
            timeout: Limit in seconds, for each of the two.
        """
        if not isinstance(sql, SQL):
            self._refuse(
                "select_with_total",
                "it needs an SQL object with a page; pass SQL(text).paginate()",
                sql if isinstance(sql, str) else "",
            )
        rows = self.select(sql, schema_type=schema_type, timeout=timeout)
        return rows, self.select_value(sql.total(), timeout=timeout)

    @overload
    def select_stream(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        chunk_size: int = 1000,
        schema_type: type[T],
        timeout: float | None = None,
        **named: Any,
    ) -> SyncStream[T]: ...
    @overload
    def select_stream(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        chunk_size: int = 1000,
        schema_type: None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> SyncStream[dict[str, Any]]: ...
    def select_stream(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        chunk_size: int = 1000,
        schema_type: Any = None,
        timeout: float | None = None,
        **named: Any,
    ) -> SyncStream[Any]:
        """Return a scope that yields the rows of a query piece by piece, from a cursor on the server.

        Memory is bounded by `chunk_size` rows. Outside a transaction the stream opens one of its own, and the
        session takes no other call until the stream is closed.

        Example:
            `with session.select_stream("select * from big") as stream: ...`

        Args:
            sql: A SELECT, VALUES or TABLE statement.
            *params: Its parameters.
            chunk_size: Rows per round trip, at least 1.
            schema_type: As in `select`.
            timeout: Limit in seconds for each round trip.
            **named: Parameters by name.

        Raises:
            ParameterError: The statement is no query, or `chunk_size` is no positive integer.
        """
        self._check("select_stream")
        plan, args = self._bind("select_stream", sql, params, named)
        if plan.verb not in ("SELECT", "VALUES", "TABLE") or not plan.returns_rows:
            self._refuse("select_stream", f"{plan.verb or 'an empty text'} has no cursor; use select()", plan.source)
        if not is_whole(chunk_size, 1):
            self._refuse(
                "select_stream", "chunk_size must be an integer of at least 1, and less than 2**31", plan.source
            )
        if timeout is not None:
            check_limit(timeout)
        return SyncStream(self, plan, args, chunk_size, schema_type, timeout)

    # -- any statement ----------------------------------------------------------------------------

    @overload
    def execute(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: type[T],
        timeout: float | None = None,
        **named: Any,
    ) -> SyncExecution[T]: ...
    @overload
    def execute(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> SyncExecution[dict[str, Any]]: ...
    def execute(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        schema_type: Any = None,
        timeout: float | None = None,
        **named: Any,
    ) -> SyncExecution[Any]:
        """Run one statement and return its `SQLResult`.

        Args:
            sql: The statement.
            *params: Its parameters.
            schema_type: Class of a row of the result, as in `select`.
            timeout: Limit in seconds.
            **named: Parameters by name.
        """
        return begin_execution(self._execute_result(sql, params, named, schema_type, timeout))

    def _execute_result(
        self,
        sql: str | SQL,
        params: tuple[Any, ...],
        named: dict[str, Any],
        schema_type: Any,
        timeout: float | None,
    ) -> SQLResult[Any]:
        plan, raw = self._execute("execute", sql, params, named, timeout)
        return SQLResult(plan, raw, schema_type, self._driver.derived.to_table)

    def _execute(
        self,
        method: str,
        sql: str | SQL,
        params: tuple[Any, ...],
        named: dict[str, Any],
        timeout: float | None,
    ) -> tuple[Plan, RawResult]:
        plan, args = self._bind(method, sql, params, named)
        return plan, self._exclusive(method, plan.source, timeout, self._run, plan, args)

    def execute_many(
        self, sql: str | SQL, rows: Iterable[Any], /, *, timeout: float | None = None
    ) -> SQLResult[dict[str, Any]]:
        """Run one statement for each row of parameters, all or nothing.

        Args:
            sql: The statement.
            rows: Any iterable, read lazily: tuples or lists for positional placeholders; mappings, or objects with
                attributes of those names, for named ones; bare values for a single positional placeholder.
            timeout: Limit in seconds for the whole batch.

        Returns:
            A result whose `rows_affected` is the sum over all rows, or `None` when unknown. With RETURNING
            it holds the rows of all of them, in order.

        Raises:
            ParameterError: A row does not fit; nothing is stored. The same holds for whatever `rows` itself raises.
        """
        if self._guarded:
            self._check("execute_many")
        text, given, keywords = sql.render() if isinstance(sql, SQL) else (sql, (), {})
        if given or keywords:
            self._refuse("execute_many", "the SQL object has parameters of its own; pass them in rows", text)
        plan = self._plan("execute_many", text)
        bound = plan.bind_many(rows)
        try:
            raw = self._atomically(
                "execute_many", plan.source, timeout, execute_many, self._driver, plan, bound, undoes=True
            )
        except RowsError as wrapped:
            failure = wrapped.error
        else:
            return SQLResult(plan, raw, None, self._driver.derived.to_table)
        raise failure

    def execute_script(self, text: str, /, *, timeout: float | None = None) -> None:
        """Run several statements without parameters. They are one transaction unless they say otherwise.

        Args:
            text: Statements separated by semicolons.
            timeout: Limit in seconds for the whole script.

        Raises:
            TransactionError: The script controls transactions inside an open one, or left one open (it has
                been rolled back).
        """
        if self._guarded:
            self._check("execute_script")
        text = statement_text(text)
        leaves_open = self._inspect_script(text)
        if leaves_open is not None and self._transaction is not None:
            raise TransactionError(
                "cannot run a script with BEGIN, COMMIT or ROLLBACK: a transaction is open; run it outside",
                sql=text,
            )
        self._dirty = True
        self._exclusive("execute_script", text, timeout, self._run_script, text, leaves_open)

    def _run_script(self, text: str, leaves_open: bool | None) -> None:
        driver = self._driver
        self._stray = leaves_open is not None
        try:
            driver.execute_script(text)
        except BaseException as error:
            # It may have failed behind its BEGIN. What is known of that, `_fail` looks after.
            if leaves_open is not None and driver.status() == "unknown":
                if isinstance(error, driver.native_errors) and not driver.is_broken(error):
                    self._end_stray_transaction(suspected=True)
                else:
                    self._set_broken()
            raise
        self._stray = False
        status = driver.status()
        if leaves_open if status == "unknown" else leaves_open is not None and status != "idle":
            self._undo(driver.rollback)
            raise TransactionError(
                "the script left a transaction open: it has been rolled back; end the script with COMMIT",
                sql=text,
            )

    def execute_stack(
        self, stack: StatementStack | Iterable[Any], /, *, timeout: float | None = None
    ) -> list[SQLResult[dict[str, Any]]]:
        """Run several statements in order, all or nothing, in one round trip where the driver can.

        Args:
            stack: A `StatementStack`, or an iterable of texts and `(text, params)` pairs.
            timeout: Limit in seconds for the whole stack.

        Returns:
            One result per statement.

        Raises:
            SQLSpecError: The first failure; a note on it tells which statement it was.
        """
        if self._guarded:
            self._check("execute_stack")
        entries = []
        for index, entry in enumerate(StatementStack.of(stack)):
            try:
                entries.append(self._bind("execute_stack", entry.sql, entry.params, entry.named or {}))
            except SQLSpecError as error:
                error.add_note(f"statement {index} of the stack")
                raise
        if not entries:
            return []
        text = ";\n".join([plan.source[: len(plan.source) - plan.tail] for plan, _ in entries])
        driver = self._driver
        raws = self._atomically(
            "execute_stack", text, timeout, driver.run_stack, entries, alone=driver.stack_alone
        )
        to_table = driver.derived.to_table
        return [SQLResult(plan, raw, None, to_table) for (plan, _), raw in zip(entries, raws, strict=True)]

    def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification; inside a transaction the server delivers it at commit.

        Args:
            channel: Name of the channel, in the case it is listened to.
            payload: Text of fewer than 8000 bytes.
        """
        self._execute("notify", NOTIFY, (channel, payload), {}, None)

    def cancel(self) -> None:
        """Stop what this session runs now, from another task or thread.

        The call that is stopped raises `OperationCancelledError`; of an Arrow reader or an export, which read piece by
        piece, the next one does. Without a running statement nothing happens.

        Raises:
            NotSupportedError: A call of this driver cannot be stopped from outside.
        """
        driver = self._driver
        if not driver.spec.capabilities.cancel:
            raise driver.spec.refusal("cancel")
        reader = self._reader  # it may end meanwhile, in another thread
        if reader is not None:
            reader.stop()
        asked: list[None] = getattr(self, "_asked", [])  # in another thread the next call may have begun a moment later
        if self._turn.is_taken():
            asked.append(None)  # for a call whose statements are too short to be hit
            try:
                driver.cancel()
            except driver.native_errors as error:
                raise self._translated(error, None) from error

    def _inspect_script(self, text: str) -> bool | None:
        """Tell whether a script leaves a transaction open; `None`: it does not control transactions.

        Raises:
            SQLSpecError: It cannot be run as a script.
        """
        spans = scan(text).statements
        if not spans:
            self._refuse("execute_script", "the text holds no statement; pass one", text, SQLParsingError)
        leaves_open = None
        for start, end in spans:
            part = scan(text[start:end])
            refusal = part_refusal(text[start:end], part)
            if refusal is not None:
                self._refuse("execute_script", refusal.reason, text, refusal.kind)
            if part.verb in CONTROL and _TO_SAVEPOINT.match(text, start, end) is None:
                leaves_open = part.verb in ("BEGIN", "START") or _AND_CHAIN.match(text, start, end) is not None
        return leaves_open
