"""Every statement of `shapes.py`, in every way that a session runs one, against libpq alone.

The oracle shares no code with this package: the server's own text of each value, read by psycopg's libpq. What a
flavour gives is written as text here, by its class, so that a value of the wrong class cannot pass for the right one.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg import pq

from sqlspec.exceptions import NotSupportedError, SQLSpecError
from sqlspec.values import Interval, Range
from tests.integration.conformance.shapes import RESET, SCHEMA, SHAPES, STATE, Shape
from tests.integration.harness import Flavour, needs

# -- the server's text of a value, written by its Python class ----------------------------------------------

VOID = 2278
DOCUMENTS = (114, 3802)
CLASSES: dict[int, type] = {
    16: bool,
    17: bytes,
    18: str,
    19: str,
    20: int,
    21: int,
    23: int,
    25: str,
    26: int,
    650: IPv4Network,
    701: float,
    829: str,
    1042: str,
    1043: str,
    1082: date,
    1083: time,
    1114: datetime,
    1184: datetime,
    1186: Interval,
    1266: time,
    1560: str,
    1700: Decimal,
    2249: tuple,
    2950: UUID,
    3614: str,
    3904: Range,
    3906: Range,
}


def as_text(value: Any, oid: int = 0) -> str | None:
    """Return what the server would write for a value (IntervalStyle iso_8601, TimeZone UTC)."""
    if value is None:
        return "" if oid == VOID else None
    wanted = CLASSES.get(oid)
    assert (
        wanted is None or (issubclass(type(value), wanted) and type(value) is not datetime) or type(value) is wanted
    ), f"{type(value)} for a column of type {oid}"
    for kinds, write in WRITERS:
        if isinstance(value, kinds):
            return write(value)
    raise AssertionError(f"{type(value)} is no class of a value")


def _datetime(value: datetime) -> str:
    text = _trimmed(value.replace(tzinfo=None).isoformat(" "))
    if value.tzinfo is None:
        return text
    assert value.utcoffset() == timedelta(0), "not in UTC"
    return f"{text}+00"


def _time(value: time) -> str:
    text = _trimmed(value.replace(tzinfo=None).isoformat())
    return text if value.tzinfo is None else text + value.isoformat()[-6:].removesuffix(":00")


def _trimmed(text: str) -> str:
    return text.rstrip("0") if "." in text else text


def _interval(value: Interval) -> str:
    years, months = (int(value.months / 12), value.months - 12 * int(value.months / 12))
    sign = "-" if value.microseconds_part < 0 else ""
    seconds, micros = divmod(abs(value.microseconds_part), 1_000_000)
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    clock = "".join(f"{sign}{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number)
    if seconds or micros:
        clock += f"{sign}{seconds}{f'.{micros:06}'.rstrip('0') if micros else ''}S"
    days = "".join(
        f"{number}{unit}" for number, unit in ((years, "Y"), (months, "M"), (value.days_part, "D")) if number
    )
    return f"P{days}T{clock}" if clock else f"P{days or 'T0S'}"


def _array(value: list[Any]) -> str:
    inner = (
        _array(item) if isinstance(item, list) else _quoted(as_text(item), "NULL", r'[\s,{}"\\]') for item in value
    )
    return "{" + ",".join(inner) + "}"


def _record(values: Any) -> str:
    fields = (_quoted(as_text(item), "", r'[\s,()"\\]', '""') for item in values)
    return "(" + ",".join(fields) + ")"


def _quoted(text: str | None, null: str, special: str, quote: str = '\\"') -> str:
    if text is None:
        return null
    if text == "" or text.lower() == "null" == null.lower() or re.search(special, text):
        return '"' + text.replace("\\", "\\\\").replace('"', quote) + '"'
    return text


def _range(value: Range[Any]) -> str:
    lower, upper = (as_text(bound) or "" for bound in (value.lower, value.upper))
    return "empty" if value.empty else f"{value.bounds[0]}{lower},{upper}{value.bounds[1]}"


WRITERS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (bool, lambda value: "t" if value else "f"),
    ((int, str, UUID, IPv4Address, IPv4Interface, IPv4Network), str),
    (float, repr),
    (bytes, lambda value: "\\x" + value.hex()),
    (Decimal, lambda value: format(value, "f")),
    (datetime, _datetime),
    (date, lambda value: value.isoformat()),
    (time, _time),
    (Interval, _interval),
    (list, _array),
    (dict, lambda value: _record(value.values())),
    (tuple, _record),
    (Range, _range),
)

# -- what a statement did -----------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What one run of a statement gave, and the state in which it left the schema."""

    names: list[str]
    oids: list[int]
    rows: list[tuple[str | None, ...]]
    counted: int | None
    state: list[Any]


