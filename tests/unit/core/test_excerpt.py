"""Where in the user's text an error is, and the line that shows it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlspec.core.excerpt import WIDTH, brief, excerpt, literals, place_of, without_literals
from sqlspec.core.scan import scan, splice
from sqlspec.exceptions import ErrorInfo

UNDEFINED = "42703"


def told(sent: str, word: str) -> ErrorInfo:
    """Return the error of a server that points at a word of what it was sent."""
    return ErrorInfo("any", UNDEFINED, position=sent.index(word) + 1, sent=sent)


def sent_for(sql: str) -> str:
    return splice(sql, scan(sql), "${}".format)


@pytest.mark.parametrize(
    "sql",
    [
        "select nme from t",
        "select :long_name::int, :b, nme from t where a = :long_name",
        "select %(a)s, 5 %% 2, nme, %(b)s from t",
        "select %s, nme",
        "select ?, ??, nme, ?",
        "select $1, nme",
        "-- ä漢😀\nselect 'ä', :a,\n\tnme\n;  -- the end\n",
    ],
)
def test_a_place_is_counted_back_through_the_placeholders(sql: str) -> None:
    sent = sent_for(sql)
    body = sent.rstrip().removesuffix("-- the end").rstrip().removesuffix(";").rstrip()
    for text in (sent, body, f"explain (x) {body}", f"declare c cursor for {body}", f"{body}\nreturning 1"):
        assert place_of(told(text, "nme"), sql) == sql.index("nme"), text


def test_a_place_in_a_placeholder_is_that_of_the_placeholder() -> None:
    sql = "select 1 where :first is null and :second"
    assert place_of(told(sent_for(sql), "$2"), sql) == sql.index(":second")


def test_a_place_outside_the_users_text_is_none() -> None:
    sql = "select 1 as nme"
    assert place_of(told("explain (nope) select 1 as nme", "nope"), sql) is None
    assert place_of(told("select 1 as nme\nreturning nope", "nope"), sql) is None
    assert place_of(told("select another", "another"), sql) is None
    assert place_of(ErrorInfo("any", UNDEFINED, position=3), sql) is None
    assert place_of(ErrorInfo("any", UNDEFINED, position=99, sent=sql), sql) is None


def test_a_statement_with_values_in_place_of_placeholders_is_not_the_users() -> None:
    assert place_of(told("copy (select 's3cret', nme) to stdout", "nme"), "select :a, nme") is None


def test_one_of_several_statements() -> None:
    stack = "select 1;\nselect :a, nme"
    assert place_of(told("select $1, nme", "nme"), stack) == stack.index("nme")
    twice = "select nme;\nselect nme"
    assert place_of(told("select nme", "nme"), twice) is None


PIECES = [":name ", ":n ", "'ä' ", "漢 ", "x ", "\n", "-- c\n", "$$ :no $$ ", "::int "]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_place_comes_back(before: list[str], behind: list[str]) -> None:
    numbers: dict[str, str] = {}
    sent = [
        numbers.setdefault(piece, f"${len(numbers) + 1} ") if piece[:2] == ":n" else piece
        for piece in ("select ", *before, "NME ", *behind)
    ]
    sql = "".join(("select ", *before, "NME ", *behind))
    assert place_of(told("".join(sent), "NME"), sql) == sql.index("NME")


@pytest.mark.parametrize(
    ("message", "sql", "word"),
    [
        ('syntax error at or near "selct"', "selct 1", "selct"),
        ('syntax error at or near "$1"', "select 1 from :a", ":a"),
        ('syntax error at or near ")"', "select 'a)' from t)", ")"),
        ('column "nme" does not exist', "select NME from t", "NME"),
        ('column "nme" does not exist', "select nmes, nme from t", "nme from"),
        ("column t.nme does not exist", "select t.nme from t", "t.nme"),
        ('relation "no.where" does not exist', "select :a from no.where", "no.where"),
        ('relation "Nowhere" does not exist', 'select 1 from "Nowhere"', '"Nowhere"'),
        ('column "b" of relation "t" does not exist', "insert into t (a, b) values (1, 2)", "b)"),
        ("function f(integer) does not exist", "select f(1)", "f(1)"),
        ('type "intt" does not exist', "create table t (a intt)", "intt"),
        ('column "nme" does not exist', "select 1;\nselect nme", "nme"),
    ],
)
def test_a_hidden_position_is_found_by_the_words_of_the_message(message: str, sql: str, word: str) -> None:
    assert place_of(ErrorInfo(message, UNDEFINED), sql, by_words=True) == sql.rindex(word)
    assert place_of(ErrorInfo(message, UNDEFINED), sql) is None


@pytest.mark.parametrize(
    ("message", "sql"),
    [
        ('column "a" does not exist', "select a from t where a = 1"),
        ('column "a" does not exist', "select b from t"),
        ('syntax error at or near "selct"', "do $$begin execute 'selct 1'; end$$"),
        ('syntax error at or near "selct"', "select run('selct 1')"),
        ('relation "t" does not exist', "alter table t add a int"),
        ('type "t" does not exist', "drop type t"),
        ('duplicate key value violates unique constraint "t"', "insert into t values (1)"),
        ('invalid input syntax for type integer: "abc"', "select 'abc'::int"),
    ],
)
def test_where_the_words_are_not_certain_there_is_no_place(message: str, sql: str) -> None:
    assert place_of(ErrorInfo(message, UNDEFINED), sql, by_words=True) is None


def test_the_end_of_input_is_a_place() -> None:
    assert excerpt("select 1 where \n", 16) == "line 1: select 1 where\n                      ^"
    assert place_of(ErrorInfo("syntax error at end of input", "42601"), "select", by_words=True) == 6


# -- the line -------------------------------------------------------------------------------------------------


def shown(sql: str, word: str) -> tuple[str, str]:
    """Return the line and the columns before the caret."""
    line, caret = excerpt(sql, sql.index(word)).split("\n")
    assert caret.endswith("^")
    assert caret[:-1].strip() == ""
    return line, caret[:-1]


def test_the_caret_stands_below_the_place() -> None:
    line, before = shown("select 1,\n  nme\nfrom t", "nme")
    assert line == "line 2: nme"
    assert line[len(before) :] == "nme"


@pytest.mark.parametrize("lead", ["\t", "\t\t a", "é", "e\u0301", "a\u200bb\u202e", "\r"])
def test_tabs_accents_and_what_is_invisible(lead: str) -> None:
    line, before = shown(f"select 1,\n{lead}nme", "nme")
    assert line.isprintable()
    columns = len(before) + sum(char == "\u0301" for char in line)
    assert line[columns:] == "nme"


@pytest.mark.parametrize(("wide", "columns"), [("漢字", 4), ("😀", 2), ("한글", 4), ("ｱ", 1), ("\uff21", 2)])
def test_wide_characters_count_for_two_columns(wide: str, columns: int) -> None:
    _, before = shown(f'select "{wide}", nme', "nme")
    assert len(before) == len("line 1: ") + len('select "", ') + columns


def test_windows_line_ends() -> None:
    line, before = shown("select 1,\r\n  nme\r\nfrom t", "nme")
    assert (line, len(before)) == ("line 2: nme", 8)


def test_a_long_line_is_cut_on_both_sides() -> None:
    sql = f"select {'aaaa, ' * 200} nme, {'bbbb, ' * 200} 1"
    line, before = shown(sql, "nme")
    assert len(line) == len("line 1: ") + WIDTH
    assert line.startswith("line 1: ...")
    assert line.endswith("...")
    assert line[len(before) :].startswith("nme, bbbb")
    line, before = shown(f"select nme, {'漢' * 200}", "nme")
    assert line[len(before) :].startswith("nme, ")
    assert len(line) < WIDTH


def test_contents_of_literals_are_hidden_and_columns_stay() -> None:
    line, before = shown("select 's3cret', E'a\\'b', $x$s3cret$x$, U&'s3', nme", "nme")
    assert "s3" not in line
    assert line[len(before) :] == "nme"
    assert shown("select 's3cret'::int", "'s3cret'")[0] == "line 1: select '******'::int"


def test_the_body_of_a_routine_is_code_when_the_place_is_in_it() -> None:
    sql = "create function f() returns int language sql as $f$\nselect 's3cret', nme\n$f$"
    assert shown(sql, "nme")[0] == "line 2: select '******', nme"
    assert "nme" not in without_literals(sql)


@pytest.mark.parametrize(
    ("sql", "hidden"),
    [
        ("select 'a''b', \"it's\" -- 'c'", "select '****', \"it's\" -- 'c'"),
        ("select 'a\nb'", "select '*\n*'"),
        ("select 'never closed", "select '************"),
        ("select $$never closed", "select $$************"),
        ("select $1, $2 /* 'x' */", "select $1, $2 /* 'x' */"),
        ("select ''", "select ''"),
        ("", ""),
    ],
)
def test_what_a_literal_is(sql: str, hidden: str) -> None:
    assert without_literals(sql) == hidden


def test_literals_are_spans_with_their_quotes() -> None:
    sql = "select 'a', $x$b$x$"
    assert [sql[start:end] for start, end in literals(sql)] == ["'a'", "$x$b$x$"]


def test_a_brief_statement_is_one_short_line() -> None:
    assert brief("select  'x'\n\tfrom t") == "select '*' from t"
    assert brief("select " + "a, " * 100) == ("select " + "a, " * 100)[:57] + "..."
