"""Values that psqlpy reads or writes wrongly: on the bare driver, and through the adapter.

A test that fails in its first half tells of a release that has changed the driver.
"""

from __future__ import annotations

import importlib.metadata
import re
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from sqlspec.adapters.psqlpy._dollars import hide_placeholders
from sqlspec.exceptions import DataError
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only("psqlpy")

HUGE = "12345678901234567890123456789.123456789"


async def value(raw: Any, sql: str, *args: Any) -> Any:
    return (await raw.fetch(sql, list(args))).result(None, True)[0][0]


async def test_the_release_is_one_the_adapter_was_written_for() -> None:
    low, high = re.findall(r"\d+\.\d+", FLAVOURS["psqlpy"].spec.tested_with)
    release = importlib.metadata.version("psqlpy")
    assert release.startswith(low)
    assert not release.startswith(high)


async def test_numbers_are_rounded(raw: Any, session: Any) -> None:
    assert await value(raw, f"select {HUGE}") != Decimal(HUGE)
    assert await session.select_value(f"select {HUGE}") == Decimal(HUGE)
    assert await session.select_value("select $1::numeric", Decimal("1E-30")) == Decimal("1E-30")
    assert await session.select_value("select 10::numeric ^ 40") == Decimal(10) ** 40


async def test_an_oid_is_signed(raw: Any, session: Any) -> None:
    assert await value(raw, "select 4294967295::oid") == -1
    assert await session.select_value("select 4294967295::oid") == 4294967295


async def test_a_year_has_360_days(raw: Any, session: Any) -> None:
    assert await value(raw, "select interval '1 year'") == timedelta(days=360)
    found = await session.select_value("select interval '1 year'")
    assert (found, found.months) == (timedelta(days=365), 12)


async def test_arrays_with_null_cannot_be_read(raw: Any, session: Any) -> None:
    with pytest.raises(Exception, match="NULL"):
        await value(raw, "select array[1, null]")
    assert await session.select_value("select array[1, null]") == [1, None]


async def test_arrays_of_bytes_are_stored_as_something_else(raw: Any, session: Any) -> None:
    assert await value(raw, "select $1::bytea[] = array['ab'::bytea]", [b"ab"]) is False
    assert await session.select_value("select $1::bytea[] = array['ab'::bytea]", ([b"ab"],)) is True


async def test_a_text_of_sixteen_characters_is_a_uuid(raw: Any, session: Any) -> None:
    assert await value(raw, "select $1::uuid", "0123456789abcdef") == "30313233-3435-3637-3839-616263646566"
    with pytest.raises(DataError):
        await session.select_value("select $1::uuid", "0123456789abcdef")
    assert isinstance(await session.select_value("select gen_random_uuid()"), UUID)


@pytest.mark.parametrize("kind", ["int4", "text", "bytea", "point", "int4range", "jsonpath"])
async def test_a_list_never_reaches_the_driver(session: Any, kind: str) -> None:
    """It would panic in Rust and take the connection with it."""
    pid = await session.select_value("select pg_backend_pid()")
    with pytest.raises(DataError):
        await session.select(f"select $1::{kind}", [["x", {}]])
    assert await session.select_value("select pg_backend_pid()") == pid


async def test_duplicate_names_are_read_by_position(session: Any) -> None:
    sql = """select 1.50 as a, 2 as "A", 'x'::char(2) as a, null as b, now() is null as "B" """
    for _ in range(2):
        assert await session.select(sql, schema_type=tuple) == [(Decimal("1.50"), 2, "x ", None, False)]
    empty = await session.execute(f"{sql} where false")
    assert [(column.name, column.oid) for column in empty.columns] == [
        ("a", 1700),
        ("A", 23),
        ("a", 1042),
        ("b", 25),
        ("B", 16),
    ]


async def test_dates_that_python_cannot_hold_name_their_column(session: Any) -> None:
    for text in ("'infinity'::date", "'0044-03-15 BC'::timestamp", "'-infinity'::timestamptz"):
        with pytest.raises(DataError, match='cannot read column "d" as'):
            await session.select(f"select 1 as one, {text} as d")


DOLLARS = r'''
select '$(a)p' as one, e'\\ $(a)p ''$(b)p' as two, U&'\0041$(a)p' as three, $$it's \ $(a)p$$ as four,
  $tag$ $$ '$(a)p' $tag$ as five, 1 as "$(a)p", 2 as "\ ""$(a)p""", 3 as U&"\0041$(a)p", -- it's $(a)p
  /* $(a)p /* nested's $(b)p */ $(c)p */ f$(4)p, $1::text as given'''


async def test_the_drivers_own_placeholders_stay_as_they_are(raw: Any, session: Any, admin: Any, flavour: Any) -> None:
    assert await value(raw, "select '$(a)p'") == "$1"
    admin.execute(f"create function {flavour.schema}.f$(n int) returns int language sql as 'select n'".encode())
    wanted = DOLLARS.replace("$1::text", "'x $(a)p'")
    await session.execute_script(f"create view wanted as {wanted}")
    for _ in range(2):
        assert await session.select(DOLLARS, "x $(a)p") == await session.select("select * from wanted")
    await session.execute("create table t (a text)")
    assert (await session.execute("insert into t values ('$(a)p')")).rows_affected == 1
    assert (await session.execute_many("insert into t values ('$(a)p' || $1)", range(0))).rows_affected == 0
    assert (await session.execute_many("insert into t values ('$(a)p' || $1)", ["x"] * 50)).rows_affected == 50
    async with session.select_stream("select a || '$(a)p' from t where a = '$(a)p' || $1", "x") as rows:
        assert [row async for row in rows] == [{"?column?": "$(a)px$(a)p"}] * 50
    await session.execute("do $$ begin assert '$(a)p' = '$' || '(a)p'; end $$")
    await session.execute_script("do $$ begin assert '$(a)p' = '$' || '(a)p'; end $$; select '$(a)p'")


def test_a_large_text_with_a_placeholder_is_changed_in_good_time() -> None:
    for text in (f"select '{'x' * 16_000_000}$(a)p'", f"select /* $(a)p */ {'(1), ' * 1_000_000}"):
        started = time.perf_counter()
        assert "$(a)p" not in hide_placeholders(text)
        assert time.perf_counter() - started < 3