class Oracle:
    """A connection of its own, without this package."""

    def __init__(self, dsn: str, schema: str) -> None:
        options = f"-c search_path={schema},public -c TimeZone=UTC -c IntervalStyle=iso_8601 -c synchronous_commit=off"
        self.connection = psycopg.connect(dsn, autocommit=True, options=options, prepare_threshold=None)
        self.schema = schema
        self.script(f"create schema {schema}")
        self.script(SCHEMA)
        self.script(RESET)
        self._start = self.state()
        self._outcomes: dict[str, Outcome | None] = {}

    def script(self, text: str) -> None:
        self.connection.execute(text.encode())

    def state(self) -> list[Any]:
        return self.connection.execute(STATE.encode()).fetchall()

    def reset(self, seen: list[Any] | None = None) -> list[Any]:
        """Bring back the initial state from the one that was seen, and return it."""
        seen = seen or self.state()
        if seen != self._start:
            rows, wanted = (
                [line for line in state if not line[0].startswith("calls ")] for state in (seen, self._start)
            )
            self.script("select setval('calls', 1, false)" if rows == wanted else RESET)
        return self._start

    def run(self, shape: Shape) -> Outcome | None:
        """Run the statement from the initial state, once for all flavours; `None` when the server refuses it."""
        if shape.label not in self._outcomes:
            self._outcomes[shape.label] = self._run(shape)
        return self._outcomes[shape.label]

    def _run(self, shape: Shape) -> Outcome | None:
        self.reset()
        if shape.before:
            self.script(shape.before)
        values = [None if text is None else text.encode() for _, text in shape.args]
        found = self.connection.pgconn.exec_params(shape.sql.encode(), values)
        if found.status == pq.ExecStatus.FATAL_ERROR:
            return None
        columns = range(found.nfields)
        rows = [
            tuple(None if (raw := found.get_value(row, at)) is None else bytes(raw).decode() for at in columns)
            for row in range(found.ntuples)
        ]
        names = [(found.fname(at) or b"").decode() for at in columns]
        return Outcome(names, [found.ftype(at) for at in columns], rows, found.command_tuples, self.state())


@pytest.fixture(scope="module")
def oracle(dsn: str) -> Iterator[Oracle]:
    opened = Oracle(dsn, "shapes")
    yield opened
    opened.script("drop schema shapes cascade")
    opened.connection.close()


@pytest.fixture
async def flavour(request: pytest.FixtureRequest, dsn: str, oracle: Oracle) -> AsyncIterator[Flavour]:
    """In the one schema of all these tests."""
    made = Flavour(request.param, dsn, oracle.schema)
    yield made
    await made.close()


@pytest.fixture
async def session(flavour: Flavour) -> Any:
    async with flavour.make_config(session_settings={"TimeZone": "UTC"}).provide_session() as opened:
        yield opened


def written(rows: list[tuple[Any, ...]], oids: list[int]) -> list[tuple[str | None, ...]]:
    """Return rows as the server would write them; a document stays what its text says."""
    return [
        tuple(as_text(value, oid) if oid not in DOCUMENTS else value for value, oid in zip(row, oids, strict=True))
        for row in rows
    ]


