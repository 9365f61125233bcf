"""Statements prepared on one connection: kept, made ready, described anew after a change of the schema."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.asyncpg._errors import words
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg._types import Installed, type_refused
from sqlspec.core.result import Column
from sqlspec.core.scan import scan
from sqlspec.driver._async_prepared import AsyncPreparedStatements
from sqlspec.exceptions import DataError, ParameterError, staleness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.exceptions import Staleness

__all__ = ("PooledStatements", "Prepared", "Statements")

MOST_PARAMETERS = 32767
"""The driver counts the parameters of a statement in a signed integer of 16 bits."""

_LONG = 180_000
"""No text that names more parameters than these, from the first to the last, is shorter."""


class Prepared:
    """A statement prepared on one connection; `learnt` is as `CodecRegistry.stamp` gives it."""

    __slots__ = ("columns", "encode", "fetch", "learnt", "oids", "statement", "used")

    def __init__(
        self,
        statement: PreparedStatement,
        oids: tuple[int, ...],
        columns: tuple[Column, ...],
        encode: Callable[[Sequence[Any]], Sequence[Any]],
        learnt: int | None,
    ) -> None:
        self.statement = statement
        self.fetch = statement.fetch
        self.oids = oids
        self.columns = columns
        self.encode = encode
        self.learnt = learnt
        self.used = True


class Statements(AsyncPreparedStatements[Prepared]):
    """The prepared statements of one connection. Those that nobody holds any more are closed by asyncpg.

    Attributes:
        codecs: The package's codecs on the connection.
    """

    __slots__ = ("_connection", "_names", "codecs")

    def __init__(
        self,
        connection: asyncpg.Connection,
        derived: Derived,
        cached: int,
        learn: Callable[[Iterable[int]], Awaitable[None]],
    ) -> None:
        super().__init__(derived, cached, learn)
        self._connection = connection
        self.codecs = Installed(connection, derived.codecs)
        self._names = itertools.count(1)

    async def prepare(self, sql: str) -> Prepared:
        if len(sql) > _LONG:
            _check_count(sql)
        statement = await self._parse(sql)
        oids = tuple(parameter.oid for parameter in statement.get_parameters())
        columns = tuple(Column(attribute.name, attribute.type.oid) for attribute in statement.get_attributes())
        types = (*oids, *(column.oid for column in columns))
        codecs = self._derived.codecs
        gone = not self.kept and bool(codecs.missing(types))  # by the time that they are looked up
        await self._learn(types)
        # Now: another connection may make all forget them.
        learnt, encode = codecs.stamp(types), codecs.checker(oids) if oids else _nothing
        if self.codecs.install(types) or gone:
            statement = await self._parse(sql)
        prepared = Prepared(statement, oids, self._derived.columns(columns), encode, learnt)
        self.keep(sql, prepared)
        return prepared

    async def _parse(self, sql: str) -> PreparedStatement:
        """Prepare a statement on the server."""
        while True:
            try:
                return await self._connection.prepare(sql, name=self._new_name())
            except asyncpg.UnsupportedClientFeatureError as error:
                query = type_refused(error)
                if query is None:
                    raise
                oids = [int(row[0] or 0) for row in await self._connection.fetch(query)]
                await self._learn(oids)
                if not self.codecs.install(oids):
                    raise

    def _new_name(self) -> str:
        return f"sqlspec_{next(self._names)}"

    async def taking_bytes(self, sql: str, oids: tuple[int, ...]) -> Prepared:
        """Return a statement of ours that takes its parameters, of these types, as they are sent."""
        key = _key(sql, oids)
        prepared = self.get(key)
        if prepared is None:
            with self.codecs.taking_bytes(oids):
                statement = await self._parse(sql)
            prepared = Prepared(statement, oids, (), _unchanged, None)
            self.keep(key, prepared)
        prepared.used = True
        return prepared

    def forget_taking_bytes(self, sql: str, oids: tuple[int, ...]) -> None:
        """Forget such a statement, which has failed."""
        self.discard(_key(sql, oids))

    # -- after a change of the schema -------------------------------------------------------------

    async def prepare_again(self, plan: Plan, known: Prepared, error: asyncpg.PostgresError) -> Prepared:
        """Prepare anew after a change of the schema; re-raise whatever else it is.

        Inside a transaction the error has already aborted it, so it must reach the user. So must that of a procedure,
        which may have committed before.
        """
        stale = self.discard_stale(plan, error)
        if not stale or self._connection.is_in_transaction() or not plan.reads_or_writes:
            raise error
        if stale == "surely":
            await self._connection.reload_schema_state()
        prepared = await self.prepare(plan.sql)
        if stale != "surely" and prepared.oids == known.oids:
            raise error
        return prepared

    def can_prepare(self) -> bool:
        return True  # for all that the driver tells

    def is_inside(self) -> bool:
        return bool(self._connection.is_in_transaction())

    async def describe_again(self, sql: str, known: Prepared, refusal: DataError) -> Prepared:
        try:
            return await super().describe_again(sql, known, refusal)
        except asyncpg.InFailedSQLTransactionError:
            raise refusal from None

    def discard_stale(self, plan: Plan, error: asyncpg.PostgresError, sql: str = "") -> Staleness:
        """Forget what the schema has left behind; tell whether that may be why a statement failed.

        Args:
            plan: The statement.
            error: Its failure.
            sql: The text that was prepared in place of the plan's.
        """
        fields: Any = error
        stale = staleness(fields.sqlstate, words(error), plan.arity)
        if isinstance(error, asyncpg.InvalidCachedStatementError):
            stale = "surely"  # in whatever language the server says so
        self.forget_stale(sql or plan.sql, stale)
        return stale


class PooledStatements(Statements):
    """Statements behind a pooler: prepared for one use each, without a name.

    The driver sends no Sync behind a preparation. So the server's session stays with the connection until the statement
    has run, and so do its locks on what the statement was prepared for.
    """

    __slots__ = ()

    kept = False

    def _new_name(self) -> str:
        return ""


def _check_count(sql: str) -> None:
    # Asked before the statement is prepared: of more parameters the driver would tell none.
    if f"${MOST_PARAMETERS + 1}" in sql:
        count = max((int(hit.name or 0) for hit in scan(sql).placeholders), default=0)
        if count > MOST_PARAMETERS:
            given = f"the statement has {count} of them, and asyncpg sends at most {MOST_PARAMETERS}"
            raise ParameterError(f"cannot send the parameters: {given}; pass arrays, or use execute_many()")


def _key(sql: str, oids: tuple[int, ...]) -> str:
    return f"{sql}\0{oids}"  # no text of a user holds a NUL character


def _nothing(_: Sequence[Any]) -> Sequence[Any]:
    """Send no parameter to a statement that takes none, as CREATE VIEW: the server says so, the driver differently."""
    return ()


def _unchanged(args: Sequence[Any]) -> Sequence[Any]:
    return args
