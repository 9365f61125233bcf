"""What workers do with a session: bank transfers, appended rows, and reads whose results are known.

Each call returns its outcome when all goes well. Before a step whose result is not known if it is interrupted, a
call sets `worker.doubt`: what then ends it leaves the write `UNKNOWN` if `doubt` says so, and `ABSENT` otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from sqlspec.exceptions import QueryTimeoutError
from tools._chaos.ledger import ABSENT, RIGHT, STORED, payload

__all__ = ("ACCOUNTS", "BALANCE", "CALLS", "SCHEMA", "WEIGHTS", "WRITES", "Interrupted", "Worker", "Wrong")

ACCOUNTS = 500
BALANCE = 1_000_000

# Nothing is unique or refers to anything: a write that was made twice must be there twice.
SCHEMA = f"""
create table accounts (id int primary key, balance int8 not null);
insert into accounts select n, {BALANCE} from generate_series(1, {ACCOUNTS}) n;
create table transfers (worker int, number int, source int, target int, amount int);
create table appended (worker int, number int, part int, parts int, payload text);
create index on appended (worker, number);
"""

APPEND = "insert into appended values ($1, $2, $3, $4, $5)"
UPDATE = "update accounts set balance = balance + $2 where id = $1"
COLUMNS = ("worker", "number", "part", "parts", "payload")


class Wrong(Exception):
    """A result that must never be."""


class Interrupted(Exception):
    """The caller gave up: by a limit of its own, around the call."""


class Undone(Exception):
    """Rolls a scope back."""


class Worker:
    """What calls know of the worker that makes them.

    Attributes:
        doubt: Failures that leave the write of the running call unknown. `CommitUnknownError` always does.
        last: Whether the session has to be given back after the running call.
        parts: Number of rows of each append that was acknowledged, by its number.
    """

    def __init__(self, at: int, seed: int) -> None:
        self.at = at
        self.random = Random(f"{seed} {at}")
        self.number = 0
        self.session: Any = None
        self.doubt: tuple[type[Exception], ...] = ()
        self.last = False
        self.parts: dict[int, int] = {}

    @property
    def limit(self) -> float | None:
        """A limit for a statement, or none."""
        return self.random.choice((None, 0.5, 1.0, 2.0))

    def rows(self, most: int) -> list[tuple[int, int, int, int, str]]:
        """Return rows to append, all of this call."""
        count = self.random.randint(1, most)
        return [(self.at, self.number, part, count, payload(self.at, self.number, part)) for part in range(count)]

    def stored(self, parts: int) -> str:
        self.parts[self.number] = parts
        return STORED

    def equal(self, found: object, wanted: object) -> None:
        if found != wanted:
            raise Wrong(f"{found!r:.200} instead of {wanted!r:.200}")


# -- bank transfers -----------------------------------------------------------------------------------------


async def move(w: Worker, session: Any, source: int, target: int, amount: int) -> None:
    limit = w.limit
    for account, change in ((source, -amount), (target, amount)):
        w.equal((await session.execute(UPDATE, account, change, timeout=limit)).rows_affected, 1)
    await session.execute(
        "insert into transfers values ($1, $2, $3, $4, $5)", w.at, w.number, source, target, amount, timeout=limit
    )


def pick(w: Worker) -> tuple[int, int, int]:
    source, target = w.random.sample(range(1, ACCOUNTS + 1), 2)
    return source, target, w.random.randint(1, 100)


async def transfer(w: Worker) -> str:
    """Move money in a transaction scope, accounts in the order of their numbers."""
    source, target, amount = pick(w)
    if source > target:
        source, target, amount = target, source, -amount
    async with w.session.transaction():
        await move(w, w.session, source, target, amount)
        w.doubt = (Interrupted,)
    return STORED


async def retried_transfer(w: Worker) -> str:
    """Move money so that deadlocks and conflicts happen, and are retried."""
    moved = pick(w)

    async def attempt(session: Any) -> None:
        w.doubt = ()
        await move(w, session, *moved)
        w.doubt = (Interrupted,)

    isolation = w.random.choice((None, "repeatable read", "serializable"))
    await w.session.run_in_transaction(attempt, isolation=isolation)
    return STORED


async def transfer_by_hand(w: Worker) -> str:
    """Move money between `begin` and `commit`, around a savepoint that is undone."""
    moved = pick(w)
    session = w.session
    await session.begin()
    try:
        await move(w, session, *moved)
    except Exception:
        await session.rollback()
        raise
    try:
        async with session.savepoint():
            await move(w, session, *pick(w))
            raise Undone
    except Undone:
        pass
    w.doubt = (Interrupted,)
    await session.commit()
    return STORED


async def undone(w: Worker) -> str:
    """Move money and append a row, then roll back."""
    source, target, amount = pick(w)
    try:
        async with w.session.transaction():
            await move(w, w.session, min(source, target), max(source, target), amount)
            await w.session.execute(APPEND, *w.rows(1)[0])
            raise Undone
    except Undone:
        return ABSENT


async def abandoned(w: Worker) -> str:
    """Leave a transaction open; the pool has to roll it back."""
    await w.session.begin()
    await w.session.execute(APPEND, *w.rows(1)[0], timeout=w.limit)
    return ABSENT


async def audit(w: Worker) -> str:
    """Count the money."""
    (row,) = await w.session.select("select sum(balance)::int8 as total, count(*) as n from accounts", timeout=w.limit)
    w.equal(row, {"total": ACCOUNTS * BALANCE, "n": ACCOUNTS})
    return RIGHT


# -- appended rows ------------------------------------------------------------------------------------------


async def append(w: Worker) -> str:
    """Append a row by a statement that commits by itself."""
    w.doubt = (Interrupted, QueryTimeoutError)  # it may have been stopped too late
    w.equal((await w.session.execute(APPEND, w.rows(1)[0], timeout=w.limit)).rows_affected, 1)
    return w.stored(1)


async def append_many(w: Worker) -> str:
    """Append rows by a batch, which is all or nothing."""
    rows = w.rows(w.random.choice((5, 150)))
    w.doubt = (Interrupted, QueryTimeoutError)
    await w.session.execute_many(APPEND, rows, timeout=w.limit)
    return w.stored(len(rows))


async def append_stack(w: Worker) -> str:
    """Append rows by several statements sent together, which are all or nothing."""
    rows = w.rows(5)
    w.doubt = (Interrupted, QueryTimeoutError)
    await w.session.execute_stack([(APPEND, row) for row in rows], timeout=w.limit)
    return w.stored(len(rows))


async def load(w: Worker) -> str:
    """Append rows by the fastest way that the driver has."""
    rows = w.rows(300)
    w.doubt = (Interrupted,)
    job = await w.session.load_from_records("appended", rows, columns=COLUMNS, timeout=w.limit)
    w.equal(job.rows, len(rows))
    return w.stored(len(rows))


async def append_in_scope(w: Worker) -> str:
    """Append rows in several ways inside a transaction."""
    rows = w.rows(8)
    async with w.session.transaction():
        await w.session.execute(APPEND, rows[0], timeout=w.limit)
        await w.session.execute_many(APPEND, rows[1:], timeout=w.limit)
        w.equal(await w.session.select_value(COUNT, w.at, w.number, timeout=w.limit), len(rows))
        w.doubt = (Interrupted,)
    return w.stored(len(rows))


COUNT = "select count(*) from appended where worker = $1 and number = $2"


async def look_back(w: Worker) -> str:
    """Read what was acknowledged before."""
    if not w.parts:
        return RIGHT
    number = w.random.choice(list(w.parts)[-50:])
    rows = await w.session.select(
        "select part, payload from appended where worker = $1 and number = $2 order by part",
        (w.at, number),
        schema_type=tuple,
        timeout=w.limit,
    )
    w.equal(rows, [(part, payload(w.at, number, part)) for part in range(w.parts[number])])
    return RIGHT


# -- other reads --------------------------------------------------------------------------------------------


async def echo(w: Worker) -> str:
    """Ask for what nobody else asks for, small and large."""
    for _ in range(w.random.randint(1, 4)):
        nonce, times = w.random.getrandbits(60), w.random.choice((1, 10, 5000))
        rows = await w.session.select(
            "select $1::int8 as nonce, repeat($2, $3) as text", nonce, str(nonce), times, timeout=w.limit
        )
        w.equal(rows, [{"nonce": nonce, "text": str(nonce) * times}])
    return RIGHT


async def stream(w: Worker) -> str:
    """Read rows piece by piece, all of them or some."""
    base, wanted = w.random.getrandbits(40), w.random.choice((40, 250))
    seen = 0
    text = "select $1::int8 + n as a, repeat('z', 30) as b from generate_series(1, 250) n"
    async with w.session.select_stream(text, base, chunk_size=50) as rows:
        async for row in rows:
            seen += 1
            w.equal(row, {"a": base + seen, "b": "z" * 30})
            if seen == wanted:
                break
    w.equal(seen, wanted)
    return RIGHT


async def arrow(w: Worker) -> str:
    """Read a table by Arrow."""
    base, count = w.random.getrandbits(40), w.random.choice((1, 3000))
    result = await w.session.select_to_arrow(
        "select $1::int8 + n as a from generate_series(1, $2) n", base, count, timeout=w.limit
    )
    column = result.get_data().column("a")
    w.equal((len(column), column[0].as_py(), column[-1].as_py()), (count, base + 1, base + count))
    return RIGHT


async def state(w: Worker) -> str:
    """Look for what another borrower may have left behind, and leave something."""
    left = await w.session.select_value("select coalesce(current_setting('chaos.mark', true), '')", timeout=w.limit)
    w.equal(left, "")
    leave = f"set chaos.mark = 'of worker {w.at}, call {w.number}'; create temp table left_behind (n int)"
    w.last = True  # whatever ends the call from here on: only another borrower must not see what it has left
    await w.session.execute_script(leave)
    await w.session.execute_script("drop table left_behind; reset chaos.mark")
    if w.random.random() < 0.5:
        await w.session.execute_script(leave)
    else:
        w.last = False
    return RIGHT


async def too_slow(w: Worker) -> str:
    """Run into a limit."""
    try:
        await w.session.select("select pg_sleep(4)", timeout=w.random.choice((0.02, 0.2)))
    except QueryTimeoutError:
        return RIGHT
    raise Wrong("a statement of 4 s ended before its limit")


Call = Callable[[Worker], Awaitable[str]]

CALLS: dict[str, Call] = {
    "transfer": transfer,
    "retried transfer": retried_transfer,
    "transfer by hand": transfer_by_hand,
    "undone": undone,
    "abandoned": abandoned,
    "audit": audit,
    "append": append,
    "append many": append_many,
    "append stack": append_stack,
    "load": load,
    "append in scope": append_in_scope,
    "look back": look_back,
    "echo": echo,
    "stream": stream,
    "arrow": arrow,
    "state": state,
    "too slow": too_slow,
}
WEIGHTS = (5, 3, 2, 1, 1, 3, 6, 2, 2, 2, 2, 4, 6, 2, 1, 1, 1)
"""How often each call is made, beside the others."""

WRITES = frozenset(CALLS) - {"audit", "look back", "echo", "stream", "arrow", "state", "too slow"}
"""Calls that leave rows behind when they are acknowledged, or must leave none."""