def expected(wanted: Outcome) -> list[tuple[Any, ...]]:
    documents = [oid in DOCUMENTS for oid in wanted.oids]
    return [
        tuple(
            json.loads(text) if is_document and text is not None else text
            for text, is_document in zip(row, documents, strict=True)
        )
        for row in wanted.rows
    ]


def in_order(rows: list[tuple[Any, ...]], shape: Shape) -> list[tuple[Any, ...]]:
    return rows if "order by" in shape.sql else sorted(rows, key=repr)


# -- ways to run one statement: each gives the rows, and the result where there is one ------------------------

Run = Callable[[Any, Shape], Awaitable[tuple[list[tuple[Any, ...]], Any]]]


async def execute(session: Any, shape: Shape) -> tuple[list[tuple[Any, ...]], Any]:
    result = await session.execute(shape.sql, *values_of(shape))
    return result.get_data(schema_type=tuple), result


async def select(session: Any, shape: Shape) -> tuple[list[tuple[Any, ...]], Any]:
    return await session.select(shape.sql, *values_of(shape), schema_type=tuple), None


async def stack(session: Any, shape: Shape) -> tuple[list[tuple[Any, ...]], Any]:
    first, result, last = await session.execute_stack(
        ["select 1 as a", (shape.sql, tuple(value for value, _ in shape.args)), "select 2 as a"]
    )
    assert (first.scalar(), last.scalar()) == (1, 2)
    return result.get_data(schema_type=tuple), result


async def in_transaction(session: Any, shape: Shape) -> tuple[list[tuple[Any, ...]], Any]:
    async with session.transaction():
        assert await session.select_value("select 7::int8") == 7
        found = await execute(session, shape)
        assert await session.select_value("select 8::int8") == 8
    return found


def values_of(shape: Shape) -> tuple[Any, ...]:
    return (tuple(value for value, _ in shape.args),) if shape.args else ()


# The second `execute` meets what the first has left on the connection.
RUNS: tuple[Run, ...] = (execute, execute, select, in_transaction, stack)


def runs_of(shape: Shape) -> Iterator[Run]:
    for run in RUNS:
        if not shape.alone or run in (execute, select):
            yield run


async def start(session: Any, oracle: Oracle, shape: Shape, seen: list[Any] | None = None) -> list[Any]:
    """Bring back the initial state, and return the one that the statement meets."""
    before = oracle.reset(seen)
    if shape.before:
        await session.execute_script(shape.before)
        return oracle.state()
    return before


GIVING = [shape for shape in SHAPES if shape.raises is None]
FAILING = [shape for shape in SHAPES if shape.raises is not None]


def as_cases(shapes: list[Shape]) -> list[Any]:
    return [pytest.param(it, id=it.label, marks=[needs(*it.needs)] if it.needs else []) for it in shapes]


@pytest.mark.parametrize("shape", as_cases(GIVING))
async def test_a_statement_gives_what_the_server_says_and_runs_once(session: Any, oracle: Oracle, shape: Shape) -> None:
    wanted = oracle.run(shape)
    assert wanted is not None, oracle.connection.pgconn.error_message
    seen = None
    for run in runs_of(shape):
        before = await start(session, oracle, shape, seen)
        try:
            rows, result = await run(session, shape)
        except NotSupportedError:
            seen = oracle.state()
            assert shape.may_refuse
            assert seen == before, "refused, but something ran"
            continue
        seen = oracle.state()
        assert in_order(written(rows, wanted.oids), shape) == in_order(expected(wanted), shape), run.__name__
        assert seen == wanted.state, run.__name__
        if result is not None:
            assert [column.name for column in result.columns] == wanted.names
            assert [column.oid for column in result.columns] == wanted.oids
            assert result.rows_affected in (wanted.counted, None)
    assert await session.select_value("select 9::int8") == 9
    assert not session.in_transaction


@needs("rows_affected")
async def test_a_statement_counts_what_the_server_counts(session: Any, oracle: Oracle) -> None:
    counts = {}
    for shape in GIVING:
        wanted = oracle.run(shape)
        assert wanted is not None
        await start(session, oracle, shape)
        try:
            found = (await session.execute(shape.sql, *values_of(shape))).rows_affected
        except NotSupportedError:
            assert shape.may_refuse
            continue
        if found != wanted.counted and not (shape.may_lose_count and found is None):
            counts[shape.label] = (found, wanted.counted)
    assert counts == {}


