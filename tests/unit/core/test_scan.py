"""The statement scanner on hand-made texts: placeholders, verbs, borders, refusals, and linear work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from sqlspec.core.scan import Placeholder, Scan, parameter_names, scan, splice
from sqlspec.exceptions import ParameterError, SQLParsingError
from tests.unit.core import scan_corpus as corpus
from tests.unit.core.scan_corpus import Kind, Rewrite

STYLED = [
    pytest.param(style, case, id=f"{style or 'none'}-{case.sql[:60]!r}")
    for style, cases in (
        ("named", corpus.NAMED),
        ("numeric", corpus.NUMERIC),
        ("format", corpus.FORMAT),
        ("pyformat", corpus.PYFORMAT),
        ("qmark", corpus.QMARK),
        (None, corpus.NO_PARAMETERS),
    )
    for case in cases
]


def dollars(sql: str, found: Scan) -> str:
    return splice(sql, found, "${}".format)


def by_sql(cases: Any) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: repr(case[0][:60]))


@pytest.mark.parametrize(("style", "case"), STYLED)
def test_placeholders_become_numbers_and_nothing_else_changes(style: str | None, case: Rewrite) -> None:
    found = scan(case.sql)

    assert dollars(case.sql, found) == case.spliced
    assert found.style == style
    if isinstance(case.parameters, tuple):
        assert parameter_names(found) == case.parameters
    else:
        numbers = [hit.name for hit in found.placeholders]
        count = max((n for n in numbers if isinstance(n, int)), default=len(numbers))
        assert count == case.parameters
        assert parameter_names(found) == ()


def test_placeholder_spans_cover_what_was_written() -> None:
    sql = "select :a, 'x :b', :été"

    assert scan(sql).placeholders == (
        Placeholder(7, 9, "named", "a"),
        Placeholder(19, 23, "named", "été"),
    )


@pytest.mark.parametrize(
    ("sql", "escapes"),
    [
        ("select a %% b, %s", ((9, 11),)),
        ("select a %% b, %(x)s", ((9, 11),)),
        ("select a %% b, :x", ()),
        ("select a %% b", ()),
        ("select a ?? b, ?", ((9, 11),)),
        ("select a ?? b, %s", ()),
        ("select a ?? b", ()),
        ("select a ?? b, c %% d, ?", ((9, 11),)),
    ],
)
def test_escapes_are_those_of_the_style(sql: str, escapes: tuple[tuple[int, int], ...]) -> None:
    assert scan(sql).escapes == escapes


def test_repeated_names_share_an_index_and_other_styles_count_up() -> None:
    def render(index: int) -> str:
        return f"<{index}>"

    assert splice("f(:b, :a, :b)", scan("f(:b, :a, :b)"), render) == "f(<1>, <2>, <1>)"
    assert splice("f(%s, %s)", scan("f(%s, %s)"), render) == "f(<1>, <2>)"
    assert splice("f($7, $2, $7)", scan("f($7, $2, $7)"), render) == "f(<7>, <2>, <7>)"


@by_sql(corpus.KINDS)
def test_statement_kind(case: Kind) -> None:
    found = scan(case.sql)
    main = case.sql[found.main_verb_at :] if found.main_verb_at >= 0 else ""
    lasting = case.lasting

    assert Kind(case.sql, found.verb, main, found.returns_rows, found.can_enclose, found.changes_session) == Kind(
        case.sql, case.verb, case.main, case.rows, case.encloses, lasting
    )


@by_sql(corpus.SCRIPTS)
def test_statements_are_split(case: tuple[str, tuple[str, ...]]) -> None:
    sql, statements = case

    assert tuple(sql[start:end] for start, end in scan(sql).statements) == statements


def test_several_statements_are_told_by_the_first_and_count_as_changing_the_session() -> None:
    found = scan("insert into t values (1) returning a; select 1")

    assert (found.verb, found.main_verb_at, found.returns_rows) == ("INSERT", 0, True)
    assert found.can_enclose is False
    assert found.changes_session is True


def test_words_of_one_statement_do_not_count_for_the_next() -> None:
    assert scan("; insert into t select 1; delete from u returning 1").returns_rows is False
    assert scan("select 1; select 2 into t").returns_rows is True


def test_numbers_belong_to_a_routine_only_within_it() -> None:
    found = scan("create function f(int) returns int return $1; select $2")

    assert [hit.name for hit in found.placeholders] == [2]


@by_sql(corpus.COPIES)
def test_copy_with_the_client_is_recognised(case: tuple[str, bool]) -> None:
    sql, expected = case

    assert scan(sql).copies_stdio is expected


@by_sql(corpus.UNTERMINATED)
def test_unterminated_literals_are_refused_with_the_place_of_their_start(case: tuple[str, str]) -> None:
    sql, message = case

    with pytest.raises(SQLParsingError, match=message) as caught:
        scan(sql)
    assert caught.value.sql == sql


@by_sql(corpus.MISUSED)
def test_mixed_styles_and_bad_numbers_are_refused_with_their_places(case: tuple[str, str]) -> None:
    sql, message = case

    with pytest.raises(ParameterError) as caught:
        scan(sql)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 200


# Each was read wrongly once; found by tools/fuzz_scanner.py or by reading.
REGRESSIONS = {
    "a spaced comment before a question mark": (
        "select d -- note \n ? 'k', ?",
        "select d -- note \n ? 'k', $1",
    ),
    "a question mark before a named parameter is an operator in a subscript": (
        "select v[d ? :k]",
        "select v[d ? $1]",
    ),
    "an escape parameter in a subscript is no slice": (
        "select array[a like b escape :e]",
        "select array[a like b escape $1]",
    ),
    "a time zone parameter in a subscript is no slice": (
        "select array[a at time zone :z]",
        "select array[a at time zone $1]",
    ),
    "a placeholder glued to a word would become an identifier": (
        "select a?, b%s, ? from t",
        "select a?, b%s, $1 from t",
    ),
    "digits of other scripts are no digits": ("select $٣, $1", "select $٣, $1"),
    "a doubled percent sign is an escape before a letter, too": ("select a %%b, %s", "select a %b, $1"),
    "a lone dollar sign does not hide an escape string": ("select $e'\\' :x', :a", "select $e'\\' :x', $1"),
    "a number glued to a number": ("select 1$1", "select 1$1"),
    "a placeholder before a placeholder operator": ("select ? ? 'k'", "select $1 ? 'k'"),
    "a placeholder before the end of a function": ("select (f(x) ?), ?", "select (f(x) $1), $2"),
    "a null before the next clause is an operand": (
        "insert into t select ? from u join v on d ? null on conflict do nothing",
        "insert into t select $1 from u join v on d ? null on conflict do nothing",
    ),
    "an operator glued behind a placeholder": ("select ?||?", "select $1||$2"),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name: str) -> None:
    sql, expected = REGRESSIONS[name]

    assert dollars(sql, scan(sql)) == expected


def test_a_set_clause_name_is_no_verb() -> None:
    found = scan("with set as (delete from t) cycle a set c using set insert into t values (1)")

    assert (found.verb, found.main_verb_at) == ("INSERT", 52)


HOSTILE: dict[str, Callable[[int], str]] = {
    "strings": lambda n: "select " + "'a''b'," * n,
    "escape strings": lambda n: "select " + "E'a\\'' \n" * n,
    "escape strings and comments": lambda n: "select " + "E'a'" + "--" * n + "\n" + "--\n" * n,
    "question marks": lambda n: "select " + "?" * n,
    "spaced question marks": lambda n: "select a" + " ?" * n,
    "question marks in operators": lambda n: "select a " + "?|" * n,
    "operators before a question mark": lambda n: "select a " + "=" * n + "?",
    "spaces before question marks": lambda n: "select a" + (" " * 50 + "? 'k'") * (n // 50),
    "comments before question marks": lambda n: "select a" + "/**/" * n + "? ?" * n,
    "line comments": lambda n: "select 1" + "--\r" * n,
    "nested comments": lambda n: "/*" * n + "*/" * n + "select 1",
    "colons": lambda n: "select v[" + ":" * n,
    "named in brackets": lambda n: "select v[" + " a :b" * n + "]",
    "open brackets": lambda n: "select " + "[" * n,
    "open parentheses": lambda n: "(" * n + "select 1",
    "nested queries": lambda n: "with a as (select 1) " + "(" * n + "select 1",
    "with lists": lambda n: "with " + "a as (select 1) (" * n,
    "with names": lambda n: "with " + "set " * n + "insert " * n,
    "dollars": lambda n: "select " + "$a-" * n,
    "glued dollars": lambda n: "select a" + "$" * n,
    "glued numbers": lambda n: "select 1" + "$1" * n,
    "percent signs": lambda n: "select " + "%(" * n,
    "named percent signs": lambda n: "select " + "%(a" * n,
    "semicolons": lambda n: ";" * n,
    "statements": lambda n: "select 1; " * n,
    "comments and semicolons": lambda n: "/* a */ ;" * n,
    "creates": lambda n: "create /* a */ or replace /* b */ function f() begin atomic end;" * n,
    "words": lambda n: "select into " + "xinto into_ as into " * n,
    "long words": lambda n: "select a[" + "a" * n + " :b]",
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_work_grows_with_the_length_only(shape: str) -> None:
    build = HOSTILE[shape]

    small, large = steps(build(400)), steps(build(1600))

    assert large < 5 * small


def steps(sql: str) -> int:
    """Count the lines of Python that a scan runs."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        scan(sql)
    except ParameterError:
        pass
    finally:
        sys.settrace(previous)
    return count


@pytest.mark.parametrize("shape", HOSTILE)
def test_a_long_hostile_text_ends(shape: str) -> None:
    # Quadratic work hidden in a regular expression would not end within the test's time limit.
    sql = HOSTILE[shape](100_000)

    try:
        found = scan(sql)
    except ParameterError:
        return
    assert all(sql[start] != " " for start, _ in found.statements)
