# The synchronous twin is generated from this file by tools/unasync.py.
"""Plans: the part of a session that asks the server how it runs a statement, and how long that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlspec.core.arguments import flag
from sqlspec.driver._async_storage import AsyncStorage
from sqlspec.exceptions import SQLSpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlspec.core.explain import Explanation
    from sqlspec.core.plan import Plan
    from sqlspec.core.result import RawResult
    from sqlspec.core.statement import SQL

__all__ = ("AsyncExplaining",)


class Measured(SQLSpecError):
    """Ends the transaction of a statement that was run to be measured, so that it is rolled back."""

    def __init__(self, raw: RawResult) -> None:
        super().__init__()
        self.raw = raw


class AsyncExplaining(AsyncStorage):
    """The method of a session that explains statements."""

    __slots__ = ()

    async def explain(
        self,
        sql: str | SQL,
        /,
        *params: Any,
        analyze: bool = False,
        buffers: bool = False,
        verbose: bool = False,
        settings: bool = False,
        wal: bool = False,
        timeout: float | None = None,
        **named: Any,
    ) -> Explanation:
        """Return the plan of a statement: a tree of steps, with `str()` one to read.

        `analyze=True` runs the statement, in a transaction of its own or in a savepoint of the open one, which is
        always rolled back: a data change stores nothing. What no transaction holds stays: numbers taken from sequences,
        and whatever functions do outside of the database.

        Args:
            sql: A SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE or MERGE statement.
            *params: Its parameters; the plan is the one for these values.
            analyze: Run it, and tell rows and times of each step.
            buffers: Count the blocks that each step touches; without `analyze` those of planning alone.
            verbose: Tell output columns and schemas.
            settings: Tell the settings that bear on planning and differ from the defaults.
            wal: Count the WAL records that are written; only with `analyze`.
            timeout: Limit in seconds.
            **named: Parameters by name.

        Raises:
            ParameterError: The statement has no plan, or `wal` is asked for without `analyze`.
        """
        from sqlspec.core.explain import read_explanation

        asked = {"analyze": analyze, "buffers": buffers, "verbose": verbose, "settings": settings, "wal": wal}
        options = {name: flag(name, value) for name, value in asked.items()}
        plan, args = self._bind("explain", sql, params, named)
        if not plan.reads_or_writes:
            self._refuse(
                "explain", f"{plan.verb} has no plan; pass a query or a data change, without EXPLAIN", plan.source
            )
        if wal and not analyze:
            self._refuse("explain", "wal counts what a statement writes as it runs; add analyze=True", plan.source)
        # Each of them is said: the server has other defaults from version to version.
        words = ", ".join(f"{name} {'on' if value else 'off'}" for name, value in options.items())
        asking = self._compiler.plan(f"explain (format json, {words}) {plan.source}")
        if analyze:
            raw = await self._measured(plan, asking, args, timeout)
        else:
            raw = await self._exclusive("explain", plan.source, timeout, self._run, asking, args)
        row = raw.rows[0]
        return read_explanation(plan.source, row[0] if raw.shape == "tuple" else next(iter(row.values())))

    async def _measured(self, plan: Plan, asking: Plan, args: Sequence[Any], timeout: float | None) -> RawResult:
        async def measure() -> None:
            raise Measured(await self._run(asking, args))

        try:
            await self._atomically("explain", plan.source, timeout, measure)
        except Measured as done:
            return done.raw
        raise AssertionError  # unreachable: it raises whatever happens
