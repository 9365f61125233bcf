"""Every type of `types/` on every adapter, in every place a value can stand.

A test takes all values of one type at once. What comes back is compared with the expected Python value; what was
sent is compared with the text that a plain psycopg connection reads for the SQL literal of the same value.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, NamedTuple

import pytest

from sqlspec.exceptions import DataError, SQLSpecError
from tests.integration.harness import FLAVOURS, needs
from tests.integration.matrix.cases import TECHNIQUES, TYPES, SqlType, check, evaluate
from tests.integration.matrix.conftest import Case
from tools.gen_matrix import HIDDEN, MATRIX, Outcomes, Report

# The stub is no adapter but a test of the contract.
ADAPTERS = [name for name in FLAVOURS if name != HIDDEN]

Test = Callable[[Case], Coroutine[Any, Any, None]]


def technique(test: Test) -> Test:
    """Run a test for every type that it applies to. Whatever it does, the session goes on."""
    name = test.__name__.removeprefix("test_")
    assert name in TECHNIQUES
    kinds = [kind for kind in TYPES if kind.has(name)]

    @wraps(test)
    async def run(case: Case) -> None:
        if case.kind.key in case.server.absent:
            await _absent(case, name)
        else:
            await test(case)
        assert await case.session.select_value("select 'on'") == "on"

    marked = pytest.mark.parametrize("kind", kinds, ids=[kind.key for kind in kinds])(run)
    return pytest.mark.only(*ADAPTERS)(pytest.mark.asyncio(loop_scope="module")(marked))


async def _absent(case: Case, name: str) -> None:
    """Check that a type which the server does not have is an error like any other."""
    if name == "in_a_stream":  # nothing but the capability that is asked for anyway
        async with case.session.select_stream("select 1 as n") as stream:
            assert [row async for row in stream] == [{"n": 1}]
    if name == "without_rows":
        assert (await case.session.execute("select 1 as n where false")).columns
    with pytest.raises(SQLSpecError):
        await case.session.select(f"select {case.kind.cast(case.kind.values[0].sql)}")


class Bound(NamedTuple):
    """A parameter with what it stands for: the server's text, and what is read back unless Python has no such value."""

    value: Any
    text: str
    is_readable: bool
    wanted: Any


def bound(case: Case) -> Iterator[Bound]:
    for value, text in zip(case.kind.values, case.server.texts(case.kind), strict=True):
        wanted = evaluate(value.python, text=text) if value.python else None
        if value.bind:
            yield Bound(wanted, text, bool(value.python), wanted)
        for other in value.accepts:
            yield Bound(evaluate(other, text=text), text, bool(value.python), wanted)


def readable(case: Case) -> Iterator[tuple[str, Any, str]]:
    """Yield the SQL, the Python value and the server's text of what Python has a value for."""
    for value, text in zip(case.kind.values, case.server.texts(case.kind), strict=True):
        if value.python:
            yield case.kind.cast(value.sql), evaluate(value.python, text=text), text


def element(kind: SqlType, value: Any) -> Any:
    return evaluate(kind.element, value=value)


async def read(case: Case, items: list[str], parameters: list[Any] | None = None) -> list[Any]:
    """Select some expressions as one row."""
    text = ", ".join(f"{item} as c{number}" for number, item in enumerate(items))
    (row,) = await case.session.select(f"select {text}", *([tuple(parameters)] if parameters else []))
    assert list(row) == [f"c{number}" for number in range(len(items))]
    return list(row.values())


def test_the_server_prints_what_the_files_say(server: Any) -> None:
    wrong = [
        (kind.key, value.sql, text, value.text)
        for kind in TYPES
        if kind.values and kind.key not in server.absent
        for value, text in zip(kind.values, server.texts(kind), strict=True)
        if value.text not in (None, text)
    ]
    assert wrong == []


def test_every_type_of_the_server_has_a_file(server: Any) -> None:
    known = [kind for kind in TYPES if not (kind.extension and kind.key in server.absent)]
    names = ", ".join(f"'{kind.name.partition('(')[0]}'" for kind in known)
    missing = server.rows(
        f"""select t.oid::regtype::text from pg_type t
            where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm')
              and not exists (select from pg_type e where e.typarray = t.oid)
              and t.oid <> all (select unnest(array[{names}])::regtype::oid)"""
    )
    assert missing == []


