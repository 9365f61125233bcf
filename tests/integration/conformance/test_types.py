"""Every type of docs/reference/values.md in every place a value can stand, and types that change under a program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import numpy
import psycopg
import pytest

from sqlspec.core.stack import StatementStack
from sqlspec.exceptions import DataError, SQLParsingError, SQLSpecError
from sqlspec.values import Infinity, Json, Path, Range, SparseVector
from tests.integration.harness import needs
from tests.unit.postgres.codec_cases import CASES as BUILTIN
from tests.unit.postgres.codec_cases import same as same_class

SETTINGS = {"TimeZone": "UTC", "lc_monetary": "C"}

USER_TYPES = """
create type mood as enum ('sad', 'so "so"', 'häppy');
create domain posint as int check (value > 0);
create domain moods as mood[];
create type pair as (a int, "B c" text);
create type nested as (p pair, ps pair[], m mood, d posint, r int4range);
create domain pairs as pair;
create type frange as range (subtype = float8, multirange_type_name = fmultirange);
"""

# A base type whose binary format does not even exist, as in some extensions.
NO_BINARY = """
create type shout;
create function shout_in(cstring) returns shout as 'textin' language internal strict immutable;
create function shout_out(shout) returns cstring as 'textout' language internal strict immutable;
create type shout (input = shout_in, output = shout_out, like = text);
"""

PAIR = {"a": 1, "B c": 'x"y'}
NESTED = {"p": PAIR, "ps": [PAIR, None], "m": "sad", "d": 5, "r": Range(1, 3)}

# Value and the server's text for it, by type; as in `BUILTIN`.
Edges = tuple[tuple[Any, str], ...]
READ_AND_WRITTEN: dict[str, Edges] = {
    **{name: case.edges for name, case in BUILTIN.items()},
    "char(5)": (("ab   ", "ab"),),
    "varchar(3)": (("abc", "abc"),),
    "numeric(8, 2)": ((Decimal("1.50"), "1.50"),),
    "timestamp(3)": ((datetime(2024, 1, 1, 0, 0, 0, 123000), "2024-01-01 00:00:00.123"),),
    "datemultirange": (
        (
            (Range(date(2024, 1, 1), date(2024, 1, 2)), Range(date(2024, 2, 1), None)),
            "{[2024-01-01,2024-01-02),[2024-02-01,)}",
        ),
    ),
    "mood": (("sad", "sad"), ('so "so"', 'so "so"'), ("häppy", "häppy")),
    "posint": ((5, "5"),),
    "moods": ((["sad", None], "{sad,NULL}"), ([], "{}")),
    "pair": ((PAIR, '(1,"x""y")'), ({"a": None, "B c": None}, "(,)")),
    "pairs": ((PAIR, '(1,"x""y")'),),
    "nested": ((NESTED, r'("(1,""x""""y"")","{""(1,\\""x\\""\\""y\\"")"",NULL}",sad,5,"[1,3)")'),),
    "frange": ((Range(0.5, 1.5, "(]"), "(0.5,1.5]"), (Range.make_empty(), "empty")),
    "fmultirange": (((Range(0.5, 1.5), Range(2.0, None)), "{[0.5,1.5),[2,)}"), ((), "{}")),
    "vector": (([1.0, 2.5, -0.0], "[1,2.5,-0]"),),
    "vector(2)": (([1.0, 2.0], "[1,2]"),),
    "halfvec": (([1.0, 0.5], "[1,0.5]"),),
    "sparsevec": ((SparseVector(5, (0, 2), (1.0, 2.5)), "{1:1,3:2.5}/5"),),
}
# Their binary format can be read, but text is written: inside a composite they are read only.
WRITTEN_AS_TEXT: dict[str, Edges] = {
    "tsvector": (("'a' 'b c':1A,3", "'a' 'b c':1A,3"), ("", "")),
    "tsquery": (("'a' & !( 'b' | 'c':*A )", "'a' & !( 'b' | 'c':*A )"),),
    "int2vector": (("1 2 -3", "1 2 -3"), ("", "")),
    "oidvector": (("1 4294967295", "1 4294967295"),),
}
TEXT_ONLY: dict[str, Edges] = {
    "regclass": (("pg_class", "pg_class"), ("pg_toast.pg_toast_1255", "pg_toast.pg_toast_1255"), ("-", "-")),
    "regtype": (("integer", "integer"), ("timestamp with time zone", "timestamp with time zone")),
    "regproc": (("now", "now"),),
    "regprocedure": (("abs(integer)", "abs(integer)"),),
    "regoper": (("|/", "|/"),),
    "regoperator": (("+(integer,integer)", "+(integer,integer)"),),
    "regconfig": (("english", "english"),),
    "regdictionary": (("simple", "simple"),),
    "regnamespace": (("pg_catalog", "pg_catalog"),),
    "regrole": (("pg_monitor", "pg_monitor"),),
    "regcollation": (('"C"', '"C"'),),
    "aclitem": (("pg_monitor=r/pg_monitor", "pg_monitor=r/pg_monitor"),),
    "shout": (('hey, "you" \\ {}', 'hey, "you" \\ {}'), ("", "")),
}


