"""The pool against a model of it: whatever its users do, in whatever order, it keeps its word.

The model is a queue: who comes first has a connection first, `max_size` of them at a time, each with a session as new.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sqlspec.exceptions import SQLSpecError
from tests.integration.stub import StubConfig

T = TypeVar("T")

NEW = """
select current_setting('work_mem') <> '77MB' and to_regclass('pg_temp.mine') is null
    and not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
"""

# What a borrower may do to its session.
DEEDS: dict[str, Callable[[Any], Coroutine[Any, Any, Any]]] = {
    "nothing": lambda session: session.select_value("select 1"),
    "a setting": lambda session: session.execute("set work_mem = '77MB'"),
    "a table": lambda session: session.execute("create temp table if not exists mine (n int)"),
    "a lock": lambda session: session.select("select pg_advisory_lock(42)::text"),
    "an error": lambda session: fail(session),
    "a transaction": lambda session: begin(session),
}

_names = (f"pool machine {number}" for number in itertools.count())


async def fail(session: Any) -> None:
    with pytest.raises(SQLSpecError):
        await session.select("select 1/0")


async def begin(session: Any) -> None:
    if not session.in_transaction:
        await session.begin()


class Borrower:
    """One user of the pool, from asking to giving back."""

    def __init__(self, config: StubConfig, loop: asyncio.AbstractEventLoop) -> None:
        self.scope = config.provide_session()
        self.task = loop.create_task(self.scope.__aenter__())
        self.pid = 0
        self.killed = False

    @property
    def session(self) -> Any:
        return self.task.result()


class Machine(RuleBasedStateMachine):
    """Users of one pool, and what the model says of them."""

    def __init__(self, dsn: str, admin: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.dsn, self.admin = dsn, admin
        self.name = next(_names)
        self.loop = asyncio.new_event_loop()
        self.holders: list[Borrower] = []
        self.queue: list[Borrower] = []

    @initialize(
        size=st.integers(1, 3), reset=st.sampled_from(["when_dirty", "always"]), leak_after=st.sampled_from([None, 60])
    )
    def open(self, size: int, reset: str, leak_after: float | None) -> None:
        self.size = size
        self.config = StubConfig(
            {
                "dsn": self.dsn,
                "application_name": self.name,
                "max_size": size,
                "reset": reset,
                "leak_after": leak_after,
                "validate": "always",
                "acquire_timeout": None,
                "max_idle": None,
            }
        )

    # -- what users do ------------------------------------------------------------------------

    # One rule for both ways: Hypothesis leaves some rules out of each run, and without one of these nothing happens.
    @rule(data=st.data(), ask=st.booleans())
    def come_or_go(self, data: st.DataObject, ask: bool) -> None:
        if not self.holders or (ask and len(self.queue) < 4):
            borrower = Borrower(self.config, self.loop)
            (self.holders if len(self.holders) < self.size else self.queue).append(borrower)
            self.settle()
        else:
            self.give_back(data)

    @rule(steps=st.integers(0, 30))
    def ask_and_give_up(self, steps: int) -> None:
        borrower = Borrower(self.config, self.loop)
        self.run(wander(steps))
        borrower.task.cancel()
        ended = self.run(settled(borrower.task))
        if ended is None:  # too late: it has been served
            self.run(borrower.scope.__aexit__(None, None, None))
        self.settle()

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        borrower = self.queue.pop(data.draw(st.integers(0, len(self.queue) - 1)))
        borrower.task.cancel()
        assert isinstance(self.run(settled(borrower.task)), asyncio.CancelledError)
        self.settle()

    # What is drawn depends on the model alone: how many connections are idle depends on who came in time.
    @rule(data=st.data(), idle=st.booleans())
    def kill_connections(self, data: st.DataObject, idle: bool) -> None:
        if idle or not self.holders:
            for pid in self.backends() - {borrower.pid for borrower in self.holders}:
                self.kill(pid)
        else:
            borrower = data.draw(st.sampled_from(self.holders))
            self.kill(borrower.pid)
            borrower.killed = True

    def give_back(self, data: st.DataObject) -> None:
        borrower = self.holders.pop(data.draw(st.integers(0, len(self.holders) - 1)))
        if borrower.killed:
            with pytest.raises(SQLSpecError):
                self.run(borrower.session.select("select 1"))
        else:
            self.run(DEEDS[data.draw(st.sampled_from(sorted(DEEDS)))](borrower.session))
        # Somebody in the queue may give up just then, with a connection in his hands.
        steps = data.draw(st.sampled_from([None, 0, 1, 2])) if self.queue else None
        leaving = None if steps is None else self.queue.pop(0)

        async def leave() -> None:
            await borrower.scope.__aexit__(None, None, None)
            if leaving is not None:
                await wander(steps or 0)
                leaving.task.cancel()

        self.run(leave())
        if leaving is not None and self.run(settled(leaving.task)) is None:
            self.run(leaving.scope.__aexit__(None, None, None))
        with pytest.raises(SQLSpecError, match="the session was closed"):
            self.run(borrower.session.select("select 1"))
        if self.queue:
            self.holders.append(self.queue.pop(0))
        self.settle()

    # -- what must hold -----------------------------------------------------------------------

    @invariant()
    def counters_are_as_in_the_model(self) -> None:
        if not hasattr(self, "config"):
            return
        stats = self.config.stats()
        assert (stats.in_use, stats.waiting, stats.resetting) == (len(self.holders), len(self.queue), 0)
        assert stats.size == stats.in_use + stats.idle == stats.opened - stats.closed <= self.size
        assert not any(borrower.task.done() for borrower in self.queue)

    def teardown(self) -> None:
        try:
            if hasattr(self, "config"):
                for borrower in self.queue:
                    borrower.task.cancel()
                    self.run(settled(borrower.task))
                self.run(self.config.close(0.0))
                assert self.config.stats().size == 0
                self.until(lambda: not self.backends())
        finally:
            self.loop.close()

    # -- means --------------------------------------------------------------------------------

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 20))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            self.run(asyncio.sleep(0.0005))

    def settle(self) -> None:
        """Wait until everybody has what the model says, and see that it is as new."""
        for borrower in self.holders:
            self.run(settled(borrower.task))
            if not borrower.pid:
                assert not borrower.session.in_transaction
                assert self.run(borrower.session.select_value(NEW))
                borrower.pid = self.run(borrower.session.select_value("select pg_backend_pid()"))
        assert len({borrower.pid for borrower in self.holders}) == len(self.holders)
        self.until(lambda: not self.config.stats().resetting)
        self.until(lambda: len(self.backends()) <= self.size)

    def backends(self) -> set[int]:
        found = self.admin.execute("select pid from pg_stat_activity where application_name = %s", [self.name])
        return {pid for (pid,) in found.fetchall()}

    def kill(self, pid: int) -> None:
        self.admin.execute("select pg_terminate_backend(%s, 5000)", [pid])


async def wander(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)


async def settled(task: asyncio.Task[Any]) -> BaseException | None:
    """Wait for the end of a task; return how it failed."""
    await asyncio.wait((task,))
    return asyncio.CancelledError() if task.cancelled() else task.exception()


@pytest.mark.promise("pool: whatever its users do and in whatever order, nothing is lost, shared or overtaken")
def test_the_pool_does_what_its_model_says(dsn: str, admin: psycopg.Connection[Any]) -> None:
    make: Any = lambda: Machine(dsn, admin)  # noqa: E731 - the type asked for is a class
    run_state_machine_as_test(make, settings=settings(max_examples=25, stateful_step_count=30, deadline=None))
