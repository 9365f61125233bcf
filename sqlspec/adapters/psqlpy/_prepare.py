"""Preparing and describing statements on one connection.

psqlpy keeps every statement that it has ever prepared, on the server and by its text: it cannot be told to close one.
Here they are closed by DEALLOCATE, after which the driver fails to run that text again, for ever. A text that is needed
again is therefore sent behind a comment that makes it another one. What remains is a little memory of this process for
each text, until the connection has prepared so many that the pool replaces it.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlspec.adapters.psqlpy._calls import Calling
from sqlspec.adapters.psqlpy._dollars import hide_placeholders
from sqlspec.adapters.psqlpy._native import CustomType, DatabaseError, Error
from sqlspec.adapters.psqlpy._results import reader_of, text_type
from sqlspec.adapters.psqlpy._statements import (
    LARGE,
    MOST_PARAMETERS,
    UNCACHED_VERBS,
    Prepared,
    can_ask_types,
    changes_names,
    describe_sql,
    drop_sql,
    oids_of,
    types_sql,
    with_text_columns,
)
from sqlspec.core.result import Column
from sqlspec.driver._statements import COUNTED_VERBS, StatementCache, changed_by, undoes, with_returning
from sqlspec.exceptions import CONDITIONS, DataError, NotSupportedError, ParameterError, SQLParsingError, error_class
from sqlspec.postgres.casts import REGCLASS, Cast, cast_parameters, type_names_query
from sqlspec.postgres.codec import MissingTypesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.adapters.psqlpy._connect import Link
    from sqlspec.core.plan import Plan
    from sqlspec.driver._statements import Derived

__all__ = ("Preparing",)

WORN_OUT = 1000
"""Statements that a connection prepares before it is replaced. Of large ones, fewer: the driver keeps their texts."""


class Preparing(Calling):
    """The part of the adapter that knows what a statement takes and gives."""

    __slots__ = (
        "_brief",
        "_described",
        "_forgotten",
        "_numbers",
        "_ruled",
        "_seen",
        "_statements",
        "_strayed",
        "_wear",
        "retired",
    )

    def __init__(self, link: Link, derived: Derived, cached: int) -> None:
        self.derived = derived
        super().__init__(link)
        self._statements: StatementCache[Prepared] = StatementCache(cached)
        self._forgotten: list[str] = []
        self._described: Any = None  # the driver's object of the text that was prepared last
        self._strayed = False  # names may mean something else than on a new connection
        self._brief = False  # they may only until the transaction ends
        self._wear, self.retired = 0, False
        self._numbers = itertools.count(1)
        self._seen: set[int] = set()  # hashes: two that collide cost a needless comment
        self._ruled: set[str] = set()  # texts that cannot be counted: a rule forbids RETURNING

    # -- what is known ----------------------------------------------------------------------------

    async def _ready(self, plan: Plan) -> Prepared:
        """Return a statement prepared with the types as they are known now."""
        prepared = self._statements.get(plan.sql)
        if prepared is None:
            return await self._prepare(plan)
        if prepared.learnt is None or prepared.learnt == self.derived.codecs.generation:
            return prepared
        if not prepared.converted:
            with suppress(MissingTypesError):  # one was dropped; the name may stand for another now
                await self._learn(prepared, tuple(column.name for column in prepared.columns))
                return prepared
        self._forget(plan)
        return await self._prepare(plan)

    def _forget(self, plan: Plan) -> None:
        stale = self._statements.discard(plan.sql)
        if stale is not None:
            self._drop(stale)

    def _forget_stale(self, plan: Plan, staleness: str) -> None:
        """Forget a statement that may be stale; all of them, where one surely is, or is missing on the server."""
        if staleness in ("missing", "stale"):
            self._forget_all()
            self.derived.codecs.forget_learnt()
        elif staleness:
            self._forget(plan)

    async def _bound(self, plan: Plan, args: Sequence[Any]) -> tuple[Prepared, list[CustomType | None]]:
        """Return a statement made ready, and its parameters as they are sent."""
        prepared = await self._ready(plan)
        prepared.used = True
        try:
            return prepared, prepared.bind(args)
        except DataError as refusal:
            return await self._bind_anew(plan, prepared, args, refusal)

    def _note_script(self, text: str) -> None:
        """Forget what may mean something else after a command or script, or may be gone.

        The server follows a change of what a statement uses, but not that a name has come to mean something else.
        """
        changed = changed_by(text)
        if changed.types:
            self.derived.codecs.forget_learnt()
        if changed.statements or changes_names(text):
            self.names_changed()
        elif self._brief and undoes(text):
            self._forget_all()

    def names_changed(self) -> None:
        self._forget_all()
        self._strayed = True
        self._brief = self._brief or self._status != "idle"

    def _forget_all(self) -> None:
        for prepared in self._statements.clear():
            self._drop(prepared)
        self._ruled.clear()

    def _drop(self, prepared: Prepared) -> None:
        prepared.execute = None
        self._forgotten += prepared.names()

    def _shut(self) -> None:
        super()._shut()
        self._described = None  # these would keep the connection open
        for prepared in self._statements.entries.values():
            prepared.execute = None

    # -- preparing --------------------------------------------------------------------------------

    async def _prepare(self, plan: Plan) -> Prepared:
        if plan.arity > MOST_PARAMETERS:
            given = f"the statement has {plan.arity} of them, and psqlpy sends at most {MOST_PARAMETERS}"
            raise ParameterError(f"cannot send the parameters: {given}; pass arrays, or use execute_many()")
        await self._drop_forgotten()
        prepared = None
        if plan.verb in COUNTED_VERBS and not plan.returns_rows and plan.sql not in self._ruled:
            prepared = await self._prepare_counted(plan)
        if prepared is None:
            prepared = await self._prepare_as_is(plan)
        if plan.verb in UNCACHED_VERBS:
            prepared.once = True
            self._forgotten.append(prepared.name)
        else:
            if not plan.arity and self._described is not None:  # it is not there if the connection was closed meanwhile
                prepared.execute = self._described.execute
            evicted = self._statements.add(plan.sql, prepared)
            if evicted is not None:
                self._drop(evicted)
        return prepared

    async def _prepare_as_is(self, plan: Plan) -> Prepared:
        return await self._complete(*await self._describe(plan.sql, plan.body, plan.arity))

    async def _prepare_counted(self, plan: Plan) -> Prepared | None:
        """Prepare a data change with RETURNING; `None` when a rule of the table, or the server's age, forbids that."""
        sql = with_returning(plan.body)
        if self._status == "unknown":
            await self.find_status()
        if self._status != "idle" and not await self._can_be_prepared(sql):
            return None
        try:
            described = await self._describe(sql, sql, plan.arity)
        except Error as error:
            if self._status != "idle" or not self._may_forbid_returning(error):
                raise
            try:
                prepared = await self._prepare_as_is(plan)
            except Error as reason:
                # It is wrong in itself, and RETURNING has nothing to do with it.
                raise reason from None
            if len(self._ruled) >= WORN_OUT:
                self._ruled.clear()
            self._ruled.add(plan.sql)
            return prepared
        prepared = described[0]
        prepared.counted = True
        prepared.wire = None
        return await self._complete(prepared, ())

    def _may_forbid_returning(self, error: BaseException) -> bool:
        """Tell whether an error may come from the RETURNING that was added, and not from a limit or a lost server."""
        sqlstate = self.error_info(error).sqlstate
        forbids = sqlstate is None or error_class(sqlstate) in (NotSupportedError, SQLParsingError)
        return forbids and not self.is_broken(error)

    async def _can_be_prepared(self, sql: str) -> bool:
        """Try in a savepoint: a refusal would abort the caller's transaction."""
        name = f"sqlspec_count_{next(self._numbers)}"
        try:
            await self.run(
                self._link.connection.execute_batch(
                    f"savepoint sqlspec_count;\nprepare {name} as {sql};\ndeallocate {name};\nrelease sqlspec_count"
                )
            )
        except Error as error:
            if not self._may_forbid_returning(error):
                raise
            try:
                await self.run(self._link.connection.execute_batch("rollback to sqlspec_count;\nrelease sqlspec_count"))
            except Error as reason:
                if self.is_broken(reason):
                    raise
            else:
                self._status = "active"
            return False
        return True

    def _fresh(self, sql: str) -> str:
        """Return the text, or one that the driver has not met: it would run what it has kept under this one."""
        key = hash(sql)
        if key in self._seen:
            return f"/* {next(self._numbers)} */ {sql}"
        self._seen.add(key)
        return sql

    async def _describe(self, sql: str, body: str, arity: int) -> tuple[Prepared, tuple[str, ...]]:
        """Prepare a text on the server; return the statement and the names of its columns."""
        text, body = self._fresh(hide_placeholders(sql)), hide_placeholders(body)
        self._wear += 1 + len(text) // LARGE
        self.retired = self.retired or self._wear > WORN_OUT
        try:
            # Without parameters the driver would tell no columns; those that are too many it ignores.
            self._described = await self.run(self._link.connection.prepare(text, [None] * max(arity, 1)))
        except Error as error:
            if self.error_info(error).sqlstate == CONDITIONS["invalid_sql_statement_name"]:
                # One of those by which the driver looks types up, and which it believes to be there for ever.
                self.retired = True
            raise
        names = tuple(column.name for column in self._described.columns())
        rows = await self.fetch_text(describe_sql(text))
        if not rows:
            raise DatabaseError("the driver has prepared another text than it was given")
        ((name, parameters, results),) = rows
        wire = None if results is None else oids_of(results)
        return Prepared(text, body, name or "", oids_of(parameters or ""), wire, counted=False), names

    async def _complete(self, prepared: Prepared, names: tuple[str, ...]) -> Prepared:
        """Look up the types; where a binary format is not known, have the server convert from or to text."""
        await self._learn(prepared, names)
        codecs = self.derived.codecs
        known = [codecs.get(oid) for oid in prepared.oids]
        casts = {at: codec.oid for at, codec in enumerate(known, 1) if codec is not None and codec.is_text_fallback}
        sent = tuple(text_type(codecs.get(oid)) or oid for oid in prepared.wire or ())
        body = with_text_columns(prepared.body, prepared.wire or (), sent)
        if casts:
            body = cast_parameters(body, await self._casts(casts))
        if body is prepared.body:
            return prepared
        self._forgotten.append(prepared.name)
        prepared.converted = True
        converted, converted_names = await self._describe(body, body, len(prepared.oids))
        prepared.text, prepared.body, prepared.name = converted.text, converted.body, converted.name
        if prepared.wire is not None:
            prepared.wire = converted.wire
            await self.learn_types(prepared.wire or ())  # another session may have had them forgotten meanwhile
            prepared.reader = reader_of(codecs, converted.wire or (), names, converted_names)
        return prepared

    async def _casts(self, oids: dict[int, int]) -> dict[int, Cast]:
        """Return how the server converts text to some parameters, by their numbers."""
        ((*names,),) = await self.fetch_text(type_names_query(oids.values()))
        base = self.derived.codecs.base_oid
        return {at: Cast(name or "", base(oids[at]) == REGCLASS) for at, name in zip(oids, names, strict=True)}

    async def _learn(self, prepared: Prepared, names: tuple[str, ...]) -> None:
        """Derive what follows from the types as they are known now."""
        codecs = self.derived.codecs
        results = prepared.wire or ()
        types = (*prepared.oids, *results)
        await self.learn_types(types)
        learnt = codecs.stamp(types)
        prepared.bind = codecs.encoder(prepared.oids, CustomType)
        columns = zip(names, results, strict=True)
        prepared.columns = self.derived.columns(tuple(Column(name, codecs.base_oid(oid)) for name, oid in columns))
        prepared.reader = None if prepared.wire is None else reader_of(codecs, results, names, names)
        prepared.learnt = learnt

    async def _has_other_types(self, plan: Plan, prepared: Prepared) -> bool:
        """Tell whether the parameters have other types by now. Asked in SQL: what the driver prepares, it keeps."""
        name = f"sqlspec_types_{next(self._numbers)}"
        await self.run(self._link.connection.execute_batch(f"prepare {name} as {plan.body}"))
        self._forgotten.append(name)
        ((types,),) = await self.fetch_text(types_sql(name))
        await self._drop_forgotten()
        return oids_of(types or "") != prepared.oids

    async def _bind_anew(
        self, plan: Plan, prepared: Prepared, args: Sequence[Any], refusal: DataError
    ) -> tuple[Prepared, list[CustomType | None]]:
        """Bind again after a refusal: a column may have another type by now, or a composite type other fields.

        Raises:
            DataError: It is still refused.
        """
        if isinstance(refusal, MissingTypesError):
            await self.learn_types(refusal.oids)
        elif can_ask_types(plan) and self._status != "failed":
            self.derived.codecs.forget(*prepared.oids)
            if prepared.learnt is None and not await self._has_other_types(plan, prepared):
                raise refusal
            self._forget(plan)
            prepared = await self._prepare(plan)
        else:
            raise refusal
        return prepared, prepared.bind(args)

    async def _drop_forgotten(self) -> None:
        """Close on the server what is not needed any more, where that can be done without harm."""
        if not self._forgotten or self._status == "failed":
            return
        names, self._forgotten = self._forgotten, []
        quick = self._status == "idle"
        try:
            await self.run(self._link.connection.execute_batch(drop_sql(names, safely=not quick)))
        except Error as error:
            if self.is_broken(error) or not quick:
                raise
            await self.run(self._link.connection.execute_batch(drop_sql(names, safely=True)))
