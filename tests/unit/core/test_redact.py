"""Texts without literals: nothing of a literal or a comment stays, and nothing else goes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core.redact import redact, redact_plan

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", "select ?"),
        ("select 1.5e-3, .5, 1_000, 0x1F, 0b01", "select ?, ?, ?, ?, ?"),
        ('select a1, t2.b_3, "c 4", "it\'s" from t5', 'select a1, t2.b_3, "c 4", "it\'s" from t5'),
        ("select $1, $12, :name, %s, %(name)s, ?", "select $1, $12, :name, %s, %(name)s, ?"),
        ("select 'a''b', E'x\\'y', U&'z', B'01', x'1F', n'a'", "select ?, ?, ?, ?, ?, ?"),
        ("select e'a'\n'b\\'c', 2", "select ?, ?"),
        ("select typee'a'", "select typee?"),
        ("select $$it's$$, $x$a$$b$x$, a$b$c", "select ?, ?, a$b$c"),
        ("select/* 1 /* 2 */ 3 */a -- 'b\nfrom t", "select a \nfrom t"),
        ("do $$ begin x; end $$", "do ?"),
        ("select t.a[1:2]::numeric(10, 2)", "select t.a[?:?]::numeric(?, ?)"),
        (f"select '{SECRET}", "select ?"),
        (f"select $x${SECRET}", "select ?"),
        (f"select 1 /* {SECRET}", "select ?"),
        (f'select "{SECRET}', "select ?"),
        (f"alter role r password '{SECRET}'", "alter role r password ?"),
        (f"set app.token = {SECRET}", "set app.token = ?"),
        (f'set local a /* = */ to "{SECRET}", -1, {SECRET}; select a = b', "set local a   to ?, -?, ?; select a = b"),
        (f"alter role r set a.b = {SECRET}", "alter role r set a.b = ?"),
        (
            f"create function f() returns int set a.b = {SECRET} set c to {SECRET} as 'select 1'",
            "create function f() returns int set a.b = ? set c to ? as ?",
        ),
        ("select 1; update t set a = b, c = d", "select ?; update t set a = b, c = d"),
        ("create table t (a int references x on delete set null, check (b = c))",) * 2,
    ],
)
def test_texts(sql: str, expected: str) -> None:
    assert redact(sql) == expected


QUOTES = (
    lambda text: "'" + text.replace("'", "''") + "'",
    lambda text: "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'",
    lambda text: f"$q${text.replace('$', '')}$q$",
    lambda text: "/* " + text.replace("/", "").replace("*", "") + " */",
)


@given(st.lists(st.tuples(st.sampled_from(QUOTES), st.text(alphabet="'\"\\$-/*\nab ", max_size=8)), max_size=6))
def test_no_literal_stays_whatever_is_in_it(parts: list[tuple[object, str]]) -> None:
    sql = " , ".join(quote(f"{text}{SECRET}{text}") for quote, text in parts)  # type: ignore[operator]
    shown = redact(f"select {sql} , last_word")
    assert SECRET not in shown
    assert shown.endswith(", last_word")


@pytest.mark.parametrize("limit", [0, 1, 9, 13, 16, 17, 18, 500])
def test_a_limit_cuts_the_result(limit: int) -> None:
    sql = f" select 'a', {SECRET[:2]}, 'b' from t "
    assert redact(sql, limit) == redact(sql)[:limit].strip()


def test_what_lies_behind_the_limit_costs_nothing() -> None:
    start = time.perf_counter()
    assert len(redact("select 1" + ", 1" * 1_000_000, 101)) == 101
    assert time.perf_counter() - start < 0.5


def test_a_plan_keeps_its_costs() -> None:
    plan = (
        "Sort  (cost=1.01..1.02 rows=1 width=36)\n"
        "  ->  Seq Scan on t2  (cost=0.00..1.00 rows=1 width=36)\n"
        "        Filter: ((a > 5) AND (b = 'x  (cost=1.00..1.00 rows=1 width=1)\n y'::text))"
    )
    assert redact_plan(plan) == (
        "Sort  (cost=1.01..1.02 rows=1 width=36)\n"
        "  ->  Seq Scan on t2  (cost=0.00..1.00 rows=1 width=36)\n"
        "        Filter: ((a > ?) AND (b = ?::text))"
    )