def same(found: Any, wanted: Any) -> bool:
    """Compare exactly; a driver's subclass of UUID is a UUID."""
    return same_class(_plain(found), wanted)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_plain(item) for item in value)
    return UUID(int=value.int) if isinstance(value, UUID) else value


def quoted(kind: str) -> str:
    # A bare bit means bit(1) and a bare char(n) char(1): the quoted names have no length.
    return f'"{kind}"' if kind in ("bit", "bpchar") else kind


@pytest.fixture
async def session(flavour: Any, admin: psycopg.Connection[Any]) -> AsyncIterator[Any]:
    admin.execute("create extension if not exists vector schema public")
    async with flavour.make_config(session_settings=SETTINGS).provide_session() as opened:
        await opened.execute_script(USER_TYPES + NO_BINARY)
        yield opened


def element(kind: str, value: Any) -> Any:
    """Return the value as an array parameter takes it: a bare list would be a dimension, or a document."""
    return Json(value) if kind in ("json", "jsonb") else value


def readable(edges: Edges) -> list[Any]:
    return [value for value, _ in edges if not isinstance(value, Infinity)]


async def check_everywhere(session: Any, kind: str, edges: Edges) -> None:
    """Bind, select, and store the values: alone, as NULL, in arrays, in batches."""
    name = quoted(kind)
    for value, text in edges:
        assert await session.select_value(f"select ($1::{name})::text", (value,)) == text
    for value in readable(edges):
        row = await session.select_one(
            f"select $1::{name} as v, $2::{name} as n, $3::{name}[] as a", value, None, [element(kind, value), None]
        )
        assert same(row, {"v": value, "n": None, "a": [value, None]}), (kind, value, row)
        if not isinstance(value, list) and kind != "json":
            array = [[value, None], [None, value]]
            assert same(await session.select_value(f"select $1::{name}[]", (array,)), array), (kind, value)
    assert await session.select_value(f"select $1::{name}[]", ([],)) == []
    await session.execute(f"create table stored (n int, v {name}, a {name}[])")
    rows: list[tuple[Any, ...]] = [(n, value, [value]) for n, value in enumerate(readable(edges))]
    bound = [(n, value, [element(kind, value)]) for n, value, _ in rows]
    rows.append((len(rows), None, None))
    await session.execute_many("insert into stored values ($1, $2, $3)", [*bound, rows[-1]])
    found = await session.select("select * from stored order by n", schema_type=tuple)
    assert same(found, rows), (kind, found)


def several(kinds: Iterable[str]) -> pytest.MarkDecorator:
    """Types that are tried on one connection: what a type of its own costs is mostly making the others."""
    names = list(kinds)
    return pytest.mark.parametrize("kinds", [names[first::9] for first in range(9)], ids=lambda kinds: kinds[0])


@several(READ_AND_WRITTEN)
async def test_a_type_wherever_it_can_stand(session: Any, kinds: list[str]) -> None:
    for kind in kinds:
        await check_everywhere(session, kind, READ_AND_WRITTEN[kind])
        await check_in_a_composite(session, kind)
        await session.execute_script("drop table stored; drop type holder")


async def check_in_a_composite(session: Any, kind: str) -> None:
    await session.execute(f"create type holder as (n int, v {quoted(kind)}, a {quoted(kind)}[])")
    for value in readable(READ_AND_WRITTEN[kind]):
        for held in ({"n": 1, "v": value, "a": [value, None]}, {"n": None, "v": None, "a": None}):
            bound = {**held, "a": held["a"] and [element(kind, value), None]}
            assert same(await session.select_value("select $1::holder", (bound,)), held), (kind, held)
            assert same(await session.select_value("select array[$1::holder, null]", (bound,)), [held, None])


