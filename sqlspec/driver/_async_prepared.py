# The synchronous twin is generated from this file by tools/unasync.py.
"""The prepared statements of one connection: made ready, bound to values, forgotten when they are out of date."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from sqlspec.driver._many import set_row
from sqlspec.driver._statements import StatementCache, begins, changed_by, undoes
from sqlspec.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from sqlspec.driver._statements import Derived
    from sqlspec.exceptions import Staleness

__all__ = ("AsyncPreparedStatements",)


class Prepared(Protocol):
    """What is known of a statement that was prepared.

    Attributes:
        used: It was run since the cache has looked for one to drop.
        oids: Types of its parameters.
        learnt: As `CodecRegistry.stamp` gives it.
        encode: Function from a sequence of parameters to what the driver is given; raises `DataError`.
    """

    used: bool

    @property
    def oids(self) -> tuple[int, ...]: ...
    @property
    def learnt(self) -> int | None: ...
    @property
    def encode(self) -> Any: ...


P = TypeVar("P", bound=Prepared)


class AsyncPreparedStatements(ABC, Generic[P]):
    """The prepared statements of one connection, by their texts.

    Attributes:
        get: Looks one up, as it was when it was prepared.
        kept: Statements are kept for the next call; else each is prepared for one use.
        unsettled: What statements mean was changed inside a transaction, perhaps only until its end.
    """

    __slots__ = ("_cache", "_derived", "_learn", "get", "unsettled")

    kept: ClassVar[bool] = True

    def __init__(self, derived: Derived, cached: int, learn: Callable[[Iterable[int]], Awaitable[None]]) -> None:
        self._derived = derived
        self._learn = learn
        self._cache: StatementCache[P] = StatementCache(cached)
        self.get = self._cache.get
        self.unsettled = False

    # -- what an adapter does -------------------------------------------------------------------------

    @abstractmethod
    async def prepare(self, sql: str) -> P:
        """Prepare a statement, and keep it."""

    @abstractmethod
    def can_prepare(self) -> bool:
        """Tell, as far as it is known, that the connection is in no aborted transaction."""

    @abstractmethod
    def is_inside(self) -> bool:
        """Tell whether a transaction may be open."""

    def release(self, entries: Iterable[P]) -> None:
        """Have the server close statements that were forgotten, now or later."""

    # -- making ready -----------------------------------------------------------------------------

    def known(self, sql: str) -> P | None:
        """Return a statement that was prepared with the types as they are known now."""
        prepared = self.get(sql)
        if prepared is None or prepared.learnt is None or prepared.learnt == self._derived.codecs.generation:
            return prepared
        self.discard(sql)
        return None

    async def ready(self, sql: str) -> P:
        """Return a statement prepared with the types as they are known now."""
        return self.known(sql) or await self.prepare(sql)

    async def bound(self, sql: str, args: Sequence[Any]) -> tuple[P, Any]:
        """Return a statement made ready, and its parameters as the driver is given them."""
        known = self.get(sql)
        prepared = await self.ready(sql)
        prepared.used = True
        try:
            return prepared, prepared.encode(args)
        except DataError as refusal:
            if prepared is not known and self.kept:
                raise
            prepared = await self.describe_again(sql, prepared, refusal)
            return prepared, prepared.encode(args)

    async def bound_rows(self, sql: str, rows: Iterable[Sequence[Any]]) -> tuple[P, Iterator[Any]]:
        """Return a statement made ready for a batch, and the parameters of each row, encoded one by one.

        Raises:
            DataError: Here or later, with the row's number (`set_row`).
        """
        left = iter(rows)
        first = next(left, None)
        if first is None:
            prepared = await self.ready(sql)
            prepared.used = True
            return prepared, iter(())
        try:
            prepared, values = await self.bound(sql, first)
        except DataError as refusal:
            set_row(refusal, 0)
            raise
        return prepared, itertools.chain((values,), self._encoded(sql, prepared, left))

    def _encoded(self, sql: str, prepared: P, rows: Iterator[Sequence[Any]]) -> Iterator[Any]:
        encode = prepared.encode
        number = 0
        try:
            for number, row in enumerate(rows, 1):  # noqa: B007 - for the error
                yield encode(row)
        except DataError as refusal:
            set_row(refusal, number)
            # Rows are on their way, so nothing can be asked now; the next call will ask what the types are by then.
            self.discard(sql)
            raise

    # -- after a change of the schema -------------------------------------------------------------

    async def describe_again(self, sql: str, known: P, refusal: DataError) -> P:
        """Prepare anew where a value does not fit a type that an earlier call was told.

        A column may have another type by now, or a composite type other fields.

        Raises:
            DataError: The given one, when the types are still the same, or the server cannot be asked.
        """
        if not self.can_prepare():
            raise refusal
        self.discard(sql)
        self._derived.codecs.forget(*known.oids)
        prepared = await self.prepare(sql)
        if prepared.oids == known.oids and known.learnt is None:
            raise refusal
        return prepared

    def discard(self, sql: str) -> None:
        """Forget one statement, so that the next call describes it anew."""
        gone = self._cache.discard(sql)
        if gone is not None:
            self.release((gone,))

    def forget_all(self) -> None:
        """Forget every statement: some may not exist any more."""
        self.release(self._cache.clear())

    def keep(self, sql: str, prepared: P) -> None:
        """Keep a statement, in the place of another one if there are too many."""
        if not self.kept:
            return
        evicted = self._cache.add(sql, prepared)
        if evicted is not None:
            self.release((evicted,))

    def forget_stale(self, sql: str, staleness: Staleness) -> None:
        """Forget what a change of the schema has, or may have, left behind."""
        if staleness == "surely":
            self._derived.codecs.forget_learnt()
            self.forget_all()
        elif staleness:
            self.discard(sql)

    def note_changes(self, text: str) -> None:
        """Forget what a command or script may have made out of date."""
        changed = changed_by(text)
        if changed.statements:
            self.names_changed()
        elif self.unsettled and begins(text):
            self.settle()
        elif self.unsettled and undoes(text):
            self.forget_all()
        if changed.types:
            self._derived.codecs.forget_learnt()

    def names_changed(self) -> None:
        """Forget every statement, now and when the next transaction begins: they may mean something else."""
        self.forget_all()
        self.unsettled = self.unsettled or self.is_inside()

    def settle(self) -> None:
        """Forget every statement as a transaction begins: one that the server refuses there cannot be repeated."""
        self.forget_all()
        self.unsettled = False