@technique
async def test_selected(case: Case) -> None:
    values = list(readable(case))
    found = await read(case, [sql for sql, _, _ in values] + [f"{sql}::text" for sql, _, _ in values])
    for number, (sql, wanted, text) in enumerate(values):
        check(found[number], wanted, sql)
        assert found[len(values) + number] == text, sql
    for sql, wanted, _ in values[:3]:
        check(await case.session.select_value(f"select {sql}"), wanted, sql)


@technique
async def test_bound(case: Case) -> None:
    given = list(bound(case))
    places = [case.kind.cast(f"${number}") for number in range(1, len(given) + 1)]
    texts = await read(case, [f"{place}::text" for place in places], [item.value for item in given])
    for item, text in zip(given, texts, strict=True):
        assert text == item.text, f"{item.value!r:.200}"
    given = [item for item in given if item.is_readable]
    found = await read(case, places[: len(given)], [item.value for item in given])
    for item, value in zip(given, found, strict=True):
        check(value, item.wanted, item.value)
        check(await case.session.select_value(f"select {case.kind.cast('$1')}", (item.value,)), item.wanted, item.value)


@technique
async def test_stored(case: Case) -> None:
    kind, given = case.kind, list(bound(case))
    insert = f"insert into kept_{kind.key} (run, n, v) values ($1, $2, $3)"
    for number, item in enumerate(given):
        await case.session.execute(insert, case.run, number, item.value)
    await check_stored(case, given)


async def check_stored(case: Case, given: list[Bound]) -> None:
    """Compare the rows that a test stored: as the server prints them, and as they are read back."""
    where = f"from kept_{case.kind.key} where run = '{case.run}' order by n"
    stored = case.server.rows(f"select n, v::text {where}")
    assert stored == [(number, item.text) for number, item in enumerate(given)]
    unread = ", ".join(str(number) for number, item in enumerate(given) if not item.is_readable) or "-1"
    found = await case.session.select(
        f"select n, v from kept_{case.kind.key} where run = $1 and n not in ({unread}) order by n", case.run
    )
    assert [row["n"] for row in found] == [number for number, item in enumerate(given) if item.is_readable]
    for row in found:
        check(row["v"], given[row["n"]].wanted, given[row["n"]].value)


@technique
async def test_in_an_array(case: Case) -> None:
    kind, values = case.kind, list(readable(case))
    sql = f"array[{', '.join(['null', *(sql for sql, _, _ in values)])}]::{kind.name}[]"
    found, text, empty = await read(case, [sql, f"{sql}::text", f"array[]::{kind.name}[]"])
    check(found, [None, *(wanted for _, wanted, _ in values)], sql)
    assert (text, empty) == (case.server.rows(f"select {sql}::text")[0][0], [])
    given = [item for item in bound(case) if item.is_readable] if kind.has("bound") else []
    if given:
        place = f"$1::{kind.name}[]"
        array = [None, *(element(kind, item.value) for item in given)]
        check(await case.session.select_value(f"select {place}", (array,)), [None, *(item.wanted for item in given)])
        # Not unnest(): it would take composite elements apart.
        texts = await case.session.select(
            f"select (({place})[n])::text as e from generate_series(1, {len(array)}) as n order by n", (array,)
        )
        assert [row["e"] for row in texts] == [None, *(item.text for item in given)]
        if not isinstance(given[0].value, (list, dict)):
            await _in_two_dimensions(case, given[0], given[-1])


async def _in_two_dimensions(case: Case, first: Bound, last: Bound) -> None:
    one, other = element(case.kind, first.value), element(case.kind, last.value)
    array = [[one, None], [None, other]]
    found = await case.session.select_value(f"select $1::{case.kind.name}[]", (array,))
    check(found, [[first.wanted, None], [None, last.wanted]])