@pytest.mark.parametrize("kind", WRITTEN_AS_TEXT)
async def test_a_type_that_the_server_parses(session: Any, kind: str) -> None:
    await check_everywhere(session, kind, WRITTEN_AS_TEXT[kind])
    await session.execute(f"create type holder as (n int, v {kind})")
    for value in readable(WRITTEN_AS_TEXT[kind]):
        held = {"n": 1, "v": value}
        assert await session.select_value(f"select row(1, $1::{kind})::holder", value) == held
        assert await session.select_value(f"select array[row(1, $1::{kind})::holder]", value) == [held]
        with pytest.raises(DataError, match="holds a type that only the server can parse"):
            await session.select("select $1::holder", held)


@pytest.mark.parametrize("kind", TEXT_ONLY)
async def test_a_type_without_a_binary_format(session: Any, kind: str) -> None:
    await check_everywhere(session, kind, TEXT_ONLY[kind])


@several(sorted({*READ_AND_WRITTEN, *WRITTEN_AS_TEXT} - {"nested", "pair", "pairs", "moods"}))
async def test_a_value_is_what_its_text_says(session: Any, kinds: list[str]) -> None:
    # The other direction: the server parses its own text form, and we read what it made of it.
    edges = {**READ_AND_WRITTEN, **WRITTEN_AS_TEXT}
    for kind, value, text in [(name, *edge) for name in kinds for edge in edges[name]]:
        if not isinstance(value, Infinity) and kind != "char(5)":
            found = await session.select_value(f"select $1::text::{quoted(kind)}", text)
            assert same(found, value) or kind == "inet", (kind, text, found)


# -- types with a trap of their own -------------------------------------------------------------------------------


async def test_char_with_and_without_quotes_are_two_types(session: Any) -> None:
    await session.execute('create table letters (padded char(5), one "char", both_ char(2)[], ones "char"[])')
    row = {"padded": "ab   ", "one": "x", "both_": ["c ", None], "ones": ["y", "", None]}
    await session.execute("insert into letters values ($1, $2, $3, $4)", "ab", "x", ["c", None], ["y", "", None])
    assert await session.select_one("select * from letters") == row
    assert await session.select_value("select 'abc'::char(3)") == "abc"
    assert await session.select_value("select attidentity from pg_attribute limit 1") == ""
    with pytest.raises(DataError):
        await session.select('select $1::"char"', "ab")


async def test_anonymous_records_of_types_never_met(session: Any) -> None:
    sql = """select row(1, 'sad'::mood, row(2, 'x')::pair, array[row(3, null)::pair], null,
                        row('[1,2]'::vector, '1.50'::money), int4range(1, 3), 'x'::"char")"""
    wanted = (
        1,
        "sad",
        {"a": 2, "B c": "x"},
        [{"a": 3, "B c": None}],
        None,
        ([1.0, 2.0], Decimal("1.50")),
        Range(1, 3),
        "x",
    )
    assert same(await session.select_value(sql), wanted)
    assert same(await session.select_value(sql), wanted)
    assert same(await session.select_value("select array[row('[3]'::halfvec), row(null)]"), [([3.0],), (None,)])


@needs("stream")
async def test_records_of_types_never_met_in_a_stream(session: Any) -> None:
    async with session.select_stream(
        "select row(n, 'sad'::mood) as r, 'pg_class'::regclass as c from generate_series(1, 3) as n", chunk_size=2
    ) as stream:
        assert [row async for row in stream] == [{"r": (n, "sad"), "c": "pg_class"} for n in (1, 2, 3)]


async def test_records_of_types_never_met_in_a_stack_and_a_batch(session: Any) -> None:
    stack = StatementStack().push_execute("select 1 as n").push_execute("select row('sad'::mood) as r")
    results = await session.execute_stack(stack.push_execute("select row(row(1, 'x')::pair) as r"))
    assert [result.all() for result in results] == [[{"n": 1}], [{"r": ("sad",)}], [{"r": ({"a": 1, "B c": "x"},)}]]
    await session.execute("create table labels (n int)")
    found = await session.execute_many(
        "insert into labels values ($1) returning n, row(n, '[1]'::vector) as r", [(n,) for n in range(3)]
    )
    assert found.all() == [{"n": n, "r": (n, [1.0])} for n in range(3)]


