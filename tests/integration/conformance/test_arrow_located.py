"""A value of a load that only the server can refuse: its message names neither column nor row, the package's does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError, IntegrityError, SQLParsingError
from tests.integration.harness import FLAVOURS

pytestmark = pytest.mark.only(*(name for name in FLAVOURS if name != "stub"))

ROWS, BAD = 50_000, 31_234


def source(column: str, good: str, bad: str) -> pa.Table:
    values = [good] * ROWS
    values[BAD] = bad
    return pa.table({"n": pa.array(range(ROWS), pa.int32()), column: values})


@pytest.mark.parametrize(
    ("column", "kind", "good", "bad", "sqlstate"),
    [
        ("a", "inet", "10.0.0.1", "10.0.0.300", "22P02"),
        ("j", "jsonb", "{}", "{bad", "22P02"),
        ("r", "regclass", "pg_class", "nope", "42P01"),
        ("d", "positive", "1", "-1", None),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
async def test_the_first_bad_value_is_named(
    session: Any, inside: bool, column: str, kind: str, good: str, bad: str, sqlstate: str | None
) -> None:
    await session.execute_script(
        f"create domain positive as xid8 check (value::text !~ '-'); create table t (n int4, {column} {kind})"
    )
    words = f"cannot load column '{column}': row {BAD} of the source does not fit: "
    if inside:
        await session.begin()
        await session.execute("insert into t (n) values (-1)")
    with pytest.raises(DataError if sqlstate else (DataError, IntegrityError)) as caught:
        await session.load_from_arrow("t", source(column, good, bad))
    if sqlstate:
        assert str(caught.value).startswith(words)
        assert (caught.value.column, caught.value.sqlstate) == (column, sqlstate)
        assert caught.value.__cause__ is not None
    if inside:
        await session.commit()
    assert await session.select_value("select count(*) from t") == inside


async def test_the_servers_words_stay_where_no_value_is_to_blame(session: Any) -> None:
    await session.execute_script("""
        create table t (n int4, a inet);
        create function refuse() returns trigger language plpgsql as $$ begin perform 1 / 0; return new; end $$;
        create trigger refuse before insert on t for each row execute function refuse();
    """)
    with pytest.raises(DataError, match="^division by zero"):
        await session.load_from_arrow("t", pa.table({"n": pa.array([1], pa.int32()), "a": ["10.0.0.1"]}))
    with pytest.raises(SQLParsingError, match="no such table"):
        await session.load_from_arrow("nowhere", pa.table({"n": [1]}))
    assert await session.select_value("select 1") == 1


@pytest.mark.parametrize("amount", [Decimal("999.995"), 2**62, 1e300, "1e5", "abc"])
async def test_what_rounding_cannot_help_is_named(session: Any, amount: Any) -> None:
    await session.execute("create table t (v numeric(5, 2))")
    for may_round in (False, True):
        with pytest.raises(DataError) as caught:
            await session.load_from_arrow("t", pa.table({"v": pa.array([None, amount])}), round=may_round)
        assert str(caught.value).startswith("cannot load column 'v': row 1 of the source does not fit: ")
        assert "round=True" not in str(caught.value)


@pytest.mark.parametrize("kind", ["text", "numeric", "numeric(5, 2)", "jsonb", "timetz", "inet"])
async def test_text_that_is_not_utf8_is_named(session: Any, kind: str) -> None:
    data = pa.array([None, b"\xff", None])
    malformed = pa.Array.from_buffers(pa.string(), len(data), data.buffers())
    await session.execute(f"create table t (v {kind})")
    with pytest.raises(DataError, match="column 'v': row 1 of the source does not fit: the text is not UTF-8"):
        await session.load_from_arrow("t", pa.table({"v": malformed}))
    assert await session.select_value("select count(*) from t") == 0
