"""`sqlspec query`: parameters, the table, and JSON."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from sqlspec.cli import _screen
from tests.integration.cli.conftest import Done

Run = Callable[..., Done]


def test_the_rows_of_a_query_are_a_table(sqlspec: Run, server: str, driver: str) -> None:
    sql = "select n, 'row ' || n as text, n / 4.0 as part, nullif(n, 2) as gap from generate_series(1, 3) n"
    done = sqlspec("query", sql, "--driver", driver)
    assert (done.status, done.err) == (0, "")
    assert done.lines == [
        "n   text                      part    gap",
        "─────────────────────────────────────────",
        "1   row 1   0.25000000000000000000      1",
        "2   row 2   0.50000000000000000000   NULL",
        "3   row 3   0.75000000000000000000      3",
        "3 rows",
    ]


def test_the_rows_of_a_query_as_json_are_exact(sqlspec: Run, server: str, driver: str) -> None:
    sql = (
        "select 9007199254740993 as big, 1.50 as price, 'é' as text, null::int as gap, true as yes, "
        "array[1, null] as list, '\\x00ff'::bytea as raw, date '2024-05-01' as day, '{\"a\": [1]}'::jsonb as doc"
    )
    done = sqlspec("query", sql, "--json", "--driver", driver)
    assert (done.status, done.err) == (0, "")
    names = ["big", "price", "text", "gap", "yes", "list", "raw", "day", "doc"]
    values = [9007199254740993, 1.5, "é", None, True, [1, None], "\\x00ff", "2024-05-01", {"a": [1]}]
    assert done.json == {"columns": names, "rows": [dict(zip(names, values, strict=True))]}
    assert '"price":1.50' in done.out


def test_parameters_get_the_types_of_their_placeholders(sqlspec: Run, server: str, driver: str) -> None:
    sql = (
        "select :n + 1 as n, :code::text as code, :day::date + 1 as day, :list::int[] as list, "
        ":doc::jsonb -> 'a' as doc, :flag and true as flag, :none::int as none, :n * 2 as twice, "
        ":blank::text as blank, :amount::numeric as amount"
    )
    given = ["n=41", "code=007", "day=2024-02-28", "list={1,NULL}", 'doc={"a": null}', "flag=on", "none", "blank="]
    arguments = [item for text in [*given, "amount=1.50"] for item in ("-p", text)]
    done = sqlspec("query", sql, *arguments, "--json", "--driver", driver)
    assert done.status == 0, done.out
    assert done.json["rows"] == [
        {
            "n": 42,
            "code": "007",
            "day": "2024-02-29",
            "list": [1, None],
            "doc": None,
            "flag": True,
            "none": None,
            "twice": 82,
            "blank": "",
            "amount": 1.5,
        }
    ]


def test_placeholders_without_names_are_numbered(sqlspec: Run, server: str) -> None:
    done = sqlspec("query", "select $2::int - $1::int as n;", "-p", "1=40", "-p", "2=42", "--json")
    assert done.json["rows"] == [{"n": 2}]
    assert sqlspec("query", "select ?::int as n", "-p", "1=40", "--json").json["rows"] == [{"n": 40}]


@pytest.mark.parametrize(
    ("sql", "given", "message"),
    [
        ("select :a::int", [], "missing: a"),
        ("select :a::int", ["-p", "a=1", "-p", "b=secret"], "unused: b"),
        ("select 1", ["-p", "b=secret"], "unused: b"),
        (
            "select $1::int",
            ["-p", "a=secret"],
            "missing: 1, unused: a; give each as -p name=value; placeholders without",
        ),
        ("select :a::int", ["-p", "a=1", "-p", "a=secret"], "'a' is there twice"),
        ("select :a::int", ["-p", "=secret"], "parameter 1: it has no name"),
    ],
)
def test_parameters_that_do_not_fit_are_wrong_usage(
    sqlspec: Run, server: str, sql: str, given: list[str], message: str
) -> None:
    done = sqlspec("query", sql, *given)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert "secret" not in done.err


def test_a_text_that_is_no_value_of_its_type_is_refused(sqlspec: Run, server: str, driver: str) -> None:
    done = sqlspec("query", "select :a::int", "-p", "a=x", "--driver", driver)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: invalid input syntax for type integer")


def test_a_statement_without_rows_tells_what_it_did(sqlspec: Run, tables: psycopg.Connection[Any], driver: str) -> None:
    assert sqlspec("query", "create table t (n int)", "--driver", driver).out == "CREATE\n"
    insert = "insert into t select generate_series(1, :n)"
    assert sqlspec("query", insert, "-p", "n=3", "--driver", driver).out == "INSERT: 3 rows\n"
    done = sqlspec("query", "delete from t where n = 1", "--json", "--driver", driver)
    assert (done.status, done.json) == (0, {"rows_affected": 1})
    assert tables.execute("select array_agg(n) from t").fetchone() == ([2, 3],)


def test_a_statement_is_read_from_stdin(sqlspec: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("-- a comment\nselect :n::int as n;\n"))
    assert sqlspec("query", "-", "-p", "n=7", "--json").json["rows"] == [{"n": 7}]


def test_many_rows_are_cut_and_that_is_said(sqlspec: Run, server: str) -> None:
    sql = "select n from generate_series(1, 1500) n"
    cut = sqlspec("query", sql).lines
    assert (cut[-2:], len(cut)) == (["1000", "the first 1,000 of 1,500 rows; --limit 0 shows all"], 1003)
    few = sqlspec("query", sql, "--limit", 2).lines
    assert few[-2:] == ["2", "the first 2 of 1,500 rows; --limit 0 shows all"]
    assert sqlspec("query", sql, "--limit", 0).lines[-2:] == ["1500", "1,500 rows"]
    assert len(sqlspec("query", sql, "--json", "--limit", 2).json["rows"]) == 1500


def test_an_empty_result_has_its_columns(sqlspec: Run, server: str, driver: str) -> None:
    sql = "select 1 as n, 'a' as text where false"
    assert sqlspec("query", sql, "--driver", driver).lines == ["n   text", "────────", "0 rows"]
    assert sqlspec("query", sql, "--json", "--driver", driver).json == {"columns": ["n", "text"], "rows": []}


def test_columns_of_one_name_are_shown_but_are_no_json_object(sqlspec: Run, server: str, driver: str) -> None:
    done = sqlspec("query", "select 1 as a, 2 as b, 3 as a", "--driver", driver)
    assert done.lines == ["a   b   a", "─────────", "1   2   3", "1 row"]
    done = sqlspec("query", "select 1 as a, 2 as b, 3 as a", "--json", "--driver", driver)
    assert (done.status, done.json["error"]["type"]) == (1, "MappingError")
    assert "a names several columns" in done.json["error"]["message"]


def test_values_cannot_drive_the_terminal(sqlspec: Run, server: str) -> None:
    done = sqlspec("query", "select E'\\x1b]0;owned\\x07\\nnext' as text, '[red]x[/red]' as \"[b]y\"")
    escaped = "\\x1b]0;owned\\x07\\nnext"
    assert done.lines[0] == "text".ljust(len(escaped)) + "   [b]y"
    assert done.lines[2] == escaped + "   [red]x[/red]"


def test_rows_can_be_shown_as_blocks(sqlspec: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "select n, repeat('x', n) as text from generate_series(1, 2) n"
    expected = ["row 1 " + "─" * 74, "n     1", "text  x", "row 2 " + "─" * 74, "n     2", "text  xx", "2 rows"]
    assert sqlspec("query", sql, "-x").lines == expected
    monkeypatch.setattr(_screen, "UNLIMITED", 8)
    assert sqlspec("query", sql).lines[:3] == ["row 1 ──", "n     1", "text  x"]


def test_a_time_limit_stops_the_statement(sqlspec: Run, server: str, driver: str) -> None:
    done = sqlspec("query", "select pg_sleep(60)", "--timeout", "0.3", "--json", "--driver", driver)
    assert (done.status, done.json["error"]["type"]) == (1, "QueryTimeoutError")
