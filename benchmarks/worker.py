"""The process of one contestant of the suite: `python -m benchmarks.worker`, see `benchmarks.harness.serve`."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from functools import partial
from pkgutil import resolve_name
from typing import Any

from benchmarks.harness.serve import main
from benchmarks.harness.timing import Call, Rounds, take, take_async

__all__ = ("Worker",)

WARM_UP = 0.1
"""How much longer a contest on one backend takes for calls that are not counted."""
LEAST_CALLS = 20


class Worker:
    """One contestant with the calls that it is asked for.

    Attributes:
        opened: Seconds that imports and the connection took.
    """

    def __init__(self, factory: str, argument: str, dsn: str) -> None:
        started = time.perf_counter()
        kind: Any = resolve_name(factory)
        self._contestant: Any = kind(dsn, argument)
        imported = time.perf_counter()
        self._loop = asyncio.new_event_loop() if kind.is_async else None
        self._wait(self._contestant.open)
        self.opened = {"import": imported - started, "connect": time.perf_counter() - imported}
        self._raw: Any = None
        self._calls: dict[str, Call] = {}

    def prepare(
        self, call: str, operation: str, arguments: dict[str, Any], *, raw: bool = False, run: bool = True
    ) -> dict[str, Any]:
        """Make a call, and run it once.

        Args:
            call: What it is called from now on.
            operation: A method of the contestant.
            arguments: Of the method.
            raw: Of the driver alone, on the contestant's own connection.
            run: Whether it is run.

        Returns:
            Whether it is `offered`, and the `result` where it can be compared.
        """
        from benchmarks.contestants.base import NotOfferedError
        from benchmarks.data import sample

        try:
            made = self._wait(partial(getattr(self._whom(raw), operation), **arguments))
        except (AttributeError, NotOfferedError) as error:
            if isinstance(error, AttributeError) and error.name != operation:
                raise
            return {"offered": False}
        self._calls[call] = made
        result = self._once(made) if run else None
        comparable = run and "query" in arguments
        return {"offered": True, "result": sample(arguments["query"], result) if comparable else None}

    def block(self, call: str, block: int) -> dict[str, float]:
        """Measure so many calls one after the other; return seconds for one."""
        rounds = Rounds([call], 0, 1)
        self._take(rounds, block)
        return {"seconds": rounds.seconds[call][0], "cpu": rounds.cpu[call][0]}

    def interleave(self, calls: list[str], block: int, seconds: float, least: int) -> dict[str, Any]:
        """Measure several calls side by side; return seconds for one, by call and round."""
        self._take(Rounds(calls, seconds * WARM_UP, -(-LEAST_CALLS // block) if least > 1 else 1), block)
        rounds = Rounds(calls, seconds, least)
        self._take(rounds, block)
        return {"seconds": rounds.seconds, "cpu": rounds.cpu}

    def peak(self, call: str) -> float:
        """Return how many bytes of memory a call needs at most."""
        from benchmarks.harness.memory import Peak

        made, peak = self._calls[call], Peak()
        self._once(made)
        return peak.bytes()

    def forget(self) -> None:
        """Give up all calls, and what they hold."""
        for call in self._calls.values():
            if call.close is not None:
                self._wait(call.close)
        self._calls.clear()

    def close(self) -> None:
        """Disconnect."""
        self.forget()
        self._wait(self._contestant.close)
        if self._loop is not None:
            self._loop.close()

    def _whom(self, raw: bool) -> Any:
        if not raw:
            return self._contestant
        if self._raw is None:
            self._raw = self._contestant.raw()
        return self._raw

    def _once(self, call: Call) -> Any:
        if call.before is not None:
            self._wait(call.before)
        result = self._wait(call.run)
        if call.after is not None:
            self._wait(call.after)
        return result

    def _take(self, rounds: Rounds, block: int) -> None:
        if self._loop is None:
            take(self._calls, rounds, block)
        else:
            self._loop.run_until_complete(take_async(self._calls, rounds, block))

    def _wait(self, function: Callable[[], Any]) -> Any:
        """Call a function, on the event loop if there is one, and wait for its result if that has to be."""
        if self._loop is None:
            return function()

        async def on_loop() -> Any:
            value = function()
            return await value if inspect.isawaitable(value) else value

        return self._loop.run_until_complete(on_loop())


if __name__ == "__main__":
    main(Worker)
