"""Random calls on sessions whose results are known: values with nonces, a table with a model, errors of every kind.

Several workers share a pool. Each has rows of its own in one table, and a model of them, so that what a worker reads
is known whatever the others do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from sqlspec.core.capabilities import AdapterSpec
from sqlspec.exceptions import (
    DatabaseConnectionError,
    DataError,
    ForeignKeyViolationError,
    OperationCancelledError,
    ParameterError,
    QueryTimeoutError,
    SQLParsingError,
    SQLSpecError,
    TransactionError,
    UniqueViolationError,
)
from tests.integration.fuzz.cuts import cut
from tests.integration.fuzz.values import TYPES, UNREADABLE, make
from tests.integration.fuzz.worker import Call, Report, Worker, left_behind

__all__ = ("SCHEMA", "Report", "fuzz", "left_behind")

SCHEMA = """
create type fuzz_mood as enum ('sad', 'so "so"', 'häppy');
create type fuzz_pair as (a int, b text, c numeric);
create table fuzz_parent (id int primary key);
insert into fuzz_parent values (1);
create table fuzz (
    owner int, id int, v numeric, note text,
    ref int default 1 references fuzz_parent deferrable initially deferred,
    primary key (owner, id)
);
create table fuzz_shape (owner int primary key);
"""

KINDS = tuple(TYPES)
NOBODY = 777
"""Refers to no parent: an error at COMMIT."""


# -- reading ------------------------------------------------------------------------------------------------


async def parameters(w: Worker) -> None:
    """Values of several types there and back."""
    kinds = w.random.sample(KINDS, w.random.randint(1, 5))
    made = [make(w.random, kind)[0] for kind in kinds]
    nonce = w.nonce
    items = ", ".join(f"${at}::{kind} as c{at}" for at, kind in enumerate(kinds, 2))
    rows = w.random.choice((1, 1, 2, 50))
    sql = f"select $1::int8 as nonce, {items} from generate_series(1, {rows})"
    found = await w.session.select(sql, (nonce, *made), schema_type=tuple)
    w.equal(len(found), rows)
    for row in (found[0], found[-1]):
        for value, wanted in zip(row, (nonce, *made), strict=True):
            w.equal(value, wanted)


async def literals(w: Worker) -> None:
    """A text that never comes again."""
    made = [it for it in (make(w.random, kind) for kind in w.random.sample(KINDS, 4)) if it[1] is not None]
    nonce = w.nonce
    sql = f"select {', '.join([f'{nonce}::int8 as nonce', *(f'{text} as c{at}' for at, (_, text) in enumerate(made))])}"
    row = (await w.session.execute(sql)).one()
    for value, wanted in zip(row.values(), (nonce, *(value for value, _ in made)), strict=True):
        w.equal(value, wanted)


async def no_rows(w: Worker) -> None:
    kind = w.random.choice(KINDS)
    result = await w.session.execute(f"select $1::{kind} as a, 1.5 as b where false", (make(w.random, kind)[0],))
    w.equal(result.all(), [])
    if w.spec.capabilities.columns_when_empty:
        w.equal([column.name for column in result.columns], ["a", "b"])


async def many_rows(w: Worker) -> None:
    rows, nonce = w.random.choice((0, 1, 700, 3000)), w.nonce
    found = await w.session.select(
        "select n::int8 + $2 as n, n / 8.0 as q from generate_series(1, $1::int) n order by n",
        rows,
        nonce,
        schema_type=tuple,
    )
    w.equal(len(found), rows)
    if found:
        w.equal(found[-1][0], nonce + rows)
        w.equal([row[0] for row in found], list(range(nonce + 1, nonce + rows + 1)))


async def own_rows(w: Worker) -> None:
    """The rows of this worker are those of its model."""
    found = await w.session.select("select id, v, note from fuzz where owner = $1 order by id", w.owner)
    w.equal({row["id"]: (row["v"], row["note"]) for row in found}, dict(sorted(w.rows.items())))


async def one_row(w: Worker) -> None:
    number = w.some_id()
    found = await w.session.select_one_or_none("select v, note from fuzz where owner = $1 and id = $2", w.owner, number)
    wanted = w.rows.get(number)
    w.equal(found, wanted and {"v": wanted[0], "note": wanted[1]})


async def stream(w: Worker) -> None:
    """Rows piecewise, to the end or not."""
    if not w.spec.capabilities.stream:
        return await many_rows(w)
    rows, nonce, most = w.random.choice((0, 5, 300)), w.nonce, w.random.choice((3, 1000))
    found = []
    sql = "select n + $2::int8 as n, 1.50 as d from generate_series(1, $1::int8) n"
    async with w.session.select_stream(sql, rows, nonce, chunk_size=w.random.choice((1, 7, 100))) as chunks:
        async for row in chunks:
            found.append(row)
            if len(found) == most:
                break
    w.equal(found, [{"n": nonce + n, "d": Decimal("1.50")} for n in range(1, min(rows, most) + 1)])
    return None


async def broken_stream(w: Worker) -> None:
    if not w.spec.capabilities.stream:
        return await mid_rows(w)

    async def read() -> None:
        sql = "select 10 / (n - 40) as q, 1.5 as d from generate_series($1::int, 100) n"
        async with w.session.select_stream(sql, 1, chunk_size=w.random.choice((1, 100))) as rows:
            async for _ in rows:
                pass

    return await w.fails(read(), DataError)


# -- writing ------------------------------------------------------------------------------------------------

INSERT = "insert into fuzz (owner, id, v, note) values ($1, $2, $3, $4)"


async def insert(w: Worker) -> None:
    number, v, note = w.new_row()
    if w.chance():
        w.count((await w.session.execute(INSERT, w.owner, number, v, note)).rows_affected, 1)
    else:
        sql = f"{INSERT} returning v, note, id"
        w.equal(await w.session.select_one(sql, w.owner, number, v, note), {"v": v, "note": note, "id": number})
    w.rows[number] = (v, note)


async def insert_literal(w: Worker) -> None:
    number, v, note = w.new_row()
    with_cte = (
        f"with i as (insert into fuzz values ({w.owner}, {number}, {v}, '{note}') returning *) select id, v from i"
    )
    if w.chance():
        w.equal(await w.session.select(with_cte), [{"id": number, "v": v}])
    else:
        result = await w.session.execute(f"insert into fuzz values ({w.owner}, {number}, {v}, '{note}')")
        w.count(result.rows_affected, 1)
    w.rows[number] = (v, note)


async def update(w: Worker) -> None:
    number = w.some_id()
    sql = "update fuzz set v = v + $1 where owner = $2 and id = $3"
    more = Decimal(w.random.randrange(1000)) / 4
    wanted = [(w.rows[number][0] + more, w.rows[number][1])] if number in w.rows else []
    if w.chance():
        found = await w.session.select(f"{sql} returning v, note", more, w.owner, number, schema_type=tuple)
        w.equal([(v.normalize(), note) for v, note in found], [(v.normalize(), note) for v, note in wanted])
    else:
        w.count((await w.session.execute(sql, more, w.owner, number)).rows_affected, len(wanted))
    if wanted:
        # The scale is that of the sum, as the server writes it.
        w.rows[number] = (
            await w.session.select_value("select v from fuzz where owner = $1 and id = $2", w.owner, number),
            wanted[0][1],
        )
        w.equal(w.rows[number][0].normalize(), wanted[0][0].normalize())


async def delete(w: Worker) -> None:
    number = w.some_id()
    there = number in w.rows
    sql = "delete from fuzz where owner = $1 and id = $2"
    if w.chance():
        found = await w.session.select(f"{sql} returning v", w.owner, number, schema_type=tuple)
        w.equal(found, [(w.rows[number][0],)] if there else [])
    else:
        w.count((await w.session.execute(sql, w.owner, number)).rows_affected, int(there))
    w.rows.pop(number, None)
    w.unanchored.discard(number)


async def batch(w: Worker) -> None:
    rows = [w.new_row() for _ in range(w.random.choice((0, 1, 3, 40)))]
    returning = w.chance() and w.spec.capabilities.execute_many_returning
    sql = f"{INSERT} returning id, v" if returning else INSERT
    result = await w.session.execute_many(sql, [(w.owner, *row) for row in rows])
    if returning:
        w.equal(result.all(), [{"id": number, "v": v} for number, v, _ in rows])
    elif rows:
        w.count(result.rows_affected, len(rows))
    w.rows.update({number: (v, note) for number, v, note in rows})


async def script(w: Worker) -> None:
    (one, v1, note1), (two, v2, note2) = w.new_row(), w.new_row()
    await w.session.execute_script(
        f"insert into fuzz values ({w.owner}, {one}, {v1}, '{note1}'); select 1.5;"
        f"insert into fuzz values ({w.owner}, {two}, 0, 'x;');"
        f"update fuzz set v = {v2}, note = '{note2}' where owner = {w.owner} and id = {two}"
    )
    w.rows.update({one: (v1, note1), two: (v2, note2)})


async def stack(w: Worker) -> None:
    number, v, note = w.new_row()
    nonce = w.nonce
    results = await w.session.execute_stack(
        [
            ("select $1::int8 as a, 0.00001 as b", (nonce,)),
            (INSERT, (w.owner, number, v, note)),
            (f"select v, note from fuzz where owner = {w.owner} and id = $1", (number,)),
            f"select {nonce}::numeric as n where true",
        ]
    )
    w.rows[number] = (v, note)
    w.equal(results[0].all(), [{"a": nonce, "b": Decimal("0.00001")}])
    w.equal(results[2].all(), [{"v": v, "note": note}])
    w.equal(results[3].scalar(), Decimal(nonce))


# -- errors -------------------------------------------------------------------------------------------------


async def parse_error(w: Worker) -> None:
    sql = w.random.choice(
        ("select nope", "selec 1", "select * from nowhere", "select 1.5, nope($1::int)", "do $$ x $$")
    )
    await w.fails(w.session.execute(sql, *([1] if "$1" in sql else [])), SQLParsingError)


async def fresh_error(w: Worker) -> None:
    await w.fails(w.session.select(f"select nope{w.nonce}, 1.5"), SQLParsingError)


async def runtime_error(w: Worker) -> None:
    sql = w.random.choice(
        (
            "select 1 / $1::int",
            "select 1.5, 1 / $1::int",
            "insert into fuzz select -1, n, 1 / $1::int, 'x' from generate_series(1, 3) n",
        )
    )
    await w.fails(w.session.select(sql, 0), DataError)


async def command_error(w: Worker) -> None:
    await w.fails(w.session.execute("do $$ begin perform 1 / 0; end $$"), DataError)


async def text_error(w: Worker) -> None:
    await w.fails(w.session.select("select $1::text::int as a, 1.5 as b", f"x{w.nonce}"), DataError)


async def mid_rows(w: Worker) -> None:
    last = w.random.choice((2, 500, 3000))
    sql = "select 10 / ($1 - n) as q, repeat('x', 50) as r, 1.5 as d from generate_series(1, 4000) n"
    await w.fails(w.session.select(sql, last), DataError)


async def unique(w: Worker) -> None:
    if w.rows:
        returning = w.random.choice(("", " returning v"))
        await w.fails(w.session.execute(INSERT + returning, w.owner, w.some_id(), 1, "x"), UniqueViolationError)


async def unique_in_batch(w: Worker) -> None:
    one, v, note = w.new_row()
    rows = [
        (w.owner, one, v, note),
        *((w.owner, *w.new_row()) for _ in range(w.random.choice((0, 30)))),
        (w.owner, one, v, note),
    ]
    sql = f"{INSERT} returning id" if w.spec.capabilities.execute_many_returning and w.chance() else INSERT
    await w.fails(w.session.execute_many(sql, rows), UniqueViolationError)


async def error_in_script(w: Worker) -> None:
    number, v, note = w.new_row()
    text = f"insert into fuzz values ({w.owner}, {number}, {v}, '{note}'); select 1; select 1 / 0; select 2"
    await w.fails(w.session.execute_script(text), DataError)


async def error_in_stack(w: Worker) -> None:
    number, v, note = w.new_row()
    entries = [(INSERT, (w.owner, number, v, note)), "select 1.5 as a", ("select 1 / $1::int", (0,)), "select 2 as a"]
    await w.fails(w.session.execute_stack(entries), DataError)


async def deferred(w: Worker) -> None:
    """A row that refers to nobody: an error at COMMIT, which is at once outside a transaction."""
    number, v, note = w.new_row()
    sql = "insert into fuzz values ($1, $2, $3, $4, $5)" + w.random.choice(("", " returning v, note"))
    call = w.session.execute(sql, w.owner, number, v, note, NOBODY)
    if w.depth == 0:
        await w.fails(call, ForeignKeyViolationError)
    else:
        await call
        w.rows[number] = (v, note)
        w.unanchored.add(number)


async def deferred_batch(w: Worker) -> None:
    if w.depth == 0:
        rows = [(w.owner, *w.new_row(), NOBODY) for _ in range(3)]
        await w.fails(
            w.session.execute_many("insert into fuzz values ($1, $2, $3, $4, $5)", rows), ForeignKeyViolationError
        )


async def encode_error(w: Worker) -> None:
    kind, value = w.random.choice(
        (("int4", "x"), ("int4", 2**40), ("timestamptz", 5), ("uuid", "x"), ("int4[]", [1, "x"]))
    )
    sql = w.random.choice(("select $1::{}", "select $1::{} as a, 1.5 as b", "select 1.5 where $1::{} is null"))
    await w.fails(w.session.select(sql.format(kind), (value,)), DataError)


async def encode_error_in_batch(w: Worker) -> None:
    rows = [(w.owner, *w.new_row()), (w.owner, *w.new_row()), (w.owner, "x", 1, "x")]
    await w.fails(w.session.execute_many(INSERT, rows), DataError)


async def decode_error(w: Worker) -> None:
    rows = w.random.choice((1, 3, 2000))
    sql = f"select {w.random.choice(UNREADABLE)} as d, n from generate_series(1, {rows}) n"
    await w.fails(w.session.select(sql), DataError)


async def decode_error_in_stack(w: Worker) -> None:
    number, v, note = w.new_row()
    entries = [(INSERT, (w.owner, number, v, note)), f"select {w.random.choice(UNREADABLE)} as d", "select 2.5 as a"]
    # The statements did run; a stack outside a transaction must not be half done, so look.
    await w.fails(w.session.execute_stack(entries), DataError)
    if not w.aborted:
        await settle(w, number, v, note)


async def wrong_count(w: Worker) -> None:
    await w.fails(w.session.select("select $1::int, $2::int", 1), ParameterError)


async def aborted(w: Worker) -> None:
    """Whatever is run in an aborted transaction is refused; what the program itself refuses stays so."""
    call = w.random.choice((
        lambda: w.session.select("select 1.5"),
        lambda: w.session.select("select $1::int", 1),
        lambda: w.session.execute(f"select {w.nonce}"),
        lambda: w.session.execute("set work_mem = '5MB'"),
        lambda: w.session.execute_many(INSERT, [(w.owner, *w.new_row())]),
        lambda: w.session.execute_script("select 1; select 2"),
        lambda: w.session.execute_stack(["select 1 as a", "select 1.5 as b"]),
    ))  # fmt: skip
    await w.fails(call(), TransactionError)


# -- what changes under a session -----------------------------------------------------------------------------


async def stale_plan(w: Worker) -> None:
    """The column that a text reads is of another type each time."""
    if w.depth:
        return await one_row(w)
    kind = w.random.choice(("int8", "numeric", "text", "timestamptz", "jsonb"))
    value, text = make(w.random, kind)
    table = f"fuzz_shape_{w.owner}"
    write = f"insert into {table} values ($1) returning v"
    await w.session.execute(f"create table if not exists {table} (v int8)")
    await w.session.execute_script(
        f"alter table {table} alter column v type {kind} using null; truncate {table};"
        f"insert into {table} values ({text})"
    )
    for _ in range(2):
        found = await w.session.execute(f"select v, 1.5 as n from {table} limit 1")
        w.equal(found.one(), {"v": value, "n": Decimal("1.5")})
        w.equal(await w.session.select_value(f"select v from {table} limit 1"), value)
        w.equal(await again_if_refused(lambda: w.session.select_value(write, (value,))), value)
    return None


async def again_if_refused(call: Callable[[], Awaitable[Any]]) -> Any:
    """A value may have fitted the parameter's type of before, and that not the column's: an error, but once."""
    try:
        return await call()
    except SQLSpecError:
        return await call()


async def forget(w: Worker) -> None:
    if w.depth == 0 and w.chance(0.3):
        await w.session.execute(w.random.choice(("deallocate all", "discard plans")))
    w.equal(await w.session.select_value("select $1::numeric", 1), Decimal(1))


# -- cancellation -------------------------------------------------------------------------------------------


async def settle(w: Worker, number: int, v: Decimal, note: str) -> None:
    """Look whether a row was stored whose statement was cut short: it is there, or it is not."""
    found = await w.session.select(
        "select v, note from fuzz where owner = $1 and id = $2", w.owner, number, schema_type=tuple
    )
    if found:
        w.equal(found, [(v, note)])
        w.rows[number] = (v, note)


async def stopped(w: Worker, call: Awaitable[Any], wanted: Any = None) -> None:
    """Await a call that may be stopped: it gives what it must, or is stopped."""
    try:
        found = await call
    except (QueryTimeoutError, OperationCancelledError):
        w.report.errors += 1
        if w.depth:
            await w.probe()
    else:
        if wanted is not None:
            w.equal(found, wanted)


async def timeout(w: Worker) -> None:
    await w.fails(w.session.select("select pg_sleep(20), 1.5", timeout=0.01), QueryTimeoutError)


async def close_timeout(w: Worker) -> None:
    """A limit that is about as long as the statement takes."""
    nonce = w.nonce
    call = w.session.select_value(
        "select $1::int8 from pg_sleep($2)", nonce, 0.003, timeout=w.random.choice((0.002, 0.003, 0.004, 0.005))
    )
    await stopped(w, call, nonce)


async def timeout_of_a_write(w: Worker) -> None:
    number, v, note = w.new_row()
    sql = "insert into fuzz (owner, id, v, note) select $1, $2, $3, $4 from pg_sleep(0.003)"
    await stopped(w, w.session.execute(sql, w.owner, number, v, note, timeout=w.random.choice((0.002, 0.004))))
    if not w.aborted:
        await settle(w, number, v, note)


async def cancel(w: Worker) -> None:
    """A request from beside, early or late."""
    nonce = w.nonce

    async def request() -> None:
        await asyncio.sleep(w.random.choice((0, 0.001, 0.004)))
        await session.cancel()

    session = w.session
    beside = asyncio.create_task(request())
    await stopped(w, session.select_value("select $1::int8 from pg_sleep(0.003)", nonce), nonce)
    await beside


async def interrupt(w: Worker) -> None:
    """A task that is cancelled in the middle of a statement: of async flavours only."""
    if not hasattr(type(w.session), "execute") or w.depth:
        return await close_timeout(w)
    task = asyncio.create_task(w.session.select_value("select 7 from pg_sleep(0.003)"))
    await asyncio.sleep(w.random.choice((0, 0.001, 0.003)))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        w.equal(await task, 7)
    try:
        w.equal(await w.session.select_value("select 8"), 8)
    except DatabaseConnectionError:  # usable or closed, never anything between
        w.lost = True
    return None


CALLS: dict[str, Call] = {
    call.__name__: call
    for call in (
        parameters, parameters, literals, no_rows, many_rows, own_rows, one_row, stream, broken_stream,
        insert, insert_literal, update, delete, batch, script, stack,
        parse_error, fresh_error, runtime_error, command_error, text_error, mid_rows, unique, unique_in_batch,
        error_in_script, error_in_stack, deferred, deferred_batch, encode_error, encode_error_in_batch,
        decode_error, decode_error_in_stack, wrong_count, stale_plan, forget, aborted,
    )
}  # fmt: skip
LIMITS: dict[str, Call] = {call.__name__: call for call in (timeout, close_timeout, timeout_of_a_write)}
REQUESTS: dict[str, Call] = {call.__name__: call for call in (cancel, interrupt)}


async def fuzz(
    config: Any,
    spec: AdapterSpec,
    *,
    statements: int,
    seed: int,
    workers: int,
    cancels: bool = False,
    cuts: bool = False,
) -> Report:
    """Run so many statements by several workers on the sessions of a config whose schema is `SCHEMA`.

    Args:
        config: Where the sessions come from.
        spec: Of its adapter.
        statements: How many, at least.
        seed: Of the random choices.
        workers: How many sessions at a time.
        cancels: Stop statements too: by limit and, where another call can reach a running one, by request.
        cuts: Make only calls that are stopped at a random moment.
    """
    report = Report()
    calls = {"cut": cut, "aborted": aborted} if cuts else dict(CALLS)
    if cancels:
        calls |= LIMITS
        if spec.capabilities.cancel:
            calls |= REQUESTS
    made = [Worker(owner, spec, report, seed, calls) for owner in range(1, workers + 1)]
    await asyncio.gather(*(asyncio.create_task(worker.run(config, statements)) for worker in made))
    return report