@pytest.mark.parametrize("shape", as_cases(FAILING))
async def test_a_statement_that_fails_changes_nothing(session: Any, oracle: Oracle, shape: Shape) -> None:
    seen = None
    for run in RUNS:
        before = await start(session, oracle, shape, seen)
        assert shape.raises is not None
        with pytest.raises(shape.raises):
            await run(session, shape)
        seen = oracle.state()
        assert seen == before, run.__name__
        assert not session.in_transaction
        assert await session.select("select 9::int8 as a, 1.50 as b") == [{"a": 9, "b": Decimal("1.50")}]


# -- what needs more than one statement ---------------------------------------------------------------------


async def test_a_failed_transaction_goes_on_behind_its_savepoint(session: Any, oracle: Oracle) -> None:
    oracle.reset()
    failures = [shape for shape in FAILING if shape.raises is not None]
    async with session.transaction():
        await session.execute("insert into w values (100, 1.50, null)")
        for number, shape in enumerate(failures):
            with pytest.raises(SQLSpecError):
                async with session.savepoint():
                    await session.execute("insert into w values (0, 0, null)")
                    await session.execute(shape.sql)
            row = await session.select_one("insert into w values ($1, $2, null) returning id, v", 101 + number, number)
            assert row == {"id": 101 + number, "v": Decimal(number)}, shape.label
    wanted = [(1,), (2,), (9,), *((100 + number,) for number in range(len(failures) + 1))]
    assert oracle.connection.execute("select id from w order by id").fetchall() == wanted


async def test_statements_of_every_shape_in_an_aborted_transaction(session: Any, oracle: Oracle) -> None:
    before = oracle.reset()
    await session.begin()
    with pytest.raises(SQLSpecError):
        await session.execute("select 1 / 0")
    for shape in SHAPES:
        if shape.raises is None:
            with pytest.raises(SQLSpecError):
                await session.execute(shape.sql, *values_of(shape))
    await session.rollback()
    assert oracle.state() == before
    for shape in SHAPES[:3]:
        wanted = oracle.run(shape)
        assert wanted is not None
        rows, _ = await execute(session, shape)
        assert written(rows, wanted.oids) == expected(wanted)


async def test_rows_that_another_connection_holds_are_skipped(session: Any, oracle: Oracle) -> None:
    oracle.reset()
    sql = "select id, n, ts from t where id < 4 order by id for update skip locked"
    with oracle.connection.transaction():
        oracle.connection.execute("select from t where id = 2 for update")
        assert [row["id"] for row in await session.select(sql)] == [1, 3]
        with pytest.raises(SQLSpecError):
            await session.select("select id, n from t where id = 2 for update nowait")
    assert [row["id"] for row in await session.select(sql)] == [1, 2, 3]


async def test_a_cursor_inside_a_transaction_moves_once_per_fetch(session: Any, oracle: Oracle) -> None:
    oracle.reset()
    async with session.transaction():
        await session.execute("declare c cursor for select id, vol(id) as v from src order by id")
        for number in (1, 2, 3):
            try:
                assert await session.select("fetch 1 from c") == [{"id": number, "v": number}]
            except NotSupportedError:
                assert await session.select_value("select count(*) from pg_cursors where name = 'c'") == 1
        await session.execute("close c")


async def test_commands_take_effect_on_the_session(session: Any) -> None:
    await session.execute("set application_name = 'one $1 %s'")
    assert await session.select_value("show application_name") == "one $1 %s"
    await session.execute("listen shapes")
    assert await session.select("select pg_listening_channels() as c") == [{"c": "shapes"}]
    await session.execute("reset application_name")
    await session.execute("unlisten *")
    assert await session.select("select pg_listening_channels() as c") == []
    assert await session.select_value("show application_name") != "one $1 %s"
