from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sqlspec.core.sqlfiles import NamedStatement, normalize_name, parse_sql_sections
from sqlspec.exceptions import ImproperConfigurationError, SQLParsingError
from sqlspec.sqlfiles import load_sql_files

if TYPE_CHECKING:
    from pathlib import Path


def parse(text: str) -> list[NamedStatement]:
    return parse_sql_sections(text, source="q.sql")


def names(text: str) -> list[str]:
    return [statement.name for statement in parse(text)]


def test_sections_carry_text_and_place() -> None:
    text = "-- Users.\n\n-- name: get_user\nselect *\n  from users where id = :id;\n\n-- name: count\nselect 1\n"
    assert parse(text) == [
        NamedStatement("get_user", "select *\n  from users where id = :id;", "q.sql", 3),
        NamedStatement("count", "select 1", "q.sql", 7),
    ]
    assert parse(text)[1].place == "q.sql:7"


def test_comments_inside_a_section_are_kept_as_written() -> None:
    (statement,) = parse("-- name: a\n-- why\nselect 1 /* in */ -- out\n")
    assert statement.sql == "-- why\nselect 1 /* in */ -- out"


@pytest.mark.parametrize("text", ["", "\n \t\n", "\ufeff", "-- only a remark\n/* and /* another */ one */"])
def test_text_without_sql_holds_nothing(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("-- name: a", "a"),
        ("--name:a", "a"),
        ("\t --  name :\ta  ", "a"),
        ("-- name: get-user.by-id_2", "get_user.by_id_2"),
        ("\ufeff-- name: a", "a"),
    ],
)
def test_spellings_of_a_header(header: str, name: str) -> None:
    assert names(f"{header}\nselect 1") == [name]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_line_breaks_of_every_platform(line_break: str) -> None:
    text = line_break.join(["", "-- name: a", "select 1", "-- name: b", "select 2", ""])
    assert [(s.name, s.sql, s.line) for s in parse(text)] == [("a", "select 1", 2), ("b", "select 2", 4)]


@pytest.mark.parametrize(
    "body",
    [
        "select '\n-- name: x\n'",
        "select 'it''s\n-- name: x\n'",
        "select E'\\'\n-- name: x\n'",
        "select E'a'\n  '\\'\n-- name: x\n'",
        "select e'''\n-- name: x\n'",
        'select 1 as "\n-- name: x\n"',
        "select $$\n-- name: x\n$$",
        "do $body$ begin perform $$'$$; \n-- name: x\n end $body$",
        "select $é$\n-- name: x\n$é$",
        "select 1 /*\n-- name: x\n*/",
        "select 1 /* /* */\n-- name: x\n*/",
        "select 1 -- name: x",
        "select 1\n-- Name: x; Type: TABLE",
        "select 1\n-- the name: x",
    ],
)
def test_not_a_header(body: str) -> None:
    (first, second) = parse(f"-- name: a\n{body}\n-- name: b\nselect 2")
    assert (first.name, first.sql, second.name) == ("a", body, "b")


@pytest.mark.parametrize(
    "body",
    [
        "select '\\'",  # a backslash is no escape in a plain literal
        "select type'\\'",  # the e of `type` is not the prefix of an escape string
        "select a$b, c$b from t",  # a dollar inside an identifier opens nothing
        "select $1, $2",
        "select U&'\\0041'",
        "select 'quote in' -- a comment's quote",
        'select 1 -- "',
        "select 1 - -1 / 2 * 3",
    ],
)
def test_content_that_only_looks_quoted(body: str) -> None:
    assert names(f"-- name: a\n{body}\n-- name: b\nselect 2") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- x\nselect 1;\n-- name: a\nselect 1", r"q\.sql:2: there is SQL before the first name"),
        ("select 1", r"q\.sql:1: there is SQL before the first name"),
        (";\n-- name: a\nselect 1", r"q\.sql:1: there is SQL before the first name"),
        ("-- name: a\n\n-- name: b\nselect 1", r"q\.sql:1: the section 'a' has no SQL"),
        ("-- name: a\nselect 1\n-- name: b\n-- later\n ; /* */", r"q\.sql:3: the section 'b' has no SQL"),
        ("\n-- name:\nselect 1", r"q\.sql:2: the name is missing"),
        ("-- name: get user\nselect 1", r"q\.sql:1: 'get user' is not a name"),
        ("-- name: größe\nselect 1", r"q\.sql:1: 'größe' is not a name"),
        ("-- name: get^\nselect 1", r"q\.sql:1: 'get\^' is not a name"),
        (
            "-- name: a\nselect '1\n-- name: b\nselect 2",
            r"q\.sql:2: a quoted part has no end; close it with '",
        ),
        ('-- name: a\nselect "1', r'q\.sql:2: a quoted part has no end; close it with "'),
        ("-- name: a\nselect $x$ $$", r"q\.sql:2: a quoted part has no end; close it with \$x\$"),
        ("-- name: a\nselect E'\\'", r"q\.sql:2: a string has no end"),
        ("-- name: a\nselect 1\n/* /* */", r"q\.sql:3: a block comment has no end"),
    ],
)
def test_malformed_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SQLParsingError, match=message):
        parse(text)


def test_a_name_taken_twice_names_both_places() -> None:
    with pytest.raises(SQLParsingError, match=r"q\.sql:4: the name 'a_b' is already taken at q\.sql:1"):
        parse("-- name: a-b\nselect 1\n\n-- name: a_b\nselect 2")


def test_dash_and_underscore_are_equal_in_names() -> None:
    assert normalize_name("get-user.by-id") == normalize_name("get_user.by_id") == "get_user.by_id"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_folders_are_read_deeply_and_in_order(tmp_path: Path) -> None:
    b = write(tmp_path / "b.sql", "-- name: second\nselect 2")
    a = write(tmp_path / "a" / "deep" / "z.sql", "-- name: first\nselect 'ä'")
    write(tmp_path / "a" / "notes.txt", "not SQL")
    (tmp_path / "a" / "folder.sql").mkdir()
    assert list(load_sql_files(tmp_path)) == [
        NamedStatement("first", "select 'ä'", str(a), 1),
        NamedStatement("second", "select 2", str(b), 1),
    ]


def test_a_file_may_have_any_name_and_is_read_once(tmp_path: Path) -> None:
    other = write(tmp_path / "queries.txt", "-- name: x\nselect 1")
    inside = write(tmp_path / "a.sql", "-- name: y\nselect 1")
    loaded = load_sql_files(str(other), tmp_path, inside)
    assert [statement.name for statement in loaded] == ["x", "y"]


def test_a_name_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path / "a.sql", "-- name: same\nselect 1")
    write(tmp_path / "b.sql", "\n-- name: same\nselect 1")
    with pytest.raises(SQLParsingError, match=r"b\.sql:2: the name 'same' is already taken at .*a\.sql:1"):
        load_sql_files(tmp_path)


def test_missing_path_is_an_error_before_anything_is_handed_out(tmp_path: Path) -> None:
    good = write(tmp_path / "a.sql", "-- name: x\nselect 1")
    with pytest.raises(ImproperConfigurationError, match=r"gone: no such file or folder"):
        load_sql_files(good, tmp_path / "gone")


def test_folder_without_sql_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImproperConfigurationError, match=r"the folder holds no \*\.sql"):
        load_sql_files(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_line(tmp_path: Path) -> None:
    (tmp_path / "latin.sql").write_bytes(b"-- name: x\n\nselect '\xe4'")
    with pytest.raises(SQLParsingError, match=r"latin\.sql:3: byte 0xe4 is not UTF-8"):
        load_sql_files(tmp_path)
