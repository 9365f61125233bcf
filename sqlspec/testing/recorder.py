"""What a piece of code asks of the database: `record_queries`, and budgets for it, `assert_queries`."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlspec.core.arguments import whole
from sqlspec.core.observe import StatementEnd, StatementStart, TransactionEnd
from sqlspec.exceptions import ParameterError
from sqlspec.testing._taps import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlspec.core.observe import Event, Operation
    from sqlspec.driver._async_base import AsyncSessionBase
    from sqlspec.driver._async_config import AsyncConfig
    from sqlspec.driver._sync_base import SyncSessionBase
    from sqlspec.driver._sync_config import SyncConfig

__all__ = ("Recorder", "Statement", "assert_queries", "record_queries")

_WIDTH = 100
_REPEATS = 3
_BLANKS = re.compile(r"\s+")


@dataclass(slots=True)
class Statement:
    """One statement, batch, script, stack, stream or load.

    Attributes:
        operation: Which kind of call.
        sql: Text as the user wrote it; never a parameter value.
        seconds: Time until the answer was complete. Of a stream, that of all its pieces.
        rows: Rows returned, or `None` where there is nothing to count.
        error: The error, if it failed.
        ended: Whether the answer has come.
    """

    operation: Operation
    sql: str
    seconds: float = 0.0
    rows: int | None = None
    error: BaseException | None = None
    ended: bool = False

    def __str__(self) -> str:
        text = _BLANKS.sub(" ", self.sql).strip()
        text = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
        if self.error is not None:
            outcome = type(self.error).__name__
        elif not self.ended:
            outcome = "not ended"
        else:
            outcome = "" if self.rows is None else f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return f"{self.seconds * 1000:9.2f} ms  {self.operation:14}  {outcome:>10}  {text}"


class Recorder:
    """Lists statements with their timings. It is an observer, and can be given to a config.

    A statement is what a call of the session runs: a batch counts as one, a script too, and so does a stream, however
    many pieces it is fetched in. What the session does beside them is not listed: BEGIN, COMMIT, savepoints. Streams
    of the same text count as one when nothing else, not even the end of a transaction, comes in between.

    `str()` gives a table, `len()` the number of statements.

    Attributes:
        statements: What was recorded, in the order in which it was begun.
    """

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self._running: dict[int, Statement] = {}
        # The stream that a session may be in the middle of.
        self._streams: dict[int, Statement] = {}

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        self.hear(None, event)

    def hear(self, session: object, event: Event) -> None:
        """Take note of an event of a session."""
        if isinstance(event, StatementStart):
            stream = self._streams.pop(id(session), None)
            if event.operation == "stream" and stream is not None and stream.sql == event.sql:
                statement = stream
            else:
                statement = Statement(event.operation, event.sql)
                self.statements.append(statement)
            if event.operation == "stream":
                self._streams[id(session)] = statement
            self._running[event.call] = statement
        elif isinstance(event, StatementEnd):
            ended = self._running.pop(event.call, None)
            if ended is not None:
                ended.seconds += event.seconds
                ended.error = event.error
                ended.ended = True
                if event.rows is not None:
                    ended.rows = (ended.rows or 0) + event.rows
        elif isinstance(event, TransactionEnd):
            self._streams.pop(id(session), None)

    def clear(self) -> None:
        """Forget what was recorded."""
        self.statements.clear()
        self._running.clear()
        self._streams.clear()

    @property
    def seconds(self) -> float:
        """Return the time of all statements together."""
        return sum(statement.seconds for statement in self.statements)

    def slowest(self, count: int = 10) -> list[Statement]:
        """Return the statements that took longest, the slowest first."""
        return sorted(self.statements, key=lambda statement: -statement.seconds)[:count]

    def repeated(self) -> dict[str, int]:
        """Return the texts that were run more than once, with their number, the most frequent first."""
        counts = Counter(statement.sql for statement in self.statements)
        return {sql: count for sql, count in counts.most_common() if count > 1}

    def __len__(self) -> int:
        return len(self.statements)

    def __str__(self) -> str:
        if not self.statements:
            return "no statements"
        title = f"{len(self)} statement{'' if len(self) == 1 else 's'} in {self.seconds * 1000:.2f} ms"
        lines = [f"{number:4} {statement}" for number, statement in enumerate(self.statements, 1)]
        often = [
            f"     {count} times: {_BLANKS.sub(' ', sql).strip()[:_WIDTH]}"
            for sql, count in self.repeated().items()
            if count >= _REPEATS
        ]
        return "\n".join((title, *lines, *often))

    def __repr__(self) -> str:
        return f"<Recorder: {len(self)} statements, {self.seconds * 1000:.2f} ms>"


@contextmanager
def record_queries(
    target: AsyncConfig[Any] | SyncConfig[Any] | AsyncSessionBase | SyncSessionBase | None = None, /
) -> Iterator[Recorder]:
    """Record the statements that run inside a `with` block, the ends of asynchronous calls included.

    Example:
        `with record_queries() as recorded: ...`

    Args:
        target: The session or config that is meant; by default every session of every config.

    Yields:
        What was recorded; it can be read inside and behind the block.

    Raises:
        ParameterError: The target is neither session nor config.
    """
    recorder = Recorder()
    with listening(target, recorder.hear):
        yield recorder


@contextmanager
def assert_queries(
    target: AsyncConfig[Any] | SyncConfig[Any] | AsyncSessionBase | SyncSessionBase | None = None,
    /,
    *,
    exactly: int | None = None,
    max: int | None = None,  # noqa: A002 - as it reads: `with assert_queries(max=3)`
) -> Iterator[Recorder]:
    """Fail when a `with` block runs another number of statements.

    An error that leaves the block passes unchanged.

    Example:
        `with assert_queries(max=3): ...`

    Args:
        target: The session or config that is meant; by default every session of every config.
        exactly: The number of statements; see `Recorder` for what counts.
        max: The largest number of them.

    Yields:
        What was recorded.

    Raises:
        AssertionError: There were others; the message lists them with their timings.
        ParameterError: Neither or both numbers were given, or the target is neither session nor config.
    """
    budget = Budget(exactly, max)
    with record_queries(target) as recorder:
        yield recorder
    budget.check(recorder)


class Budget:
    """A number of statements.

    Raises:
        ParameterError: Neither or both numbers were given, or one is no number.
    """

    def __init__(self, exactly: int | None = None, max: int | None = None) -> None:  # noqa: A002
        if (exactly is None) == (max is None):
            raise ParameterError("a budget needs one number: neither or both are given; give exactly= or max=")
        self._exact = max is None
        self._limit = whole("exactly" if max is None else "max", exactly if max is None else max, 0)

    def check(self, recorder: Recorder) -> None:
        """Compare what was recorded.

        Raises:
            AssertionError: There were others.
        """
        __tracebackhide__ = True
        count = len(recorder)
        if count > self._limit or (self._exact and count != self._limit):
            wanted = "exactly" if self._exact else "at most"
            raise AssertionError(f"{wanted} {self._limit} statements expected, {count} were run:\n{recorder}")
