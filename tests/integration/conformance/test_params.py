"""Parameters: every placeholder style, every way of giving values, and text that stays as written."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from sqlspec import SQL
from sqlspec.exceptions import DataError, ParameterError, SQLParsingError, SQLSpecError
from tests.integration.harness import FLAVOURS

POSITIONAL = {
    "numeric": "select $1::int as a, $2::text as b",
    "format": "select %s::int as a, %s::text as b",
    "qmark": "select ?::int as a, ?::text as b",
}
NAMED = {
    "named": "select :a::int as a, :b::text as b",
    "pyformat": "select %(a)s::int as a, %(b)s::text as b",
}
WANTED = [{"a": 5, "b": "x"}]

positional = pytest.mark.parametrize("sql", POSITIONAL.values(), ids=POSITIONAL)
named = pytest.mark.parametrize("sql", NAMED.values(), ids=NAMED)


# -- every way of giving them -------------------------------------------------------------------------------


@positional
async def test_positional_values_come_as_arguments_or_as_one_sequence(session: Any, sql: str) -> None:
    assert await session.select(sql, 5, "x") == WANTED
    assert await session.select(sql, (5, "x")) == WANTED
    assert await session.select(sql, [5, "x"]) == WANTED


@named
async def test_named_values_come_as_one_mapping_or_as_keywords(session: Any, sql: str) -> None:
    assert await session.select(sql, {"a": 5, "b": "x"}) == WANTED
    assert await session.select(sql, {"b": "x", "a": 5}) == WANTED
    assert await session.select(sql, OrderedDict(b="x", a=5)) == WANTED
    assert await session.select(sql, MappingProxyType({"a": 5, "b": "x"})) == WANTED
    assert await session.select(sql, a=5, b="x") == WANTED


@pytest.mark.parametrize("sql", [*POSITIONAL.values(), *NAMED.values()], ids=[*POSITIONAL, *NAMED])
async def test_values_come_with_the_sql_object(session: Any, sql: str) -> None:
    statement = SQL(sql, a=5, b="x") if sql in NAMED.values() else SQL(sql, 5, "x")
    assert await session.select(statement) == WANTED


async def test_every_method_takes_every_way(session: Any) -> None:
    for sql, ways in (
        ("select $1::int as n", [((5,), {}), (((5,),), {})]),
        ("select :n::int as n", [(({"n": 5},), {}), ((), {"n": 5})]),
    ):
        for args, keywords in ways:
            assert await session.select(sql, *args, **keywords) == [{"n": 5}]
            assert await session.select_one(sql, *args, **keywords) == {"n": 5}
            assert await session.select_one_or_none(sql, *args, **keywords) == {"n": 5}
            assert await session.select_value(sql, *args, **keywords) == 5
            assert await session.select_value_or_none(sql, *args, **keywords) == 5
            assert (await session.execute(sql, *args, **keywords)).all() == [{"n": 5}]


async def test_a_lone_tuple_is_always_the_sequence(session: Any) -> None:
    assert await session.select_value("select $1::int", (5,)) == 5
    with pytest.raises(ParameterError, match="1 parameter expected: 2 given"):
        await session.select_value("select $1::int[]", (1, 2))
    assert await session.select_value("select $1::int[]", ((1, 2),)) == [1, 2]


async def test_a_lone_list_is_the_value_of_a_single_placeholder(session: Any) -> None:
    for count in (0, 1, 2, 3):
        values = list(range(count))
        assert await session.select_value("select $1::int[]", values) == values
    assert await session.select_value("select $1::int + $2::int", [1, 2]) == 3
    with pytest.raises(ParameterError):
        await session.select_value("select $1::int + $2::int", [1])


async def test_a_lone_dict_is_a_value_when_placeholders_are_positional(session: Any) -> None:
    document = {"a": 1, "b": [2]}
    assert await session.select_value("select $1::jsonb", document) == document
    assert await session.select_value("select %s::jsonb", {}) == {}


async def test_other_containers_are_one_value(session: Any) -> None:
    numpy = pytest.importorskip("numpy")
    assert await session.select_value("select $1::int[]", numpy.array([1, 2, 3])) == [1, 2, 3]
    assert await session.select_value("select $1::jsonb", Point(1, 2)) == {"x": 1, "y": 2}
    assert await session.select_value("select $1::jsonb", Data(1)) == {"x": 1}


class Point(msgspec.Struct):
    x: int
    y: int


@dataclass
class Data:
    x: int


async def test_one_placeholder_may_stand_in_several_places(session: Any) -> None:
    assert await session.select_value("select $1::int + $1::int * $2::int", 2, 3) == 8
    assert await session.select_value("select $2::int - $1::int", 2, 3) == 1
    assert await session.select_value("select :a::int + :a::int * :b::int", a=2, b=3) == 8
    assert await session.select_value("select %(a)s::int + %(a)s::int", {"a": 2}) == 4


async def test_more_than_nine_placeholders(session: Any) -> None:
    numbers = list(range(1, 13))
    parts = [f"${n}::int" for n in numbers]
    assert await session.select_value(f"select array[{', '.join(parts)}]", numbers) == numbers
    marks = ", ".join(["?::int"] * 12)
    assert await session.select_value(f"select array[{marks}]", numbers) == numbers
    fields = ", ".join(f":p{n}::int" for n in numbers)
    assert await session.select_value(f"select array[{fields}]", {f"p{n}": n for n in reversed(numbers)}) == numbers


async def test_names_that_are_options_of_the_call_need_a_mapping(session: Any) -> None:
    sql = "select :timeout::int + :schema_type::int"
    assert await session.select_value(sql, {"timeout": 1, "schema_type": 2}) == 3
    with pytest.raises(ParameterError, match="pass a mapping, because timeout= is an option of the call"):
        await session.select_value("select :timeout::int", timeout=1)
    assert await session.select_value("select :sql::text || :self::text", sql="a", self="b") == "ab"


@pytest.mark.parametrize("sql", ["select 1", "select :a::int", "select $1::int"])
async def test_a_call_without_a_schema_type_says_which_one_takes_it(session: Any, untouched: Any, sql: str) -> None:
    async with untouched(session):
        for method, other in (("select_value", "select_one"), ("select_value_or_none", "select_one_or_none")):
            words = rf"{method}\(\): it takes no schema_type; use {other}\(\)"
            with pytest.raises(ParameterError, match=words) as caught:
                await getattr(session, method)(sql, schema_type=int, **({"a": 1} if ":a" in sql else {}))
            assert caught.value.sql == sql
    assert await session.select_one("select 1", schema_type=int) == 1
    assert await session.select_value("select :schema_type::int", schema_type=1) == 1


async def test_a_null_parameter_in_every_style(session: Any) -> None:
    for sql in ("select $1::int", "select %s::int", "select ?::int"):
        assert await session.select_value(sql, None) is None
        assert await session.select_value(sql, (None,)) is None
    assert await session.select_value("select :a::int", a=None) is None


# -- values that do not fit are refused before anything is sent ---------------------------------------------


MISFITS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("select 1", (5,), {}, r"1 parameter given: the statement has no placeholders \(what stands in quotes is text\)"),
    ("select 1", (), {"a": 5}, r"keyword parameters given \(a\): the statement has no placeholders"),
    ("select $1::int", (), {}, "1 parameter expected: 0 given"),
    ("select $1::int", (1, 2), {}, "1 parameter expected: 2 given"),
    ("select $1::int", ((),), {}, "1 parameter expected: 0 given"),
    ("select $1::int, $2::int", (1,), {}, "2 parameters expected: 1 given"),
    ("select $1::int, $2::int", ([1, 2, 3],), {}, "2 parameters expected: 3 given"),
    ("select $2::int", (1,), {}, "2 parameters expected: 1 given"),
    ("select $1::int", (), {"a": 5}, "the statement has positional placeholders"),
    ("select %s::int, %s::int", (1,), {}, "2 parameters expected: 1 given"),
    ("select ?::int", (1, 2), {}, "1 parameter expected: 2 given"),
    ("select :a::int", (), {}, "missing parameters: a"),
    ("select :a::int", (), {"b": 1}, "missing parameters: a"),
    ("select :a::int", ({"a": 1, "b": 2},), {}, "unused parameters: b"),
    ("select :a::int", (), {"a": 1, "b": 2}, "unused parameters: b"),
    ("select :a::int", (5,), {}, r"parameters without names given.*\(a\)"),
    ("select :a::int", ((5,),), {}, "parameters without names given"),
    ("select :a::int", ({"a": 1},), {"a": 1}, "a mapping and keyword parameters given"),
    ("select %(a)s::int", ({},), {}, "missing parameters: a"),
]


async def test_a_wrong_count_or_name_is_refused_before_sending(session: Any, untouched: Any) -> None:
    async with untouched(session):
        for sql, args, keywords, words in MISFITS:
            for method in (session.select, session.select_one, session.select_value, session.execute):
                with pytest.raises(ParameterError, match=words) as caught:
                    await method(sql, *args, **keywords)
                assert caught.value.sql == sql
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select $1::int, :a::int",
        "select %s::int, %(a)s::int",
        "select :a::int, %s::int",
    ],
)
async def test_two_styles_in_one_statement_are_refused_by_position(session: Any, untouched: Any, sql: str) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match=r"1:8.*1:\d+"):
            await session.select(sql, 1, 2)


@pytest.mark.parametrize("sql", ["select 'abc", 'select "abc', "select /* abc", "select $x$ abc", "select e'\\'"])
async def test_what_is_not_closed_is_refused_before_sending(session: Any, untouched: Any, sql: str) -> None:
    async with untouched(session):
        with pytest.raises(SQLParsingError):
            await session.select(sql)


@pytest.mark.parametrize("sql", ["select 1\0", "select 'a\0b'", "select 1; \0", "select '\ud800'", "select 'ä\udfff'"])
async def test_characters_that_cannot_be_sent_are_refused(session: Any, untouched: Any, sql: str) -> None:
    async with untouched(session):
        for call in (session.select, session.execute_script):
            with pytest.raises(SQLParsingError, match=r"(NUL|surrogate).* at 1:"):
                await call(sql)


MOST = {"asyncpg": 32767, "psqlpy": 32767}


@pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))  # its own PREPARE takes half a minute
async def test_more_parameters_than_can_be_sent_are_refused(session: Any, config: Any) -> None:
    most = MOST.get(config.spec.name, 65535)
    for count in (most, most + 1, 65536):
        sql = f"select cardinality(array[{'?::int, ' * (count - 1)}?::int])"
        if count == most:
            assert await session.select_value(sql, (0,) * count) == count
            continue
        with pytest.raises(ParameterError, match="^cannot send the parameters: the statement has .*arrays"):
            await session.select_value(sql, (0,) * count)
    assert await session.select_value("select 1") == 1


async def test_an_sql_object_brings_its_own_parameters(session: Any, untouched: Any) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match="the SQL object has parameters of its own"):
            await session.select(SQL("select $1::int", 1), 2)
        with pytest.raises(SQLParsingError, match="must be a str or SQL"):
            await session.select(b"select 1")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), True, "1"])
async def test_a_timeout_must_be_positive(session: Any, untouched: Any, timeout: Any) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match="timeout must be a positive number"):
            await session.select("select 1", timeout=timeout)


async def test_no_message_holds_a_value(session: Any) -> None:
    secret = "s3cret-value"
    calls = [
        ("select $1::text, $2::text", (secret,), {}),
        ("select :a::text", (secret,), {}),
        ("select :a::text", (), {"b": secret}),
        ("select $1::int", (secret,), {}),
        ("select $1::date", (secret,), {}),
        ("select $1::uuid", (secret,), {}),
        ("select $1::bytea", (secret,), {}),
    ]
    for sql, args, keywords in calls:
        with pytest.raises(SQLSpecError) as caught:
            await session.select(sql, *args, **keywords)
        error: BaseException | None = caught.value
        while error is not None:
            assert secret not in str(error), sql
            error = error.__cause__


# -- the server infers the types ----------------------------------------------------------------------------


async def test_types_come_from_the_server_and_not_from_the_value(session: Any) -> None:
    assert await session.select_value("select $1", "text") == "text"
    assert await session.select_value("select pg_typeof(x)::text from (select $1 as x) as q", "x") == "text"
    assert await session.select_value("select 1 + $1", 2) == 3
    assert await session.select_value("select $1 || 'b'", "a") == "ab"
    assert await session.select_value("select $1 - date '2020-01-01'", date(2020, 1, 4)) == 3
    await session.execute("create table typed (small int2, big int8, note varchar(5))")
    await session.execute("insert into typed values ($1, $2, $3)", 1, 2, "abc")
    assert await session.select("select * from typed where small = $1 and big = $2", 1, 2) == [
        {"small": 1, "big": 2, "note": "abc"}
    ]


async def test_the_same_text_may_mean_other_types_on_another_connection(config: Any) -> None:
    sql = "insert into local values ($1) returning n, pg_typeof(n)::text as kind"
    async with config.provide_session() as first, config.provide_session() as second:
        await first.execute("create temp table local (n int8)")
        await second.execute("create temp table local (n float8)")
        assert await first.select_one(sql, 2**60) == {"n": 2**60, "kind": "bigint"}
        assert await second.select_one(sql, 0.5) == {"n": 0.5, "kind": "double precision"}
        assert await first.select_one(sql, 3) == {"n": 3, "kind": "bigint"}


async def test_a_changed_column_type_is_noticed_by_the_next_statement(config: Any) -> None:
    async with config.provide_session() as session, config.provide_session() as other:
        await session.execute("create table drift (n int8)")
        insert, read = "insert into drift values ($1)", "select * from drift"
        await session.execute(insert, 7)
        assert await session.select(read) == [{"n": 7}]
        await other.execute("alter table drift alter n type float8, add note text default 'x'")
        assert await session.select(read) == [{"n": 7.0, "note": "x"}]
        # The statement was prepared for int8: its parameter stays one, and is refused or converted, never reread.
        await session.execute(insert, 2**53 - 1)
        with contextlib.suppress(DataError):
            await session.execute(insert, 1.5)
        assert set(await session.select("select n from drift", schema_type=float)) <= {7, 2**53 - 1, 1.5}


# -- text is sent as written --------------------------------------------------------------------------------

LITERALS = [
    "$1",
    "a $1 b $2",
    ":name",
    "%s",
    "%(name)s",
    "%%",
    "100%",
    "?",
    "??",
    "it''s $1",
    "-- not a comment $1",
    "/* nor this :a */",
    "back\\slash ?",
    "ünïcödé ☃ $1",
    "line\nbreak ?",
    "{brace} {0}",
    "::int",
    "$$",
]


async def test_a_literal_that_looks_like_a_placeholder_stays(session: Any) -> None:
    for text in LITERALS:
        wanted = {"a": text.replace("''", "'"), "b": 5}
        assert await session.select_value(f"select '{text}'") == wanted["a"]
        assert await session.select_one(f"select '{text}' as a, $1::int as b", 5) == wanted
        assert await session.select_one(f"select '{text}' as a, :b::int as b", b=5) == wanted
        assert await session.select_one(f"select '{text}' as a, ?::int as b", 5) == wanted


VERBATIM = [
    "select current_query() -- $1 :a %s ? it's",
    "select /* ?, :a, %s, /* nested $1 */ */ current_query()",
    "  select\tcurrent_query()  ;  ",
    'SeLeCt current_query() AS "a:b $1 ? %s"',
    "select current_query(), $x$ $1 :a ? %s $x$, $$ '$1' $$",
    "select current_query(), e'\\'$1', u&'\\0061 ?', b'101', x'1F'",
    "select current_query(), '{\"a\":1}'::jsonb ? 'a', '{\"a\":1}'::jsonb ?| array['a'], 7 % 4",
    "select current_query(), (array[1,2,3])[1:2], 1::int::text",
    "select current_query(), 1_000_000, 0xFF, 1e-3, .5",
    "select current_query(), interval '1-2' year to month, timestamp '2020-01-01' at time zone 'utc'",
    "select current_query() where point(1,2) <-> point(3,4) > 0 and not 'a' ~* 'b'",
    "select current_query(), row(1,2) = row(1,2), 1 operator(pg_catalog.+) 2",
    "select current_query(), '[1,2]'::jsonb @? '$[*] ? (@ > 1)', '{1,2}'::int[] <@ array[1,2,3]",
    "select current_query() from rows from (generate_series(1, 1)) with ordinality as t(a, b)",
    "select current_query(), substring('abc' from 2 for 1), overlay('abc' placing 'x' from 2)",
    "with recursive t(n) as (values (1)) select current_query(), n from t limit 1",
]


async def test_a_text_without_parameters_goes_verbatim(session: Any) -> None:
    for sql in VERBATIM:
        assert await session.execute(sql).scalar() == sql


async def test_only_placeholders_change_in_a_text_with_parameters(session: Any) -> None:
    cases = {
        "select current_query(), :a::int /* :a */, ':a'": "select current_query(), $1::int /* :a */, ':a'",
        "select current_query(), %s::int, '%s', 7 %% 4": "select current_query(), $1::int, '%s', 7 % 4",
        "select current_query(), ?::int, '?'": "select current_query(), $1::int, '?'",
        "select current_query(), '[1]'::jsonb ?? 'a', ?::int": "select current_query(), '[1]'::jsonb ? 'a', $1::int",
        "select current_query(),$1::int,'$1' --$1": "select current_query(),$1::int,'$1' --$1",
        "select current_query(), '{}'::jsonb ? 'a', $1::int": "select current_query(), '{}'::jsonb ? 'a', $1::int",
    }
    for sql, sent in cases.items():
        values = {"a": 1} if ":a::" in sql else (1,)
        assert (await session.execute(sql, values)).scalar() == sent


async def test_a_very_long_text_and_value(session: Any) -> None:
    text = "x" * 20_000
    assert await session.select_value(f"select '{text}' || $1", "y") == text + "y"
    assert await session.select_value("select length($1)", "z" * 3_000_000) == 3_000_000
