"""What HyperDjango lists as its PostgreSQL features, through a session, on every adapter.

Left out: COPY, which does not exist yet, and its figures of speed.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from typing import Any
from uuid import UUID

import pytest

from sqlspec.exceptions import DataError, QueryTimeoutError
from sqlspec.values import Interval, Range
from tests.integration.harness import FLAVOURS, Flavour, needs

# The stub prepares nothing; it stands for no driver.
DRIVERS = tuple(name for name in FLAVOURS if name != "stub")

# -- Native Type Support ------------------------------------------------------------------------------------------

EAST = timezone(timedelta(hours=2))
TYPES: tuple[tuple[str, str, Any], ...] = (
    ("int2", "-32768", -32768),
    ("int4", "2147483647", 2147483647),
    ("int8", "-9223372036854775808", -9223372036854775808),
    ("float4", "1.5", 1.5),
    ("float8", "0.1", 0.1),
    ("bool", "true", True),
    ("text", "héllo ☃", "héllo ☃"),
    ("varchar", "a", "a"),
    ("char", "a", "a"),
    ("timestamp", "2026-03-01 12:00:00.000001", datetime(2026, 3, 1, 12, 0, 0, 1)),
    ("timestamptz", "2026-03-01 12:00:00+02", datetime(2026, 3, 1, 10, 0, tzinfo=UTC)),
    ("date", "2026-03-01", date(2026, 3, 1)),
    ("time", "23:59:59.999999", time(23, 59, 59, 999999)),
    ("timetz", "12:00:00+02", time(12, 0, tzinfo=EAST)),
    ("interval", "1 day 01:30:00", Interval(days=1, microseconds=5_400_000_000)),
    ("numeric", "12345678901234567890.1234567890", Decimal("12345678901234567890.1234567890")),
    ("uuid", "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
    ("bytea", "\\x00ff", b"\x00\xff"),
    ("json", '{"b":1,"a":[null]}', {"b": 1, "a": [None]}),
    ("jsonb", "[1.5, true]", [1.5, True]),
    ("inet", "10.0.0.1", IPv4Address("10.0.0.1")),
    ("inet", "10.0.0.1/8", IPv4Interface("10.0.0.1/8")),
    ("inet", "::1", IPv6Address("::1")),
    ("cidr", "10.0.0.0/8", IPv4Network("10.0.0.0/8")),
    ("money", "12.34", Decimal("12.34")),
    ("bit(3)", "101", "101"),
    ("varbit", "10101", "10101"),
    ("int[]", "{1,NULL,3}", [1, None, 3]),
    ("text[]", '{a,NULL,"b c"}', ["a", None, "b c"]),
    ("bool[]", "{t,f}", [True, False]),
    ("float8[]", "{1.5,-2}", [1.5, -2.0]),
)


@pytest.mark.parametrize(("name", "text", "value"), TYPES, ids=[f"{name} {text}"[:20] for name, text, _ in TYPES])
async def test_native_type_support(session: Any, name: str, text: str, value: Any) -> None:
    """Each row of its table: what is read, of which class, and that it may be given back."""
    read = await session.select_value(f"select cast('{text}' as {name})")
    assert isinstance(read, type(value))
    assert (read, repr(read)) == (value, repr(value))
    assert await session.select_value(f"select $1::{name}::text = cast('{text}' as {name})::text", (value,))


# -- JSONB --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def configs(session: Any) -> None:
    await session.execute("create table configs (id int primary key generated always as identity, settings jsonb)")
    await session.execute_many(
        "insert into configs (settings) values ($1)",
        [{"theme": "dark", "lang": "en"}, {"theme": "light"}, {"display": {"font_size": "12"}}, None],
    )


async def test_jsonb_is_parsed(session: Any, configs: None) -> None:
    rows = await session.select("SELECT * FROM configs WHERE settings->>'theme' = $1", "dark")
    assert rows == [{"id": 1, "settings": {"theme": "dark", "lang": "en"}}]
    assert await session.select_value("select settings from configs where id = 4") is None


JSONB_LOOKUPS: dict[str, tuple[str, tuple[Any, ...], list[int]]] = {
    "has key": ("settings ? $1", ("theme",), [1, 2]),
    "key-value match": ("settings->>'theme' = $1", ("dark",), [1]),
    "contains": ("settings @> $1::jsonb", ('{"theme": "dark"}',), [1]),
    "contains, given a dict": ("settings @> $1", ({"theme": "dark"},), [1]),
    "contained by": ("settings <@ $1::jsonb", ('{"theme":"dark","lang":"en"}',), [1]),
    "any of the keys": ("settings ?| ARRAY['theme', 'lang']", (), [1, 2]),
    "all of the keys": ("settings ?& ARRAY['theme', 'lang']", (), [1]),
    "a jsonpath": ("settings @? '$.display.font_size'", (), [3]),
    "a jsonpath that compares": ("settings @@ '$.theme == \"dark\"'", (), [1]),
}


@pytest.mark.parametrize("case", JSONB_LOOKUPS)
async def test_jsonb_lookups(session: Any, configs: None, case: str) -> None:
    condition, parameters, expected = JSONB_LOOKUPS[case]
    sql = f"SELECT id FROM configs WHERE {condition} ORDER BY id"
    assert await session.select(sql, parameters, schema_type=int) == expected


async def test_nested_key_access(session: Any, configs: None) -> None:
    sql = "SELECT settings->'display'->>'font_size' FROM configs WHERE id = $1"
    assert await session.select_value(sql, 3) == "12"


# -- Arrays -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def articles(session: Any) -> None:
    await session.execute(
        "CREATE TABLE IF NOT EXISTS articles (id SERIAL PRIMARY KEY, tags TEXT[], title text, content text)"
    )
    await session.execute("INSERT INTO articles (tags) VALUES ($1)", ["python", "web", "async"])
    await session.execute("INSERT INTO articles (tags) VALUES ($1)", ["rust"])
    await session.execute("INSERT INTO articles (tags) VALUES ($1)", ["python", "rust", "c", "zig"])
    await session.execute("INSERT INTO articles (tags) VALUES ($1)", [])


ARRAY_LOOKUPS: dict[str, tuple[str, tuple[Any, ...], list[int]]] = {
    "contains element": ("$1 = ANY(tags)", ("python",), [1, 3]),
    "contains": ("tags @> ARRAY[$1]", ("python",), [1, 3]),
    "superset": ("tags @> ARRAY[$1, $2]", ("python", "web"), [1]),
    "superset of a list": ("tags @> $1", (["python", "web"],), [1]),
    "overlap": ("tags && ARRAY[$1, $2]", ("web", "rust"), [1, 2, 3]),
    "length": ("array_length(tags, 1) > $1", (3,), [3]),
}


@pytest.mark.parametrize("case", ARRAY_LOOKUPS)
async def test_array_lookups(session: Any, articles: None, case: str) -> None:
    condition, parameters, expected = ARRAY_LOOKUPS[case]
    sql = f"SELECT id FROM articles WHERE {condition} ORDER BY id"
    assert await session.select(sql, parameters, schema_type=int) == expected


async def test_unnest(session: Any, articles: None) -> None:
    rows = await session.select("SELECT DISTINCT unnest(tags) as tag FROM articles ORDER BY tag")
    assert [row["tag"] for row in rows] == ["async", "c", "python", "rust", "web", "zig"]
    assert await session.select_value("select tags from articles where id = 4") == []


# -- Full-text search ---------------------------------------------------------------------------------------------


async def test_full_text_search(session: Any, articles: None) -> None:
    # Create search index
    await session.execute("""
        ALTER TABLE articles ADD COLUMN IF NOT EXISTS
        search_vector tsvector GENERATED ALWAYS AS (
            to_tsvector('english', coalesce(title, '') || ' ' || coalesce(content, ''))
        ) STORED
    """)
    await session.execute("CREATE INDEX IF NOT EXISTS idx_articles_search ON articles USING gin(search_vector)")
    await session.execute_many(
        "insert into articles (title, content) values (:title, :content)",
        [
            {"title": "Async", "content": "Python for the web, async and fast. Python runs the web."},
            {"title": "Cooking", "content": "Nothing about snakes."},
            {"title": "Notes", "content": "A web page on async Python."},
        ],
    )

    # Search
    results = await session.select(
        "SELECT * FROM articles WHERE search_vector @@ plainto_tsquery('english', $1) "
        "ORDER BY ts_rank(search_vector, plainto_tsquery('english', $1)) DESC",
        "python async web",
    )
    assert [row["title"] for row in results] == ["Async", "Notes"]
    assert results[1]["search_vector"] == "'async':6 'note':1 'page':4 'python':7 'web':3"

    # Headline (highlighted results)
    results = await session.select(
        "SELECT *, ts_headline('english', content, plainto_tsquery('english', $1)) as headline "
        "FROM articles WHERE search_vector @@ plainto_tsquery('english', $1) ORDER BY id DESC",
        "python",
    )
    assert results[0]["headline"] == "A web page on async <b>Python</b>."


# -- UNLOGGED Tables ----------------------------------------------------------------------------------------------


async def test_unlogged_tables(session: Any) -> None:
    await session.execute("""
        CREATE UNLOGGED TABLE hyper_cache (
            key VARCHAR(255) PRIMARY KEY,
            value BYTEA,
            expires_at TIMESTAMPTZ
        );
    """)
    assert await session.select_value("select relpersistence from pg_class where oid = 'hyper_cache'::regclass") == "u"
    upsert = """
        insert into hyper_cache values (:key, :value, now() + :keep)
        on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at
    """
    for value in (b"one", b"\x00two"):
        await session.execute(upsert, key="k", value=value, keep=timedelta(minutes=5))
    found = "select value from hyper_cache where key = $1 and expires_at > now()"
    assert await session.select_value_or_none(found, "k") == b"\x00two"
    assert await session.select_value_or_none(found, "other") is None


# -- LISTEN/NOTIFY ------------------------------------------------------------------------------------------------


@needs("listen")
async def test_listen_notify(session: Any, config: Any) -> None:
    async with config.listen("chat:room1") as messages:
        await session.notify("chat:room1", json.dumps({"user": "Alice", "text": "Hello!"}))
        message = await asyncio.wait_for(anext(aiter(messages)), 10)
    assert (message.channel, json.loads(message.payload)) == ("chat:room1", {"user": "Alice", "text": "Hello!"})


@pytest.mark.only("pyro", "pyro-sync")
async def test_listen_notify_by_another_driver(flavour: Flavour) -> None:
    config = flavour.make_config(driver_features={"listen_with": "psycopg"})
    async with config.listen("chat:room1") as messages, config.provide_session() as session:
        await session.notify("chat:room1", "Hello!")
        message = await asyncio.wait_for(anext(aiter(messages)), 10)
    assert message.payload == "Hello!"


# -- Custom Enum Types --------------------------------------------------------------------------------------------


class Mood(Enum):
    HAPPY = "happy"
    SAD = "sad"


async def test_custom_enum_types(session: Any) -> None:
    """Without any registration."""
    await session.execute("CREATE TYPE mood AS ENUM ('happy', 'sad', 'neutral')")
    await session.execute("create table users (id int primary key, current_mood mood, past mood[])")
    await session.execute("insert into users values ($1, $2, $3)", 1, "happy", ["sad", None, "happy"])
    row = await session.select_one("SELECT current_mood, past FROM users WHERE id = $1", 1)
    assert row == {"current_mood": "happy", "past": ["sad", None, "happy"]}
    assert type(row["current_mood"]) is str
    assert await session.select("select id from users where current_mood = $1", Mood.HAPPY, schema_type=int) == [1]


@needs("sqlstate")
async def test_a_label_that_an_enum_type_does_not_have(session: Any) -> None:
    await session.execute("CREATE TYPE mood AS ENUM ('happy', 'sad', 'neutral')")
    with pytest.raises(DataError, match="angry"):
        await session.select_value("select $1::mood", "angry")
    assert await session.select_value("select enum_range(null::mood)") == ["happy", "sad", "neutral"]


# -- Connection Pipelining ----------------------------------------------------------------------------------------


async def test_connection_pipelining(session: Any) -> None:
    await session.execute_script("""
        create table users (id int primary key, name text); insert into users values (1, 'Ada'), (2, 'Kim');
        create table orders (id int); insert into orders select generate_series(1, 7);
    """)
    # The parameters are tuples: a list for a single placeholder is its value, as an array.
    results = await session.execute_stack(
        [
            ("SELECT * FROM users WHERE id = $1", (1,)),
            ("SELECT * FROM users WHERE id = $1", (2,)),
            ("SELECT COUNT(*) FROM orders", ()),
        ]
    )
    assert [result.all() for result in results] == [
        [{"id": 1, "name": "Ada"}],
        [{"id": 2, "name": "Kim"}],
        [{"count": 7}],
    ]


# -- Prepared Statement Caching -----------------------------------------------------------------------------------


@pytest.mark.only(*DRIVERS)
async def test_prepared_statement_caching(session: Any) -> None:
    sql = "select n from generate_series(1, 3) as n where n = $1"
    for number in (1, 2, 3):
        assert await session.select_value(sql, number) == number
    seen = await session.select(
        "select generic_plans + custom_plans as runs from pg_prepared_statements where statement = $1 "
        "and generic_plans + custom_plans > 0",
        sql,
    )
    assert len(seen) == 1, "prepared once"
    assert seen[0]["runs"] == 3


# -- Statement Timeout --------------------------------------------------------------------------------------------

TIMEOUTS: dict[str, dict[str, Any]] = {
    "key": {"statement_timeout": 0.03},
    "text": {"statement_timeout": "30ms"},
    "setting": {"session_settings": {"statement_timeout": "30ms"}},
    "options": {"options": "-c statement_timeout=30"},
}


@needs("sqlstate")
@pytest.mark.parametrize("given", TIMEOUTS)
async def test_statement_timeout(flavour: Flavour, given: str) -> None:
    async with flavour.make_config(TIMEOUTS[given]).provide_session() as session:
        with pytest.raises(QueryTimeoutError):
            await session.select("select pg_sleep(30)")
        assert await session.select_value("show statement_timeout") == "30ms"


async def test_statement_timeout_in_the_dsn(flavour: Flavour, dsn: str) -> None:
    joint = "&" if "?" in dsn else "?"
    config = flavour.make_config(dsn=f"{dsn}{joint}options=-c%20statement_timeout%3D30000")
    async with config.provide_session() as session:
        assert await session.select_value("show statement_timeout") == "30s"


# -- Range Types --------------------------------------------------------------------------------------------------


async def test_range_types(session: Any) -> None:
    # Integer range
    await session.execute("CREATE TABLE events (id SERIAL PRIMARY KEY, during INT4RANGE)")
    await session.execute("INSERT INTO events (during) VALUES ('[1, 10)')")
    await session.execute("INSERT INTO events (during) VALUES ($1)", Range(20, None))

    # Contains value: the server takes a bare $1 for a range
    assert await session.select("SELECT id FROM events WHERE during @> $1::int", 5, schema_type=int) == [1]
    assert await session.select("SELECT id FROM events WHERE during @> $1", Range(21, 30), schema_type=int) == [2]
    assert await session.select("select during from events order by id", schema_type=Range) == [
        Range(1, 10),
        Range(20, None),
    ]

    # Date range
    await session.execute("CREATE TABLE bookings (id SERIAL PRIMARY KEY, dates DATERANGE)")
    march = Range(date(2026, 3, 1), date(2026, 4, 1))
    await session.execute("insert into bookings (dates) values ($1)", march)
    start, end = date(2026, 3, 31), date(2026, 5, 1)
    rows = await session.select("SELECT * FROM bookings WHERE dates && daterange($1, $2)", start, end)
    assert rows == [{"id": 1, "dates": march}]
    assert await session.select("SELECT * FROM bookings WHERE dates && daterange($1, $2)", end, None) == []