@technique
async def test_null(case: Case) -> None:
    kind = case.kind
    assert await read(case, [f"null::{kind.name}", f"null::{kind.name} is null"]) == [None, True]
    if kind.has("bound"):
        place = case.kind.cast("$1")
        assert await read(case, [place, f"{place} is null"], [None]) == [None, True]
    if kind.has("stored"):
        await case.session.execute(f"insert into kept_{kind.key} (run, v) values ($1, $2)", case.run, None)
        assert case.server.rows(f"select v is null from kept_{kind.key} where run = '{case.run}'") == [(True,)]
        assert await case.session.select_value(f"select v from kept_{kind.key} where run = $1", case.run) is None


@technique
async def test_in_a_composite(case: Case) -> None:
    kind, name = case.kind, f"in_{case.kind.key}"
    values = list(readable(case))
    rows = [f"row({number}, {sql})::{name}" for number, (sql, _, _) in enumerate(values)]
    records = [f"row({sql}, null)" for sql, _, _ in values]
    if kind.composite == "unsent":
        with pytest.raises(SQLSpecError, match="no binary output function"):
            await read(case, [rows[0]])
    elif kind.composite == "refused":
        for sql in (rows[0], records[0], f"array[{rows[0]}]"):
            with pytest.raises(DataError, match=r'cannot read column "c0" as .*::text'):
                await read(case, [sql])
    else:
        held: list[Any] = [{"n": number, "v": wanted} for number, (_, wanted, _) in enumerate(values)]
        found = await read(case, [*rows, *records, f"array[{', '.join(['null', *rows])}]"])
        check(found, [*held, *((wanted, None) for _, wanted, _ in values), [None, *held]])
    if kind.has("bound"):
        await _bound_in_a_composite(case, name)


async def _bound_in_a_composite(case: Case, name: str) -> None:
    given = list(bound(case))
    texts = [f"row({number}, {case.kind.cast(f'${number + 1}')})::{name}::text" for number in range(len(given))]
    expected = await read(case, texts, [item.value for item in given])
    places = [f"${number}::{name}" for number in range(1, len(given) + 1)]
    parameters = [{"n": number, "v": item.value} for number, item in enumerate(given)]
    if case.kind.composite != "written":
        with pytest.raises(DataError, match="holds a type that only the server can parse"):
            await read(case, places, parameters)
        return
    assert await read(case, [f"{place}::text" for place in places], parameters) == expected
    tuples: list[Any] = [(number, item.value) for number, item in enumerate(given)]
    assert await read(case, [f"{place}::text" for place in places], tuples) == expected
    array = [None, *(row for row, item in zip(parameters, given, strict=True) if item.is_readable)]
    check(
        await case.session.select_value(f"select $1::{name}[]", (array,)),
        [None, *({"n": number, "v": item.wanted} for number, item in enumerate(given) if item.is_readable)],
    )


@technique
async def test_in_a_domain(case: Case) -> None:
    kind, name = case.kind, f"as_{case.kind.key}"
    values = list(readable(case))
    found = await read(case, [f"({sql})::{name}" for sql, _, _ in values])
    for value, (sql, wanted, _) in zip(found, values, strict=True):
        check(value, wanted, sql)
    if not kind.has("bound"):
        return
    given = list(bound(case))
    texts = await read(
        case, [f"${number}::{name}::text" for number in range(1, len(given) + 1)], [item.value for item in given]
    )
    assert texts == [item.text for item in given]
    given = [item for item in given if item.is_readable]
    if given and kind.has("in_an_array"):
        array = [None, *(element(kind, item.value) for item in given)]
        found = await case.session.select_value(f"select $1::{name}[]", (array,))
        check(found, [None, *(item.wanted for item in given)])


@technique
async def test_in_a_batch(case: Case) -> None:
    given = list(bound(case))
    rows = [(case.run, number, item.value) for number, item in enumerate(given)]
    insert = f"insert into kept_{case.kind.key} (run, n, v) values ($1, $2, $3)"
    await case.session.execute_many(insert, [*rows, (case.run, None, None)])
    kept = f"kept_{case.kind.key} where run = '{case.run}' and n is null"
    assert case.server.rows(f"select v is null from {kept}") == [(True,)]
    case.server.run(f"delete from {kept}")
    await check_stored(case, given)


