"""Which texts are a plain INSERT, and what it fills."""

from __future__ import annotations

import pytest

from sqlspec.core.plan import Compiler

PLAIN = [
    ("insert into t values ($1, $2)", "t", None),
    ('INSERT INTO public . "T""x" (A, "Bc" ,/* x */ d) VALUES ($1,$2,\n$3) ;', 'public."T""x"', ("a", "Bc", "d")),
    ("-- first\n/* and * second / */ insert into t(a)values($1) -- third", "t", ("a",)),
    ("insert into t (a, b) values (:b, :a)", "t", ("a", "b")),
    ("insert into t (a, b) values (%s, %s)", "t", ("a", "b")),
    ("insert into t (a, b) values (?, ?)", "t", ("a", "b")),
    ("insert into \xe4\xd6 (\xd6X) values ($1)", "\xe4\xd6", ("\xd6x",)),
]

OTHERS = [
    "insert into t values ($2, $1)",
    "insert into t values ($1, $1)",
    "insert into t values (:a, :a)",
    "insert into t values ($1, 1)",
    "insert into t values ($1, default)",
    "insert into t values ($1::int)",
    "insert into t values (($1))",
    "insert into t values ($1), ($2)",
    "insert into t values ($1) returning a",
    "insert into t values ($1) on conflict do nothing",
    "insert into t (a) overriding system value values ($1)",
    "insert into t as x values ($1)",
    "insert into t (a[1]) values ($1)",
    "insert into t (a.b) values ($1)",
    "insert into a.b.c values ($1)",
    'insert into U&"t" values ($1)',
    "insert into t select $1",
    "insert into t default values",
    "insert into t values ()",
    "with x as (select 1) insert into t values ($1)",
    "/* nested /* comment */ */ insert into t values ($1)",
    "insert into t values ($1); insert into t values ($1)",
    "update t set a = $1",
    "",
]


@pytest.mark.parametrize(("text", "table", "columns"), PLAIN)
def test_plain_inserts(text: str, table: str, columns: tuple[str, ...] | None) -> None:
    assert Compiler().plan(text).insert == (table, columns)


@pytest.mark.parametrize("text", OTHERS)
def test_other_statements(text: str) -> None:
    assert Compiler().plan(text).insert is None


@pytest.mark.parametrize("piece", ["/*", "(", " ", "a,", '"', "-- x\n", "$1,", "/* */"])
def test_time_is_linear(piece: str) -> None:
    # A pattern that goes back and forth would take for ever.
    for start in ("insert into t ", "insert into t (", "insert into t values (", ""):
        for end in ("", "/**/'", "'"):
            try:
                assert Compiler().plan(start + piece * 20_000 + end).insert is None
            except Exception:
                continue