async def test_columns_of_system_catalogs(session: Any) -> None:
    for table in ("pg_class", "pg_type", "pg_proc", "pg_index", "pg_database", "pg_attribute", "pg_stats", "pg_locks"):
        columns = [
            row["attname"]
            for row in await session.select(
                "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0 order by attnum",
                table,
            )
        ]
        (row,) = await session.select(f"select * from pg_catalog.{table} limit 1")
        assert list(row) == columns
    assert await session.select_one("select relname, relacl, oid::regclass from pg_class where relname = 'pg_am'") == {
        "relname": "pg_am",
        "relacl": await session.select_value("select relacl::text[] from pg_class where relname = 'pg_am'"),
        "oid": "pg_am",
    }


async def test_extended_statistics(session: Any) -> None:
    await session.execute_script(
        """create table stats (a int, b int); insert into stats select n % 3, n % 3 from generate_series(1, 99) as n;
           create statistics of_stats on a, b from stats; analyze stats;"""
    )
    sql = (
        "select {} from pg_statistic_ext_data d join pg_statistic_ext s on s.oid = d.stxoid "
        "where stxname = 'of_stats' and stxnamespace = current_schema::regnamespace"
    )
    kinds = ("stxdndistinct", "stxddependencies", "stxdmcv")
    wanted = await session.select_one(sql.format(", ".join(f"{kind}::text" for kind in kinds)))
    assert await session.select_one(sql.format(", ".join(kinds))) == wanted
    assert None not in wanted.values()


async def test_text_only_columns_of_every_kind_of_statement(session: Any) -> None:
    await session.execute("create table names (n int, c regclass)")
    cases: tuple[tuple[str, list[tuple[Any, ...]]], ...] = (
        ("values ('pg_class'::regclass, 2), (null, 1) order by 2 -- a comment\n;", [(None, 1), ("pg_class", 2)]),
        ("/* a comment */ with q as (select 1 as n) select n, n, 'pg_am'::regclass from q", [(1, 1, "pg_am")]),
        (
            "(select 'pg_am'::regclass, 1) union all (select 'pg_class', 2) order by 2 desc",
            [("pg_class", 2), ("pg_am", 1)],
        ),
        ("insert into names values (1, 'pg_am'), (2, null) returning c, n", [("pg_am", 1), (None, 2)]),
        ("with q as (select 3 as n) insert into names select n, 'pg_class' from q returning c", [("pg_class",)]),
        ("update names set n = n + 1 where n = 3 returning *", [(4, "pg_class")]),
        ("table names", [(1, "pg_am"), (2, None), (4, "pg_class")]),
        ("select c from names where n = 4 for update", [("pg_class",)]),
        ("delete from names where n = 4 returning c", [("pg_class",)]),
        ("with gone as (delete from names returning *) select c, n from gone order by n", [("pg_am", 1), (None, 2)]),
    )
    for sql, wanted in cases:
        assert await session.select(sql, schema_type=tuple) == wanted, sql
    result = await session.execute("insert into names values ($1, $2::text::regclass) returning c", 5, "pg_am")
    assert (result.all(), result.rows_affected) in (([{"c": "pg_am"}], 1), ([{"c": "pg_am"}], None))
    found = await session.execute_many("insert into names values ($1, $2) returning c", [(6, "pg_am"), (7, "pg_class")])
    assert found.all() == [{"c": "pg_am"}, {"c": "pg_class"}]


async def test_a_text_only_type_inside_a_composite_is_refused(session: Any) -> None:
    await session.execute("create type owned as (c regclass, n int)")
    for sql in ("select row('pg_class', 1)::owned as v", "select row('pg_class'::regclass) as v"):
        with pytest.raises(DataError, match=r'cannot read column "v" as \w+: .*select it with ::text'):
            await session.select(sql)
    assert await session.select_value("select row('pg_class', 1)::owned::text") == "(pg_class,1)"
    with pytest.raises(DataError, match="holds a type that only the server can parse"):
        await session.select("select $1::owned", {"c": "pg_class", "n": 1})


