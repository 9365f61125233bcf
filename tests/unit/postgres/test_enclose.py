"""Statements inside others: the text; what the server makes of it is tested with the adapters that use it."""

from __future__ import annotations

import pglast
import pytest

from sqlspec.postgres.enclose import enclose


@pytest.mark.parametrize(
    ("sql", "enclosed"),
    [
        ("select 1, 2", "select c1 from (\nselect 1, 2\n) as sqlspec_q(c0, c1)"),
        (
            "with a as (delete from t returning 1) select 1, 2",
            "with a as (delete from t returning 1) select c1 from (\nselect 1, 2\n) as sqlspec_q(c0, c1)",
        ),
        ("select 1, 2 -- end", "select c1 from (\nselect 1, 2\n) as sqlspec_q(c0, c1)"),
        (
            "with a as (select 1) select *, 2 from a;",
            "with a as (select 1) select c1 from (\nselect *, 2 from a\n) as sqlspec_q(c0, c1)",
        ),
        (
            "insert into t values ($1) returning a, b",
            "with sqlspec_q(c0, c1) as (\ninsert into t values ($1) returning a, b\n) select c1 from sqlspec_q",
        ),
        (
            "with a as (select 1) delete from t returning a, b",
            "with a as (select 1) , sqlspec_q(c0, c1) as (\ndelete from t returning a, b\n) select c1 from sqlspec_q",
        ),
    ],
)
def test_statements_that_return_rows(sql: str, enclosed: str) -> None:
    assert enclose(sql, 2, ["c1"]) == enclosed
    pglast.parse_sql(enclosed)


@pytest.mark.parametrize("sql", ["show all", "explain select 1", "call p()", "fetch c"])
def test_statements_that_cannot_be_part_of_another(sql: str) -> None:
    assert enclose(sql, 2, ["c1"]) is None