@needs("stream")
@technique
async def test_in_a_stream(case: Case) -> None:
    kind, values = case.kind, list(readable(case))
    rows = [f"select {number} as n, {sql} as v" for number, (sql, _, _) in enumerate(values)]
    sql = " union all ".join(rows or [f"select 0 as n, null::{kind.name} as v where false"])
    async with case.session.select_stream(f"{sql} order by n", chunk_size=2) as stream:
        found = [row async for row in stream]
    for row, (number, (_, wanted, _)) in zip(found, enumerate(values), strict=True):
        check(row, {"n": number, "v": wanted})
    if kind.has("bound"):
        for item in bound(case):
            columns = f"{kind.cast('$1')}::text as t" + (f", {kind.cast('$1')} as v" if item.is_readable else "")
            async with case.session.select_stream(f"select {columns}", (item.value,), chunk_size=1) as stream:
                (row,) = [row async for row in stream]
            assert row["t"] == item.text
            check(row.get("v"), item.wanted, item.value)
    for value in kind.unreadable:
        with pytest.raises(DataError, match='cannot read column "v"'):
            async with case.session.select_stream(f"select {kind.cast(value.sql)} as v", chunk_size=1) as stream:
                _ = [row async for row in stream]


@needs("columns_when_empty")
@technique
async def test_without_rows(case: Case) -> None:
    sql = f"select null::{case.kind.name} as v, 1 as n, null::{case.kind.name} as w where false"
    result = await case.session.execute(sql)
    assert [column.name for column in result.columns] == ["v", "n", "w"]
    assert [column.oid for column in result.columns] == case.server.oids(sql)
    assert result.all() == await case.session.select(sql) == []


@technique
async def test_refused(case: Case) -> None:
    kind = case.kind
    for value, text in zip(kind.values, case.server.texts(kind) if kind.values else (), strict=True):
        if value.refused:
            await _refused_on_reading(case, case.kind.cast(value.sql), text, value.refused)
    for parameter in kind.rejects:
        await _refused_as_parameter(case, evaluate(parameter))


async def _refused_on_reading(case: Case, sql: str, text: str, reason: str) -> None:
    session, key = case.session, case.kind.key
    message = rf'cannot read column "wrong" as [^:]+: .*{reason}'
    column = f"from kept_{key} where run = '{case.run}'"
    statements = [f"select 1 as a, {sql} as wrong, 'x' as c", f"select row(1, {sql}) as wrong"]
    if case.kind.has("in_an_array"):
        statements.append(f"select array[null, {sql}]::{case.kind.name}[] as wrong")
    if case.kind.has("in_a_composite"):
        statements.append(f"select row(1, {sql})::in_{key} as wrong")
    if case.kind.has("stored"):
        case.server.run(f"insert into kept_{key} (run, n, v) values ('{case.run}', 1, {sql})")
        statements.append(f"select v as wrong {column}")
    for statement in statements:
        for call in (session.select, session.execute):
            with pytest.raises(DataError, match=message) as caught:
                await call(statement)
            assert caught.value.column == "wrong"
        assert await session.select_value("select 1") == 1
    assert await session.select_value(f"select {sql}::text") == text
    if case.kind.has("stored"):
        assert await session.select_value(f"select v::text {column}") == text
        case.server.run(f"delete {column}")


async def _refused_as_parameter(case: Case, value: Any) -> None:
    session, key = case.session, case.kind.key
    if not case.kind.has("stored"):
        with pytest.raises(DataError, match=r"cannot bind parameter \$1 as "):
            await session.select(f"select {case.kind.cast('$1')}", (value,))
        return
    insert = f"insert into kept_{key} (run, v) values ($1, $2)"
    for refused in (
        lambda: session.execute(insert, case.run, value),
        lambda: session.execute_many(insert, [(case.run, None), (case.run, value)]),
    ):
        with pytest.raises(DataError, match=r"cannot bind parameter \$2 as ") as caught:
            await refused()
        assert not (isinstance(value, str) and len(value) > 5 and value in str(caught.value)), "the value is shown"
        assert case.server.rows(f"select count(*) from kept_{key} where run = '{case.run}'") == [(0,)], f"{value!r:.99}"


def test_the_committed_report_agrees_with_this_run(outcomes: Outcomes) -> None:
    # Runs behind all others of this file; of a run of some of them it sees those.
    differences = Report.read(MATRIX / "report.json").differences(outcomes)
    assert differences == [], "run: python tools/gen_matrix.py --record"