@needs("sqlstate")
async def test_the_server_sends_no_composite_of_a_type_that_it_cannot_send(session: Any) -> None:
    await session.execute("create type granted as (a aclitem, n int)")
    for sql in ("row('postgres=r/postgres', 1)::granted", "row('postgres=r/postgres'::aclitem)"):
        async with session.transaction():
            with pytest.raises(SQLParsingError, match="no binary output function") as caught:
                async with session.savepoint():
                    await session.select(f"select {sql}")
            assert caught.value.sqlstate == "42883"
    assert (
        await session.select_value("select row('postgres=r/postgres', 1)::granted::text") == "(postgres=r/postgres,1)"
    )


async def test_unreadable_values_are_refused_in_the_same_words(session: Any) -> None:
    for sql, words in (
        ("select 'infinity'::date as d", 'column "d" as date: '),
        ("select array['infinity'::timestamptz] as d", 'column "d" as timestamptz[]: element 1: '),
        ("select row('24:00'::time) as d", 'column "d" as record: field 1: '),
        ("select daterange('infinity', null) as d", 'column "d" as daterange: lower bound: '),
    ):
        with pytest.raises(DataError) as caught:
            await session.select(sql)
        assert str(caught.value).startswith(f"cannot read {words}"), caught.value
        assert caught.value.column == "d"


# -- other parameters that mean the same --------------------------------------------------------------------------


class Mood(Enum):
    SAD = "sad"


class Pair(msgspec.Struct):
    a: int
    b: str = msgspec.field(name="B c")


