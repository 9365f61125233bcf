"""The harness itself: a sync session behaves as an async one, and no expected failure can rot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from sqlspec.exceptions import NotSupportedError, OperationalError, TransactionError
from tests.integration.expected import EXPECTED
from tests.integration.harness import Expected, apply_expectations, needs

FILE = "tests/integration/conformance/test_made.py"


class Item:
    """As much of a collected test as the harness looks at."""

    def __init__(self, name: str, flavour: str, *needed: str) -> None:
        self.name = f"{name}[{flavour}-case]"
        self.nodeid = f"{FILE}::{self.name}"
        self.callspec = SimpleNamespace(params={"flavour": flavour})
        self.needed = [needs(*needed).mark] if needed else []
        self.added: list[Any] = []

    def iter_markers(self, name: str) -> list[Any]:
        return self.needed

    def add_marker(self, marker: Any) -> None:
        self.added.append(marker.mark)


def entry(test: str = "test_a", flavours: tuple[str, ...] = ("stub",), cause: str = "todo", only: str = "") -> Expected:
    return Expected(flavours, f"conformance/test_made.py::{test}", ValueError, cause, "why", only)


def applied(items: list[Any], *table: Expected, whole_files: bool = True) -> list[str]:
    return apply_expectations(items, table, whole_files)


def test_a_missing_capability_must_be_refused() -> None:
    item, other = Item("test_a", "stub", "usable_after_error", "stream"), Item("test_a", "psycopg", "stream")
    assert applied([item, other]) == []
    (mark,) = item.added
    assert mark.kwargs["strict"] is True
    assert mark.kwargs["raises"] is NotSupportedError
    assert "stream" in mark.kwargs["reason"]
    assert other.added == []


def test_a_missing_fact_is_no_refusal() -> None:
    item = Item("test_a", "stub", "sqlstate")
    assert applied([item]) == []
    assert item.added[0].kwargs["raises"] == (AssertionError, OperationalError)


def test_an_expected_failure_is_strict_and_names_its_exception() -> None:
    item, other = Item("test_a", "stub"), Item("test_b", "stub")
    assert applied([item, other], entry()) == []
    assert item.added[0].kwargs == {"strict": True, "raises": ValueError, "reason": "why"}
    assert other.added == []


def test_an_entry_without_a_test_is_wrong_when_whole_files_are_collected() -> None:
    assert applied([Item("test_a", "stub")], entry("test_gone")) == [
        "conformance/test_made.py::test_gone on stub: no such test"
    ]
    assert applied([Item("test_a", "stub")], entry(only="nothing")) != []
    assert applied([Item("test_a", "stub")], entry("test_gone"), whole_files=False) == []
    assert applied([], entry("test_gone")) == []


def test_overlapping_reasons_are_wrong() -> None:
    assert applied([Item("test_a", "stub")], entry(), entry(only="case")) == [
        f"{FILE}::test_a[stub-case]: 2 reasons to fail"
    ]
    assert applied([Item("test_a", "stub", "stream")], entry()) == [f"{FILE}::test_a[stub-case]: 2 reasons to fail"]


def test_misspelt_entries_are_wrong() -> None:
    assert "no flavour 'stubb'" in applied([], entry(flavours=("stubb",)))[0]
    assert "a cause" in applied([], entry(cause="perhaps"))[0]
    with pytest.raises(ValueError, match="no such capability: streams"):
        needs("streams")


def test_every_expected_failure_is_of_a_file_that_exists(request: pytest.FixtureRequest) -> None:
    folder = request.path.parent
    assert [each.test for each in EXPECTED if not (folder / each.test.partition("::")[0]).is_file()] == []


# -- sync as async -------------------------------------------------------------------------------------------


@pytest.mark.only("psycopg-sync")
async def test_each_task_has_a_thread_of_its_own(session: Any) -> None:
    async def thread() -> str:
        return str(await session.run_in_transaction(_thread))

    async def twice() -> list[str]:
        return [await thread(), await thread()]

    first = await twice()
    second = await asyncio.create_task(twice())
    assert first[0] == first[1] != second[0] == second[1]
    assert threading.current_thread().name not in (*first, *second)


async def _thread(session: Any) -> str:
    assert await session.select_value("select 1") == 1
    async with session.savepoint():
        assert session.in_transaction
    return threading.current_thread().name


@pytest.mark.only("psycopg-sync")
async def test_a_transaction_belongs_to_the_task(session: Any) -> None:
    async with session.transaction():
        assert await session.select_value("select 1") == 1
        with pytest.raises(TransactionError, match="opened by thread"):
            await asyncio.create_task(session.select_value("select 1"))
        assert session.in_transaction
    assert not session.in_transaction


@pytest.mark.only("psycopg-sync")
async def test_execute_runs_when_it_is_awaited(session: Any) -> None:
    await session.execute("create temp table t (a int)")
    call = session.execute("insert into t values (1)")
    assert isinstance(call, Coroutine)
    assert await session.select_value("select count(*) from t") == 0
    await call
    assert await session.select_value("select count(*) from t") == 1


@pytest.mark.only("psycopg-sync")
async def test_streams_are_async_iterators(session: Any) -> None:
    async with session.select_stream("select n from generate_series(1, 5) as n", chunk_size=2) as stream:
        assert [len(chunk) async for chunk in stream.chunks()] == [2, 2, 1]
    async with session.select_stream("select n from generate_series(1, 5) as n", chunk_size=2) as stream:
        async for row in stream:
            assert row == {"n": 1}
            break
    assert await session.select_value("select 1") == 1


@pytest.mark.only("psycopg-sync")
async def test_plain_values_and_native_objects_pass(config: Any, session: Any) -> None:
    assert config.spec.name == "psycopg"
    assert config.stats().in_use == 1
    assert session.driver.status() == "idle"
    async with config.provide_connection() as native:
        assert isinstance(native, psycopg.Connection)
