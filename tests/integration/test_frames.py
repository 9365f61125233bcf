"""What a repeated statement costs, in facts that do not depend on the machine: frames, caches, memory.

Durations are benchmark output. Frames, entries and bytes are counted here.
"""

from __future__ import annotations

import gc
import itertools
import sys
import tracemalloc
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import sqlspec
from sqlspec.core.plan import Compiler
from sqlspec.driver import _statements
from sqlspec.postgres.codec import registry
from tests.integration.harness import FLAVOURS, Flavour

OURS = (str(Path(sqlspec.__file__).parent), "<sqlspec")
MOST_ASYNC, MOST_SYNC = 5, 4
MOST_FOR_A_CHECKOUT = 13
MOST_FOR_A_TRANSACTION = {
    "asyncpg": 20,
    "psycopg": 25,
    "psycopg-sync": 25,
    "psqlpy": 23,
    "pyro": 26,
    "pyro-sync": 24,
}

WAYS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "value": ("select $1::int4 as id, 'x' as name", (5,), {}),
    "tuple": ("select $1::int4 as id, 'x' as name", ((5,),), {}),
    "mapping": ("select :id::int4 as id, 'x' as name", ({"id": 5},), {}),
    "keyword": ("select :id::int4 as id, 'x' as name", (), {"id": 5}),
}
ROWS = [{"id": 5, "name": "x"}]


class Frames:
    """Collects the distinct frames of ours that are entered while it is switched on."""

    def __init__(self) -> None:
        self.frames: dict[int, types.FrameType] = {}

    def __call__(self, frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            self.frames[id(frame)] = frame  # held, so that no other frame gets its address

    def names(self) -> list[str]:
        # `Shielded` stands for `asyncio.shield`, whose own frames, and a turn of the event loop besides, cost more.
        names = [frame.f_code.co_qualname for frame in self.frames.values()]
        return [name for name in names if not name.startswith("Shielded.")]


@pytest.fixture
def frames() -> Iterator[Frames]:
    collected = Frames()
    yield collected
    sys.setprofile(None)


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
@pytest.mark.parametrize("way", WAYS)
async def test_an_async_select_enters_few_frames(session: Any, frames: Frames, way: str) -> None:
    sql, args, named = WAYS[way]
    for _ in range(3):
        assert await session.select(sql, *args, **named) == ROWS
    sys.setprofile(frames)
    rows = await session.select(sql, *args, **named)
    sys.setprofile(None)
    assert rows == ROWS
    assert 1 <= len(frames.names()) <= MOST_ASYNC, frames.names()


@pytest.mark.only("psycopg-sync", "pyro-sync")
@pytest.mark.parametrize("way", WAYS)
def test_a_sync_select_enters_few_frames(flavour: Flavour, frames: Frames, way: str) -> None:
    sql, args, named = WAYS[way]
    config = flavour.make_config()._target
    with config.provide_session() as session:
        for _ in range(3):
            assert session.select(sql, *args, **named) == ROWS
        sys.setprofile(frames)
        rows = session.select(sql, *args, **named)
        sys.setprofile(None)
    assert rows == ROWS
    assert 1 <= len(frames.names()) <= MOST_SYNC, frames.names()


class Row(msgspec.Struct):
    id: int
    name: str


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_frames_do_not_grow_with_rows(session: Any, frames: Frames) -> None:
    sql = "select n as id, 'x' as name from generate_series(1, $1::int4) as n"
    counts = []
    for count in (100, 1000):
        await session.select(sql, count, schema_type=Row)
        frames.frames.clear()
        sys.setprofile(frames)
        rows = await session.select(sql, count, schema_type=Row)
        sys.setprofile(None)
        assert len(rows) == count
        counts.append(len(frames.names()))
    # One more than for a single row: the comprehension of the mapper, before CPython 3.12.
    assert counts[0] == counts[1] <= MOST_ASYNC + 1, frames.names()


async def _transaction(session: Any) -> None:
    async with session.transaction():
        pass


async def _checkout(config: Any) -> None:
    async with config.provide_session():
        pass


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_async_scopes_enter_few_frames(flavour: Flavour, frames: Frames) -> None:
    config = flavour.make_config()
    async with config.provide_session() as session:
        await _transaction(session)
        sys.setprofile(frames)
        await _transaction(session)
        sys.setprofile(None)
    assert 1 <= len(frames.names()) <= MOST_FOR_A_TRANSACTION[flavour.name], frames.names()
    await _checkout(config)
    frames.frames.clear()
    sys.setprofile(frames)
    await _checkout(config)
    sys.setprofile(None)
    assert 1 <= len(frames.names()) <= MOST_FOR_A_CHECKOUT, frames.names()


@pytest.mark.only("psycopg-sync", "pyro-sync")
def test_sync_scopes_enter_few_frames(flavour: Flavour, frames: Frames) -> None:
    config = flavour.make_config()._target
    with config.provide_session() as session:
        for profile in (None, frames):
            sys.setprofile(profile)
            with session.transaction():
                pass
            sys.setprofile(None)
    assert 1 <= len(frames.names()) <= MOST_FOR_A_TRANSACTION[flavour.name], frames.names()
    frames.frames.clear()
    sys.setprofile(frames)
    with config.provide_session():
        pass
    sys.setprofile(None)
    assert 1 <= len(frames.names()) <= MOST_FOR_A_CHECKOUT, frames.names()


# -- the statement cache -------------------------------------------------------------------------------------


def test_ten_thousand_statements_leave_the_cache_at_its_bound() -> None:
    compiler = Compiler()

    def compile_some(numbers: range) -> None:
        for number in numbers:
            compiler.plan(f"select a, b, c_{number} from t where id = :id and x > {number}")

    compile_some(range(3000))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        compile_some(range(3000, 5000))
        gc.collect()
        first = tracemalloc.get_traced_memory()[0] - before
        compile_some(range(5000, 10_000))
        gc.collect()
        second = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert compiler.max_entries * 3 // 4 <= len(compiler.plans) <= compiler.max_entries
    assert "select a, b, c_9999 from t where id = :id and x > 9999" in compiler.plans
    assert second < first + 1_000_000


def test_a_text_beyond_the_bound_is_not_kept() -> None:
    compiler = Compiler(max_text=100)
    text = f"select '{'x' * 100}'"
    assert compiler.plan(text).sql == text
    assert compiler.plan(text) is not compiler.plan(text)
    assert not compiler.plans
    assert compiler.plan("select 1") is compiler.plan("select 1")


@pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))
async def test_statements_on_the_server_are_bounded(session: Any, flavour: Flavour) -> None:
    config = flavour.make_config(statement_cache_size=50)
    count = "select count(*) from pg_prepared_statements"
    async with config.provide_session() as own:
        for number in range(250):
            assert await own.select_value(f"select $1::int4 + {number}", 1) == number + 1
            if number % 97 == 0:
                assert await own.select_value(count) <= 50 + 20
        gc.collect()
        assert await own.select_value(count) <= 50 + 20
        # A statement that is used all the time survives, and one that was evicted is prepared again.
        assert await own.select_value("select $1::int4 + 0", 1) == 1


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro")
async def test_memory_is_flat_over_many_statements(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bounds that 600 statements do not reach would look like a leak.
    monkeypatch.setattr(_statements, "MAX_COLUMN_SETS", 50)
    monkeypatch.setattr(registry, "_MAX_BINDERS", 50)
    config = flavour.make_config(statement_cache_size=20)
    async with config.provide_session() as session:
        session._compiler.max_entries = 20

        async def run(numbers: range) -> None:
            for number in numbers:
                await session.select(f"select $1::int4 as a_{number}, 'x' as b", number)

        await run(range(100))
        gc.collect()
        tracemalloc.start()
        try:
            await run(range(100, 150))
            sizes = []
            for first in range(150, 600, 150):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
                await run(range(first, first + 150))
        finally:
            tracemalloc.stop()
    # A leak grows at every step; what is made once, such as a module that is imported late, does not.
    growth = min(later - earlier for earlier, later in itertools.pairwise(sizes))
    assert growth < 100_000, "150 statements must not leave a kilobyte each"


# -- no value stays ------------------------------------------------------------------------------------------


class Marker(msgspec.Struct, weakref=True):
    text: str


def reachable(root: object) -> Iterator[object]:
    """Yield everything that an object leads to, apart from modules, classes, frames and tasks."""
    seen: dict[int, object] = {}
    pending = [root]
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, (types.ModuleType, type, types.FrameType, types.CoroutineType)):
            continue
        if isinstance(item, dict) and "__builtins__" in item and "__name__" in item:
            continue
        seen[id(item)] = item
        yield item
        pending.extend(gc.get_referents(item))


