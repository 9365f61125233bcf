"""Texts that never come again must not pile up: neither on the server nor here."""

from __future__ import annotations

import gc
import sys
from typing import Any, NamedTuple

import pytest

from tests.integration.harness import Flavour

WARM = 1_200
TEXTS = 1_800

BACKEND = "select sum(total_bytes)::int8 from pg_backend_memory_contexts"
PREPARED = "select count(*) from pg_prepared_statements"

MEGABYTE = 1 << 20
MAX_PREPARED = 1_000
"""Statements that a connection may keep on the server. Adapters keep 256, and some of them two for a text."""


class Size(NamedTuple):
    """What a connection holds, there and here (in Python's blocks of memory)."""

    backend: int
    prepared: int
    here: int


async def size_of(session: Any) -> Size:
    gc.collect()
    backend, prepared = await session.select_value(BACKEND), await session.select_value(PREPARED)
    return Size(backend, prepared, sys.getallocatedblocks())


async def run_texts(session: Any, first: int, last: int) -> None:
    """Run texts that were never run before: most exact, some with parameters, inexact columns or an error in them."""
    for number in range(first, last):
        kind = number % 10
        if kind < 7:
            assert await session.select_value(f"select {number} + 1") == number + 1
        elif kind == 7:
            assert await session.select_value(f"select {number} + $1::int", 1) == number + 1
        elif kind == 8:
            assert str(await session.select_value(f"select {number}.50")) == f"{number}.50"
        else:
            result = await session.execute(f"select 1 as c{number}")
            assert result.columns[0].name == f"c{number}"


def assert_bounded(warm: Size, full: Size) -> None:
    assert full.backend < warm.backend + max(2 * MEGABYTE, warm.backend // 5), (warm, full)
    assert full.prepared <= MAX_PREPARED, (warm, full)
    assert full.here < warm.here + 8_000, (warm, full)


async def test_thousands_of_texts_in_one_session(session: Any) -> None:
    await run_texts(session, 0, WARM)
    warm = await size_of(session)
    await run_texts(session, WARM, TEXTS)
    assert_bounded(warm, await size_of(session))


async def test_thousands_of_texts_through_a_pool(flavour: Flavour) -> None:
    config = flavour.make_config(max_size=1)
    sizes = []
    for first, last in ((0, WARM // 2), (WARM // 2, TEXTS // 2)):
        for start in range(first, last, 20):
            async with config.provide_session() as session:
                await run_texts(session, start, start + 20)
        async with config.provide_session() as session:
            sizes.append(await size_of(session))
    assert_bounded(*sizes)
    assert config.stats().in_use == 0


async def test_texts_inside_one_transaction(session: Any) -> None:
    async with session.transaction():
        await run_texts(session, 0, 400)
        warm = await size_of(session)
        await run_texts(session, 400, 1_000)
        full = await size_of(session)
    assert full.backend < warm.backend + max(2 * MEGABYTE, warm.backend // 5), (warm, full)
    assert full.prepared <= MAX_PREPARED


async def test_texts_that_fail(session: Any) -> None:
    async def fail(number: int) -> None:
        for sql in (f"select nothing{number}", f"select {number} / 0", f"select '{number}x'::int"):
            with pytest.raises(Exception, match=r"exist|zero|invalid"):
                await session.select(sql)

    for number in range(100):
        await fail(number)
    warm = await size_of(session)
    for number in range(100, 250):
        await fail(number)
    full = await size_of(session)
    assert full.backend < warm.backend + max(2 * MEGABYTE, warm.backend // 5), (warm, full)
    assert full.prepared <= MAX_PREPARED


async def test_rows_that_were_read_are_kept_by_no_connection(flavour: Flavour) -> None:
    config, rows = flavour.make_config(max_size=2), 10_007
    async with config.provide_session() as first, config.provide_session() as second:
        assert len(await first.select("select n from generate_series(1, $1::int) n", rows)) == rows
        await second.select("select 1")  # drivers let go of some things only when they are used again
        gc.collect()
        assert not [found for found in gc.get_objects() if isinstance(found, list) and len(found) == rows]