async def test_other_parameters_for_containers(session: Any) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    from psycopg.types.multirange import Multirange
    from psycopg.types.range import Range as PsycopgRange

    cases: tuple[tuple[str, Any, Any], ...] = (
        ("int4range", asyncpg.Range(1, 3), Range(1, 3)),
        ("int4range", PsycopgRange(1, 3, "[)"), Range(1, 3)),
        ("int4range", PsycopgRange(empty=True), Range.make_empty()),
        ("int4range[]", [asyncpg.Range(1, 3), None], [Range(1, 3), None]),
        ("int4multirange", Multirange([PsycopgRange(1, 3, "[)")]), (Range(1, 3),)),
        ("int4multirange", [Range(1, 3)], (Range(1, 3),)),
        ("int4multirange[]", [(Range(1, 3),), ()], [(Range(1, 3),), ()]),
        ("pair", (1, "x"), {"a": 1, "B c": "x"}),
        ("pair[]", [(1, "x"), {"B c": None, "a": 2}], [{"a": 1, "B c": "x"}, {"a": 2, "B c": None}]),
        ("moods", [Mood.SAD], ["sad"]),
        ("int[]", numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ("vector", numpy.array([1.5, 2.0]), [1.5, 2.0]),
        ("vector", "[1.5,2]", [1.5, 2.0]),
        ("vector[]", [[1.0], numpy.array([2.0], "f4")], [[1.0], [2.0]]),
        ("halfvec", numpy.array([1.5, 2.0], "f2"), [1.5, 2.0]),
        ("path", (((0, 0), (1, 1)), False), Path(((0.0, 0.0), (1.0, 1.0)), False)),
        ("point[]", [(0, 1), (2, 3)], [(0.0, 1.0), (2.0, 3.0)]),
    )
    for kind, value, wanted in cases:
        found = await session.select_value(f"select $1::{kind}", (value,))
        assert same(found, wanted), (kind, found)


async def test_what_containers_refuse(session: Any) -> None:
    for kind, value in (
        ("int4range", Range("a", "b")),
        ("int4range", (1, 2)),
        ("int4range[]", [Range(1, 2**31)]),
        ("pair", {"a": 1}),
        ("pair", {"a": "x", "B c": ""}),
        ("pair[]", [(1, "x", 2)]),
        ("nested", {**NESTED, "d": "5"}),
        ("vector", [1.0, None]),
        ("vector", [1e300]),
        ("sparsevec", [1.0]),
    ):
        with pytest.raises(DataError, match=r"cannot bind parameter \$1 as "):
            await session.select(f"select $1::{kind}", (value,))


async def test_vectors_as_numpy_or_text(flavour: Any, session: Any) -> None:
    async with flavour.make_config(driver_features={"vector_format": "numpy"}).provide_session() as other:
        found = await other.select_value("select $1::vector", ([1.5, 2.0],))
        assert found.dtype == numpy.float32
        assert found.tolist() == [1.5, 2.0]
        (inner,) = await other.select_value("select array[$1::halfvec]", ([0.5],))
        assert inner.dtype == numpy.float32
    async with flavour.make_config(driver_features={"enable_pgvector": False}).provide_session() as other:
        with pytest.raises(DataError):
            await other.select("select $1::vector", ([1.0],))
        if flavour.name != "stub":
            sql = "select $1::vector as v, array[$1::vector] as a, '{1:1}/2'::sparsevec as s"
            assert await other.select_one(sql, "[1,2]") == {"v": "[1,2]", "a": ["[1,2]"], "s": "{1:1}/2"}


# -- types that change under a running program --------------------------------------------------------------------


async def test_a_composite_that_another_program_alters(session: Any, flavour: Any, admin: Any) -> None:
    read, write = "select c from altering", "insert into altering values ($1) returning c"
    await session.execute("create table altering (c pair)")
    await session.execute(write, {"a": 1, "B c": "x"})
    assert await session.select_value(read) == {"a": 1, "B c": "x"}
    admin.execute(f"alter type {flavour.schema}.pair add attribute d date cascade")
    new = {"a": 1, "B c": "x", "d": date(2024, 1, 1)}
    assert await session.select_value(read) == {"a": 1, "B c": "x", "d": None}
    await session.execute(write, new)
    assert await session.select("select c from altering where (c).d is not null") == [{"c": new}]
    admin.execute(f'alter type {flavour.schema}.pair drop attribute "B c" cascade')
    assert await session.select(read) == [{"c": {"a": 1, "d": None}}, {"c": {"a": 1, "d": date(2024, 1, 1)}}]
    await session.execute(write, {"a": 2, "d": None})


async def test_a_parameter_of_a_composite_that_another_program_alters(session: Any, flavour: Any, admin: Any) -> None:
    sql = "select ($1::pair)::text"
    assert await session.select_value(sql, {"a": 1, "B c": "x"}) == "(1,x)"
    admin.execute(f"alter type {flavour.schema}.pair add attribute d date cascade")
    with pytest.raises(DataError):
        await session.select(sql, {"a": 1})
    for given in ({"a": 1, "B c": "x", "d": date(2024, 1, 1)}, (1, "x", date(2024, 1, 1))):
        assert await session.select_value(sql, (given,)) == "(1,x,2024-01-01)"
    admin.execute(f'alter type {flavour.schema}.pair drop attribute "B c" cascade')
    async with session.transaction():
        assert await session.select_value(sql, {"a": 1, "d": None}) == "(1,)"


async def test_a_field_that_the_program_renames(session: Any) -> None:
    sql = "select $1::pair as p, array[$1::pair] as ps"
    old, new = {"a": 1, "B c": "x"}, {"first": 1, "B c": "x"}
    assert await session.select_one(sql, old) == {"p": old, "ps": [old]}
    await session.execute("alter type pair rename attribute a to first")
    assert await session.select_one(sql, new) == {"p": new, "ps": [new]}
    await session.execute_script("alter type pair rename attribute first to a")
    assert await session.select_one(sql, old) == {"p": old, "ps": [old]}
    with pytest.raises(DataError):
        await session.select(sql, new)


async def test_types_that_are_dropped_and_made_anew(session: Any) -> None:
    sql = "select $1::thing as v, array[$1::thing] as a"
    for definition, value in (
        ("as (a int)", {"a": 1}),
        ("as (a text, b vector)", {"a": "x", "b": [1.0]}),
        ("as enum ('x')", "x"),
        ("as range (subtype = int4)", Range(1, 2)),
        ("as (b pair)", {"b": {"a": None, "B c": "x"}}),
    ):
        await session.execute(f"create type thing {definition}")
        for _ in range(2):
            assert await session.select_one(sql, value) == {"v": value, "a": [value]}
        await session.execute("drop type thing")
        with pytest.raises(SQLSpecError):
            await session.select(sql, value)


async def test_all_connections_of_a_config_follow(flavour: Any, session: Any) -> None:
    config = flavour.make_config()
    sql = "select $1::pair"
    old, new = {"a": 1, "B c": "x"}, {"z": 1, "B c": "x"}
    async with config.provide_session() as first, config.provide_session() as second:
        assert await first.select_value(sql, (old,)) == await second.select_value(sql, (old,)) == old
        await first.execute("alter type pair rename attribute a to z")
        assert await first.select_value(sql, (new,)) == await second.select_value(sql, (new,)) == new