@pytest.mark.only("asyncpg", "psycopg", "psqlpy", "pyro", "stub")
async def test_no_value_is_reachable_from_a_config_or_a_connection(config: Any) -> None:
    secret = "".join(["mark", "er-", "of-a-value"])  # made at run time: a constant would be found in the code
    sent = Marker(secret)
    gone = weakref.ref(sent)
    async with config.provide_session() as session:
        await session.select("select $1::text as a, $2::jsonb as b", secret, sent)
        await session.select("select :a::text as a, :b::jsonb as b", {"a": secret, "b": sent})
        await session.execute("create temp table kept (a text, b jsonb)")
        await session.execute_many("insert into kept values ($1, $2)", [(secret, sent)] * 3)
        await session.execute_stack([("select $1::text as a", secret)])
        with pytest.raises(sqlspec.exceptions.SQLSpecError):
            await session.select("select $1::int4", secret)
        assert (await session.select("select * from kept", schema_type=tuple))[0][0] == secret
        del sent
        await session.select("select 1")  # asyncpg's buffer holds the last message of the server
        gc.collect()
        assert gone() is None
        found = [
            item
            for root in (config, session, session._driver)
            for item in reachable(root)
            if isinstance(item, (str, bytes)) and (secret in item if isinstance(item, str) else secret.encode() in item)
        ]
        assert found == []
        assert any(isinstance(item, str) and item == "select * from kept" for item in reachable(config))
