"""Statements prepared on one connection: kept, made ready, described anew after a change of the schema."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.asyncpg._errors import words
from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.adapters.asyncpg._types import Installed, type_refused
from sqlspec.core.result import Column
from sqlspec.driver._statements import StatementCache, changed_by
from sqlspec.exceptions import DataError, staleness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived
    from sqlspec.exceptions import Staleness

__all__ = ("Prepared", "Statements")


class Prepared:
    """A statement prepared on one connection; `learnt` is as `CodecRegistry.stamp` gives it."""

    __slots__ = ("check", "columns", "fetch", "learnt", "oids", "statement", "used")

    def __init__(
        self,
        statement: PreparedStatement,
        oids: tuple[int, ...],
        columns: tuple[Column, ...],
        check: Callable[[Sequence[Any]], Sequence[Any]],
        learnt: int | None,
    ) -> None:
        self.statement = statement
        self.fetch = statement.fetch
        self.oids = oids
        self.columns = columns
        self.check = check
        self.learnt = learnt
        self.used = True


class Statements:
    """The prepared statements of one connection.

    Attributes:
        codecs: The package's codecs on the connection.
        get: Looks a statement up by its text, as it was when it was prepared.
    """

    __slots__ = ("_cache", "_connection", "_derived", "_learn", "_names", "codecs", "get")

    def __init__(
        self,
        connection: asyncpg.Connection,
        derived: Derived,
        cached: int,
        learn: Callable[[Iterable[int]], Awaitable[None]],
    ) -> None:
        self._connection = connection
        self._derived = derived
        self._learn = learn
        self._cache: StatementCache[Prepared] = StatementCache(cached)
        self.codecs = Installed(connection, derived.codecs)
        self.get = self._cache.get
        self._names = itertools.count(1)

    # -- making ready -----------------------------------------------------------------------------

    async def ready(self, sql: str) -> Prepared:
        """Return a statement prepared with the types as they are known now."""
        prepared = self.get(sql)
        if prepared is not None:
            if prepared.learnt is None or prepared.learnt == self._derived.codecs.generation:
                return prepared
            self._cache.discard(sql)
        return await self.prepare(sql)

    async def bound(self, sql: str, args: Sequence[Any]) -> tuple[Prepared, Sequence[Any]]:
        """Return a statement made ready, and its parameters as the driver takes them."""
        known = self.get(sql)
        prepared = await self.ready(sql)
        prepared.used = True
        try:
            return prepared, prepared.check(args)
        except DataError as error:
            if prepared is not known:
                raise
            prepared = await self.describe_again(sql, prepared, error)
            return prepared, prepared.check(args)

    async def bound_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> tuple[Prepared, Iterator[Sequence[Any]]]:
        """Return a statement made ready for a batch, and the parameters of each row, checked one by one."""
        known = self.get(sql)
        prepared = await self.ready(sql)
        prepared.used = True
        left = iter(rows)
        first = next(left, None)
        if first is None:
            return prepared, left
        try:
            values = prepared.check(first)
        except DataError as error:
            if prepared is not known:
                raise
            prepared = await self.describe_again(sql, prepared, error)
            values = prepared.check(first)
        return prepared, itertools.chain((values,), self._checked(sql, prepared, left))

    def _checked(self, sql: str, prepared: Prepared, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        check = prepared.check
        try:
            for row in rows:
                yield check(row)
        except DataError:
            # Rows are on their way, so nothing can be asked now; the next call will ask what the types are by then.
            self._cache.discard(sql)
            raise

    async def prepare(self, sql: str) -> Prepared:
        """Prepare a statement, and keep it."""
        statement = await self._parse(sql)
        oids = tuple(parameter.oid for parameter in statement.get_parameters())
        columns = tuple(Column(attribute.name, attribute.type.oid) for attribute in statement.get_attributes())
        types = (*oids, *(column.oid for column in columns))
        codecs = self._derived.codecs
        await self._learn(types)
        learnt, check = codecs.stamp(types), codecs.checker(oids)  # now: another connection may make all forget them
        if self.codecs.install(types):
            statement = await self._parse(sql)
        prepared = Prepared(statement, oids, self._derived.columns(columns), check, learnt)
        # The statement that is evicted is closed on the server by asyncpg once it is garbage.
        self._cache.add(sql, prepared)
        return prepared

    async def _parse(self, sql: str) -> PreparedStatement:
        """Prepare a statement on the server."""
        while True:
            try:
                return await self._connection.prepare(sql, name=f"sqlspec_{next(self._names)}")
            except asyncpg.UnsupportedClientFeatureError as error:
                query = type_refused(error)
                if query is None:
                    raise
                oids = [int(row[0] or 0) for row in await self._connection.fetch(query)]
                await self._learn(oids)
                if not self.codecs.install(oids):
                    raise

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

    async def describe_again(self, sql: str, known: Prepared, error: DataError) -> Prepared:
        """Prepare anew where a value does not fit a type that an earlier call was told: a column may have another.

        Raises:
            DataError: The given one, when the types are still the same, or the server cannot be asked.
        """
        self._cache.discard(sql)
        try:
            prepared = await self.prepare(sql)
        except asyncpg.InFailedSQLTransactionError:  # which the driver does not tell beforehand
            prepared = known
        if prepared.oids == known.oids:
            raise error
        return prepared

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
            stale = "surely"  # the driver has put words of its own in place of the server's
        if stale == "surely":
            self._derived.codecs.forget_learnt()
            self.forget_all()
        elif stale:
            self._cache.discard(sql or plan.sql)
        return stale

    def note(self, text: str) -> None:
        """Forget what a command or script may have made out of date."""
        changed = changed_by(text)
        if changed.statements:
            self.forget_all()
        if changed.types:
            self._derived.codecs.forget_learnt()

    def forget_all(self) -> None:
        """Forget every statement, after a command that may have dropped them."""
        self._cache.clear()
