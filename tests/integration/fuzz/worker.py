"""A borrower of sessions that runs random calls inside and outside transactions and keeps a model of its rows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import psycopg

from sqlspec.core.capabilities import AdapterSpec
from sqlspec.exceptions import DatabaseConnectionError, SQLSpecError
from tests.integration.fuzz.values import same

__all__ = ("Call", "Report", "Worker", "Wrong", "left_behind")

MOST_WRONG = 10

Rows = dict[int, tuple[Decimal, str]]


class Wrong(Exception):
    """A result that is not what it must be."""


class Undone(Exception):
    """Rolls a scope back."""


@dataclass
class Report:
    """What a run did and found.

    Attributes:
        stopped: Calls that ended because they were stopped.
    """

    statements: int = 0
    errors: int = 0
    stopped: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    rows: dict[int, Rows] = field(default_factory=dict)

    def __str__(self) -> str:
        stopped = f"{self.stopped} stopped, " if self.stopped else ""
        return f"{self.statements} statements, {self.errors} errors, {stopped}{len(self.wrong)} wrong"


Call = Callable[["Worker"], Awaitable[None]]


class Worker:
    """One borrower of sessions, with its rows of the table."""

    def __init__(self, owner: int, spec: AdapterSpec, report: Report, seed: int, calls: Mapping[str, Call]) -> None:
        self.owner = owner
        self.random = Random(f"{seed} {owner}")
        self.spec = spec
        self.report = report
        self.calls = calls
        self._names = [name for name in calls if name != "aborted"]
        self.numbers = iter(range(1, 1 << 30))
        self.rows: Rows = report.rows.setdefault(owner, {})
        self.unanchored: set[int] = set()
        self.depth = 0
        self.aborted = False
        self.lost = False
        self.session: Any = None
        # What is to be looked at in another session, because this one was lost.
        self.left: list[Callable[[Any], Awaitable[None]]] = []

    @property
    def nonce(self) -> int:
        return self.owner * 1_000_000_000 + next(self.numbers)

    # -- the course of a run --------------------------------------------------------------------------------

    async def run(self, config: Any, statements: int) -> None:
        """Borrow sessions until so many statements have run."""
        while self.report.statements < statements and len(self.report.wrong) < MOST_WRONG:
            try:
                async with config.provide_session() as self.session:
                    await self.visit()
                while self.left:
                    async with config.provide_session() as session:
                        await self.left.pop()(session)
            except Wrong as wrong:
                self.note("a session that was lost", str(wrong))
            except SQLSpecError as error:
                self.report.wrong.append(f"worker {self.owner}, a session: {error!r}")

    async def visit(self) -> None:
        """Use one session, and leave it in order or in the middle of a transaction."""
        self.lost = False
        for _ in range(self.random.randint(1, 25)):
            if self.lost:
                return
            if self.random.random() < 0.15:
                await self.scope()
            else:
                await self.step()
        if self.random.random() < 0.1:
            rows, unanchored = dict(self.rows), set(self.unanchored)
            await self.session.begin()
            self.depth = 1
            await self.step()
            await self.step()
            self.depth, self.aborted = 0, False
            self._restore(rows, unanchored)

    async def step(self) -> None:
        """Make one call and compare what it gives."""
        name = "aborted" if self.aborted else self.random.choice(self._names)
        self.report.statements += 1
        self.report.kinds[name] += 1
        try:
            await self.calls[name](self)
        except Wrong as wrong:
            self.note(name, str(wrong))
        except Exception as error:  # whatever it is, it is a finding
            self.note(name, f"{type(error).__name__}: {error}")
            if self.depth:
                await self.probe()

    def note(self, name: str, words: str) -> None:
        where = f"worker {self.owner}, statement {self.report.statements}, depth {self.depth}"
        self.report.wrong.append(f"{name} ({where}): {words}")

    async def scope(self) -> None:
        """Run some statements inside a transaction or savepoint, and end it in one of the ways there are."""
        outer = self.depth
        rows, unanchored = dict(self.rows), set(self.unanchored)
        by_hand = outer == 0 and self.random.random() < 0.4
        undo = self.random.random() < 0.4
        self.report.kinds["savepoint" if outer else "transaction"] += 1
        failure: BaseException | None = None
        try:
            if by_hand:
                await self._by_hand(undo)
            else:
                async with (
                    self.session.savepoint() if outer and self.random.random() < 0.5 else self.session.transaction()
                ):
                    await self._inside()
                    if undo:
                        raise Undone
        except (Undone, SQLSpecError) as error:
            failure = error
        broken = self.aborted or self.lost or (outer == 0 and bool(self.unanchored))
        self.depth, self.aborted = outer, False
        if failure is not None or undo:
            self._restore(rows, unanchored)
        ends_quietly = self.lost and (undo or outer)  # there is nothing left to undo
        if not ends_quietly and isinstance(failure, SQLSpecError) is not (broken and not undo):
            self.note("scope", f"ended with {failure!r}, broken={broken}, undo={undo}")
        if not outer and self.session.in_transaction:
            self.note("scope", "a transaction is still open")

    async def _by_hand(self, undo: bool) -> None:
        await self.session.begin()
        await self._inside()
        await (self.session.rollback if undo else self.session.commit)()

    async def _inside(self) -> None:
        self.depth += 1
        for _ in range(self.random.randint(1, 6)):
            if self.lost:
                return
            if self.depth < 3 and not self.aborted and self.random.random() < 0.2:
                await self.scope()
            else:
                await self.step()

    def _restore(self, rows: Rows, unanchored: set[int]) -> None:
        self.rows.clear()
        self.rows.update(rows)
        self.unanchored = unanchored

    # -- what calls are made of -----------------------------------------------------------------------------

    async def fails(self, call: Awaitable[Any], *classes: type[SQLSpecError]) -> None:
        """Await a call that must fail with one of the classes, as far as the adapter knows them."""
        known = classes if self.spec.capabilities.sqlstate else (SQLSpecError,)
        try:
            found = await call
        except known as error:
            if isinstance(error, DatabaseConnectionError):
                raise
            self.report.errors += 1
        else:
            raise Wrong(f"succeeded with {found!r:.200}")
        if self.depth:
            await self.probe()

    async def probe(self) -> None:
        """Find out whether the transaction still works."""
        nonce = self.nonce
        try:
            self.equal(await self.session.select_value("select $1::int8", nonce), nonce)
        except DatabaseConnectionError:
            self.lost = True
        except SQLSpecError:
            self.aborted = True

    def equal(self, found: Any, wanted: Any) -> None:
        if not same(found, wanted):
            raise Wrong(f"{found!r:.300} instead of {wanted!r:.300}")

    def count(self, found: int | None, wanted: int) -> None:
        if found not in (wanted, *(() if self.spec.capabilities.rows_affected.level == "native" else (None,))):
            raise Wrong(f"{found} rows instead of {wanted}")

    def new_row(self) -> tuple[int, Decimal, str]:
        number = next(self.numbers)
        return number, Decimal(f"{number}.{self.random.randrange(100):02}"), f"note {self.nonce}"

    def some_id(self) -> int:
        return self.random.choice(list(self.rows)) if self.rows else -1

    def chance(self, probability: float = 0.5) -> bool:
        return self.random.random() < probability


async def left_behind(admin: psycopg.Connection[Any], config: Any, application: str, report: Report) -> list[str]:
    """Return what is wrong after a run: transactions left open, sessions not given back, rows that differ."""
    wrong = []
    stats = config.stats()
    deadline = time.monotonic() + 5
    # A connection may still be on its way back into the pool.
    while (stats.in_use or stats.idle != stats.size) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        stats = config.stats()
    if stats.in_use or stats.idle != stats.size:
        wrong.append(f"the pool is not idle: {stats}")
    busy = "select state, query from pg_stat_activity where application_name = %s and state <> 'idle'"
    # So may the server be with the end of a connection that was cut.
    while (states := admin.execute(busy, [application]).fetchall()) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    if states:
        wrong.append(f"the server does not idle: {states}")
    found: dict[int, Rows] = {owner: {} for owner in report.rows}
    for owner, number, v, note in admin.execute("select owner, id, v, note from fuzz").fetchall():
        found.setdefault(owner, {})[number] = (v, note)
    for owner, rows in found.items():
        different = rows.items() ^ report.rows.get(owner, {}).items()
        if different:
            wrong.append(f"rows of worker {owner} differ: {sorted(different)!r:.500}")
    return wrong
